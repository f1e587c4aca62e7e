//! Sign-in at another provider, where Fabric itself goes there: what changes between one step and the next.

use serde_json::json;

use crate::support::{
    Answer, App, BACK, CLIENT_SECRET, NEXT_PASSWORD, Person, Provider, Raw, VERIFIER, World, query_of,
};

on_both!(
    attack_29_a_code_of_a_provider_that_was_taken_away_is_none,
    attack_29_who_went_to_a_provider_that_was_set_anew_does_not_come_back_from_it,
    attack_29_what_a_provider_said_before_the_link_was_cut_lets_nobody_in,
    attack_29_a_provider_of_the_platforms_that_is_gone_lets_nobody_in,
    attack_19_the_platforms_providers_do_not_get_each_others_codes,
    what_a_provider_says_is_kept_as_long_as_it_makes_sense,
    an_answer_without_measure_is_none,
);

async fn place(world: &World) -> (World, App, Provider) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    (world, app, provider)
}

/// A code for somebody who has come back.
async fn code(world: &World, app: Option<&App>, provider: &Provider) -> String {
    let trip = world.away(app, "acme").await;
    provider.identifies(&trip, &json!({}));
    world.come_back(&trip).await.code()
}

fn invalid(raw: Raw) {
    Answer::open(raw).refused(400, "invalid_token");
}

async fn attack_29_a_code_of_a_provider_that_was_taken_away_is_none(world: &World) {
    let (world, app, provider) = &place(world).await;
    for known in [false, true] {
        let kept = code(world, Some(app), provider).await;
        world.remove_provider(app, "acme").await.ok();
        world.redeem(Some(app), &kept).await.refused(400, "invalid_grant");
        // Nor once it is back.
        world.name_issuer(app, "acme", provider).await;
        world.redeem(Some(app), &kept).await.refused(400, "invalid_grant");
        assert_eq!(world.number("SELECT count(*) FROM links"), i64::from(known));
        world.sign_in_at(app, provider, &json!({})).await.ok();
    }
}

async fn attack_29_who_went_to_a_provider_that_was_set_anew_does_not_come_back_from_it(world: &World) {
    let (world, app, provider) = &place(world).await;
    let set = async |client_id: &str, secret: &str| {
        let body = json!({
            "kind": "oidc", "issuer": provider.issuer(), "client_id": client_id, "client_secret": secret,
        });
        world.name_provider(app, "acme", &body).await.ok();
    };
    let (kept, trip) = (code(world, Some(app), provider).await, world.away(Some(app), "acme").await);
    provider.identifies(&trip, &json!({}));
    let asked = provider.asked("/token").len();
    set("another", CLIENT_SECRET).await;
    assert_eq!(world.come_back(&trip).await.told_app(), "access_denied");
    assert_eq!(provider.asked("/token").len(), asked, "the code went nowhere");
    world.redeem(Some(app), &kept).await.refused(400, "invalid_grant");
    // Another secret of the same client is no other provider.
    set("client", CLIENT_SECRET).await;
    let (kept, trip) = (code(world, Some(app), provider).await, world.away(Some(app), "acme").await);
    provider.identifies(&trip, &json!({}));
    set("client", "another secret").await;
    world.redeem(Some(app), &kept).await.ok();
    world.come_back(&trip).await.code();
}

async fn attack_29_what_a_provider_said_before_the_link_was_cut_lets_nobody_in(world: &World) {
    let (world, app, provider) = &place(world).await;
    world.sign_in_at(app, provider, &json!({})).await.ok();
    // A password, so that there is another way in.
    let forgot = json!({ "email": "alice@example.com" });
    world.at_door(Some(app), "/v1/auth/forgot-password", &forgot).send().await.ok();
    let reset = json!({ "token": world.mail().await.token(), "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.ok();
    let alice = Person::of(&world.log_in(Some(app), "alice", NEXT_PASSWORD).await);
    world.sign_in_at(app, provider, &json!({})).await.ok();

    let (kept, trip) = (code(world, Some(app), provider).await, world.away(Some(app), "acme").await);
    world.delete("/v1/me/social-connections/acme").json(&json!({})).by(&alice).send().await.ok();
    world.redeem(Some(app), &kept).await.refused(400, "invalid_grant");
    provider.identifies(&trip, &json!({}));
    let late = world.come_back(&trip).await.code();
    world.redeem(Some(app), &late).await.refused(400, "invalid_grant");
    let linked = || world.number("SELECT count(*) FROM links WHERE account_id IS NOT NULL");
    assert_eq!(linked(), 0);
    // Whoever goes there anew is asked by nobody what was before.
    let again = Person::of(&world.sign_in_at(app, provider, &json!({})).await);
    assert_eq!((again.id, linked()), (alice.id, 1));
}

async fn attack_29_a_provider_of_the_platforms_that_is_gone_lets_nobody_in(world: &World) {
    let (world, _, provider) = &place(world).await;
    let set = world.with_own_providers(&[("acme", provider.place())]).await;
    let (kept, trip) = (code(&set, None, provider).await, set.away(None, "acme").await);
    let gone = set.with_own_providers(&[]).await;
    gone.redeem(None, &kept).await.refused(400, "invalid_grant");
    Answer::open(gone.come_back(&trip).await).refused(404, "not_found");
    set.redeem(None, &kept).await.refused(400, "invalid_grant");
}

/// Mix-up (RFC 9700, 4.4): an issuer that the operator has named sends people on to one that everybody knows, with the
/// state that it got itself.
async fn attack_19_the_platforms_providers_do_not_get_each_others_codes(world: &World) {
    let (world, _, acme) = &place(world).await;
    let github = apps::SocialProvider::new(apps::ProviderKind::Github, apps::ProviderPlace::default(), "client", &[]);
    let world = &world.with_own_providers(&[("acme", acme.place()), ("github", github.unwrap())]).await;
    let [at_acme, at_github] = [world.away(None, "acme").await, world.away(None, "github").await];
    assert_eq!(at_acme.callback, "/v1/auth/callback/acme");
    assert_eq!(at_github.callback, "/v1/auth/callback", "what is registered there for years");
    acme.identifies(&at_acme, &json!({}));
    for (trip, elsewhere) in [
        (&at_acme, "/v1/auth/callback"),
        (&at_acme, "/v1/auth/callback/github"),
        (&at_acme, "/v1/auth/callback/oidc"),
        (&at_github, "/v1/auth/callback/acme"),
        (&at_github, "/v1/auth/callback/github"),
    ] {
        let mut mixed = trip.clone();
        elsewhere.clone_into(&mut mixed.callback);
        invalid(world.come_back(&mixed).await);
    }
    assert_eq!(acme.asked("/token").len(), 0);
    let code = world.come_back(&at_acme).await.code();
    world.redeem_with(None, &code, VERIFIER, BACK).await.ok();
    let declined = [("error", "access_denied"), ("state", &at_github.asked("state"))];
    assert_eq!(world.come_back_with(&at_github, &declined).await.told_app(), "access_denied");
}

async fn what_a_provider_says_is_kept_as_long_as_it_makes_sense(world: &World) {
    let (world, app, provider) = &place(world).await;
    let long = "x".repeat(20_000);
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "name": long, "picture": format!("https://example.com/{long}") }));
    let code = world.come_back(&trip).await.code();
    let longest = world.number("SELECT max(length(note)) FROM social_flows");
    assert!(longest < 2000, "{longest}");
    let alice = Person::of(&world.redeem(Some(app), &code).await);
    let me = world.get("/v1/me").by(&alice).send().await;
    assert_eq!(me.ok()["display_name"], json!(null));
    assert_eq!(world.columns_with("xxxxxxxx"), [""; 0]);
    for none in [
        json!({ "email": format!("{long}@example.com") }),
        json!({ "email": "no address" }),
        json!({ "email": null }),
        json!({ "sub": long }),
    ] {
        let trip = world.away(Some(app), "acme").await;
        provider.identifies(&trip, &none);
        let back = world.come_back(&trip).await;
        assert_eq!(back.told_app(), "access_denied");
        assert!(!query_of(&back.leads_to())["error_description"].contains("xxx"));
    }
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 0);
}

async fn an_answer_without_measure_is_none(world: &World) {
    let (world, app, provider) = &place(world).await;
    let long = "x".repeat(64 * 1024);
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "name": long }));
    assert_eq!(world.come_back(&trip).await.told_app(), "temporarily_unavailable");
    provider.declares(json!({ "userinfo_endpoint": format!("{}/userinfo", provider.issuer()) }));
    provider.informs(json!({ "sub": "alice-there", "email": "alice@example.com", "name": long }));
    let fresh = &world.with_providers().await;
    let trip = fresh.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "email": null }));
    assert_eq!(fresh.come_back(&trip).await.told_app(), "temporarily_unavailable");
    provider.declares(json!({ "x": long }));
    let fresh = world.with_providers().await;
    assert_eq!(fresh.send_to(Some(app), "acme", &[]).await.told_app(), "temporarily_unavailable");
}
