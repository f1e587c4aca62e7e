//! Secrets that organizations keep.

use kernel::{Sealed, Unchecked, secret::ExposeSecret};
use platform::keys::Keys;
use serde_json::{Value, json};
use tenancy::SecretName;

use crate::support::{Answer, Company, Person, World};

on_both!(
    a_signing_secret_is_replaced_and_shown_once,
    a_secret_goes_in_and_never_comes_out,
    what_is_sealed_opens_in_its_place_alone,
    a_server_without_the_key_does_not_start,
    secrets_are_listed_by_name_and_page_by_page,
    a_name_and_a_value_are_what_they_may_be,
    who_may_see_may_not_set,
    what_is_not_there_is_not_deleted,
    an_organization_has_only_so_many,
    a_closed_organization_keeps_its_secrets,
);

const VALUE: &str = "sk-live-Zoë-🦊-0123456789";

async fn set(world: &World, company: &Company, by: &Person, name: &str, value: &str) -> Answer {
    world.post(&company.path("secrets"), &json!({ "name": name, "value": value })).by(by).send().await
}

async fn sealed(world: &World, company: &Company, name: &str) -> Option<Sealed> {
    let (within, name) = (Unchecked(company.id), SecretName::parse(name).unwrap());
    world.read(move |tx| tx.sealed_secret(&within, &name)).await
}

async fn a_secret_goes_in_and_never_comes_out(world: &World) {
    let company = Company::new(world).await;
    let made = set(world, &company, &company.admin, "OPENAI_API_KEY", VALUE).await;
    let created_at = made.text("created_at");
    assert_eq!((made.status, made.text("name").as_str()), (201, "OPENAI_API_KEY"));
    assert_eq!(made.text("updated_at"), created_at);
    let again = set(world, &company, &company.admin, "OPENAI_API_KEY", "another value").await;
    assert_eq!((again.status, again.text("created_at")), (201, created_at.clone()));
    assert_ne!(again.text("updated_at"), created_at);
    let listed = world.get(&company.path("secrets")).by(&company.member).send().await;
    assert_eq!(listed.ok(), &json!([again.ok()]));
    for answer in [&made, &again, &listed] {
        let body = answer.body.to_string();
        assert!(!body.contains("sk-live") && !body.contains("another") && !body.contains("value"), "{body}");
    }
    let gone = world.delete(&company.path("secrets/OPENAI_API_KEY")).by(&company.admin).send().await;
    assert_eq!((gone.status, gone.text("message").as_str()), (200, "The secret is deleted."));
    assert_eq!(world.get(&company.path("secrets")).by(&company.member).send().await.ok(), &json!([]));
    assert_eq!((world.events("secret.set"), world.events("secret.deleted")), (2, 1));
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%sk-live%'"), 0);
}

/// Attack 53: what lies in the database is worth nothing without the key, nor elsewhere.
async fn what_is_sealed_opens_in_its_place_alone(world: &World) {
    let company = Company::new(world).await;
    set(world, &company, &company.admin, "KEY", VALUE).await.ok();
    let kept = sealed(world, &company, "KEY").await.unwrap();
    assert!(!String::from_utf8_lossy(&kept.0).contains("sk-live"));
    let sealing = Keys::new(&world.plan.secrets, "fabric".to_owned()).unwrap().sealing;
    let name = |text| SecretName::parse(text).unwrap();
    assert_eq!(sealing.open(&kept, &name("KEY").place(company.id)).unwrap().expose_secret(), VALUE);
    let elsewhere = world.home_of(&company.outsider).await;
    assert!(sealing.open(&kept, &name("KEY").place(elsewhere)).is_err());
    assert!(sealing.open(&kept, &name("KEY2").place(company.id)).is_err());
    set(world, &company, &company.admin, "KEY", VALUE).await.ok();
    assert_ne!(sealed(world, &company, "KEY").await.unwrap(), kept, "sealed anew, each time");
}

async fn a_server_without_the_key_does_not_start(world: &World) {
    // `set_up` seals with the key that is configured, so what is sealed here is sealed by another server's.
    let company = Company::new(world).await;
    let other =
        world.restarted_with(|plan| plan.secrets.encryption = Some("seal 0123456789abcdef0123456789abcdef".into()));
    let other = other.await;
    let secret = json!({ "name": "KEY", "value": VALUE });
    other.post(&company.path("secrets"), &secret).by(&company.admin).send().await.ok();
    let refused = world.start_refused(|_| ()).await;
    assert!(refused.message.contains("FABRIC_ENCRYPTION_KEY"), "{refused}");
}

async fn secrets_are_listed_by_name_and_page_by_page(world: &World) {
    let company = Company::new(world).await;
    let names = [".env", "A", "B-2", "B.1", "b", "c_d"];
    for name in names.iter().rev() {
        set(world, &company, &company.owner, name, "x").await.ok();
    }
    let (mut seen, mut path) = (Vec::new(), Some(company.path("secrets?limit=4&include_total=true")));
    while let Some(next) = path {
        let page = world.get(&next).by(&company.member).send().await;
        seen.extend(page.ok().as_array().unwrap().iter().map(|secret| secret["name"].clone()));
        assert_eq!(page.body["meta"]["pagination"]["total"], 6);
        path = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, names);
    // C-21: one SDK wants objects, another one strings.
    let listed = world.get(&company.path("secrets?format=names")).by(&company.member).send().await;
    assert_eq!(listed.ok(), &json!(names));
    let first = world.get(&company.path("secrets?format=names&limit=2")).by(&company.member).send().await;
    let next = first.body["links"]["next"].as_str().unwrap().to_owned();
    let second = world.get(&next).by(&company.member).send().await;
    assert_eq!(second.ok(), &json!(names[2..4]), "the format stays: {next}");
    for query in ["format=values", "format=", "limit=0", "cursor=a%20b", "cursor=..", "include_total=perhaps"] {
        let odd = world.get(&company.path(&format!("secrets?{query}"))).by(&company.member).send().await;
        assert_eq!((odd.status, odd.code()), (400, "invalid_parameter"), "{query}");
    }
}

async fn a_name_and_a_value_are_what_they_may_be(world: &World) {
    let company = Company::new(world).await;
    let longest = "x".repeat(128);
    for name in ["a", "A.b-C_9", "...", &longest] {
        set(world, &company, &company.owner, name, "x").await.ok();
        let path = company.path(&format!("secrets/{name}"));
        world.delete(&path).by(&company.owner).send().await.ok();
    }
    for name in ["", ".", "..", "a b", "a/b", "a%2Fb", "ä", "a\0", "a\n", &"x".repeat(129)] {
        set(world, &company, &company.owner, name, "x").await.refused(400, "invalid_name");
    }
    let largest = "x".repeat(64 * 1024);
    for value in ["x", " ", "\0\u{7f}\r\n", "{\"a\": 1}", &largest] {
        set(world, &company, &company.owner, "KEY", value).await.ok();
    }
    for value in ["", &format!("{largest}x"), &"ä".repeat(32 * 1024 + 1)] {
        set(world, &company, &company.owner, "KEY", value).await.refused(400, "invalid_request");
    }
    for body in [json!({ "name": "KEY" }), json!({ "value": "x" }), json!({ "name": "KEY", "value": null }), json!({})]
    {
        let refused = world.post(&company.path("secrets"), &body).by(&company.owner).send().await;
        refused.refused(400, "invalid_body");
    }
}

async fn who_may_see_may_not_set(world: &World) {
    let company = Company::new(world).await;
    set(world, &company, &company.owner, "KEY", VALUE).await.ok();
    let list = |who| world.get(&company.path("secrets")).by(who).send();
    list(&company.viewer).await.refused(403, "forbidden");
    list(&company.outsider).await.refused(404, "not_found");
    assert_eq!(list(&company.member).await.ok()[0]["name"], "KEY");
    for (who, status, code) in [
        (&company.viewer, 403, "forbidden"),
        (&company.member, 403, "forbidden"),
        (&company.outsider, 404, "not_found"),
    ] {
        set(world, &company, who, "KEY", "mine").await.refused(status, code);
        world.delete(&company.path("secrets/KEY")).by(who).send().await.refused(status, code);
    }
    assert_eq!(world.events("secret.set"), 1);
}

async fn what_is_not_there_is_not_deleted(world: &World) {
    let company = Company::new(world).await;
    set(world, &company, &company.owner, "KEY", VALUE).await.ok();
    for name in ["OTHER", "key", "KEY%20", "KEY%00", "%4BEY%2f", "..%2f", "a%20b", "%ff", &"x".repeat(129), "KEY/"] {
        let path = company.path(&format!("secrets/{name}"));
        world.delete(&path).by(&company.owner).send().await.refused(404, "not_found");
    }
    // What a client escapes without need is the same name.
    world.delete(&company.path("secrets/%4BEY")).by(&company.owner).send().await.ok();
}

async fn an_organization_has_only_so_many(world: &World) {
    let company = Company::new(world).await;
    let within = Unchecked(company.id);
    let now = world.now();
    world
        .write(move |tx| {
            for number in 0..499 {
                tx.set_secret(&within, &SecretName::parse(&format!("KEY_{number}"))?, &Sealed(vec![1]), now)?;
            }
            Ok(())
        })
        .await;
    set(world, &company, &company.owner, "LAST", VALUE).await.ok();
    set(world, &company, &company.owner, "ONE_MORE", VALUE).await.refused(409, "conflict");
    set(world, &company, &company.owner, "LAST", "another value").await.ok();
    let all = world.get(&company.path("secrets?format=names&limit=1&include_total=true")).by(&company.owner);
    assert_eq!(all.send().await.body["meta"]["pagination"]["total"], 500);
}

async fn a_closed_organization_keeps_its_secrets(world: &World) {
    let company = Company::new(world).await;
    set(world, &company, &company.owner, "KEY", VALUE).await.ok();
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    set(world, &company, &company.owner, "KEY", "another").await.refused(409, "conflict");
    world.delete(&company.path("secrets/KEY")).by(&company.owner).send().await.refused(409, "conflict");
    let listed = world.get(&company.path("secrets")).by(&company.owner).send().await;
    assert_eq!(listed.ok().as_array().map(Vec::len), Some(1));
    assert_ne!(listed.ok()[0], Value::Null);
}

async fn a_signing_secret_is_replaced_and_shown_once(world: &World) {
    let company = Company::new(world).await;
    let rotate = async |by: &Person| world.call("POST", &company.path("webhook-secret/rotate")).by(by).send().await;
    rotate(&company.member).await.refused(403, "forbidden");
    rotate(&company.outsider).await.refused(404, "not_found");
    let (first, second) = (rotate(&company.admin).await.text("secret"), rotate(&company.owner).await.text("secret"));
    assert!(first != second && first.starts_with("whsec_") && second.starts_with("whsec_"));
    assert_eq!(world.number("SELECT count(*) FROM signing_secrets"), 2, "the company's, and its app's owner's");
    assert_eq!(world.events("organization.webhook_secret_rotated"), 2);
    let log = world.get(&company.path("audit-logs")).by(&company.owner).send().await;
    assert!(!log.body.to_string().contains("whsec_"));
}
