import story
from fabric_platform.errors import FabricAuthError, FabricNotFoundError, FabricValidationError
from story import PASSWORD, app_client, client, developer, new_email, raises, with_token


def _app(name):
    return developer().apps.create(name, slug=name)


def client_credentials_grant_an_app_token():
    app = _app("credentials")
    token = client().oauth.token(app["client_id"], app["client_secret"])
    assert token["token_type"] == "bearer"
    assert token["expires_in"] > 0
    assert "refresh_token" not in token
    assert with_token(token["access_token"]).me.get()["principal_id"] == app["id"]


def a_wrong_secret_is_refused():
    app = _app("wrong-secret")
    with raises(FabricAuthError, "invalid_client"):
        client().oauth.token(app["client_id"], app["client_secret"][:-1] + "x")
    with raises(FabricAuthError, "invalid_client"):
        client().oauth.token("foc_unknown", app["client_secret"])


def a_refresh_token_is_spent_at_the_token_endpoint_too():
    fabric = client()
    auth = fabric.auth.signup(new_email(), PASSWORD)
    token = client().oauth.refresh(auth["refresh_token"])
    assert token["refresh_token"] != auth["refresh_token"]
    assert with_token(token["access_token"]).me.get()["principal_id"] == auth["user"]["id"]
    with raises(FabricValidationError, "invalid_grant"):
        client().oauth.refresh(auth["refresh_token"])


def a_users_id_is_exchanged_for_a_short_token():
    app = _app("exchange")
    user = app_client(app).auth.signup(new_email(), PASSWORD)["user"]
    token = client().oauth.token_exchange(
        client_id=app["client_id"], client_secret=app["client_secret"], subject_token=user["id"]
    )
    assert token["expires_in"] == 900
    assert "refresh_token" not in token
    assert with_token(token["access_token"]).me.get()["email"] == user["email"]


def nobody_is_exchanged_who_is_not_there():
    app = _app("exchange-nobody")
    for subject in ("no id", "550e8400-e29b-41d4-a716-446655440000"):
        with raises(FabricNotFoundError, "not_found"):
            client().oauth.token_exchange(
                client_id=app["client_id"], client_secret=app["client_secret"], subject_token=subject
            )


def a_revoked_access_token_is_dead():
    fabric = client()
    auth = fabric.auth.signup(new_email(), PASSWORD)
    client().oauth.revoke(auth["access_token"])
    with raises(FabricAuthError, "token_revoked"):
        fabric.me.get()
    with raises(FabricAuthError):
        client().auth.refresh(auth["refresh_token"])


def a_revoked_refresh_token_takes_its_session_along():
    fabric = client()
    auth = fabric.auth.signup(new_email(), PASSWORD)
    client().oauth.revoke(auth["refresh_token"])
    with raises(FabricAuthError):
        client().auth.refresh(auth["refresh_token"])
    with raises(FabricAuthError, "token_revoked"):
        fabric.me.get()


def exchanged_and_app_tokens_are_revoked_one_by_one():
    app = _app("revoke-exchange")
    user = app_client(app).auth.signup(new_email(), PASSWORD)["user"]
    exchange = {"client_id": app["client_id"], "client_secret": app["client_secret"], "subject_token": user["id"]}
    grants = [
        lambda: client().oauth.token_exchange(**exchange)["access_token"],
        lambda: client().oauth.token(app["client_id"], app["client_secret"])["access_token"],
    ]
    for grant in grants:
        dead, alive = grant(), grant()
        client().oauth.revoke(dead)
        with raises(FabricAuthError, "token_revoked"):
            with_token(dead).me.get()
        with_token(alive).me.get()


def revoking_what_is_no_token_succeeds():
    client().oauth.revoke("no token at all")


def one_kind_of_token_is_not_taken_for_another():
    auth = client().auth.signup(new_email(), PASSWORD)
    with raises(FabricAuthError, "unauthorized"):
        with_token(auth["refresh_token"]).me.get()
    with raises(FabricAuthError):
        client().auth.refresh(auth["access_token"])
    with raises(FabricValidationError, "invalid_grant"):
        client().oauth.refresh(auth["access_token"])


story.tell(dict(globals()))
