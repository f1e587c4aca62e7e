//! Sign-in at another provider, where Fabric itself goes there: providers that say what does not hold, and issuers that are
//! none.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use identity::{SigningAlgorithm, signing_key::KeyPair};
use outbound::Networks;
use serde_json::{Value, json};
use testbed::sink::Sink;

use crate::support::{App, CLIENT_SECRET, Person, Provider, World, header_of, part, query_of, sign, sign_with};

on_both!(
    attack_13_an_id_token_is_signed_by_the_issuer,
    attack_15_an_id_token_is_of_this_issuer_for_this_client_and_now,
    attack_15_an_id_token_goes_with_its_access_token_whichever_key_signs,
    attack_24_an_address_that_is_not_proven_links_nobody_here,
    attack_26_odd_subjects_come_to_nothing,
    attack_45_issuers_lead_nowhere_inside,
);

async fn place(world: &World) -> (World, App, Provider) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    (world, app, provider)
}

/// Whether somebody comes in with an ID token.
async fn comes_in(
    world: &World,
    app: &App,
    provider: &Provider,
    write: impl FnOnce(&Value) -> String,
    changes: &Value,
) -> bool {
    let trip = world.away(Some(app), "acme").await;
    provider.hands_out(write(&provider.claims(&trip, changes)));
    let back = world.come_back(&trip).await;
    let told = query_of(&back.leads_to());
    assert!(told.contains_key("code") || told["error"] == "access_denied", "{told:?}");
    told.contains_key("code")
}

/// How somebody writes a token of these claims.
type Write<'a> = Box<dyn FnOnce(&Value) -> String + 'a>;

async fn attack_13_an_id_token_is_signed_by_the_issuer(world: &World) {
    let (world, app, provider) = &place(world).await;
    let (pair, other) = (&provider.pair, KeyPair::generate(SigningAlgorithm::Es256, 2048).unwrap());
    let kid = &header_of(pair)["kid"];
    let es256 = json!({ "alg": "ES256", "kid": kid });
    let pem = pair.public().to_pem();
    let nothing = json!({});
    let good = |claims: &Value| sign_with(pair, &es256, claims);
    assert!(comes_in(world, app, provider, good, &nothing).await);
    let forged: Vec<(&str, Write<'_>)> = vec![
        ("none", Box::new(|claims| format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims)))),
        ("None", Box::new(|claims| format!("{}.{}.", part(&json!({ "alg": "None", "kid": kid })), part(claims)))),
        ("the client secret", Box::new(|claims| sign(CLIENT_SECRET, &json!({ "alg": "HS256" }), claims))),
        (
            "the client secret, by id",
            Box::new(|claims| sign(CLIENT_SECRET, &json!({ "alg": "HS256", "kid": kid }), claims)),
        ),
        ("the public key", Box::new(|claims| sign(pem, &json!({ "alg": "HS256", "kid": kid }), claims))),
        ("another key", Box::new(|claims| sign_with(&other, &es256, claims))),
        (
            "another key of its own",
            Box::new(|claims| {
                let header = json!({ "alg": "ES256", "jwk": other.public().jwk() });
                sign_with(&other, &header, claims)
            }),
        ),
        (
            "another key, named elsewhere",
            Box::new(|claims| {
                let header = json!({ "alg": "ES256", "kid": "../../etc/passwd", "jku": "http://127.0.0.1:1/keys" });
                sign_with(&other, &header, claims)
            }),
        ),
        (
            "no signature",
            Box::new(|claims| {
                let token = sign_with(pair, &es256, claims);
                token.rsplit_once('.').unwrap().0.to_owned() + "."
            }),
        ),
        (
            "another's words",
            Box::new(|claims| {
                let token = sign_with(pair, &es256, claims);
                let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
                let mut claims = claims.clone();
                claims["sub"] = json!("bob-there");
                format!("{header}.{}.{signature}", part(&claims))
            }),
        ),
    ];
    for (how, write) in forged {
        let trip = world.away(Some(app), "acme").await;
        provider.hands_out(write(&provider.claims(&trip, &nothing)));
        let told = query_of(&world.come_back(&trip).await.leads_to());
        assert!(!told.contains_key("code") && told.contains_key("error"), "{how}: {told:?}");
    }
}

async fn attack_15_an_id_token_is_of_this_issuer_for_this_client_and_now(world: &World) {
    let (world, app, provider) = &place(world).await;
    let header = json!({ "alg": "ES256", "kid": header_of(&provider.pair)["kid"] });
    for wrong in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another" }),
        json!({ "aud": ["another"] }),
        json!({ "aud": ["client", "another"] }),
        json!({ "azp": "another" }),
        json!({ "iss": "https://another.example" }),
        json!({ "iss": format!("{}/", provider.issuer()) }),
        json!({ "exp": 1_000_000_000 }),
    ] {
        let write = |claims: &Value| sign_with(&provider.pair, &header, claims);
        assert!(!comes_in(world, app, provider, write, &wrong).await, "{wrong}");
    }
    // What lacks something that has to be there is no ID token at all.
    for lacking in [json!({ "aud": null }), json!({ "exp": null }), json!({ "iss": null }), json!({ "sub": null })] {
        let trip = world.away(Some(app), "acme").await;
        provider.identifies(&trip, &lacking);
        let told = query_of(&world.come_back(&trip).await.leads_to());
        assert!(!told.contains_key("code"), "{lacking}");
    }
    let write = |claims: &Value| sign_with(&provider.pair, &header, claims);
    assert!(comes_in(world, app, provider, write, &json!({ "azp": "client" })).await);
}

async fn attack_15_an_id_token_goes_with_its_access_token_whichever_key_signs(world: &World) {
    let (world, app, provider) = &place(world).await;
    let hash = |token: &str| BASE64.encode(&openssl::sha::sha256(token.as_bytes())[..16]);
    let mut provider = provider.clone();
    for rotated in [false, true] {
        if rotated {
            provider.pair = Arc::new(KeyPair::generate(SigningAlgorithm::Es256, 2048).unwrap());
            provider.has_keys(&[&provider.pair]);
        }
        let header = json!({ "alg": "ES256", "kid": header_of(&provider.pair)["kid"] });
        let write = |claims: &Value| sign_with(&provider.pair, &header, claims);
        // First, so that it is this one for which the new keys are fetched.
        for wrong in [hash("another token"), String::new()] {
            assert!(!comes_in(world, app, &provider, write, &json!({ "at_hash": wrong })).await, "{rotated}: {wrong}");
        }
        assert!(comes_in(world, app, &provider, write, &json!({ "at_hash": hash("token-there") })).await, "{rotated}");
    }
}

async fn attack_24_an_address_that_is_not_proven_links_nobody_here(world: &World) {
    let (world, app, provider) = &place(world).await;
    let alice = world.sign_up(Some(app), "alice").await;
    for said in [json!({ "email_verified": false }), json!({ "email_verified": null })] {
        let told = world.sign_in_at(app, provider, &said).await;
        told.refused(403, "email_not_verified");
    }
    world.get("/v1/me").by(&alice).send().await.ok();
    assert_eq!(world.number("SELECT count(*) FROM links"), 0);
    // With an address that is nobody's they are somebody new, who has proven nothing.
    let said = json!({ "sub": "bob-there", "email": "bob@example.com", "email_verified": false });
    let bob = Person::of(&world.sign_in_at(app, provider, &said).await);
    assert_eq!(world.get("/v1/me").by(&bob).send().await.ok()["email_verified"], json!(false));
}

async fn attack_26_odd_subjects_come_to_nothing(world: &World) {
    let (world, app, provider) = &place(world).await;
    let long = "x".repeat(256);
    for subject in ["", "a\u{0}b", "a\nb", &long] {
        let trip = world.away(Some(app), "acme").await;
        provider.identifies(&trip, &json!({ "sub": subject }));
        let told = query_of(&world.come_back(&trip).await.leads_to());
        if let Some(code) = told.get("code") {
            world.redeem(Some(app), code).await.refused(400, "invalid_grant");
        }
    }
    // The same one at two providers is two.
    let other = Provider::new();
    world.name_issuer(app, "other", &other).await;
    let alice = Person::of(&world.sign_in_at(app, provider, &json!({})).await);
    let trip = world.away(Some(app), "other").await;
    other.identifies(&trip, &json!({ "email": "eve@example.com" }));
    let code = world.come_back(&trip).await.code();
    assert_ne!(Person::of(&world.redeem(Some(app), &code).await).id, alice.id);
}

async fn attack_45_issuers_lead_nowhere_inside(world: &World) {
    // As in production.
    let providers = || oidc::Providers::new(Networks::default(), false).unwrap();
    let world = &world.restarted_with(|plan| plan.providers = Some(Arc::new(providers()))).await;
    let app = world.app_with_pages("shop").await;
    let inside = Sink::content();
    let port = inside.address.port();
    let name = |number: usize| format!("inside-{number}");
    let issuers = [
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::ffff:169.254.169.254]".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
        format!("https://[::1]:{port}"),
        format!("https://2130706433:{port}"),
        format!("https://0x7f.1:{port}"),
        "https://10.0.0.1".to_owned(),
        "https://0.0.0.0".to_owned(),
        format!("https://0177.0.0.1:{port}"),
        "https://[64:ff9b::a9fe:a9fe]".to_owned(),
        "https://[2002:a9fe:a9fe::1]".to_owned(),
        "https://[fe80::1]".to_owned(),
        "https://[fd00::1]".to_owned(),
    ];
    for (number, issuer) in issuers.iter().enumerate() {
        let body = json!({ "kind": "oidc", "issuer": issuer, "client_id": "client", "client_secret": CLIENT_SECRET });
        world.name_provider(&app, &name(number), &body).await.ok();
        let sent = world.send_to(Some(&app), &name(number), &[]).await;
        assert_eq!(sent.told_app(), "temporarily_unavailable", "{issuer}");
        assert!(!sent.leads_to().contains("127.0.0.1"), "nothing of what lies inside is told");
    }
    // Without TLS none is named at all.
    for issuer in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}"), "http://10.0.0.1".to_owned()]
    {
        let body = json!({ "kind": "oidc", "issuer": issuer, "client_id": "client", "client_secret": CLIENT_SECRET });
        world.name_provider(&app, "plain", &body).await.refused(400, "invalid_url");
        let body =
            json!({ "kind": "github", "base_url": issuer, "client_id": "client", "client_secret": CLIENT_SECRET });
        world.name_provider(&app, "plain", &body).await.refused(400, "invalid_url");
    }
    assert_eq!(inside.count(), 0);

    // Nor where an issuer's documents lead.
    let world = &world.with_providers().await;
    let provider = Provider::new();
    world.name_issuer(&app, "acme", &provider).await;
    for (name, address) in [
        ("token_endpoint", "http://169.254.169.254/token"),
        ("token_endpoint", "https://[64:ff9b::a9fe:a9fe]/token"),
        ("userinfo_endpoint", "http://[::ffff:169.254.169.254]/me"),
        ("userinfo_endpoint", "https://[2002:a9fe:a9fe::1]/me"),
        ("jwks_uri", "http://10.0.0.1/keys"),
        ("jwks_uri", "https://2852039166/keys"),
    ] {
        provider.declares(json!({ name: address }));
        let fresh = world.with_providers().await;
        let sent = fresh.send_to(Some(&app), "acme", &[]).await;
        if query_of(&sent.leads_to()).contains_key("error") {
            assert_eq!(sent.told_app(), "temporarily_unavailable");
            continue;
        }
        let trip = fresh.away(Some(&app), "acme").await;
        provider.identifies(&trip, &json!({ "email": null }));
        assert_eq!(fresh.come_back(&trip).await.told_app(), "temporarily_unavailable", "{name}");
    }
    // An issuer is who it says it is.
    provider.declares(json!({ "issuer": "https://accounts.google.com" }));
    let fresh = world.with_providers().await;
    assert_eq!(fresh.send_to(Some(&app), "acme", &[]).await.told_app(), "access_denied");
    provider.declares(json!({ "authorization_endpoint": "javascript:alert(1)" }));
    let fresh = world.with_providers().await;
    assert_eq!(fresh.send_to(Some(&app), "acme", &[]).await.told_app(), "access_denied");
}
