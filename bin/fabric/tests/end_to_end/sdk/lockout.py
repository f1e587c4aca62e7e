import story
from fabric_platform.errors import FabricAuthError, FabricRateLimitError
from story import OTHER_PASSWORD, PASSWORD, client, developer, mailed_token, new_email, raises

WRONG = "Wrong-Guess-1"


def _lock(email):
    for _ in range(5):
        with raises(FabricAuthError, "invalid_credentials"):
            client().auth.login(email, WRONG)
    with raises(FabricRateLimitError, "account_locked") as locked:
        client().auth.login(email, PASSWORD)
    return locked.error


def the_sixth_attempt_is_told_how_long_to_wait():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    error = _lock(email)
    assert error.status_code == 429
    assert 0 < error.retry_after <= 15 * 60


def an_unknown_address_is_locked_alike():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    assert str(_lock(email)) == str(_lock(new_email()))


def a_lock_leaves_sessions_and_refresh_alone():
    fabric, email = client(), new_email()
    auth = fabric.auth.signup(email, PASSWORD)
    _lock(email)
    assert fabric.me.get()["email"] == email
    client().auth.refresh(auth["refresh_token"])


def a_reset_by_mail_lifts_the_lock():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    _lock(email)
    client().auth.forgot_password(email)
    client().auth.reset_password(mailed_token(email, "/v1/auth/reset-password"), OTHER_PASSWORD)
    client().auth.login(email, OTHER_PASSWORD)


def a_success_starts_the_count_anew():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    for _ in range(2):
        for _ in range(4):
            with raises(FabricAuthError, "invalid_credentials"):
                client().auth.login(email, WRONG)
        client().auth.login(email, PASSWORD)


def an_app_has_locks_of_its_own():
    app = developer().apps.create("Locks")
    email = new_email()
    client().auth.signup(email, PASSWORD)
    inside = story.app_client(app)
    inside.auth.signup(email, OTHER_PASSWORD)
    _lock(email)
    inside.auth.login(email, OTHER_PASSWORD)


story.tell(dict(globals()))
