use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use josekit::jws::alg::{eddsa::EddsaJwsAlgorithm, hmac::HmacJwsAlgorithm};
use serde_json::{Value, json};

use super::*;

mod keys;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

fn issuer(secret: &[u8], previous: Option<&[u8]>) -> Issuer {
    Issuer {
        name: "https://fabric.example".into(),
        current: SigningKey::new(secret).unwrap(),
        previous: previous.map(|secret| SigningKey::new(secret).unwrap()),
    }
}

fn claims() -> Claims {
    Claims {
        iss: "https://fabric.example".into(),
        sub: PrincipalId::generate(),
        aud: "foc_1".into(),
        exp: NOW + 7200,
        nbf: NOW,
        iat: NOW,
        jti: TokenId::generate(),
        app_id: Some(AppId::generate()),
        amr: vec!["pwd".into()],
        grant: Grant::Session { sid: SessionId::generate(), account: AccountId::generate(), epoch: 3 },
    }
}

/// Signs whatever it is told to, under any header.
fn forge(secret: &[u8], header: &Value, payload: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let key = PKey::hmac(secret).unwrap();
    let mac = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(mac))
}

fn code(result: Result<Claims>) -> Code {
    result.unwrap_err().code
}

#[test]
fn what_we_sign_we_read() {
    let issuer = issuer(SECRET, None);
    for grant in [
        claims().grant,
        Grant::App { secret: ClientSecretId::generate() },
        Grant::Exchange { account: AccountId::generate(), epoch: 0, act: Actor { sub: "foc_1".into() } },
    ] {
        let claims = Claims { grant, ..claims() };
        let token = issuer.sign(&claims).unwrap();
        assert_eq!(issuer.read(&token, None, at(NOW)).unwrap(), claims);
    }
}

#[test]
fn time_is_kept() {
    let issuer = issuer(SECRET, None);
    let token = issuer.sign(&claims()).unwrap();
    assert!(issuer.read(&token, None, at(NOW + 7199)).is_ok());
    assert_eq!(code(issuer.read(&token, None, at(NOW + 7200))), Code::TokenExpired);
    assert_eq!(code(issuer.read(&token, None, at(NOW - 60))), Code::Unauthorized);
    assert!(issuer.read_at_any_time(&token, None).is_some());
}

/// Attack 13: another algorithm, none at all, or a key of the attacker's own.
#[test]
fn only_our_algorithm_with_our_key() {
    let issuer = issuer(SECRET, None);
    let payload = serde_json::to_value(claims()).unwrap();
    let read = |token: &str| issuer.read(token, None, at(NOW));
    let good = json!({"alg": "HS256", "typ": "at+jwt"});
    assert!(read(&forge(SECRET, &good, &payload)).is_ok(), "the forger knows the format");

    let own_key = json!({"kty": "oct", "k": BASE64.encode(b"attacker attacker attacker attack")});
    for header in [
        json!({"alg": "none", "typ": "at+jwt"}),
        json!({"alg": "None", "typ": "at+jwt"}),
        json!({"alg": "HS384", "typ": "at+jwt"}),
        json!({"alg": "RS256", "typ": "at+jwt"}),
        json!({"typ": "at+jwt"}),
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "typ": "JWT"}),
        json!({"alg": "HS256", "typ": "at+jwt", "crit": ["b64"], "b64": false}),
    ] {
        assert_eq!(code(read(&forge(SECRET, &header, &payload))), Code::Unauthorized, "{header}");
    }
    for header in [
        json!({"alg": "HS256", "typ": "at+jwt", "jwk": own_key}),
        json!({"alg": "HS256", "typ": "at+jwt", "jku": "https://evil.example/jwks.json"}),
        json!({"alg": "HS256", "typ": "at+jwt", "x5u": "https://evil.example/cert.pem"}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "../../dev/null"}),
        json!({"alg": "HS256", "typ": "at+jwt", "kid": "' OR '1'='1"}),
    ] {
        let token = forge(b"attacker attacker attacker attack", &header, &payload);
        assert_eq!(code(read(&token)), Code::Unauthorized, "{header}");
    }
    let (unsigned, _) = forge(SECRET, &json!({"alg": "none", "typ": "at+jwt"}), &payload)
        .rsplit_once('.')
        .map(|(message, mac)| (format!("{message}."), mac.to_owned()))
        .unwrap();
    assert_eq!(code(read(&unsigned)), Code::Unauthorized);
    let pair = EddsaJwsAlgorithm::Eddsa.generate_key_pair(josekit::jwk::alg::ed::EdCurve::Ed25519).unwrap();
    let signer = EddsaJwsAlgorithm::Eddsa.signer_from_pem(pair.to_pem_private_key()).unwrap();
    let mut header = JwsHeader::new();
    header.set_token_type(TYPE);
    let token = jws::serialize_compact(payload.to_string().as_bytes(), &header, &signer).unwrap();
    assert_eq!(code(read(&token)), Code::Unauthorized);
}

/// Attack 15: claims that are missing, absurd, or another's.
#[test]
fn claims_are_complete_and_ours() {
    let issuer = issuer(SECRET, None);
    let header = json!({"alg": "HS256", "typ": "at+jwt"});
    let with = |name: &str, value: Value| {
        let mut payload = serde_json::to_value(claims()).unwrap();
        payload[name] = value;
        issuer.read(&forge(SECRET, &header, &payload), None, at(NOW))
    };
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!(1e20)),
        ("exp", json!(-1)),
        ("exp", json!("tomorrow")),
        ("nbf", json!(NOW + 3600)),
        ("iat", json!(NOW + 3600)),
        ("iss", json!("https://evil.example")),
        ("iss", json!(null)),
        ("aud", json!(null)),
        ("sub", json!("alice")),
        ("kind", json!("refresh")),
        ("sid", json!(null)),
    ] {
        assert_eq!(code(with(name, value.clone())), Code::Unauthorized, "{name} = {value}");
    }
    for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "kind", "account", "epoch"] {
        let mut payload = serde_json::to_value(claims()).unwrap();
        payload.as_object_mut().unwrap().remove(name);
        let token = forge(SECRET, &header, &payload);
        assert_eq!(code(issuer.read(&token, None, at(NOW))), Code::Unauthorized, "without {name}");
    }
    assert_eq!(code(with("exp", json!(NOW - 1))), Code::TokenExpired);
}

/// Attack 16: a token that was cut, stretched or written another way.
#[test]
fn a_bent_token_is_no_token() {
    let issuer = issuer(SECRET, None);
    let token = issuer.sign(&claims()).unwrap();
    for bent in [
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!("{token}."),
        token.to_lowercase(),
        token.replacen('.', "..", 1),
        "a".repeat(100_000),
        String::new(),
        "..".to_owned(),
    ] {
        assert_eq!(code(issuer.read(&bent, None, at(NOW))), Code::Unauthorized, "{bent:.40}");
    }
}

/// Attack 17: a key that was rotated out.
#[test]
fn the_previous_key_is_believed_and_the_one_before_is_not() {
    let (old, new) = (b"old old old old old old old old old", b"new new new new new new new new new");
    let token = issuer(old, None).sign(&claims()).unwrap();
    assert!(issuer(new, Some(old)).read(&token, None, at(NOW)).is_ok());
    assert_eq!(code(issuer(new, None).read(&token, None, at(NOW))), Code::Unauthorized);
}

#[test]
fn weak_secrets_are_refused() {
    assert_eq!(SigningKey::new(&SECRET[..31]).unwrap_err().code, Code::InvalidSetting);
    assert_eq!(HmacJwsAlgorithm::Hs256.name(), "HS256");
}

#[test]
fn supabase_tokens_are_of_signed_in_people_and_of_the_named_issuer() {
    let supabase = Supabase { key: SigningKey::new(SECRET).unwrap(), issuer: Some("https://x.supabase.co".into()) };
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let payload = json!({
        "iss": "https://x.supabase.co", "sub": "123", "aud": "authenticated", "role": "authenticated",
        "email": "a@example.com", "iat": NOW, "exp": NOW + 3600,
    });
    assert_eq!(supabase.read(&forge(SECRET, &header, &payload), at(NOW)).unwrap().sub, "123");
    for (name, value) in [
        ("iss", json!("https://y.supabase.co")),
        ("iss", json!(null)),
        ("aud", json!("anon")),
        ("role", json!("service_role")),
        ("role", json!("anon")),
        ("sub", json!("")),
        ("exp", json!(null)),
        ("iat", json!(NOW + 100)),
        ("is_anonymous", json!(true)),
    ] {
        let mut payload = payload.clone();
        payload[name] = value.clone();
        let token = forge(SECRET, &header, &payload);
        assert_eq!(supabase.read(&token, at(NOW)).unwrap_err().code, Code::Unauthorized, "{name} = {value}");
    }
    assert!(issuer(SECRET, None).read(&forge(SECRET, &header, &payload), None, at(NOW)).is_err(), "not one of ours");
}
