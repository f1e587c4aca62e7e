//! Every query goes by an index: what it costs does not grow with the number of other tenants.
//!
//! The queries are not repeated here. All those that a walk through the repositories sends are caught on their way, and
//! the database is asked how it would run each.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use apps::{AppSettings, ClientId, ClientSecret, Origin, SettingsChange};
use authz::{ActionPattern, ActionSet, CustomRole, Effect, Grant, RoleName};
use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _, set_default_instrumentation},
    sql_query,
    sql_types::Text,
};
use fabric_storage::{Database, Options};
use identity::{
    Account, Link, Lockout, LockoutKey, OneTimeToken, PasswordHash, Purpose, RefreshToken, Session,
    account::AccountFilter,
};
use kernel::{
    Client, Email, Metadata, Name, Page, Result, Role, Sealed, SecretHash, Slug, Timestamp, Unchecked,
    id::{
        AccountId, AppId, ClientSecretId, GrantId, MailId, MembershipId, OneTimeTokenId, OrganizationId, PrincipalId,
        RefreshTokenId, RoleId, SessionId, TeamId, TokenId,
    },
};
use platform::{
    Store, Transaction,
    records::{MailOrder, QueuedMail},
};
use tenancy::{Membership, Organization, SecretName, Team, TeamMember};
use testbed::TestDatabase;

/// All queries so far, without their values.
static CAUGHT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

struct Catch;

impl Instrumentation for Catch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds: ").next().unwrap_or_default();
            let ours = ["SELECT", "UPDATE", "DELETE"].iter().any(|begin| sql.starts_with(begin));
            let about_the_database = ["pragma_", "sqlite_master", "pg_", "to_regclass", "__diesel"];
            let about_nothing = "(1=0)";
            if ours && !about_the_database.iter().chain(&[about_nothing]).any(|name| sql.contains(name)) {
                CAUGHT.lock().unwrap().insert(sql.to_owned());
            }
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds).unwrap()
}

fn organization(now: Timestamp) -> Organization {
    Organization {
        id: OrganizationId::generate(),
        app: None,
        slug: Slug::from_name("acme"),
        name: Name::constant("Acme"),
        metadata: Metadata::default(),
        archived_at: None,
        delete_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// One walk through all repositories, in one transaction. What it does there does not matter, as long as it asks.
fn walk(tx: &mut dyn Transaction) -> Result<()> {
    let now = at(0);
    let email = Email::parse("alice@example.com")?;
    let owner = organization(now);
    let here = Unchecked(owner.id);
    tx.insert_organization(&owner)?;
    let origin = Origin::parse("https://a.example")?;
    let change = SettingsChange { allowed_origins: Some(vec![origin.clone()]), ..SettingsChange::default() };
    let app = apps::App {
        id: AppId::generate(),
        owner: owner.id,
        name: Name::constant("Shop"),
        slug: Slug::from_name("shop"),
        client_id: ClientId::from_random([1; 24]),
        settings: AppSettings::default().changed(change)?,
        metadata: Metadata::default(),
        disabled_at: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_app(&here, &app)?;
    tx.app(app.id)?;
    tx.app_by_client_id(&app.client_id)?;
    tx.update_app(&here, &app)?;
    tx.app_by_name(&here, &app.name)?;
    tx.app_slug_taken(&here, &app.slug)?;
    tx.is_origin_allowed(&origin, None)?;
    tx.is_origin_allowed(&origin, Some(app.id))?;
    tx.app_usage(app.id)?;
    let secret = ClientSecret {
        id: ClientSecretId::generate(),
        app: app.id,
        hash: SecretHash([1; 32]),
        created_at: now,
        expires_at: None,
    };
    tx.insert_client_secret(&secret)?;
    tx.client_secrets(app.id, now)?;
    tx.expire_client_secrets(app.id, now)?;
    for (index, place) in [(0, None), (1, Some(app.id))] {
        let principal = PrincipalId::generate();
        people(tx, place, principal, &email, index)?;
        let membership = Membership {
            id: MembershipId::generate(),
            organization: owner.id,
            principal,
            role: Role::Owner,
            custom_role: None,
            created_at: now,
        };
        tx.insert_membership(&membership)?;
        tx.standing(owner.id, principal)?;
        tx.places(place, principal)?;
        authority(tx, owner.id, place, principal)?;
        tx.organization_slug_taken(place, &owner.slug)?;
        for after in [None, Some(owner.id)] {
            tx.organizations_of(place, principal, &Page::new(after, 0, 10)?.counted(true))?;
        }
        for after in [None, Some(app.id)] {
            tx.apps_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
            tx.apps_of(principal, &Page::new(after, 0, 10)?.counted(true))?;
            // Counting all that there is reads all that there is.
            tx.all_apps(&Page::new(after, 0, 10)?)?;
        }
        tx.delete_membership(&here, principal)?;
        tx.delete_account(&Unchecked(place), principal, now)?;
    }
    tx.organization(owner.id)?;
    tx.update_organization(&here, &owner)?;
    keepings(tx, &here)?;
    tx.signing(&here)?;
    tx.api_key_by_prefix("fab_12345678")?;
    tx.has_platform_admin(None)?;
    let lockout = Lockout { failures: 1, locked_until: None, expires_at: now };
    tx.lockout(LockoutKey([1; 32]))?;
    tx.set_lockout(LockoutKey([1; 32]), &lockout)?;
    tx.sweep_lockouts(at(1))?;
    tx.clear_lockout(LockoutKey([1; 32]))?;
    tx.revoke_token(TokenId::generate(), now)?;
    tx.sweep_revoked_tokens(at(1))?;
    tx.is_token_revoked(TokenId::generate())?;
    mails(tx, &email)?;
    tx.delete_app(&here, app.id)
}

/// What an organization keeps, and how it ends.
fn keepings(tx: &mut dyn Transaction, here: &Unchecked<OrganizationId>) -> Result<()> {
    let (name, now) = (SecretName::parse("KEY")?, at(0));
    tx.hold_organization(here.0)?;
    tx.organization_settings(here)?;
    tx.budget(here)?;
    tx.set_monthly_limit(here, None)?;
    tx.set_secret(here, &name, &Sealed(vec![1]), now)?;
    tx.sealed_secret(here, &name)?;
    tx.count_secrets(here)?;
    for after in [None, Some(name.clone())] {
        tx.secrets_in(here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.delete_secret(here, &name)?;
    for app in [None, Some(AppId::generate())] {
        tx.organization_by_slug(&Unchecked(app), &Slug::from_name("acme"))?;
        for after in [None, Some(here.0)] {
            tx.organizations_in(&Unchecked(app), &Page::new(after, 0, 10)?)?;
        }
    }
    tx.organization_due(now)?;
    let id = OrganizationId::generate();
    let gone = Organization { id, slug: Slug::from_name(&id.to_string()), ..organization(now) };
    tx.insert_organization(&gone)?;
    tx.delete_organization(&Unchecked(id))
}

fn mails(tx: &mut dyn Transaction, email: &Email) -> Result<()> {
    let now = at(0);
    tx.enqueue_mail(&QueuedMail {
        id: MailId::generate(),
        app: None,
        recipient: email.clone(),
        order: MailOrder::VerifyEmail,
        payload: None,
        attempts: 0,
        created_at: now,
    })?;
    tx.claim_mail(now, now, 10)?;
    tx.mail_sent(MailId::generate())?;
    tx.reorder_mail(MailId::generate(), MailOrder::VerifyEmail)?;
    tx.postpone_mail(MailId::generate(), now)
}

/// What a member may do, and what becomes of it.
fn authority(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    app: Option<AppId>,
    principal: PrincipalId,
) -> Result<()> {
    let (here, now) = (Unchecked(organization), at(0));
    tx.membership(&here, principal)?;
    tx.owners_besides(organization, principal)?;
    tx.people(app, &[principal])?;
    tx.keep_principal(principal)?;
    tx.hold_principal(principal)?;
    for after in [None, Some(MembershipId::generate())] {
        tx.members_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    for after in [None, Some(organization)] {
        tx.belongs_to(principal, &Page::new(after, 0, 10)?.counted(true))?;
    }
    let team = Team {
        id: TeamId::generate(),
        organization,
        slug: Slug::from_name(&principal.to_string()),
        name: Name::constant("Kitchen"),
        archived_at: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_team(&here, &team)?;
    tx.update_team(&here, &team)?;
    tx.team(team.id)?;
    tx.update_team(&here, &team)?;
    let member = TeamMember { team: team.id, principal, role: Role::Member, created_at: now };
    tx.put_team_member(&here, &member)?;
    tx.team_role(&here, team.id, principal)?;
    tx.team_roles(organization, principal)?;
    for after in [None, Some(team.id)] {
        tx.teams_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
        for within in [None, Some(organization)] {
            tx.teams_of(app, within, principal, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    for after in [None, Some(principal)] {
        tx.team_members(&here, team.id, &Page::new(after, 0, 10)?.counted(true))?;
    }
    let role = CustomRole {
        id: RoleId::generate(),
        organization,
        name: RoleName::parse(&format!("role-{principal}"))?,
        description: None,
        actions: ActionSet::default(),
        created_at: now,
        updated_at: now,
    };
    tx.insert_custom_role(&here, &role)?;
    tx.update_custom_role(&here, &role)?;
    tx.custom_role_to_change(organization, role.id)?;
    tx.custom_role(organization, role.id)?;
    tx.custom_role_by_name(organization, &role.name)?;
    tx.update_custom_role(&here, &role)?;
    for after in [None, Some(role.id)] {
        tx.custom_roles_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.set_role(&here, principal, Role::Owner, None)?;
    tx.delete_custom_role(&here, role.id)?;
    let grant = Grant {
        id: GrantId::generate(),
        organization,
        team: Some(team.id),
        principal,
        effect: Effect::Allow,
        action: ActionPattern::parse("team.*", None)?,
        resource: None,
        created_at: now,
    };
    tx.insert_grant(&here, &grant)?;
    tx.grant(grant.id)?;
    tx.grants_of(organization, principal)?;
    tx.count_grants_of(organization, principal)?;
    for after in [None, Some(grant.id)] {
        tx.grants_in(&here, None, &Page::new(after, 0, 10)?.counted(true))?;
        tx.grants_in(&here, Some(principal), &Page::new(after, 0, 10)?.counted(true))?;
        for within in [None, Some(organization)] {
            tx.grants_held(app, within, principal, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    tx.delete_grant(&here, grant.id)?;
    tx.delete_grants_of(&here, principal)?;
    tx.delete_grants_in_app(app, principal)?;
    tx.delete_team_member(&here, team.id, principal)
}

fn people(
    tx: &mut dyn Transaction,
    app: Option<AppId>,
    principal: PrincipalId,
    email: &Email,
    index: u8,
) -> Result<()> {
    let now = at(0);
    let account = Account::new(AccountId::generate(), principal, app, email.clone(), now);
    tx.principal_by_email(email)?;
    tx.insert_principal(principal, Some(email), now)?;
    tx.insert_account(&account)?;
    tx.account(account.id)?;
    tx.account_by_email(app, email)?;
    tx.account_of(app, principal)?;
    tx.update_account(&account)?;
    let hash = PasswordHash::from_stored("hash".to_owned());
    tx.replace_password(account.id, None, &hash)?;
    tx.replace_password(account.id, Some(&hash), &hash)?;
    tx.remove_password(account.id)?;
    tx.raise_epoch(account.id, now)?;
    for prefix in [None, Some("a".to_owned())] {
        let filter = AccountFilter { email_prefix: prefix };
        for after in [None, Some(account.id)] {
            tx.accounts_in(&Unchecked(app), &filter, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    let session = Session {
        id: SessionId::generate(),
        account: account.id,
        epoch: 1,
        client: Client::default(),
        created_at: now,
        expires_at: now,
    };
    tx.insert_session(&session)?;
    tx.prolong_session(session.id, at(9))?;
    let token = RefreshToken { id: RefreshTokenId::generate(), session: session.id, expires_at: at(9), spent: None };
    tx.insert_refresh_token(&token)?;
    tx.spend_refresh_token(token.id, RefreshTokenId::generate(), now)?;
    tx.refresh_token(token.id)?;
    tx.live_session(session.id)?;
    tx.end_session(session.id, now)?;
    let purpose = Purpose::VerifyEmail;
    let hash = SecretHash([index; 32]);
    let token = OneTimeToken {
        id: OneTimeTokenId::generate(),
        purpose,
        account: account.id,
        email: email.clone(),
        hash,
        expires_at: at(9),
    };
    tx.insert_one_time_token(&token)?;
    tx.consume_one_time_token(purpose, hash, now)?;
    tx.void_one_time_tokens(account.id, purpose, now)?;
    tx.sweep_one_time_tokens(at(10))?;
    tx.sweep_sessions(at(10))?;
    let link = Link { provider: "p".to_owned(), subject: "s".to_owned(), app, account: account.id, created_at: now };
    tx.insert_link(&link)?;
    tx.linked(app, "p", "s").map(drop)
}

async fn caught(place: &TestDatabase, quote: char) -> Vec<String> {
    set_default_instrumentation(|| Some(Box::new(Catch))).unwrap();
    let store: Arc<dyn Store> = Arc::new(Database::open(&Options::new(&place.url)).unwrap());
    store.write(walk).await.unwrap();
    // The other database's test may run beside this one.
    let caught = CAUGHT.lock().unwrap();
    let caught: Vec<_> = caught.iter().filter(|sql| sql.contains(quote)).cloned().collect();
    assert!(caught.len() > 100, "{}", caught.len());
    caught
}

#[tokio::test]
async fn on_sqlite_every_query_goes_by_an_index() {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let place = TestDatabase::sqlite();
    let queries = caught(&place, '`').await;
    let path = place.url.strip_prefix("sqlite://").unwrap();
    let mut connection = SqliteConnection::establish(path).unwrap();
    for query in queries {
        let plan: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(&mut connection).unwrap();
        for Step { detail } in plan {
            let whole = [
                // A list of them all, in the order of their ids, a page at a time.
                "SCAN apps USING INDEX sqlite_autoindex_apps_1",
                // An index of nobody else.
                "SCAN accounts USING INDEX accounts_platform_admin",
                "SCAN CONSTANT ROW",
            ];
            assert!(!detail.starts_with("SCAN") || whole.contains(&detail.as_str()), "{detail}: {query}");
        }
    }
}

#[tokio::test]
async fn on_postgres_every_query_goes_by_an_index() {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let place = TestDatabase::postgres(|url| drop(Database::migrate(url).unwrap()));
    let queries = caught(&place, '"').await;
    let mut connection = PgConnection::establish(&place.url).unwrap();
    connection.batch_execute(MANY_TENANTS).unwrap();
    connection.batch_execute("ANALYZE; SET plan_cache_mode = force_generic_plan").unwrap();
    for query in queries {
        let values = (1..).take_while(|number| query.contains(&format!("${number}"))).map(|_| "NULL");
        let values = values.collect::<Vec<_>>().join(", ");
        let values = if values.is_empty() { values } else { format!("({values})") };
        connection.batch_execute(&format!("PREPARE plan AS {query}")).unwrap();
        let plan: Vec<Step> = sql_query(format!("EXPLAIN EXECUTE plan{values}")).load(&mut connection).unwrap();
        connection.batch_execute("DEALLOCATE plan").unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.line).collect();
        for (line, next) in plan.iter().zip(plan.iter().skip(1).map(String::as_str).chain([""])) {
            // An index that is read from one end to the other is no better than the table.
            let by_index =
                !line.contains("Index Scan") && !line.contains("Index Only Scan") || next.contains("Index Cond");
            let whole = ["using apps_pkey on apps", "using accounts_platform", "using organizations_platform"];
            let known = whole.iter().any(|known| line.contains(known));
            assert!(!line.contains("Seq Scan") && (by_index || known), "{query}\n{}", plan.join("\n"));
        }
    }
}

/// Enough rows that it matters how they are found.
const MANY_TENANTS: &str = "
    INSERT INTO principals SELECT gen_random_uuid(), n || '@example.com', now() FROM generate_series(1, 5000) AS n;
    INSERT INTO organizations
        SELECT gen_random_uuid(), NULL, 'slug-' || n, 'Acme', '{}', NULL, now(), now() FROM generate_series(1, 1000) AS n;
    INSERT INTO apps
        SELECT gen_random_uuid(), id, 'Shop', 'shop', 'foc_' || id, '{}', '{}', NULL, now(), now() FROM organizations;
    INSERT INTO app_origins SELECT 'https://' || id || '.example', id FROM apps;
    INSERT INTO client_secrets SELECT gen_random_uuid(), id, 'x', now(), NULL FROM apps;
    INSERT INTO organizations
        SELECT gen_random_uuid(), id, 'slug-' || n, 'Acme', '{}', NULL, now(), now()
        FROM apps, generate_series(1, 4) AS n;
    INSERT INTO accounts
        SELECT gen_random_uuid(), p.id, a.id, p.email, NULL, NULL, NULL, '{}', 0, now(), false, NULL, now(), now()
        FROM (SELECT *, row_number() OVER () AS n FROM principals WHERE email IS NOT NULL) AS p
        JOIN (SELECT *, row_number() OVER () AS n FROM apps) AS a ON a.n = p.n % 100 + 1;
    INSERT INTO accounts
        SELECT gen_random_uuid(), id, NULL, email, NULL, NULL, NULL, '{}', 0, now(), false, NULL, now(), now()
        FROM principals WHERE email IS NOT NULL LIMIT 300;
    INSERT INTO memberships
        SELECT gen_random_uuid(), o.id, p.id, 'owner', now()
        FROM (SELECT *, row_number() OVER () AS n FROM organizations) AS o
        JOIN (SELECT *, row_number() OVER () AS n FROM principals) AS p ON p.n = o.n % 1700 + 1;
    INSERT INTO roles
        SELECT gen_random_uuid(), id, 'role-' || n, NULL, '[]', now(), now()
        FROM organizations, generate_series(1, 2) AS n;
    UPDATE memberships SET role_id = roles.id FROM roles
        WHERE roles.organization_id = memberships.organization_id AND roles.name = 'role-1';
    INSERT INTO teams
        SELECT gen_random_uuid(), id, 'team-' || n, 'Kitchen', NULL, now(), now()
        FROM organizations, generate_series(1, 2) AS n;
    INSERT INTO team_members
        SELECT t.id, m.organization_id, m.principal_id, 'member', now()
        FROM teams AS t JOIN memberships AS m ON m.organization_id = t.organization_id;
    INSERT INTO grants
        SELECT gen_random_uuid(), m.organization_id, NULL, m.principal_id, 'allow', 'team.*', NULL, NULL, now()
        FROM memberships AS m, generate_series(1, 2);
    INSERT INTO sessions SELECT gen_random_uuid(), id, 0, NULL, NULL, now(), now(), NULL FROM accounts;
    INSERT INTO refresh_tokens SELECT gen_random_uuid(), id, now(), NULL, NULL FROM sessions;
    INSERT INTO one_time_tokens
        SELECT gen_random_uuid(), 'verify_email', id, email, id::text::bytea, now(), NULL FROM accounts;
    INSERT INTO lockouts SELECT id::text::bytea, 1, NULL, now() FROM accounts;
    INSERT INTO links SELECT 'supabase', id, app_id, id, now() FROM accounts;
    INSERT INTO api_keys
        SELECT gen_random_uuid(), id, 'x', id, NULL, id, 'Key', 'member', '[]', NULL, NULL, now() FROM organizations;
    INSERT INTO organization_secrets
        SELECT id, 'KEY_' || n, 'x', now(), now() FROM organizations, generate_series(1, 3) AS n;
    INSERT INTO signing_secrets SELECT id, 'x', NULL, now() FROM organizations;
    INSERT INTO mail_queue
        SELECT gen_random_uuid(), NULL, email, 'verify_email', NULL, 0, now(), now() FROM accounts;
    INSERT INTO revoked_tokens SELECT id, now() FROM principals;
";
