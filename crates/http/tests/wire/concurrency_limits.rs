//! How much may run at once.

use futures_util::future::join_all;
use kernel::id::OrganizationId;
use serde_json::{Value, json};

use crate::support::{Answer, Company, Person, World};

on_both!(
    a_limit_is_set_listed_changed_and_lifted,
    limits_are_listed_page_by_page,
    a_limit_goes_with_what_it_limits,
    what_is_unknown_has_no_limit,
    who_runs_the_platform_sets_them_and_nobody_else,
    whoever_is_limited_is_told,
    of_those_who_set_one_at_once_one_is_last,
);

const LIMITS: &str = "/v1/admin/concurrency-limits";

async fn set(world: &World, by: &Person, scope: impl ToString, max: Value) -> Answer {
    let body = json!({ "scope": scope.to_string(), "max_concurrent_runs": max });
    world.call("PUT", LIMITS).json(&body).by(by).send().await
}

async fn all(world: &World, admin: &Person) -> Value {
    world.get(LIMITS).by(admin).send().await.ok().clone()
}

async fn a_limit_is_set_listed_changed_and_lifted(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let team = company.team(world, "Crew").await;
    assert_eq!(all(world, &admin).await, json!([]));
    let mut limits = Vec::new();
    for (scope, organization, team) in [
        ("global".to_owned(), Value::Null, Value::Null),
        (company.id.to_string(), json!(company.id), Value::Null),
        (team.clone(), json!(company.id), json!(team)),
    ] {
        let made = set(world, &admin, &scope, json!(7)).await;
        let expected = json!({
            "scope": scope, "organization_id": organization, "team_id": team, "max_concurrent_runs": 7,
            "updated_at": made.text("updated_at"),
        });
        assert_eq!((made.status, made.ok()), (200, &expected));
        limits.push(expected);
        assert_eq!(all(world, &admin).await, json!(limits));
    }
    for max in [0, 1_000_000] {
        assert_eq!(set(world, &admin, company.id, json!(max)).await.ok()["max_concurrent_runs"], max);
        assert_eq!(all(world, &admin).await[1]["max_concurrent_runs"], max);
    }
    for _ in 0..2 {
        let lifted = set(world, &admin, company.id, Value::Null).await;
        assert_eq!((&lifted.ok()["max_concurrent_runs"], &lifted.ok()["updated_at"]), (&Value::Null, &Value::Null));
        assert_eq!(all(world, &admin).await, json!([limits[0], limits[2]]));
    }
}

async fn limits_are_listed_page_by_page(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let home = world.home_of(&company.outsider).await;
    let scopes = ["global".to_owned(), company.id.to_string(), home.to_string()];
    for scope in scopes.iter().rev() {
        set(world, &admin, scope, json!(1)).await.ok();
    }
    let (mut seen, mut path) = (Vec::new(), format!("{LIMITS}?limit=1&include_total=true"));
    loop {
        let page = world.get(&path).by(&admin).send().await;
        let pagination = &page.body["meta"]["pagination"];
        assert_eq!(pagination["total"], 3);
        seen.push(page.ok()[0]["scope"].as_str().unwrap().to_owned());
        let Some(next) = pagination["next_cursor"].as_str() else { break };
        path = format!("{LIMITS}?limit=1&include_total=true&cursor={next}");
    }
    assert_eq!(seen, scopes);
    world.get(&format!("{LIMITS}?cursor=x")).by(&admin).send().await.refused(400, "invalid_parameter");
}

async fn a_limit_goes_with_what_it_limits(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let team = company.team(world, "Crew").await;
    for scope in [team, company.id.to_string()] {
        set(world, &admin, scope, json!(1)).await.ok();
    }
    world.delete(&format!("/v1/apps/{}", company.app.id)).by(&company.app.owner).send().await.ok();
    assert_eq!(all(world, &admin).await, json!([]));
    set(world, &admin, company.id, json!(1)).await.refused(404, "not_found");
}

async fn what_is_unknown_has_no_limit(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let nothing = OrganizationId::generate().to_string();
    for (scope, max, status, code) in [
        (nothing.as_str(), json!(1), 404, "not_found"),
        (nothing.as_str(), Value::Null, 404, "not_found"),
        ("00000000-0000-0000-0000-000000000000", json!(1), 404, "not_found"),
        (&company.app.id.to_string(), json!(1), 404, "not_found"),
        (&company.owner.id.to_string(), json!(1), 404, "not_found"),
        ("everything", json!(1), 400, "invalid_request"),
        ("", json!(1), 400, "invalid_request"),
        ("global", json!(1_000_001), 400, "invalid_request"),
        ("global", json!(-1), 400, "invalid_body"),
        ("global", json!(1.5), 400, "invalid_body"),
        ("global", json!("1"), 400, "invalid_body"),
    ] {
        set(world, &admin, scope, max).await.refused(status, code);
    }
    let body = json!({ "scope": "global" });
    world.call("PUT", LIMITS).json(&body).by(&admin).send().await.refused(400, "invalid_body");
    assert_eq!((all(world, &admin).await, world.events("concurrency_limit.updated")), (json!([]), 0));
}

async fn who_runs_the_platform_sets_them_and_nobody_else(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    for who in [&company.owner, &company.outsider, &company.app.owner] {
        for scope in ["global".to_owned(), company.id.to_string(), OrganizationId::generate().to_string()] {
            set(world, who, scope, json!(1)).await.refused(403, "forbidden");
        }
        world.get(LIMITS).by(who).send().await.refused(403, "forbidden");
    }
    // In person: neither with a key, nor through an app.
    let home = world.home_of(&admin).await;
    let key = world.api_key(None, home, &admin, |key| key).await;
    let through = world.sign_up(Some(&company.app), "administrator").await;
    assert_eq!(through.id, admin.id);
    let exchanged = world.exchange(&company.app, admin.id).await.text("access_token");
    for token in [&key, &company.app.api_key, &world.app_token(&company.app).await, &through.token, &exchanged] {
        world.get(LIMITS).bearer(token).send().await.refused(403, "forbidden");
    }
    assert_eq!(world.number("SELECT count(*) FROM concurrency_limits"), 0);
}

async fn whoever_is_limited_is_told(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let team = company.team(world, "Crew").await;
    for scope in ["global".to_owned(), company.id.to_string(), team.clone()] {
        set(world, &admin, scope, json!(3)).await.ok();
    }
    let path = company.path("audit-logs?action=concurrency_limit.updated");
    let told = world.get(&path).by(&company.admin).send().await;
    let told = told.ok().as_array().unwrap();
    let about: Vec<_> = told.iter().map(|entry| entry["resource_id"].as_str().unwrap()).collect();
    assert_eq!(about, [team, company.id.to_string()]);
    for entry in told {
        assert_eq!((&entry["metadata"]["max_concurrent_runs"], &entry["app_id"]), (&json!(3), &json!(company.app.id)));
    }
    assert_eq!(world.events("concurrency_limit.updated"), 3);
}

async fn of_those_who_set_one_at_once_one_is_last(world: &World) {
    let company = Company::new(world).await;
    let admin = world.administrator().await;
    let answers = join_all((0..50).map(|max| set(world, &admin, company.id, json!(max)))).await;
    assert!(answers.iter().all(Answer::is_success));
    assert_eq!(world.number("SELECT count(*) FROM concurrency_limits"), 1);
    assert_eq!(world.events("concurrency_limit.updated"), 50);
}
