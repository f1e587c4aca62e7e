//! Invitations.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode};
use authz::{
    Acting,
    action::{InvitationRead, OrganizationInvite, OrganizationList},
};
use kernel::{
    Code, Email, Error, Page as ListPage, Result, Secret, Timestamp,
    id::{InvitationId, OrganizationId, TeamId},
};
use platform::{Followed, Invitee, NewInvitation, Platform, RoleChoice};
use serde::{Deserialize, Serialize};
use tenancy::InvitationStatus;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{auth::passwords::TokenQuery, organizations::PageQuery};
use crate::{
    answer::{Answer, Created, Either},
    gate::{Invited, Passerby},
    page_html::Page,
    page_words::{Sentence, Speech},
    request::{AnyOptionalBody, Body, ForRequest, Input, Inputs, PathId, Query},
};

/// An invitation. Its token is in the mail and nowhere else.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    id: Uuid,
    organization_id: Uuid,
    team_id: Option<Uuid>,
    email: String,
    role: String,
    /// `pending`, `accepted`, `declined`, `revoked` or `expired`.
    status: &'static str,
    /// Who vouches for it.
    invited_by: Uuid,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<tenancy::Invitation> for Invitation {
    fn from(invitation: tenancy::Invitation) -> Self {
        Self {
            id: invitation.id.0,
            organization_id: invitation.organization.0,
            team_id: invitation.team.map(|id| id.0),
            email: invitation.email.as_str().to_owned(),
            role: invitation.role,
            status: invitation.status.name(),
            invited_by: invitation.inviter.0,
            expires_at: invitation.expires_at,
            created_at: invitation.created_at,
        }
    }
}

/// Whom to invite to the organization of the path.
#[derive(Deserialize, ToSchema)]
pub struct InviteRequest {
    email: String,
    /// `owner`, `admin`, `member`, `viewer`, or the name of one of the organization's own roles; `member` without. Never
    /// above the caller's own.
    role: Option<String>,
    /// Into which team besides, with the same role: one where the caller may put people.
    team_id: Option<Uuid>,
}

impl InviteRequest {
    fn parse(&self) -> Result<NewInvitation> {
        Ok(NewInvitation {
            email: Email::parse(&self.email)?,
            role: RoleChoice::parse(self.role.as_deref().unwrap_or("member"))?,
            team: self.team_id.map(TeamId),
        })
    }
}

/// Whom to invite, and where to.
#[derive(Deserialize, ToSchema)]
pub struct CreateInvitationRequest {
    organization_id: Uuid,
    #[serde(flatten)]
    invite: InviteRequest,
}

/// Invites somebody to the organization that the body names.
pub async fn create(
    caller: Acting<OrganizationInvite>,
    (platform, Body(new)): (ForRequest, Body<CreateInvitationRequest>),
) -> Result<Created<Invitation>> {
    let organization = OrganizationId(new.organization_id);
    let invitation = platform.invite(caller, organization, new.invite.parse()?).await?;
    Ok(Created(invitation.into()))
}

/// Invites somebody to the organization that the path names.
pub async fn create_in(
    caller: Acting<OrganizationInvite>,
    (platform, PathId(id), Body(new)): (ForRequest, PathId<OrganizationId>, Body<InviteRequest>),
) -> Result<Created<Invitation>> {
    let invitation = platform.invite(caller, id, new.parse()?).await?;
    Ok(Created(invitation.into()))
}

/// Which invitations.
#[derive(Deserialize, IntoParams)]
pub struct StatusQuery {
    /// `pending`, `accepted`, `declined`, `revoked` or `expired`; all without.
    status: Option<String>,
}

impl StatusQuery {
    fn parse(&self) -> Result<Option<InvitationStatus>> {
        let unknown = || {
            let names = "pending, accepted, declined, revoked or expired";
            Error::because(Code::InvalidParameter, format!("Use the status {names}."))
        };
        self.status.as_deref().map(|name| InvitationStatus::parse(name).ok_or_else(unknown)).transpose()
    }
}

/// Whose invitations.
#[derive(Deserialize, IntoParams)]
pub struct PlaceQuery {
    /// Without, the organization that the key acts in, or the caller's only one.
    organization_id: Option<Uuid>,
}

/// Lists the invitations of the organization that the query names.
pub async fn list(
    caller: Acting<InvitationRead>,
    (platform, Query(place), Query(status), Query(query)): (
        ForRequest,
        Query<PlaceQuery>,
        Query<StatusQuery>,
        Query<PageQuery>,
    ),
) -> Result<Answer<Vec<Invitation>>> {
    let named = place.organization_id.map(OrganizationId);
    let organization = platform.place(caller.caller(), None, None, named).await?;
    page_of(&platform, caller, organization, &status, &query).await
}

/// Lists the invitations of the organization that the path names.
pub async fn list_in(
    caller: Acting<InvitationRead>,
    (platform, PathId(id), Query(status), Query(query)): (
        ForRequest,
        PathId<OrganizationId>,
        Query<StatusQuery>,
        Query<PageQuery>,
    ),
) -> Result<Answer<Vec<Invitation>>> {
    page_of(&platform, caller, id, &status, &query).await
}

async fn page_of(
    platform: &Platform,
    caller: Acting<InvitationRead>,
    organization: OrganizationId,
    status: &StatusQuery,
    query: &PageQuery,
) -> Result<Answer<Vec<Invitation>>> {
    let page: ListPage<InvitationId> = query.page()?;
    let listed = platform.invitations(caller, organization, status.parse()?, page).await?;
    Ok(Answer::page(listed.map(Invitation::from), page.limit))
}

/// Shows an invitation.
pub async fn read(
    caller: Acting<InvitationRead>,
    (platform, PathId(id)): (ForRequest, PathId<InvitationId>),
) -> Result<Answer<Invitation>> {
    let invitation = platform.invitation(caller, id).await?;
    Ok(Answer::ok(invitation.into()))
}

/// Sends an invitation again, with a new term.
pub async fn resend(
    caller: Acting<OrganizationInvite>,
    (platform, PathId(id)): (ForRequest, PathId<InvitationId>),
) -> Result<Answer<Invitation>> {
    let invitation = platform.resend_invitation(caller, id).await?;
    Ok(Answer::ok(invitation.into()))
}

/// Takes an invitation back.
pub async fn revoke(
    caller: Acting<OrganizationInvite>,
    (platform, PathId(id)): (ForRequest, PathId<InvitationId>),
) -> Result<Answer<Invitation>> {
    let invitation = platform.revoke_invitation(caller, id).await?;
    Ok(Answer::ok(invitation.into()))
}

/// Whether nobody looks at the answer yet: a browser that loads ahead says so.
pub struct Ahead(bool);

impl FromRequest for Ahead {
    type Error = actix_web::Error;
    type Future = std::future::Ready<std::result::Result<Self, Self::Error>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let says = |name: &str| {
            let value = http.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let value = value.to_ascii_lowercase();
            value.contains("prefetch") || value.contains("prerender") || value.contains("preview")
        };
        std::future::ready(Ok(Self(["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(says))))
    }
}

impl Input for Ahead {
    fn describe(_: &mut Inputs) {}
}

/// Accepts an invitation by the link that was mailed, for the account of the address, and goes on to the app. Where nobody
/// has proven the address yet, it goes on with the token, so that the app can sign the person up or in and POST it. Where
/// a button shall be in between, it is shown, and nothing accepted; so it is to who merely loads ahead.
pub async fn follow(
    _: Passerby,
    (platform, PathId(id), Ahead(ahead), Query(link)): (ForRequest, PathId<InvitationId>, Ahead, Query<TokenQuery>),
) -> Result<Either<Answer<Invitation>, Page>> {
    let followed =
        if ahead { Followed::Confirm } else { platform.follow_invitation(id, &link.token.as_str().into()).await? };
    Ok(match followed {
        Followed::Joined(_, Some(site)) | Followed::Elsewhere(site) => Either::Page(Page::Redirect(site)),
        Followed::Joined(invitation, None) => Either::Answer(Answer::ok(Invitation::from(*invitation))),
        Followed::Confirm => Either::Page(Page::Form {
            title: Sentence::AcceptInvitation,
            action: format!("/v1/invitations/{id}/accept"),
            token: link.token,
            password: false,
            button: Sentence::Accept,
            leads_to: None,
        }),
    })
}

/// The token that was mailed. Who is signed in with the proven address needs none.
#[derive(Default, Deserialize, ToSchema)]
pub struct AnswerRequest {
    #[schema(value_type = Option<String>)]
    token: Option<Secret>,
}

/// The same in the query.
#[derive(Deserialize, IntoParams)]
pub struct AnswerQuery {
    token: Option<String>,
}

fn invitee(caller: Option<authz::Caller>, query: AnswerQuery, body: AnswerRequest) -> Invitee {
    Invitee { caller, token: body.token.or_else(|| query.token.map(Secret::from)) }
}

/// Accepts an invitation.
pub async fn accept(
    Invited(caller): Invited,
    (platform, PathId(id), Query(query), AnyOptionalBody { value, form }): (
        ForRequest,
        PathId<InvitationId>,
        Query<AnswerQuery>,
        AnyOptionalBody<AnswerRequest>,
    ),
) -> Result<Either<Answer<Invitation>, Page>> {
    match (platform.accept_invitation(id, invitee(caller, query, value)).await, form) {
        (Ok(invitation), false) => Ok(Either::Answer(Answer::ok(invitation.into()))),
        (Ok(_), true) => Ok(Either::Page(Page::Message {
            status: StatusCode::OK,
            title: Sentence::Accepted,
            text: Speech::Sentence(Sentence::Member),
            next: None,
        })),
        (Err(error), true) if error.cause.is_none() => Ok(Either::Page(Page::failure(&error))),
        (Err(error), _) => Err(error),
    }
}

/// Declines an invitation.
pub async fn decline(
    Invited(caller): Invited,
    (platform, PathId(id), Query(query), AnyOptionalBody { value, .. }): (
        ForRequest,
        PathId<InvitationId>,
        Query<AnswerQuery>,
        AnyOptionalBody<AnswerRequest>,
    ),
) -> Result<Answer<Invitation>> {
    let invitation = platform.decline_invitation(id, invitee(caller, query, value)).await?;
    Ok(Answer::ok(invitation.into()))
}

/// An invitation, with what the invited need to know of where it leads.
#[derive(Serialize, ToSchema)]
pub struct OwnInvitation {
    #[serde(flatten)]
    invitation: Invitation,
    organization_name: String,
    organization_slug: String,
}

/// Lists what the caller is invited to in this app.
pub async fn own(
    caller: Acting<OrganizationList>,
    (platform, Query(query)): (ForRequest, Query<PageQuery>),
) -> Result<Answer<Vec<OwnInvitation>>> {
    let page: ListPage<InvitationId> = query.page()?;
    let listed = platform.own_invitations(caller, page).await?;
    let listed = listed.map(|(invitation, organization)| OwnInvitation {
        invitation: invitation.into(),
        organization_name: organization.name.as_str().to_owned(),
        organization_slug: organization.slug.as_str().to_owned(),
    });
    Ok(Answer::page(listed, page.limit))
}
