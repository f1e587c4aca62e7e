from urllib.parse import parse_qsl, urlsplit

import httpx
import story
from fabric_platform import models
from fabric_platform.errors import FabricConflictError, FabricForbiddenError, FabricNotFoundError
from story import PASSWORD, URL, client, developer, new_email, raises, received_link

JOIN = "https://app.example.com/join"


def _token(link):
    return dict(parse_qsl(urlsplit(link).query))["token"]


def _person(app, email=None):
    """Somebody who has signed up to the app; nobody knows yet whether the address is theirs."""
    email = email or new_email()
    fabric = client(app_client_id=app["client_id"])
    signed_up = fabric.auth.signup(email, PASSWORD)
    return fabric, email, signed_up["access_token"]


def _proven(app, email=None):
    fabric, email, token = _person(app, email)
    client().auth.verify(_token(received_link(email, "/v1/auth/verify")))
    return fabric, email, token


def _company(name):
    """An app, and a user of it with an organization and a team."""
    app = developer().apps.create(name, auto_create_org=False)
    owner, _, token = _person(app)
    organization = models.Organization(**owner.organizations.create(f"{app['slug']}-org", name))
    owner.set_organization_id(organization.id)
    team = models.Team(**owner.teams.create(slug="kitchen", name="Kitchen"))
    return app, owner, organization, team, token


def an_organization_is_made_and_has_teams_members_and_grants():
    app, owner, organization, team, token = _company("Bakery")
    assert [models.Organization(**one).id for one in owner.organizations.list()] == [organization.id]
    read = models.Organization(**owner.organizations.get())
    assert (read.id, read.slug, read.name, read.archived) == (organization.id, "bakery-org", "Bakery", False)
    assert [models.Team(**one) for one in owner.organizations.teams()] == [team]
    assert models.Team(**owner.teams.get(team.id)) == team
    me = owner.me.get()["principal_id"]
    [member] = [models.Membership(**one) for one in owner.organizations.members()]
    assert (member.principal_id, member.role, member.active) == (me, "owner", True)
    assert owner.organizations.permissions() == []

    # Somebody in the team sees it as theirs. The client has no call for that.
    put = httpx.put(
        f"{URL}/v1/teams/{team.id}/members/{me}",
        json={"role": "admin"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert put.is_success, put.text
    [own] = [models.MyTeamSummary(**one) for one in owner.me.teams()]
    assert (own.id, own.organization_id, own.role) == (team.id, organization.id, "admin")
    [own] = [models.MyOrgSummary(**one) for one in owner.me.organizations()]
    assert (own.id, own.slug, own.role) == (organization.id, organization.slug, "owner")
    assert owner.me.permissions() == [
        {"organization_id": organization.id, "team_id": None, "role": "owner"},
        {"organization_id": organization.id, "team_id": team.id, "role": "admin"},
    ]


def who_is_invited_joins_by_the_link():
    app, owner, organization, _, _ = _company("By the link")
    newcomer, email, _ = _proven(app)
    assert newcomer.me.organizations() == []
    with raises(FabricNotFoundError, "not_found"):
        newcomer.organizations.get(organization.id)
    invitation = models.Invitation(**owner.invitations.create(email=email, role="member"))
    assert (invitation.email, invitation.role, invitation.status) == (email, "member", "pending")
    assert invitation.organization_id == organization.id and invitation.expires_at > invitation.created_at

    link = received_link(email, f"/v1/invitations/{invitation.id}/accept")
    assert httpx.head(link).status_code == 405, "who only looks changes nothing"
    followed = httpx.get(link)
    assert (followed.status_code, followed.headers["location"]) == (302, JOIN)
    [joined] = [models.MyOrgSummary(**one) for one in newcomer.me.organizations()]
    assert (joined.id, joined.role) == (organization.id, "member")
    assert newcomer.me.permissions() == [{"organization_id": organization.id, "team_id": None, "role": "member"}]
    assert newcomer.permissions.check("organization.read", f"organization:{organization.id}") is True
    assert newcomer.permissions.check("organization.invite", f"organization:{organization.id}") is False
    roles = {member["principal_id"]: member["role"] for member in owner.organizations.members()}
    assert roles[newcomer.me.get()["principal_id"]] == "member" and len(roles) == 2
    assert httpx.get(link).status_code == 409, "once"


def who_has_no_account_yet_is_sent_on_signs_up_and_accepts():
    app, owner, organization, _, _ = _company("Newcomers")
    email = new_email()
    invitation = owner.invitations.create(email=email, role="viewer")
    link = received_link(email, f"/v1/invitations/{invitation['id']}/accept")
    followed = httpx.get(link)
    assert followed.status_code == 302
    there = urlsplit(followed.headers["location"])
    assert there._replace(query="").geturl() == JOIN
    assert dict(parse_qsl(there.query)) == {"invitation_id": invitation["id"], "token": _token(link)}

    newcomer, _, _ = _person(app, email)
    with raises(FabricForbiddenError, "email_not_verified"):
        newcomer.invitations.accept(invitation["id"])
    client().auth.verify(_token(received_link(email, "/v1/auth/verify")))
    newcomer.invitations.accept(invitation["id"])
    [joined] = newcomer.me.organizations()
    assert (joined["id"], joined["role"]) == (organization.id, "viewer")
    with raises(FabricConflictError, "invitation_closed"):
        newcomer.invitations.accept(invitation["id"])


def what_is_taken_back_is_over():
    app, owner, _, _, _ = _company("Taken back")
    newcomer, email, _ = _proven(app)
    first = owner.invitations.create(email=email, role="admin")["id"]
    with raises(FabricConflictError, "duplicate_invitation"):
        owner.invitations.create(email=email, role="viewer")
    owner.invitations.revoke(first)
    with raises(FabricConflictError, "invitation_closed"):
        owner.invitations.revoke(first)
    with raises(FabricConflictError, "invitation_closed"):
        newcomer.invitations.accept(first)
    assert newcomer.me.organizations() == []
    second = owner.invitations.create(email=email, role="viewer")["id"]
    newcomer.invitations.accept(second)
    assert [one["role"] for one in newcomer.me.organizations()] == ["viewer"]


def nobody_else_sends_accepts_or_takes_back():
    app, owner, organization, team, _ = _company("Nobody else")
    member, email, _ = _proven(app)
    member.invitations.accept(owner.invitations.create(email=email, role="member")["id"])
    thief, _, _ = _proven(app)
    waiting = owner.invitations.create(email=new_email(), role="member")["id"]
    with raises(FabricForbiddenError, "forbidden"):
        thief.invitations.accept(waiting)
    with raises(FabricNotFoundError, "not_found"):
        thief.invitations.revoke(waiting)
    with raises(FabricNotFoundError, "not_found"):
        thief.invitations.create(organization.id, email=new_email(), role="member")
    for call in (member.organizations.get, member.organizations.members, member.organizations.teams):
        assert call(organization.id)
    assert member.teams.get(team.id)["name"] == "Kitchen"
    with raises(FabricForbiddenError, "forbidden"):
        member.invitations.revoke(waiting)
    with raises(FabricForbiddenError, "forbidden"):
        member.invitations.create(organization.id, email=new_email(), role="viewer")
    # The same address in another app is somebody else.
    elsewhere, address, _ = _proven(developer().apps.create("Elsewhere"))
    waiting = owner.invitations.create(email=address, role="member")["id"]
    with raises(FabricNotFoundError, "not_found"):
        elsewhere.invitations.accept(waiting)


story.tell(dict(globals()))
