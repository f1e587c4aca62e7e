import uuid

import story
from fabric_platform import models
from fabric_platform.errors import (
    FabricConflictError,
    FabricForbiddenError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import developer, raises


def _company():
    """A developer with an organization, and another developer who has nothing to do with it."""
    owner, other = developer(), developer()
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, other, organization


def a_team_is_made_read_and_listed():
    owner, other, organization = _company()
    made = models.Team(**owner.teams.create(slug="crew", name="Crew"))
    assert (made.slug, made.name, made.organization_id, made.archived) == ("crew", "Crew", organization, False)
    assert models.Team(**owner.teams.get(made.id)) == made
    assert [models.Team(**team) for team in owner.organizations.teams()] == [made]
    assert owner.me.teams() == []
    with raises(FabricConflictError, "slug_taken"):
        owner.teams.create(slug="crew", name="Crew")
    with raises(FabricNotFoundError, "not_found"):
        other.teams.get(made.id)
    with raises(FabricNotFoundError, "not_found"):
        other.teams.create(organization, slug="mine", name="Mine")


def members_are_listed():
    owner, other, organization = _company()
    me = owner.me.get()
    [member] = [models.Membership(**member) for member in owner.organizations.members()]
    assert (member.principal_id, member.organization_id, member.role) == (me["principal_id"], organization, "owner")
    assert member.active is True and member.team_id is None
    with raises(FabricNotFoundError, "not_found"):
        other.organizations.members(organization)


def one_asks_what_one_may():
    owner, other, organization = _company()
    here = f"organization:{organization}"
    assert owner.permissions.check("organization.update", here) is True
    assert owner.permissions.check("update", here) is True
    assert owner.permissions.check("owner", here) is True
    assert owner.permissions.check("invoice.approve", here) is False
    assert other.permissions.check("organization.read", here) is False
    assert other.permissions.check("organization.read") is True, "the only one there is"
    answers = owner.permissions.check_batch(
        [
            {"action": "organization.read", "resource": here},
            {"resource_type": "organization", "resource_id": organization, "action": "archive"},
            {"action": "workflow.run.execute", "resource": "workflow:research/trends"},
        ]
    )
    assert [answer["allowed"] for answer in answers] == [True, True, False]


def a_grant_is_made_listed_and_taken_back():
    owner, other, organization = _company()
    principal = other.me.get()["principal_id"]
    made = owner.permissions.grant(
        principal_id=principal,
        action="workflow.run.execute",
        resource="workflow:research/trends",
        organization_id=organization,
    )
    grant = models.Permission(**made)
    assert (grant.resource_type, grant.resource_id, grant.effect) == ("workflow", "research/trends", "allow")
    listed = owner.permissions.list(organization_id=organization, principal_id=principal)
    assert [models.Permission(**one) for one in listed] == [grant]
    assert [one["id"] for one in owner.organizations.permissions()] == [grant.id]
    assert [one["id"] for one in other.permissions.list()] == [grant.id]
    with raises(FabricNotFoundError, "not_found"):
        other.permissions.list(organization_id=organization)
    owner.permissions.revoke(grant.id)
    assert owner.organizations.permissions() == []
    with raises(FabricNotFoundError, "not_found"):
        owner.permissions.revoke(grant.id)


def a_grant_opens_and_a_denial_closes():
    owner, other, organization = _company()
    principal = other.me.get()["principal_id"]
    here = f"organization:{organization}"
    with raises(FabricNotFoundError, "not_found"):
        other.organizations.get(organization)
    owner.permissions.grant(principal_id=principal, action="organization.read", organization_id=organization)
    assert other.organizations.get(organization)["name"] == "Acme"
    assert other.permissions.check("read", here) is True
    denial = owner.permissions.grant(principal_id=principal, action="*", effect="deny", resource=here)
    assert denial["organization_id"] == organization
    assert other.permissions.check("read", here) is False
    with raises(FabricNotFoundError, "not_found"):
        other.organizations.get(organization)


def nobody_grants_in_anothers_organization():
    owner, other, organization = _company()
    principal = other.me.get()["principal_id"]
    with raises(FabricNotFoundError, "not_found"):
        other.permissions.grant(principal_id=principal, action="*", organization_id=organization)
    with raises(FabricForbiddenError, "forbidden"):
        owner.permissions.grant(
            principal_id=owner.me.get()["principal_id"], action="team.read", effect="deny", organization_id=organization
        )
    with raises(FabricValidationError, "invalid_request"):
        owner.permissions.grant(principal_id=principal, action="no action", organization_id=organization)


def roles_are_resolved():
    owner, other, organization = _company()
    me = owner.me.get()["principal_id"]
    team = owner.teams.create(slug="crew", name="Crew")["id"]
    assert owner.permissions.resolve_org_role(principal_id=me, organization_id=organization)["role"] == "owner"
    workspace = owner.permissions.resolve_workspace_role(
        principal_id=me, organization_id=organization, team_id=team
    )
    assert (workspace["role"], workspace["team_role"]) == ("owner", None)
    assert {"organization_id": organization, "team_id": None, "role": "owner"} in owner.me.permissions()
    with raises(FabricNotFoundError, "not_found"):
        other.permissions.resolve_org_role(principal_id=me, organization_id=organization)


def an_archived_organization_is_read_and_not_changed():
    owner, _, organization = _company()
    assert owner.organizations.archive()["archived"] is True
    assert models.Organization(**owner.organizations.get()).archived is True
    with raises(FabricConflictError, "conflict"):
        owner.organizations.update(name="Renamed")
    assert owner.permissions.check("organization.update", f"organization:{organization}") is False


story.tell(dict(globals()))
