"""An app that hears of events: a real receiver, and the helpers of the published client."""

import queue
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import story
from fabric_platform import models, webhooks
from story import PASSWORD, URL, developer, new_email


class _Receiver:
    """Takes whatever is posted to it."""

    def __init__(self):
        self._arrived = arrived = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                arrived.put((self.rfile.read(int(self.headers["content-length"])), self.headers))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/fabric"

    def next(self):
        """The body and the headers of what arrives next."""
        return self._arrived.get(timeout=30)


def _company(owner=None):
    owner = owner or developer()
    organization = owner.organizations.create(f"acme-{uuid.uuid4().hex[:8]}", "Acme")["id"]
    owner.set_organization_id(organization)
    return owner, organization


def _team(owner):
    return owner.teams.create(slug=f"team-{uuid.uuid4().hex[:8]}", name="Crew")


def what_arrives_is_verified_parsed_and_listed():
    owner, organization = _company()
    receiver = _Receiver()
    made = owner.webhooks.create(url=receiver.url, events=["team.*"])
    team = _team(owner)
    body, headers = receiver.next()
    signature = headers["X-Fabric-Signature"]
    assert webhooks.verify_signature(body, signature, made["secret"])
    assert webhooks.verify_signature(body.decode(), signature, made["secret"])

    event = webhooks.construct_event(body, signature, made["secret"])
    assert (event.kind, event.organization_id) == ("team.created", organization)
    assert event.payload == {"team_id": team["id"], "name": "Crew", "slug": team["slug"]}
    assert headers["X-Fabric-Event"] == event.kind

    def arrived():
        return [entry for entry in owner.webhooks.deliveries(made["id"]) if entry["status"] == "success"]

    delivery = models.WebhookDelivery(**story.until_other(arrived, [])[0])
    assert delivery.id == headers["X-Fabric-Delivery"]
    assert (delivery.webhook_id, delivery.event_id, delivery.event_kind) == (made["id"], event.id, event.kind)
    assert (delivery.status_code, delivery.attempt) == (200, 1)
    assert owner.webhooks.deliveries(made["id"], limit=1, offset=1) == []


def a_flipped_bit_and_another_secret_are_refused():
    owner, _ = _company()
    receiver = _Receiver()
    secret = owner.webhooks.create(url=receiver.url, events=["team.*"])["secret"]
    _team(owner)
    body, headers = receiver.next()
    signature = headers["X-Fabric-Signature"]
    for position in range(len(body)):
        forged = bytearray(body)
        forged[position] ^= 1
        assert not webhooks.verify_signature(bytes(forged), signature, secret)
    for wrong in (signature.upper(), signature.removeprefix("sha256="), signature[:-1], ""):
        assert not webhooks.verify_signature(body, wrong, secret)
    other, _ = _company()
    stranger = other.webhooks.create(url=receiver.url, events=["team.*"])["secret"]
    try:
        webhooks.construct_event(body, signature, stranger)
    except ValueError:
        pass
    else:
        raise AssertionError("another organization's secret verifies")


def both_secrets_verify_while_one_replaces_the_other():
    owner = story.client()
    token = owner.auth.signup(new_email(), PASSWORD)["access_token"]
    owner, organization = _company(owner)
    receiver = _Receiver()
    before = owner.webhooks.create(url=receiver.url, events=["team.*"])["secret"]
    rotate = f"{URL}/v1/organizations/{organization}/webhook-secret/rotate"

    def rotated(overlap):
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.post(rotate, headers=headers, json={"overlap_seconds": overlap})
        return answer.raise_for_status().json()["data"]["secret"]

    after = rotated(3600)
    _team(owner)
    body, headers = receiver.next()
    assert webhooks.verify_signature(body, headers["X-Fabric-Signature"], after)
    assert webhooks.verify_signature(body, headers["X-Fabric-Signature-Previous"], before)
    assert not webhooks.verify_signature(body, headers["X-Fabric-Signature"], before)

    last = rotated(1)
    time.sleep(2)
    _team(owner)
    body, headers = receiver.next()
    assert webhooks.verify_signature(body, headers["X-Fabric-Signature"], last)
    assert "X-Fabric-Signature-Previous" not in headers


story.tell(dict(globals()))
