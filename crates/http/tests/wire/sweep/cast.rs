//! Everybody who is known, and what each of them may.

use authz::{KeyScope, action};
use fabric_http::routes::Entry;
use identity::ApiKey;
use kernel::{
    Role, Unchecked,
    id::{AppId, OrganizationId},
};

use tenancy::OrganizationSettings;

use super::{
    made::{passkey, word},
    subject::Kind,
    things::Things,
};
use crate::support::{App, Person, World};

/// What an app may do to itself with a token of its own (contract, 1.14). Whatever is not named here it may not.
const BY_THE_APP_ITSELF: &[&str] =
    &["app.list", "app.read", "app.update", "app.disable", "user.read", "user.manage", "audit.read"];

/// With what somebody calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Session,
    /// A token that an app got for them.
    Exchange,
    Key,
    /// A key with every scope there is but the one that is needed.
    KeyWithoutScope,
    /// A token that an app got for itself.
    App,
}

/// Somebody with a credential that is good for something.
#[derive(Clone)]
pub struct Someone {
    pub name: String,
    pub id: String,
    pub bearer: String,
    pub through: Through,
    /// What they are in the organizations of the app.
    tenant: Option<Role>,
    /// What they are in the organization that owns it.
    owner: Option<Role>,
    pub administrator: bool,
    /// They come through an app, whichever.
    in_app: bool,
    /// Nobody else stands for them.
    pub typical: bool,
    /// It is the app's own token.
    pub app_itself: bool,
}

impl Someone {
    fn new(name: impl Into<String>, id: &impl ToString, bearer: &str, through: Through) -> Self {
        Self {
            name: format!("{} by {through:?}", name.into()),
            id: id.to_string(),
            bearer: bearer.to_owned(),
            through,
            tenant: None,
            owner: None,
            administrator: false,
            in_app: matches!(through, Through::Exchange | Through::App),
            typical: true,
            app_itself: false,
        }
    }

    /// With a platform account.
    fn person(name: &str, person: &Person) -> Self {
        Self::new(name, &person.id, &person.token, Through::Session)
    }

    /// With an account of an app.
    fn user(name: &str, person: &Person) -> Self {
        Self { in_app: true, ..Self::person(name, person) }
    }

    /// What they are to be told when they come to do this to that.
    pub fn expected(&self, entry: &Entry, kind: Kind, action: &action::Entry) -> Result<(), (u16, &'static str)> {
        if self.through == Through::KeyWithoutScope {
            return Err((403, "insufficient_scope"));
        }
        let by_role = |role: Option<Role>| match role {
            None => Err((404, "not_found")),
            Some(role) if role < action.least => Err((403, "forbidden")),
            Some(_) => Ok(()),
        };
        let by_app = if BY_THE_APP_ITSELF.contains(&action.name) { Ok(()) } else { Err((403, "forbidden")) };
        match kind {
            Kind::Own if action.name == "organization.create" => match self.through {
                Through::Session | Through::Exchange => Ok(()),
                Through::Key | Through::KeyWithoutScope | Through::App => Err((403, "user_required")),
            },
            Kind::Own => Ok(()),
            Kind::Organization
                if action.name == "member.leave" && matches!(self.through, Through::Key | Through::App) =>
            {
                Err((403, "user_required"))
            }
            // No app takes a credential of its users along.
            Kind::Tenant | Kind::Organization | Kind::Webhook | Kind::ServiceAccount | Kind::ServiceAccountKey
                if self.through == Through::Exchange && gives_a_credential(entry) =>
            {
                by_role(self.tenant).and(Err((403, "session_required")))
            }
            // It is somebody else's: nobody gets it, and who ends it is an administrator.
            Kind::ApiKey if self.tenant.is_some_and(|role| role < Role::Admin) || action.name == "api_key.rotate" => {
                by_role(self.tenant).and(Err((403, "forbidden")))
            }
            // It is somebody else's, too.
            Kind::Asset if action.name == "asset.delete" && self.tenant.is_some_and(|role| role < Role::Admin) => {
                Err((403, "forbidden"))
            }
            Kind::Organization => by_role(self.tenant),
            tenants if tenants.is_tenants() => by_role(self.tenant),
            Kind::Platform if self.administrator => Ok(()),
            Kind::Platform => Err((403, "forbidden")),
            // Apps are registered with a platform account.
            Kind::Owner if self.in_app => Err((403, "forbidden")),
            // An app always means its own accounts, whatever it names.
            Kind::Users if self.through == Through::App => by_app,
            Kind::App | Kind::MailTemplate | Kind::SocialProvider | Kind::User | Kind::UserPasskey
                if self.app_itself =>
            {
                by_app
            }
            Kind::App | Kind::MailTemplate | Kind::SocialProvider | Kind::User | Kind::UserPasskey | Kind::Users
                if self.administrator =>
            {
                Ok(())
            }
            _ => by_role(self.owner),
        }
    }
}

/// Whether the answer of a route has a secret that its caller may come with from then on, or sign with.
fn gives_a_credential(entry: &Entry) -> bool {
    let ends = ["/v1/api-keys", "/api-keys", "/v1/oauth/clients", "/webhooks", "/rotate", "/rotate-secret"];
    entry.method == "POST" && ends.iter().any(|end| entry.path.ends_with(end))
}

pub struct Cast {
    pub(super) app: App,
    other_app: App,
    pub(super) administrator: Person,
    /// An organization of the app, and its members by role.
    pub(super) home: OrganizationId,
    pub(super) tenants: Vec<(Role, Person)>,
    /// Members of the organization that owns the app, by role.
    developers: Vec<(Role, Person)>,
    /// The owner of another organization of the app.
    neighbor: Person,
    /// Was an owner until a moment ago, of both.
    former_tenant: Person,
    former_developer: Person,
    strangers: Vec<Someone>,
    /// What that organization has.
    pub(super) things: Things,
    /// A user of the app whom nobody has anything to do with.
    pub(super) bystander: Person,
    /// Their passkey.
    pub(super) passkey: String,
    /// An app that nobody here has anything to do with.
    pub(super) foreign: App,
}

impl Cast {
    pub async fn new(world: &World) -> Self {
        let administrator = world.administrator().await;
        let (app, other_app) = (world.set_up("acme").await, world.set_up("other").await);
        let (mut tenants, mut developers) = (Vec::new(), Vec::new());
        for role in Role::ALL {
            tenants.push((role, world.sign_up(Some(&app), &format!("tenant-{role}")).await));
            let developer = world.sign_up(None, &format!("developer-{role}")).await;
            world.enroll(app.organization, &developer, role).await;
            developers.push((role, developer));
        }
        let former_developer = world.sign_up(None, "former-developer").await;
        world.enroll(app.organization, &former_developer, Role::Owner).await;
        world.expel(app.organization, &former_developer).await;
        let mut cast = Self {
            home: world.home_of(&tenants[3].1).await,
            neighbor: world.sign_up(Some(&app), "neighbor").await,
            former_tenant: world.sign_up(Some(&app), "former-tenant").await,
            bystander: world.sign_up(Some(&app), "bystander").await,
            passkey: String::new(),
            foreign: world.set_up("foreign").await,
            former_developer,
            strangers: Vec::new(),
            things: Things::default(),
            app,
            other_app,
            administrator,
            tenants,
            developers,
        };
        cast.populate(world, cast.home).await;
        let settings = OrganizationSettings {
            max_pending_invitations: 10_000,
            max_invitations_per_hour: 10_000,
            ..OrganizationSettings::default()
        };
        let home = cast.home;
        world.write(move |tx| tx.set_organization_settings(&Unchecked(home), &settings)).await;
        cast.things = Things::new(world, cast.home, &cast.tenants[0].1, &cast.bystander).await;
        cast.passkey = passkey(world, &cast.app, &cast.bystander).await;
        for app in [&cast.app, &cast.foreign] {
            word(world, app).await;
        }
        cast.strangers = cast.strangers(world).await;
        cast
    }

    /// Makes the tenants members of an organization, each in their role, and the former one a former one.
    pub(super) async fn populate(&self, world: &World, organization: OrganizationId) {
        for (role, person) in &self.tenants {
            if organization != self.home || *role != Role::Owner {
                world.enroll(organization, person, *role).await;
            }
        }
        world.enroll(organization, &self.former_tenant, Role::Owner).await;
        world.expel(organization, &self.former_tenant).await;
    }

    /// Those who are somebody, but nobody here.
    async fn strangers(&self, world: &World) -> Vec<Someone> {
        let (app, other) = (&self.app, &self.other_app);
        let elsewhere = world.home_of(&self.neighbor).await;
        let neighbor_key = world.api_key(Some(app.id), elsewhere, &self.neighbor, |key| key).await;
        let exchanged = world.exchange(app, self.neighbor.id).await.text("access_token");
        let mut strangers = vec![
            Someone::user("a neighbor", &self.neighbor),
            Someone::new("a neighbor", &self.neighbor.id, &exchanged, Through::Exchange),
            Someone { in_app: true, ..Someone::new("a neighbor", &self.neighbor.id, &neighbor_key, Through::Key) },
            Someone::user("a former tenant", &self.former_tenant),
            Someone::person("a former developer", &self.former_developer),
            Someone::person("another developer", &other.owner),
            Someone::new("another developer", &other.owner.id, &other.api_key, Through::Key),
            Someone::new("another app", &other.id, &world.app_token(other).await, Through::App),
        ];
        // The same people with their accounts elsewhere: whoever they are, it does not count there.
        for (name, place) in [("tenant-owner", Some(other)), ("tenant-owner", None)] {
            let same = world.sign_up(place, name).await;
            assert_eq!(same.id, self.tenants[3].1.id, "the same person");
            let in_app = place.is_some();
            strangers.push(Someone { in_app, ..Someone::person("the tenant's owner, elsewhere", &same) });
        }
        for place in [app, other] {
            let same = world.sign_up(Some(place), "developer-owner").await;
            assert_eq!(same.id, self.developers[3].1.id, "the same person");
            strangers.push(Someone::user("the developer through an app", &same));
            let exchanged = world.exchange(place, same.id).await.text("access_token");
            strangers.push(Someone::new("the developer through an app", &same.id, &exchanged, Through::Exchange));
        }
        strangers
    }

    /// Everybody who is known. Keys are made for the action.
    pub async fn everybody(&self, world: &World, action: Option<&action::Entry>) -> Vec<Someone> {
        let mut everybody = self.strangers.clone();
        everybody.push(Someone {
            administrator: true,
            ..Someone::person("an administrator of the platform", &self.administrator)
        });
        everybody.push(Someone {
            app_itself: true,
            ..Someone::new("the app", &self.app.id, &world.app_token(&self.app).await, Through::App)
        });
        for (role, person) in &self.tenants {
            let exchanged = world.exchange(&self.app, person.id).await.text("access_token");
            let (name, of) = (format!("the tenant's {role}"), Some(*role));
            everybody.push(Someone { tenant: of, ..Someone::user(&name, person) });
            let through_app = Someone::new(&name, &person.id, &exchanged, Through::Exchange);
            everybody.push(Someone { tenant: of, ..through_app });
            for (someone, of) in keys(world, Some(self.app.id), self.home, (*role, person), action).await {
                everybody.push(Someone { tenant: of, in_app: true, ..someone });
            }
        }
        for (role, person) in &self.developers {
            everybody.push(Someone { owner: Some(*role), ..Someone::person(&format!("the app's {role}"), person) });
            for (someone, of) in keys(world, None, self.app.organization, (*role, person), action).await {
                everybody.push(Someone { owner: of, ..someone });
            }
        }
        everybody
    }
}

/// Keys of somebody, and what each of them may be: a key's role or its principal's, whichever is less.
async fn keys(
    world: &World,
    app: Option<AppId>,
    organization: OrganizationId,
    (role, person): (Role, &Person),
    action: Option<&action::Entry>,
) -> Vec<(Someone, Option<Role>)> {
    // Those of the last round: nobody has any number of keys.
    let principal = person.id;
    world.write(move |tx| tx.delete_api_keys_of(&Unchecked(organization), principal)).await;
    let mut keys = Vec::new();
    let mut add = async |name: String, through, of: Option<Role>, of_key: Role, scopes: Vec<&KeyScope>| {
        let typical = through == Through::KeyWithoutScope || scopes.is_empty() && of_key == role;
        let scopes = scopes.iter().map(|scope| scope.name().to_owned()).collect();
        let key = world.api_key(app, organization, person, |key| ApiKey { role: Some(of_key), scopes, ..key }).await;
        keys.push((Someone { typical, ..Someone::new(name, &person.id, &key, through) }, of));
    };
    for of_key in Role::ALL {
        let may = Some(role.min(of_key));
        add(format!("the {role} with the key of a {of_key}"), Through::Key, may, of_key, Vec::new()).await;
    }
    if let Some(action) = action {
        let (enough, others): (Vec<_>, Vec<_>) = KeyScope::ALL.iter().partition(|scope| scope.covers(action.scope));
        for scope in enough {
            add(format!("the {role} with a key for {scope}"), Through::Key, Some(role), Role::Owner, vec![scope]).await;
        }
        add(format!("the {role}"), Through::KeyWithoutScope, None, Role::Owner, others).await;
    }
    keys
}
