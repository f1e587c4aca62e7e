//! What organizations have at providers.

use futures_util::future::join_all;
use kernel::{
    Metadata, Name, Unchecked,
    id::{AssetId, PrincipalId},
};
use serde_json::{Value, json};
use tenancy::{Asset, Label};

use crate::support::{Answer, Company, Person, World};

on_both!(
    an_asset_is_registered_shown_and_deleted,
    assets_are_listed_by_type_and_team_and_page_by_page,
    attack_28_an_asset_is_what_fabric_makes_of_it,
    attack_37_assets_of_others_are_as_none,
    what_is_no_asset_is_refused,
    members_register_and_delete_their_own_and_admins_everybodys,
    a_key_is_as_good_as_its_role,
    of_those_who_delete_one_at_once_one_does,
    an_organization_has_only_so_many,
    a_closed_organization_keeps_its_assets,
    what_is_deleted_is_in_the_export_alone,
);

async fn register(world: &World, company: &Company, by: &Person, asset: &Value) -> Answer {
    world.post(&company.path("assets"), asset).by(by).send().await
}

fn voice() -> Value {
    json!({ "asset_type": "voice", "name": "Narrator" })
}

async fn an_asset_is_registered_shown_and_deleted(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    let asset = json!({
        "asset_type": "fine_tuned.voice", "name": "Narrator", "provider": "ElevenLabs",
        "provider_id": "arn:x:voice/21 m00", "metadata": { "language": "de" }, "team_id": team,
    });
    let made = register(world, &company, &company.member, &asset).await;
    assert_eq!(made.status, 201);
    let path = company.path(&format!("assets/{}", made.text("id")));
    let mut expected = asset;
    for (name, value) in [
        ("id", json!(made.text("id"))),
        ("organization_id", json!(company.id)),
        ("created_by", json!(company.member.id)),
        ("created_at", json!(made.text("created_at"))),
        ("deleted_at", Value::Null),
    ] {
        expected[name] = value;
    }
    assert_eq!(made.ok(), &expected);
    assert_eq!(world.get(&path).by(&company.viewer).send().await.ok(), &expected);
    let least = register(world, &company, &company.member, &voice()).await;
    for (name, value) in [("team_id", Value::Null), ("provider", Value::Null), ("metadata", json!({}))] {
        assert_eq!(least.ok()[name], value, "{name}");
    }
    world.delete(&path).by(&company.member).send().await.ok();
    for method in ["GET", "DELETE"] {
        world.call(method, &path).by(&company.member).send().await.refused(404, "not_found");
    }
    assert_eq!(world.get(&company.path("assets")).by(&company.viewer).send().await.ok(), &json!([least.ok()]));
    assert_eq!((world.events("asset.created"), world.events("asset.deleted")), (2, 1));
    let about = format!("SELECT count(*) FROM events WHERE resource_id = '{}'", made.text("id"));
    assert_eq!(world.number(&about), 2);
    assert_eq!(world.number("SELECT count(*) FROM events WHERE payload LIKE '%arn:x%'"), 0);
}

async fn names(world: &World, company: &Company, query: &str) -> Vec<String> {
    let listed = world.get(&company.path(&format!("assets?{query}"))).by(&company.viewer).send().await;
    let items = listed.ok().as_array().unwrap();
    items.iter().map(|asset| asset["name"].as_str().unwrap().to_owned()).collect()
}

async fn assets_are_listed_by_type_and_team_and_page_by_page(world: &World) {
    let company = Company::new(world).await;
    let (crew, other) = (company.team(world, "Crew").await, company.team(world, "Other").await);
    for (name, kind, team) in [
        ("a", "voice", Value::Null),
        ("b", "file", json!(crew)),
        ("c", "voice", json!(crew)),
        ("d", "voice", json!(other)),
    ] {
        let asset = json!({ "name": name, "asset_type": kind, "team_id": team });
        register(world, &company, &company.member, &asset).await.ok();
    }
    for (query, wanted) in [
        (String::new(), "abcd"),
        ("asset_type=voice".to_owned(), "acd"),
        ("type=voice".to_owned(), "acd"),
        (format!("team_id={crew}"), "bc"),
        (format!("type=voice&team_id={crew}"), "c"),
        ("asset_type=Voice".to_owned(), ""),
        (format!("team_id={}", company.id), ""),
    ] {
        assert_eq!(names(world, &company, &query).await.concat(), wanted, "{query}");
    }
    for query in ["asset_type=a%20b", "type=", "team_id=x", "type=voice&asset_type=voice"] {
        let refused = world.get(&company.path(&format!("assets?{query}"))).by(&company.viewer).send().await;
        assert_eq!(refused.status, 400, "{refused:?}");
    }
    let page = company.path("assets?asset_type=voice&limit=2&include_total=true");
    let first = world.get(&page).by(&company.viewer).send().await;
    let pagination = &first.body["meta"]["pagination"];
    assert_eq!((&pagination["has_more"], &pagination["total"]), (&json!(true), &json!(3)));
    let rest = format!("asset_type=voice&cursor={}", pagination["next_cursor"].as_str().unwrap());
    assert_eq!(names(world, &company, &rest).await, ["d"]);
}

async fn attack_28_an_asset_is_what_fabric_makes_of_it(world: &World) {
    let company = Company::new(world).await;
    let elsewhere = world.home_of(&company.outsider).await;
    let mut wishes = voice();
    for (name, value) in [
        ("id", json!(company.id)),
        ("organization_id", json!(elsewhere)),
        ("created_by", json!(company.owner.id)),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("deleted_at", json!("2001-01-01T00:00:00Z")),
        ("kind", json!("file")),
    ] {
        wishes[name] = value;
    }
    let made = register(world, &company, &company.member, &wishes).await;
    assert_eq!((&made.ok()["created_by"], &made.ok()["deleted_at"]), (&json!(company.member.id), &Value::Null));
    assert_eq!((&made.ok()["organization_id"], made.text("asset_type").as_str()), (&json!(company.id), "voice"));
    assert!(made.text("id") != company.id.to_string() && !made.text("created_at").starts_with("2001"));
}

async fn attack_37_assets_of_others_are_as_none(world: &World) {
    let company = Company::new(world).await;
    let asset = register(world, &company, &company.member, &voice()).await.text("id");
    let home = world.home_of(&company.outsider).await;
    let theirs = |id: &str| format!("/v1/organizations/{home}/assets/{id}");
    for method in ["GET", "DELETE"] {
        let call = |path: String| world.call(method, &path).by(&company.outsider).send();
        let absent = call(theirs(&AssetId::generate().to_string())).await;
        absent.refused(404, "not_found");
        for path in [theirs(&asset), company.path(&format!("assets/{asset}"))] {
            assert_eq!(call(path).await.told(), absent.told());
        }
    }
    // Nor is one registered with them, or for a team of theirs.
    register(world, &company, &company.outsider, &voice()).await.refused(404, "not_found");
    let team = company.team(world, "Crew").await;
    let mut smuggled = voice();
    smuggled["team_id"] = json!(team);
    let smuggling = world.post(&format!("/v1/organizations/{home}/assets"), &smuggled).by(&company.outsider);
    smuggling.send().await.refused(404, "not_found");
    world.get(&company.path(&format!("assets/{asset}"))).by(&company.member).send().await.ok();
}

async fn what_is_no_asset_is_refused(world: &World) {
    let company = Company::new(world).await;
    let team = company.team(world, "Crew").await;
    world.call("POST", &format!("/v1/teams/{team}/archive")).by(&company.owner).send().await.ok();
    for (name, value, status, code) in [
        ("asset_type", json!(""), 400, "invalid_name"),
        ("asset_type", json!("a b"), 400, "invalid_name"),
        ("asset_type", json!("x".repeat(65)), 400, "invalid_name"),
        ("name", json!(""), 400, "invalid_name"),
        ("provider", json!("a\nb"), 400, "invalid_name"),
        ("provider_id", json!(""), 400, "invalid_request"),
        ("provider_id", json!("x".repeat(513)), 400, "invalid_request"),
        ("metadata", json!([1]), 400, "invalid_metadata"),
        ("metadata", json!({ "a": "b".repeat(17 * 1024) }), 400, "invalid_metadata"),
        ("team_id", json!("x"), 400, "invalid_body"),
        ("team_id", json!(AssetId::generate()), 404, "not_found"),
        ("team_id", json!(team), 409, "conflict"),
    ] {
        let mut asset = voice();
        asset[name] = value;
        register(world, &company, &company.owner, &asset).await.refused(status, code);
    }
    assert_eq!(world.number("SELECT count(*) FROM assets"), 0);
}

async fn members_register_and_delete_their_own_and_admins_everybodys(world: &World) {
    let company = Company::new(world).await;
    register(world, &company, &company.viewer, &voice()).await.refused(403, "forbidden");
    let own = register(world, &company, &company.member, &voice()).await.text("id");
    let admins = register(world, &company, &company.admin, &voice()).await.text("id");
    let delete =
        async |who: &Person, id: &str| world.delete(&company.path(&format!("assets/{id}"))).by(who).send().await;
    delete(&company.viewer, &own).await.refused(403, "forbidden");
    delete(&company.member, &admins).await.refused(403, "forbidden");
    delete(&company.member, &own).await.ok();
    delete(&company.owner, &admins).await.ok();
    // Who is a viewer by now deletes nothing, not even what was theirs.
    let left = register(world, &company, &company.member, &voice()).await.text("id");
    company.set_role(world, &company.owner, &company.member, "viewer").await.ok();
    delete(&company.member, &left).await.refused(403, "forbidden");
    // Nor does who may not: a denial is stronger than whose it is.
    company.set_role(world, &company.owner, &company.member, "member").await.ok();
    let deny = json!({ "action": "asset.delete", "effect": "deny" });
    company.grant(world, &company.owner, &company.member, &deny).await.ok();
    delete(&company.member, &left).await.refused(403, "forbidden");
    delete(&company.admin, &left).await.ok();
}

async fn a_key_is_as_good_as_its_role(world: &World) {
    let company = Company::new(world).await;
    let owners = register(world, &company, &company.owner, &voice()).await.text("id");
    let others = register(world, &company, &company.admin, &voice()).await.text("id");
    let key = |role, scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let change = move |key| identity::ApiKey { role: Some(role), scopes, ..key };
        world.api_key(Some(company.app.id), company.id, &company.owner, change)
    };
    let (of_member, reader) =
        (key(kernel::Role::Member, &[]).await, key(kernel::Role::Owner, &["organizations:read"]).await);
    let delete =
        async |key: &str, id: &str| world.delete(&company.path(&format!("assets/{id}"))).bearer(key).send().await;
    delete(&reader, &owners).await.refused(403, "insufficient_scope");
    delete(&of_member, &others).await.refused(403, "forbidden");
    delete(&of_member, &owners).await.ok();
    world.get(&company.path("assets")).bearer(&reader).send().await.ok();
}

async fn of_those_who_delete_one_at_once_one_does(world: &World) {
    let company = Company::new(world).await;
    for round in 1..=10 {
        let id = register(world, &company, &company.member, &voice()).await.text("id");
        let path = company.path(&format!("assets/{id}"));
        let answers = join_all((0..20).map(|_| world.delete(&path).by(&company.member).send())).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 1);
        for late in answers.iter().filter(|answer| !answer.is_success()) {
            late.refused(404, "not_found");
        }
        assert_eq!(world.events("asset.deleted"), round);
    }
}

async fn an_organization_has_only_so_many(world: &World) {
    let company = Company::new(world).await;
    let (within, now) = (Unchecked(company.id), world.now());
    world
        .write(move |tx| {
            for _ in 0..997 {
                let asset = Asset {
                    id: AssetId::generate(),
                    organization: within.0,
                    team: None,
                    kind: Label::parse("file")?,
                    name: Name::constant("A file"),
                    provider: None,
                    provider_id: None,
                    metadata: Metadata::default(),
                    created_by: PrincipalId::generate(),
                    deleted_at: None,
                    created_at: now,
                };
                tx.insert_asset(&within, &asset)?;
            }
            Ok(())
        })
        .await;
    let voice = voice();
    let answers = join_all((0..20).map(|_| register(world, &company, &company.member, &voice))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_success()).count(), 3);
    for late in answers.iter().filter(|answer| !answer.is_success()) {
        late.refused(409, "conflict");
    }
    // What is deleted is not counted.
    let own = answers.iter().find(|answer| answer.is_success()).unwrap().text("id");
    world.delete(&company.path(&format!("assets/{own}"))).by(&company.member).send().await.ok();
    register(world, &company, &company.member, &voice).await.ok();
}

async fn a_closed_organization_keeps_its_assets(world: &World) {
    let company = Company::new(world).await;
    let id = register(world, &company, &company.member, &voice()).await.text("id");
    world.call("POST", &company.path("archive")).by(&company.owner).send().await.ok();
    let path = company.path(&format!("assets/{id}"));
    register(world, &company, &company.owner, &voice()).await.refused(409, "conflict");
    world.delete(&path).by(&company.owner).send().await.refused(409, "conflict");
    world.get(&path).by(&company.viewer).send().await.ok();
}

async fn what_is_deleted_is_in_the_export_alone(world: &World) {
    let company = Company::new(world).await;
    let [gone, kept] = [
        register(world, &company, &company.member, &voice()).await,
        register(world, &company, &company.member, &voice()).await,
    ];
    world.delete(&company.path(&format!("assets/{}", gone.text("id")))).by(&company.member).send().await.ok();
    let export = world.get(&company.path("export")).by(&company.owner).send().await;
    let [first, second] = export.ok()["assets"].as_array().unwrap().as_slice() else { panic!("{export:?}") };
    assert_eq!((&first["id"], first["deleted_at"].is_string()), (&gone.ok()["id"], true));
    assert_eq!(second, kept.ok());
}
