import datetime
import json
import uuid

import story
from fabric_platform import models
from fabric_platform.errors import (
    FabricConflictError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import developer, raises

SECRET = "sk-live-Zoë-🦊"


def _company(client=None):
    """A developer with an organization that is no other story's."""
    owner = client or developer()
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, organization


def settings_are_read_and_changed():
    owner, organization = _company()
    usual = models.OrgSettings(**owner.organizations.get_settings())
    assert (usual.organization_id, usual.max_pending_invitations, usual.max_invitations_per_hour) == (organization, 100, 20)
    changed = owner.organizations.update_settings(
        display_name="Acme & Söhne", webhook_events=["membership.created"], max_pending_invitations=7
    )
    assert models.OrgSettings(**changed).webhook_events == ["membership.created"]
    cleared = owner.organizations.update_settings(webhook_events=None)
    assert (cleared["webhook_events"], cleared["display_name"]) == (None, "Acme & Söhne")
    assert owner.organizations.get_settings() == cleared


def a_budget_is_set_and_lifted():
    owner, organization = _company()
    usual = models.OrgBudget(**owner.organizations.get_budget())
    assert (usual.organization_id, usual.monthly_limit_usd, usual.current_spend_usd) == (organization, None, 0.0)
    for limit in (250, 19.99, 0, 1e9):
        assert models.OrgBudget(**owner.organizations.set_budget(monthly_limit_usd=limit)).monthly_limit_usd == limit
        assert owner.organizations.get_budget()["monthly_limit_usd"] == limit
    assert owner.organizations.set_budget(monthly_limit_usd=None)["monthly_limit_usd"] is None
    for limit in (-1, 2e9):
        with raises(FabricValidationError, "invalid_request"):
            owner.organizations.set_budget(monthly_limit_usd=limit)


def secrets_are_set_listed_and_deleted():
    owner, organization = _company()
    assert owner.organizations.list_secrets() == []
    assert owner.organizations.create_secret("STRIPE_KEY", SECRET) is None
    owner.organizations.create_secret("openai.key-2", SECRET)
    owner.organizations.create_secret("STRIPE_KEY", "another value")
    assert owner.organizations.list_secrets() == ["STRIPE_KEY", "openai.key-2"]
    with raises(FabricValidationError, "invalid_name"):
        owner.organizations.create_secret("a/b", SECRET)
    with raises(FabricNotFoundError, "not_found"):
        owner.organizations.delete_secret("A/B c?d")
    owner.organizations.delete_secret("STRIPE_KEY")
    assert owner.organizations.list_secrets() == ["openai.key-2"]
    with raises(FabricNotFoundError, "not_found"):
        owner.organizations.delete_secret("STRIPE_KEY")
    with raises(FabricNotFoundError, "not_found"):
        developer().organizations.list_secrets(organization)


def a_signing_secret_is_replaced():
    owner, organization = _company()
    first, second = owner.organizations.rotate_webhook_secret(), owner.organizations.rotate_webhook_secret(organization)
    assert first["organization_id"] == organization
    assert first["secret"] != second["secret"] and second["secret"].startswith("whsec_")
    with raises(FabricNotFoundError, "not_found"):
        developer().organizations.rotate_webhook_secret(organization)


def connections_are_listed_and_none_is_cut_that_is_not_there():
    person = developer()
    assert person.me.social_connections() == []
    with raises(FabricNotFoundError, "not_found"):
        person.me.disconnect_social("google")


def everything_is_exported_and_no_secret():
    owner, organization = _company()
    owner.organizations.update(name="Exported", metadata={"plan": "pro"})
    team = owner.teams.create(slug="crew", name="Crew")
    owner.organizations.create_secret("KEY", SECRET)
    owner.organizations.set_budget(monthly_limit_usd=12.5)
    invitation = owner.invitations.create(email=story.new_email(), role="member")
    manifest = owner.organizations.export()
    assert manifest["organization"] == owner.organizations.get()
    assert manifest["settings"] == owner.organizations.get_settings()
    assert manifest["budget"] == owner.organizations.get_budget()
    assert manifest["members"] == owner.organizations.members()
    assert manifest["teams"] == [{**team, "members": []}]
    assert manifest["permissions"] == owner.organizations.permissions() == []
    assert [one["id"] for one in manifest["invitations"]] == [invitation["id"]]
    assert [one["name"] for one in manifest["secrets"]] == ["KEY"]
    assert (manifest["format_version"], manifest["roles"]) == (1, [])
    assert SECRET not in json.dumps(manifest, ensure_ascii=False)
    with raises(FabricNotFoundError, "not_found"):
        developer().organizations.export(organization)


def a_deletion_waits_as_long_as_the_settings_say():
    owner, organization = _company()
    owner.organizations.update_settings(deletion_grace_days=30)
    assert owner.organizations.request_deletion() is None
    found = owner.organizations.get()
    models.Organization(**found)
    delete_at = datetime.datetime.fromisoformat(found["delete_at"])
    wait = delete_at - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=29) < wait <= datetime.timedelta(days=30), wait
    with raises(FabricConflictError, "conflict"):
        owner.organizations.update(name="Renamed")
    with raises(FabricConflictError, "conflict"):
        owner.organizations.create_secret("KEY", SECRET)
    owner.organizations.request_deletion()
    assert owner.organizations.get()["delete_at"] == found["delete_at"]
    assert owner.organizations.export()["organization"]["delete_at"] == found["delete_at"]
    with raises(FabricNotFoundError, "not_found"):
        developer().organizations.request_deletion(organization)


def what_is_archived_is_exported_all_the_same():
    owner, _ = _company()
    assert owner.organizations.archive()["archived"] is True
    assert owner.organizations.export()["organization"]["archived"] is True


def one_that_owns_apps_is_not_deleted_and_one_without_is():
    client = story.client()
    token = client.auth.signup(story.new_email(), story.PASSWORD)["access_token"]
    owner, organization = _company(client)
    owner.apps.create("Shop", organization_id=organization)
    with raises(FabricConflictError, "conflict"):
        owner.organizations.request_deletion()
    owner, organization = _company(owner)
    owner.organizations.update_settings(deletion_grace_days=0)
    owner.organizations.request_deletion()
    # The server that is started next does it.
    with open("deleted", "w", encoding="utf-8") as deleted:
        json.dump({"organization": organization, "token": token}, deleted)


story.tell(dict(globals()))
