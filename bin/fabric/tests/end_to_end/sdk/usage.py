import datetime
import uuid

import httpx
import story
from fabric_platform import models
from fabric_platform.errors import (
    FabricConflictError,
    FabricForbiddenError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import PASSWORD, client, developer, new_email, raises

# Whoever asks first runs the platform.
_admin = client()
_admin.auth.signup(new_email(), PASSWORD)
_admin.admin.bootstrap()


def _company():
    """A developer with an organization that is no other story's, and a token of theirs."""
    owner = client()
    token = owner.auth.signup(new_email(), PASSWORD)["access_token"]
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, organization, token


def _report(organization, token, **record):
    """What the client has no method for: whoever runs things reports what they ran."""
    return httpx.post(
        f"{story.URL}/v1/organizations/{organization}/usage/records",
        json=record,
        headers={"Authorization": f"Bearer {token}"},
    )


def assets_are_registered_listed_read_and_deleted():
    owner, organization, _ = _company()
    team = owner.teams.create(slug="crew", name="Crew")["id"]
    assert owner.organizations.list_assets() == []
    voice = owner.organizations.create_asset(
        asset_type="voice",
        name="Narrator",
        provider="ElevenLabs",
        provider_id="voice/21m00",
        metadata={"language": "de"},
        team_id=team,
    )
    file = owner.organizations.create_asset(organization, asset_type="file", name="Handbook")
    assert (voice["asset_type"], voice["provider_id"], voice["team_id"]) == ("voice", "voice/21m00", team)
    assert (file["provider"], file["metadata"], file["team_id"]) == (None, {}, None)
    assert owner.organizations.list_assets() == [voice, file]
    assert owner.organizations.list_assets(asset_type="file") == [file]
    assert owner.organizations.list_assets(team_id=team) == [voice]
    assert owner.organizations.list_assets(asset_type="file", team_id=team) == []
    assert owner.organizations.get_asset(asset_id=voice["id"]) == voice
    assert owner.organizations.delete_asset(asset_id=voice["id"]) is None
    for gone in (owner.organizations.get_asset, owner.organizations.delete_asset):
        with raises(FabricNotFoundError, "not_found"):
            gone(asset_id=voice["id"])
    assert owner.organizations.list_assets() == [file]
    exported = owner.organizations.export()["assets"]
    assert [one["id"] for one in exported] == [voice["id"], file["id"]] and exported[0]["deleted_at"]
    with raises(FabricValidationError, "invalid_name"):
        owner.organizations.create_asset(asset_type="not a word", name="Narrator")
    with raises(FabricNotFoundError, "not_found"):
        developer().organizations.get_asset(organization, asset_id=file["id"])


def what_is_run_is_added_up_and_compared_with_the_budget():
    owner, organization, token = _company()
    none = models.OrgUsageSummary(**owner.organizations.usage())
    assert (none.organization_id, none.total_runs, none.total_cost_usd) == (organization, 0, 0.0)
    assert owner.organizations.usage_records() == []
    owner.organizations.set_budget(monthly_limit_usd=1)
    first = _report(organization, token, idempotency_key="run-1", cost_usd=0.1, runs=2, kind="llm.chat")
    assert first.status_code == 201, first.text
    again = _report(organization, token, idempotency_key="run-1", cost_usd=0.1, runs=2, kind="llm.chat")
    assert again.json()["data"] == first.json()["data"]
    assert _report(organization, token, idempotency_key="run-1", cost_usd=0.2).status_code == 409
    _report(organization, token, idempotency_key="run-2", cost_usd=0.2)
    records = owner.organizations.usage_records()
    assert [record["idempotency_key"] for record in records] == ["run-2", "run-1"]
    usage = models.OrgUsageSummary(**owner.organizations.usage())
    assert (usage.total_runs, usage.total_cost_usd) == (3, 0.3)
    begins, ends = (datetime.datetime.fromisoformat(at) for at in (usage.period_start, usage.period_end))
    assert begins.day == ends.day == 1 and begins <= datetime.datetime.now(datetime.timezone.utc) < ends
    days = owner.organizations.usage_daily()
    assert sum(day["total_runs"] for day in days) == 3
    assert [day["date"][-2:] for day in days] == [f"{number:02}" for number in range(1, len(days) + 1)]
    spending = owner.organizations.spending()
    assert (spending["current_spend_usd"], spending["monthly_limit_usd"], spending["remaining_usd"]) == (0.3, 1.0, 0.7)
    assert spending["exceeded"] is False
    assert models.OrgBudget(**owner.organizations.get_budget()).current_spend_usd == 0.3
    for method in ("usage", "usage_daily", "usage_records", "spending"):
        with raises(FabricNotFoundError, "not_found"):
            getattr(developer().organizations, method)(organization)


def whoever_runs_the_platform_limits_what_runs_at_once():
    owner, organization, _ = _company()
    team = owner.teams.create(slug="crew", name="Crew")["id"]
    assert _admin.admin.list_concurrency_limits() == []
    limits = [_admin.admin.set_concurrency_limit(scope, 3) for scope in ("global", organization, team)]
    assert [limit["scope"] for limit in limits] == ["global", organization, team]
    assert [limit["max_concurrent_runs"] for limit in limits] == [3, 3, 3]
    assert _admin.admin.list_concurrency_limits() == limits
    assert _admin.admin.set_concurrency_limit(organization, 5)["max_concurrent_runs"] == 5
    assert _admin.admin.list_concurrency_limits()[1]["max_concurrent_runs"] == 5
    assert _admin.admin.set_concurrency_limit("global", None)["max_concurrent_runs"] is None
    assert len(_admin.admin.list_concurrency_limits()) == 2
    with raises(FabricNotFoundError, "not_found"):
        _admin.admin.set_concurrency_limit(str(uuid.uuid4()), 1)
    with raises(FabricValidationError, "invalid_request"):
        _admin.admin.set_concurrency_limit("everything", 1)
    for call in (owner.admin.list_concurrency_limits, lambda: owner.admin.set_concurrency_limit(organization, 9)):
        with raises(FabricForbiddenError, "forbidden"):
            call()


def what_is_archived_takes_no_asset():
    owner, organization, token = _company()
    owner.organizations.archive()
    with raises(FabricConflictError, "conflict"):
        owner.organizations.create_asset(asset_type="voice", name="Narrator")
    assert _report(organization, token, idempotency_key="late", cost_usd=1).status_code == 409
    assert owner.organizations.usage()["total_runs"] == 0


story.tell(dict(globals()))
