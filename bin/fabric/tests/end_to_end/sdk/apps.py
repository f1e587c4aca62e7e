import story
from fabric_platform.errors import FabricAuthError, FabricConflictError, FabricNotFoundError
from story import OTHER_PASSWORD, PASSWORD, app_client, client, developer, new_email, raises


def a_new_app_has_an_id_a_slug_and_a_secret():
    app = developer().apps.create("My App", auto_create_org=True)
    assert app["name"] == "My App"
    assert app["slug"] == "my-app"
    assert app["client_id"].startswith("foc_")
    assert app["client_secret"].startswith("focs_")
    assert app["auto_create_org"] is True
    assert app["allowed_origins"] == []
    assert app["created_at"].endswith("Z")


def a_developer_reads_and_lists_own_apps_without_their_secrets():
    fabric = developer()
    made = [fabric.apps.create(name, slug=f"{name.lower()}-read") for name in ("One", "Two")]
    listed = fabric.apps.list()
    assert {app["id"] for app in listed} == {app["id"] for app in made}
    read = fabric.apps.get(made[0]["id"])
    assert read["client_id"] == made[0]["client_id"]
    for app in [*listed, read]:
        assert "client_secret" not in app


def another_developers_app_is_not_there():
    app = developer().apps.create("Mine", slug="mine-alone")
    stranger = developer()
    assert stranger.apps.list() == []
    for call in (stranger.apps.get, stranger.apps.rotate_secret, stranger.apps.usage):
        with raises(FabricNotFoundError, "not_found"):
            call(app["id"])
    with raises(FabricNotFoundError, "not_found"):
        stranger.apps.update(app["id"], name="Theirs")


def settings_are_updated():
    fabric = developer()
    app = fabric.apps.create("Settings", slug="settings")
    changed = fabric.apps.update(app["id"], auto_create_org=False, allowed_origins=["https://myapp.com"])
    assert changed["auto_create_org"] is False
    assert changed["allowed_origins"] == ["https://myapp.com"]
    assert fabric.apps.get(app["id"]) == changed
    inside = app_client(app)
    inside.auth.signup(new_email(), PASSWORD)
    assert inside.me.organizations() == []


def a_rotated_secret_replaces_the_old_one():
    fabric = developer()
    app = fabric.apps.create("Rotation", slug="rotation")
    rotated = fabric.apps.rotate_secret(app["id"])
    assert rotated["app_id"] == app["id"]
    assert rotated["client_id"] == app["client_id"]
    assert rotated["client_secret"] != app["client_secret"]
    with raises(FabricAuthError, "invalid_client"):
        client().oauth.token(app["client_id"], app["client_secret"])
    assert client().oauth.token(rotated["client_id"], rotated["client_secret"])["access_token"]


def usage_counts_organizations_and_members():
    fabric = developer()
    app = fabric.apps.create("Usage", slug="usage")
    for _ in range(2):
        app_client(app).auth.signup(new_email(), PASSWORD)
    usage = fabric.apps.usage(app["id"])
    assert usage == {"app_id": app["id"], "total_runs": 0, "total_orgs": 2, "total_members": 2}


def one_address_has_an_account_in_each_app_with_its_own_password():
    fabric, email = developer(), new_email()
    one, two = (fabric.apps.create(name, slug=name) for name in ("first-app", "second-app"))
    in_one = app_client(one).auth.signup(email, PASSWORD)
    in_two = app_client(two).auth.signup(email, OTHER_PASSWORD)
    assert in_one["user"]["id"] == in_two["user"]["id"], "one person"
    with raises(FabricAuthError, "invalid_credentials"):
        app_client(one).auth.login(email, OTHER_PASSWORD)
    with raises(FabricAuthError, "invalid_credentials"):
        client().auth.login(email, PASSWORD)


def an_app_sees_its_own_organizations_alone_and_slugs_are_its_own():
    fabric, email = developer(), new_email()
    clients = []
    for name in ("isle-one", "isle-two"):
        inside = app_client(fabric.apps.create(name, slug=name))
        inside.auth.signup(email, PASSWORD)
        clients.append((inside, inside.organizations.create("same-slug", "Same")))
    (one, in_one), (two, in_two) = clients
    assert in_one["slug"] == in_two["slug"] and in_one["id"] != in_two["id"]
    assert in_two["id"] not in {organization["id"] for organization in one.organizations.list()}
    with raises(FabricNotFoundError, "not_found"):
        one.organizations.get(in_two["id"])
    with raises(FabricConflictError, "slug_taken"):
        two.organizations.create("same-slug", "Again")


story.tell(dict(globals()))
