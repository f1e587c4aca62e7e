import httpx
import story
from fabric_platform.errors import FabricAuthError, FabricValidationError
from story import OTHER_PASSWORD, PASSWORD, client, mailed_token, new_email, raises, with_token

RESET = "/v1/auth/reset-password"


def _status_of(call):
    """These methods of the client raise httpx's own error."""
    try:
        call()
    except httpx.HTTPStatusError as error:
        return error.response.status_code, error.response.json()["error"]["code"]
    return None


def a_changed_password_ends_the_old_sessions():
    email = new_email()
    here, there = client(), client()
    tokens = [here.auth.signup(email, PASSWORD), there.auth.login(email, PASSWORD)]
    here.auth.change_password(PASSWORD, OTHER_PASSWORD)
    for auth in tokens:
        with raises(FabricAuthError, "token_revoked"):
            with_token(auth["access_token"]).me.get()
        with raises(FabricAuthError):
            client().auth.refresh(auth["refresh_token"])
    with raises(FabricAuthError, "invalid_credentials"):
        client().auth.login(email, PASSWORD)
    client().auth.login(email, OTHER_PASSWORD)


def a_password_is_changed_only_by_who_knows_it():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    assert _status_of(lambda: fabric.auth.change_password("Wrong-Guess-1", OTHER_PASSWORD)) == (
        401,
        "invalid_credentials",
    )
    assert fabric.me.get()["email"] == email
    client().auth.login(email, PASSWORD)


def a_forgotten_password_is_reset_by_mail():
    email = new_email()
    auth = client().auth.signup(email, PASSWORD)
    client().auth.forgot_password(email)
    token = mailed_token(email, RESET)
    client().auth.reset_password(token, OTHER_PASSWORD)
    with raises(FabricAuthError, "token_revoked"):
        with_token(auth["access_token"]).me.get()
    with raises(FabricAuthError, "invalid_credentials"):
        client().auth.login(email, PASSWORD)
    fabric = client()
    fabric.auth.login(email, OTHER_PASSWORD)
    assert fabric.me.get()["email_verified"] is True, "whoever followed the link owns the mailbox"


def a_link_resets_a_password_once():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    client().auth.forgot_password(email)
    token = mailed_token(email, RESET)
    client().auth.reset_password(token, OTHER_PASSWORD)
    again = _status_of(lambda: client().auth.reset_password(token, PASSWORD))
    assert again == (400, "invalid_token")
    client().auth.login(email, OTHER_PASSWORD)


def an_unknown_address_gets_the_same_answer():
    client().auth.forgot_password(new_email())


def a_weak_password_is_refused_everywhere():
    fabric, email = client(), new_email()
    with raises(FabricValidationError, "weak_password"):
        fabric.auth.signup(email, "password")
    fabric.auth.signup(email, PASSWORD)
    assert _status_of(lambda: fabric.auth.change_password(PASSWORD, "password")) == (400, "weak_password")
    client().auth.forgot_password(email)
    token = mailed_token(email, RESET)
    assert _status_of(lambda: client().auth.reset_password(token, "password")) == (400, "weak_password")
    client().auth.reset_password(token, OTHER_PASSWORD)


story.tell(dict(globals()))
