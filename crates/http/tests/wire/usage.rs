//! What organizations use, and what that costs.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use identity::ApiKey;
use kernel::id::UsageRecordId;
use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    what_was_run_is_recorded_listed_and_added_up,
    an_organization_that_ran_nothing_has_used_nothing,
    attack_12_a_key_that_comes_again_is_the_same_or_a_conflict,
    attack_12_of_many_who_report_the_same_at_once_one_counts,
    a_run_counts_on_its_own_day,
    what_was_spent_is_compared_with_the_budget,
    records_are_listed_from_the_newest_page_by_page,
    attack_28_a_record_is_what_fabric_makes_of_it,
    what_is_no_record_is_refused,
    admins_report_and_everybody_sees,
    programs_report_with_keys_and_apps_do_not,
    attack_37_what_others_use_is_as_nothing,
    a_closed_organization_shows_what_it_used,
    a_record_is_in_the_export,
);

async fn report(world: &World, company: &Company, by: &Person, record: &Value) -> Answer {
    world.post(&company.path("usage/records"), record).by(by).send().await
}

fn run(key: &str, cost: f64) -> Value {
    json!({ "idempotency_key": key, "cost_usd": cost })
}

async fn shown(world: &World, company: &Company, path: &str) -> Value {
    world.get(&company.path(path)).by(&company.viewer).send().await.ok().clone()
}

/// How many runs this month, and for how much.
async fn total(world: &World, company: &Company) -> (u64, f64) {
    let usage = shown(world, company, "usage").await;
    (usage["total_runs"].as_u64().unwrap(), usage["total_cost_usd"].as_f64().unwrap())
}

async fn what_was_run_is_recorded_listed_and_added_up(world: &World) {
    let company = Company::new(world).await;
    let record = json!({
        "kind": "llm.chat", "runs": 3, "cost_usd": 0.1, "occurred_at": "2027-01-14T23:59:59.999999Z",
        "idempotency_key": "run/1#a", "metadata": { "model": "m" },
    });
    let made = report(world, &company, &company.admin, &record).await;
    assert_eq!(made.status, 201);
    let mut expected = record;
    for (name, value) in [
        ("id", json!(made.text("id"))),
        ("organization_id", json!(company.id)),
        ("recorded_by", json!(company.admin.id)),
        ("created_at", json!(made.text("created_at"))),
    ] {
        expected[name] = value;
    }
    assert_eq!(made.ok(), &expected);
    let least = report(world, &company, &company.admin, &run("run-2", 0.2)).await;
    assert_eq!((&least.ok()["runs"], &least.ok()["kind"]), (&json!(1), &Value::Null));
    assert_eq!(least.ok()["occurred_at"], least.ok()["created_at"]);
    assert_eq!(shown(world, &company, "usage/records").await, json!([least.ok(), expected]));
    let month = json!({
        "organization_id": company.id, "total_runs": 4, "total_cost_usd": 0.3,
        "period_start": "2027-01-01T00:00:00Z", "period_end": "2027-02-01T00:00:00Z",
    });
    assert_eq!(shown(world, &company, "usage").await, month);
    let days = shown(world, &company, "usage/daily").await;
    let days = days.as_array().unwrap();
    assert_eq!((days.len(), &days[0]["date"]), (15, &json!("2027-01-01")));
    assert_eq!(days[13], json!({ "date": "2027-01-14", "total_runs": 3, "total_cost_usd": 0.1 }));
    assert_eq!(days[14], json!({ "date": "2027-01-15", "total_runs": 1, "total_cost_usd": 0.2 }));
    assert!(days[..13].iter().all(|day| day["total_runs"] == 0));
    assert_eq!(world.number("SELECT count(*) FROM events WHERE kind LIKE 'usage%'"), 0, "it is a ledger of its own");
}

async fn an_organization_that_ran_nothing_has_used_nothing(world: &World) {
    let company = Company::new(world).await;
    assert_eq!(total(world, &company).await, (0, 0.0));
    assert_eq!(shown(world, &company, "usage/daily").await.as_array().map(Vec::len), Some(15));
    assert_eq!(shown(world, &company, "usage/records").await, json!([]));
}

async fn attack_12_a_key_that_comes_again_is_the_same_or_a_conflict(world: &World) {
    let company = Company::new(world).await;
    let full = json!({
        "kind": "chat", "runs": 2, "cost_usd": 0.25, "occurred_at": "2027-01-14T12:00:00Z",
        "idempotency_key": "full", "metadata": { "n": 0.1, "list": [1, { "a": null }], "e": 3.061_431_260_061_916_5e-123 },
    });
    for record in [full.clone(), run("least", 1.5)] {
        let first = report(world, &company, &company.admin, &record).await;
        world.advance(Duration::from_mins(1));
        // By whomever it is, and written in another way.
        let again = report(world, &company, &company.owner, &record).await;
        assert_eq!((again.status, again.ok()), (201, first.ok()));
    }
    let mut spelled = full.clone();
    spelled["occurred_at"] = json!("2027-01-14T13:00:00+01:00");
    report(world, &company, &company.admin, &spelled).await.ok();
    for (name, value) in [
        ("kind", json!("image")),
        ("kind", Value::Null),
        ("runs", json!(3)),
        ("runs", Value::Null),
        ("cost_usd", json!(0.250_001)),
        ("occurred_at", json!("2027-01-14T12:00:00.000001Z")),
        ("occurred_at", Value::Null),
        ("metadata", json!({ "n": 0.1 })),
    ] {
        let mut other = full.clone();
        other[name] = value;
        report(world, &company, &company.admin, &other).await.refused(409, "conflict");
    }
    let mut dated = run("least", 1.5);
    dated["occurred_at"] = json!("2027-01-14T12:00:00Z");
    report(world, &company, &company.admin, &dated).await.refused(409, "conflict");
    assert_eq!(total(world, &company).await, (3, 1.75));
}

async fn attack_12_of_many_who_report_the_same_at_once_one_counts(world: &World) {
    let company = Company::new(world).await;
    let same = run("same", 0.25);
    let answers = join_all((0..200).map(|_| report(world, &company, &company.admin, &same))).await;
    let ids: HashSet<_> = answers.iter().map(|answer| answer.text("id")).collect();
    assert_eq!((ids.len(), total(world, &company).await), (1, (1, 0.25)));
    // Of those who say something else, one is believed, and whoever says the same.
    let records: Vec<_> = (0..200).map(|number| run("other", f64::from(number % 8))).collect();
    let answers = join_all(records.iter().map(|record| report(world, &company, &company.admin, record))).await;
    let (same, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.is_success());
    assert!(same.iter().all(|answer| answer.ok() == same[0].ok()));
    assert_eq!((same.len(), others.len()), (25, 175));
    for other in others {
        other.refused(409, "conflict");
    }
    assert_eq!(total(world, &company).await, (2, 0.25 + same[0].ok()["cost_usd"].as_f64().unwrap()));
}

async fn a_run_counts_on_its_own_day(world: &World) {
    let company = Company::new(world).await;
    for (key, at) in [
        ("last month", "2026-12-31T23:59:59.999999Z"),
        ("first", "2027-01-01T00:00:00Z"),
        ("in another zone", "2027-01-01T23:30:00-01:00"),
        ("a year ago", "2026-01-15T08:00:00Z"),
    ] {
        let mut record = run(&key.replace(' ', "-"), 1.0);
        record["occurred_at"] = json!(at);
        report(world, &company, &company.admin, &record).await.ok();
    }
    assert_eq!(total(world, &company).await, (2, 2.0));
    let days = shown(world, &company, "usage/daily").await;
    assert_eq!((&days[0]["total_runs"], &days[1]["total_runs"]), (&json!(1), &json!(1)));
    let before = shown(world, &company, "usage?month=2026-12").await;
    assert_eq!((&before["total_runs"], &before["period_end"]), (&json!(1), &json!("2027-01-01T00:00:00Z")));
    let before = shown(world, &company, "usage/daily?month=2026-12").await;
    assert_eq!((before.as_array().map(Vec::len), &before[30]["total_runs"]), (Some(31), &json!(1)));
    assert_eq!(shown(world, &company, "usage/daily?month=2027-02").await, json!([]));
    for month in ["2026-13", "2026", "2026-1", "", "x"] {
        for what in ["usage", "usage/daily"] {
            let asked = world.get(&company.path(&format!("{what}?month={month}"))).by(&company.viewer).send().await;
            asked.refused(400, "invalid_parameter");
        }
    }
}

async fn what_was_spent_is_compared_with_the_budget(world: &World) {
    let company = Company::new(world).await;
    let spending = |limit: Value, spent: f64, remaining: Value, exceeded: bool| {
        json!({
            "organization_id": company.id, "monthly_limit_usd": limit, "current_spend_usd": spent,
            "remaining_usd": remaining, "exceeded": exceeded,
            "period_start": "2027-01-01T00:00:00Z", "period_end": "2027-02-01T00:00:00Z",
        })
    };
    let set = async |limit: Value| {
        let body = json!({ "monthly_limit_usd": limit });
        world.call("PUT", &company.path("budget")).json(&body).by(&company.admin).send().await.ok();
    };
    assert_eq!(shown(world, &company, "usage/spending").await, spending(Value::Null, 0.0, Value::Null, false));
    set(json!(1)).await;
    report(world, &company, &company.admin, &run("run-1", 0.9)).await.ok();
    assert_eq!(shown(world, &company, "usage/spending").await, spending(json!(1.0), 0.9, json!(0.1), false));
    report(world, &company, &company.admin, &run("run-2", 0.1)).await.ok();
    assert_eq!(shown(world, &company, "usage/spending").await, spending(json!(1.0), 1.0, json!(0.0), false));
    // What has been spent is counted, whatever the limit.
    report(world, &company, &company.admin, &run("run-3", 0.000_001)).await.ok();
    assert_eq!(shown(world, &company, "usage/spending").await, spending(json!(1.0), 1.000_001, json!(0.0), true));
}

async fn records_are_listed_from_the_newest_page_by_page(world: &World) {
    let company = Company::new(world).await;
    for number in 0..5 {
        report(world, &company, &company.admin, &run(&format!("run-{number}"), 0.0)).await.ok();
    }
    let mut seen = Vec::new();
    let mut path = company.path("usage/records?limit=2&include_total=true");
    loop {
        let page = world.get(&path).by(&company.viewer).send().await;
        let items = page.ok().as_array().unwrap();
        seen.extend(items.iter().map(|record| record["idempotency_key"].as_str().unwrap().to_owned()));
        let pagination = &page.body["meta"]["pagination"];
        assert_eq!(pagination["total"], 5);
        let Some(next) = pagination["next_cursor"].as_str() else { break };
        path = company.path(&format!("usage/records?limit=2&include_total=true&cursor={next}"));
    }
    assert_eq!(seen, ["run-4", "run-3", "run-2", "run-1", "run-0"]);
}

async fn attack_28_a_record_is_what_fabric_makes_of_it(world: &World) {
    let company = Company::new(world).await;
    let mut wishes = run("run", 1.0);
    for (name, value) in [
        ("id", json!(UsageRecordId::generate())),
        ("organization_id", json!(world.home_of(&company.outsider).await)),
        ("recorded_by", json!(company.owner.id)),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("total_runs", json!(99)),
    ] {
        wishes[name] = value;
    }
    let made = report(world, &company, &company.admin, &wishes).await;
    assert_eq!((&made.ok()["organization_id"], &made.ok()["runs"]), (&json!(company.id), &json!(1)));
    assert_eq!(made.ok()["recorded_by"], json!(company.admin.id));
    assert!(made.ok()["id"] != wishes["id"] && !made.text("created_at").starts_with("2001"));
}

async fn what_is_no_record_is_refused(world: &World) {
    let company = Company::new(world).await;
    for (name, value, code) in [
        ("cost_usd", json!(-0.01), "invalid_request"),
        ("cost_usd", json!(1e10), "invalid_request"),
        ("cost_usd", json!("1"), "invalid_body"),
        ("cost_usd", Value::Null, "invalid_body"),
        ("runs", json!(-1), "invalid_body"),
        ("runs", json!(1.5), "invalid_body"),
        ("runs", json!(1_000_001), "invalid_request"),
        ("kind", json!("a b"), "invalid_name"),
        ("idempotency_key", json!(""), "invalid_request"),
        ("idempotency_key", json!("a b"), "invalid_request"),
        ("idempotency_key", json!("x".repeat(256)), "invalid_request"),
        ("idempotency_key", Value::Null, "invalid_body"),
        ("occurred_at", json!("yesterday"), "invalid_body"),
        ("occurred_at", json!("2027-01-15T09:00:00Z"), "invalid_request"),
        ("occurred_at", json!("2025-12-31T00:00:00Z"), "invalid_request"),
        ("occurred_at", json!("+262142-12-31T23:59:59Z"), "invalid_request"),
        ("metadata", json!("text"), "invalid_metadata"),
    ] {
        let mut record = run("run", 1.0);
        record[name] = value.clone();
        let refused = report(world, &company, &company.owner, &record).await;
        assert_eq!((refused.status, refused.code()), (400, code), "{name} {value}");
    }
    // Nor more in a day than anybody has.
    report(world, &company, &company.owner, &run("most", 1e9)).await.ok();
    report(world, &company, &company.owner, &run("more", 0.01)).await.refused(409, "conflict");
    assert_eq!(total(world, &company).await, (1, 1e9));
}

async fn admins_report_and_everybody_sees(world: &World) {
    let company = Company::new(world).await;
    for who in [&company.viewer, &company.member] {
        report(world, &company, who, &run("run", 1.0)).await.refused(403, "forbidden");
    }
    for (key, who) in [("admin", &company.admin), ("owner", &company.owner)] {
        report(world, &company, who, &run(key, 1.0)).await.ok();
    }
    for what in ["usage", "usage/daily", "usage/records", "usage/spending"] {
        for who in [&company.viewer, &company.member, &company.admin, &company.owner] {
            world.get(&company.path(what)).by(who).send().await.ok();
        }
    }
    // Whoever is granted it does, too.
    company.grant(world, &company.owner, &company.member, &json!({ "action": "usage.record" })).await.ok();
    report(world, &company, &company.member, &run("member", 1.0)).await.ok();
    assert_eq!(total(world, &company).await, (3, 3.0));
}

async fn programs_report_with_keys_and_apps_do_not(world: &World) {
    let company = Company::new(world).await;
    let account = json!({ "organization_id": company.id, "name": "Meter", "role": "admin" });
    let account = world.post("/v1/service-accounts", &account).by(&company.owner).send().await.text("id");
    let keys = format!("/v1/service-accounts/{account}/api-keys");
    let report = async |token: &str, key: &str| {
        world.post(&company.path("usage/records"), &run(key, 1.0)).bearer(token).send().await
    };
    for (scope, good) in [("organizations:write", true), ("organizations:read", false), ("members:write", false)] {
        let key = world.post(&keys, &json!({ "name": scope, "scopes": [scope] })).by(&company.owner).send().await;
        let reported = report(&key.text("key"), scope).await;
        if good {
            assert_eq!(reported.text("recorded_by"), account);
        } else {
            reported.refused(403, "insufficient_scope");
        }
    }
    // Of the owner organization, whose tenants these are not; and the app itself, which acts on itself alone.
    report(&company.app.api_key, "a").await.refused(404, "not_found");
    report(&world.app_token(&company.app).await, "b").await.refused(404, "not_found");
    let exchanged = world.exchange(&company.app, company.admin.id).await.text("access_token");
    report(&exchanged, "c").await.ok();
    let narrow = |key: ApiKey| ApiKey { role: Some(kernel::Role::Member), ..key };
    let narrow = world.api_key(Some(company.app.id), company.id, &company.owner, narrow).await;
    report(&narrow, "d").await.refused(403, "forbidden");
}

async fn attack_37_what_others_use_is_as_nothing(world: &World) {
    let company = Company::new(world).await;
    report(world, &company, &company.admin, &run("run", 1.0)).await.ok();
    let nowhere = |what: &str| format!("/v1/organizations/{}/{what}", UsageRecordId::generate());
    for what in ["usage", "usage/daily", "usage/records", "usage/spending"] {
        let absent = world.get(&nowhere(what)).by(&company.outsider).send().await;
        let theirs = world.get(&company.path(what)).by(&company.outsider).send().await;
        theirs.refused(404, "not_found");
        assert_eq!(theirs.told(), absent.told());
    }
    report(world, &company, &company.outsider, &run("run", 1.0)).await.refused(404, "not_found");
    // Keys are an organization's own: who knows one of another's learns nothing and takes nothing.
    let home = format!("/v1/organizations/{}/usage/records", world.home_of(&company.outsider).await);
    let own = world.post(&home, &run("run", 5.0)).by(&company.outsider).send().await;
    assert_eq!(own.ok()["cost_usd"], 5.0);
    assert_eq!(total(world, &company).await, (1, 1.0));
}

async fn a_closed_organization_shows_what_it_used(world: &World) {
    let company = Company::new(world).await;
    report(world, &company, &company.admin, &run("run", 1.0)).await.ok();
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    report(world, &company, &company.owner, &run("late", 1.0)).await.refused(409, "conflict");
    assert_eq!(total(world, &company).await, (1, 1.0));
}

async fn a_record_is_in_the_export(world: &World) {
    let company = Company::new(world).await;
    let made = report(world, &company, &company.admin, &run("run", 1.0)).await;
    let export = world.get(&company.path("export")).by(&company.owner).send().await;
    assert_eq!(export.ok()["usage_records"], json!([made.ok()]));
    assert_eq!(export.ok()["budget"]["current_spend_usd"], 1.0);
}
