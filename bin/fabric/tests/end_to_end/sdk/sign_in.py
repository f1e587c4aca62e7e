import story
from fabric_platform.errors import FabricAuthError, FabricConflictError
from story import OTHER_PASSWORD, PASSWORD, client, new_email, raises, with_token


def a_sign_up_answers_with_tokens_and_the_user():
    email = new_email()
    auth = client().auth.signup(email, PASSWORD)
    assert auth["token_type"] == "bearer"
    assert auth["expires_in"] == 7200
    assert auth["refresh_token"]
    assert auth["user"]["email"] == email
    assert auth["user"]["email_verified"] is False


def a_new_user_is_signed_in_and_owns_an_organization():
    fabric, email = client(), new_email()
    auth = fabric.auth.signup(email, PASSWORD)
    me = fabric.me.get()
    assert (me["principal_id"], me["email"], me["authenticated"]) == (auth["user"]["id"], email, True)
    [organization] = fabric.me.organizations()
    assert organization["role"] == "owner"


def a_user_signs_in_again_as_the_same_person():
    email = new_email()
    new = client().auth.signup(email, PASSWORD)
    fabric = client()
    auth = fabric.auth.login(email.upper(), PASSWORD)
    assert auth["user"]["id"] == new["user"]["id"]
    assert auth["access_token"] != new["access_token"]
    assert fabric.me.get()["principal_id"] == new["user"]["id"]


def a_taken_address_is_a_conflict():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    with raises(FabricConflictError, "email_taken"):
        client().auth.signup(email, OTHER_PASSWORD)


def a_wrong_password_and_an_unknown_address_are_refused_alike():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    with raises(FabricAuthError, "invalid_credentials") as known:
        client().auth.login(email, OTHER_PASSWORD)
    with raises(FabricAuthError, "invalid_credentials") as unknown:
        client().auth.login(new_email(), OTHER_PASSWORD)
    assert str(known.error) == str(unknown.error)


def a_refresh_token_is_spent_once():
    fabric = client()
    old = fabric.auth.signup(new_email(), PASSWORD)
    new = fabric.auth.refresh(old["refresh_token"])
    assert new["refresh_token"] != old["refresh_token"]
    assert fabric.me.get()["principal_id"] == old["user"]["id"]
    with raises(FabricAuthError):
        client().auth.refresh(old["refresh_token"])


def a_refresh_token_that_comes_again_ends_its_family():
    old = client().auth.signup(new_email(), PASSWORD)
    new = client().auth.refresh(old["refresh_token"])
    with raises(FabricAuthError):
        client().auth.refresh(old["refresh_token"])
    with raises(FabricAuthError):
        client().auth.refresh(new["refresh_token"])
    with raises(FabricAuthError, "token_revoked"):
        with_token(new["access_token"]).me.get()


def sign_out_ends_this_session_alone():
    email = new_email()
    here, there = client(), client()
    auth = here.auth.signup(email, PASSWORD)
    there.auth.login(email, PASSWORD)
    here.auth.logout()
    with raises(FabricAuthError, "token_revoked"):
        with_token(auth["access_token"]).me.get()
    with raises(FabricAuthError):
        client().auth.refresh(auth["refresh_token"])
    assert there.me.get()["email"] == email


def sign_out_takes_any_token_and_always_succeeds():
    client().auth.logout("no token at all")
    email = new_email()
    auth = client().auth.signup(email, PASSWORD)
    client().auth.logout(auth["access_token"])
    client().auth.logout(auth["access_token"])


def sign_out_everywhere_ends_every_session():
    email = new_email()
    here, there = client(), client()
    tokens = [here.auth.signup(email, PASSWORD), there.auth.login(email, PASSWORD)]
    here.auth.logout_all()
    for auth in tokens:
        with raises(FabricAuthError, "token_revoked"):
            with_token(auth["access_token"]).me.get()
        with raises(FabricAuthError):
            client().auth.refresh(auth["refresh_token"])
    assert client().auth.login(email, PASSWORD)["user"]["email"] == email


def a_stale_token_does_not_stand_in_the_way_of_a_new_sign_in():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    fabric.auth.logout_all()
    fabric.auth.login(email, PASSWORD)
    assert fabric.me.get()["email"] == email


def nobody_is_nobody():
    with raises(FabricAuthError, "unauthorized"):
        client().me.get()


story.tell(dict(globals()))
