//! Tokens that keys sign.

use super::*;
use crate::signing_key::{SigningAlgorithm, SigningAlgorithm::EdDsa};

fn pair(algorithm: SigningAlgorithm) -> KeyPair {
    KeyPair::generate(algorithm, 2048).unwrap()
}

/// Signs whatever it is told to, under any header: the forger has the key and knows the format.
fn forge_with(pair: &KeyPair, header: &Value, payload: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let signature = pair.signer().sign(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(signature))
}

fn good_header(pair: &KeyPair) -> Value {
    json!({ "alg": pair.public().algorithm().name(), "typ": "at+jwt", "kid": pair.public().id().to_string() })
}

#[test]
fn what_a_key_signs_its_public_half_reads_and_no_other_key() {
    let issuer = issuer(SECRET, None);
    for algorithm in SigningAlgorithm::ALL {
        let (one, other) = (pair(algorithm), pair(algorithm));
        let (claims, token) = (claims(), claims().sign_with(&one).unwrap());
        assert_eq!(SignedBy::of(&token), Some(SignedBy::Key(one.public().id())));
        let read = issuer.read(&token, Some(one.public()), at(NOW)).unwrap();
        assert_eq!((read.iss, read.exp), (claims.iss, claims.exp));
        assert_eq!(code(issuer.read(&token, Some(other.public()), at(NOW))), Code::Unauthorized);
        assert_eq!(code(issuer.read(&token, None, at(NOW))), Code::Unauthorized, "the secret verifies no key's token");
        let by_secret = issuer.sign(&super::claims()).unwrap();
        assert_eq!(SignedBy::of(&by_secret), Some(SignedBy::Secret));
        assert_eq!(
            code(issuer.read(&by_secret, Some(one.public()), at(NOW))),
            Code::Unauthorized,
            "nor a key a secret's"
        );
    }
}

/// Attack 13: the token says how it was signed, and is not asked.
#[test]
fn the_key_knows_its_algorithm_and_the_token_has_no_say() {
    let issuer = issuer(SECRET, None);
    let payload = serde_json::to_value(claims()).unwrap();
    for algorithm in SigningAlgorithm::ALL {
        let pair = pair(algorithm);
        let (kid, name) = (pair.public().id().to_string(), algorithm.name());
        let read = |token: &str| issuer.read(token, Some(pair.public()), at(NOW));
        assert!(read(&forge_with(&pair, &good_header(&pair), &payload)).is_ok(), "the forger knows the format");
        for other in
            ["none", "None", "HS256", "HS384", "RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519", ""]
        {
            if other != name {
                let header = json!({ "alg": other, "typ": "at+jwt", "kid": kid });
                assert_eq!(code(read(&forge_with(&pair, &header, &payload))), Code::Unauthorized, "{name} as {other}");
            }
        }
        // The public half as the secret of an HMAC, in every form that it is known in.
        let jwk = serde_json::to_string(pair.public().jwk()).unwrap();
        for secret in [pair.public().to_pem(), pair.public().to_pem().trim_end(), &jwk, &kid] {
            for header in
                [json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }), json!({ "alg": "HS256", "typ": "at+jwt" })]
            {
                let token = forge(secret.as_bytes(), &header, &payload);
                assert_eq!(code(read(&token)), Code::Unauthorized, "{header}");
                assert_eq!(code(issuer.read(&token, None, at(NOW))), Code::Unauthorized, "{header}");
            }
        }
        let unsigned = forge_with(&pair, &json!({ "alg": "none", "typ": "at+jwt", "kid": kid }), &payload);
        let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
        assert_eq!(code(read(&format!("{unsigned}."))), Code::Unauthorized);
    }
}

/// Attack 13: whoever brings a key along, or says where there is one, is not listened to, not even under our signature.
#[test]
fn a_header_has_what_ours_have_and_nothing_else() {
    let (issuer, pair, attackers) = (issuer(SECRET, None), pair(EdDsa), pair(EdDsa));
    let payload = serde_json::to_value(claims()).unwrap();
    for (name, value) in [
        ("jwk", serde_json::to_value(attackers.public().jwk()).unwrap()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!(null)),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' OR '1'='1")),
        ("kid", json!("|id")),
        ("kid", json!("")),
        ("kid", json!(7)),
        ("kid", json!([pair.public().id().to_string()])),
        ("kid", json!(attackers.public().id().to_string())),
    ] {
        let mut header = good_header(&pair);
        header[name] = value;
        for by in [&pair, &attackers] {
            let token = forge_with(by, &header, &payload);
            for key in [None, Some(pair.public())] {
                assert_eq!(code(issuer.read(&token, key, at(NOW))), Code::Unauthorized, "{header}");
            }
        }
    }
    for name in ["alg", "typ", "kid"] {
        let mut header = good_header(&pair);
        header.as_object_mut().unwrap().remove(name);
        let token = forge_with(&pair, &header, &payload);
        assert_eq!(code(issuer.read(&token, Some(pair.public()), at(NOW))), Code::Unauthorized, "without {name}");
    }
    // Two members of one name, of which another reader might take the other.
    let twice = good_header(&pair).to_string().replace(r#""typ":"#, r#""typ":"JWT","typ":"#);
    let message = format!("{}.{}", BASE64.encode(twice), BASE64.encode(payload.to_string()));
    let signature = BASE64.encode(pair.signer().sign(message.as_bytes()).unwrap());
    assert_eq!(code(issuer.read(&format!("{message}.{signature}"), Some(pair.public()), at(NOW))), Code::Unauthorized);
}

/// Attack 15: claims that are missing, absurd, or another's, under each algorithm and under our own signature.
#[test]
fn claims_are_complete_and_ours_whoever_signed_them() {
    let issuer = issuer(SECRET, None);
    for algorithm in SigningAlgorithm::ALL {
        let pair = pair(algorithm);
        let read = |payload: &Value| {
            issuer.read(&forge_with(&pair, &good_header(&pair), payload), Some(pair.public()), at(NOW))
        };
        let good = serde_json::to_value(claims()).unwrap();
        assert!(read(&good).is_ok());
        for (name, value, refusal) in [
            ("exp", json!(null), Code::Unauthorized),
            ("exp", json!(1e20), Code::Unauthorized),
            ("exp", json!("tomorrow"), Code::Unauthorized),
            ("exp", json!(NOW), Code::TokenExpired),
            ("nbf", json!(NOW + 60), Code::Unauthorized),
            ("iat", json!(NOW + 60), Code::Unauthorized),
            ("iss", json!("https://evil.example"), Code::Unauthorized),
            ("aud", json!(null), Code::Unauthorized),
            ("kind", json!("refresh"), Code::Unauthorized),
        ] {
            let mut payload = good.clone();
            payload[name] = value.clone();
            assert_eq!(code(read(&payload)), refusal, "{}: {name} = {value}", algorithm.name());
        }
        for name in ["exp", "nbf", "iat", "iss", "aud", "sub", "jti", "kind"] {
            let mut payload = good.clone();
            payload.as_object_mut().unwrap().remove(name);
            assert_eq!(code(read(&payload)), Code::Unauthorized, "{} without {name}", algorithm.name());
        }
        let mut skewed = good;
        (skewed["nbf"], skewed["iat"]) = (json!(NOW + 5), json!(NOW + 5));
        assert!(read(&skewed).is_ok(), "two clocks may be a little apart");
    }
}

/// Attack 16: a token that was cut, stretched or written another way.
#[test]
fn a_bent_token_is_no_token_whoever_signed_it() {
    let issuer = issuer(SECRET, None);
    for algorithm in SigningAlgorithm::ALL {
        let pair = pair(algorithm);
        let token = claims().sign_with(&pair).unwrap();
        let (message, _) = token.rsplit_once('.').unwrap();
        for bent in [
            token[..token.len() - 1].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            format!("{token}."),
            format!("{message}."),
            format!("{message}.{}", BASE64.encode([0; 64])),
            token.replacen('.', "..", 1),
        ] {
            assert_eq!(
                code(issuer.read(&bent, Some(pair.public()), at(NOW))),
                Code::Unauthorized,
                "{}",
                algorithm.name()
            );
        }
    }
}
