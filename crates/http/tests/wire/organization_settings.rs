//! Settings of organizations.

use serde_json::json;

use crate::support::{Company, World};

on_both!(
    settings_have_defaults_and_change_one_by_one,
    a_setting_that_makes_no_sense_is_refused,
    settings_are_for_admins,
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
