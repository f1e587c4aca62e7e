import uuid

import httpx
import story
from fabric_platform.errors import FabricForbiddenError, FabricNotFoundError
from story import OTHER_PASSWORD, PASSWORD, app_client, client, developer, new_email, raises


def _app(name):
    return app_client(developer().apps.create(name, slug=name))


def an_app_acts_as_its_user():
    app = _app("acts")
    user = app.auth.signup(new_email(), PASSWORD)["user"]
    as_user = app.as_user(user["id"])
    me = as_user.me.get()
    assert (me["principal_id"], me["email"]) == (user["id"], user["email"])
    [organization] = as_user.organizations.list()
    assert organization["role"] == "owner"
    assert as_user.organizations.get(organization["id"])["id"] == organization["id"]


def only_this_apps_organizations_are_listed():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    app = _app("only-mine")
    user = app.auth.signup(email, PASSWORD)["user"]
    [organization] = app.as_user(user["id"]).organizations.list()
    assert organization["app_id"] == app.as_user(user["id"]).me.get()["app_id"]


def whoever_has_no_account_in_the_app_is_not_found():
    app, other = _app("here"), _app("elsewhere")
    strangers = [
        other.auth.signup(new_email(), PASSWORD)["user"]["id"],
        client().auth.signup(new_email(), PASSWORD)["user"]["id"],
        str(uuid.uuid4()),
    ]
    for stranger in strangers:
        try:
            app.as_user(stranger)
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == 404
            assert error.response.json()["error"]["code"] == "not_found"
        else:
            raise AssertionError("the app acts as a stranger")


def an_exchanged_token_cannot_touch_the_way_in():
    app = _app("no-keys")
    email = new_email()
    user = app.auth.signup(email, PASSWORD)["user"]
    as_user = app.as_user(user["id"])
    for call in (
        lambda: as_user.auth.change_password(PASSWORD, OTHER_PASSWORD),
        as_user.auth.logout_all,
    ):
        try:
            call()
        except httpx.HTTPStatusError as error:
            assert error.response.status_code == 403
        else:
            raise AssertionError("an app changed its user's way in")
    app.auth.login(email, PASSWORD)


def an_app_says_who_it_is_without_being_anybody():
    app = developer().apps.create("itself", slug="itself")
    token = client().oauth.token(app["client_id"], app["client_secret"])["access_token"]
    me = client(api_key=token).me.get()
    assert me["app_id"] == app["id"]
    with raises(FabricForbiddenError):
        client(api_key=token).admin.bootstrap()


def a_user_of_another_app_cannot_be_reached_with_an_app_token():
    app, other = developer().apps.create("ours", slug="ours"), _app("theirs")
    other.auth.signup(new_email(), PASSWORD)
    [organization] = other.organizations.list()
    token = client().oauth.token(app["client_id"], app["client_secret"])["access_token"]
    with raises(FabricNotFoundError):
        client(api_key=token).organizations.get(organization["id"])


story.tell(dict(globals()))
