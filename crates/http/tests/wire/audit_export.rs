//! The audit log as a file.

use serde_json::{Value, json};

use crate::support::{Company, World};

on_both!(
    what_happened_is_exported_as_lines_and_as_a_table,
    attack_49_an_exported_cell_is_no_formula,
    an_export_goes_on_behind_the_first_page,
);

async fn what_happened_is_exported_as_lines_and_as_a_table(world: &World) {
    let company = Company::new(world).await;
    for number in 0..3 {
        company.team_of(world, &company.owner, &format!("=Team {number}")).await;
    }
    let listed = company.log(world, "?limit=200").await;
    let exported = world.get(&company.path("audit-logs/export")).by(&company.admin).raw().await;
    assert_eq!((exported.status, exported.header("content-type")), (200, Some("application/x-ndjson")));
    let disposition = format!("attachment; filename=\"audit-log-{}.ndjson\"", company.id);
    assert_eq!(exported.header("content-disposition"), Some(&*disposition));
    let lines: Vec<Value> = exported.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, listed);
    let path = company.path("audit-logs/export?format=csv&action=team.created");
    let table = world.get(&path).by(&company.admin).header("user-agent", "x").raw().await;
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(table.text.lines().count(), 4, "{}", table.text);
    world
        .get(&company.path("audit-logs/export?format=xml"))
        .by(&company.admin)
        .send()
        .await
        .refused(400, "invalid_parameter");
    world.get(&company.path("audit-logs/export")).by(&company.member).send().await.refused(403, "forbidden");
    let whole = world.get("/v1/audit-logs/export?limit=1").bearer(&company.app.api_key).raw().await;
    assert!(whole.text.lines().count() > listed.len());
}

async fn attack_49_an_exported_cell_is_no_formula(world: &World) {
    let company = Company::new(world).await;
    let call = world.post(&company.path("teams"), &json!({ "name": "A" })).by(&company.owner);
    call.header("user-agent", "=cmd|' /C calc'!A0").send().await.ok();
    let path = company.path("audit-logs/export?format=csv&action=team.created");
    let table = world.get(&path).by(&company.owner).raw().await;
    assert!(table.text.contains(",'=cmd|"), "{}", table.text);
}

/// More than a page, and all of it.
async fn an_export_goes_on_behind_the_first_page(world: &World) {
    let company = Company::new(world).await;
    let (id, now) = (company.id, world.now());
    world
        .write(move |tx| {
            for _ in 0..450 {
                let event = kernel::Event {
                    organization: Some(id),
                    ..kernel::Event::example(kernel::EventKind::TeamUpdated, now)
                };
                tx.append(&event)?;
            }
            Ok(())
        })
        .await;
    let exported = world.get(&company.path("audit-logs/export?action=team.updated")).by(&company.owner).raw().await;
    let ids: std::collections::BTreeSet<_> = exported.text.lines().collect();
    assert_eq!(ids.len(), 450);
}
