import story
from fabric_platform.errors import (
    FabricAuthError,
    FabricForbiddenError,
    FabricNotFoundError,
    FabricRateLimitError,
)
from story import PASSWORD, client, developer, new_email, raises

_admin = client()


def anybody_sees_how_the_server_is():
    assert client().admin.health_check()["status"] == "ok"
    assert client().admin.system_status() == {"status": "ok", "live": True, "ready": True}
    info = client().admin.system_info()
    assert info["environment"] == "development"
    assert info["version"]


def the_first_to_ask_becomes_the_administrator_and_nobody_after():
    auth = _admin.auth.signup(new_email(), PASSWORD)
    made = _admin.admin.bootstrap()
    assert made["principal_id"] == auth["user"]["id"]
    assert _admin.admin.bootstrap() == made, "for that one it is the same every time"
    assert _admin.me.get()["platform_admin"] is True
    with raises(FabricForbiddenError, "bootstrap_closed"):
        developer().admin.bootstrap()


def the_organization_that_the_client_means_by_default_is_there_in_development():
    assert _admin.organizations.get()["id"] == "00000000-0000-0000-0000-000000000010"


def users_are_listed_page_by_page():
    users = {client().auth.signup(new_email(), PASSWORD)["user"]["id"] for _ in range(3)}
    everybody = _admin.admin.list_users(limit=200)["items"]
    assert users <= {user["id"] for user in everybody}
    pages = [_admin.admin.list_users(limit=1, offset=offset)["items"] for offset in range(len(everybody))]
    assert [user["id"] for [user] in pages] == [user["id"] for user in everybody]
    assert _admin.admin.list_users(limit=1)["pagination"]["has_more"] is True


def a_user_is_read():
    email = new_email()
    user = client().auth.signup(email, PASSWORD)["user"]
    read = _admin.admin.get_user(user["id"])
    assert (read["email"], read["email_verified"], read["locked"]) == (email, False, False)


def a_locked_user_is_unlocked():
    email = new_email()
    user = client().auth.signup(email, PASSWORD)["user"]
    for _ in range(5):
        with raises(FabricAuthError):
            client().auth.login(email, "Wrong-Guess-1")
    with raises(FabricRateLimitError):
        client().auth.login(email, PASSWORD)
    assert _admin.admin.get_user(user["id"])["locked"] is True
    _admin.admin.unlock_user(user["id"])
    assert client().auth.login(email, PASSWORD)["user"]["id"] == user["id"]


def an_address_is_vouched_for():
    user = client().auth.signup(new_email(), PASSWORD)["user"]
    _admin.admin.verify_user(user["id"])
    assert _admin.admin.get_user(user["id"])["email_verified"] is True


def a_user_is_signed_out_everywhere():
    fabric = client()
    user = fabric.auth.signup(new_email(), PASSWORD)["user"]
    _admin.admin.force_logout_user(user["id"])
    with raises(FabricAuthError, "token_revoked"):
        fabric.me.get()


def a_deleted_user_is_gone():
    fabric, email = client(), new_email()
    user = fabric.auth.signup(email, PASSWORD)["user"]
    _admin.admin.delete_user(user["id"])
    with raises(FabricAuthError):
        fabric.me.get()
    with raises(FabricAuthError, "invalid_credentials"):
        client().auth.login(email, PASSWORD)
    with raises(FabricNotFoundError, "not_found"):
        _admin.admin.get_user(user["id"])


def others_may_not():
    user = client().auth.signup(new_email(), PASSWORD)["user"]
    stranger = developer()
    for call in (
        stranger.admin.get_user,
        stranger.admin.delete_user,
        stranger.admin.unlock_user,
        stranger.admin.verify_user,
        stranger.admin.force_logout_user,
    ):
        try:
            call(user["id"])
        except (FabricForbiddenError, FabricNotFoundError):
            pass
        else:
            raise AssertionError("a stranger administers")
    assert _admin.admin.get_user(user["id"])["email_verified"] is False


story.tell(dict(globals()))
