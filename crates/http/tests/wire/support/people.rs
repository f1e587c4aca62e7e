use identity::{ApiKey, api_key, password::Password};
use kernel::{
    AllowedIps, Code, Email, Name, Role, SecretHash, Unchecked,
    id::{ApiKeyId, AppId, MembershipId, OrganizationId, PrincipalId},
    secret::ExposeSecret,
};
use platform::{OperatorUser, SetUp};
use serde_json::{Value, json};
use tenancy::Membership;

use super::{Answer, Call, World};

pub const PASSWORD: &str = "Correct-horse-1";
pub const NEXT_PASSWORD: &str = "Battery-staple-2";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PrincipalId,
    pub email: String,
    pub token: String,
    pub refresh: String,
}

impl Person {
    /// Whoever an answer with tokens is about.
    #[track_caller]
    pub fn of(answer: &Answer) -> Self {
        Self {
            id: answer.ok()["user"]["id"].as_str().unwrap().parse().unwrap(),
            email: answer.ok()["user"]["email"].as_str().unwrap().to_owned(),
            token: answer.text("access_token"),
            refresh: answer.text("refresh_token"),
        }
    }
}

/// An app with its owner, as `fabric setup` leaves it.
#[derive(Clone, Debug)]
pub struct App {
    pub id: AppId,
    pub client_id: String,
    pub client_secret: String,
    pub owner: Person,
    pub organization: OrganizationId,
    pub api_key: String,
}

/// `alice` is alice@example.com.
fn address(name: &str) -> String {
    format!("{name}@example.com")
}

impl World {
    pub fn call<'a>(&'a self, method: &str, path: &str) -> Call<'a> {
        Call::new(self, method, path)
    }

    pub fn get<'a>(&'a self, path: &str) -> Call<'a> {
        self.call("GET", path)
    }

    pub fn post<'a>(&'a self, path: &str, body: &Value) -> Call<'a> {
        self.call("POST", path).json(body)
    }

    pub fn patch<'a>(&'a self, path: &str, body: &Value) -> Call<'a> {
        self.call("PATCH", path).json(body)
    }

    pub fn delete<'a>(&'a self, path: &str) -> Call<'a> {
        self.call("DELETE", path)
    }

    /// A call at the door of an app, or of the platform itself.
    pub fn at_door<'a>(&'a self, app: Option<&App>, path: &str, body: &Value) -> Call<'a> {
        let call = self.post(path, body);
        match app {
            Some(app) => call.app(&app.client_id),
            None => call,
        }
    }

    /// Signs somebody up who is in at once.
    pub async fn sign_up(&self, app: Option<&App>, name: &str) -> Person {
        let body = json!({ "email": address(name), "password": PASSWORD });
        Person::of(&self.at_door(app, "/v1/auth/signup", &body).send().await)
    }

    pub async fn log_in(&self, app: Option<&App>, name: &str, password: &str) -> Answer {
        let body = json!({ "email": address(name), "password": password });
        self.at_door(app, "/v1/auth/login", &body).send().await
    }

    /// Signs somebody in who has an account.
    pub async fn sign_in(&self, app: Option<&App>, name: &str) -> Person {
        Person::of(&self.log_in(app, name, PASSWORD).await)
    }

    /// An app whose owner is a developer of that name. The first one of a world runs the platform.
    pub async fn set_up(&self, name: &str) -> App {
        let owner = address(&format!("{name}-owner"));
        let made = self.platform.set_up(SetUp {
            app_name: Name::parse(name).unwrap(),
            email: Email::parse(&owner).unwrap(),
            password: Password::choose(&PASSWORD.into()).unwrap(),
            webhook_url: None,
        });
        let made = made.await.unwrap();
        App {
            id: made.app.id,
            client_id: made.app.client_id.as_str().to_owned(),
            client_secret: made.client_secret.unwrap().expose_secret().to_owned(),
            owner: self.sign_in(None, &format!("{name}-owner")).await,
            organization: made.organization.id,
            api_key: made.api_key.unwrap().expose_secret().to_owned(),
        }
    }

    /// The same, after somebody else has become the one who runs the platform.
    pub async fn app(&self, name: &str) -> App {
        self.administrator().await;
        self.set_up(name).await
    }

    /// The one who runs the platform.
    pub async fn administrator(&self) -> Person {
        self.platform
            .operator_create_user(OperatorUser {
                app: None,
                email: Email::parse(&address("administrator")).unwrap(),
                password: Password::choose(&PASSWORD.into()).unwrap(),
                display_name: None,
                verified: true,
                admin: true,
            })
            .await
            .map_or_else(|error| assert_eq!(error.code, Code::EmailTaken), drop);
        self.sign_in(None, "administrator").await
    }

    /// Changes an app's settings.
    pub async fn configure(&self, app: &App, settings: &Value) {
        self.patch(&format!("/v1/apps/{}", app.id), settings).bearer(&app.api_key).send().await.ok();
    }

    /// A token with which an app acts for itself.
    pub async fn app_token(&self, app: &App) -> String {
        let body = json!({
            "grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret,
        });
        self.post("/v1/oauth/token", &body).send().await.text("access_token")
    }

    /// A token with which an app acts for one of its users.
    pub async fn exchange(&self, app: &App, user: PrincipalId) -> Answer {
        let body = json!({
            "grant_type": "token_exchange", "client_id": app.client_id, "client_secret": app.client_secret,
            "subject_token": user, "subject_token_type": "urn:fabric:user_id",
        });
        self.post("/v1/oauth/token", &body).send().await
    }

    /// Makes somebody a member, as an invitation will.
    pub async fn enroll(&self, organization: OrganizationId, person: &Person, role: Role) {
        let (id, principal) = (MembershipId::generate(), person.id);
        let membership = Membership { id, organization, principal, role, custom_role: None, created_at: self.now() };
        self.write(move |tx| tx.insert_membership(&membership)).await;
    }

    /// And lets them go again.
    pub async fn expel(&self, organization: OrganizationId, person: &Person) {
        let principal = person.id;
        self.write(move |tx| tx.delete_membership(&Unchecked(organization), principal)).await;
    }

    /// An API key, changed as the story wants it.
    pub async fn api_key(
        &self,
        app: Option<AppId>,
        organization: OrganizationId,
        person: &Person,
        change: impl FnOnce(ApiKey) -> ApiKey,
    ) -> String {
        let principal = person.id;
        let account = self.read(move |tx| tx.account_of(app, principal)).await;
        let account = account.map(|account| account.id);
        let (_, clear) = self.keep_key(organization, |key| change(ApiKey { app, principal, account, ..key })).await;
        clear
    }

    /// A key that nobody uses.
    pub async fn insert_key(&self, organization: OrganizationId, change: impl FnOnce(ApiKey) -> ApiKey) -> ApiKey {
        self.keep_key(organization, change).await.0
    }

    async fn keep_key(&self, organization: OrganizationId, change: impl FnOnce(ApiKey) -> ApiKey) -> (ApiKey, String) {
        let (prefix, clear) = api_key::write(random());
        let key = change(ApiKey {
            id: ApiKeyId::generate(),
            prefix,
            hash: SecretHash::of(clear.expose_secret()),
            previous: None,
            organization,
            app: None,
            principal: PrincipalId::generate(),
            account: None,
            service_account: None,
            team: None,
            name: Name::constant("A key"),
            description: None,
            role: Some(Role::Owner),
            own_roles: false,
            scopes: Vec::new(),
            allowed_ips: AllowedIps::default(),
            disabled_at: None,
            disabled_by: None,
            expires_at: None,
            last_used_at: None,
            created_by: None,
            created_at: self.now(),
            updated_at: self.now(),
        });
        let kept = key.clone();
        self.write(move |tx| tx.insert_api_key(&Unchecked(organization), &kept)).await;
        (key, clear.expose_secret().to_owned())
    }

    /// The organizations that somebody sees.
    pub async fn organizations_of(&self, person: &Person) -> Vec<Value> {
        let answer = self.get("/v1/me/organizations").by(person).send().await;
        answer.ok().as_array().unwrap().clone()
    }

    /// The one organization that somebody has.
    pub async fn home_of(&self, person: &Person) -> OrganizationId {
        let organizations = self.organizations_of(person).await;
        assert_eq!(organizations.len(), 1, "{organizations:?}");
        organizations[0]["id"].as_str().unwrap().parse().unwrap()
    }
}

fn random() -> [u8; 40] {
    let ids = [PrincipalId::generate(), PrincipalId::generate(), PrincipalId::generate()];
    let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.0.as_bytes()).take(40).collect();
    bytes.try_into().unwrap()
}
