//! How others write down who their people are. Each is read from what its makers say of it; what is not understood is left
//! out, but for a password, whose loss is told.

mod keycloak;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use identity::{PasswordHash, password::Digest};
use kernel::{Clock, SystemClock};
use serde_json::{Map, Value, json};

use super::records::Record;
use crate::arguments::ImportSource;

/// Somebody who was found in a file.
#[derive(Debug)]
pub struct Found {
    pub email: String,
    /// Whether the other system vouches for the address.
    pub verified: bool,
    pub display_name: Option<String>,
    pub metadata: Map<String, Value>,
    pub disabled: bool,
    /// The hash, if there is one; or why it is not taken.
    pub password: Option<Result<PasswordHash, String>>,
}

/// Who a record tells of.
///
/// # Errors
/// Why that is nobody, in words.
pub fn find(from: ImportSource, record: &Record) -> Result<Found, String> {
    match from {
        ImportSource::Fabric => own(record),
        ImportSource::Auth0 => auth0(record),
        ImportSource::Clerk => clerk(record),
        ImportSource::Supabase => supabase(record),
        ImportSource::Keycloak => keycloak::find(record),
    }
}

/// `email`, `email_verified`, `display_name`, `password_hash`, `metadata`, `disabled`.
fn own(record: &Record) -> Result<Found, String> {
    Ok(Found {
        email: email(record, &["email"])?,
        verified: truth(record, "email_verified"),
        display_name: text(record, "display_name"),
        metadata: object(record, "metadata").unwrap_or_default(),
        disabled: truth(record, "disabled"),
        password: text(record, "password_hash").map(|hash| password(&hash)),
    })
}

/// What Auth0's support exports with `passwordHash`, and the schema of its own bulk import with `password_hash` or
/// `custom_password_hash`.
fn auth0(record: &Record) -> Result<Found, String> {
    let id = record.get("_id").and_then(|id| id.get("$oid")).and_then(Value::as_str).map(str::to_owned);
    let custom = object(record, "custom_password_hash").map(|custom| {
        match custom.get("hash").and_then(|hash| hash.get("value")).and_then(Value::as_str) {
            Some(hash) if hash.starts_with('$') => password(hash),
            _ => Err("custom_password_hash is taken as a PHC string or bcrypt's alone".to_owned()),
        }
    });
    let hash = text(record, "passwordHash").or_else(|| text(record, "password_hash")).map(|hash| password(&hash));
    Ok(Found {
        email: email(record, &["email"])?,
        verified: truth(record, "email_verified"),
        display_name: text(record, "name").or_else(|| joined(record, "given_name", "family_name")),
        metadata: imported("auth0", id.or_else(|| text(record, "user_id")), object(record, "user_metadata")),
        disabled: truth(record, "blocked"),
        password: hash.or(custom),
    })
}

/// The CSV of Clerk's dashboard.
fn clerk(record: &Record) -> Result<Found, String> {
    let email = email(record, &["primary_email_address"])?;
    let apart = |letter: char| letter.is_whitespace() || ",;|[]\"".contains(letter);
    let verified = text(record, "verified_email_addresses")
        .is_some_and(|all| all.split(apart).any(|one| one.eq_ignore_ascii_case(&email)));
    Ok(Found {
        email,
        verified,
        display_name: joined(record, "first_name", "last_name"),
        metadata: imported("clerk", text(record, "id"), None),
        disabled: truth(record, "banned"),
        password: text(record, "password_digest").map(|hash| password(&hash)),
    })
}

/// Rows of Supabase's `auth.users`.
fn supabase(record: &Record) -> Result<Found, String> {
    if text(record, "deleted_at").is_some() {
        return Err("this account was deleted".to_owned());
    }
    let said = object(record, "raw_user_meta_data");
    let named = |name| said.as_ref().and_then(|said| text(said, name));
    Ok(Found {
        email: email(record, &["email"])?,
        // `confirmed_at` is that of a telephone as well.
        verified: text(record, "email_confirmed_at").is_some(),
        display_name: named("full_name").or_else(|| named("name")),
        disabled: text(record, "banned_until").is_some_and(|until| is_to_come(&until)),
        password: text(record, "encrypted_password").map(|hash| password(&hash)),
        metadata: imported("supabase", text(record, "id"), said),
    })
}

/// Whether a moment is to come, of what is written as PostgreSQL and JSON do: `2024-01-01 00:00:00+00`, `infinity`. What is
/// not understood is.
fn is_to_come(moment: &str) -> bool {
    let seconds = |text: &str| text.get(..19).map(|text| text.replace('T', " "));
    let now = SystemClock.now().to_string();
    match seconds(moment) {
        Some(moment) if moment.starts_with(|first: char| first.is_ascii_digit()) => Some(moment) > seconds(&now),
        _ => true,
    }
}

/// What was known of somebody there, and who they were.
fn imported(from: &str, id: Option<String>, known: Option<Map<String, Value>>) -> Map<String, Value> {
    let mut metadata = known.unwrap_or_default();
    metadata.insert("imported".to_owned(), json!({ "from": from, "id": id.map_or(Value::Null, Value::String) }));
    metadata
}

/// A hash as it is written by itself: `$…`, or as Django writes PBKDF2 (`pbkdf2_sha256$600000$salt$…`), whom Clerk follows.
fn password(hash: &str) -> Result<PasswordHash, String> {
    let parts: Vec<_> = hash.split('$').collect();
    let &[algorithm, iterations, salt, output] = parts.as_slice() else {
        return PasswordHash::import(hash).map_err(str::to_owned);
    };
    let digest = match algorithm {
        "pbkdf2_sha1" => Digest::Sha1,
        "pbkdf2_sha256" => Digest::Sha256,
        "pbkdf2_sha512" => Digest::Sha512,
        _ => return PasswordHash::import(hash).map_err(str::to_owned),
    };
    let nonsense = || "this is no hash of PBKDF2".to_owned();
    let iterations = iterations.parse().map_err(|_| nonsense())?;
    let output = STANDARD.decode(output).map_err(|_| nonsense())?;
    PasswordHash::import_pbkdf2(digest, iterations, salt.as_bytes(), &output).map_err(str::to_owned)
}

fn email(record: &Record, names: &[&str]) -> Result<String, String> {
    let found = names.iter().find_map(|name| text(record, name).filter(|text| text.contains('@')));
    found.ok_or_else(|| "there is no e-mail address".to_owned())
}

/// What stands there, unless it is nothing.
fn text(record: &Record, name: &str) -> Option<String> {
    let said = record.get(name)?.as_str()?.trim();
    (!said.is_empty() && said != "\\N" && !said.eq_ignore_ascii_case("null")).then(|| said.to_owned())
}

fn truth(record: &Record, name: &str) -> bool {
    match record.get(name) {
        Some(Value::Bool(said)) => *said,
        Some(Value::String(said)) => matches!(said.trim().to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "1"),
        Some(Value::Number(said)) => said.as_i64() == Some(1),
        _ => false,
    }
}

/// An object, also one that is written into a cell.
fn object(record: &Record, name: &str) -> Option<Map<String, Value>> {
    match record.get(name)? {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn joined(record: &Record, first: &str, last: &str) -> Option<String> {
    let names: Vec<_> = [first, last].into_iter().filter_map(|name| text(record, name)).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(from: ImportSource, record: &Value) -> Found {
        find(from, record.as_object().unwrap()).unwrap()
    }

    const BCRYPT: &str = "$2b$06$eCG3z3El1zSIEtj53KhWv.y8plHYnXDZ8jHNnms604imOtC5psUB6";

    #[test]
    fn auth0_is_read_as_exported_and_as_it_imports() {
        let exported = json!({
            "_id": { "$oid": "60425dc43519d90068f82973" }, "email_verified": true, "email": "a@example.com",
            "passwordHash": BCRYPT, "tenant": "dev", "connection": "Username-Password-Authentication",
        });
        let one = found(ImportSource::Auth0, &exported);
        assert!(one.verified && !one.disabled && matches!(one.password, Some(Ok(_))), "{one:?}");
        assert_eq!(one.metadata["imported"], json!({ "from": "auth0", "id": "60425dc43519d90068f82973" }));
        let importing = json!({
            "email": "a@example.com", "user_id": "7", "given_name": "Ada", "family_name": "Lovelace", "blocked": true,
            "user_metadata": { "theme": "dark" },
            "custom_password_hash": {
                "algorithm": "pbkdf2",
                "hash": { "value": "$pbkdf2-sha512$i=100000,l=64$AAECAwQFBgcICQoLDA0ODw$lzryegpHocvk6ZCi5NZwlKV0kLvq04bzeLxVYV+T9HhU9y9PUfy8Z2irkcVaw8DYruMO6Ul1Y8hqaRHt5p8XHw", "encoding": "utf8" },
            },
        });
        let one = found(ImportSource::Auth0, &importing);
        assert_eq!((one.display_name.as_deref(), one.disabled, one.verified), (Some("Ada Lovelace"), true, false));
        assert!(matches!(one.password, Some(Ok(_))) && one.metadata["theme"] == "dark", "{one:?}");
        let md5 = json!({
            "email": "a@example.com", "custom_password_hash": { "algorithm": "md5", "hash": { "value": "5f4dcc3b" } },
        });
        assert!(matches!(found(ImportSource::Auth0, &md5).password, Some(Err(_))));
    }

    #[test]
    fn clerk_says_which_addresses_are_proven() {
        let row = json!({
            "id": "user_2b", "first_name": "Ada", "last_name": "Lovelace", "primary_email_address": "a@example.com",
            "verified_email_addresses": "b@example.com,A@example.com", "password_digest": BCRYPT,
            "password_hasher": "bcrypt",
        });
        let one = found(ImportSource::Clerk, &row);
        assert!(one.verified && matches!(one.password, Some(Ok(_))), "{one:?}");
        let django = json!({
            "primary_email_address": "a@example.com", "verified_email_addresses": "aa@example.com",
            "password_digest": "pbkdf2_sha256$1000$seasaltseasalt$hgRK4Dg1DX2Omi4cQF9Yi6EVeVHWOIUOBGC6xLXDpuY=",
        });
        let one = found(ImportSource::Clerk, &django);
        assert!(!one.verified && matches!(one.password, Some(Ok(_))), "{one:?}");
    }

    #[test]
    fn supabase_is_read_from_rows_of_text() {
        let row = json!({
            "id": "0b5b", "email": "a@example.com", "encrypted_password": BCRYPT,
            "email_confirmed_at": "2024-01-01 00:00:00+00", "raw_user_meta_data": "{\"full_name\": \"Ada\"}",
            "banned_until": "\\N", "deleted_at": "NULL",
        });
        let one = found(ImportSource::Supabase, &row);
        assert!(one.verified && !one.disabled && one.display_name.as_deref() == Some("Ada"), "{one:?}");
        let gone = json!({ "email": "a@example.com", "deleted_at": "2024-01-01" });
        assert!(find(ImportSource::Supabase, gone.as_object().unwrap()).is_err());
    }

    #[test]
    fn nobody_is_found_without_an_address() {
        for record in [json!({}), json!({ "email": "" }), json!({ "email": 7 }), json!({ "email": "nonsense" })] {
            assert!(find(ImportSource::Fabric, record.as_object().unwrap()).is_err(), "{record}");
        }
    }
}
