//! Sign-in at another provider, where Fabric itself goes there: who gets nothing by it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, App, BACK, CLIENT_SECRET, Person, Provider, Raw, VERIFIER, World, query_of};

on_both!(
    attack_19_another_browser_does_not_come_back,
    attack_19_a_state_comes_back_once_and_in_time,
    attack_19_an_app_without_a_challenge_sends_nobody,
    attack_1_a_code_is_redeemed_once_and_in_time,
    attack_1_of_many_who_redeem_a_code_at_once_one_is_in,
    attack_1_of_many_who_come_back_at_once_one_gets_a_code,
    attack_19_another_verifier_uses_the_code_up,
    attack_20_a_code_is_bound_to_its_app_and_address,
    attack_48_people_are_sent_to_no_address_but_the_apps_own,
    attack_48_what_was_an_address_of_the_apps_is_none_any_more,
    attack_19_a_provider_does_not_get_anothers_code,
    attack_29_who_is_switched_off_meanwhile_stays_out,
    attack_53_no_secret_is_kept_in_clear_or_told,
    where_strangers_may_not_sign_up_the_code_is_used_up,
    a_refusal_uses_the_code_up_and_makes_nothing,
);

/// How many come at once.
const MANY: usize = 200;

async fn place(world: &World) -> (World, App, Provider) {
    let (world, provider) = (world.with_providers().await, Provider::new());
    let app = world.app_with_pages("shop").await;
    world.name_issuer(&app, "acme", &provider).await;
    (world, app, provider)
}

fn refused(raw: Raw, status: u16, code: &str) {
    assert!(raw.header("location").is_none(), "{raw:?}");
    Answer::open(raw).refused(status, code);
}

/// A code for somebody who has come back.
async fn code(world: &World, app: &App, provider: &Provider) -> String {
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    world.come_back(&trip).await.code()
}

async fn attack_19_another_browser_does_not_come_back(world: &World) {
    let (world, app, provider) = &place(world).await;
    let [mut alice, bob] = [world.away(Some(app), "acme").await, world.away(Some(app), "acme").await];
    provider.identifies(&alice, &json!({}));
    let (name, secret) =
        alice.cookie.split_once('=').map(|(name, secret)| (name.to_owned(), secret.to_owned())).unwrap();
    let others = bob.cookie.split_once('=').unwrap().1.to_owned();
    for cookie in [
        String::new(),
        bob.cookie.clone(),
        format!("{name}={others}"),
        format!("{name}="),
        format!("{name}={secret}x"),
        // Two of one name: somebody else may have set the other.
        format!("{name}={secret}; {name}={others}"),
        format!("other={secret}"),
    ] {
        alice.cookie = cookie;
        refused(world.come_back(&alice).await, 400, "invalid_token");
    }
    // It was hers all the time, and nobody has taken it from her.
    alice.cookie = format!("x=1; {name}={secret}; y=2");
    world.come_back(&alice).await.code();
    assert_eq!(provider.asked("/token").len(), 1, "nobody else's code went anywhere");
}

async fn attack_19_a_state_comes_back_once_and_in_time(world: &World) {
    let (world, app, provider) = &place(world).await;
    let [first, second] = [world.away(Some(app), "acme").await, world.away(Some(app), "acme").await];
    provider.identifies(&first, &json!({}));
    world.come_back(&first).await.code();
    refused(world.come_back(&first).await, 400, "invalid_token");
    // The state of another flow of the same browser, with this one's cookie alone.
    let with = |state: &str| [("code", "code-there".to_owned()), ("state", state.to_owned())];
    for state in [first.asked("state"), "made-up".to_owned(), String::new(), second.asked("state").to_uppercase()] {
        let query = with(&state);
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        refused(world.come_back_with(&second, &query).await, 400, "invalid_token");
    }
    let missing = world.come_back_with(&second, &[("code", "code-there")]).await;
    refused(missing, 400, "invalid_parameter");
    let twice = format!("{}?state=a&state={}&code=x", second.callback, second.asked("state"));
    let twice = world.get(&twice).header("cookie", &second.cookie).raw().await;
    refused(twice, 400, "invalid_parameter");
    world.advance(Duration::from_mins(10));
    refused(world.come_back(&second).await, 400, "invalid_token");
}

async fn attack_19_an_app_without_a_challenge_sends_nobody(world: &World) {
    let (world, app, _) = &place(world).await;
    for changes in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge", ""), ("code_challenge_method", "S256")],
        [("code_challenge_method", "plain"), ("x", "1")],
        [("code_challenge_method", ""), ("x", "1")],
        [("code_challenge_method", "s256"), ("x", "1")],
        [("code_challenge", VERIFIER), ("x", "1")],
    ] {
        let sent = world.send_to(Some(app), "acme", &changes).await;
        assert_eq!(sent.told_app(), "invalid_request", "{changes:?}");
        assert_eq!(query_of(&sent.leads_to())["state"], "state-of-the-app");
        assert!(sent.header("set-cookie").is_none());
    }
    assert_eq!(world.number("SELECT count(*) FROM social_flows"), 0);
}

async fn attack_1_a_code_is_redeemed_once_and_in_time(world: &World) {
    let (world, app, provider) = &place(world).await;
    let first = code(world, app, provider).await;
    world.redeem(Some(app), &first).await.ok();
    world.redeem(Some(app), &first).await.refused(400, "invalid_grant");
    let second = code(world, app, provider).await;
    world.advance(Duration::from_mins(1));
    world.redeem(Some(app), &second).await.refused(400, "invalid_grant");
    for wrong in ["", "made-up", &second.to_uppercase(), &second[1..]] {
        world.redeem(Some(app), wrong).await.refused(400, "invalid_grant");
    }
}

async fn attack_1_of_many_who_redeem_a_code_at_once_one_is_in(world: &World) {
    let (world, app, provider) = &place(world).await;
    let sessions = || world.number("SELECT count(*) FROM sessions");
    let (code, before) = (code(world, app, provider).await, sessions());
    let answers = join_all((0..MANY).map(|_| world.redeem(Some(app), &code))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
    for lost in answers.iter().filter(|answer| !answer.is_success()) {
        lost.refused(400, "invalid_grant");
    }
    assert_eq!(sessions(), before + 1);
}

async fn attack_1_of_many_who_come_back_at_once_one_gets_a_code(world: &World) {
    let (world, app, provider) = &place(world).await;
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    let answers = join_all((0..MANY).map(|_| world.come_back(&trip))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1);
    assert_eq!(provider.asked("/token").len(), 1);
}

async fn attack_19_another_verifier_uses_the_code_up(world: &World) {
    let (world, app, provider) = &place(world).await;
    let longer = format!("{VERIFIER}x");
    for wrong in ["", "short", &longer, &crate::support::challenge()] {
        let code = code(world, app, provider).await;
        world.redeem_with(Some(app), &code, wrong, BACK).await.refused(400, "invalid_grant");
        world.redeem(Some(app), &code).await.refused(400, "invalid_grant");
    }
    assert_eq!(world.number("SELECT count(*) FROM links"), 0);
}

async fn attack_20_a_code_is_bound_to_its_app_and_address(world: &World) {
    let (world, app, provider) = &place(world).await;
    let other = world.app_with_pages("other").await;
    let code = code(world, app, provider).await;
    world.redeem(Some(&other), &code).await.refused(400, "invalid_grant");
    world.redeem(None, &code).await.refused(400, "invalid_grant");
    for elsewhere in ["https://shop.example/other", "https://shop.example/back/", ""] {
        world.redeem_with(Some(app), &code, VERIFIER, elsewhere).await.refused(400, "invalid_grant");
    }
    world.redeem(Some(app), &code).await.ok();
}

async fn attack_48_people_are_sent_to_no_address_but_the_apps_own(world: &World) {
    let (world, app, provider) = &place(world).await;
    for wrong in [
        "",
        "https://shop.example/bac",
        "https://shop.example/back/",
        "https://shop.example/backup",
        "https://shop.example/Back",
        "https://SHOP.example/back",
        "HTTPS://shop.example/back",
        "https://shop.example//back",
        "https://shop.example/x/../back",
        "https://shop.example/back?x=1",
        "https://shop.example/back#x",
        "https://shop.example:443/back",
        "https://shop.example/%62ack",
        "https://shop.example/back%2f",
        "https://shop.example/back%252f",
        "https://shop.example/x/..;/back",
        "https://shop.example/back%00",
        "https://shop.example/back ",
        // To a pattern, the dot would be any letter.
        "https://shopxexample/back",
        "https://shop.example.evil.example/back",
        "https://user@shop.example/back",
        "https://evil.example/?https://shop.example/back",
        "//shop.example/back",
        "http://shop.example/back",
        "javascript:alert(1)",
        "https:\\\\shop.example\\back",
    ] {
        refused(world.send_to(Some(app), "acme", &[("redirect_uri", wrong)]).await, 400, "invalid_request");
        // And not for anything else that is wrong.
        let worse = [("redirect_uri", wrong), ("code_challenge", "")];
        refused(world.send_to(Some(app), "acme", &worse).await, 400, "invalid_request");
    }
    for (client_id, status, code) in [("foc_unknown", 400, "unknown_app"), ("%00", 400, "unknown_app")] {
        refused(world.send_to(Some(app), "acme", &[("client_id", client_id)]).await, status, code);
    }
    // Another app's address, and the platform's door, which has none.
    let other = world.app("other").await;
    world.name_issuer(&other, "acme", provider).await;
    refused(world.send_to(Some(&other), "acme", &[]).await, 400, "invalid_request");
    refused(world.send_to(None, "acme", &[]).await, 404, "not_found");
    refused(world.send_to(Some(app), "absent", &[]).await, 404, "not_found");
    // A state of the app's own comes back as it was, and breaks out of nothing.
    let state = "a&code=evil#x\"<>é";
    let sent = world.send_to(Some(app), "acme", &[("state", state), ("code_challenge", "")]).await;
    assert_eq!(query_of(&sent.leads_to())["state"], state);
    assert_eq!(sent.told_app(), "invalid_request");
}

async fn attack_48_what_was_an_address_of_the_apps_is_none_any_more(world: &World) {
    let (world, app, provider) = &place(world).await;
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    world.configure(app, &json!({ "redirect_urls": ["https://shop.example/other"] })).await;
    refused(world.come_back(&trip).await, 400, "invalid_request");
}

/// Mix-up (RFC 9700, 4.4): somebody begins at a provider of the attacker's, which sends them on to another one with what
/// that one knows the attacker's flow by. What the other one issues must not get to the first.
async fn attack_19_a_provider_does_not_get_anothers_code(world: &World) {
    let (world, app, honest) = &place(world).await;
    let evil = Provider::new();
    let theirs = world.app_with_pages("evil").await;
    world.name_issuer(&theirs, "evil", &evil).await;
    world.name_issuer(app, "evil", &evil).await;
    for trip in [world.away(Some(&theirs), "evil").await, world.away(Some(app), "evil").await] {
        // The honest one sends people to the address that is registered there, and to no other.
        let honests = world.away(Some(app), "acme").await;
        let mut mixed = trip.clone();
        mixed.callback = honests.callback;
        refused(world.come_back(&mixed).await, 400, "invalid_token");
    }
    assert_eq!(evil.asked("/token").len(), 0);

    // Nor does it where two share an address: whoever promises to say who they are is held to it (RFC 9207).
    let says = |said: Option<String>| async move {
        let trip = world.away(Some(app), "acme").await;
        honest.identifies(&trip, &json!({}));
        let state = trip.asked("state");
        let mut query = vec![("code", "code-there"), ("state", state.as_str())];
        query.extend(said.as_deref().map(|said| ("iss", said)));
        world.come_back_with(&trip, &query).await
    };
    assert_eq!(says(Some(evil.issuer())).await.told_app(), "access_denied");
    says(Some(honest.issuer())).await.code();
    let promising = Provider::new();
    promising.declares(json!({ "authorization_response_iss_parameter_supported": true }));
    world.name_issuer(app, "promising", &promising).await;
    for (said, comes_in) in [(None, false), (Some(evil.issuer()), false), (Some(promising.issuer()), true)] {
        let trip = world.away(Some(app), "promising").await;
        promising.identifies(&trip, &json!({}));
        let state = trip.asked("state");
        let mut query = vec![("code", "code-there"), ("state", state.as_str())];
        query.extend(said.as_deref().map(|said| ("iss", said)));
        let back = world.come_back_with(&trip, &query).await;
        assert_eq!(query_of(&back.leads_to()).contains_key("code"), comes_in, "{said:?}");
    }
    assert_eq!(promising.asked("/token").len(), 1);
}

async fn attack_29_who_is_switched_off_meanwhile_stays_out(world: &World) {
    let (world, app, provider) = &place(world).await;
    let alice = Person::of(&world.sign_in_at(app, provider, &json!({})).await);
    let switch = async |path: &str, deed: &str| {
        world.call("POST", &format!("{path}/{deed}")).bearer(&app.api_key).send().await.ok();
    };
    let user = format!("/v1/admin/users/{}", alice.id);
    let known = code(world, app, provider).await;
    switch(&user, "disable").await;
    world.redeem(Some(app), &known).await.refused(403, "account_disabled");
    switch(&user, "enable").await;
    world.redeem(Some(app), &known).await.refused(400, "invalid_grant");

    let path = format!("/v1/apps/{}", app.id);
    let known = code(world, app, provider).await;
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({}));
    switch(&path, "disable").await;
    refused(world.come_back(&trip).await, 403, "app_disabled");
    world.redeem(Some(app), &known).await.refused(403, "app_disabled");
    refused(world.send_to(Some(app), "acme", &[]).await, 403, "app_disabled");
    switch(&path, "enable").await;

    // A provider that is taken away.
    let trip = world.away(Some(app), "acme").await;
    world.delete(&format!("{path}/social-providers/acme")).bearer(&app.api_key).send().await.ok();
    refused(world.come_back(&trip).await, 404, "not_found");
}

async fn attack_53_no_secret_is_kept_in_clear_or_told(world: &World) {
    let (world, app, provider) = &place(world).await;
    let trip = world.away(Some(app), "acme").await;
    let (_, browser) = trip.cookie.split_once('=').unwrap();
    for secret in [CLIENT_SECRET, &trip.asked("state"), &trip.asked("nonce"), browser] {
        assert_eq!(world.columns_with(secret), [""; 0], "{secret}");
    }
    provider.identifies(&trip, &json!({ "sub": "somebody-over-there", "email": "somebody@there.example" }));
    let back = world.come_back(&trip).await;
    let code = back.code();
    for told in [code.as_str(), "somebody-over-there", "somebody@there.example", "token-there"] {
        assert_eq!(world.columns_with(told), [""; 0], "{told}");
    }
    let to = back.leads_to();
    assert_eq!(query_of(&to).len(), 2, "a code and the app's state, and no word of who it is: {to}");
    world.redeem(Some(app), &code).await.ok();
    let path = format!("/v1/apps/{}/social-providers", app.id);
    let listed = world.get(&path).bearer(&app.api_key).send().await;
    assert!(!listed.body.to_string().contains(CLIENT_SECRET), "{listed:?}");
    assert_eq!(world.columns_with(CLIENT_SECRET), [""; 0]);
    assert_eq!(world.columns_with("token-there"), [""; 0], "what a provider hands out for its API is kept nowhere");
}

async fn where_strangers_may_not_sign_up_the_code_is_used_up(world: &World) {
    let (world, app, provider) = &place(world).await;
    world.configure(app, &json!({ "open_sign_up": false })).await;
    let code = code(world, app, provider).await;
    world.redeem(Some(app), &code).await.refused(403, "sign_up_closed");
    world.configure(app, &json!({ "open_sign_up": true })).await;
    world.redeem(Some(app), &code).await.refused(400, "invalid_grant");
}

async fn a_refusal_uses_the_code_up_and_makes_nothing(world: &World) {
    let (world, app, provider) = &place(world).await;
    world.configure(app, &json!({ "require_verified_email": true })).await;
    let before = world.number("SELECT count(*) FROM accounts");
    let trip = world.away(Some(app), "acme").await;
    provider.identifies(&trip, &json!({ "email_verified": false }));
    let code = world.come_back(&trip).await.code();
    world.redeem(Some(app), &code).await.refused(403, "email_not_verified");
    world.redeem(Some(app), &code).await.refused(400, "invalid_grant");
    assert_eq!(world.number("SELECT count(*) FROM accounts"), before);
}
