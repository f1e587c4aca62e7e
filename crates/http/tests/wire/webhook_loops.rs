//! Fabric pointed at itself: an event whose delivery would cause the next one.

use fabric_http::routes;
use platform::Environment;
use serde_json::json;

use crate::support::{Company, Plan, World};

on_both!(attack_46_a_delivery_is_refused_whoever_sends_it, attack_45_no_endpoint_is_fabric_itself);

async fn attack_46_a_delivery_is_refused_whoever_sends_it(world: &World) {
    let company = Company::new(world).await;
    let units = world.units();
    for entry in routes::table() {
        let path = entry.path.replace(['{', '}'], "");
        let call = world.call(entry.method.as_str(), &path).by(&company.owner).body("{");
        let raw = call.header("x-fabric-delivery", "0190d2f4-0000-7000-8000-000000000000").raw().await;
        assert_eq!(raw.status, 403, "{raw:?}");
        assert!(entry.method == "HEAD" || raw.text.contains("\"forbidden\""), "{raw:?}");
    }
    assert_eq!(world.units(), units, "nobody even looks who it is");
}

async fn attack_45_no_endpoint_is_fabric_itself(world: &World) {
    let company = Company::new(world).await;
    let path = company.path("webhooks");
    let make = async |world: &World, url: &str| {
        let body = json!({ "url": url, "headers": { "authorization": format!("Bearer {}", company.app.api_key) } });
        // Whoever issues tokens is known by another name after each restart.
        world.post(&path, &body).by(&world.sign_in(Some(&company.app), "admin").await).send().await
    };
    for url in [
        "https://id.example.com/v1/organizations",
        "https://ID.example.com:8443/",
        "https://id.example.com./",
        "https://%69d.example.com/",
    ] {
        make(world, url).await.refused(400, "invalid_url");
    }
    let id = make(world, "https://hooks.example.com/").await.text("id");
    let moved = json!({ "url": "https://id.example.com/", "headers": {} });
    world.patch(&format!("/v1/webhooks/{id}"), &moved).by(&company.admin).send().await.refused(400, "invalid_url");
    let settings = json!({ "webhook_url": "https://id.example.com/hook" });
    world.patch(&company.path("settings"), &settings).by(&company.admin).send().await.refused(400, "invalid_url");

    // On a developer's own machine everything has the same name.
    let develop = |base: &'static str| {
        move |plan: &mut Plan| {
            plan.settings.environment = Environment::Development;
            plan.settings.plain_webhooks = true;
            base.clone_into(&mut plan.settings.public_base_url);
        }
    };
    let here = world.restarted_with(develop("http://localhost:3001")).await;
    make(&here, "http://localhost:8080/hook").await.ok();
    let known = world.restarted_with(develop("http://fabric.internal:3001")).await;
    make(&known, "http://fabric.internal:8080/hook").await.refused(400, "invalid_url");
}
