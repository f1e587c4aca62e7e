import story
from fabric_platform.errors import FabricNotFoundError
from story import app_client, client, developer, new_email, raises, PASSWORD


def an_organization_reads_what_happened_in_it():
    owner, other = developer(), developer()
    organization = owner.organizations.create("acme", "Acme")["id"]
    owner.set_organization_id(organization)
    owner.teams.create(slug="crew", name="Crew")
    entries = owner.organizations.audit_logs()
    assert [entry["action"] for entry in entries] == ["team.created", "membership.created", "organization.created"]
    newest = entries[0]
    assert newest["actor_principal_id"] == owner.me.get()["principal_id"]
    assert (newest["actor_type"], newest["outcome"]) == ("user", "success")
    assert newest["ip"] == "127.0.0.1" and newest["user_agent"].startswith("python-httpx/")
    assert newest["request_id"] and newest["metadata"]["name"] == "Crew"
    with raises(FabricNotFoundError, "not_found"):
        other.organizations.audit_logs(organization)


def whoever_runs_the_platform_reads_everything():
    admin, app = client(), developer()
    made = app.apps.create("Shop")
    user = app_client(made)
    user.auth.signup(new_email(), PASSWORD)
    # A user of the app has nothing to do with how it is run.
    with raises(FabricNotFoundError, "not_found"):
        user.admin.audit_logs()
    kinds = [entry["action"] for entry in app.admin.audit_logs()]
    assert "auth.signup" in kinds and "organization.created" in kinds
    admin.auth.signup(new_email(), PASSWORD)
    admin.admin.bootstrap()
    everything = admin.admin.audit_logs()
    assert {entry["app_id"] for entry in everything} >= {None, made["id"]}


story.tell(dict(globals()))
