//! Invitations, for who sends them: invite, list, send again, take back.

use std::time::Duration;

use authz::{
    Acting, Permit,
    action::{InvitationRead, OrganizationInvite, TeamManageMembers},
};
use kernel::{
    Code, Email, Error, Event, EventKind, Listed, Page, Result, Scope, Timestamp,
    id::{AppId, InvitationId, OrganizationId, PrincipalId, TeamId},
};
use serde_json::json;
use tenancy::{Invitation, InvitationStatus, Organization, Team, invitation::LIFETIME};

use crate::{
    Platform, RoleChoice, Transaction,
    permit::{locate, permit},
    records::{MailOrder, QueuedMail},
    role_choice::choose,
};

/// Whom to invite, as what.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Whom.
    pub email: Email,
    /// As what.
    pub role: RoleChoice,
    /// Into which team besides.
    pub team: Option<TeamId>,
}

/// The span that limits how many invitations are sent.
const HOUR: Duration = Duration::from_hours(1);

impl Platform {
    /// Invites somebody. They get a mail with a link.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, for a role above one's own, and for a team that the caller may not
    /// put anybody into; `duplicate_invitation`; `conflict` for a member; `invitation_limit_reached`.
    pub async fn invite(
        &self,
        acting: Acting<OrganizationInvite>,
        id: OrganizationId,
        new: NewInvitation,
    ) -> Result<Invitation> {
        let now = self.now();
        let invited = self.store().write(move |tx| {
            // First of all: the limits hold for those who invite at once, too.
            tx.hold_organization(id)?;
            let permit = permit(tx, &acting, id)?;
            let chosen = choose(tx, &permit, &new.role)?;
            let organization = tx.organization(id)?.ok_or_else(Error::not_found)?;
            if let Some(team) = new.team {
                let found = tx.team(team)?.filter(|team| team.organization == id && team.archived_at.is_none());
                found.ok_or_else(|| Error::because(Code::InvalidRequest, "There is no such team."))?;
                may_admit(tx, &acting, team)?;
            }
            if let Some(account) = tx.account_by_email(organization.app, &new.email)?
                && tx.membership(&permit, account.principal)?.is_some()
            {
                return Err(Error::because(Code::Conflict, "Whoever has this address is a member already."));
            }
            if let Some(expired) = tx.expire_invitation_for(&permit, &new.email, now)? {
                told(tx, organization.app, &expired, None, EventKind::InvitationExpired, now)?;
            }
            keep_limits(tx, &permit, 1, now)?;
            let invitation = Invitation {
                id: InvitationId::generate(),
                organization: id,
                team: new.team,
                email: new.email.clone(),
                role: chosen.name().to_owned(),
                inviter: permit.principal(),
                status: InvitationStatus::Pending,
                expires_at: now.after(LIFETIME),
                created_at: now,
                updated_at: now,
            };
            tx.insert_invitation(&permit, &invitation)?;
            order_letter(tx, &permit, &organization, &invitation, now)?;
            told(tx, organization.app, &invitation, Some(permit.principal()), EventKind::InvitationCreated, now)?;
            Ok(invitation)
        });
        invited.await
    }

    /// The invitations of an organization, oldest first; those of one status, if one is named.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn invitations(
        &self,
        acting: Acting<InvitationRead>,
        id: OrganizationId,
        status: Option<InvitationStatus>,
        page: Page<InvitationId>,
    ) -> Result<Listed<Invitation, InvitationId>> {
        let now = self.now();
        let listed = self.store().read(move |tx| {
            let permit = permit(tx, &acting, id)?;
            let listed = tx.invitations_in(&permit, status, now, &page)?;
            Ok(listed.map(|invitation| as_of(invitation, now)))
        });
        listed.await
    }

    /// One invitation.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin.
    pub async fn invitation(&self, acting: Acting<InvitationRead>, id: InvitationId) -> Result<Invitation> {
        let now = self.now();
        let found = self.store().read(move |tx| locate(tx, &acting, id).map(|(_, found): (_, Invitation)| found));
        Ok(as_of(found.await?, now))
    }

    /// Sends an invitation again, with a new term: one that waits, or that has expired. Whoever sends it again vouches for
    /// it from then on. The links that were sent before stay good.
    ///
    /// # Errors
    /// `not_found`; `forbidden` as for inviting; `invitation_closed` for one that was answered or taken back;
    /// `duplicate_invitation`; `invitation_limit_reached`.
    pub async fn resend_invitation(&self, acting: Acting<OrganizationInvite>, id: InvitationId) -> Result<Invitation> {
        let now = self.now();
        let place = self.store().read(move |tx| Ok(tx.invitation(id)?.map(|found| found.organization))).await?;
        let place = place.ok_or_else(Error::not_found)?;
        let sent = self.store().write(move |tx| {
            tx.hold_organization(place)?;
            let (permit, was): (Permit<_>, Invitation) = locate(tx, &acting, id)?;
            let organization = tx.organization(was.organization)?.ok_or_else(Error::not_found)?;
            choose(tx, &permit, &RoleChoice::parse(&was.role)?)?;
            if let Some(team) = was.team {
                may_admit(tx, &acting, team)?;
            }
            let newly_pending = match was.status(now) {
                InvitationStatus::Pending => 0,
                InvitationStatus::Expired => 1,
                _ => return Err(Error::new(Code::InvitationClosed)),
            };
            keep_limits(tx, &permit, newly_pending, now)?;
            let invitation = Invitation {
                inviter: permit.principal(),
                status: InvitationStatus::Pending,
                expires_at: now.after(LIFETIME),
                updated_at: now,
                ..was
            };
            tx.renew_invitation(&permit, &invitation)?;
            order_letter(tx, &permit, &organization, &invitation, now)?;
            told(tx, organization.app, &invitation, Some(permit.principal()), EventKind::InvitationResent, now)?;
            Ok(invitation)
        });
        sent.await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// `not_found`; `forbidden` below the role admin, and for one with a higher role; `invitation_closed` for one that
    /// does not wait any more.
    pub async fn revoke_invitation(&self, acting: Acting<OrganizationInvite>, id: InvitationId) -> Result<Invitation> {
        let now = self.now();
        let revoked = self.store().write(move |tx| {
            let (permit, invitation): (_, Invitation) = locate(tx, &acting, id)?;
            if let RoleChoice::BuiltIn(role) = RoleChoice::parse(&invitation.role)? {
                permit.reach(role)?;
            }
            let closed = tx.close_invitation(id, InvitationStatus::Revoked, now)?;
            let closed = closed.ok_or_else(|| Error::new(Code::InvitationClosed))?;
            let app = acting.caller().app;
            told(tx, app, &closed, Some(permit.principal()), EventKind::InvitationRevoked, now)?;
            Ok(closed)
        });
        revoked.await
    }
}

/// Whoever invites into a team puts somebody there.
///
/// # Errors
/// `forbidden` and `insufficient_scope` for who may not.
fn may_admit(tx: &mut dyn Transaction, acting: &Acting<OrganizationInvite>, team: TeamId) -> Result<()> {
    let acting: Acting<TeamManageMembers> = Acting::new(acting.caller().clone())?;
    let (_, _): (_, Team) = locate(tx, &acting, team)?;
    Ok(())
}

/// Notes of invitations that waited too long that they have expired; tells of how many.
pub(crate) fn expire_invitations(tx: &mut dyn Transaction, now: Timestamp) -> Result<usize> {
    let expired = tx.expire_invitations(now)?;
    for invitation in &expired {
        let app = tx.organization(invitation.organization)?.and_then(|organization| organization.app);
        told(tx, app, invitation, None, EventKind::InvitationExpired, now)?;
    }
    Ok(expired.len())
}

/// What it is by now.
pub(crate) fn as_of(invitation: Invitation, now: Timestamp) -> Invitation {
    Invitation { status: invitation.status(now), ..invitation }
}

/// # Errors
/// `invitation_limit_reached` where `more` that wait, or another mail, are too many.
fn keep_limits(tx: &mut dyn Transaction, scope: &dyn Scope, more: i64, now: Timestamp) -> Result<()> {
    let settings = tx.organization_settings(scope)?;
    let pending = tx.count_pending_invitations(scope, now)?;
    if more > 0 && pending + more > settings.max_pending_invitations.into() {
        return Err(Error::because(
            Code::InvitationLimitReached,
            "Too many invitations wait for an answer: take some back first.",
        ));
    }
    if tx.count_invitation_letters(scope, now.before(HOUR))? >= settings.max_invitations_per_hour.into() {
        return Err(Error::new(Code::InvitationLimitReached).retry_after(HOUR));
    }
    Ok(())
}

/// Orders the mail, which counts against the limit. Its language is the app's: whoever invites speaks for themselves.
fn order_letter(
    tx: &mut dyn Transaction,
    scope: &dyn Scope,
    organization: &Organization,
    invitation: &Invitation,
    now: Timestamp,
) -> Result<()> {
    let mail = QueuedMail::new(organization.app, invitation.email.clone(), MailOrder::Invitation, now);
    tx.insert_invitation_letter(scope, invitation.id, mail.id, now)?;
    tx.enqueue_mail(&mail)
}

pub(crate) fn told(
    tx: &mut dyn Transaction,
    app: Option<AppId>,
    invitation: &Invitation,
    actor: Option<PrincipalId>,
    kind: EventKind,
    now: Timestamp,
) -> Result<()> {
    tx.append(&Event {
        app,
        organization: Some(invitation.organization),
        actor,
        payload: json!({
            "invitation_id": invitation.id,
            "email": invitation.email.as_str(),
            "role": invitation.role,
            "team_id": invitation.team,
        }),
        ..Event::new(kind, now)
    })
}
