import base64
import hashlib
import hmac
import time

TOLERANCE = 5 * 60


def is_genuine(body: bytes, signature: str, secret: str) -> bool:
    """Whether X-Fabric-Signature is by this secret."""
    code = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={code}".encode(), signature.encode())


def is_genuine_and_new(body: bytes, headers: dict[str, str], secret: str) -> bool:
    """Whether a signature of Standard Webhooks is by this secret, and not older than five minutes."""
    sent = headers["webhook-timestamp"]
    if not sent.isdecimal() or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    code = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers["webhook-signature"].encode().split(b" ")
    return any(hmac.compare_digest(b"v1," + code, one) for one in given)
