import base64
import hmac
import struct
import time
from urllib.parse import parse_qs, urlsplit

import story
from fabric_platform.errors import FabricConflictError, FabricNotFoundError, FabricValidationError
from fabric_platform.models import TotpEnrollResponse, TotpRecoveryResponse, TotpVerifyResponse
from story import PASSWORD, client, new_email, raises


def _code(uri, step):
    """RFC 6238, as an authenticator app has it."""
    seed = base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])
    mac = hmac.digest(seed, struct.pack(">Q", step), "sha1")
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def _now():
    return int(time.time()) // 30


def an_authenticator_app_is_enrolled_used_and_removed():
    fabric, email = client(), new_email()
    fabric.auth.signup(email, PASSWORD)
    enrolled = TotpEnrollResponse.model_validate(fabric.auth.totp_enroll())
    assert enrolled.otpauth_uri.startswith("otpauth://totp/Fabric:")
    assert len(set(enrolled.recovery_codes)) == 10

    step = _now()
    verified = TotpVerifyResponse.model_validate(fabric.auth.totp_verify(_code(enrolled.otpauth_uri, step)))
    assert (verified.enrolled, verified.message) == (True, "TOTP enrollment verified and activated")
    with raises(FabricValidationError, "invalid_code"):
        fabric.auth.totp_verify(_code(enrolled.otpauth_uri, step))
    # The next one is of the window already, and was not used.
    again = TotpVerifyResponse.model_validate(fabric.auth.totp_verify(_code(enrolled.otpauth_uri, step + 1)))
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
