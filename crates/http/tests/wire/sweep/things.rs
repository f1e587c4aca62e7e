//! The things that routes are about: some to do something to, and some that are others'.

use authz::{ActionPattern, ActionSet, CustomRole, Effect, Grant, RoleName};
use kernel::{
    Email, Name, Role, Sealed, Slug, Unchecked,
    id::{AssetId, GrantId, InvitationId, OrganizationId, RoleId, TeamId, WebhookId},
};
use serde_json::{Value, json};
use tenancy::{Invitation, InvitationStatus, SecretName, Team, TeamMember, invitation::LIFETIME};

use super::{
    cast::{Cast, Someone, Through},
    made::{
        PROVIDER, TEMPLATE, delivered, endpoint, endpoint_with, narrow, passkey, programs, provider, somebodys, word,
    },
    subject::{Kind, Subject, any_id, fresh_name},
};
use crate::support::{App, Person, World};

/// What an organization has that routes are about.
#[derive(Clone, Debug, Default)]
pub struct Things {
    member: String,
    role: String,
    secret: String,
    asset: String,
    team: String,
    permission: String,
    invitation: String,
    key: String,
    service_account: String,
    service_account_key: String,
    oauth_client: String,
    webhook: String,
    delivery: String,
}

impl Things {
    /// Makes one of each. The member is in the team.
    pub async fn new(world: &World, organization: OrganizationId, member: &Person, grantee: &Person) -> Self {
        Self::make(world, organization, (member, grantee), |_| true).await
    }

    /// Without what is not needed: an organization has only so many roles and service accounts.
    async fn make(
        world: &World,
        organization: OrganizationId,
        (member, grantee): (&Person, &Person),
        needed: impl Fn(Kind) -> bool,
    ) -> Self {
        let (with_role, with_secret, with_asset) = (needed(Kind::Role), needed(Kind::Secret), needed(Kind::Asset));
        let now = world.now();
        let (role, team, permission) = (RoleId::generate(), TeamId::generate(), GrantId::generate());
        let (invitation, asset, webhook) = (InvitationId::generate(), AssetId::generate(), WebhookId::generate());
        let with_webhook = needed(Kind::Webhook) || needed(Kind::WebhookDelivery);
        let (sent, delivery) = delivered(webhook, now);
        let (principal, grantee, name) = (member.id, grantee.id, fresh_name());
        let secret = name.clone();
        world
            .write(move |tx| {
                let within = Unchecked(organization);
                if with_role {
                    let role = CustomRole {
                        id: role,
                        organization,
                        name: RoleName::parse(&name)?,
                        description: None,
                        actions: ActionSet::parse(["organization.read"])?,
                        created_at: now,
                        updated_at: now,
                    };
                    tx.insert_custom_role(&within, &role)?;
                }
                if with_secret {
                    tx.set_secret(&within, &SecretName::parse(&name)?, &Sealed(vec![1]), now)?;
                }
                if with_asset {
                    tx.insert_asset(&within, &somebodys(asset, organization, now)?)?;
                }
                if with_webhook {
                    endpoint_with(tx, &within, &endpoint(webhook, organization, now)?, &sent)?;
                }
                tx.insert_team(
                    &within,
                    &Team {
                        id: team,
                        organization,
                        slug: Slug::parse(&name)?,
                        name: Name::parse(&name)?,
                        archived_at: None,
                        created_at: now,
                        updated_at: now,
                    },
                )?;
                tx.put_team_member(
                    &within,
                    &TeamMember { team, principal, role: Role::Viewer, custom_role: None, created_at: now },
                )?;
                tx.insert_grant(
                    &within,
                    &Grant {
                        id: permission,
                        organization,
                        team: None,
                        principal: grantee,
                        effect: Effect::Deny,
                        action: ActionPattern::parse("organization.read", None)?,
                        resource: None,
                        created_at: now,
                    },
                )?;
                tx.insert_invitation(
                    &within,
                    &Invitation {
                        id: invitation,
                        organization,
                        team: None,
                        email: Email::parse(&format!("{name}@example.com"))?,
                        role: "viewer".to_owned(),
                        inviter: principal,
                        status: InvitationStatus::Pending,
                        expires_at: now.after(LIFETIME),
                        created_at: now,
                        updated_at: now,
                    },
                )
            })
            .await;
        let key = world.insert_key(organization, narrow).await.id.to_string();
        let kinds = [Kind::ServiceAccount, Kind::ServiceAccountKey, Kind::OauthClient];
        let programs = if kinds.into_iter().any(needed) { Some(programs(world, organization).await) } else { None };
        let [service_account, service_account_key, oauth_client] =
            programs.unwrap_or_else(|| [any_id(), any_id(), any_id()]);
        Self {
            key,
            service_account,
            service_account_key,
            oauth_client,
            member: principal.to_string(),
            role: role.to_string(),
            secret,
            asset: asset.to_string(),
            team: team.to_string(),
            permission: permission.to_string(),
            invitation: invitation.to_string(),
            webhook: webhook.to_string(),
            delivery: delivery.to_string(),
        }
    }

    /// The one of that kind.
    fn one(&self, kind: Kind, organization: OrganizationId) -> Subject {
        match kind {
            Kind::Member => Subject::new(&organization, &any_id()).part(&self.member),
            Kind::Role => Subject::new(&organization, &any_id()).part(&self.role),
            Kind::Secret => Subject::new(&organization, &any_id()).part(&self.secret),
            Kind::Asset => Subject::new(&organization, &any_id()).part(&self.asset),
            Kind::Team => Subject::new(&self.team, &any_id()),
            Kind::TeamMember => Subject::new(&self.team, &any_id()).part(&self.member),
            Kind::Permission => Subject::new(&self.permission, &any_id()),
            Kind::Invitation => Subject::new(&self.invitation, &any_id()),
            Kind::ApiKey => Subject::new(&self.key, &any_id()),
            Kind::ServiceAccount => Subject::new(&self.service_account, &any_id()),
            Kind::ServiceAccountKey => Subject::new(&self.service_account, &any_id()).part(&self.service_account_key),
            Kind::OauthClient => Subject::new(&self.oauth_client, &any_id()),
            Kind::Webhook => Subject::new(&self.webhook, &any_id()),
            Kind::WebhookDelivery => Subject::new(&self.webhook, &any_id()).part(&self.delivery),
            Kind::Tenant => Subject::new(&any_id(), &organization).part(&self.member),
            _ => unreachable!("{kind:?} is nothing that an organization has"),
        }
    }
}

/// Something that is another's, and what it must look like: something that does not exist.
pub struct Foreign {
    pub what: &'static str,
    pub subject: Subject,
    pub absent: Subject,
    /// Administrators of the platform see every app.
    pub administrators_see_it: bool,
}

impl Cast {
    /// What those who may not come for: it is there as long as the story.
    pub fn untouched(&self, kind: Kind) -> Subject {
        match kind {
            Kind::Own | Kind::Platform => Subject::anything(),
            Kind::Organization => Subject::new(&self.home, &any_id()),
            Kind::Owner => Subject::new(&any_id(), &self.app.organization),
            Kind::App => Subject::new(&self.app.id, &any_id()),
            Kind::MailTemplate => Subject::new(&self.app.id, &any_id()).part(&TEMPLATE),
            Kind::SocialProvider => Subject::new(&self.app.id, &any_id()).part(&PROVIDER),
            Kind::User => Subject::new(&self.bystander.id, &self.app.id),
            Kind::UserPasskey => Subject::new(&self.bystander.id, &self.app.id).part(&self.passkey),
            Kind::Users => Subject::new(&any_id(), &self.app.id),
            tenants => self.things.one(tenants, self.home),
        }
    }

    /// What somebody who may comes for, and with what: they may leave nothing of it. A key of an organization is about
    /// that one alone, and so stays with it.
    pub async fn fresh(&self, world: &World, kind: Kind, someone: &Someone) -> (Subject, String) {
        let bearer = someone.bearer.clone();
        match kind {
            Kind::App | Kind::MailTemplate | Kind::SocialProvider => {
                let another = self.another_app(world).await;
                word(world, &another).await;
                provider(world, &another).await;
                let part = if kind == Kind::SocialProvider { PROVIDER } else { TEMPLATE };
                let subject = Subject::new(&another.id, &any_id()).part(&part);
                // An app's own token is about that app alone.
                let bearer = if someone.app_itself { world.app_token(&another).await } else { bearer };
                (subject, bearer)
            }
            Kind::User => {
                let user = world.sign_up(Some(&self.app), &fresh_name()).await;
                (Subject::new(&user.id, &self.app.id), bearer)
            }
            Kind::UserPasskey => {
                let user = world.sign_up(Some(&self.app), &fresh_name()).await;
                let passkey = passkey(world, &self.app, &user).await;
                (Subject::new(&user.id, &self.app.id).part(&passkey), bearer)
            }
            Kind::Organization if someone.through != Through::Key => {
                let founder = world.sign_up(Some(&self.app), &fresh_name()).await;
                let organization = world.home_of(&founder).await;
                self.populate(world, organization).await;
                (Subject::new(&organization, &any_id()), bearer)
            }
            kind if kind.is_tenants() => {
                let founder = world.sign_up(Some(&self.app), &fresh_name()).await;
                let mut organization = world.home_of(&founder).await;
                if someone.through == Through::Key {
                    organization = self.home;
                    world.enroll(organization, &founder, Role::Viewer).await;
                } else {
                    self.populate(world, organization).await;
                }
                let member = if someone.through == Through::Key { &founder } else { &self.tenants[0].1 };
                let things = Things::make(world, organization, (member, &founder), |needed| needed == kind).await;
                (things.one(kind, organization), bearer)
            }
            _ => (self.untouched(kind), bearer),
        }
    }

    async fn another_app(&self, world: &World) -> App {
        let made = world.post("/v1/apps", &json!({ "name": "Another" })).bearer(&self.app.api_key).send().await;
        App {
            id: made.text("id").parse().unwrap(),
            client_id: made.text("client_id"),
            client_secret: made.text("client_secret"),
            ..self.app.clone()
        }
    }

    /// What there is of that, to those who may see it.
    pub async fn look_at(&self, world: &World, kind: Kind) -> Value {
        let Subject { id, within, .. } = self.untouched(kind);
        let path = match kind {
            Kind::Own => return Value::Null,
            Kind::Organization => {
                let mut seen = Vec::new();
                for what in ["", "/assets", "/usage/records", "/usage"] {
                    let path = format!("/v1/organizations/{id}{what}");
                    seen.push(world.get(&path).by(&self.tenants[3].1).send().await.ok().clone());
                }
                return Value::Array(seen);
            }
            Kind::Platform => {
                let answer = world.get("/v1/admin/concurrency-limits").by(&self.administrator).send().await;
                return answer.ok().clone();
            }
            Kind::Owner => "/v1/apps?limit=200".to_owned(),
            Kind::App => format!("/v1/apps/{id}"),
            Kind::MailTemplate => format!("/v1/apps/{id}/mail-templates"),
            Kind::SocialProvider => format!("/v1/apps/{id}/social-providers"),
            Kind::User => format!("/v1/admin/users/{id}?app_id={within}"),
            Kind::UserPasskey => format!("/v1/admin/users/{id}/passkeys?app_id={within}"),
            Kind::Users => format!("/v1/admin/users?app_id={within}&limit=200"),
            _ => {
                let mut seen = Vec::new();
                for what in [
                    "members",
                    "roles",
                    "secrets",
                    "assets",
                    "teams",
                    "permissions",
                    "invitations",
                    "settings",
                    "budget",
                    "webhooks",
                ] {
                    let path = format!("/v1/organizations/{}/{what}", self.home);
                    seen.push(world.get(&path).by(&self.tenants[3].1).send().await.ok().clone());
                }
                let path = format!("/v1/teams/{}/members", self.things.team);
                seen.push(world.get(&path).by(&self.tenants[3].1).send().await.ok().clone());
                let things = &self.things;
                for path in [
                    format!("/v1/api-keys/{}", things.key),
                    format!("/v1/service-accounts?organization_id={}", self.home),
                    format!("/v1/service-accounts/{}/api-keys", things.service_account),
                    format!("/v1/oauth/clients?organization_id={}", self.home),
                ] {
                    seen.push(world.get(&path).by(&self.tenants[3].1).send().await.ok().clone());
                }
                return Value::Array(seen);
            }
        };
        world.get(&path).bearer(&self.app.api_key).send().await.ok().clone()
    }

    /// Passkeys of a user of another app, and of another one of this.
    async fn foreign_passkeys(&self, world: &World, [stranger, newcomer]: [&Person; 2]) -> Vec<Foreign> {
        let (app, foreign) = (&self.app, &self.foreign);
        let (there, near) = (passkey(world, foreign, stranger).await, passkey(world, app, newcomer).await);
        let thing = |what, subject: Subject, absent| Foreign { what, subject, absent, administrators_see_it: false };
        let (nobodys, own) = (Subject::new(&any_id(), &app.id), Subject::new(&self.bystander.id, &app.id));
        let elsewhere = Subject::new(&stranger.id, &foreign.id).part(&there);
        vec![
            thing("another app's user's", Subject::new(&stranger.id, &app.id).part(&there), nobodys),
            thing("another app's user's, under our own", own.clone().part(&there), own.clone()),
            thing("another user's, under our own", own.clone().part(&near), own),
            Foreign {
                administrators_see_it: true,
                ..thing("another app's user's, there", elsewhere, Subject::anything())
            },
        ]
    }

    /// Everything of the kind that is nobody's here.
    pub async fn foreign(&self, world: &World, kind: Kind) -> Vec<Foreign> {
        let stranger = world.sign_up(Some(&self.foreign), &fresh_name()).await;
        let newcomer = world.sign_up(Some(&self.app), &fresh_name()).await;
        let (theirs, newcomers) = (world.home_of(&stranger).await, world.home_of(&newcomer).await);
        let (app, foreign) = (&self.app, &self.foreign);
        let other_kinds = [app.id.to_string(), app.organization.to_string(), self.home.to_string()];
        let things_there = Things::new(world, theirs, &stranger, &stranger).await;
        let things_near = Things::new(world, newcomers, &newcomer, &newcomer).await;
        let nothing = match kind {
            Kind::User | Kind::UserPasskey | Kind::Users => Subject::new(&any_id(), &app.id),
            _ => Subject::anything(),
        };
        let thing = |what, subject| Foreign { what, subject, absent: nothing.clone(), administrators_see_it: false };
        let mut things: Vec<_> = match kind {
            Kind::Own | Kind::Platform => return Vec::new(),
            Kind::Organization => vec![
                thing("another app's organization", Subject::new(&theirs, &any_id())),
                thing("another organization of the app", Subject::new(&newcomers, &any_id())),
                thing("another owner's organization", Subject::new(&foreign.organization, &any_id())),
            ],
            Kind::Owner => vec![
                thing("another owner's organization", Subject::new(&any_id(), &foreign.organization)),
                thing("an organization of the app's", Subject::new(&any_id(), &newcomers)),
            ],
            Kind::App => vec![Foreign {
                administrators_see_it: true,
                ..thing("another owner's app", Subject::new(&foreign.id, &any_id()))
            }],
            Kind::MailTemplate | Kind::SocialProvider => {
                let part = if kind == Kind::MailTemplate { &TEMPLATE } else { &PROVIDER };
                let subject = Subject::new(&foreign.id, &any_id()).part(part);
                vec![Foreign { administrators_see_it: true, ..thing("another owner's app's", subject) }]
            }
            Kind::User => vec![
                thing("another app's user", Subject::new(&stranger.id, &app.id)),
                thing("a developer", Subject::new(&foreign.owner.id, &app.id)),
                Foreign {
                    absent: Subject::anything(),
                    administrators_see_it: true,
                    ..thing("another app's user, there", Subject::new(&stranger.id, &foreign.id))
                },
            ],
            Kind::UserPasskey => self.foreign_passkeys(world, [&stranger, &newcomer]).await,
            Kind::Users => vec![Foreign {
                absent: Subject::anything(),
                administrators_see_it: true,
                ..thing("another app", Subject::new(&any_id(), &foreign.id))
            }],
            _ => {
                let (there, near) = (things_there.one(kind, theirs), things_near.one(kind, newcomers));
                let mut things =
                    vec![thing("another app's", there.clone()), thing("another organization's", near.clone())];
                // What is another's does not become ours by our own organization before it.
                let own = self.untouched(kind);
                if matches!(
                    kind,
                    Kind::Member
                        | Kind::Role
                        | Kind::Secret
                        | Kind::Asset
                        | Kind::TeamMember
                        | Kind::ServiceAccountKey
                        | Kind::WebhookDelivery
                ) {
                    for part in [there.part, near.part] {
                        let absent = own.clone().part(&any_id());
                        let subject = own.clone().part(&part);
                        things.push(Foreign { absent, ..thing("another's, under our own", subject) });
                    }
                }
                things
            }
        };
        let by_one_id = [
            Kind::Organization,
            Kind::App,
            Kind::User,
            Kind::Team,
            Kind::Permission,
            Kind::Invitation,
            Kind::ApiKey,
            Kind::ServiceAccount,
            Kind::OauthClient,
            Kind::Webhook,
        ];
        if by_one_id.contains(&kind) {
            let known = self.untouched(kind).id;
            for id in other_kinds.iter().filter(|id| **id != known) {
                let owned = kind == Kind::Organization && *id == other_kinds[1];
                if !owned {
                    things.push(thing("an id of another kind", Subject { id: id.clone(), ..nothing.clone() }));
                }
            }
            for id in ["0", "me", "%00", "%ff", "..%2f..", "'%20OR%20'1'='1", "*", "%7Borganization_id%7D"] {
                things.push(thing("no id", Subject { id: id.to_owned(), ..nothing.clone() }));
            }
        }
        things
    }
}
