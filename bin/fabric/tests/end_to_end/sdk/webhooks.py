import uuid

import story
from fabric_platform import models
from fabric_platform.errors import (
    FabricConflictError,
    FabricNotFoundError,
    FabricValidationError,
)
from story import developer, raises

URL = "https://hooks.example.com/fabric"


def _company():
    """A developer with an organization that is no other story's."""
    owner = developer()
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, organization


def an_endpoint_is_made_and_its_secret_shown_once():
    owner, organization = _company()
    made = owner.webhooks.create(url=URL, events=["auth.*", "workflow.run.completed"], resource_filter={"team_id": "x"})
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    endpoint = models.Webhook(**made)
    assert (endpoint.organization_id, endpoint.url) == (organization, URL)
    assert (endpoint.active, endpoint.max_retries, endpoint.resource_filter) == (True, 3, {"team_id": "x"})
    assert endpoint.event_filter == made["events"] == ["auth.*", "workflow.run.completed"]
    assert owner.webhooks.get(endpoint.id) == made
    # Another one, and the organization's one secret once more.
    assert owner.webhooks.create(organization, url=URL, events=[])["secret"] == secret
    assert owner.organizations.rotate_webhook_secret()["secret"] != secret


def endpoints_are_listed_by_an_app_that_registers_itself():
    owner, organization = _company()
    assert owner.webhooks.list() == []
    for _ in range(2):
        # As apps do when they start.
        if URL not in [endpoint["url"] for endpoint in owner.webhooks.list()]:
            owner.webhooks.create(url=URL, events=["workflow.run.completed", "workflow.run.failed"])
    listed = owner.webhooks.list(organization)
    assert len(listed) == 1 and "secret" not in listed[0]
    models.Webhook(**listed[0])


def an_endpoint_is_changed():
    owner, _ = _company()
    endpoint = owner.webhooks.create(url=URL, events=["auth.*"])["id"]
    changed = owner.webhooks.update(
        endpoint, events=["team.*"], description="Teams", headers={"x-api-key": "hunter2"}, max_retries=5
    )
    assert models.Webhook(**changed).event_filter == ["team.*"]
    assert (changed["description"], changed["headers"], changed["max_retries"]) == ("Teams", {"x-api-key": "***"}, 5)
    # What was read is written back, and the mask stands for what was there.
    written = owner.webhooks.update(endpoint, **{**changed, "url": URL + "?x=1"})
    assert (written["url"], written["headers"], written["events"]) == (URL + "?x=1", {"x-api-key": "***"}, ["team.*"])
    with raises(FabricValidationError, "invalid_request"):
        owner.webhooks.update(endpoint, **{**changed, "url": "https://elsewhere.example.com"})
    assert owner.webhooks.update(endpoint, active=False)["active"] is False
    assert owner.webhooks.get(endpoint)["active"] is False
    assert owner.webhooks.update(endpoint, active=True)["active"] is True


def what_makes_no_sense_is_refused():
    owner, _ = _company()
    for url, events, code in ((URL, ["everything"], "invalid_request"), ("ftp://example.com", [], "invalid_url")):
        with raises(FabricValidationError, code):
            owner.webhooks.create(url=url, events=events)
    endpoint = owner.webhooks.create(url=URL, events=["auth.*"])["id"]
    with raises(FabricValidationError, "invalid_request"):
        owner.webhooks.update(endpoint, events=["auth.*"], event_filter=["team.*"])
    owner.organizations.archive()
    with raises(FabricConflictError, "conflict"):
        owner.webhooks.create(url=URL, events=[])


def an_endpoint_is_deleted_and_nobody_elses():
    owner, organization = _company()
    endpoint = owner.webhooks.create(url=URL, events=[])["id"]
    stranger = developer()
    for ask in (
        lambda: stranger.webhooks.get(endpoint),
        lambda: stranger.webhooks.update(endpoint, url="https://evil.example.com"),
        lambda: stranger.webhooks.delete(endpoint),
        lambda: stranger.webhooks.list(organization),
        lambda: stranger.webhooks.create(organization, url=URL, events=[]),
    ):
        with raises(FabricNotFoundError, "not_found"):
            ask()
    assert owner.webhooks.delete(endpoint) is None
    with raises(FabricNotFoundError, "not_found"):
        owner.webhooks.get(endpoint)
    with raises(FabricNotFoundError, "not_found"):
        owner.webhooks.delete(endpoint)


story.tell(dict(globals()))
