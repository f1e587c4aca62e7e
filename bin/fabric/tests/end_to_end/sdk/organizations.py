import uuid

import story
from fabric_platform.errors import FabricConflictError, FabricNotFoundError, FabricValidationError
from story import developer, raises


def a_new_organization_is_listed_and_read():
    fabric = developer()
    made = fabric.organizations.create("acme", "Acme")
    assert (made["slug"], made["name"], made["archived"]) == ("acme", "Acme", False)
    assert made["id"] in {organization["id"] for organization in fabric.organizations.list()}
    assert made["id"] in {organization["id"] for organization in fabric.me.organizations()}
    assert fabric.organizations.get(made["id"])["name"] == "Acme"


def the_clients_own_organization_is_the_default():
    fabric = developer()
    made = fabric.organizations.create("default", "Default")
    fabric.set_organization_id(made["id"])
    assert fabric.organizations.get()["id"] == made["id"]


def an_organization_is_updated():
    fabric = developer()
    made = fabric.organizations.create("before", "Before")
    changed = fabric.organizations.update(made["id"], name="After", metadata={"plan": "pro"})
    assert changed["name"] == "After"
    assert changed["metadata"] == {"plan": "pro"}
    assert fabric.organizations.get(made["id"])["name"] == "After"


def a_taken_slug_is_a_conflict():
    fabric = developer()
    fabric.organizations.create("taken", "First")
    with raises(FabricConflictError, "slug_taken"):
        developer().organizations.create("taken", "Second")


def a_strangers_organization_is_the_same_as_none():
    made = developer().organizations.create("private", "Private")
    stranger = developer()
    messages = set()
    for organization in (made["id"], str(uuid.uuid4())):
        with raises(FabricNotFoundError, "not_found") as missing:
            stranger.organizations.get(organization)
        messages.add(str(missing.error))
        with raises(FabricNotFoundError, "not_found"):
            stranger.organizations.update(organization, name="Mine")
    assert len(messages) == 1


def nonsense_is_refused():
    fabric = developer()
    with raises(FabricValidationError, "invalid_slug"):
        fabric.organizations.create("Not A Slug", "Name")
    with raises(FabricValidationError, "invalid_name"):
        fabric.organizations.create("slug", "")


story.tell(dict(globals()))
