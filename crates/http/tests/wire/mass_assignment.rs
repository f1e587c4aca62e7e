//! Attack 28: a client that says more than it may. What nobody asked for is not looked at.

use serde_json::{Value, json};

use crate::support::{Answer, Company, PASSWORD, Person, World};

on_both!(
    signing_up_makes_nobody_verified_an_administrator_or_somebody_else,
    a_profile_changes_nothing_but_the_profile,
    an_organization_is_made_where_its_maker_is,
    an_organization_changes_nothing_but_its_own,
    an_app_is_made_with_credentials_of_its_own,
    an_app_changes_nothing_but_its_own,
    an_administrator_of_an_app_makes_no_administrator_of_the_platform,
    signing_in_chooses_nothing,
    grants_and_teams_are_what_was_asked_for,
    own_roles_are_what_was_asked_for,
    an_invitation_is_answered_by_nobody_but_the_invited,
    programs_and_their_credentials_are_what_was_asked_for,
    an_asset_is_what_was_asked_for,
);

/// Everything that one might like to be.
fn wishes() -> Value {
    json!({
        "id": "00000000-0000-4000-8000-000000000001",
        "principal_id": "00000000-0000-4000-8000-000000000001",
        "user_id": "00000000-0000-4000-8000-000000000001",
        "account_id": "00000000-0000-4000-8000-000000000001",
        "sub": "00000000-0000-4000-8000-000000000001",
        "email_verified": true, "verified": true, "proof": "operator", "email_proof": "operator",
        "role": "owner", "roles": ["owner"], "is_admin": true, "admin": true, "platform_admin": true,
        "scope": "admin", "scopes": ["users:write"], "epoch": 99, "disabled": true, "disabled_at": "2020-01-01T00:00:00Z",
        "password_hash": "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
        "created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z",
        "client_id": "foc_aaaaaaaaaaaaaaaaaaaaaaaa", "client_secret": "focs_mine", "archived": true,
        "__proto__": { "platform_admin": true }, "constructor": {}, "app": null, "app_id": null, "owner": null,
    })
}

/// The same with what is asked for.
fn wishing(asked: &Value) -> Value {
    let mut body = wishes();
    for (name, value) in asked.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

const STRANGER: &str = "00000000-0000-4000-8000-000000000001";

async fn signing_up_makes_nobody_verified_an_administrator_or_somebody_else(world: &World) {
    let app = world.app("acme").await;
    for app in [Some(&app), None] {
        let body = wishing(&json!({ "email": "eve@example.com", "password": PASSWORD }));
        let answer = world.at_door(app, "/v1/auth/signup", &body).send().await;
        let eve = Person::of(&answer);
        assert_ne!(eve.id.to_string(), STRANGER);
        assert_eq!(answer.ok()["user"]["email_verified"], false);
        let me = world.get("/v1/me").by(&eve).send().await;
        assert_eq!((&me.ok()["platform_admin"], &me.ok()["email_verified"]), (&json!(false), &json!(false)));
        assert_eq!(me.ok()["app_id"], app.map_or(Value::Null, |app| json!(app.id)));
        assert!(!answer.ok()["user"]["created_at"].as_str().unwrap().starts_with("2001"));
        world.get("/v1/admin/users").by(&eve).send().await.refused(403, "forbidden");
    }
}

async fn a_profile_changes_nothing_but_the_profile(world: &World) {
    let app = world.app("acme").await;
    for app in [Some(&app), None] {
        let eve = world.sign_up(app, "eve").await;
        let before = world.get("/v1/me").by(&eve).send().await;
        let body = wishing(&json!({ "email": "victim@example.com", "password": "Another-secret-1" }));
        world.patch("/v1/me", &body).by(&eve).send().await.ok();
        let after = world.get("/v1/me").by(&eve).send().await;
        assert_eq!(after.ok(), before.ok());
        world.log_in(app, "eve", PASSWORD).await.ok();
        world.log_in(app, "victim", "Another-secret-1").await.refused(401, "invalid_credentials");
    }
}

async fn an_organization_is_made_where_its_maker_is(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    let body = wishing(&json!({ "name": "Mine", "app_id": other.id, "owner_id": STRANGER }));
    let answer = world.post("/v1/organizations", &body).by(&eve).send().await;
    assert_eq!(answer.text("app_id"), app.id.to_string());
    assert_ne!(answer.text("id"), STRANGER);
    assert_eq!((&answer.ok()["archived"], &answer.ok()["role"]), (&json!(false), &json!("owner")));
    // Nor does the header say where.
    let elsewhere = world.post("/v1/organizations", &body).by(&eve).app(&other.client_id).send().await;
    assert_eq!(elsewhere.text("app_id"), app.id.to_string());
}

async fn an_organization_changes_nothing_but_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    let path = format!("/v1/organizations/{}", world.home_of(&eve).await);
    let body = wishing(&json!({ "name": "Renamed", "app_id": other.id }));
    let answer = world.patch(&path, &body).by(&eve).send().await;
    assert_eq!((answer.text("name"), answer.text("app_id")), ("Renamed".to_owned(), app.id.to_string()));
    assert_eq!(answer.ok()["archived"], false);
    assert!(!answer.text("created_at").starts_with("2001"));
}

async fn an_app_is_made_with_credentials_of_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let body = wishing(&json!({ "name": "Mine" }));
    let made = world.post("/v1/apps", &body).by(&app.owner).send().await;
    assert_ne!(made.text("client_id"), "foc_aaaaaaaaaaaaaaaaaaaaaaaa");
    assert_ne!(made.text("client_secret"), "focs_mine");
    assert_ne!(made.text("id"), STRANGER);
    assert_eq!((made.text("organization_id"), &made.ok()["disabled"]), (app.organization.to_string(), &json!(false)));
    // Nobody makes an app for others to own.
    let theirs = wishing(&json!({ "name": "Theirs", "organization_id": other.organization }));
    world.post("/v1/apps", &theirs).by(&app.owner).send().await.refused(404, "not_found");
}

async fn an_app_changes_nothing_but_its_own(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let path = format!("/v1/apps/{}", app.id);
    let body = wishing(&json!({ "name": "Renamed", "organization_id": other.organization, "slug": "renamed" }));
    for token in [&app.owner.token, &app.api_key, &world.app_token(&app).await] {
        let answer = world.patch(&path, &body).bearer(token).send().await;
        let app = (answer.text("id"), answer.text("client_id"), answer.text("organization_id"), answer.text("slug"));
        let before = ("acme".to_owned(), world.get(&path).bearer(token).send().await);
        assert_eq!(app, (before.1.text("id"), before.1.text("client_id"), before.1.text("organization_id"), before.0));
        assert_eq!(answer.ok()["disabled"], false);
    }
    world.app_token(&app).await;
}

async fn an_administrator_of_an_app_makes_no_administrator_of_the_platform(world: &World) {
    let app = world.app("acme").await;
    let body = wishing(&json!({ "email": "eve@example.com", "password": PASSWORD }));
    let made = world.post("/v1/admin/users", &body).bearer(&app.api_key).send().await;
    assert_ne!(made.text("id"), STRANGER);
    let data = made.ok();
    assert_eq!((&data["platform_admin"], &data["disabled"]), (&json!(false), &json!(false)));
    assert_eq!(made.text("app_id"), app.id.to_string());
    // That one thing they may say: whoever manages accounts vouches for addresses.
    assert_eq!(data["email_verified"], true);
    world.log_in(Some(&app), "eve", PASSWORD).await.ok();
    world.log_in(None, "eve", PASSWORD).await.refused(401, "invalid_credentials");
}

async fn signing_in_chooses_nothing(world: &World) {
    let (app, other) = (world.app("acme").await, world.app("other").await);
    let eve = world.sign_up(Some(&app), "eve").await;
    world.sign_up(Some(&other), "eve").await;
    let body = wishing(&json!({
        "email": "eve@example.com", "password": PASSWORD, "app_id": other.id, "expires_in": 1_000_000, "aud": "fabric",
    }));
    let answer = world.at_door(Some(&app), "/v1/auth/login", &body).send().await;
    assert_eq!((Person::of(&answer).id, &answer.ok()["expires_in"]), (eve.id, &json!(7200)));
    let me = world.get("/v1/me").by(&Person::of(&answer)).send().await;
    assert_eq!(me.ok()["app_id"], app.id.to_string());
    // Attack 21: neither does a refresh raise anything.
    let body = wishing(&json!({ "refresh_token": eve.refresh, "scope": "admin", "app_id": other.id }));
    let next = Person::of(&world.post("/v1/auth/token/refresh", &body).send().await);
    assert_eq!(world.get("/v1/me").by(&next).send().await.ok(), me.ok());
}

/// A company, and what its owner says besides what is asked for.
struct Wisher {
    company: Company,
    /// The outsider's organization, where nothing is to end up.
    elsewhere: String,
}

impl Wisher {
    async fn new(world: &World) -> Self {
        let company = Company::new(world).await;
        let elsewhere = world.home_of(&company.outsider).await.to_string();
        Self { company, elsewhere }
    }

    /// What is asked for, with every wish beside it.
    fn wishing(&self, asked: &Value) -> Value {
        let mut body = wishing(&json!({
            "organization_id": self.elsewhere, "organization": self.elsewhere, "created_by": STRANGER,
            "invited_by": STRANGER, "inviter": STRANGER, "service_account_id": STRANGER, "app_id": STRANGER,
            "status": "accepted", "token": "chosen-by-eve", "key": "chosen-by-eve", "secret": "chosen-by-eve",
            "hash": "chosen-by-eve", "prefix": "chosen-by-eve", "archived_at": "2001-01-01T00:00:00Z",
            "deleted_at": "2001-01-01T00:00:00Z", "last_used_at": "2001-01-01T00:00:00Z", "kind": "chosen-by-eve",
        }));
        body.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        body
    }

    /// Asks as the owner; makes sure that what came of it has nothing of the wishes.
    async fn ask(&self, world: &World, method: &str, path: &str, asked: &Value) -> Answer {
        let answer = world.call(method, path).json(&self.wishing(asked)).by(&self.company.owner).send().await;
        let text = answer.ok().to_string();
        let wishes = [
            STRANGER,
            &self.elsewhere,
            "chosen-by-eve",
            "2001-01-01",
            "2020-01-01",
            "focs_mine",
            "foc_aaaa",
            "$argon2",
        ];
        for wish in wishes {
            assert!(!text.contains(wish), "{wish} in {answer:?}");
        }
        if let Some(place) = answer.ok().get("organization_id") {
            assert_eq!(place, &json!(self.company.id), "{answer:?}");
        }
        for closed in ["disabled", "archived"] {
            assert!(answer.ok().get(closed).is_none_or(|closed| closed == false), "{answer:?}");
        }
        answer
    }

    /// Where the organization is asked for, nobody names another one's.
    async fn refused_elsewhere(&self, world: &World, path: &str, asked: &Value) {
        let mut body = self.wishing(asked);
        body["organization_id"] = json!(self.elsewhere);
        world.post(path, &body).by(&self.company.owner).send().await.refused(404, "not_found");
    }

    /// Nothing has come to the other organization.
    async fn nothing_elsewhere(&self, world: &World, lists: &[&str]) {
        let within = format!("/v1/organizations/{}", self.elsewhere);
        for list in lists {
            let path = match list.strip_prefix('/') {
                Some(_) => format!("{list}?organization_id={}", self.elsewhere),
                None => format!("{within}/{list}"),
            };
            let listed = world.get(&path).by(&self.company.outsider).send().await;
            assert_eq!(listed.ok(), &json!([]), "{path}");
        }
    }
}

async fn grants_and_teams_are_what_was_asked_for(world: &World) {
    let wisher = Wisher::new(world).await;
    let company = &wisher.company;
    let grant = json!({ "organization_id": company.id, "principal_id": company.viewer.id, "action": "team.create" });
    let made = wisher.ask(world, "POST", "/v1/permissions", &grant).await;
    assert_eq!((made.text("principal_id"), made.text("effect")), (company.viewer.id.to_string(), "allow".to_owned()));
    wisher.refused_elsewhere(world, "/v1/permissions", &grant).await;

    let team = wisher.ask(world, "POST", &company.path("teams"), &json!({ "name": "Crew" })).await.text("id");
    let path = format!("/v1/teams/{team}");
    let changed = wisher.ask(world, "PATCH", &path, &json!({ "name": "Staff" })).await;
    assert_eq!((changed.text("id"), changed.text("name")), (team, "Staff".to_owned()));
    let place = format!("{path}/members/{}", company.viewer.id);
    let put = wisher.ask(world, "PUT", &place, &json!({ "role": "viewer", "team_id": STRANGER })).await;
    assert_eq!((put.text("principal_id"), put.text("role")), (company.viewer.id.to_string(), "viewer".to_owned()));
    wisher.refused_elsewhere(world, "/v1/teams", &json!({ "name": "Theirs" })).await;
    let member = company.member_path(&company.viewer);
    let changed = wisher.ask(world, "PATCH", &member, &json!({ "role": "member" })).await;
    assert_eq!((changed.text("principal_id"), changed.text("role")), (company.viewer.id.to_string(), "member".into()));
    wisher.nothing_elsewhere(world, &["permissions", "teams"]).await;
}

async fn own_roles_are_what_was_asked_for(world: &World) {
    let wisher = Wisher::new(world).await;
    let roles = wisher.company.path("roles");
    let made = wisher.ask(world, "POST", &roles, &json!({ "name": "clerk", "actions": ["invoice.read"] })).await;
    let path = format!("{roles}/{}", made.text("id"));
    let changed = wisher.ask(world, "PATCH", &path, &json!({ "description": "Reads." })).await;
    for field in ["id", "name", "actions", "created_at"] {
        assert_eq!(changed.ok()[field], made.ok()[field], "{field}");
    }
    wisher.nothing_elsewhere(world, &["roles"]).await;
}

async fn an_invitation_is_answered_by_nobody_but_the_invited(world: &World) {
    let wisher = Wisher::new(world).await;
    let company = &wisher.company;
    world.mails().await;
    let asked = json!({ "email": company.outsider.email, "role": "viewer", "expires_at": "2099-01-01T00:00:00Z" });
    let made = wisher.ask(world, "POST", &company.path("invitations"), &asked).await;
    assert_eq!((made.text("status"), made.text("role")), ("pending".to_owned(), "viewer".to_owned()));
    assert_eq!(made.text("invited_by"), company.owner.id.to_string());
    assert!(!made.text("expires_at").starts_with("2099"));
    let accept = format!("/v1/invitations/{}/accept", made.text("id"));
    let chosen = json!({ "token": "chosen-by-eve" });
    world.post(&accept, &chosen).by(&company.outsider).send().await.refused(400, "invalid_token");
    // Whoever accepts says no more than that.
    let body = wishing(&json!({ "token": world.mail().await.token(), "role": "owner", "email": "x@example.com" }));
    world.post(&accept, &body).by(&company.outsider).send().await.ok();
    let member = company.log(world, "?action=membership.created").await;
    assert_eq!((&member[0]["metadata"]["principal_id"], member.len()), (&json!(company.outsider.id), 2));
    let homes = world.organizations_of(&company.outsider).await;
    let here = homes.iter().find(|home| home["id"] == json!(company.id)).unwrap();
    assert_eq!(here["role"], "viewer");
    let flat = json!({ "email": "new@example.com", "role": "viewer" });
    wisher.refused_elsewhere(world, "/v1/invitations", &flat).await;
    wisher.nothing_elsewhere(world, &["invitations"]).await;
}

async fn programs_and_their_credentials_are_what_was_asked_for(world: &World) {
    let wisher = Wisher::new(world).await;
    let company = &wisher.company;
    let account = json!({ "name": "Deploys", "organization_id": company.id, "role": "viewer" });
    let made = wisher.ask(world, "POST", "/v1/service-accounts", &account).await;
    let id = made.text("id");
    assert_eq!((made.text("principal_id"), made.text("role")), (id.clone(), "viewer".to_owned()));
    assert_eq!(made.text("created_by"), company.owner.id.to_string());
    let path = format!("/v1/service-accounts/{id}");
    let changed = wisher.ask(world, "PATCH", &path, &json!({ "name": "Ships", "role": "viewer", "team_id": id })).await;
    for field in ["id", "principal_id", "created_by", "created_at", "team_id", "role"] {
        assert_eq!(changed.ok()[field], made.ok()[field], "{field}");
    }
    let asked = json!({ "role": "viewer", "scopes": ["members:read"] });
    let key = wisher.ask(world, "POST", &format!("{path}/api-keys"), &asked).await;
    assert_eq!((key.text("principal_id"), key.text("service_account_id")), (id.clone(), id.clone()));
    let asked = json!({ "name": "Laptop", "organization_id": company.id, "role": "viewer", "scopes": [] });
    let key = wisher.ask(world, "POST", "/v1/api-keys", &asked).await;
    assert_eq!(key.text("principal_id"), company.owner.id.to_string());
    assert_eq!(key.ok()["service_account_id"], Value::Null);
    let asked = json!({ "name": "Phone", "role": "viewer", "scopes": [] });
    let changed = wisher.ask(world, "PATCH", &format!("/v1/api-keys/{}", key.text("id")), &asked).await;
    for field in ["id", "principal_id", "prefix", "created_by", "created_at", "last_used_at"] {
        assert_eq!(changed.ok()[field], key.ok()[field], "{field}");
    }

    let uris = json!(["https://example.com/done"]);
    let asked = json!({ "name": "Reports", "organization_id": company.id, "redirect_uris": uris, "role": "viewer" });
    let client = wisher.ask(world, "POST", "/v1/oauth/clients", &asked).await;
    let program = format!("/v1/service-accounts/{}", client.text("service_account_id"));
    let program = world.get(&program).by(&company.owner).send().await;
    assert_eq!((program.text("role"), program.text("organization_id")), ("viewer".into(), company.id.to_string()));
    let places = ["/v1/service-accounts", "/v1/api-keys", "/v1/oauth/clients"];
    for path in places {
        wisher.refused_elsewhere(world, path, &json!({ "name": "Theirs", "redirect_uris": [] })).await;
    }
    wisher.nothing_elsewhere(world, &places).await;
}

async fn an_asset_is_what_was_asked_for(world: &World) {
    let wisher = Wisher::new(world).await;
    let asked = json!({ "asset_type": "voice", "name": "Narrator" });
    let made = wisher.ask(world, "POST", &wisher.company.path("assets"), &asked).await;
    assert_eq!(
        (made.text("created_by"), made.text("asset_type")),
        (wisher.company.owner.id.to_string(), "voice".into())
    );
    assert_eq!(made.ok()["deleted_at"], Value::Null);
    wisher.nothing_elsewhere(world, &["assets"]).await;
}
