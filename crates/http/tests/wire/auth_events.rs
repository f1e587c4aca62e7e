//! Links that the ledger tells of: what is delivered of them to the app itself, beside or in place of a mail.

use std::{collections::BTreeSet, time::Duration};

use audit::{Entry, Filter};
use kernel::{EventKind, Page, Unchecked};
use serde_json::{Map, Value, json};

use crate::support::{App, Company, NEXT_PASSWORD, PASSWORD, World};

on_both!(
    each_link_is_told_of_whether_mail_goes_out_or_not,
    a_mail_and_a_webhook_carry_the_same_link_and_it_is_good_once,
    one_that_is_used_ends_the_others_of_its_purpose,
    every_try_says_the_same_until_the_time_is_over,
    nothing_is_delivered_of_what_is_gone_or_closed,
    a_link_of_an_invitation_is_told_of_and_accepts,
    an_invitation_that_was_answered_tells_nothing,
    attack_53_no_token_is_in_the_database,
    attack_31_nobody_is_told_of_who_has_no_account,
    the_audit_log_shows_the_event_and_no_token,
    other_events_say_what_they_say,
    the_platforms_own_accounts_are_told_of_too,
    a_magic_link_is_told_of_until_it_is_used,
);

const VERIFY: &str = "auth.email_verification_required";
const RESET: &str = "auth.password_reset_requested";
const MAGIC_LINK: &str = "auth.magic_link_requested";
const INVITED: &str = "invitation.link_issued";

impl World {
    /// What the ledger has of a kind, newest first.
    async fn entries(&self, app: Option<&App>, kind: &str) -> Vec<Entry> {
        let (app, kind) = (app.map(|app| app.id), kind.to_owned());
        let page = Page::new(None, 0, 200).unwrap();
        let entries = self.read(move |tx| tx.entries_of(&Unchecked(app), &Filter::default(), &page)).await;
        entries.items.into_iter().filter(|entry| entry.kind == kind).collect()
    }

    /// What is delivered of the newest of a kind, if anything is.
    async fn delivered(&self, app: &App, kind: &str) -> Option<Map<String, Value>> {
        let entries = self.entries(Some(app), kind).await;
        self.platform.payload_with_token(&entries[0]).await.unwrap()
    }

    /// The same when something is: a token and where it leads.
    async fn link(&self, app: &App, kind: &str) -> (String, String) {
        let payload = self.delivered(app, kind).await.expect("something is delivered");
        let names = match kind {
            VERIFY => ["verify_token", "verify_url"],
            RESET => ["reset_token", "reset_url"],
            MAGIC_LINK => ["magic_link_token", "magic_link_url"],
            _ => ["token", "accept_url"],
        };
        let [token, url] = names.map(|name| payload[name].as_str().unwrap().to_owned());
        (token, url)
    }

    async fn ask(&self, app: &App, path: &str) {
        self.at_door(Some(app), path, &json!({ "email": "alice@example.com" })).send().await.ok();
    }

    async fn forgot(&self, app: &App) {
        self.ask(app, "/v1/auth/forgot-password").await;
    }

    /// What waits is done, and nobody carries mail.
    async fn without_mail(&self) {
        while self.platform.send_mails(None).await.unwrap() > 0 {}
    }

    async fn verify(&self, token: &str) -> bool {
        self.post("/v1/auth/verify", &json!({ "token": token })).send().await.status == 200
    }

    async fn reset(&self, token: &str, password: &str) -> bool {
        let body = json!({ "token": token, "new_password": password });
        self.post("/v1/auth/reset-password", &body).send().await.status == 200
    }
}

async fn each_link_is_told_of_whether_mail_goes_out_or_not(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.forgot(&app).await;
    assert_eq!((world.events(VERIFY), world.events(RESET)), (0, 0), "the request tells nothing, and takes no longer");
    world.without_mail().await;
    assert_eq!((world.events(VERIFY), world.events(RESET)), (1, 1));
    assert_eq!(world.number("SELECT count(*) FROM mail_queue"), 0);

    for kind in [VERIFY, RESET] {
        let delivered = world.delivered(&app, kind).await.unwrap();
        let declared = EventKind::named(kind).unwrap().fields().iter().map(|field| field.name);
        assert_eq!(delivered.keys().map(String::as_str).collect::<BTreeSet<_>>(), declared.collect(), "{kind}");
    }
    let payload = world.delivered(&app, VERIFY).await.unwrap();
    let token = payload["verify_token"].as_str().unwrap();
    assert_eq!(
        Value::Object(payload.clone()),
        json!({
            "principal_id": alice.id, "email": "alice@example.com", "verify_token": token,
            "verify_url": format!("https://id.example.com/v1/auth/verify?token={token}&type=signup"),
        })
    );
    let payload = world.delivered(&app, RESET).await.unwrap();
    let token = payload["reset_token"].as_str().unwrap();
    assert_eq!(
        Value::Object(payload.clone()),
        json!({
            "principal_id": alice.id, "email": "alice@example.com", "reset_token": token,
            "reset_url": format!("https://id.example.com/v1/auth/reset-password?token={token}"),
        })
    );
    world.configure(&app, &json!({ "site_url": "https://app.example.com/" })).await;
    let (token, url) = world.link(&app, RESET).await;
    assert_eq!(url, format!("https://app.example.com/reset-password?token={token}"));

    for (kind, app_of_it) in [(VERIFY, app.id), (RESET, app.id)] {
        let entry = &world.entries(Some(&app), kind).await[0];
        assert_eq!((entry.app, entry.organization, entry.actor), (Some(app_of_it), None, None), "{kind}");
        assert_eq!(Value::Object(entry.details()), json!({ "principal_id": alice.id, "email": "alice@example.com" }));
    }
    let (token, _) = world.link(&app, VERIFY).await;
    assert!(world.verify(&token).await, "and it works");
}

async fn a_mail_and_a_webhook_carry_the_same_link_and_it_is_good_once(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.forgot(&app).await;
    let mails = world.mails().await;
    let [verify, reset] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(world.link(&app, VERIFY).await, (verify.token(), verify.link().to_owned()));
    assert_eq!(world.link(&app, RESET).await, (reset.token(), reset.link().to_owned()));

    assert!(world.reset(&reset.token(), NEXT_PASSWORD).await);
    assert!(!world.reset(&reset.token(), PASSWORD).await);
    assert_eq!(world.delivered(&app, RESET).await, None, "what was used is delivered no more");
    // Whoever reset a password has proven the address by it.
    assert_eq!(world.delivered(&app, VERIFY).await, None);
}

async fn one_that_is_used_ends_the_others_of_its_purpose(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    for _ in 0..2 {
        world.forgot(&app).await;
        world.ask(&app, "/v1/auth/resend-verification").await;
        world.without_mail().await;
    }
    let entries = world.entries(Some(&app), RESET).await;
    assert_eq!(entries.len(), 2);
    let mut tokens = Vec::new();
    for entry in &entries {
        let payload = world.platform.payload_with_token(entry).await.unwrap().unwrap();
        tokens.push(payload["reset_token"].as_str().unwrap().to_owned());
    }
    assert_ne!(tokens[0], tokens[1]);
    // One of each is mailed, one delivered: the first that is used counts.
    assert!(world.reset(&tokens[1], NEXT_PASSWORD).await);
    assert!(!world.reset(&tokens[0], PASSWORD).await);
    for entry in &entries {
        assert_eq!(world.platform.payload_with_token(entry).await.unwrap(), None);
    }
    assert!(!world.verify(&tokens[0]).await, "nor is one of one kind good for the other");
}

async fn every_try_says_the_same_until_the_time_is_over(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.forgot(&app).await;
    world.without_mail().await;
    let first = world.link(&app, RESET).await;
    let world = &world.restarted().await;
    assert_eq!(world.link(&app, RESET).await, first, "whichever server sends it");
    world.advance(Duration::from_mins(59));
    assert_eq!(world.link(&app, RESET).await, first);
    world.advance(Duration::from_mins(2));
    assert_eq!(world.delivered(&app, RESET).await, None);
    assert!(!world.reset(&first.0, NEXT_PASSWORD).await);
    assert!(world.delivered(&app, VERIFY).await.is_some(), "this one lives for a day");
    world.advance(Duration::from_hours(24));
    assert_eq!(world.delivered(&app, VERIFY).await, None);
    // Nor does another key make a token of it that opens anything.
    world.forgot(&app).await;
    world.without_mail().await;
    let other = &world.restarted_with(|plan| plan.secrets.token = "other 0123456789abcdef0123456789abcd".into()).await;
    assert_eq!(other.delivered(&app, RESET).await, None);
}

async fn nothing_is_delivered_of_what_is_gone_or_closed(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.forgot(&app).await;
    world.without_mail().await;
    let switch = async |path: String| {
        world.call("POST", &path).bearer(&app.api_key).send().await.ok();
    };
    for what in [format!("/v1/admin/users/{}", alice.id), format!("/v1/apps/{}", app.id)] {
        switch(format!("{what}/disable")).await;
        for kind in [VERIFY, RESET] {
            assert_eq!(world.delivered(&app, kind).await, None, "{what} {kind}");
        }
        switch(format!("{what}/enable")).await;
        assert!(world.delivered(&app, RESET).await.is_some(), "{what}");
    }
    switch(format!("/v1/admin/users/{}/verify", alice.id)).await;
    assert_eq!(world.delivered(&app, VERIFY).await, None, "somebody vouched for it");
    world.delete(&format!("/v1/admin/users/{}", alice.id)).bearer(&app.api_key).send().await.ok();
    assert_eq!(world.delivered(&app, RESET).await, None);
}

async fn a_link_of_an_invitation_is_told_of_and_accepts(world: &World) {
    let company = Company::new(world).await;
    let app = &company.app;
    let invited = json!({ "email": "alice@example.com", "role": "member" });
    let id = world.post(&company.path("invitations"), &invited).by(&company.owner).send().await.text("id");
    assert_eq!(world.events(INVITED), 0);
    let mails = world.mails().await;
    let mail = mails.iter().find(|mail| mail.to == "alice@example.com").expect("a mail");
    let payload = world.delivered(app, INVITED).await.unwrap();
    assert_eq!(
        Value::Object(payload),
        json!({
            "invitation_id": id, "email": "alice@example.com", "token": mail.token(), "accept_url": mail.link(),
        })
    );
    let entry = &world.entries(Some(app), INVITED).await[0];
    assert_eq!((entry.app, entry.organization), (Some(app.id), Some(company.id)));
    // Sent again, it is another link; the one before stays good.
    world.call("POST", &format!("/v1/invitations/{id}/resend")).by(&company.owner).send().await.ok();
    world.without_mail().await;
    let (again, _) = world.link(app, INVITED).await;
    assert_ne!(again, mail.token());
    let alice = world.sign_up(Some(app), "alice").await;
    let accept = format!("/v1/invitations/{id}/accept");
    world.post(&accept, &json!({ "token": again })).by(&alice).send().await.ok();
    for token in [again, mail.token()] {
        world.post(&accept, &json!({ "token": token })).by(&alice).send().await.refused(409, "invitation_closed");
    }
    assert_eq!(world.delivered(app, INVITED).await, None);
}

async fn an_invitation_that_was_answered_tells_nothing(world: &World) {
    let company = Company::new(world).await;
    let app = &company.app;
    let invite = async |name: &str| {
        let body = json!({ "email": format!("{name}@example.com"), "role": "member" });
        let id = world.post(&company.path("invitations"), &body).by(&company.owner).send().await.text("id");
        world.without_mail().await;
        assert!(world.delivered(app, INVITED).await.is_some());
        id
    };
    let id = invite("alice").await;
    world.call("POST", &format!("/v1/invitations/{id}/revoke")).by(&company.owner).send().await.ok();
    assert_eq!(world.delivered(app, INVITED).await, None);
    invite("bob").await;
    world.advance(Duration::from_hours(7 * 24));
    assert_eq!(world.delivered(app, INVITED).await, None);
}

async fn attack_53_no_token_is_in_the_database(world: &World) {
    let company = Company::new(world).await;
    let app = &company.app;
    world.sign_up(Some(app), "alice").await;
    world.forgot(app).await;
    let body = json!({ "email": "bob@example.com", "role": "member" });
    world.post(&company.path("invitations"), &body).by(&company.owner).send().await.ok();
    world.mails().await;
    assert!(!world.columns_with("alice@example.com").is_empty(), "what is there is found");
    for kind in [VERIFY, RESET, INVITED] {
        let (token, _) = world.link(app, kind).await;
        assert_eq!(world.columns_with(&token), [""; 0], "{kind}");
    }
}

async fn attack_31_nobody_is_told_of_who_has_no_account(world: &World) {
    let app = world.app("acme").await;
    let other = world.app("other").await;
    world.sign_up(Some(&other), "alice").await;
    world.without_mail().await;
    let before = world.number("SELECT count(*) FROM events");
    world.forgot(&app).await;
    world.ask(&app, "/v1/auth/resend-verification").await;
    world.without_mail().await;
    assert_eq!(world.number("SELECT count(*) FROM events"), before, "whoever has an account elsewhere has none here");
    assert_eq!(world.events(RESET), 0);
}

async fn the_audit_log_shows_the_event_and_no_token(world: &World) {
    let app = world.app("acme").await;
    world.sign_up(Some(&app), "alice").await;
    world.forgot(&app).await;
    world.mails().await;
    let tokens = [world.link(&app, VERIFY).await.0, world.link(&app, RESET).await.0];
    let path = format!("/v1/audit-logs?app_id={}&limit=200", app.id);
    let listed = world.get(&path).bearer(&app.api_key).send().await;
    let text = listed.ok().to_string();
    for kind in [VERIFY, RESET] {
        assert!(text.contains(kind), "{text}");
    }
    assert!(tokens.iter().all(|token| !text.contains(token)) && !text.contains("_token"), "{text}");
}

async fn other_events_say_what_they_say(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEXT_PASSWORD });
    world.post("/v1/auth/change-password", &change).by(&alice).send().await.ok();
    for _ in 0..5 {
        world.log_in(Some(&app), "alice", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    let guessed = world.events("auth.account_locked");
    for _ in 0..5 {
        world.log_in(Some(&app), "nobody", "Wrong-horse-1").await.refused(401, "invalid_credentials");
    }
    let locked = world.entries(Some(&app), "auth.account_locked").await;
    assert_eq!(locked.len(), usize::try_from(guessed).unwrap() + 1, "a lock of nobody's address is one, too");
    assert_eq!(Value::Object(locked[0].details()), json!({ "principal_id": null, "email": null }));
    let units = world.units();
    for (kind, payload) in [
        ("auth.signup", json!({ "principal_id": alice.id, "email": "alice@example.com" })),
        ("auth.password_changed", json!({ "principal_id": alice.id })),
        ("auth.account_locked", json!({ "principal_id": alice.id, "email": "alice@example.com" })),
    ] {
        let entries = world.entries(Some(&app), kind).await;
        let said = world.platform.payload_with_token(entries.last().unwrap()).await.unwrap().unwrap();
        assert_eq!(Value::Object(said), payload, "{kind}");
        assert!(!EventKind::named(kind).unwrap().carries_token(), "{kind}");
    }
    assert_eq!(world.units().0 - units.0, 3, "nothing is looked up for them but the entries");
}

async fn the_platforms_own_accounts_are_told_of_too(world: &World) {
    world.sign_up(None, "developer").await;
    world.without_mail().await;
    // It belongs to no app: so no endpoint hears of it, and it is for the mail alone.
    let entries = world.entries(None, VERIFY).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].app, entries[0].organization), (None, None));
}

async fn a_magic_link_is_told_of_until_it_is_used(world: &World) {
    let app = world.app("acme").await;
    let alice = world.sign_up(Some(&app), "alice").await;
    world.without_mail().await;
    world.ask(&app, "/v1/auth/magic-link").await;
    assert_eq!(world.events(MAGIC_LINK), 0, "the request tells nothing, and takes no longer");
    let mail = world.mail().await;
    assert_eq!(world.link(&app, MAGIC_LINK).await, (mail.token(), mail.link().to_owned()));
    let entry = &world.entries(Some(&app), MAGIC_LINK).await[0];
    assert_eq!(Value::Object(entry.details()), json!({ "principal_id": alice.id, "email": "alice@example.com" }));
    assert_eq!(world.columns_with(&mail.token()), [""; 0]);
    world.post("/v1/auth/magic-link/verify", &json!({ "token": mail.token() })).send().await.ok();
    assert_eq!(world.delivered(&app, MAGIC_LINK).await, None);
    world.ask(&app, "/v1/auth/magic-link").await;
    world.without_mail().await;
    assert!(world.delivered(&app, MAGIC_LINK).await.is_some());
    world.advance(Duration::from_mins(15));
    assert_eq!(world.delivered(&app, MAGIC_LINK).await, None);
}
