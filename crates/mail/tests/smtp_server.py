"""A real SMTP server (aiosmtpd) that tells the tests what arrives.

It prints one JSON object a line: first its port, then each mail as Python's own parser reads it. What it answers
depends on the recipient: nobody@ is refused, later@ is put off, spam@ is refused for the links in the mail, slow@ gets
no answer. It ends when its standard input does.
"""

import argparse
import asyncio
import email
import email.policy
import json
import logging
import re
import ssl
import sys
import traceback
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, TLSSetupException

# What is unsafe about this server is wanted, and failed handshakes are.
warnings.simplefilter("ignore")
logging.getLogger("mail").setLevel(logging.CRITICAL)

RECIPIENTS = {
    "nobody": "550 5.1.1 <{}> is nobody here",
    "later": "451 4.7.1 <{}> is greylisted",
}


def say(**event):
    print(json.dumps(event), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = RECIPIENTS.get(address.split("@")[0])
        if answer:
            return answer.format(address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content.decode("ascii")
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [part for part in mail.walk() if not part.is_multipart()]
        say(
            connection=session.peer[1],
            encrypted=server.transport.get_extra_info("ssl_object") is not None,
            user=session.auth_data.login.decode() if session.authenticated else None,
            mail_from=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in mail.items()],
            sender=[[address.display_name, address.addr_spec] for address in mail["from"].addresses],
            content_type=mail.get_content_type(),
            parts=[[part.get_content_type(), part.get_content()] for part in parts],
            defects=[str(defect) for part in mail.walk() for defect in part.defects],
            raw=raw,
        )
        who = envelope.rcpt_tos[0].split("@")[0]
        if who == "slow":
            await asyncio.sleep(3600)
        if who == "spam":
            links = re.findall(r"https?://\S+", parts[0].get_content())
            return "554 5.7.1 blocked for " + " ".join(links)
        return "250 OK"

    async def handle_exception(self, error):
        if not isinstance(error, TLSSetupException):
            traceback.print_exception(error)
        return "500 the test server is wrong"


def settings():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", help="a PEM file, with the key in it")
    parser.add_argument("--tls", choices=["wrapped", "starttls"])
    parser.add_argument("--user", help="user:password; required then")
    return parser.parse_args()


async def main():
    wanted = settings()
    context = None
    if wanted.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(wanted.certificate)

    def authenticator(server, session, envelope, mechanism, data):
        given = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=given == wanted.user, handled=False, auth_data=data)

    def conversation():
        return SMTP(
            Handler(),
            hostname="mail.example.com",
            tls_context=context if wanted.tls == "starttls" else None,
            require_starttls=wanted.tls == "starttls",
            authenticator=authenticator if wanted.user else None,
            auth_required=bool(wanted.user),
            auth_require_tls=False,
        )

    loop = asyncio.get_running_loop()
    wrapped = context if wanted.tls == "wrapped" else None
    server = await loop.create_server(conversation, "127.0.0.1", wanted.port, ssl=wrapped)
    say(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
