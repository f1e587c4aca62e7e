//! The decision itself: one function for the server's own routes and for whoever asks `/v1/authz/check`. It depends on
//! nothing but its arguments.

use std::sync::Arc;

use kernel::{
    Role,
    id::{AppId, GrantId, MembershipId, OrganizationId, RoleId, TeamId},
};

use crate::{
    Action, ActionPattern, CustomRole, Effect, Grant, KeyGrant, KeyScope, Resource, action, pattern::complete,
};

/// What may be done to an organization while it is archived, or about to be deleted.
const WHILE_ARCHIVED: [&str; 9] = [
    "organization.archive",
    "organization.delete",
    "organization.create",
    "member.leave",
    // A credential that somebody lost is ended wherever it is, and so is an endpoint that somebody else has now.
    "api_key.revoke",
    "api_key.manage",
    "service_account.revoke",
    "oauth_client.revoke",
    "webhook.revoke",
];

/// What somebody wants to know whether they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    wanted: Wanted,
    resource: Option<Resource>,
    team: Option<TeamId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// One of Fabric's own actions.
    Known(&'static action::Entry),
    /// An app's own action.
    Unknown(String),
    /// A role, or one above it.
    Role(Role),
}

impl Question {
    /// An action by its name: Fabric's own, or an app's. A bare verb is completed by the kind of its resource; a role's
    /// name asks whether one has that role, or one above it.
    #[must_use]
    pub fn new(action: &str, resource: Option<Resource>) -> Self {
        let name = complete(action, resource.as_ref().map(Resource::kind));
        let wanted = match Role::parse(action) {
            Ok(role) => Wanted::Role(role),
            Err(_) => action::find(&name).map_or(Wanted::Unknown(name), Wanted::Known),
        };
        Self { wanted, resource, team: None }
    }

    /// One of Fabric's own actions.
    #[must_use]
    pub fn of<A: Action>(resource: Option<Resource>) -> Self {
        Self { wanted: Wanted::Known(A::ENTRY), resource, team: None }
    }

    /// The same, about what Fabric's own routes mean when an action of Fabric's names nothing.
    #[must_use]
    pub fn or_about(self, resource: Resource) -> Self {
        let about = matches!(self.wanted, Wanted::Known(_)) && self.resource.is_none();
        Self { resource: if about { Some(resource) } else { self.resource }, ..self }
    }

    /// The same, within a team.
    #[must_use]
    pub fn within(self, team: Option<TeamId>) -> Self {
        Self { team, ..self }
    }

    /// What it is about.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    /// In which team.
    #[must_use]
    pub fn team(&self) -> Option<TeamId> {
        self.team
    }

    /// Whether the pattern means the action that is asked for.
    pub(crate) fn is_about(&self, pattern: &ActionPattern) -> bool {
        self.action().is_some_and(|action| pattern.matches(action))
    }

    /// Whether it is about a change, of those that an archived organization does not take.
    fn changes(&self) -> bool {
        matches!(&self.wanted, Wanted::Known(entry) if entry.changes() && !WHILE_ARCHIVED.contains(&entry.name))
    }

    /// Whether it is about apps, in an organization that can have none, or about what no organization has.
    fn is_out_of_place(&self, authority: &Authority) -> bool {
        let Wanted::Known(entry) = &self.wanted else { return false };
        entry.is_about_the_platform() || entry.is_about_apps() && authority.app.is_some()
    }

    /// Whether it is about what no organization has, but the platform itself.
    #[must_use]
    pub fn is_about_the_platform(&self) -> bool {
        matches!(&self.wanted, Wanted::Known(entry) if entry.is_about_the_platform())
    }

    /// One of Fabric's own actions that an app may do to itself.
    pub(crate) fn is_for_apps(&self) -> bool {
        matches!(&self.wanted, Wanted::Known(entry) if entry.by_app)
    }

    /// The role that it needs, whoever has it.
    pub(crate) fn needed(&self) -> Option<Role> {
        match &self.wanted {
            Wanted::Known(entry) => Some(entry.least),
            Wanted::Role(role) => Some(*role),
            Wanted::Unknown(_) => None,
        }
    }

    fn action(&self) -> Option<&str> {
        match &self.wanted {
            Wanted::Known(entry) => Some(entry.name),
            Wanted::Unknown(name) => Some(name),
            Wanted::Role(_) => None,
        }
    }
}

/// What a membership says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The built-in role.
    pub role: Role,
    /// What an own role of the organization adds to it.
    pub custom: Option<Arc<CustomRole>>,
}

/// Everything a decision depends on: a principal's place in one organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The organization's app.
    pub app: Option<AppId>,
    /// Whether the organization is archived, or about to be deleted: then it is read and not changed.
    pub archived: bool,
    /// What the membership says. Who has none may have grants all the same.
    pub member: Option<Member>,
    /// Which membership that is; a service account has a role without one. It decides nothing, and is told.
    pub membership: Option<MembershipId>,
    /// Their roles in its teams.
    pub teams: Vec<(TeamId, Role)>,
    /// What own roles of the organization add to those, each in its team.
    pub team_customs: Vec<(TeamId, Arc<CustomRole>)>,
    /// Their grants there.
    pub grants: Vec<Grant>,
}

impl Authority {
    /// The place of somebody with this role and nothing else.
    #[must_use]
    pub fn of_role(app: Option<AppId>, role: Role) -> Self {
        Self { app, member: Some(Member { role, custom: None }), ..Self::default() }
    }

    /// Adds a place in a team.
    pub fn join(&mut self, team: TeamId, role: Role, custom: Option<Arc<CustomRole>>) {
        self.teams.push((team, role));
        self.team_customs.extend(custom.map(|custom| (team, custom)));
    }

    /// The organization's own roles that they have, in the organization and in the team, with where each comes from.
    pub fn customs(&self, team: Option<TeamId>) -> impl Iterator<Item = (&CustomRole, Option<TeamId>)> {
        let own = self.member.iter().filter_map(|member| member.custom.as_deref()).map(|custom| (custom, None));
        let there = self.team_customs.iter().filter(move |(id, _)| Some(*id) == team);
        own.chain(there.map(|(id, custom)| (&**custom, Some(*id))))
    }

    /// The highest role across the organization and the team, with where it comes from.
    #[must_use]
    pub fn role(&self, team: Option<TeamId>) -> Option<(Role, Option<TeamId>)> {
        let own = self.member.as_ref().map(|member| (member.role, None));
        let there = self.teams.iter().filter(|(id, _)| Some(*id) == team).map(|(id, role)| (*role, Some(*id)));
        there.chain(own).max_by_key(|(role, team)| (*role, team.is_none()))
    }
}

/// The answer, with what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed(Reason),
    /// No.
    Refused(Refusal),
}

/// What allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A role, of the organization or of a team.
    Role(Role, Option<TeamId>),
    /// An own role of the organization.
    CustomRole(Held),
    /// A grant.
    Grant(GrantId),
    /// It is the app's own token, and about the app.
    App,
    /// They run the platform.
    PlatformAdmin,
}

/// An own role of the organization that somebody has, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The role.
    pub role: RoleId,
    /// In which team; without, in the whole organization.
    pub team: Option<TeamId>,
}

/// What refused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They have nothing to do with the organization.
    Stranger,
    /// A grant takes it away.
    Grant(GrantId),
    /// The key's scopes do not cover it; the scope that would, where there is one.
    Scope(Option<KeyScope>),
    /// The organization is archived, or about to be deleted.
    Archived,
    /// The role is too low: this one is needed.
    Role(Role),
    /// The role that the key was made with is too low, whatever its principal has: this one is needed.
    KeyRole(Role),
    /// Nothing gives an action that Fabric does not know.
    Nothing,
}

impl Verdict {
    /// Whether it is a yes.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Decides. Deny beats allow, and an allowing grant beats the role. A key only ever takes away: what its scopes do not
/// cover, and what is above the role that it was made with, whoever would give it.
#[must_use]
pub fn judge(
    authority: &Authority,
    organization: OrganizationId,
    key: Option<&KeyGrant>,
    question: &Question,
) -> Verdict {
    use Verdict::{Allowed, Refused};
    let own = authority.role(question.team);
    if key.is_some_and(|key| key.organization != organization) || own.is_none() && authority.grants.is_empty() {
        return Refused(Refusal::Stranger);
    }
    if let Some(key) = key
        && let Err(scope) = in_scope(key, question)
    {
        return Refused(Refusal::Scope(scope));
    }
    if question.is_out_of_place(authority) {
        return Refused(own.map_or(Refusal::Stranger, |_| Refusal::Nothing));
    }
    let found = |effect| authority.grants.iter().find(|grant| grant.effect == effect && grant.matches(question));
    if let Some(grant) = found(Effect::Deny) {
        // Who is no member does not even learn that there is something to be denied.
        return Refused(own.map_or(Refusal::Stranger, |_| Refusal::Grant(grant.id)));
    }
    let needed = question.needed();
    let granted = found(Effect::Allow);
    if authority.archived && question.changes() && (own.is_some() || granted.is_some()) {
        return Refused(Refusal::Archived);
    }
    let cap = key.and_then(|key| key.role);
    if let (Some(cap), Some(needed)) = (cap, needed)
        && cap < needed
        && !(key.is_some_and(|key| key.own_roles) && by_own_role(authority, question))
    {
        return Refused(Refusal::KeyRole(needed));
    }
    if let Some(grant) = granted {
        return Allowed(Reason::Grant(grant.id));
    }
    let Some((role, team)) = own else { return Refused(Refusal::Stranger) };
    if needed.is_some_and(|needed| role >= needed) {
        return Allowed(Reason::Role(role, team));
    }
    let mut customs = authority.customs(question.team);
    if let Some(action) = question.action()
        && let Some((custom, team)) = customs.find(|(custom, _)| custom.actions.contains(action))
    {
        return Allowed(Reason::CustomRole(Held { role: custom.id, team }));
    }
    Refused(needed.map_or(Refusal::Nothing, Refusal::Role))
}

/// Whether an own role has the action, there or in the organization.
fn by_own_role(authority: &Authority, question: &Question) -> bool {
    let has = |action| authority.customs(question.team).any(|(custom, _)| custom.actions.contains(action));
    question.action().is_some_and(has)
}

/// # Errors
/// The scope that the key lacks, where there is one for it.
fn in_scope(key: &KeyGrant, question: &Question) -> Result<(), Option<KeyScope>> {
    match &question.wanted {
        Wanted::Known(entry) if key.scopes.allow(entry.scope) => Ok(()),
        Wanted::Known(entry) => Err(Some(entry.scope)),
        Wanted::Unknown(_) | Wanted::Role(_) if key.scopes.is_everything() => Ok(()),
        Wanted::Unknown(name) => {
            let scope = KeyScope::of_foreign(name);
            if scope.is_some_and(|scope| key.scopes.allow(scope)) { Ok(()) } else { Err(scope) }
        }
        Wanted::Role(_) => Err(None),
    }
}

/// Whether somebody may hand on everything that the pattern means, in a team or in the whole organization: they may do it
/// all themselves, everywhere there, and are denied none of it anywhere. An app's own actions are for an administrator of
/// the organization to hand out, or for those who have them.
#[must_use]
pub fn may_hand_on(
    authority: &Authority,
    organization: OrganizationId,
    team: Option<TeamId>,
    key: Option<&KeyGrant>,
    pattern: &ActionPattern,
) -> bool {
    let may = |wanted: Wanted, team| {
        judge(authority, organization, key, &Question { wanted, resource: None, team }).is_allowed()
    };
    // What nobody does there takes the role that it would take.
    let wanted = |entry: &'static action::Entry| match authority.app {
        Some(_) if entry.is_about_apps() => Wanted::Role(entry.least),
        _ if entry.is_about_the_platform() => Wanted::Role(entry.least),
        _ => Wanted::Known(entry),
    };
    let known: Vec<_> = action::ALL.iter().filter(|entry| pattern.matches(entry.name)).collect();
    if !known.iter().all(|entry| may(wanted(entry), team) && !is_denied(authority, entry.name)) {
        return false;
    }
    // A pattern that ends in a star means actions that Fabric does not know, too.
    if !known.is_empty() && !pattern.as_str().ends_with('*') {
        return true;
    }
    if denials(authority).any(|grant| grant.action.covers(pattern) || pattern.covers(&grant.action)) {
        return false;
    }
    let mut own = authority.customs(team).flat_map(|(role, _)| role.actions.iter());
    let everywhere = |grant: &&Grant| grant.resource.is_none() && (grant.team.is_none() || grant.team == team);
    let mut granted = authority.grants.iter().filter(|grant| grant.effect == Effect::Allow).filter(everywhere);
    let has = own.any(|own| own.covers(pattern)) || granted.any(|grant| grant.action.covers(pattern));
    may(Wanted::Role(Role::Admin), None) || key.is_none() && has
}

/// Whether somebody may make another one this role: it is not above their own, they are denied nothing that it has, and
/// a key with scopes makes nobody an administrator whose every action it does not cover.
#[must_use]
pub fn may_hand_on_role(authority: &Authority, own: Role, key: Option<&KeyGrant>, role: Role) -> bool {
    let mut has = action::ALL.iter().filter(|entry| entry.least <= role);
    let covered = |entry: &&&action::Entry| key.is_none_or(|key| role < Role::Admin || key.scopes.allow(entry.scope));
    role <= own && has.all(|entry| covered(&entry) && !is_denied(authority, entry.name))
}

/// Whether somebody may still invite with this role, and into this team: what they vouched for is worth what they may do
/// by now.
#[must_use]
pub fn vouches_for(
    authority: &Authority,
    organization: OrganizationId,
    team: Option<TeamId>,
    role: Role,
    custom: Option<&CustomRole>,
) -> bool {
    let may = |question: Question| judge(authority, organization, None, &question).is_allowed();
    let invite = Question::of::<action::OrganizationInvite>(Some(Resource::of("organization", organization.0)));
    let admit =
        |team: TeamId| Question::of::<action::TeamManageMembers>(Some(Resource::of("team", team.0))).within(Some(team));
    may(invite)
        && team.map(admit).is_none_or(may)
        && match custom {
            Some(custom) => {
                custom.actions.iter().all(|action| may_hand_on(authority, organization, None, None, action))
            }
            None => {
                let own = authority.role(None).map_or(Role::Viewer, |(own, _)| own);
                may_hand_on_role(authority, own, None, role)
            }
        }
}

fn denials(authority: &Authority) -> impl Iterator<Item = &Grant> {
    authority.grants.iter().filter(|grant| grant.effect == Effect::Deny)
}

/// Whether an action is denied to somebody, be it in one team or on one thing alone.
fn is_denied(authority: &Authority, action: &str) -> bool {
    denials(authority).any(|grant| grant.action.matches(action))
}

#[cfg(test)]
mod tests;
