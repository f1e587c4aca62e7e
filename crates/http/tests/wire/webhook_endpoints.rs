//! Webhook endpoints, as people and programs manage them.

use kernel::{Unchecked, id::WebhookId};
use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    an_endpoint_is_made_listed_changed_and_deleted,
    either_spelling_of_the_filter_will_do,
    what_makes_no_sense_is_refused,
    it_is_the_administrators_business,
    a_key_needs_the_scope,
    attack_37_anothers_endpoint_does_not_exist,
    a_grant_may_name_one_endpoint,
    attack_45_what_is_sent_in_production_is_encrypted,
    attack_52_a_masked_header_stays_where_it_is,
    a_header_is_sealed_for_its_endpoint,
    an_endpoint_is_paused_and_resumed,
    an_organization_has_so_many,
    an_archived_organization_loses_endpoints_and_gains_none,
    an_endpoint_is_what_was_asked_for,
);

const URL: &str = "https://hooks.example.com/fabric?key=in-the-query";

async fn make(world: &World, company: &Company, by: &Person, wishes: &Value) -> Answer {
    let mut body = json!({ "url": URL });
    body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
    world.post(&company.path("webhooks"), &body).by(by).send().await
}

async fn made(world: &World, company: &Company, wishes: &Value) -> String {
    let made = make(world, company, &company.admin, wishes).await;
    format!("/v1/webhooks/{}", made.text("id"))
}

async fn change(world: &World, company: &Company, path: &str, what: &Value) -> Answer {
    world.patch(path, what).by(&company.admin).send().await
}

async fn post(world: &World, by: &Person, path: &str) -> Answer {
    world.call("POST", path).by(by).send().await
}

async fn an_endpoint_is_made_listed_changed_and_deleted(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({
        "description": "Zoë's", "events": ["auth.*", "team.created"], "resource_filter": { "team_id": "x" },
        "headers": { "X-Api-Key": "hunter2" }, "max_retries": 5, "rate_limit_per_minute": 60, "ordered": true,
    });
    let new = make(world, &company, &company.admin, &wishes).await;
    assert_eq!(new.status, 201);
    let mut plain = new.ok().clone();
    let secret = plain.as_object_mut().unwrap().remove("secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    for (field, value) in [
        ("organization_id", json!(company.id)),
        ("app_id", Value::Null),
        ("url", json!(URL)),
        ("description", json!("Zoë's")),
        ("event_filter", json!(["auth.*", "team.created"])),
        ("events", json!(["auth.*", "team.created"])),
        ("resource_filter", json!({ "team_id": "x" })),
        ("headers", json!({ "x-api-key": "***" })),
        ("active", json!(true)),
        ("ordered", json!(true)),
        ("max_retries", json!(5)),
        ("rate_limit_per_minute", json!(60)),
        ("failing_since", Value::Null),
        ("disabled_at", Value::Null),
        ("previous_secret_until", Value::Null),
    ] {
        assert_eq!(plain[field], value, "{field}");
    }
    let usual = world.post("/v1/webhooks", &json!({ "organization_id": company.id, "url": URL }));
    let usual = usual.by(&company.owner).send().await;
    let told = usual.ok();
    assert_eq!((usual.status, &told["max_retries"], &told["ordered"]), (201, &json!(3), &json!(false)));
    assert_eq!(
        (&told["event_filter"], &told["resource_filter"], &told["headers"]),
        (&json!([]), &json!({}), &json!({}))
    );

    let path = format!("/v1/webhooks/{}", new.text("id"));
    assert_eq!(world.get(&path).by(&company.admin).send().await.ok(), &plain);
    let first = world.get(&company.path("webhooks?limit=1&include_total=true")).by(&company.admin).send().await;
    assert_eq!((first.ok(), &first.body["meta"]["pagination"]["total"]), (&json!([plain]), &json!(2)));
    let next = first.body["links"]["next"].as_str().unwrap();
    assert_eq!(world.get(next).by(&company.admin).send().await.ok()[0]["id"], told["id"]);

    let nothing = json!({
        "description": null, "event_filter": [], "resource_filter": {}, "headers": null, "rate_limit_per_minute": null,
        "max_retries": 0, "ordered": false, "url": "https://hooks.example.com/other",
    });
    let changed = change(world, &company, &path, &nothing).await;
    for (field, value) in [
        ("description", Value::Null),
        ("events", json!([])),
        ("resource_filter", json!({})),
        ("headers", json!({})),
        ("rate_limit_per_minute", Value::Null),
        ("max_retries", json!(0)),
        ("ordered", json!(false)),
        ("url", json!("https://hooks.example.com/other")),
        ("created_at", plain["created_at"].clone()),
        ("active", json!(true)),
    ] {
        assert_eq!(changed.ok()[field], value, "{field}");
    }
    // What is not named stays.
    let same = change(world, &company, &path, &json!({})).await;
    for field in ["url", "max_retries", "events", "description"] {
        assert_eq!(same.ok()[field], changed.ok()[field], "{field}");
    }

    let gone = world.delete(&path).by(&company.admin).send().await;
    assert_eq!((gone.status, gone.text("message").as_str()), (200, "The webhook endpoint is deleted."));
    world.get(&path).by(&company.admin).send().await.refused(404, "not_found");
    world.delete(&path).by(&company.admin).send().await.refused(404, "not_found");
    assert_eq!(world.get(&company.path("webhooks")).by(&company.admin).send().await.ok().as_array().unwrap().len(), 1);

    for (kind, count) in [("webhook.created", 2), ("webhook.updated", 2), ("webhook.deleted", 1)] {
        assert_eq!(world.events(kind), count, "{kind}");
    }
    let log = company.log(world, "?action=webhook.*").await;
    let text = Value::Array(log.clone()).to_string();
    assert!(text.contains("https://hooks.example.com") && text.contains("resource_filter"), "{text}");
    for secret in ["whsec_", "hunter2", "in-the-query"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!((&log[0]["resource_type"], &log[0]["resource_id"]), (&json!("webhook"), &plain["id"]));
    let told = json!([
        "url",
        "description",
        "event_filter",
        "resource_filter",
        "headers",
        "max_retries",
        "rate_limit_per_minute",
        "ordered"
    ]);
    assert_eq!((&log[2]["metadata"]["changed"], &log[1]["metadata"]["changed"]), (&told, &json!([])));
}

async fn either_spelling_of_the_filter_will_do(world: &World) {
    let company = Company::new(world).await;
    let (some, other) = (json!(["auth.login"]), json!(["auth.*"]));
    for wishes in
        [json!({ "events": some }), json!({ "event_filter": some }), json!({ "event_filter": some, "events": some })]
    {
        let new = make(world, &company, &company.admin, &wishes).await;
        assert_eq!((&new.ok()["events"], &new.ok()["event_filter"]), (&some, &some), "{wishes}");
        let path = format!("/v1/webhooks/{}", new.text("id"));
        for changed in [json!({ "events": other }), json!({ "event_filter": other })] {
            let changed = change(world, &company, &path, &changed).await;
            assert_eq!((&changed.ok()["events"], &changed.ok()["event_filter"]), (&other, &other));
        }
        let both = json!({ "events": some, "event_filter": other });
        change(world, &company, &path, &both).await.refused(400, "invalid_request");
    }
    make(world, &company, &company.admin, &json!({ "events": some, "event_filter": [] }))
        .await
        .refused(400, "invalid_request");
}

async fn what_makes_no_sense_is_refused(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    let before = world.get(&path).by(&company.admin).send().await;
    let headers = |name: &str, value: &str| json!({ "headers": { name: value } });
    for (wishes, code) in [
        (json!({ "url": "ftp://example.com" }), "invalid_url"),
        (json!({ "url": "https://user:password@example.com" }), "invalid_url"),
        (json!({ "url": "https://example.com/#x" }), "invalid_url"),
        (json!({ "url": "" }), "invalid_url"),
        (json!({ "url": 7 }), "invalid_body"),
        (json!({ "events": ["everything"] }), "invalid_request"),
        (json!({ "events": "auth.login" }), "invalid_body"),
        (json!({ "event_filter": vec!["auth.login"; 101] }), "invalid_request"),
        (json!({ "resource_filter": { "a": 1 } }), "invalid_body"),
        (json!({ "resource_filter": { "a": "x".repeat(257) } }), "invalid_request"),
        (json!({ "max_retries": -1 }), "invalid_body"),
        (json!({ "max_retries": 21 }), "invalid_request"),
        (json!({ "max_retries": u32::MAX }), "invalid_request"),
        (json!({ "max_retries": 1e10 }), "invalid_body"),
        (json!({ "rate_limit_per_minute": 0 }), "invalid_request"),
        (json!({ "rate_limit_per_minute": 60_001 }), "invalid_request"),
        (json!({ "description": "x".repeat(1001) }), "invalid_request"),
        (json!({ "active": "yes" }), "invalid_body"),
        (headers("Host", "internal"), "invalid_request"),
        (headers("content-length", "0"), "invalid_request"),
        (headers("Transfer-Encoding", "chunked"), "invalid_request"),
        (headers("X-Fabric-Signature", "sha256=0"), "invalid_request"),
        (headers("webhook-id", "x"), "invalid_request"),
        (headers("x-a", "b\r\nHost: internal"), "invalid_request"),
        (headers("x a", "b"), "invalid_request"),
        (headers("x-a", ""), "invalid_request"),
        (headers("x-a", "***"), "invalid_request"),
    ] {
        make(world, &company, &company.admin, &wishes).await.refused(400, code);
        change(world, &company, &path, &wishes).await.refused(400, code);
    }
    for secret in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdéf", &"x".repeat(257)] {
        make(world, &company, &company.admin, &json!({ "secret": secret })).await.refused(400, "invalid_request");
    }
    world.post("/v1/webhooks", &json!({ "url": URL })).by(&company.admin).send().await.refused(400, "invalid_body");
    assert_eq!(world.get(&path).by(&company.admin).send().await.ok(), before.ok());
    assert_eq!((world.events("webhook.created"), world.events("webhook.updated")), (1, 0));
}

async fn it_is_the_administrators_business(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    let list = company.path("webhooks");
    for (who, status, code) in [
        (&company.member, 403, "forbidden"),
        (&company.viewer, 403, "forbidden"),
        (&company.outsider, 404, "not_found"),
    ] {
        make(world, &company, who, &json!({})).await.refused(status, code);
        let body = json!({ "organization_id": company.id, "url": URL });
        world.post("/v1/webhooks", &body).by(who).send().await.refused(status, code);
        for (method, path) in [
            ("GET", list.clone()),
            ("GET", path.clone()),
            ("PATCH", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/pause")),
            ("POST", format!("{path}/resume")),
            ("POST", format!("{path}/rotate-secret")),
        ] {
            world.call(method, &path).json(&json!({})).by(who).send().await.refused(status, code);
        }
    }
    assert_eq!(world.number("SELECT count(*) FROM events WHERE kind LIKE 'webhook.%'"), 1);
}

async fn a_key_needs_the_scope(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    let key = async |scope: &str| {
        let scopes = vec![scope.to_owned()];
        let change = move |key| identity::ApiKey { scopes, ..key };
        world.api_key(Some(company.app.id), company.id, &company.owner, change).await
    };
    let (read, write, other) = (key("webhooks:read").await, key("webhooks:write").await, key("members:write").await);
    for (key, reads, writes) in [(&read, 200, 403), (&write, 200, 200), (&other, 403, 403)] {
        let status = async |method: &str, path: &str, body: Value| {
            world.call(method, path).json(&body).bearer(key).send().await.status
        };
        assert_eq!(status("GET", &path, json!({})).await, reads);
        assert_eq!(status("GET", &company.path("webhooks"), json!({})).await, reads);
        assert_eq!(status("PATCH", &path, json!({ "max_retries": 1 })).await, writes);
        assert_eq!(status("POST", &format!("{path}/rotate-secret"), json!({})).await, writes);
        let made = status("POST", &company.path("webhooks"), json!({ "url": URL })).await;
        assert_eq!(made, if writes == 200 { 201 } else { 403 });
    }
}

async fn attack_37_anothers_endpoint_does_not_exist(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    // Another organization of the app, another app's owner, and the owner organization of this very app.
    let other = world.app("other").await;
    let same = world.sign_up(None, "owner").await;
    assert_eq!(same.id, company.owner.id, "the same person without the app");
    for by in [&company.outsider, &other.owner, &company.app.owner, &same] {
        for (method, rest) in [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/pause"),
            ("POST", "/resume"),
            ("POST", "/rotate-secret"),
        ] {
            let told = world.call(method, &format!("{path}{rest}")).json(&json!({})).by(by).send().await;
            let absent = world.call(method, &format!("/v1/webhooks/{}{rest}", WebhookId::generate()));
            assert_eq!(told.told(), absent.json(&json!({})).by(by).send().await.told());
            told.refused(404, "not_found");
        }
        make(world, &company, by, &json!({})).await.refused(404, "not_found");
        world.get(&company.path("webhooks")).by(by).send().await.refused(404, "not_found");
    }
    let token = world.app_token(&company.app).await;
    world.get(&path).bearer(&token).send().await.refused(404, "not_found");
    let theirs = format!("/v1/organizations/{}/webhooks", company.app.organization);
    world.post(&theirs, &json!({ "url": URL })).bearer(&token).send().await.refused(404, "not_found");
}

async fn a_grant_may_name_one_endpoint(world: &World) {
    let company = Company::new(world).await;
    let (one, other) = (made(world, &company, &json!({})).await, made(world, &company, &json!({})).await);
    let id = one.rsplit('/').next().unwrap();
    let grant = json!({ "action": "webhook.read", "resource": format!("webhook:{}", id.to_uppercase()) });
    company.grant(world, &company.owner, &company.viewer, &grant).await.ok();
    world.get(&one).by(&company.viewer).send().await.ok();
    world.get(&other).by(&company.viewer).send().await.refused(403, "forbidden");
    let resource = format!("webhook:{id}");
    assert!(company.may(world, &company.viewer, "webhook.read", Some(&resource)).await);
    assert!(!company.may(world, &company.viewer, "webhook.manage", Some(&resource)).await);
    // Where it is is known by its id alone.
    let ask = json!({ "action": "read", "resource": resource });
    assert_eq!(world.post("/v1/authz/check", &ask).by(&company.viewer).send().await.ok()["allowed"], true);
}

async fn attack_45_what_is_sent_in_production_is_encrypted(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    let plain = json!({ "url": "http://hooks.example.com/fabric" });
    make(world, &company, &company.admin, &plain).await.refused(400, "invalid_url");
    change(world, &company, &path, &plain).await.refused(400, "invalid_url");
    let allow = |plan: &mut crate::support::Plan| plan.settings.plain_webhooks = true;
    let open = world.restarted_with(allow).await;
    make(&open, &company, &company.admin, &plain).await.ok();
}

async fn attack_52_a_masked_header_stays_where_it_is(world: &World) {
    let company = Company::new(world).await;
    let secrets = json!({ "headers": { "authorization": "Bearer hunter2", "x-other": "value" } });
    let path = made(world, &company, &secrets).await;
    let masked = json!({ "authorization": "***" });
    let kept = change(world, &company, &path, &json!({ "headers": masked, "url": format!("{URL}&more") })).await;
    assert_eq!(kept.ok()["headers"], masked);
    assert_eq!(headers(world, &path).await, [("authorization".to_owned(), "Bearer hunter2".to_owned())]);
    for elsewhere in [
        "https://evil.example.com/fabric",
        "https://hooks.example.com:8443/fabric",
        "https://hooks.example.com./fabric",
        // Behind one name there may be several receivers.
        "https://hooks.example.com/somebody-else",
        "https://hooks.example.com/fabric/?key=in-the-query",
    ] {
        for body in [json!({ "url": elsewhere }), json!({ "url": elsewhere, "headers": masked })] {
            change(world, &company, &path, &body).await.refused(400, "invalid_request");
        }
    }
    let shown = world.get(&path).by(&company.admin).send().await;
    assert_eq!((shown.text("url"), &shown.ok()["headers"]), (format!("{URL}&more"), &masked));
    // Whoever knows it, or does without, may move.
    let anew = json!({ "url": "https://new.example.com/", "headers": { "Authorization": "Bearer other" } });
    change(world, &company, &path, &anew).await.ok();
    assert_eq!(headers(world, &path).await, [("authorization".to_owned(), "Bearer other".to_owned())]);
    let without = json!({ "url": "https://newer.example.com/", "headers": {} });
    assert_eq!(change(world, &company, &path, &without).await.ok()["headers"], json!({}));
    change(world, &company, &path, &json!({ "url": "https://newest.example.com/" })).await.ok();
    // Two steps are no way around: what is gone does not come back.
    change(world, &company, &path, &json!({ "headers": masked })).await.refused(400, "invalid_request");
}

/// What is sealed for an endpoint, opened.
async fn headers(world: &World, path: &str) -> Vec<(String, String)> {
    use kernel::secret::ExposeSecret as _;
    let id: WebhookId = path.rsplit('/').next().unwrap().parse().unwrap();
    let sealed = world.read(move |tx| Ok(tx.endpoint(id)?.unwrap().headers.unwrap())).await;
    let sealing = platform::keys::Keys::new(&world.plan.secrets, "fabric".to_owned()).unwrap().sealing;
    let open = |id: WebhookId| sealing.open(&sealed, &[b"webhook headers ".as_slice(), id.0.as_bytes()].concat());
    assert!(open(WebhookId::generate()).is_err(), "sealed for this place alone");
    let read: std::collections::BTreeMap<_, _> = serde_json::from_str(open(id).unwrap().expose_secret()).unwrap();
    read.into_iter().collect()
}

async fn a_header_is_sealed_for_its_endpoint(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({ "headers": { "X-Api-Key": "hunter2" } })).await;
    assert_eq!(headers(world, &path).await, [("x-api-key".to_owned(), "hunter2".to_owned())]);
    let id: WebhookId = path.rsplit('/').next().unwrap().parse().unwrap();
    let endpoint = world.read(move |tx| tx.endpoint(id)).await.unwrap();
    assert!(!String::from_utf8_lossy(&endpoint.headers.clone().unwrap().0).contains("hunter2"));
    assert!(!format!("{endpoint:?}").contains("hunter2"));
}

async fn an_endpoint_is_paused_and_resumed(world: &World) {
    let company = Company::new(world).await;
    let path = made(world, &company, &json!({})).await;
    let switch = async |what: &str| post(world, &company.admin, &format!("{path}/{what}")).await;
    let waiting = || world.number("SELECT count(*) FROM webhook_queues");
    for _ in 0..2 {
        assert_eq!(switch("pause").await.ok()["active"], false);
    }
    assert_eq!((world.events("webhook.updated"), waiting()), (1, 0));
    // As it is when it was switched off because it failed.
    let id: WebhookId = path.rsplit('/').next().unwrap().parse().unwrap();
    let (within, now) = (Unchecked(company.id), world.now());
    world
        .write(move |tx| {
            let endpoint = tx.endpoint(id)?.unwrap();
            let failing = webhooks::Endpoint { failing_since: Some(now), disabled_at: Some(now), ..endpoint };
            tx.update_endpoint(&within, &failing)
        })
        .await;
    let shown = world.get(&path).by(&company.admin).send().await;
    assert!(shown.ok()["failing_since"].is_string() && shown.ok()["disabled_at"].is_string());
    for _ in 0..2 {
        let resumed = switch("resume").await;
        assert_eq!((&resumed.ok()["active"], &resumed.ok()["disabled_at"]), (&json!(true), &Value::Null));
        assert_eq!(resumed.ok()["failing_since"], Value::Null);
    }
    assert_eq!((world.events("webhook.updated"), waiting()), (2, 1), "what waits is looked at");
    for active in [false, true] {
        assert_eq!(change(world, &company, &path, &json!({ "active": active })).await.ok()["active"], active);
    }
    assert_eq!(waiting(), 1);
    let asleep = make(world, &company, &company.admin, &json!({ "active": false })).await;
    assert_eq!(asleep.ok()["active"], false);
    world.delete(&path).by(&company.admin).send().await.ok();
    assert_eq!(waiting(), 0);
}

async fn an_organization_has_so_many(world: &World) {
    let company = Company::new(world).await;
    for _ in 0..49 {
        made(world, &company, &json!({})).await;
    }
    // Those who come for the last one at once are counted one after the other.
    let nothing = json!({});
    let tries = (0..4).map(|_| make(world, &company, &company.admin, &nothing));
    let tries = futures_util::future::join_all(tries).await;
    assert_eq!(tries.iter().filter(|answer| answer.is_success()).count(), 1);
    for refused in tries.iter().filter(|answer| !answer.is_success()) {
        refused.refused(409, "conflict");
    }
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints"), 50);
}

async fn an_archived_organization_loses_endpoints_and_gains_none(world: &World) {
    let company = Company::new(world).await;
    let (path, other) = (made(world, &company, &json!({})).await, made(world, &company, &json!({})).await);
    post(world, &company.owner, &company.path("archive")).await.ok();
    make(world, &company, &company.admin, &json!({})).await.refused(409, "conflict");
    change(world, &company, &path, &json!({ "max_retries": 1 })).await.refused(409, "conflict");
    // Where it leads to may be another's by now.
    assert_eq!(post(world, &company.admin, &format!("{path}/pause")).await.ok()["active"], false);
    for rest in ["/resume", "/rotate-secret", "/test"] {
        post(world, &company.admin, &format!("{path}{rest}")).await.refused(409, "conflict");
    }
    world.delete(&other).by(&company.member).send().await.refused(403, "forbidden");
    world.delete(&other).by(&company.admin).send().await.ok();
    world.get(&path).by(&company.admin).send().await.ok();
}

async fn an_endpoint_is_what_was_asked_for(world: &World) {
    let company = Company::new(world).await;
    let wishes = json!({
        "id": WebhookId::generate(), "organization_id": world.home_of(&company.outsider).await, "created_by": "x",
        "created_at": "2001-01-01T00:00:00Z", "disabled_at": "2001-01-01T00:00:00Z",
        "failing_since": "2001-01-01T00:00:00Z", "previous_secret_until": "2099-01-01T00:00:00Z",
    });
    let new = make(world, &company, &company.admin, &wishes).await;
    let path = format!("/v1/webhooks/{}", new.text("id"));
    let mut more = wishes.clone();
    more["app_id"] = json!(company.app.id);
    more["secret"] = json!("a secret of somebody's choosing");
    let changed = change(world, &company, &path, &more).await;
    for (field, value) in wishes.as_object().unwrap() {
        assert_ne!(new.ok().get(field), Some(value), "{field}");
        assert_ne!(changed.ok().get(field), Some(value), "{field}");
    }
    assert_eq!((changed.text("organization_id"), &changed.ok()["app_id"]), (company.id.to_string(), &Value::Null));
}
