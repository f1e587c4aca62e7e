import story
from fabric_platform.errors import FabricConflictError, FabricNotFoundError, FabricValidationError
from fabric_platform.models import TotpEnrollResponse, TotpRecoveryResponse, TotpVerifyResponse
from story import PASSWORD, client, new_email, raises, totp_code, totp_step


def an_authenticator_app_is_enrolled_used_and_removed():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    enrolled = TotpEnrollResponse.model_validate(fabric.auth.totp_enroll())
    assert enrolled.otpauth_uri.startswith("otpauth://totp/Fabric:")
    assert len(set(enrolled.recovery_codes)) == 10

    step = totp_step()
    verified = TotpVerifyResponse.model_validate(fabric.auth.totp_verify(totp_code(enrolled.otpauth_uri, step)))
    assert (verified.enrolled, verified.message) == (True, "TOTP enrollment verified and activated")
    with raises(FabricValidationError, "invalid_code"):
        fabric.auth.totp_verify(totp_code(enrolled.otpauth_uri, step))
    # The next one is of the window already, and was not used.
    again = TotpVerifyResponse.model_validate(fabric.auth.totp_verify(totp_code(enrolled.otpauth_uri, step + 1)))
    assert again.valid is True

    recovered = TotpRecoveryResponse.model_validate(fabric.auth.totp_recovery(enrolled.recovery_codes[0]))
    assert recovered.valid is True and recovered.message
    with raises(FabricValidationError, "invalid_code"):
        fabric.auth.totp_recovery(enrolled.recovery_codes[0])

    # As the client expects: a sign-in is not gated by it.
    client().auth.login(email, PASSWORD)
    with raises(FabricConflictError, "totp_already_enabled"):
        fabric.auth.totp_enroll()
    fabric.auth.totp_disable()
    with raises(FabricNotFoundError, "not_found"):
        fabric.auth.totp_disable()


story.tell(dict(globals()))
