//! Invitations, for who is invited: see them, accept, decline.
//!
//! An invitation is its address's. Whoever answers shows that it is theirs: by the token that was mailed there, or by an
//! account whose address is proven. An account that somebody made with an address that nobody proved is never joined by a
//! link alone: whoever made it would be in.

use apps::App;
use authz::{Acting, Caller, Grant, action::OrganizationList, vouches_for};
use identity::{Account, EmailProof, Purpose};
use kernel::{
    Code, Error, Event, EventKind, Listed, Page, Result, Role, Secret, SecretHash, Timestamp, Unchecked, WebUrl,
    id::{AppId, InvitationId, MembershipId, TeamId},
    secret::ExposeSecret,
};
use serde_json::json;
use tenancy::{Invitation, InvitationStatus, Membership, Organization, TeamMember};

use crate::{
    Platform, Settings, Transaction,
    accounts::is_closed,
    invitations::told,
    permit::authority_in_teams,
    role_choice::{ChosenRole, RoleChoice},
    verify_email::prove,
};

/// How somebody shows that an invitation is theirs.
#[derive(Clone, Debug)]
pub struct Invitee {
    /// Who calls, if anybody does.
    pub caller: Option<Caller>,
    /// What was mailed.
    pub token: Option<Secret>,
}

/// What following a link came to.
#[derive(Clone, Debug)]
pub enum Followed {
    /// Whoever was invited is a member now; where they go on, if there is a place.
    Joined(Box<Invitation>, Option<String>),
    /// Nobody has proven the address yet: they sign up or in first, there, and accept then.
    Elsewhere(String),
    /// The organization, or its app, wants a button in between.
    Confirm,
}

/// An invitation that somebody has shown to be theirs.
struct Shown {
    invitation: Invitation,
    organization: Organization,
    /// The account of the address; none when nobody has signed up with it.
    account: Option<Account>,
    /// Whether the token that was mailed was shown.
    by_token: bool,
    /// Whether who calls is that account.
    in_person: bool,
}

/// Where people are sent after they followed a link.
enum Landing {
    /// A site, with pages of its own.
    Site(String),
    /// One page for everybody.
    Page(WebUrl),
}

impl Landing {
    /// The app's own site, then the page that is set for invitations, then the server's site.
    fn of(app: Option<&App>, settings: &Settings) -> Option<Self> {
        let own = app.and_then(|app| app.settings.site_url.as_ref()).map(|url| Self::Site(url.as_str().to_owned()));
        let page = || settings.invite_redirect_url.clone().map(Self::Page);
        own.or_else(page).or_else(|| settings.site_url.clone().map(Self::Site))
    }

    /// Where those go on who have joined.
    fn of_members(self) -> String {
        match self {
            Self::Site(site) => site,
            Self::Page(page) => page.as_str().to_owned(),
        }
    }

    /// Where those go who have to sign up or in first.
    fn of_newcomers(self) -> Result<WebUrl> {
        match self {
            Self::Site(site) => WebUrl::parse(&format!("{}/accept-invitation", site.trim_end_matches('/'))),
            Self::Page(page) => Ok(page),
        }
    }
}

impl Platform {
    /// What the caller is invited to in this app, oldest first. A key and an app are invited to nothing, and neither is
    /// who has not proven their address.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn own_invitations(
        &self,
        acting: Acting<OrganizationList>,
        page: Page<InvitationId>,
    ) -> Result<Listed<(Invitation, Organization), InvitationId>> {
        let caller = acting.caller();
        let account = caller.account().filter(|_| caller.key().is_none());
        let now = self.now();
        let listed = self.store().read(move |tx| {
            let account = account.map(|id| tx.account(id)).transpose()?.flatten();
            match account.filter(Account::email_verified) {
                Some(account) => tx.invitations_for(account.app, &account.email, now, &page),
                None => Ok(Listed::whole([], &page)),
            }
        });
        listed.await
    }

    /// Accepts an invitation.
    ///
    /// # Errors
    /// `invalid_token`; `not_found`; `unauthorized` for who shows nothing; `forbidden` for another address;
    /// `email_not_verified`; `account_required`; `invitation_closed`; `conflict` for a member.
    pub async fn accept_invitation(&self, id: InvitationId, invitee: Invitee) -> Result<Invitation> {
        let (now, hash) = (self.now(), self.invitation_hash(&invitee));
        let accepted = self.store().write(move |tx| {
            let shown = show(tx, id, invitee.caller.as_ref(), hash)?;
            let account = shown.account.clone().ok_or_else(|| Error::new(Code::AccountRequired))?;
            if shown.by_token && shown.in_person {
                prove(tx, &account, EmailProof::Confirmed, now)?;
            } else if !account.email_verified() {
                return Err(Error::new(Code::EmailNotVerified));
            }
            join(tx, &shown, &account, now)
        });
        accepted.await
    }

    /// Follows the link that was mailed: accepts for the account of the address, if somebody has proven it.
    ///
    /// # Errors
    /// `invalid_token`; `account_required` or `email_not_verified` where there is no place to send people to for that;
    /// `invitation_closed`; `conflict` for a member.
    pub async fn follow_invitation(&self, id: InvitationId, token: &Secret) -> Result<Followed> {
        let hash = self.keys().one_time.hash(Purpose::Invitation, token.expose_secret());
        let (now, token, settings) = (self.now(), token.clone(), self.settings().clone());
        let followed = self.store().write(move |tx| {
            let shown = show(tx, id, None, Some(hash))?;
            waits(&shown.invitation, now)?;
            let app = shown.organization.app.map(|id| tx.app(id)).transpose()?.flatten();
            let confirm_links = app.as_ref().is_some_and(|app| app.settings.confirm_links);
            let within = Unchecked(shown.organization.id);
            if confirm_links || tx.organization_settings(&within)?.confirm_invitations {
                return Ok(Followed::Confirm);
            }
            let landing = Landing::of(app.as_ref(), &settings);
            match shown.account.as_ref().filter(|account| account.email_verified()) {
                Some(account) => {
                    let joined = join(tx, &shown, account, now)?;
                    Ok(Followed::Joined(Box::new(joined), landing.map(Landing::of_members)))
                }
                None => {
                    let needed = if shown.account.is_some() { Code::EmailNotVerified } else { Code::AccountRequired };
                    let landing = landing.ok_or_else(|| Error::new(needed))?;
                    let query = [("invitation_id", &*id.to_string()), ("token", token.expose_secret())];
                    Ok(Followed::Elsewhere(landing.of_newcomers()?.with_query(&query)))
                }
            }
        });
        followed.await
    }

    /// Declines an invitation.
    ///
    /// # Errors
    /// As for accepting.
    pub async fn decline_invitation(&self, id: InvitationId, invitee: Invitee) -> Result<Invitation> {
        let (now, hash) = (self.now(), self.invitation_hash(&invitee));
        let declined = self.store().write(move |tx| {
            let shown = show(tx, id, invitee.caller.as_ref(), hash)?;
            if !shown.by_token && !shown.account.as_ref().is_some_and(Account::email_verified) {
                return Err(Error::new(Code::EmailNotVerified));
            }
            waits(&shown.invitation, now)?;
            let closed = tx.close_invitation(id, InvitationStatus::Declined, now)?;
            let closed = closed.ok_or_else(|| Error::new(Code::InvitationClosed))?;
            let actor = shown.account.map(|account| account.principal);
            told(tx, shown.organization.app, &closed, actor, EventKind::InvitationDeclined, now)?;
            Ok(closed)
        });
        declined.await
    }

    fn invitation_hash(&self, invitee: &Invitee) -> Option<SecretHash> {
        let token = invitee.token.as_ref()?;
        Some(self.keys().one_time.hash(Purpose::Invitation, token.expose_secret()))
    }
}

/// Finds an invitation for who shows that it is theirs.
///
/// # Errors
/// `invalid_token` for what was not mailed, whatever it is shown for, and for a caller from another app; `unauthorized`
/// for who shows nothing; `not_found` for a caller from another app who shows no token; `forbidden` for one with another
/// address.
fn show(
    tx: &mut dyn Transaction,
    id: InvitationId,
    caller: Option<&Caller>,
    token: Option<SecretHash>,
) -> Result<Shown> {
    let caller = caller.map(|caller| caller.user().map(|_| caller)).transpose()?;
    let account = match caller.map(|caller| caller.account().ok_or_else(|| Error::new(Code::UserRequired))) {
        Some(account) => Some(tx.account(account?)?.ok_or_else(Error::not_found)?),
        None => None,
    };
    let absent = || match (&account, token) {
        (_, Some(_)) => Error::new(Code::InvalidToken),
        (Some(_), None) => Error::not_found(),
        (None, None) => Error::new(Code::Unauthorized),
    };
    let invitation = tx.invitation(id)?.ok_or_else(absent)?;
    let organization = tx.organization(invitation.organization)?.ok_or_else(absent)?;
    if account.as_ref().is_some_and(|account| account.app != organization.app) {
        return Err(absent());
    }
    let by_token = match token {
        Some(hash) => tx.invitation_tokens(id)?.contains(&hash),
        None => false,
    };
    if !by_token && (token.is_some() || account.is_none()) {
        return Err(if token.is_some() { Error::new(Code::InvalidToken) } else { Error::new(Code::Unauthorized) });
    }
    let in_person = account.is_some();
    let account = match account {
        Some(account) if account.email != invitation.email => {
            return Err(Error::because(Code::Forbidden, "This invitation is for another address."));
        }
        Some(account) => Some(account),
        None => tx.account_by_email(organization.app, &invitation.email)?,
    };
    Ok(Shown { invitation, organization, account, by_token, in_person })
}

/// # Errors
/// `invitation_closed`.
fn waits(invitation: &Invitation, now: Timestamp) -> Result<()> {
    match invitation.status(now) {
        InvitationStatus::Pending => Ok(()),
        _ => Err(Error::new(Code::InvitationClosed)),
    }
}

/// Uses an invitation up and makes its account a member.
///
/// # Errors
/// `invitation_closed`, also when whoever vouched for it may not any more; `account_disabled`; `conflict` for a member,
/// and where the organization is archived, or about to be deleted.
fn join(tx: &mut dyn Transaction, shown: &Shown, account: &Account, now: Timestamp) -> Result<Invitation> {
    let closed = || Error::new(Code::InvitationClosed);
    let Shown { invitation, organization, .. } = shown;
    waits(invitation, now)?;
    tx.keep_principal(account.principal)?;
    if is_closed(tx, account)? {
        return Err(Error::new(Code::AccountDisabled));
    }
    if organization.is_closed() {
        return Err(Error::because(Code::Conflict, "This organization is archived, or about to be deleted."));
    }
    let within = Unchecked(organization.id);
    // Of those who come at once one gets it.
    let accepted = tx.close_invitation(invitation.id, InvitationStatus::Accepted, now)?.ok_or_else(closed)?;
    let team = accepted.team.map(|team| tx.team(team)).transpose()?.flatten();
    let team = team.filter(|team| team.archived_at.is_none()).map(|team| team.id);
    let given = vouched_role(tx, &accepted, team, organization.app)?.ok_or_else(closed)?;
    let (role, custom_role) = (given.built_in, given.custom());
    if tx.membership(&within, account.principal)?.is_some() {
        return Err(Error::because(Code::Conflict, "You are a member already."));
    }
    if role == Role::Owner && tx.grants_of(organization.id, account.principal)?.iter().any(Grant::denies) {
        return Err(Error::because(Code::Conflict, "An owner is denied nothing: lift what is denied to them first."));
    }
    tx.insert_membership(&Membership {
        id: MembershipId::generate(),
        organization: organization.id,
        principal: account.principal,
        role,
        custom_role,
        created_at: now,
    })?;
    if let Some(team) = team {
        let member = TeamMember { team, principal: account.principal, role, custom_role, created_at: now };
        tx.put_team_member(&within, &member)?;
    }
    told(tx, organization.app, &accepted, Some(account.principal), EventKind::InvitationAccepted, now)?;
    tx.append(&Event {
        app: organization.app,
        organization: Some(organization.id),
        actor: Some(account.principal),
        payload: json!({
            "principal_id": account.principal, "role": accepted.role, "invitation_id": accepted.id,
        }),
        ..Event::new(EventKind::MembershipCreated, now)
    })?;
    Ok(accepted)
}

/// The role that an invitation stands for, if whoever vouched for it may still give it, there and in this team.
fn vouched_role(
    tx: &mut dyn Transaction,
    invitation: &Invitation,
    team: Option<TeamId>,
    app: Option<AppId>,
) -> Result<Option<ChosenRole>> {
    let given = match RoleChoice::parse(&invitation.role)? {
        RoleChoice::BuiltIn(built_in) => ChosenRole { built_in, own: None },
        RoleChoice::Own(name) => match tx.custom_role_by_name(invitation.organization, &name)? {
            Some(own) => ChosenRole { built_in: Role::Viewer, own: Some(own) },
            None => return Ok(None),
        },
    };
    // Whoever was shut out does not get back in as somebody whom they had invited.
    let account = tx.account_of(app, invitation.inviter)?;
    if account.map(|account| is_closed(tx, &account)).transpose()?.unwrap_or_default() {
        return Ok(None);
    }
    let inviter = authority_in_teams(tx, invitation.organization, invitation.inviter)?;
    let vouches = |inviter| vouches_for(&inviter, invitation.organization, team, given.built_in, given.own.as_ref());
    Ok(inviter.is_some_and(vouches).then_some(given))
}
