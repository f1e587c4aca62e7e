//! What the log tells whoever watches for attacks.

use serde_json::json;

use crate::support::{PASSWORD, Site, new_email};

on_both!(a_refused_sign_in_is_a_line_of_its_own);

fn a_refused_sign_in_is_a_line_of_its_own(site: &mut Site) {
    site.set("FABRIC_LOG_FORMAT", "json").set("FABRIC_TRUSTED_PROXIES", "127.0.0.1");
    let server = site.serve();
    let (client, email) = (server.client().with("X-Forwarded-For", "203.0.113.7"), new_email());
    client.sign_up(&email);
    assert_eq!(client.sign_in(&email, PASSWORD).status, 200);
    for _ in 0..5 {
        assert_eq!(client.sign_in(&email, "Wrong-Guess-1").status, 401);
    }
    assert_eq!(client.sign_in(&email, PASSWORD).status, 429);
    let guessed = client.post("/v1/auth/email-code/verify", &json!({ "email": email, "code": "000000" }));
    assert_eq!(guessed.status, 401);
    let log = server.log();
    let refusals: Vec<serde_json::Value> = log
        .lines()
        .filter(|line| line.contains("fabric::security"))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = refusals
        .iter()
        .map(|line| {
            assert_eq!((&line["level"], &line["address"]), (&json!("WARN"), &json!("203.0.113.7")), "{line}");
            assert!(line["request_id"].is_string(), "{line}");
            (line["route"].as_str().unwrap(), line["code"].as_str().unwrap())
        })
        .collect();
    let guess = ("/v1/auth/login", "invalid_credentials");
    let code = ("/v1/auth/email-code/verify", "invalid_credentials");
    assert_eq!(told, [guess, guess, guess, guess, guess, ("/v1/auth/login", "account_locked"), code]);
    let lines = refusals.iter().map(ToString::to_string).collect::<String>();
    assert!(!lines.contains(&email) && !lines.contains("Wrong-Guess"), "{lines}");
}
