//! Teams: make one, list, rename, archive; who is in it, as what.

use authz::{
    Acting, Action, KeyGrant,
    action::{OrganizationList, TeamArchive, TeamCreate, TeamManageMembers, TeamRead, TeamUpdate},
};
use kernel::{
    Code, Error, Event, EventKind, Listed, Name, Page, Result, Slug, Timestamp,
    id::{OrganizationId, PrincipalId, TeamId},
};
use serde_json::{Value, json};
use tenancy::{Team, TeamMember};

use crate::{
    HeldRole, Platform, RoleChoice, Transaction,
    permit::{locate, permit},
    role_choice::{choose, own_names, with_roles},
};

/// A new team.
#[derive(Clone, Debug)]
pub struct NewTeam {
    /// What people call it.
    pub name: Name,
    /// Its name in URLs; made of its name without.
    pub slug: Option<Slug>,
}

/// What shall be different. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct TeamChange {
    /// What people call it.
    pub name: Option<Name>,
    /// Its name in URLs.
    pub slug: Option<Slug>,
}

fn told<A: Action>(
    tx: &mut dyn Transaction,
    acting: &Acting<A>,
    team: &Team,
    kind: EventKind,
    payload: Value,
    now: Timestamp,
) -> Result<()> {
    tx.append(&Event {
        app: acting.caller().app,
        organization: Some(team.organization),
        actor: Some(acting.caller().principal),
        payload,
        ..Event::new(kind, now)
    })
}

fn about(team: &Team) -> Value {
    json!({ "team_id": team.id, "name": team.name.as_str(), "slug": team.slug.as_str() })
}

impl Platform {
    /// Makes a team.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin; `slug_taken`.
    pub async fn create_team(&self, acting: Acting<TeamCreate>, id: OrganizationId, new: NewTeam) -> Result<Team> {
        let now = self.now();
        let made = self.store().write(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let team = Team {
                id: TeamId::generate(),
                organization: id,
                slug: new.slug.clone().unwrap_or_else(|| Slug::from_name(new.name.as_str())),
                name: new.name.clone(),
                archived_at: None,
                created_at: now,
                updated_at: now,
            };
            tx.insert_team(&permit, &team)?;
            told(tx, &acting, &team, EventKind::TeamCreated, about(&team), now)?;
            Ok(team)
        });
        made.await
    }

    /// The teams of an organization, oldest first.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to it.
    pub async fn teams(
        &self,
        acting: Acting<TeamRead>,
        id: OrganizationId,
        page: Page<TeamId>,
    ) -> Result<Listed<Team, TeamId>> {
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            tx.teams_in(&permit, &page)
        });
        listed.await
    }

    /// The caller's own teams in this app, with their role in each. A key sees those of the organization it acts in.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own_teams(
        &self,
        acting: Acting<OrganizationList>,
        page: Page<TeamId>,
    ) -> Result<Listed<(Team, HeldRole), TeamId>> {
        let caller = acting.caller().clone();
        let listed = self.store().read(move |tx| {
            let listed = match caller.key() {
                Some(KeyGrant { service_account: Some(account), .. }) => {
                    let account = tx.service_account(*account)?;
                    let own = account.and_then(|account| account.team.map(|team| (team, account.role)));
                    let own = own.map(|(team, role)| Ok(tx.team(team)?.map(|team| (team, role))));
                    let own = own.transpose()?.flatten();
                    Listed::whole(own.filter(|(team, _)| team.archived_at.is_none()), &page)
                }
                key => tx.teams_of(caller.app, key.map(|key| key.organization), caller.principal, &page)?,
            };
            let mut names = own_names(tx, &caller, listed.items.iter().map(|(team, _)| team.organization))?;
            Ok(listed.map(|(team, built_in)| {
                let own = names.remove(&(team.organization, Some(team.id)));
                (team, HeldRole { built_in, own })
            }))
        });
        listed.await
    }

    /// One team.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to its organization.
    pub async fn team(&self, acting: Acting<TeamRead>, id: TeamId) -> Result<Team> {
        self.store().read(move |tx| locate(tx, &acting, id).map(|(_, team): (_, Team)| team)).await
    }

    /// Renames a team.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, in the organization or in the team; `slug_taken`.
    pub async fn change_team(&self, acting: Acting<TeamUpdate>, id: TeamId, change: TeamChange) -> Result<Team> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, team): (_, Team) = locate(tx, &acting, id)?;
            let team = Team {
                name: change.name.clone().unwrap_or(team.name.clone()),
                slug: change.slug.clone().unwrap_or(team.slug.clone()),
                updated_at: now,
                ..team
            };
            tx.update_team(&permit, &team)?;
            told(tx, &acting, &team, EventKind::TeamUpdated, about(&team), now)?;
            Ok(team)
        });
        changed.await
    }

    /// Archives a team, or brings it back. In an archived team nobody has a role. Doing it again changes nothing.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn archive_team(&self, acting: Acting<TeamArchive>, id: TeamId, archived: bool) -> Result<Team> {
        let now = self.now();
        let changed = self.store().write(move |tx| {
            let (permit, team): (_, Team) = locate(tx, &acting, id)?;
            if team.archived_at.is_some() == archived {
                return Ok(team);
            }
            let team = Team { archived_at: archived.then_some(now), updated_at: now, ..team };
            tx.update_team(&permit, &team)?;
            let kind = if archived { EventKind::TeamArchived } else { EventKind::TeamRestored };
            told(tx, &acting, &team, kind, about(&team), now)?;
            Ok(team)
        });
        changed.await
    }

    /// Who is in a team.
    ///
    /// # Errors
    /// `not_found` for everybody who does not belong to its organization.
    pub async fn team_members(
        &self,
        acting: Acting<TeamRead>,
        id: TeamId,
        page: Page<PrincipalId>,
    ) -> Result<Listed<(TeamMember, HeldRole), PrincipalId>> {
        let listed = self.store().read(move |tx| {
            let (permit, team): (_, Team) = locate(tx, &acting, id)?;
            let listed = tx.team_members(&permit, team.id, &page)?;
            with_roles(tx, &permit, listed, |member| (member.role, member.custom_role))
        });
        listed.await
    }

    /// Puts a member of the organization into a team, or gives them another role there.
    ///
    /// # Errors
    /// `not_found` for who is no member of the organization; `forbidden` below the role admin, for a role above one's
    /// own or with what one may not do there, and for who has a higher one; `invalid_request` when the organization has no
    /// such role; `conflict` for an archived team.
    pub async fn put_team_member(
        &self,
        acting: Acting<TeamManageMembers>,
        id: TeamId,
        principal: PrincipalId,
        choice: RoleChoice,
    ) -> Result<(TeamMember, HeldRole)> {
        let now = self.now();
        let put = self.store().write(move |tx| {
            let (permit, team): (_, Team) = locate(tx, &acting, id)?;
            if team.archived_at.is_some() {
                return Err(Error::because(Code::Conflict, "This team is archived: bring it back first."));
            }
            let chosen = choose(tx, &permit, &choice)?;
            if let Some(was) = tx.team_role(&permit, id, principal)? {
                permit.reach(was)?;
            }
            let (role, custom_role) = (chosen.built_in, chosen.custom());
            let member = TeamMember { team: id, principal, role, custom_role, created_at: now };
            tx.put_team_member(&permit, &member)?;
            let payload = json!({ "team_id": id, "principal_id": principal, "role": chosen.name() });
            told(tx, &acting, &team, EventKind::TeamMemberSet, payload, now)?;
            Ok((member, chosen.held()))
        });
        put.await
    }

    /// Takes somebody out of a team.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for who has a higher role there.
    pub async fn remove_team_member(
        &self,
        acting: Acting<TeamManageMembers>,
        id: TeamId,
        principal: PrincipalId,
    ) -> Result<()> {
        let now = self.now();
        let removed = self.store().write(move |tx| {
            let (permit, team): (_, Team) = locate(tx, &acting, id)?;
            let was = tx.team_role(&permit, id, principal)?.ok_or_else(Error::not_found)?;
            permit.reach(was)?;
            tx.delete_team_member(&permit, id, principal)?;
            let payload = json!({ "team_id": id, "principal_id": principal });
            told(tx, &acting, &team, EventKind::TeamMemberRemoved, payload, now)
        });
        removed.await
    }
}
