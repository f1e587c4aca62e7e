//! How much organizations may spend.

use serde_json::{Value, json};

use crate::support::{Company, World};

on_both!(
    a_budget_is_none_until_somebody_sets_it,
    an_amount_is_kept_to_the_millionth,
    what_is_no_amount_is_refused,
    everybody_sees_it_and_admins_set_it,
    a_closed_organization_keeps_its_budget,
    what_was_spent_is_what_was_reported_this_month,
);

async fn a_budget_is_none_until_somebody_sets_it(world: &World) {
    let company = Company::new(world).await;
    let path = company.path("budget");
    let usual = json!({ "organization_id": company.id, "monthly_limit_usd": null, "current_spend_usd": 0.0 });
    assert_eq!(world.get(&path).by(&company.viewer).send().await.ok(), &usual);
    let set = world.call("PUT", &path).json(&json!({ "monthly_limit_usd": 250 })).by(&company.admin).send().await;
    let limited = json!({ "organization_id": company.id, "monthly_limit_usd": 250.0, "current_spend_usd": 0.0 });
    assert_eq!((set.status, set.ok()), (200, &limited));
    assert_eq!(world.get(&path).by(&company.viewer).send().await.ok(), &limited);
    let lifted = world.call("PUT", &path).json(&json!({ "monthly_limit_usd": null })).by(&company.owner).send().await;
    assert_eq!(lifted.ok(), &usual);
    assert_eq!(world.events("organization.budget_updated"), 2);
    let outside = world.get(&format!("/v1/organizations/{}/budget", world.home_of(&company.outsider).await));
    assert_eq!(outside.by(&company.outsider).send().await.ok()["monthly_limit_usd"], Value::Null);
}

async fn an_amount_is_kept_to_the_millionth(world: &World) {
    let company = Company::new(world).await;
    for (given, kept) in [
        ("0", 0.0),
        ("-0.0", 0.0),
        ("0.1", 0.1),
        ("19.99", 19.99),
        ("0.0000014", 0.000_001),
        ("1e9", 1e9),
        ("1000000000.0", 1e9),
        ("999999999.999999", 999_999_999.999_999),
        ("1E2", 100.0),
    ] {
        let body = format!(r#"{{"monthly_limit_usd": {given}}}"#);
        let set = world.call("PUT", &company.path("budget")).body(body).by(&company.admin).send().await;
        assert_eq!(set.ok()["monthly_limit_usd"], kept, "{given}");
        let read = world.get(&company.path("budget")).by(&company.admin).send().await;
        assert_eq!(read.ok()["monthly_limit_usd"], kept, "{given}");
    }
}

async fn what_is_no_amount_is_refused(world: &World) {
    let company = Company::new(world).await;
    for (body, code) in [
        ("{}", "invalid_body"),
        (r#"{"monthly_limit_usd": "250"}"#, "invalid_body"),
        (r#"{"monthly_limit_usd": true}"#, "invalid_body"),
        (r#"{"monthly_limit_usd": [1]}"#, "invalid_body"),
        (r#"{"monthly_limit": 1}"#, "invalid_body"),
        (r#"{"monthly_limit_usd": -0.01}"#, "invalid_request"),
        (r#"{"monthly_limit_usd": 1000000000.01}"#, "invalid_request"),
        (r#"{"monthly_limit_usd": 1e300}"#, "invalid_request"),
        (r#"{"monthly_limit_usd": 1e400}"#, "malformed_json"),
        (r#"{"monthly_limit_usd": NaN}"#, "malformed_json"),
        (r#"{"monthly_limit_usd": Infinity}"#, "malformed_json"),
    ] {
        let set = world.call("PUT", &company.path("budget")).body(body).by(&company.owner).send().await;
        assert_eq!((set.status, set.code()), (400, code), "{body}");
    }
    assert_eq!(world.events("organization.budget_updated"), 0);
}

async fn everybody_sees_it_and_admins_set_it(world: &World) {
    let company = Company::new(world).await;
    let set = |who| world.call("PUT", &company.path("budget")).json(&json!({ "monthly_limit_usd": 1 })).by(who).send();
    for who in [&company.viewer, &company.member] {
        world.get(&company.path("budget")).by(who).send().await.ok();
        set(who).await.refused(403, "forbidden");
    }
    world.get(&company.path("budget")).by(&company.outsider).send().await.refused(404, "not_found");
    set(&company.outsider).await.refused(404, "not_found");
}

async fn a_closed_organization_keeps_its_budget(world: &World) {
    let company = Company::new(world).await;
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    let set = world.call("PUT", &company.path("budget")).json(&json!({ "monthly_limit_usd": 1 }));
    set.by(&company.owner).send().await.refused(409, "conflict");
    world.get(&company.path("budget")).by(&company.owner).send().await.ok();
}

async fn what_was_spent_is_what_was_reported_this_month(world: &World) {
    let company = Company::new(world).await;
    for (key, cost) in [("run-1", 0.1), ("run-2", 0.2)] {
        let record = json!({ "idempotency_key": key, "cost_usd": cost });
        world.post(&company.path("usage/records"), &record).by(&company.admin).send().await.ok();
    }
    let spent = async || world.get(&company.path("budget")).by(&company.viewer).send().await.ok().clone();
    assert_eq!(spent().await["current_spend_usd"], 0.3, "to the millionth");
    let set = world.call("PUT", &company.path("budget")).json(&json!({ "monthly_limit_usd": 1 })).by(&company.admin);
    assert_eq!(set.send().await.ok()["current_spend_usd"], 0.3);
    world.advance(std::time::Duration::from_hours(31 * 24));
    let viewer = world.sign_in(Some(&company.app), "viewer").await;
    let next = world.get(&company.path("budget")).by(&viewer).send().await;
    assert_eq!((&next.ok()["current_spend_usd"], &next.ok()["monthly_limit_usd"]), (&json!(0.0), &json!(1.0)));
}
