//! Settings of organizations.

use serde_json::json;

use crate::support::{Company, World};

on_both!(
    settings_have_defaults_and_change_one_by_one,
    a_setting_that_makes_no_sense_is_refused,
    settings_are_for_admins,
    an_endpoint_is_kept_in_step_with_the_settings,
    who_manages_no_endpoints_sets_none,
);

async fn settings_have_defaults_and_change_one_by_one(world: &World) {
    let company = Company::new(world).await;
    let path = company.path("settings");
    let id = company.id.to_string();
    let settings = world.get(&path).by(&company.viewer).send().await;
    let expected = json!({
        "id": id, "organization_id": id, "display_name": null, "logo_url": null, "email_from_name": null,
        "webhook_url": null, "webhook_events": null, "max_pending_invitations": 100, "max_invitations_per_hour": 20,
        "confirm_invitations": false, "deletion_grace_days": 7,
    });
    assert_eq!(settings.ok(), &expected);
    let change = json!({
        "display_name": "Acme & Sons", "logo_url": "https://acme.example.com/logo.svg", "email_from_name": "Acme",
        "webhook_url": "https://acme.example.com/hook", "webhook_events": ["membership.created"],
        "max_pending_invitations": 7,
    });
    let changed = world.patch(&path, &change).by(&company.admin).send().await;
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed.ok()[name], value, "{name}");
    }
    // null clears, what is absent stays.
    let cleared =
        world.patch(&path, &json!({ "webhook_events": null, "logo_url": null })).by(&company.admin).send().await;
    assert_eq!(cleared.ok()["webhook_events"], json!(null));
    assert_eq!(cleared.ok()["display_name"], "Acme & Sons");
    assert_eq!(world.get(&path).by(&company.viewer).send().await.ok(), cleared.ok());
    assert_eq!(world.patch(&path, &json!({})).by(&company.admin).send().await.ok(), cleared.ok());
    // What changed is told, and of where events are sent the host alone: the rest may be a secret.
    let log =
        world.get(&company.path("audit-logs?action=organization.settings_updated")).by(&company.owner).send().await;
    let told: Vec<_> = log.ok().as_array().unwrap().iter().rev().map(|entry| entry["metadata"].clone()).collect();
    assert_eq!(told[0]["changed"].as_array().unwrap().len(), 6);
    assert_eq!((&told[0]["webhook_url"], &told[0]["email_from_name"]), (&json!("acme.example.com"), &json!("Acme")));
    assert_eq!(told[1]["changed"], json!(["logo_url", "webhook_events"]));
}

async fn a_setting_that_makes_no_sense_is_refused(world: &World) {
    let company = Company::new(world).await;
    for (name, value, code) in [
        ("max_pending_invitations", json!(-1), "invalid_body"),
        ("max_pending_invitations", json!(10_001), "invalid_setting"),
        ("max_invitations_per_hour", json!(10_001), "invalid_setting"),
        ("deletion_grace_days", json!(91), "invalid_setting"),
        ("display_name", json!("a\r\nBcc: eve@example.com"), "invalid_name"),
        ("email_from_name", json!(""), "invalid_name"),
        ("logo_url", json!("javascript:alert(1)"), "invalid_url"),
        ("webhook_url", json!("http://169.254.169.254/"), "invalid_url"),
        ("webhook_events", json!(["a b"]), "invalid_setting"),
        ("webhook_events", json!("all"), "invalid_body"),
    ] {
        let change = world.patch(&company.path("settings"), &json!({ name: value })).by(&company.owner).send().await;
        change.refused(400, code);
    }
}

async fn settings_are_for_admins(world: &World) {
    let company = Company::new(world).await;
    let change = json!({ "max_pending_invitations": 1 });
    world.patch(&company.path("settings"), &change).by(&company.member).send().await.refused(403, "forbidden");
    world.patch(&company.path("settings"), &change).by(&company.outsider).send().await.refused(404, "not_found");
}

async fn an_endpoint_is_kept_in_step_with_the_settings(world: &World) {
    let company = Company::new(world).await;
    let set = async |what: serde_json::Value| {
        world.patch(&company.path("settings"), &what).by(&company.admin).send().await.ok().clone()
    };
    let endpoints = async || {
        let listed = world.get(&company.path("webhooks")).by(&company.admin).send().await;
        listed.ok().as_array().unwrap().clone()
    };
    // Kinds alone ask for nothing.
    set(json!({ "webhook_events": ["team.*"] })).await;
    assert!(endpoints().await.is_empty());
    let shown = set(json!({ "webhook_url": "https://acme.example.com/hook?key=hush" })).await;
    assert!(!shown.to_string().contains("whsec_") && shown.get("webhook_endpoint").is_none(), "{shown}");
    let [made] = &endpoints().await[..] else { panic!("one endpoint") };
    assert_eq!(made["url"], "https://acme.example.com/hook?key=hush");
    assert_eq!((&made["events"], &made["app_id"]), (&json!(["team.*"]), &json!(null)));
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints WHERE secret IS NULL"), 1, "the organization's");
    // It stays the same one, whatever else somebody has made of it.
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    world
        .patch(&path, &json!({ "description": "Ours", "url": "https://b.example.com/" }))
        .by(&company.admin)
        .send()
        .await
        .ok();
    set(json!({ "webhook_url": "https://acme.example.com/other", "webhook_events": null })).await;
    let [changed] = &endpoints().await[..] else { panic!("one endpoint") };
    assert_eq!((&changed["id"], &changed["description"]), (&made["id"], &json!("Ours")));
    assert_eq!((&changed["url"], &changed["events"]), (&json!("https://acme.example.com/other"), &json!([])));
    set(json!({ "display_name": "Acme" })).await;
    assert_eq!(endpoints().await[0], *changed, "what does not concern it leaves it alone");
    // Where it was deleted it is made anew, and null takes it away.
    world.delete(&path).by(&company.admin).send().await.ok();
    set(json!({ "webhook_url": "https://acme.example.com/other" })).await;
    let [anew] = &endpoints().await[..] else { panic!("one endpoint") };
    assert_ne!(anew["id"], made["id"]);
    set(json!({ "webhook_url": null })).await;
    assert!(endpoints().await.is_empty());
    set(json!({ "webhook_url": null })).await;
    assert_eq!(
        ["created", "updated", "deleted"].map(|kind| world.events(&format!("webhook.{kind}"))),
        [2, 2, 2],
        "as with every other endpoint"
    );
}

async fn who_manages_no_endpoints_sets_none(world: &World) {
    let company = Company::new(world).await;
    let path = company.path("settings");
    let scoped = |key| identity::ApiKey { scopes: vec!["organizations:write".to_owned()], ..key };
    let key = world.api_key(Some(company.app.id), company.id, &company.owner, scoped).await;
    let url = json!({ "webhook_url": "https://acme.example.com/hook", "display_name": "Other" });
    world.patch(&path, &url).bearer(&key).send().await.refused(403, "insufficient_scope");
    let denied = json!({ "action": "webhook.*", "effect": "deny" });
    company.grant(world, &company.owner, &company.admin, &denied).await.ok();
    world.patch(&path, &url).by(&company.admin).send().await.refused(403, "forbidden");
    assert_eq!(world.get(&path).by(&company.owner).send().await.ok()["display_name"], json!(null), "all or nothing");
    world.patch(&path, &url).by(&company.owner).send().await.ok();
    for change in [json!({ "webhook_url": null }), json!({ "webhook_events": ["team.created"] })] {
        world.patch(&path, &change).by(&company.admin).send().await.refused(403, "forbidden");
        world.patch(&path, &change).bearer(&key).send().await.refused(403, "insufficient_scope");
    }
    world.patch(&path, &json!({ "display_name": "Mine" })).bearer(&key).send().await.ok();
    let bad = json!({ "webhook_events": ["everything"] });
    world.patch(&path, &bad).by(&company.owner).send().await.refused(400, "invalid_request");
    assert_eq!(world.number("SELECT count(*) FROM webhook_endpoints"), 1);
}
