//! What deliveries are signed with: the organization's secret, or an endpoint's own, and the one before.

use std::time::Duration;

use kernel::{Unchecked, id::WebhookId, secret::ExposeSecret as _};
use platform::keys::{Keys, Sealing};
use serde_json::{Value, json};

use crate::support::{Answer, Company, World};

on_both!(
    endpoints_share_their_organizations_secret,
    a_chosen_secret_is_the_endpoints_own,
    an_endpoint_gets_a_secret_of_its_own,
    attack_47_the_secret_before_counts_for_the_overlap_alone,
    an_organizations_secret_before_counts_for_the_overlap,
    attack_47_a_secret_is_in_no_list_no_log_and_no_database,
    attack_52_a_url_that_moves_keeps_its_secret_and_shows_it_to_nobody,
);

async fn make(world: &World, company: &Company, wishes: &Value) -> Answer {
    let mut body = json!({ "url": "https://hooks.example.com/" });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    world.post(&company.path("webhooks"), &body).by(&company.admin).send().await
}

async fn rotate(world: &World, company: &Company, id: &str, how: &Value) -> Answer {
    world.post(&format!("/v1/webhooks/{id}/rotate-secret"), how).by(&company.admin).send().await
}

async fn rotate_all(world: &World, company: &Company, how: &Value) -> Answer {
    world.post(&company.path("webhook-secret/rotate"), how).by(&company.admin).send().await
}

async fn shown(world: &World, company: &Company, id: &str) -> Value {
    world.get(&format!("/v1/webhooks/{id}")).by(&company.admin).send().await.ok().clone()
}

fn sealing(world: &World) -> Sealing {
    Keys::new(&world.plan.secrets, "fabric".to_owned()).unwrap().sealing
}

/// An endpoint's own secret and the one before, opened.
async fn own(world: &World, id: &str) -> (Option<String>, Option<String>) {
    let id: WebhookId = id.parse().unwrap();
    let endpoint = world.read(move |tx| tx.endpoint(id)).await.unwrap();
    let (place, sealing) = ([b"webhook secret ".as_slice(), id.0.as_bytes()].concat(), sealing(world));
    let open = |sealed| sealing.open(&sealed, &place).unwrap().expose_secret().to_owned();
    (endpoint.secret.map(open), endpoint.previous.map(|previous| open(previous.secret)))
}

/// The organization's secret and the one before, opened.
async fn organizations(world: &World, company: &Company) -> (String, Option<String>) {
    let within = Unchecked(company.id);
    let signing = world.read(move |tx| tx.signing(&within)).await.unwrap();
    let (place, sealing) = ([b"signing secret ".as_slice(), company.id.0.as_bytes()].concat(), sealing(world));
    let open = |sealed| sealing.open(&sealed, &place).unwrap().expose_secret().to_owned();
    (open(signing.secret), signing.previous.map(|previous| open(previous.secret)))
}

async fn endpoints_share_their_organizations_secret(world: &World) {
    let company = Company::new(world).await;
    let tries = (0..4).map(|_| async { make(world, &company, &json!({})).await.text("secret") });
    let secrets = futures_util::future::join_all(tries).await;
    assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.starts_with("whsec_")), "{secrets:?}");
    assert_eq!(organizations(world, &company).await, (secrets[0].clone(), None));
    let next = rotate_all(world, &company, &json!({})).await.text("secret");
    let another = make(world, &company, &json!({})).await;
    assert_eq!(another.text("secret"), next);
    assert_eq!(own(world, &another.text("id")).await, (None, None));
}

async fn a_chosen_secret_is_the_endpoints_own(world: &World) {
    let company = Company::new(world).await;
    let chosen = "whsec_Y2hvc2VuLWJ5LXRoZS1yZWNlaXZlcg==";
    let made = make(world, &company, &json!({ "secret": chosen })).await;
    assert_eq!(made.text("secret"), chosen);
    assert_eq!(own(world, &made.text("id")).await, (Some(chosen.to_owned()), None));
    let flat = json!({ "organization_id": company.id, "url": "https://hooks.example.com/", "secret": chosen });
    assert_eq!(world.post("/v1/webhooks", &flat).by(&company.admin).send().await.text("secret"), chosen);
    // Nobody else's has to be made for it, and none replaces it.
    assert_eq!(world.number("SELECT count(*) FROM signing_secrets"), 1, "of the app's owner");
    rotate_all(world, &company, &json!({})).await.ok();
    assert_eq!(own(world, &made.text("id")).await.0.as_deref(), Some(chosen));
}

async fn an_endpoint_gets_a_secret_of_its_own(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &json!({})).await;
    let (id, shared) = (made.text("id"), made.text("secret"));
    let other = make(world, &company, &json!({})).await.text("id");
    let rotated = rotate(world, &company, &id, &json!({ "overlap_seconds": 60 })).await;
    let first = rotated.text("secret");
    assert!(rotated.status == 200 && first.starts_with("whsec_") && first != shared);
    // The organization's stays as it is, and is what counted before.
    assert_eq!(own(world, &id).await, (Some(first.clone()), Some(shared.clone())));
    assert_eq!(organizations(world, &company).await, (shared, None));
    assert_eq!(
        (own(world, &other).await, shown(world, &company, &other).await["previous_secret_until"].clone()),
        ((None, None), Value::Null)
    );
    // None but the last one counts; and without an overlap none at all.
    let second = rotate(world, &company, &id, &json!({ "overlap_seconds": 60 })).await.text("secret");
    assert_eq!(own(world, &id).await, (Some(second), Some(first)));
    let last = world.call("POST", &format!("/v1/webhooks/{id}/rotate-secret")).by(&company.admin).send().await;
    assert_eq!(own(world, &id).await, (Some(last.text("secret")), None));
    assert_eq!((world.events("webhook.secret_rotated"), world.events("webhook.updated")), (3, 0));
}

async fn attack_47_the_secret_before_counts_for_the_overlap_alone(world: &World) {
    let company = Company::new(world).await;
    let id = make(world, &company, &json!({})).await.text("id");
    let rotated = rotate(world, &company, &id, &json!({ "overlap_seconds": 3600 })).await;
    let until = rotated.text("previous_secret_until");
    let an_hour_from_now = world.now().after(Duration::from_hours(1)).to_string();
    assert_eq!(until[..19], an_hour_from_now[..19], "to the second");
    assert_eq!(shown(world, &company, &id).await["previous_secret_until"], json!(until));
    let log = company.log(world, "?action=webhook.secret_rotated").await;
    assert_eq!(log[0]["metadata"]["previous_secret_until"], json!(until));
    world.advance(Duration::from_mins(59));
    assert_eq!(shown(world, &company, &id).await["previous_secret_until"], json!(until));
    world.advance(Duration::from_mins(1));
    assert_eq!(shown(world, &company, &id).await["previous_secret_until"], Value::Null);
    for overlap in [json!(604_801), json!(u64::MAX)] {
        let how = json!({ "overlap_seconds": overlap });
        rotate(world, &company, &id, &how).await.refused(400, "invalid_setting");
        rotate_all(world, &company, &how).await.refused(400, "invalid_setting");
    }
    rotate(world, &company, &id, &json!({ "overlap_seconds": -1 })).await.refused(400, "invalid_body");
    rotate(world, &company, &id, &json!({ "overlap_seconds": 604_800 })).await.ok();
}

async fn an_organizations_secret_before_counts_for_the_overlap(world: &World) {
    let company = Company::new(world).await;
    // There is none before the first.
    let first = rotate_all(world, &company, &json!({ "overlap_seconds": 60 })).await;
    assert_eq!(first.ok()["previous_secret_until"], Value::Null);
    let id = make(world, &company, &json!({})).await.text("id");
    let chosen = make(world, &company, &json!({ "secret": "an endpoint's own".replace(' ', "-") })).await.text("id");
    let second = rotate_all(world, &company, &json!({ "overlap_seconds": 60 })).await;
    let until = second.text("previous_secret_until");
    let both = (second.text("secret"), Some(first.text("secret")));
    assert_eq!(organizations(world, &company).await, both);
    // Who is signed for with it is told; who has another is not.
    assert_eq!(shown(world, &company, &id).await["previous_secret_until"], json!(until));
    assert_eq!(shown(world, &company, &chosen).await["previous_secret_until"], Value::Null);
    let listed = world.get(&company.path("webhooks")).by(&company.admin).send().await;
    assert_eq!(listed.ok()[0]["previous_secret_until"], json!(until));
    world.advance(Duration::from_mins(1));
    assert_eq!(shown(world, &company, &id).await["previous_secret_until"], Value::Null);
    let third = rotate_all(world, &company, &json!({})).await;
    assert_eq!(organizations(world, &company).await, (third.text("secret"), None));
}

async fn attack_47_a_secret_is_in_no_list_no_log_and_no_database(world: &World) {
    let company = Company::new(world).await;
    let chosen = "whsec_Y2hvc2VuLWJ5LXRoZS1yZWNlaXZlcg==";
    let id = make(world, &company, &json!({ "secret": chosen })).await.text("id");
    let shared = make(world, &company, &json!({})).await.text("secret");
    let rotated = rotate(world, &company, &id, &json!({ "overlap_seconds": 60 })).await.text("secret");
    let path = format!("/v1/webhooks/{id}");
    let changed = world.patch(&path, &json!({ "max_retries": 1 })).by(&company.admin).send().await;
    let mut told = vec![changed];
    for path in [path, company.path("webhooks"), company.path("audit-logs"), company.path("export")] {
        told.push(world.get(&path).by(&company.owner).send().await);
    }
    let gone = world.delete(&format!("/v1/webhooks/{id}")).by(&company.admin).send().await;
    for answer in told.iter().chain([&gone]) {
        let text = answer.body.to_string();
        for secret in [chosen, &shared, &rotated, "whsec_"] {
            assert!(!text.contains(secret), "{secret} in {answer:?}");
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%whsec_%'"), 0);
}

/// A signature tells nothing of its key, and what is signed the receiver reads anyhow: a secret does not leak by a move.
async fn attack_52_a_url_that_moves_keeps_its_secret_and_shows_it_to_nobody(world: &World) {
    let company = Company::new(world).await;
    let made = make(world, &company, &json!({ "secret": "0123456789abcdef" })).await;
    let path = format!("/v1/webhooks/{}", made.text("id"));
    let moved = world.patch(&path, &json!({ "url": "https://new.example.com/" })).by(&company.admin).send().await;
    assert_eq!((moved.text("url").as_str(), moved.ok().get("secret")), ("https://new.example.com/", None));
    assert_eq!(own(world, &made.text("id")).await, (Some("0123456789abcdef".to_owned()), None));
}
