//! Sign-in at another provider, where Fabric itself goes there: what goes well.

use std::sync::Arc;

use identity::{SigningAlgorithm, signing_key::KeyPair};
use serde_json::{Value, json};
use testbed::sink::{Reply, Sink};

use crate::support::{
    App, CLIENT_SECRET, PASSWORD, Person, Provider, Raw, Trip, World, challenge, challenge_of, claims_in, query_of,
    sign_with,
};

on_both!(
    somebody_goes_there_and_comes_back_signed_in,
    a_provider_may_tell_of_addresses_apart,
    an_address_that_is_proven_links_to_the_account_that_has_it,
    who_has_a_second_factor_shows_it,
    an_account_is_made_when_the_code_is_redeemed,
    an_issuer_is_asked_once_in_a_while_and_for_new_keys,
    a_provider_that_is_down_or_slow_is_no_reason_to_wait,
    what_a_provider_declines_is_told_to_the_app,
    github_is_spoken_to_its_own_way,
    githubs_errors_come_with_status_200,
    attack_19_who_comes_back_from_github_has_gone_there,
    attack_35_over_https_the_cookie_is_this_hosts_alone,
    of_githubs_addresses_the_first_and_proven_one_counts,
    the_platforms_own_accounts_sign_in_as_well,
    a_server_that_goes_to_no_provider_says_so,
    flows_that_nobody_ended_are_forgotten,
);

async fn place(world: &World) -> (World, App, Provider) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    (world, app, provider)
}

async fn somebody_goes_there_and_comes_back_signed_in(world: &World) {
    let (world, app, provider) = &place(world).await;
    let sent = world.send_to(Some(app), "acme", &[]).await;
    let (to, cookie) = (sent.leads_to(), sent.header("set-cookie").unwrap());
    assert!(to.starts_with(&format!("{}/authorize?", provider.issuer())), "{to}");
    let asked = query_of(&to);
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", "client"));
    assert_eq!(asked["scope"], "openid email profile");
    assert_eq!(asked["redirect_uri"], format!("http://localhost:3001/v1/auth/callback/{}/acme", app.id));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_ne!(asked["code_challenge"], challenge(), "what Fabric keeps from the provider is its own");
    assert_ne!(asked["state"], "state-of-the-app");
    for part in ["fabric_social_", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Secure"), "over http, a browser would not keep it");

    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "picture": "https://example.com/alice.png" }));
    let back = world.come_back(&trip).await;
    let forgets = back.header("set-cookie").unwrap();
    assert!(forgets.starts_with(trip.cookie.split_once('=').unwrap().0) && forgets.contains("Max-Age=0"), "{forgets}");
    let exchanged = &provider.asked("/token")[0];
    assert!(exchanged.header("authorization").unwrap().starts_with("Basic "));
    let sent: std::collections::HashMap<String, String> = serde_urlencoded::from_str(&exchanged.body).unwrap();
    assert_eq!((sent["code"].as_str(), sent["grant_type"].as_str()), ("code-there", "authorization_code"));
    assert_eq!(sent["redirect_uri"], trip.asked("redirect_uri"));
    let alice = Person::of(&world.redeem(Some(app), &back.code()).await);
    assert_eq!(alice.email, "alice@example.com");
    assert_eq!(claims_in(&alice.token)["aud"], json!(app.client_id));
    let me = world.get("/v1/me").by(&alice).send().await;
    assert_eq!((&me.ok()["display_name"], &me.ok()["email_verified"]), (&json!("Alice"), &json!(true)));
    let linked = world.get("/v1/me/social-connections").by(&alice).send().await;
    assert_eq!(
        (&linked.ok()[0]["provider"], &linked.ok()[0]["provider_user_id"]),
        (&json!("acme"), &json!("alice-there"))
    );
    // The same one, whatever they are called by now.
    let again = world.sign_in_at(app, provider, &json!({ "email": "alice@elsewhere.example", "name": "A." })).await;
    assert_eq!(Person::of(&again).id, alice.id);
    assert_eq!((world.events("auth.social_connected"), world.events("auth.social_login")), (1, 2));
}

async fn a_provider_may_tell_of_addresses_apart(world: &World) {
    let (world, app, provider) = &place(world).await;
    provider.declares(json!({ "userinfo_endpoint": format!("{}/userinfo", provider.issuer()) }));
    let told =
        |email: &str, verified: bool| json!({ "sub": "alice-there", "email": email, "email_verified": verified });
    provider.informs(told("alice@example.com", true));
    let nothing = json!({ "email": null, "email_verified": null, "name": null });
    let alice = Person::of(&world.sign_in_at(app, provider, &nothing).await);
    assert_eq!(alice.email, "alice@example.com");
    let asked = &provider.asked("/userinfo")[0];
    assert_eq!(asked.header("authorization"), Some("Bearer token-there"));
    // Who somebody else is told of is nobody.
    provider.informs(json!({ "sub": "bob-there", "email": "bob@example.com", "email_verified": true }));
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &nothing);
    assert_eq!(world.come_back(&trip).await.told_app(), "access_denied");
}

async fn an_address_that_is_proven_links_to_the_account_that_has_it(world: &World) {
    let (world, app, provider) = &place(world).await;
    let before = world.sign_up(Some(app), "alice").await;
    let alice = Person::of(&world.sign_in_at(app, provider, &json!({})).await);
    assert_eq!(alice.id, before.id);
    // Nobody had proven the address: whoever has signed up with it loses their way in.
    world.log_in(Some(app), "alice", PASSWORD).await.refused(401, "invalid_credentials");
    world.get("/v1/me").by(&before).send().await.refused(401, "token_revoked");
}

async fn who_has_a_second_factor_shows_it(world: &World) {
    let (world, app, provider) = &place(world).await;
    let alice = Person::of(&world.sign_in_at(app, provider, &json!({})).await);
    world.configure(app, &json!({ "mfa": "optional" })).await;
    let phone = world.enable_totp(&alice).await;
    let asked = world.sign_in_at(app, provider, &json!({})).await;
    let challenge = asked.refused(403, "mfa_required").challenge();
    let met = world.second_step(Some(app), &challenge, &json!({ "code": phone.next(world) })).await;
    assert_eq!(Person::of(&met).id, alice.id);
}

async fn an_account_is_made_when_the_code_is_redeemed(world: &World) {
    let (world, app, provider) = &place(world).await;
    let accounts = || world.number("SELECT count(*) FROM accounts");
    let before = accounts();
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    let code = world.come_back(&trip).await.code();
    assert_eq!(accounts(), before, "who does not come this far leaves nothing behind");
    world.redeem(Some(app), &code).await.ok();
    assert_eq!(accounts(), before + 1);
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 0);
}

async fn an_issuer_is_asked_once_in_a_while_and_for_new_keys(world: &World) {
    let (world, app, provider) = &place(world).await;
    for _ in 0..3 {
        world.sign_in_at(app, provider, &json!({})).await.ok();
    }
    assert_eq!(provider.asked("/.well-known/openid-configuration").len(), 1);
    assert_eq!(provider.asked("/keys").len(), 1);
    // Another key signs from now on.
    let mut provider = provider.clone();
    provider.pair = Arc::new(KeyPair::generate(SigningAlgorithm::Es256, 2048).unwrap());
    provider.has_keys(&[&provider.pair]);
    world.sign_in_at(app, &provider, &json!({})).await.ok();
    assert_eq!(provider.asked("/keys").len(), 2);
    // Tokens with keys that are not there: it is not asked again and again.
    for _ in 0..5 {
        let trip = world.away(Some(app), "acme").await;
        let header = json!({ "alg": "ES256", "kid": "made-up" });
        provider.hands_out(sign_with(&provider.pair, &header, &provider.claims(&trip, &json!({}))));
        assert_eq!(world.come_back(&trip).await.told_app(), "access_denied");
    }
    assert_eq!(provider.asked("/keys").len(), 2);
}

async fn a_provider_that_is_down_or_slow_is_no_reason_to_wait(world: &World) {
    let (world, app, _) = &place(world).await;
    let silent = Sink::new(|_| Reply::Silence);
    let endless = Sink::new(|_| Reply::Endless(200));
    let elsewhere = Sink::new(|_| Reply::With(302, vec!["location: http://127.0.0.1:1/".to_owned()], String::new()));
    let gone = { Sink::content().address };
    for (number, address) in [silent.address, endless.address, elsewhere.address, gone].into_iter().enumerate() {
        let body = json!({
            "kind": "oidc", "issuer": format!("http://{address}"), "client_id": "client", "client_secret": "secret",
        });
        let name = format!("down-{number}");
        world.name_provider(app, &name, &body).await.ok();
        let begun = std::time::Instant::now();
        let sent = world.send_to(Some(app), &name, &[]).await;
        assert_eq!(sent.told_app(), "temporarily_unavailable", "{name}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(9), "{name}: {:?}", begun.elapsed());
        assert!(sent.header("set-cookie").is_none());
    }
}

async fn what_a_provider_declines_is_told_to_the_app(world: &World) {
    let (world, app, _) = &place(world).await;
    for (error, told) in [
        ("access_denied", "access_denied"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("<script>", "server_error"),
    ] {
        let trip = world.away(Some(app), "acme").await;
        let query = [("error", error), ("error_description", "<b>"), ("state", &trip.asked("state"))];
        let back = world.come_back_with(&trip, &query).await;
        assert_eq!(back.told_app(), told);
        assert_eq!(query_of(&back.leads_to())["state"], "state-of-the-app");
        assert!(!back.leads_to().contains("%3C"), "nothing of what stands in a URL is passed on");
    }
}

/// As "Authorizing OAuth apps" and "REST API endpoints for users" tell.
fn github(user: Value, emails: Value) -> Sink {
    Sink::new(move |request| {
        let json = |body: &Value| Reply::With(200, vec!["content-type: application/json".to_owned()], body.to_string());
        let form: std::collections::HashMap<String, String> =
            serde_urlencoded::from_str(&request.body).unwrap_or_default();
        let knows = request.header("authorization") == Some("Bearer gho_token");
        // "Requests with no valid User-Agent header will be rejected."
        let polite = request.header("user-agent").is_some();
        match request.path.as_str() {
            "/login/oauth/access_token" if request.header("accept") != Some("application/json") => {
                Reply::Status(200, "access_token=gho_token&scope=user%3Aemail&token_type=bearer".to_owned())
            }
            "/login/oauth/access_token" if form["client_secret"] != CLIENT_SECRET => json(&json!({
                "error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret passed are incorrect.",
            })),
            "/login/oauth/access_token" if form["code"] != "code-there" => json(&json!({
                "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired.",
            })),
            "/login/oauth/access_token" => {
                assert!(form["code_verifier"].len() >= 43 && form["redirect_uri"].contains("/v1/auth/callback/"));
                json(&json!({ "access_token": "gho_token", "scope": "read:user,user:email", "token_type": "bearer" }))
            }
            "/api/v3/user" if knows && polite => json(&user),
            "/api/v3/user/emails" if knows && polite => json(&emails),
            _ => Reply::Status(401, json!({ "message": "Bad credentials" }).to_string()),
        }
    })
}

fn octocat() -> Value {
    json!({ "id": 583_231, "login": "octocat", "name": "The Octocat", "avatar_url": "https://example.com/o.png" })
}

fn addresses() -> Value {
    json!([
        { "email": "other@example.com", "primary": false, "verified": true, "visibility": null },
        { "email": "octocat@example.com", "primary": true, "verified": true, "visibility": "private" },
    ])
}

async fn name_github(world: &World, app: &App, github: &Sink, secret: &str) {
    let body = json!({
        "kind": "github", "base_url": format!("http://{}", github.address), "client_id": "client",
        "client_secret": secret,
    });
    world.name_provider(app, "github", &body).await.ok();
}

async fn github_is_spoken_to_its_own_way(world: &World) {
    let world = &world.with_providers().await;
    let (app, github) = (world.app_with_pages("shop").await, github(octocat(), addresses()));
    name_github(world, &app, &github, CLIENT_SECRET).await;
    let trip = world.away(Some(&app), "github").await;
    assert!(trip.to.starts_with(&format!("http://{}/login/oauth/authorize?", github.address)), "{}", trip.to);
    assert_eq!(trip.asked("scope"), "read:user user:email");
    assert_eq!(trip.asked("code_challenge_method"), "S256");
    let code = world.come_back(&trip).await.code();
    let person = Person::of(&world.redeem(Some(&app), &code).await);
    assert_eq!(person.email, "octocat@example.com");
    // GitHub compares them; this stand-in has not seen what the browser took along.
    let exchanged = github.received().into_iter().find(|request| request.path == "/login/oauth/access_token").unwrap();
    let sent: std::collections::HashMap<String, String> = serde_urlencoded::from_str(&exchanged.body).unwrap();
    assert_eq!(challenge_of(&sent["code_verifier"]), trip.asked("code_challenge"));
    let linked = world.get("/v1/me/social-connections").by(&person).send().await;
    assert_eq!(linked.ok()[0]["provider_user_id"], "583231", "not the login, which another may have tomorrow");
}

async fn githubs_errors_come_with_status_200(world: &World) {
    let world = &world.with_providers().await;
    let (app, github) = (world.app_with_pages("shop").await, github(octocat(), addresses()));
    name_github(world, &app, &github, "another secret").await;
    let trip = world.away(Some(&app), "github").await;
    assert_eq!(world.come_back(&trip).await.told_app(), "access_denied");
    name_github(world, &app, &github, CLIENT_SECRET).await;
    let trip = world.away(Some(&app), "github").await;
    let query = [("code", "made-up"), ("state", &trip.asked("state"))];
    assert_eq!(world.come_back_with(&trip, &query).await.told_app(), "access_denied");
}

async fn attack_19_who_comes_back_from_github_has_gone_there(world: &World) {
    let world = &world.with_providers().await;
    let (app, github) = (world.app_with_pages("shop").await, github(octocat(), addresses()));
    name_github(world, &app, &github, CLIENT_SECRET).await;
    let [trip, other] = [world.away(Some(&app), "github").await, world.away(Some(&app), "github").await];
    for state in ["", "made-up", &other.asked("state"), &trip.asked("state").to_uppercase()] {
        let back = world.come_back_with(&trip, &[("code", "code-there"), ("state", state)]).await;
        crate::support::Answer::open(back).refused(400, "invalid_token");
    }
    assert_eq!(github.count(), 0, "the code went nowhere");
    world.come_back(&trip).await.code();
}

async fn attack_35_over_https_the_cookie_is_this_hosts_alone(world: &World) {
    let (world, app, provider) = &place(world).await;
    let public = |plan: &mut crate::support::Plan| plan.settings.public_base_url = "https://id.example.com".into();
    let world = &world.restarted_with(public).await;
    let sent = world.send_to(Some(app), "acme", &[]).await;
    let cookie = sent.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-fabric_social_"), "{cookie}");
    for part in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/;"] {
        assert!(format!("{cookie};").contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let mut trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    // Under the name that a neighbor of a parent domain could set, it is not looked at.
    let plain = trip.cookie.strip_prefix("__Host-").unwrap().to_owned();
    let right = std::mem::replace(&mut trip.cookie, plain);
    assert_eq!(world.come_back(&trip).await.status, 400);
    trip.cookie = right;
    let back = world.come_back(&trip).await;
    let forgets = back.header("set-cookie").unwrap();
    assert!(forgets.starts_with("__Host-") && forgets.contains("Secure") && forgets.contains("Max-Age=0"), "{forgets}");
    back.code();
}

async fn of_githubs_addresses_the_first_and_proven_one_counts(world: &World) {
    let world = &world.with_providers().await;
    let app = world.app_with_pages("shop").await;
    let address = |primary: bool, verified: bool| json!([{ "email": "octocat@example.com", "primary": primary, "verified": verified, "visibility": null }]);
    for emails in [address(true, false), address(false, true), json!([])] {
        let github = github(octocat(), emails);
        // At another address each time, so under another name.
        let name = format!("github-{}", github.address.port());
        let body = json!({
            "kind": "github", "base_url": format!("http://{}", github.address), "client_id": "client",
            "client_secret": CLIENT_SECRET,
        });
        world.name_provider(&app, &name, &body).await.ok();
        let trip = world.away(Some(&app), &name).await;
        assert_eq!(world.come_back(&trip).await.told_app(), "access_denied");
    }
}

async fn the_platforms_own_accounts_sign_in_as_well(world: &World) {
    let (world, _, provider) = &place(world).await;
    let world = &world.with_own_providers(&[("acme", provider.place())]).await;
    let trip = world.away(None, "acme").await;
    assert_eq!(trip.callback, "/v1/auth/callback/acme");
    provider.identifies(&trip, &json!({}));
    let back = world.come_back(&trip).await;
    let alice = Person::of(&world.redeem(None, &back.code()).await);
    assert_eq!(world.get("/v1/me").by(&alice).send().await.ok()["app_id"], Value::Null);
    // The address need not be given, and no other is taken.
    let plain = world.send_to(None, "acme", &[("redirect_uri", "")]).await;
    assert!(plain.leads_to().starts_with(&provider.issuer()));
    let other = world.send_to(None, "acme", &[("redirect_uri", "https://shop.example/other")]).await;
    assert_eq!(other.status, 400);
    let absent = world.send_to(None, "google", &[]).await;
    assert_eq!(absent.status, 404);
}

async fn a_server_that_goes_to_no_provider_says_so(world: &World) {
    let app = world.app_with_pages("shop").await;
    let sent = world.send_to(Some(&app), "acme", &[]).await;
    crate::support::Answer::open(sent).refused(403, "sign_in_method_disabled");
}

async fn flows_that_nobody_ended_are_forgotten(world: &World) {
    let (world, app, provider) = &place(world).await;
    let trip: Trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    world.advance(std::time::Duration::from_mins(10));
    let late: Raw = world.come_back(&trip).await;
    assert_eq!(late.status, 400);
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 1);
    world.platform.sweep().await.unwrap();
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 0);
}
