//! Keycloak: the users of a realm's export, with credentials as it keeps them since version 10, and as it did before.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use identity::{PasswordHash, password::Digest};
use serde_json::{Map, Value};

use super::{Found, email, imported, joined, text, truth};
use crate::commands::user_import::records::Record;

pub fn find(record: &Record) -> Result<Found, String> {
    let of_password = |one: &&Value| one.get("type").and_then(Value::as_str) == Some("password");
    let credentials = record.get("credentials").and_then(Value::as_array);
    let credential = credentials.and_then(|all| all.iter().find(of_password)).and_then(Value::as_object);
    let attributes = record.get("attributes").filter(|attributes| attributes.is_object()).cloned();
    let attributes = attributes.map(|attributes| Map::from_iter([("attributes".to_owned(), attributes)]));
    // A name that is an address was proven by nobody.
    let verified = truth(record, "emailVerified") && text(record, "email").is_some();
    Ok(Found {
        email: email(record, &["email", "username"])?,
        verified,
        display_name: joined(record, "firstName", "lastName"),
        metadata: imported("keycloak", text(record, "id"), attributes),
        disabled: record.get("enabled") == Some(&Value::Bool(false)),
        password: credential.map(|credential| password(credential).map_err(str::to_owned)),
    })
}

fn password(credential: &Map<String, Value>) -> Result<PasswordHash, &'static str> {
    let nonsense = "this credential cannot be read";
    let unpacked = |name| text(credential, name).and_then(|packed| serde_json::from_str::<Map<_, _>>(&packed).ok());
    let (secret, about) = match (unpacked("secretData"), unpacked("credentialData")) {
        (Some(secret), Some(about)) => (secret, about),
        // Before version 10 all of it stood in the credential itself.
        _ => (credential.clone(), credential.clone()),
    };
    let bytes = |name| text(&secret, name).and_then(|text| STANDARD.decode(text).ok());
    let output = bytes("value").or_else(|| bytes("hashedSaltedValue")).ok_or(nonsense)?;
    let salt = bytes("salt").ok_or(nonsense)?;
    let iterations =
        about.get("hashIterations").and_then(Value::as_u64).and_then(|iterations| iterations.try_into().ok());
    let iterations = iterations.ok_or(nonsense)?;
    let digest = match text(&about, "algorithm").as_deref() {
        Some("pbkdf2") => Digest::Sha1,
        Some("pbkdf2-sha256") => Digest::Sha256,
        Some("pbkdf2-sha512") => Digest::Sha512,
        Some("argon2") => return argon2(&about, iterations, &salt, &output).ok_or(nonsense)?,
        _ => return Err("hashes of this kind are not known"),
    };
    PasswordHash::import_pbkdf2(digest, iterations, &salt, &output)
}

/// What Argon2 was asked for stands in lists of texts.
fn argon2(
    about: &Map<String, Value>,
    passes: u32,
    salt: &[u8],
    output: &[u8],
) -> Option<Result<PasswordHash, &'static str>> {
    let more = about.get("additionalParameters")?;
    let said = |name: &str| more.get(name)?.get(0)?.as_str();
    let version = match said("version")? {
        "1.3" => 0x13,
        "1.0" => 0x10,
        _ => return None,
    };
    let (memory, lanes) = (said("memory")?.parse().ok()?, said("parallelism")?.parse().ok()?);
    Some(PasswordHash::import_argon2(said("type")?, version, (memory, passes, lanes), salt, output))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(credential: &Value) -> Found {
        let user = json!({
            "id": "8f", "username": "ada", "email": "a@example.com", "emailVerified": true, "firstName": "Ada",
            "enabled": true, "attributes": { "locale": ["de"] }, "credentials": [{ "type": "otp" }, credential],
        });
        find(user.as_object().unwrap()).unwrap()
    }

    #[test]
    fn credentials_of_now_and_of_before_are_read() {
        let pbkdf2 = json!({
            "type": "password", "secretData": "{\"value\":\"+0FoCzkIjsPS5XbZZ9h/boi3S3HwsAdSS3vcwbdn7j0=\",\"salt\":\"AAECAwQFBgcICQoLDA0ODw==\",\"additionalParameters\":{}}",
            "credentialData": "{\"hashIterations\":1000,\"algorithm\":\"pbkdf2-sha256\",\"additionalParameters\":{}}",
        });
        let argon2 = json!({
            "type": "password", "secretData": "{\"value\":\"tZHv8HuodN+O0keY1fRqnizxFjqBVw8ddF/a/QZBKX4=\",\"salt\":\"AAECAwQFBgcICQoLDA0ODw==\",\"additionalParameters\":{}}",
            "credentialData": "{\"hashIterations\":2,\"algorithm\":\"argon2\",\"additionalParameters\":{\"hashLength\":[\"32\"],\"memory\":[\"256\"],\"type\":[\"id\"],\"version\":[\"1.3\"],\"parallelism\":[\"1\"]}}",
        });
        let before = json!({
            "type": "password", "hashedSaltedValue": "+0FoCzkIjsPS5XbZZ9h/boi3S3HwsAdSS3vcwbdn7j0=",
            "salt": "AAECAwQFBgcICQoLDA0ODw==", "hashIterations": 1000, "algorithm": "pbkdf2-sha256",
        });
        for credential in [pbkdf2, argon2, before] {
            let one = with(&credential);
            assert!(matches!(one.password, Some(Ok(_))), "{one:?}");
            assert!(one.verified && !one.disabled && one.metadata["attributes"]["locale"][0] == "de", "{one:?}");
        }
        let unknown = json!({ "type": "password", "secretData": "{}", "credentialData": "nonsense" });
        assert!(matches!(with(&unknown).password, Some(Err(_))));
    }

    #[test]
    fn a_name_that_is_an_address_stands_for_one() {
        let user = json!({ "username": "a@example.com", "emailVerified": true, "enabled": false });
        let one = find(user.as_object().unwrap()).unwrap();
        assert_eq!((one.email.as_str(), one.disabled, one.password.is_none()), ("a@example.com", true, true));
        assert!(!one.verified);
    }
}
