//! One walk through all repositories.

use apps::{
    AppProvider, AppSettings, ClientId, ClientSecret, OauthClient, Origin, ProviderKind, ProviderPlace, SettingsChange,
    SocialProvider,
};
use audit::{Chain, ChainKey, Filter, Outcome};
use authz::{ActionPattern, ActionSet, CustomRole, Effect, Grant, RoleName};
use identity::{
    Account, ApiKey, Ceremony, Challenge, ChallengePurpose, FormerAddress, KeyId, Link, Lockout, LockoutKey,
    OneTimeToken, Passkey, PasskeyChallenge, PasswordHash, Purpose, RefreshToken, Rotation, ServiceAccount, Session,
    SignInMethod, SigningAlgorithm, SocialFlow, StoredKey, Totp, account::AccountFilter, signing_key::KeyState,
    totp::Step,
};
use kernel::{
    AllowedIps, Client, Email, Event, EventKind, Metadata, Month, Name, Page, Result, Role, Sealed, SecretHash, Slug,
    Timestamp, Unchecked,
    id::{
        AccountId, ApiKeyId, AppId, AssetId, ClientSecretId, EventId, FormerAddressId, GrantId, InvitationId, MailId,
        MembershipId, OauthClientId, OneTimeTokenId, OrganizationId, PasskeyId, PrincipalId, RefreshTokenId, RoleId,
        ServiceAccountId, SessionId, TeamId, TokenId, TotpId, UsageRecordId,
    },
};
use platform::{
    Transaction,
    records::{MailCounter, MailOrder, QueuedMail},
};
use tenancy::{
    Asset, AssetFilter, ConcurrencyLimit, IdempotencyKey, Invitation, InvitationStatus, Label, Limited, Membership,
    MicroDollars, Organization, OrganizationSettings, Runs, SecretName, Team, TeamMember, UsageRecord,
};

use crate::webhook_walk::walk_webhooks;

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

/// In one transaction. What it does there does not matter, as long as it asks.
pub fn walk(tx: &mut dyn Transaction) -> Result<()> {
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
    walk_webhooks(tx, owner.id, app.id, now)?;
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
        invitations(tx, owner.id, place, &email)?;
        tx.organization_slug_taken(place, &owner.slug)?;
        tx.organization_by_slug(&Unchecked(place), &owner.slug)?;
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
    keys(tx, owner.id)?;
    tx.has_platform_admin(None)?;
    let lockout = Lockout { failures: 1, locked_until: None, expires_at: now };
    tx.lockout(LockoutKey([1; 32]))?;
    tx.set_lockout(LockoutKey([1; 32]), &lockout)?;
    tx.sweep_lockouts(at(1))?;
    tx.clear_lockout(LockoutKey([1; 32]))?;
    tx.revoke_token(TokenId::generate(), now)?;
    tx.sweep_revoked_tokens(at(1))?;
    tx.is_token_revoked(TokenId::generate())?;
    signing_keys(tx, now)?;
    elsewhere(tx, app.id, now)?;
    mails(tx, &email)?;
    what_happened(tx, owner.id, app.id)?;
    tx.delete_app(&here, app.id)
}

/// Who signs in at another provider.
fn elsewhere(tx: &mut dyn Transaction, app: AppId, now: Timestamp) -> Result<()> {
    let provider = SocialProvider::new(ProviderKind::Google, ProviderPlace::default(), "client", &[])?;
    let (name, secret) = ("google".to_owned(), Sealed(vec![1]));
    tx.put_social_provider(&AppProvider { app, name, provider, secret, created_at: now, updated_at: now })?;
    tx.social_provider(app, "google")?;
    tx.hold_social_providers(app)?;
    tx.social_providers(app)?;
    tx.place_of_social_provider(app, "google")?;
    tx.delete_social_provider(app, "google", at(1))?;
    let hash = SecretHash([1; 32]);
    tx.insert_social_flow(&SocialFlow { hash, app: Some(app), note: Sealed(vec![1]), expires_at: at(9) })?;
    tx.consume_social_flow(hash, now)?;
    tx.sweep_social_flows(at(10)).map(drop)
}

/// What an organization keeps, and how it ends.
fn keepings(tx: &mut dyn Transaction, here: &Unchecked<OrganizationId>) -> Result<()> {
    let (name, now) = (SecretName::parse("KEY")?, at(0));
    tx.hold_organization(here.0)?;
    tx.organization_settings(here)?;
    tx.monthly_limit(here)?;
    tx.set_monthly_limit(here, None)?;
    tx.set_secret(here, &name, &Sealed(vec![1]), now)?;
    tx.sealed_secret(here, &name)?;
    tx.count_secrets(here)?;
    for after in [None, Some(name.clone())] {
        tx.secrets_in(here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.delete_secret(here, &name)?;
    used(tx, here)?;
    for app in [None, Some(AppId::generate())] {
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

/// What an organization has at providers, uses, and may use.
fn used(tx: &mut dyn Transaction, here: &Unchecked<OrganizationId>) -> Result<()> {
    let (now, organization) = (at(0), here.0);
    let kind = Label::parse("voice")?;
    let asset = Asset {
        id: AssetId::generate(),
        organization,
        team: None,
        kind: kind.clone(),
        name: Name::constant("Narrator"),
        provider: None,
        provider_id: None,
        metadata: Metadata::default(),
        created_by: PrincipalId::generate(),
        deleted_at: None,
        created_at: now,
    };
    tx.count_assets(here)?;
    tx.insert_asset(here, &asset)?;
    tx.asset(here, asset.id)?;
    for (kind, team) in [(None, None), (Some(kind), None), (None, Some(TeamId::generate()))] {
        for (after, deleted) in [(None, false), (Some(asset.id), false), (None, true), (Some(asset.id), true)] {
            let filter = AssetFilter { kind: kind.clone(), team, deleted };
            tx.assets_in(here, &filter, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    tx.delete_asset(here, asset.id, now)?;
    let record = UsageRecord {
        id: UsageRecordId::generate(),
        organization,
        kind: None,
        runs: Runs::new(1)?,
        cost: MicroDollars::default(),
        occurred_at: now,
        key: IdempotencyKey::parse("run")?,
        metadata: Metadata::default(),
        recorded_by: PrincipalId::generate(),
        created_at: now,
    };
    for _ in 0..2 {
        tx.record_usage(here, &record)?;
    }
    for after in [None, Some(record.id)] {
        tx.usage_records(here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.days_of_usage(here, Month::of(now))?;
    let limited = Limited::Organization(organization);
    tx.set_concurrency_limit(&ConcurrencyLimit { limited, max_runs: 1, updated_at: now })?;
    for after in [None, Some(limited.scope())] {
        // Counting all that there is reads all that there is.
        tx.concurrency_limits(&Page::new(after, 0, 10)?)?;
    }
    tx.lift_concurrency_limit(limited)
}

/// The ledger as an audit log.
fn what_happened(tx: &mut dyn Transaction, organization: OrganizationId, app: AppId) -> Result<()> {
    let (principal, now) = (PrincipalId::generate(), at(0));
    let event = Event {
        app: Some(app),
        organization: Some(organization),
        actor: Some(principal),
        ..Event::example(EventKind::InvitationCreated, now)
    };
    tx.append(&event)?;
    let (whole, one) = (Filter::default(), |kind: &str, begins| Some((kind.to_owned(), begins)));
    let narrow = Filter {
        action: one("team.", true),
        actor: Some(principal),
        resource_type: Some("team".to_owned()),
        resource_id: Some("x".to_owned()),
        outcome: Some(Outcome::Success),
        request_id: Some("r".to_owned()),
        since: Some(now),
        until: Some(now),
    };
    let exact = Filter { action: one("team.created", false), outcome: Some(Outcome::Denied), ..Filter::default() };
    for filter in [&whole, &narrow, &exact] {
        for after in [None, Some(event.id)] {
            let counted = Page::new(after, 0, 10)?.counted(true);
            tx.entries_in(&Unchecked(organization), filter, &counted)?;
            tx.entries_of(&Unchecked(Some(app)), filter, &counted)?;
            // Counting all that there is reads all that there is.
            tx.entries_of(&Unchecked(None), filter, &Page::new(after, 0, 10)?)?;
        }
    }
    let key = ChainKey::new([1; 32]);
    let (entries, last) = tx.unsequenced()?.unwrap_or_default();
    let link = entries.first().map_or(audit::Link::NONE, |entry| key.link(&audit::Link::NONE, entry, last + 1));
    tx.sequence(&[(event.id, last + 1, link)])?;
    tx.waiting(None)?;
    tx.waiting(Some(event.id))?;
    tx.set_last_position(last + 1)?;
    tx.last_position()?;
    let head = key.head(organization.0, last + 1, 1, link);
    let chain = Chain { id: organization.0, checkpoint: None, head };
    tx.set_chain(&chain)?;
    tx.set_chain(&chain)?;
    tx.chain(organization.0)?;
    tx.chains(None)?;
    tx.chains(Some(organization.0))?;
    tx.sequenced(0)?;
    tx.sequenced_in(&Unchecked(organization), 0)?;
    tx.sequenced_of(&Unchecked(Some(app)), 0)?;
    tx.position_of(event.id)?;
    tx.prunable(now)?;
    for place in [None, Some(app)] {
        tx.order_erasure(place, principal, now)?;
        while tx.erase_some()? > 0 {}
    }
    tx.delete_entries(&[event.id])
}

/// What programs act with.
fn keys(tx: &mut dyn Transaction, organization: OrganizationId) -> Result<()> {
    let (here, now) = (Unchecked(organization), at(0));
    let account = ServiceAccount {
        id: ServiceAccountId::generate(),
        organization,
        team: None,
        name: Name::constant("Deploys"),
        description: None,
        role: Role::Member,
        custom_role: None,
        created_by: None,
        disabled_at: None,
        created_at: now,
        updated_at: now,
    };
    let principal = account.principal();
    tx.count_service_accounts(&here)?;
    tx.insert_service_account(&here, &account)?;
    tx.update_service_account(&here, &account)?;
    tx.service_account(account.id)?;
    tx.update_service_account(&here, &account)?;
    tx.service_account_of(organization, principal)?;
    tx.service_account_by_name(&here, &account.name)?;
    for after in [None, Some(account.id)] {
        tx.service_accounts_in(&here, &Page::new(after, 0, 10)?.counted(true))?;
    }
    let client = OauthClient {
        id: OauthClientId::generate(),
        service_account: account.id,
        name: account.name.clone(),
        organization,
        app: None,
        disabled_at: None,
        client_id: ClientId::from_random([2; 24]),
        hash: SecretHash([1; 32]),
        redirect_uris: Vec::new(),
        scopes: Vec::new(),
        created_at: now,
    };
    tx.insert_oauth_client(&here, &client)?;
    tx.oauth_client(client.id)?;
    tx.oauth_client_by_client_id(&client.client_id)?;
    tx.oauth_client_of(account.id)?;
    for after in [None, Some(client.id)] {
        tx.oauth_clients_in(&[&here], &Page::new(after, 0, 10)?.counted(true))?;
        tx.oauth_clients_in(&[&here, &here], &Page::new(after, 0, 10)?.counted(true))?;
    }
    let key = ApiKey {
        id: ApiKeyId::generate(),
        prefix: "fab_12345678".to_owned(),
        hash: SecretHash([1; 32]),
        previous: None,
        organization,
        app: None,
        principal,
        account: None,
        service_account: Some(account.id),
        team: None,
        name: Name::constant("Deploys"),
        description: None,
        role: None,
        scopes: Vec::new(),
        allowed_ips: AllowedIps::default(),
        disabled_at: None,
        disabled_by: None,
        own_roles: false,
        expires_at: None,
        last_used_at: None,
        created_by: None,
        created_at: now,
        updated_at: now,
    };
    tx.count_api_keys_of(organization, principal)?;
    tx.insert_api_key(&here, &key)?;
    tx.update_api_key(&here, &key)?;
    tx.api_key(key.id)?;
    tx.update_api_key(&here, &key)?;
    tx.api_key_by_prefix(&key.prefix)?;
    for after in [None, Some(key.id)] {
        for whose in [None, Some(principal)] {
            tx.api_keys_in(&here, whose, &Page::new(after, 0, 10)?.counted(true))?;
        }
        for (app, within) in [(None, None), (None, Some(organization)), (Some(AppId::generate()), None)] {
            tx.api_keys_held(app, within, principal, &Page::new(after, 0, 10)?.counted(true))?;
        }
    }
    for previous_until in [None, Some(now)] {
        tx.rotate_api_key(&here, key.id, Rotation { hash: key.hash, previous_until, at: now })?;
    }
    tx.note_api_key_uses(&[(key.id, now)])?;
    tx.delete_api_key(&here, key.id)?;
    tx.delete_api_keys_of(&here, principal)?;
    tx.delete_service_account(&here, account.id)
}

fn mails(tx: &mut dyn Transaction, email: &Email) -> Result<()> {
    let now = at(0);
    tx.enqueue_mail(&QueuedMail::new(None, email.clone(), MailOrder::VerifyEmail, now))?;
    tx.mails_asked_for(MailCounter([1; 32]), 3, now)?;
    tx.note_mail_asked_for(MailCounter([1; 32]), now)?;
    tx.forget_mails_asked_for(MailCounter([1; 32]))?;
    tx.sweep_mail_requests(at(1))?;
    tx.mail_announced(MailId::generate(), EventId::generate())?;
    let name = "verify_email.en".parse()?;
    tx.mail_template(AppId::generate(), name)?;
    tx.mail_templates(AppId::generate())?;
    tx.delete_mail_template(AppId::generate(), name)?;
    tx.claim_mail(now, now, 10)?;
    tx.mail_sent(MailId::generate())?;
    tx.reorder_mail(MailId::generate(), MailOrder::VerifyEmail)?;
    tx.postpone_mail(MailId::generate(), now)
}

/// Who is invited, and what becomes of it.
fn invitations(
    tx: &mut dyn Transaction,
    organization: OrganizationId,
    app: Option<AppId>,
    email: &Email,
) -> Result<()> {
    let (here, now) = (Unchecked(organization), at(0));
    tx.hold_organization(organization)?;
    tx.organization_settings(&here)?;
    tx.set_organization_settings(&here, &OrganizationSettings::default())?;
    let invitation = Invitation {
        id: InvitationId::generate(),
        organization,
        team: None,
        email: email.clone(),
        role: "member".to_owned(),
        inviter: PrincipalId::generate(),
        status: InvitationStatus::Pending,
        expires_at: at(9),
        created_at: now,
        updated_at: now,
    };
    tx.insert_invitation(&here, &invitation)?;
    tx.invitation(invitation.id)?;
    for after in [None, Some(invitation.id)] {
        for status in InvitationStatus::ALL.map(Some).into_iter().chain([None]) {
            tx.invitations_in(&here, status, now, &Page::new(after, 0, 10)?.counted(true))?;
        }
        tx.invitations_for(app, email, now, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.count_pending_invitations(&here, now)?;
    tx.renew_invitation(&here, &invitation)?;
    let mail = MailId::generate();
    tx.insert_invitation_letter(&here, invitation.id, mail, now)?;
    tx.count_invitation_letters(&here, now)?;
    tx.write_invitation_letter(mail, SecretHash([1; 32]), now)?;
    tx.invitation_tokens(invitation.id)?;
    tx.expire_invitation_for(&here, email, now)?;
    tx.close_invitation(invitation.id, InvitationStatus::Revoked, now)?;
    tx.insert_invitation(&here, &Invitation { id: InvitationId::generate(), ..invitation })?;
    tx.expire_invitations(at(9))?;
    tx.sweep_invitations(at(10)).map(drop)
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
    tx.owners_in(&here, 20)?;
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
    let member = TeamMember { team: team.id, principal, role: Role::Member, custom_role: None, created_at: now };
    tx.put_team_member(&here, &member)?;
    tx.team_role(&here, team.id, principal)?;
    tx.places_in_teams(organization, principal)?;
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
    tx.custom_roles(organization, &[role.id, RoleId::generate()])?;
    tx.custom_roles_held(principal, &[organization])?;
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

/// What somebody has beside a password.
fn second_factor(tx: &mut dyn Transaction, account: AccountId, index: u8) -> Result<()> {
    let (now, hash) = (at(0), SecretHash([index; 32]));
    let totp = Totp {
        id: TotpId::generate(),
        account,
        seed: Sealed(vec![1]),
        last_step: Step(0),
        verified_at: None,
        created_at: now,
    };
    tx.enroll_totp(&totp, &[hash])?;
    tx.totp(account)?;
    tx.activate_totp(totp.id, Step(1), now)?;
    tx.use_totp_step(totp.id, Step(2))?;
    tx.use_recovery_code(totp.id, hash, now)?;
    tx.recovery_codes_left(totp.id)?;
    tx.remove_totp(account)?;
    let purpose = ChallengePurpose::SignIn;
    let method = "password".to_owned();
    tx.insert_challenge(&Challenge { hash, purpose, account, method, epoch: 1, failures: 0, expires_at: at(9) })?;
    tx.challenge(hash, now)?;
    tx.fail_challenge(hash)?;
    tx.consume_challenge(hash, now)?;
    tx.sweep_challenges(at(10)).map(drop)
}

/// What they sign in with that stays on their devices.
fn passkeys(tx: &mut dyn Transaction, app: Option<AppId>, account: AccountId, index: u8) -> Result<()> {
    let (now, hash) = (at(0), SecretHash([index; 32]));
    let passkey = Passkey {
        id: PasskeyId::generate(),
        account,
        app,
        rp_id: "example.com".to_owned(),
        credential_id: account.0.as_bytes().to_vec(),
        credential: "{}".to_owned(),
        counter: 0,
        backup_eligible: true,
        backed_up: true,
        aaguid: None,
        transports: Vec::new(),
        name: Name::constant("Phone"),
        created_at: now,
        last_used_at: None,
    };
    tx.insert_passkey(&passkey)?;
    tx.passkeys_of(account)?;
    tx.passkey_by_credential(app, &passkey.credential_id)?;
    tx.use_passkey(passkey.id, 1, true, now)?;
    tx.rename_passkey(account, passkey.id, &passkey.name)?;
    tx.remove_passkey(account, passkey.id)?;
    tx.insert_passkey(&passkey)?;
    tx.remove_passkeys(account)?;
    let ceremony = Ceremony::SignIn;
    for account in [Some(account), None] {
        let state = "{}".to_owned();
        let challenge = PasskeyChallenge { hash, ceremony, account, named: true, state, expires_at: at(9) };
        tx.insert_passkey_challenge(&challenge)?;
        tx.passkey_challenge(ceremony, hash, now)?;
        tx.consume_passkey_challenge(ceremony, hash, account, now)?;
        tx.void_passkey_challenges(AccountId::generate())?;
        tx.sweep_passkey_challenges(at(10))?;
    }
    Ok(())
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
    tx.apps_with_account(principal)?;
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
        method: SignInMethod::Password,
        client: Client::default(),
        second_factor: None,
        created_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: now,
    };
    tx.insert_session(&session)?;
    tx.prolong_session(session.id, at(9), now)?;
    tx.knows_device(account.id, &Client::default())?;
    tx.knows_device(account.id, &Client { user_agent: Some("another".to_owned()), ..Client::default() })?;
    tx.note_session_uses(&[(session.id, now)])?;
    tx.note_authentication(session.id, now)?;
    for after in [None, Some(session.id)] {
        tx.sessions_of(account.id, now, &Page::new(after, 0, 10)?.counted(true))?;
    }
    tx.end_other_sessions(account.id, 1, None, now)?;
    let token = RefreshToken { id: RefreshTokenId::generate(), session: session.id, expires_at: at(9), spent: None };
    tx.insert_refresh_token(&token)?;
    tx.spend_refresh_token(token.id, RefreshTokenId::generate(), now)?;
    tx.refresh_token(token.id)?;
    tx.live_session(session.id)?;
    tx.keep_session(session.id)?;
    tx.end_session(session.id, now)?;
    second_factor(tx, account.id, index)?;
    passkeys(tx, app, account.id, index)?;
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
    tx.one_time_token(purpose, hash, now)?;
    tx.renew_one_time_token(purpose, hash, at(9))?;
    tx.consume_one_time_token(purpose, hash, now)?;
    tx.live_one_time_tokens(account.id, purpose, now)?;
    tx.void_one_time_tokens(account.id, purpose, now)?;
    tx.sweep_one_time_tokens(at(10))?;
    tx.sweep_sessions(at(10))?;
    let former = FormerAddress {
        id: FormerAddressId::generate(),
        app,
        account: account.id,
        email: Email::parse(&format!("left-{index}@example.com"))?,
        expires_at: at(9),
    };
    tx.keep_former_address(&former)?;
    tx.former_address(app, &former.email, now)?;
    tx.former_addresses_of(account.id, now)?;
    tx.forget_former_address(former.id)?;
    tx.sweep_former_addresses(at(10))?;
    tx.readdress_principal(principal, &former.email, email)?;
    let link = Link { provider: "p".to_owned(), subject: "s".to_owned(), app, account: account.id, created_at: now };
    tx.insert_link(&link)?;
    tx.links_of(link.account)?;
    tx.sever(link.account, "p", link.created_at)?;
    tx.linked(app, "p", "s").map(drop)
}

fn signing_keys(tx: &mut dyn Transaction, now: Timestamp) -> Result<()> {
    let key = StoredKey {
        id: KeyId([1; 32]),
        algorithm: SigningAlgorithm::EdDsa,
        state: KeyState::Next,
        public: Sealed(vec![1]),
        private: None,
        created_at: now,
        current_since: None,
        believed_until: None,
        secret_until: None,
    };
    tx.insert_signing_key(&key)?;
    tx.signing_keys()?;
    tx.update_signing_key(&key)?;
    tx.delete_signing_keys(&[key.id])
}
