//! Contract 1.12 and attacks 24 to 26: who comes with a token of Supabase's, and whose account is theirs.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use futures_util::future::join_all;
use kernel::{Code, Email};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use platform::{
    Deed,
    keys::{Keys, ServerSecrets},
};
use serde_json::{Value, json};

use crate::support::{Answer, NEXT_PASSWORD, PASSWORD, Plan, World};

on_both!(
    whoever_comes_first_is_linked_once,
    somebody_stays_who_they_are,
    only_a_token_of_somebody_who_signed_in_counts,
    attack_24_an_address_that_nobody_proved_links_nobody,
    attack_25_whoever_was_there_before_the_owner_loses_every_way_in,
    attack_25_a_link_that_was_merely_fetched_proves_nothing,
    an_owner_keeps_what_is_theirs,
    whoever_runs_the_platform_is_nobody_elsewhere,
    attack_29_a_deleted_account_does_not_come_back,
    attack_29_a_disabled_account_and_one_that_signed_out_are_closed,
    where_strangers_may_not_sign_up_they_may_not_this_way,
    attack_26_odd_subjects_and_addresses_are_nobody,
    the_token_is_good_for_the_platform_alone,
    the_two_secrets_differ,
    a_link_is_listed_and_cut_and_not_the_last_way_in,
    of_two_links_that_are_cut_at_once_one_stays,
);

const SECRET: &str = "supa 0123456789abcdef0123456789abcdef";
const ISSUER: &str = "https://project.supabase.co/auth/v1";

/// The same server, to which Supabase's tokens mean something.
async fn supabase(world: &World, change: impl FnOnce(&mut Plan)) -> World {
    let more = |plan: &mut Plan| {
        plan.secrets.supabase = Some(SECRET.into());
        plan.secrets.supabase_issuer = Some(ISSUER.to_owned());
        change(plan);
    };
    world.restarted_with(more).await
}

fn claims(world: &World, subject: &str, email: &str) -> Value {
    let now = world.now().unix_seconds();
    json!({
        "iss": ISSUER, "sub": subject, "aud": "authenticated", "role": "authenticated", "email": email,
        "iat": now, "exp": now + 3600,
    })
}

/// Signs whatever it is told to.
fn sign(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = PKey::hmac(secret.as_bytes()).unwrap();
    let mac = Signer::new(MessageDigest::sha256(), &key).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(mac))
}

fn token(claims: &Value) -> String {
    sign(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

async fn me(world: &World, token: &str) -> Answer {
    world.get("/v1/me").bearer(token).send().await
}

async fn come(world: &World, subject: &str, email: &str) -> Answer {
    me(world, &token(&claims(world, subject, email))).await
}

fn links(world: &World) -> i64 {
    world.number("SELECT count(*) FROM links WHERE account_id IS NOT NULL")
}

fn later(world: &World) {
    world.advance(std::time::Duration::from_secs(10));
}

async fn whoever_comes_first_is_linked_once(world: &World) {
    let world = &supabase(world, |_| ()).await;
    for round in 1..=10 {
        let (subject, email) = (format!("sub-{round}"), format!("user-{round}@example.com"));
        let answers = join_all((0..20).map(|_| come(world, &subject, &email))).await;
        let first = answers[0].ok()["principal_id"].clone();
        for answer in &answers {
            assert_eq!(answer.ok()["principal_id"], first, "{answer:?}");
            assert_eq!((&answer.ok()["email"], &answer.ok()["email_verified"]), (&json!(email), &json!(true)));
        }
        assert_ne!(first, json!(subject));
        assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (round, round));
        assert_eq!(world.events("auth.signup"), round);
    }
}

async fn somebody_stays_who_they_are(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let first = come(world, "sub-1", "alice@example.com").await.ok()["principal_id"].clone();
    // Whatever their address is by now, and whatever this server remembers.
    later(world);
    assert_eq!(come(world, "sub-1", "other@example.com").await.ok()["principal_id"], first);
    let world = &world.restarted().await;
    assert_eq!(come(world, "sub-1", "alice@example.com").await.ok()["principal_id"], first);
    let mut nameless = claims(world, "sub-1", "");
    nameless.as_object_mut().unwrap().remove("email");
    assert_eq!(me(world, &token(&nameless)).await.ok()["principal_id"], first);
    assert_ne!(come(world, "sub-2", "bob@example.com").await.ok()["principal_id"], first);
    assert_eq!(links(world), 2);
}

async fn only_a_token_of_somebody_who_signed_in_counts(world: &World) {
    let open = world;
    let world = &supabase(world, |_| ()).await;
    let good = claims(world, "sub-1", "alice@example.com");
    let now = world.now().unix_seconds();
    for (name, values) in [
        ("aud", json!(["anon", "", null, ["authenticated"], "authenticated "])),
        ("role", json!(["anon", "service_role", "supabase_admin", "", null, "AUTHENTICATED"])),
        ("iss", json!(["https://evil.supabase.co/auth/v1", "", null, format!("{ISSUER}/")])),
        ("sub", json!(["", null, 1, ["sub-1"]])),
        ("is_anonymous", json!([true, "yes", 1])),
        ("exp", json!([null, -1, 1e20, "never", now + 99_999_999_999_i64])),
        ("iat", json!([null, now + 3600, "now", -1])),
        ("nbf", json!([now + 3600, "now"])),
    ] {
        for value in values.as_array().unwrap() {
            let mut bent = good.clone();
            bent[name] = value.clone();
            me(world, &token(&bent)).await.refused(401, "unauthorized");
        }
        if !["is_anonymous", "nbf"].contains(&name) {
            let mut bent = good.clone();
            bent.as_object_mut().unwrap().remove(name);
            me(world, &token(&bent)).await.refused(401, "unauthorized");
        }
    }
    let mut late = good.clone();
    late["exp"] = json!(now);
    me(world, &token(&late)).await.refused(401, "token_expired");
    for header in [json!({ "alg": "none" }), json!({ "alg": "RS256" }), json!({ "alg": "HS512" }), json!({})] {
        me(world, &sign(SECRET, &header, &good)).await.refused(401, "unauthorized");
    }
    let stranger = sign("evil 0123456789abcdef0123456789abcdef", &json!({ "alg": "HS256" }), &good);
    me(world, &stranger).await.refused(401, "unauthorized");
    me(open, &token(&good)).await.refused(401, "unauthorized");
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (0, 0));
    me(world, &token(&good)).await.ok();
}

async fn attack_24_an_address_that_nobody_proved_links_nobody(world: &World) {
    let trusting = supabase(world, |_| ()).await;
    let world = &supabase(world, |plan| plan.settings.external_emails_verified = false).await;
    let alice = world.sign_up(None, "alice").await;
    later(world);
    come(world, "sub-1", "alice@example.com").await.refused(401, "unauthorized");
    come(world, "sub-2", "stranger@example.com").await.refused(401, "unauthorized");
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (0, 1));
    // What the token says of itself is what its bearer could have written.
    let mut boast = claims(world, "sub-1", "alice@example.com");
    boast["email_verified"] = json!(true);
    boast["user_metadata"] = json!({ "email_verified": true });
    me(world, &token(&boast)).await.refused(401, "unauthorized");
    me(world, &alice.token).await.ok();
    // Who is linked already is known without.
    come(&trusting, "sub-3", "carol@example.com").await.ok();
    come(world, "sub-3", "carol@example.com").await.ok();
}

async fn attack_25_whoever_was_there_before_the_owner_loses_every_way_in(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let thief = world.sign_up(None, "victim").await;
    world.enable_totp(&thief).await;
    world.mails().await;
    world.post("/v1/auth/forgot-password", &json!({ "email": thief.email })).send().await.ok();
    let reset = world.mail().await.token();
    later(world);
    let victim = come(world, "sub-1", "VICTIM@Example.com").await;
    assert_eq!((&victim.ok()["email"], &victim.ok()["email_verified"]), (&json!(thief.email), &json!(true)));
    me(world, &thief.token).await.refused(401, "token_revoked");
    let refresh = json!({ "refresh_token": thief.refresh });
    assert_eq!(world.post("/v1/auth/token/refresh", &refresh).send().await.status, 401);
    world.log_in(None, "victim", PASSWORD).await.refused(401, "invalid_credentials");
    let reset = json!({ "token": reset, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/reset-password", &reset).send().await.refused(400, "invalid_token");
    world
        .post("/v1/auth/signup", &json!({ "email": thief.email, "password": PASSWORD }))
        .send()
        .await
        .refused(409, "email_taken");
    come(world, "sub-1", &thief.email).await.ok();
    let left = world.number("SELECT count(*) FROM totp_enrollments");
    assert_eq!((left, world.events("auth.totp_disabled")), (0, 1), "nor is the owner asked for what is the thief's");
}

async fn attack_25_a_link_that_was_merely_fetched_proves_nothing(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let thief = world.sign_up(None, "victim").await;
    // As a scanner in front of the victim's mailbox does.
    let link = world.mail().await;
    let path = link.link().strip_prefix("https://id.example.com").unwrap();
    world.get(path).send().await.ok();
    assert_eq!(me(world, &thief.token).await.ok()["email_verified"], true);
    later(world);
    come(world, "sub-1", &thief.email).await.ok();
    me(world, &thief.token).await.refused(401, "token_revoked");
    world.log_in(None, "victim", PASSWORD).await.refused(401, "invalid_credentials");
}

async fn an_owner_keeps_what_is_theirs(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let alice = world.sign_up(None, "alice").await;
    let body = json!({ "token": world.mail().await.token() });
    world.post("/v1/auth/verify", &body).send().await.ok();
    later(world);
    assert_eq!(come(world, "sub-1", &alice.email).await.ok()["principal_id"], alice.id.to_string());
    me(world, &alice.token).await.ok();
    world.log_in(None, "alice", PASSWORD).await.ok();
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (1, 1));
}

async fn whoever_runs_the_platform_is_nobody_elsewhere(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let administrator = world.administrator().await;
    later(world);
    for email in [administrator.email.as_str(), "ADMINISTRATOR@EXAMPLE.COM", " administrator@example.com"] {
        come(world, "sub-1", email).await.refused(401, "unauthorized");
    }
    assert_eq!(links(world), 0);
    assert_eq!(me(world, &administrator.token).await.ok()["platform_admin"], true);
    world.log_in(None, "administrator", PASSWORD).await.ok();
}

async fn attack_29_a_deleted_account_does_not_come_back(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let old = token(&claims(world, "sub-1", "alice@example.com"));
    let first = me(world, &old).await.ok()["principal_id"].clone();
    later(world);
    let email = Email::parse("alice@example.com").unwrap();
    world.platform.operator_delete_user(None, email).await.unwrap();
    me(world, &old).await.refused(401, "token_revoked");
    me(&world.restarted().await, &old).await.refused(401, "token_revoked");
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (0, 0));
    // Who signs in anew there is new here.
    later(world);
    assert_ne!(come(world, "sub-1", "alice@example.com").await.ok()["principal_id"], first);
    me(world, &old).await.refused(401, "token_revoked");
}

async fn attack_29_a_disabled_account_and_one_that_signed_out_are_closed(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let old = token(&claims(world, "sub-1", "alice@example.com"));
    me(world, &old).await.ok();
    later(world);
    let manage = |deed| world.platform.operator_manage_user(None, Email::parse("alice@example.com").unwrap(), deed);
    manage(Deed::SignOut).await.unwrap();
    me(world, &old).await.refused(401, "token_revoked");
    later(world);
    come(world, "sub-1", "alice@example.com").await.ok();
    manage(Deed::Disable).await.unwrap();
    later(world);
    come(world, "sub-1", "alice@example.com").await.refused(401, "token_revoked");
    assert_eq!(world.number("SELECT count(*) FROM accounts"), 1);
}

async fn where_strangers_may_not_sign_up_they_may_not_this_way(world: &World) {
    let alice = world.sign_up(None, "alice").await;
    let world = &supabase(world, |plan| plan.settings.developer_sign_up = false).await;
    later(world);
    come(world, "sub-1", "stranger@example.com").await.refused(401, "unauthorized");
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (0, 1));
    assert_eq!(come(world, "sub-2", &alice.email).await.ok()["principal_id"], alice.id.to_string());
}

async fn attack_26_odd_subjects_and_addresses_are_nobody(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let alice = world.sign_up(None, "alice").await;
    later(world);
    for email in ["аlice@example.com", "alice＠example.com", "alice", "", "alice@example.com\0", "a@b@example.com"] {
        come(world, "sub-1", email).await.refused(401, "unauthorized");
    }
    for subject in ["sub\0", "\0", "sub\n", &"s".repeat(256), &"s".repeat(5000)] {
        come(world, subject, "odd@example.com").await.refused(401, "unauthorized");
    }
    assert_eq!((links(world), world.number("SELECT count(*) FROM accounts")), (0, 1));
    // A principal's id is not somebody's name at Supabase, nor a plus sign or a capital letter nothing.
    assert_ne!(
        come(world, &alice.id.to_string(), "mallory@example.com").await.ok()["principal_id"],
        alice.id.to_string()
    );
    assert_ne!(come(world, "sub-2", "alice+x@example.com").await.ok()["principal_id"], alice.id.to_string());
    let capital = come(world, "SUB-2", "bob@example.com").await;
    assert_eq!(capital.ok()["email"], "bob@example.com");
    me(world, &alice.token).await.ok();
}

async fn the_token_is_good_for_the_platform_alone(world: &World) {
    let world = &supabase(world, |_| ()).await;
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    later(world);
    let outside = token(&claims(world, "sub-1", "alice@example.com"));
    let seen = world.get("/v1/me").bearer(&outside).app(&app.client_id).send().await;
    assert_eq!(seen.ok()["app_id"], json!(null));
    world.get(&format!("/v1/apps/{}", app.id)).bearer(&outside).send().await.refused(404, "not_found");
    me(world, &alice.token).await.ok();
    // It has no password here, and is worth nothing where one of ours is asked for.
    let change = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
    let change = world.post("/v1/auth/change-password", &change).bearer(&outside);
    change.send().await.refused(401, "invalid_credentials");
    let refresh = json!({ "refresh_token": outside });
    world.post("/v1/auth/token/refresh", &refresh).send().await.refused(401, "unauthorized");
}

async fn the_two_secrets_differ(world: &World) {
    let secrets = |supabase: &str| ServerSecrets { supabase: Some(supabase.into()), ..world.plan.secrets.clone() };
    let same = "sign 0123456789abcdef0123456789abcdef";
    let before = ServerSecrets {
        signing: "next 0123456789abcdef0123456789abcdef".into(),
        signing_previous: Some(same.into()),
        ..secrets(same)
    };
    for refused in [secrets(same), before, secrets("short")] {
        let error = Keys::new(&refused, "https://id.example.com".to_owned()).err().unwrap();
        assert_eq!(error.code, Code::InvalidSetting);
        assert!(error.message.contains("JWT_SECRET") && !error.message.contains(same), "{error}");
    }
    assert!(Keys::new(&secrets(SECRET), "https://id.example.com".to_owned()).is_ok());
}

async fn connections(world: &World, token: &str) -> Vec<Value> {
    world.get("/v1/me/social-connections").bearer(token).send().await.ok().as_array().unwrap().clone()
}

async fn a_link_is_listed_and_cut_and_not_the_last_way_in(world: &World) {
    let world = &supabase(world, |_| ()).await;
    // As an app may write it.
    let cut = async |token: &str| world.delete("/v1/me/social-connections/Supabase").bearer(token).send().await;
    // Nothing but the link: it stays.
    let alone = token(&claims(world, "sub-1", "alice@example.com"));
    me(world, &alone).await.ok();
    let listed = connections(world, &alone).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["provider"], &listed[0]["provider_user_id"]), (&json!("supabase"), &json!("sub-1")));
    assert!(listed[0]["connected_at"].is_string());
    cut(&alone).await.refused(409, "last_auth_method");
    me(world, &alone).await.ok();
    // With a password it goes, and with it whoever comes with a token from before, at once.
    let bob = world.sign_up(None, "bob").await;
    let body = json!({ "token": world.mail().await.token() });
    world.post("/v1/auth/verify", &body).send().await.ok();
    later(world);
    let linked = token(&claims(world, "sub-2", "bob@example.com"));
    assert_eq!(me(world, &linked).await.ok()["principal_id"], json!(bob.id));
    assert_eq!(connections(world, &bob.token).await.len(), 1);
    cut(&bob.token).await.ok();
    cut(&bob.token).await.refused(404, "not_found");
    assert!(connections(world, &bob.token).await.is_empty());
    assert_eq!(me(world, &linked).await.status, 401);
    me(world, &bob.token).await.ok();
    assert_eq!((world.events("auth.social_connected"), world.events("auth.social_disconnected")), (2, 1));
    // Neither a key nor an app cuts anything, and what names no provider is nothing.
    for odd in ["github", "%00", "supabase%20"] {
        let path = format!("/v1/me/social-connections/{odd}");
        world.delete(&path).bearer(&alone).send().await.refused(404, "not_found");
    }
}

async fn of_two_links_that_are_cut_at_once_one_stays(world: &World) {
    let world = &supabase(world, |_| ()).await;
    for round in 0..10 {
        let (subject, email) = (format!("sub-{round}"), format!("user-{round}@example.com"));
        let token = token(&claims(world, &subject, &email));
        let id: kernel::id::PrincipalId = me(world, &token).await.text("principal_id").parse().unwrap();
        let now = world.now();
        world
            .write(move |tx| {
                let account = tx.account_of(None, id)?.unwrap().id;
                let (provider, subject) = ("github".to_owned(), format!("{id}"));
                tx.insert_link(&identity::Link { provider, subject, app: None, account, created_at: now })
            })
            .await;
        let cut = |provider: &str| world.delete(&format!("/v1/me/social-connections/{provider}")).bearer(&token).send();
        let (one, other) = futures_util::future::join(cut("github"), cut("supabase")).await;
        assert!(one.is_success() || other.is_success(), "{one:?} {other:?}");
        assert_eq!(links(world), round + 1, "{one:?} {other:?}");
    }
}
