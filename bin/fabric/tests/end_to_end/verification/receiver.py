"""Verifies deliveries as receivers in Python do: with the published verifier, and with the sample of the guide."""

import base64
import json
import sys
import time
from datetime import datetime, timedelta, timezone
from unittest import mock

import standardwebhooks.webhooks
import verify as sample
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def takes(body, headers, secret):
    """Whether both take it as Standard Webhooks says; they have to agree."""
    taken = sample.is_genuine_and_new(body, headers, secret)
    try:
        event = Webhook(secret).verify(body, headers)
    except (WebhookVerificationError, ValueError):
        assert not taken
        return False
    assert taken and event["kind"] == event["event"] == "team.created"
    return True


def later(minutes):
    """Both clocks, so much later."""
    now = datetime.now(tz=timezone.utc) + timedelta(minutes=minutes)
    clock = mock.Mock(wraps=datetime, now=lambda tz: now)
    patches = mock.patch.object(standardwebhooks.webhooks, "datetime", clock)
    return patches, mock.patch.object(time, "time", lambda: now.timestamp())


def accept(body, headers, secret, previous, dead):
    assert takes(body, headers, secret)
    assert sample.is_genuine(body, headers["x-fabric-signature"], secret)
    assert previous is None or takes(body, headers, previous)
    assert previous is None or sample.is_genuine(body, headers["x-fabric-signature-previous"], previous)
    one, other = later(4)
    with one, other:
        assert takes(body, headers, secret)


def attack(body, headers, secret, previous, dead):
    for known in filter(None, (secret, previous)):
        # Whoever has recorded it sends it once more.
        one, other = later(6)
        with one, other:
            assert not takes(body, headers, known)
            # As if it were new.
            assert not takes(body, {**headers, "webhook-timestamp": str(int(time.time()))}, known)
        assert not takes(body, {**headers, "webhook-id": "00000000-0000-0000-0000-000000000000"}, known)
        for position in (1, len(body) // 2, len(body) - 2):
            forged = bytearray(body)
            forged[position] ^= 1
            assert not takes(bytes(forged), headers, known)
            assert not sample.is_genuine(bytes(forged), headers["x-fabric-signature"], known)
    for known in dead:
        assert not takes(body, headers, known)
        assert not sample.is_genuine(body, headers["x-fabric-signature"], known)
        base64.b64decode(known.removeprefix("whsec_"), validate=True)


mode, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    deliveries = json.load(file)
assert len(deliveries) == 3
for delivery in deliveries:
    delivery["body"] = delivery["body"].encode()
    {"accept": accept, "attack": attack}[mode](**delivery)
