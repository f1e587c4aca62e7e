import httpx
import story
from fabric_platform.errors import FabricValidationError
from story import PASSWORD, URL, client, mailed_token, new_email, raises

VERIFY = "/v1/auth/verify"


def an_address_is_verified_by_the_token_that_was_mailed():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    assert fabric.me.get()["email_verified"] is False
    client().auth.verify(mailed_token(email, VERIFY))
    assert fabric.me.get()["email_verified"] is True
    assert client().auth.login(email, PASSWORD)["user"]["email_verified"] is True


def an_address_is_verified_by_following_the_link():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    token = mailed_token(email, VERIFY)
    followed = httpx.get(f"{URL}{VERIFY}", params={"token": token, "type": "signup"})
    assert followed.status_code == 200, followed.text
    assert fabric.me.get()["email_verified"] is True


def a_token_verifies_once():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    token = mailed_token(email, VERIFY)
    client().auth.verify(token)
    with raises(FabricValidationError, "invalid_token"):
        client().auth.verify(token)


def a_lost_link_is_sent_again():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    first = mailed_token(email, VERIFY)
    client().auth.resend_verification(email)
    second = story.until_other(lambda: mailed_token(email, VERIFY), first)
    client().auth.verify(second)
    assert fabric.me.get()["email_verified"] is True


def asking_again_for_an_unknown_address_succeeds_too():
    client().auth.resend_verification(new_email())


def a_token_of_another_kind_does_not_verify():
    email = new_email()
    client().auth.signup(email, PASSWORD)
    client().auth.forgot_password(email)
    token = mailed_token(email, "/v1/auth/reset-password")
    with raises(FabricValidationError, "invalid_token"):
        client().auth.verify(token)


story.tell(dict(globals()))
