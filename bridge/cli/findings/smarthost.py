"""The smarthost: connect, encrypt, log in, and ask whether it would take our mail; no mail is sent.

The connection is made by the code that delivers. Asked are both senders of ours: none at all, as notices have it, and
one of our domain, as relayed SMS have it.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiosmtplib

from bridge.cli.findings import Case, Finding, fail, ok, warn
from bridge.message import Receipt

if TYPE_CHECKING:
    from bridge.transports.session import Session

_CALM: Final = 4  # the family of replies that ask for patience
_REMEDIES: Final = {
    "certificate": "[smarthost] host must be the name in its certificate, of an authority that this machine knows; an "
    "authority of your own: SSL_CERT_FILE",
    "starttls": 'use a port with STARTTLS (587), or tls = "implicit" (465)',
    "tls": 'look at [smarthost] port and tls: 465 is "implicit", 587 and 25 are "required"',
    "auth": "look at what logins the server offers",
    "connect": "look at [smarthost] host and port, and at firewalls between here and there",
    "535": "look at [smarthost] username and password_file",
    "534": "look at what logins the server wants for this user, for example an app password",
}


async def look(case: Case) -> Sequence[Finding]:
    """`[smarthost]`, or the Maildir that stands in for it."""
    settings = case.configuration.settings
    if settings.smarthost.maildir is not None:
        return [_maildir(settings.smarthost.maildir)]
    from bridge.transports import replies  # noqa: PLC0415  # not for --help
    from bridge.transports.connections import Connections  # noqa: PLC0415  # as above

    smarthost = settings.smarthost
    where = f"{smarthost.host}:{smarthost.port}"
    password = case.configuration.secrets.smarthost_password
    connections = Connections(
        host=smarthost.host or "",
        port=smarthost.port,
        tls=smarthost.tls,
        login=None if smarthost.username is None else (smarthost.username, password or ""),
        hostname=settings.hostname,
        most=1,
        idle=1.0,
        ssl_context=case.trust if smarthost.tls in {"required", "implicit"} else None,
        timeout=case.patience * 0.8,
    )
    try:
        kept = await connections.open()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return [_refused(replies.not_connected(error), where)]
    finally:
        await connections.close()
    try:
        how = {"none": "without TLS", "opportunistic": "unchecked TLS"}.get(smarthost.tls, "with TLS")
        logged_in = f", logged in as {smarthost.username}" if smarthost.username is not None else ""
        reached = ok("smarthost", f"{where} answers, {how}{logged_in}")
        return [reached, *await _asked(kept.session, case)]
    finally:
        kept.session.close()


async def _asked(session: "Session", case: Case) -> list[Finding]:
    settings = case.configuration.settings
    for sender in ("", f"postmaster@{settings.domains[0]}"):
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{settings.postmaster}>"):
            (reply,) = await session.say(f"{command}\r\n".encode(), 1, case.patience * 0.8)
            if reply.code // 100 == _CALM:
                text = f"it would not take mail now ({command}): {reply.code} {reply.message}"
                return [warn("smarthost", text, "look again later; many servers refuse strangers once (greylisting)")]
            if reply.code // 100 != 2:  # noqa: PLR2004  # SMTP: yes
                text = f"it would not take mail ({command}): {reply.code} {reply.message}"
                return [fail("smarthost", text, _let(sender, settings.postmaster, command))]
        await session.say(b"RSET\r\n", 1, case.patience * 0.8)
    return [ok("smarthost", f"it would take mail to {settings.postmaster} (none was sent)")]


def _let(sender: str, postmaster: str, command: str) -> str:
    if command.startswith("RCPT"):
        return f"let this machine or user relay at the smarthost, and see that the postmaster {postmaster} exists"
    name = f"everybody of {sender.partition('@')[2]} as envelope sender" if sender else "the empty envelope sender <>"
    return f"let this machine or user use {name} there"


def _refused(receipt: Receipt, where: str) -> Finding:
    remedy = _REMEDIES.get(receipt.code, "ask whoever runs that server what it means")
    return fail("smarthost", f"{where}: {receipt.text}", remedy)


def _maildir(path: Path) -> Finding:
    place = path if path.exists() else path.parent
    if os.access(place, os.W_OK | os.X_OK):
        return ok("smarthost", f"mail goes into the Maildir {path}")
    return fail("smarthost", f"{place} cannot be written to", f"chown smsbridge: {place}, or name another maildir")
