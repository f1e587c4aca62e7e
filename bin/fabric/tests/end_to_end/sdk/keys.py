import uuid

import story
from fabric_platform import models
from fabric_platform.errors import (
    FabricAuthError,
    FabricForbiddenError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import client, developer, raises, with_token


def _company():
    """A developer with an organization, and another developer who has nothing to do with it."""
    owner, other = developer(), developer()
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, other, organization


def an_api_key_is_made_used_and_deleted():
    owner, other, organization = _company()
    me = owner.me.get()["principal_id"]
    made = owner.api_keys.create("Deploys", scopes=["members:read"])
    issued = models.CreateApiKeyResponse(**made)
    assert issued.key == made["raw_key"] == made["secret"] and issued.key.startswith(f"{issued.prefix}_")
    assert (issued.organization_id, issued.scopes, made["name"]) == (organization, ["members:read"], "Deploys")
    program = with_token(issued.key)
    assert program.me.get()["principal_id"] == me
    assert [member["principal_id"] for member in program.organizations.members(organization)] == [me]
    with raises(FabricForbiddenError, "insufficient_scope"):
        program.organizations.update(organization, name="Renamed")
    shown = models.ApiKey(**owner.api_keys.get(issued.id))
    assert (shown.prefix, shown.disabled, shown.description) == (issued.prefix, False, None)
    assert [models.ApiKey(**key) for key in owner.api_keys.list()] == [shown]
    assert issued.key not in str(owner.api_keys.list())
    assert other.api_keys.list() == []
    with raises(FabricNotFoundError, "not_found"):
        other.api_keys.get(issued.id)
    assert owner.api_keys.delete(issued.id) is None
    with raises(FabricAuthError, "unauthorized"):
        program.me.get()
    with raises(FabricNotFoundError, "not_found"):
        owner.api_keys.get(issued.id)


def an_api_key_is_rotated_and_disabled():
    owner, _, _ = _company()
    first = owner.api_keys.create("Deploys", scopes=[])
    assert first["scopes"] == [], "none at all: everything"
    second = models.CreateApiKeyResponse(**owner.api_keys.rotate(first["id"]))
    assert (second.id, second.prefix) == (first["id"], first["prefix"]) and second.key != first["key"]
    with raises(FabricAuthError, "unauthorized"):
        with_token(first["key"]).me.get()
    with_token(second.key).me.get()
    assert owner.api_keys.disable(first["id"]) is None
    assert models.ApiKey(**owner.api_keys.get(first["id"])).disabled is True
    with raises(FabricAuthError, "unauthorized"):
        with_token(second.key).me.get()


def an_api_key_is_made_where_one_may():
    owner, other, organization = _company()
    with raises(FabricNotFoundError, "not_found"):
        other.api_keys.create("Mine", organization)
    with raises(FabricNotFoundError, "not_found"):
        # In the organization that the client names where it was told none.
        other.api_keys.create("Mine")
    with raises(FabricValidationError, "invalid_request"):
        owner.api_keys.create("Deploys", scopes=["everything"])
    narrow = with_token(owner.api_keys.create("Narrow", scopes=["api_keys:write"])["key"])
    with raises(FabricForbiddenError, "forbidden"):
        narrow.api_keys.create("Wide", organization)
    assert narrow.api_keys.create("Narrower", organization, scopes=["api_keys:read"])["scopes"] == ["api_keys:read"]


def a_service_account_acts_through_its_keys():
    owner, other, organization = _company()
    team = owner.teams.create(slug="crew", name="Crew")["id"]
    account = owner.service_accounts.create(name="Deploys", team_id=team)
    assert (account["name"], account["team_id"], account["organization_id"]) == ("Deploys", team, organization)
    assert (account["role"], account["disabled"]) == ("member", False)
    assert owner.service_accounts.list() == [account]
    assert owner.service_accounts.get(account["id"]) == account
    with raises(FabricNotFoundError, "not_found"):
        other.service_accounts.get(account["id"])
    with raises(FabricNotFoundError, "not_found"):
        other.service_accounts.list(organization_id=organization)

    made = owner.service_accounts.create_api_key(
        account["id"], description="CI", scopes=["members:read"], expires_in_days=30
    )
    issued = models.CreateApiKeyResponse(**made)
    assert made["secret"] == issued.key and made["team_id"] == team and made["description"] == "CI"
    program = with_token(issued.key)
    assert program.me.get()["principal_id"] == account["id"]
    assert len(program.organizations.members(organization)) == 1
    plain = owner.service_accounts.create_api_key(account["id"])
    assert [key["id"] for key in owner.service_accounts.list_api_keys(account["id"])] == [issued.id, plain["id"]]

    rotated = owner.service_accounts.rotate_api_key(account["id"], issued.id)
    with raises(FabricAuthError, "unauthorized"):
        program.me.get()
    program = with_token(rotated["secret"])
    program.me.get()
    assert owner.service_accounts.disable(account["id"]) is None
    with raises(FabricAuthError, "token_revoked"):
        program.me.get()
    assert owner.service_accounts.enable(account["id"]) is None
    program.me.get()
    assert owner.service_accounts.revoke_api_key(account["id"], issued.id) is None
    with raises(FabricAuthError, "unauthorized"):
        program.me.get()
    with raises(FabricNotFoundError, "not_found"):
        owner.service_accounts.revoke_api_key(account["id"], issued.id)


def a_service_account_is_granted_something():
    owner, _, organization = _company()
    account = owner.service_accounts.create(name="Builder")
    program = with_token(owner.service_accounts.create_api_key(account["id"])["secret"])
    with raises(FabricForbiddenError, "forbidden"):
        program.teams.create(organization, slug="crew", name="Crew")
    owner.permissions.grant(principal_id=account["id"], action="team.create", organization_id=organization)
    assert program.teams.create(organization, slug="crew", name="Crew")["slug"] == "crew"
    assert program.permissions.check("team.create") is True
    resolved = owner.permissions.resolve_org_role(principal_id=account["id"], organization_id=organization)
    assert resolved["role"] == "member"


def an_oauth_client_gets_tokens_of_its_service_account():
    owner, other, organization = _company()
    made = owner.oauth.create_client(name="Reports", redirect_uris=["https://app.example.com/done"], scopes=[])
    known = models.OAuthClient(**made)
    assert made["secret"] == made["client_secret"]
    assert (known.organization_id, known.name, known.scopes, known.disabled) == (organization, "Reports", [], False)
    listed = owner.oauth.list_clients()
    assert [models.OAuthClient(**one) for one in listed] == [models.OAuthClient(**listed[0])]
    assert listed[0]["id"] == known.id and "client_secret" not in listed[0] and "secret" not in listed[0]
    assert other.oauth.list_clients() == []

    granted = models.OAuthTokenResponse(**client().oauth.token(known.client_id, made["client_secret"]))
    assert (granted.token_type, granted.scope, granted.refresh_token) == ("bearer", "", None)
    program = with_token(granted.access_token)
    assert program.me.get()["principal_id"] == made["service_account_id"]
    assert program.organizations.get(organization)["name"] == "Acme"
    with raises(FabricAuthError, "invalid_client"):
        client().oauth.token(known.client_id, made["client_secret"][:-1] + "x")

    again = client().oauth.token(known.client_id, made["client_secret"])["access_token"]
    assert client().oauth.revoke(again) is None
    with raises(FabricAuthError, "token_revoked"):
        with_token(again).me.get()
    with raises(FabricNotFoundError, "not_found"):
        other.oauth.delete_client(known.client_id)
    assert owner.oauth.delete_client(known.client_id) is None
    with raises(FabricAuthError, "token_revoked"):
        program.me.get()
    with raises(FabricAuthError, "invalid_client"):
        client().oauth.token(known.client_id, made["client_secret"])
    second = owner.oauth.create_client(name="Reports", redirect_uris=[])
    owner.oauth.delete_client(second["id"])
    assert owner.oauth.list_clients() == []


story.tell(dict(globals()))
