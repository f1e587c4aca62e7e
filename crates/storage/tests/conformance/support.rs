//! A database for one story, and what stories are made of.

use std::{fmt::Debug, future::Future, sync::Arc, time::Duration};

use apps::{App, AppSettings, ClientId};
use authz::{ActionPattern, ActionSet, CustomRole, Effect, Grant, RoleName};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query, sql_types::BigInt};
use fabric_storage::{Database, Options};
use identity::{Account, RefreshToken, ServiceAccount, Session, SignInMethod};
use kernel::{
    Client, Code, Email, Listed, Metadata, Name, Page, Result, Role, Slug, Timestamp, Unchecked,
    id::{
        AccountId, AppId, GrantId, InvitationId, MembershipId, OrganizationId, PrincipalId, RefreshTokenId, RoleId,
        ServiceAccountId, SessionId, TeamId,
    },
};
use platform::{Store, Transaction};
use tenancy::{Invitation, InvitationStatus, Membership, Organization, Team, TeamMember};
use testbed::TestDatabase;

/// An open database that belongs to one story.
pub struct Db {
    pub store: Arc<dyn Store>,
    pub database: Arc<Database>,
    pub url: String,
    _place: TestDatabase,
}

impl Db {
    pub fn sqlite() -> Self {
        Self::open(TestDatabase::sqlite())
    }

    pub fn postgres() -> Self {
        Self::open(TestDatabase::postgres(|url| drop(Database::migrate(url).unwrap())))
    }

    fn open(place: TestDatabase) -> Self {
        let database = Arc::new(Database::open(&Options::new(&place.url)).unwrap());
        Self { store: Arc::clone(&database) as Arc<dyn Store>, database, url: place.url.clone(), _place: place }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// What the work reads.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> T {
        self.store.read(work).await.unwrap()
    }

    /// What the work writes, which goes well.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> T {
        self.store.write(work).await.unwrap()
    }

    /// The code that the work is refused with.
    pub async fn refused<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Code {
        self.store.write(work).await.err().expect("refused").code
    }

    /// Runs as many works at once; hands back what came of each.
    pub async fn at_once<T, W>(&self, works: impl IntoIterator<Item = W>) -> Vec<Result<T>>
    where
        T: Send + 'static,
        W: FnMut(&mut dyn Transaction) -> Result<T> + Send + 'static,
    {
        let begin = |work| {
            let store = Arc::clone(&self.store);
            tokio::spawn(async move { store.write(work).await })
        };
        let callers: Vec<_> = works.into_iter().map(begin).collect();
        let mut done = Vec::with_capacity(callers.len());
        // In the order in which they were given, and not in which they end.
        for caller in callers {
            done.push(caller.await.unwrap());
        }
        done
    }

    /// These items and no others are in the list, in this order, whichever page is asked for.
    pub async fn lists<T, I>(
        &self,
        items: &[T],
        id: impl Fn(&T) -> I,
        list: impl Fn(&mut dyn Transaction, &Page<I>) -> Result<Listed<T, I>> + Clone + Send + 'static,
    ) where
        T: Clone + Debug + PartialEq + Send + 'static,
        I: Copy + Debug + PartialEq + Send + 'static,
    {
        self.pages(items, &id, list.clone()).await;
        for after in [None, items.last().map(&id)] {
            let (list, page) = (list.clone(), Page::new(after, 0, 1).unwrap().counted(true));
            let total = self.read(move |tx| list(tx, &page)).await.total;
            assert_eq!(total, Some(items.len() as u64), "wherever the page is");
        }
    }

    /// The same of a list that is never counted.
    pub async fn pages<T, I>(
        &self,
        items: &[T],
        id: impl Fn(&T) -> I,
        list: impl Fn(&mut dyn Transaction, &Page<I>) -> Result<Listed<T, I>> + Clone + Send + 'static,
    ) where
        T: Clone + Debug + PartialEq + Send + 'static,
        I: Copy + Debug + PartialEq + Send + 'static,
    {
        for limit in [1, 2, items.len().max(1), items.len() + 1] {
            for begin in 0..=items.len() {
                for offset in [0, 1, items.len()] {
                    let after = begin.checked_sub(1).map(|last| id(&items[last]));
                    let page = Page::new(after, u32::try_from(offset).unwrap(), u32::try_from(limit).unwrap()).unwrap();
                    let list = list.clone();
                    let found = self.read(move |tx| list(tx, &page)).await;
                    let rest = &items[items.len().min(begin + offset)..];
                    let expected = rest[..limit.min(rest.len())].to_vec();
                    let next = if rest.len() > limit { expected.last().map(&id) } else { None };
                    assert_eq!(found, Listed { items: expected, next, total: None }, "{page:?}");
                }
            }
        }
    }

    /// One number, asked past the repositories.
    pub fn number(&self, sql: &str) -> i64 {
        number(&self.url, sql)
    }

    /// An organization of the platform.
    pub async fn organization(&self) -> Organization {
        self.organization_in(None).await
    }

    pub async fn organization_in(&self, app: Option<AppId>) -> Organization {
        let organization = organization(app);
        let new = organization.clone();
        self.write(move |tx| tx.insert_organization(&new)).await;
        organization
    }

    /// An app with an owner of its own.
    pub async fn app(&self) -> App {
        let owner = self.organization().await;
        let app = app(owner.id);
        let new = app.clone();
        self.write(move |tx| tx.insert_app(&Unchecked(owner.id), &new)).await;
        app
    }

    /// An account of a new principal.
    pub async fn account(&self, app: Option<AppId>) -> Account {
        let account = account(app);
        let new = account.clone();
        self.write(move |tx| {
            tx.insert_principal(new.principal, Some(&new.email), at(0))?;
            tx.insert_account(&new)
        })
        .await;
        account
    }

    /// A session of the account with a refresh token that expires after a day.
    pub async fn session(&self, account: &Account) -> (Session, RefreshToken) {
        let session = Session { expires_at: at(86_400), ..session(account) };
        let token = refresh_token(&session, session.expires_at);
        let (new, first) = (session.clone(), token.clone());
        self.write(move |tx| {
            tx.insert_session(&new)?;
            tx.insert_refresh_token(&first)
        })
        .await;
        (session, token)
    }

    pub async fn member(&self, organization: OrganizationId, principal: PrincipalId, role: Role) {
        self.write(move |tx| tx.insert_membership(&membership(organization, principal, role))).await;
    }

    pub async fn team(&self, organization: OrganizationId) -> Team {
        let team = team(organization);
        let new = team.clone();
        self.write(move |tx| tx.insert_team(&Unchecked(organization), &new)).await;
        team
    }

    pub async fn team_member(&self, team: &Team, principal: PrincipalId, role: Role) -> TeamMember {
        let (organization, member) =
            (team.organization, TeamMember { team: team.id, principal, role, custom_role: None, created_at: at(0) });
        self.write(move |tx| tx.put_team_member(&Unchecked(organization), &member)).await;
        member
    }

    pub async fn custom_role(&self, organization: OrganizationId) -> CustomRole {
        let role = custom_role(organization);
        let new = role.clone();
        self.write(move |tx| tx.insert_custom_role(&Unchecked(organization), &new)).await;
        role
    }

    pub async fn grant(&self, organization: OrganizationId, principal: PrincipalId) -> Grant {
        let grant = grant(organization, principal);
        let new = grant.clone();
        self.write(move |tx| tx.insert_grant(&Unchecked(organization), &new)).await;
        grant
    }

    pub async fn invitation(&self, organization: OrganizationId) -> Invitation {
        self.inserted(invitation(organization)).await
    }

    /// The invitation, as it was put in.
    pub async fn inserted(&self, invitation: Invitation) -> Invitation {
        let new = invitation.clone();
        self.write(move |tx| tx.insert_invitation(&Unchecked(new.organization), &new)).await;
        invitation
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_700_000_000 + seconds).unwrap()
}

pub fn organization(app: Option<AppId>) -> Organization {
    let id = OrganizationId::generate();
    Organization {
        id,
        app,
        slug: Slug::from_name(&id.to_string()),
        name: Name::constant("Acme"),
        metadata: metadata("organization"),
        archived_at: None,
        delete_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub fn app(owner: OrganizationId) -> App {
    let id = AppId::generate();
    // Distinct for distinct ids.
    let random = std::array::from_fn(|index| id.0.as_bytes()[index % 16].rotate_right(if index < 16 { 0 } else { 4 }));
    App {
        id,
        owner,
        name: Name::constant("Shop"),
        slug: Slug::from_name(&id.to_string()),
        client_id: ClientId::from_random(random),
        settings: AppSettings::default(),
        metadata: metadata("app"),
        disabled_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub fn account(app: Option<AppId>) -> Account {
    let id = AccountId::generate();
    let email = Email::parse(&format!("{id}@example.com")).unwrap();
    Account::new(id, PrincipalId::generate(), app, email, at(0))
}

pub fn session(account: &Account) -> Session {
    Session {
        id: SessionId::generate(),
        account: account.id,
        epoch: account.epoch,
        client: Client {
            ip: Some("2001:db8::1".parse().unwrap()),
            user_agent: Some("a browser".to_owned()),
            language: None,
        },
        method: SignInMethod::MagicLink,
        second_factor: None,
        created_at: at(0),
        authenticated_at: at(0),
        last_seen_at: at(0),
        expires_at: at(0),
    }
}

pub fn refresh_token(session: &Session, expires_at: Timestamp) -> RefreshToken {
    RefreshToken { id: RefreshTokenId::generate(), session: session.id, expires_at, spent: None }
}

pub fn membership(organization: OrganizationId, principal: PrincipalId, role: Role) -> Membership {
    Membership { id: MembershipId::generate(), organization, principal, role, custom_role: None, created_at: at(0) }
}

pub fn team(organization: OrganizationId) -> Team {
    let id = TeamId::generate();
    Team {
        id,
        organization,
        slug: Slug::from_name(&id.to_string()),
        name: Name::constant("Kitchen"),
        archived_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub fn custom_role(organization: OrganizationId) -> CustomRole {
    let id = RoleId::generate();
    CustomRole {
        id,
        organization,
        name: RoleName::parse(&format!("role-{id}")).unwrap(),
        description: None,
        actions: ActionSet::parse(["invoice.approve", "team.*"]).unwrap(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub fn service_account(organization: OrganizationId) -> ServiceAccount {
    ServiceAccount {
        id: ServiceAccountId::generate(),
        organization,
        team: None,
        name: Name::constant("Deploys"),
        description: None,
        role: Role::Member,
        custom_role: None,
        created_by: None,
        disabled_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub fn grant(organization: OrganizationId, principal: PrincipalId) -> Grant {
    Grant {
        id: GrantId::generate(),
        organization,
        team: None,
        principal,
        effect: Effect::Allow,
        action: ActionPattern::parse("team.*", None).unwrap(),
        resource: None,
        created_at: at(0),
    }
}

/// Waits for an answer from an address of its own, for a hundred seconds.
pub fn invitation(organization: OrganizationId) -> Invitation {
    let id = InvitationId::generate();
    Invitation {
        id,
        organization,
        team: None,
        email: email(&format!("{id}@example.com")),
        role: "member".to_owned(),
        inviter: PrincipalId::generate(),
        status: InvitationStatus::Pending,
        expires_at: at(100),
        created_at: at(0),
        updated_at: at(0),
    }
}

/// Metadata with everything in it that a database could stumble over.
pub fn metadata(of: &str) -> Metadata {
    Metadata::parse(serde_json::json!({ "of": of, "nul": "\0", "quotes": "'\"\\", "fox": "🦊", "n": 1.5 })).unwrap()
}

pub fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

/// Long enough that whoever is about to get in between does.
pub fn linger() {
    std::thread::sleep(Duration::from_millis(30));
}

/// The same for those who wait outside of a unit of work.
pub fn pause() -> impl Future<Output = ()> {
    tokio::time::sleep(Duration::from_millis(100))
}

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

pub fn number(url: &str, sql: &str) -> i64 {
    let query = sql_query(format!("SELECT CAST(({sql}) AS bigint) AS number"));
    let number: Number = match url.strip_prefix("sqlite://") {
        Some(path) => query.get_result(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => query.get_result(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
    number.number
}

pub fn execute(url: &str, sql: &str) {
    match url.strip_prefix("sqlite://") {
        Some(path) => sql_query(sql).execute(&mut SqliteConnection::establish(path).unwrap()).unwrap(),
        None => sql_query(sql).execute(&mut PgConnection::establish(url).unwrap()).unwrap(),
    };
}
