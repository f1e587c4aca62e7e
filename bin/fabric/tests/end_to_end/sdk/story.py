"""What the stories share. Nothing of the client is changed or wrapped."""

import base64
import hmac
import inspect
import itertools
import json
import os
import re
import struct
import sys
import time
import types
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from fabric_platform import FabricClient
from fabric_platform.errors import FabricError

URL = os.environ["FABRIC_URL"]
PASSWORD = "Correct-Horse-1"
OTHER_PASSWORD = "Battery-Staple-2"

_numbers = itertools.count()


def client(**options):
    return FabricClient(base_url=URL, **options)


def app_client(app, **options):
    """A client of an app, as its server has it."""
    return client(app_client_id=app["client_id"], app_client_secret=app["client_secret"], **options)


def new_email():
    return f"user{next(_numbers)}@example.com"


def developer():
    """A client that a new developer is signed in with."""
    fabric = client()
    fabric.auth.signup(new_email(), PASSWORD)
    return fabric


def with_token(token):
    return client(api_key=token)


@contextmanager
def raises(kind, code=None):
    """Exactly this class of error, not one that it is derived from."""
    caught = types.SimpleNamespace()
    try:
        yield caught
    except FabricError as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        assert code is None or error.code == code, f"{error.code} instead of {code}"
        caught.error = error
    else:
        raise AssertionError(f"no {kind.__name__} was raised")


def totp_code(uri, step):
    """RFC 6238, as an authenticator app has it."""
    seed = base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])
    mac = hmac.digest(seed, struct.pack(">Q", step), "sha1")
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def totp_step():
    """The one of now."""
    return int(time.time()) // 30


def mailed_token(email, path):
    """The token of the last link that was mailed: in development the server's log shows it."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with open(os.environ["FABRIC_LOG"], encoding="utf-8") as log:
            lines = [line for line in log if f"to={email} " in line and path in line]
        if lines:
            return re.search(r"token=([^\"&\s]+)", lines[-1]).group(1)
        time.sleep(0.02)
    raise AssertionError(f"no mail to {email} with a link to {path}")


def received_link(email, path):
    """The last link that a mail server got for the address, on the port where the server is."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        with open(os.environ["FABRIC_MAILS"], encoding="utf-8") as mails:
            written = mails.read()
        # The first line says where the mail server is, the last one may be under way. Read line by line, the rest of a
        # line that came meanwhile would pass for a line.
        arrived = [json.loads(line) for line in written.split("\n")[1:-1]]
        texts = [mail["parts"][0][1] for mail in arrived if mail["recipients"] == [email]]
        links = [link for text in texts for link in re.findall(r"https?://\S+", text) if path in link]
        if links:
            return links[-1].replace("http://localhost:3001", URL)
        time.sleep(0.02)
    raise AssertionError(f"no mail to {email} with a link to {path} has arrived")


def tell(stories, whole=()):
    """Runs every function of a script that is not private, in its order. Of the resources that are to be shown whole, each
    public method has to be called by the script."""
    called = set()
    if whole:
        # Nothing is wrapped: the interpreter tells which code runs.
        sys.setprofile(lambda frame, event, _: called.add(frame.f_code) if event == "call" else None)
    for name, story in stories.items():
        if isinstance(story, types.FunctionType) and story.__module__ == "__main__" and not name.startswith("_"):
            print(name)
            story()
    sys.setprofile(None)
    for resource in whole:
        methods = {
            name: method
            for name, method in inspect.getmembers(resource, inspect.isfunction)
            if not name.startswith("_")
        }
        assert methods, f"{resource.__name__} has no methods"
        left_out = [name for name, method in methods.items() if method.__code__ not in called]
        assert not left_out, f"{resource.__name__}: no story calls {', '.join(left_out)}"


def until_other(look, known):
    """What there is to see once it is no longer what was known."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        seen = look()
        if seen != known:
            return seen
        time.sleep(0.02)
    raise AssertionError("nothing changed")
