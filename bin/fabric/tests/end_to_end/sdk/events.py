import queue
import threading
import time
import uuid

import httpx
import story
from fabric_platform import models
from story import developer

# Longer than the client's own patience (30 s), and than that of proxies that take silence for the end (60 s).
IDLE = 65


class _Listener:
    """Reads a stream in the background, as a program would."""

    def __init__(self, fabric):
        self._events = queue.Queue()
        threading.Thread(target=self._read, args=(fabric,), daemon=True).start()

    def _read(self, fabric):
        for event in fabric.events.stream():
            self._events.put(models.DomainEvent(**event))

    def next(self, kind):
        """The next event of that kind."""
        while True:
            event = self._events.get(timeout=30)
            if event.kind == kind:
                return event


def events_are_heard_even_after_a_long_silence():
    owner = developer()
    organization = owner.me.organizations()[0]["id"]
    listener = _Listener(owner)
    # The stream begins with what happens from then on: somewhat later it certainly has begun.
    time.sleep(2)
    team = owner.teams.create(organization, slug=f"team-{uuid.uuid4().hex[:8]}", name="Crew")
    event = listener.next("team.created")
    assert (event.organization_id, event.payload["team_id"]) == (organization, team["id"])
    time.sleep(IDLE)
    later = owner.teams.create(organization, slug=f"team-{uuid.uuid4().hex[:8]}", name="Later")
    assert listener.next("team.created").payload["team_id"] == later["id"]


def a_key_hears_its_organization_if_its_scopes_let_it():
    owner = developer()
    organization = owner.me.organizations()[0]["id"]
    owner.set_organization_id(organization)
    key = owner.api_keys.create("Listener", scopes=["webhooks:read"])
    listener = _Listener(story.with_token(key["key"]))
    time.sleep(2)
    team = owner.teams.create(organization, slug=f"team-{uuid.uuid4().hex[:8]}", name="Crew")
    assert listener.next("team.created").payload["team_id"] == team["id"]
    other = owner.api_keys.create("Reader", scopes=["members:read"])
    try:
        next(iter(story.with_token(other["key"]).events.stream()))
    except httpx.HTTPStatusError as error:
        # The client reads no envelope where it expects a stream.
        assert error.response.status_code == 403
    else:
        raise AssertionError("a key without the scope hears")


story.tell(globals())
