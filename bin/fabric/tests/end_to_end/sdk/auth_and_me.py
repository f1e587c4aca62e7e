"""The client's resources `auth` and `me`, every method of them, and what each leaves behind."""

import inspect
import uuid
from urllib.parse import parse_qs, urlsplit

import fabric_platform
import httpx
import story
from fabric_platform.errors import FabricAuthError, FabricConflictError, FabricNotFoundError
from fabric_platform.resources.auth import AuthResource
from fabric_platform.resources.me import MeResource
from story import (
    OTHER_PASSWORD,
    PASSWORD,
    URL,
    app_client,
    client,
    developer,
    mailed_token,
    new_email,
    raises,
    totp_code,
    totp_step,
    with_token,
)

BACK = "https://shop.example/back"


def _app(**settings):
    """An app, and a client of it as its server has one."""
    owner = developer()
    app = owner.apps.create("Shop", slug=f"shop-{uuid.uuid4().hex[:8]}", **settings)
    return owner, app, app_client(app)


def _as_app(app):
    """Calls with a token of the app's own, which shows that it is the app."""
    return app_client(app, api_key=client().oauth.token(app["client_id"], app["client_secret"])["access_token"])


def _status_of(call):
    """Some methods of the client raise httpx's own error."""
    try:
        call()
    except httpx.HTTPStatusError as error:
        return error.response.status_code, error.response.json()["error"]["code"]
    return None


def signup_login_refresh_logout_and_logout_all():
    email, fabric = new_email(), client()
    new = fabric.auth.signup(email, PASSWORD)
    assert (new["token_type"], new["expires_in"], new["user"]["email"]) == ("bearer", 7200, email)
    again = fabric.auth.login(email, PASSWORD)
    assert again["user"]["id"] == new["user"]["id"] and again["refresh_token"] != new["refresh_token"]
    newer = fabric.auth.refresh(again["refresh_token"])
    assert newer["refresh_token"] not in (again["refresh_token"], new["refresh_token"])
    # Each of these three has put its token into the client.
    assert fabric.me.get()["principal_id"] == new["user"]["id"]
    assert fabric.auth.logout() is None
    with raises(FabricAuthError, "unauthorized"):
        fabric.me.get()
    with raises(FabricAuthError, "token_revoked"):
        with_token(newer["access_token"]).me.get()
    first = with_token(new["access_token"])
    assert first.me.get()["email"] == email, "another session goes on"
    assert first.auth.logout_all() is None
    with raises(FabricAuthError, "token_revoked"):
        first.me.get()


def verify_and_resend_verification():
    email, fabric = new_email(), client()
    fabric.auth.signup(email, PASSWORD)
    first = mailed_token(email, "/v1/auth/verify")
    assert fabric.auth.resend_verification(email) is None
    second = story.until_other(lambda: mailed_token(email, "/v1/auth/verify"), first)
    assert fabric.me.get()["email_verified"] is False
    assert client().auth.verify(second) is None
    assert fabric.me.get()["email_verified"] is True


def forgot_reset_and_change_password():
    email, fabric = new_email(), client()
    fabric.auth.signup(email, PASSWORD)
    assert client().auth.forgot_password(email) is None
    token = mailed_token(email, "/v1/auth/reset-password")
    assert client().auth.reset_password(token, OTHER_PASSWORD) is None
    with raises(FabricAuthError, "token_revoked"):
        fabric.me.get()
    fabric = client()
    fabric.auth.login(email, OTHER_PASSWORD)
    assert fabric.auth.change_password(OTHER_PASSWORD, PASSWORD) is None
    with raises(FabricAuthError, "token_revoked"):
        fabric.me.get()
    client().auth.login(email, PASSWORD)


def magic_link():
    """The client asks for the link; the page that it leads to shows what stands in it."""
    email = new_email()
    user = client().auth.signup(email, PASSWORD)["user"]
    assert client().auth.magic_link(email) is None
    assert client().auth.magic_link(new_email()) is None, "the same answer for an address that nobody has"
    token = mailed_token(email, "/v1/auth/magic-link")
    shown, again = [httpx.post(f"{URL}/v1/auth/magic-link/verify", json={"token": token}) for _ in range(2)]
    assert shown.status_code == 200, shown.text
    me = with_token(shown.json()["data"]["access_token"]).me.get()
    assert (me["principal_id"], me["email_verified"]) == (user["id"], True)
    assert (again.status_code, again.json()["error"]["code"]) == (400, "invalid_token")


def magic_link_where_the_app_has_none():
    _, _, inside = _app(magic_links=False)
    assert _status_of(lambda: inside.auth.magic_link(new_email())) == (403, "sign_in_method_disabled")


def social_login_and_social_connections_and_disconnect_social():
    email, (owner, app, _) = new_email(), _app()
    fabric = _as_app(app)
    new = fabric.auth.social_login("google", "109", email, display_name="Alice", avatar_url="https://example.com/a.png")
    assert (new["user"]["email"], new["user"]["email_verified"]) == (email, True)
    assert new["user"]["display_name"] == "Alice"
    # From here on the client calls as her.
    assert fabric.me.get()["principal_id"] == new["user"]["id"]
    [google] = fabric.me.social_connections()
    assert (google["provider"], google["provider_user_id"]) == ("google", "109")
    # The same person at another provider, by an address that is proven.
    again = _as_app(app).auth.social_login("github", "7", email)
    assert again["user"]["id"] == new["user"]["id"]
    assert {one["provider"] for one in fabric.me.social_connections()} == {"google", "github"}
    assert fabric.me.disconnect_social("github") is None
    assert [one["provider"] for one in fabric.me.social_connections()] == ["google"]
    with raises(FabricNotFoundError, "not_found"):
        fabric.me.disconnect_social("github")
    # Links and codes in mails are a way in, until the app has none.
    owner.apps.update(app["id"], magic_links=False, email_codes=False)
    with raises(FabricConflictError, "last_auth_method"):
        fabric.me.disconnect_social("google")
    assert [one["provider"] for one in fabric.me.social_connections()] == ["google"]


def social_login_url():
    owner, app, inside = _app(redirect_urls=[BACK])
    asked = {"client_id": app["client_id"], "redirect_uri": BACK, "state": "kept", "code_challenge_method": "S256"}
    asked["code_challenge"] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    url = inside.auth.social_login_url("github")
    assert url == f"{URL}/v1/auth/social/github"
    unknown = httpx.get(url, params=asked)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "not_found")
    named = httpx.put(
        f"{URL}/v1/apps/{app['id']}/social-providers/github",
        json={"kind": "github", "client_id": "there", "client_secret": "hush"},
        headers={"Authorization": owner._http_client.headers["Authorization"]},
    )
    assert named.status_code in (200, 201), named.text
    sent = httpx.get(url, params=asked)
    assert sent.status_code == 303, sent.text
    to = urlsplit(sent.headers["location"])
    assert (to.scheme, to.netloc, to.path) == ("https", "github.com", "/login/oauth/authorize")
    query = parse_qs(to.query)
    assert query["client_id"] == ["there"] and query["state"] != ["kept"]
    assert query["redirect_uri"] == [named.json()["data"]["callback_url"]]


def totp_enroll_verify_recovery_and_disable():
    fabric = client()
    fabric.auth.signup(new_email(), PASSWORD)
    enrolled = fabric.auth.totp_enroll()
    assert len(enrolled["recovery_codes"]) == 10
    step = totp_step()
    assert fabric.auth.totp_verify(totp_code(enrolled["otpauth_uri"], step))["enrolled"] is True
    assert fabric.auth.totp_verify(totp_code(enrolled["otpauth_uri"], step + 1)) == {"valid": True}
    assert fabric.auth.totp_recovery(enrolled["recovery_codes"][0])["valid"] is True
    with raises(FabricConflictError, "totp_already_enabled"):
        fabric.auth.totp_enroll()
    assert fabric.auth.totp_disable() is None
    with raises(FabricNotFoundError, "not_found"):
        fabric.auth.totp_verify(totp_code(enrolled["otpauth_uri"], step + 1))


def get_organizations_teams_and_permissions():
    email, fabric = new_email(), client()
    user = fabric.auth.signup(email, PASSWORD)["user"]
    me = fabric.me.get()
    assert (me["principal_id"], me["email"], me["authenticated"]) == (user["id"], email, True)
    [organization] = fabric.me.organizations()
    assert organization["role"] == "owner"
    assert fabric.me.teams() == []
    team = fabric.teams.create(organization["id"], slug="crew", name="Crew")
    joined = httpx.put(
        f"{URL}/v1/teams/{team['id']}/members/{user['id']}",
        json={"role": "admin"},
        headers={"Authorization": fabric._http_client.headers["Authorization"]},
    )
    assert joined.status_code in (200, 201), joined.text
    [mine] = fabric.me.teams()
    assert (mine["id"], mine["slug"], mine["organization_id"]) == (team["id"], "crew", organization["id"])
    held = [(one["organization_id"], one["team_id"], one["role"]) for one in fabric.me.permissions()]
    assert sorted(held, key=str) == sorted(
        [(organization["id"], None, "owner"), (organization["id"], team["id"], "admin")], key=str
    )


def there_is_no_asynchronous_client():
    """Should the package get one, its resources belong here as well."""
    classes = [name for name, _ in inspect.getmembers(fabric_platform, inspect.isclass)]
    assert "FabricClient" in classes and not [name for name in classes if "Async" in name], classes


story.tell(dict(globals()), whole=[AuthResource, MeResource])
