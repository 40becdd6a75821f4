"""The provider: reachable with TLS, our clock against its, and whether the login works.

The login is tried with the real client and a message that says ``test: true``: the provider checks everything and sends
nothing. It needs a recipient all the same. Unless one is named, one of our own numbers is taken (heartbeat, sender,
line of a row), which nobody minds. Without any the login is not tried: what the provider answers to a request without a
recipient is not documented, and a guess would be worth nothing.
"""

import asyncio
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from bridge.cli.findings import Case, Finding, fail, ok, warn
from bridge.cli.findings.certificate import SOON, day
from bridge.config import Configuration
from bridge.ids import mail_ids
from bridge.message import Channel, Delivery, Receipt, Sms, Verdict, encode_sms

OFF: Final = 30.0
"""Seconds by which a clock may be off."""

FAR_OFF: Final = 300.0

_LONGEST: Final = 64 * 1024  # octets of a header
_LIFE: Final = 600.0
_SHORTEST_NUMBER: Final = 7  # digits; fewer are a short code
_NETWORK: Final = "look at network, firewall and proxy: this machine must reach it directly, and [websms] url"
_REMEDIES: Final = {
    "dns": "look at [websms] url and at the name servers in /etc/resolv.conf",
    "certificate": "update the system's authorities (ca-certificates); an authority of your own: SSL_CERT_FILE",
    "tls": "look at [websms] url: something answers there that speaks no TLS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What the provider's server said of itself."""

    date: str
    until: float | None  # of its certificate; None without TLS


async def reach(case: Case) -> Sequence[Finding]:
    """One question that means nothing to the provider: is it there, and what time is it?"""
    url = case.configuration.settings.websms.url
    where = urlsplit(url).netloc
    try:
        heard = await _ask(url, case.trust)
    except ssl.SSLCertVerificationError as error:
        return [
            fail(
                "provider", f"the certificate of {where} is not valid: {error.verify_message}", _REMEDIES["certificate"]
            )
        ]
    except ssl.SSLError as error:
        return [fail("provider", f"no TLS with {where}: {error.reason or error}", _REMEDIES["tls"])]
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        return [fail("provider", f"{where} cannot be reached: {error}", _NETWORK)]
    now = case.clock()
    if heard.until is None:
        reached = ok("provider", f"{where} answers, without TLS")
    elif heard.until - now < SOON:
        reached = warn(
            "provider", f"the certificate of {where} ends on {day(heard.until)}", "nothing yet: it is theirs"
        )
    else:
        reached = ok("provider", f"{where} answers, its certificate is valid until {day(heard.until)}")
    return [reached, _clock(heard.date, now, where)]


async def login(case: Case) -> Sequence[Finding]:
    """A message that is checked and not sent."""
    from bridge.daemon import parts  # noqa: PLC0415  # the whole daemon is behind this: not for --help

    configuration = case.configuration
    number = case.number or own_number(configuration)
    if number is None:
        text = "it was not tried: there is no number of yours in the configuration to address a test to"
        return [warn("provider login", text, "smsbridge doctor --to NUMBER; nothing is sent to it")]
    settings = configuration.settings
    tested = replace(settings, websms=replace(settings.websms, test=True, max_in_flight=1))
    try:
        client = parts.provider(replace(configuration, settings=tested))
    except ValueError as error:
        return [fail("provider login", str(error), "look at [websms] in bridge.toml")]
    try:
        receipt = await client.send(_message(number, settings.websms.sender, case), case.clock())
    finally:
        await client.close()
    return [_judged(receipt, number, parts.explain(receipt.code, "en") or "")]


def own_number(configuration: Configuration) -> str | None:
    """A number of ours, E.164 digits."""
    settings = configuration.settings
    known = (settings.heartbeat.number, settings.websms.sender, *(row.line for row in configuration.routes))
    return next((one for one in known if one and one.isdigit() and len(one) >= _SHORTEST_NUMBER), None)


def _judged(receipt: Receipt, number: str, advice: str) -> Finding:
    told = f"{receipt.code} {receipt.text}".strip()
    if receipt.verdict is Verdict.ACCEPTED:
        return ok("provider login", f"a test message to +{number} was checked and found good (nothing was sent)")
    if receipt.verdict is Verdict.PERMANENT:
        text = f"the login works, but +{number} would get nothing: {told}"
        return warn("provider login", text, advice or "try another number: --to NUMBER")
    if receipt.verdict is Verdict.THROTTLED:
        return warn("provider login", f"the provider asks for patience: {told}", "look again later")
    if receipt.verdict is Verdict.UNKNOWN:
        return warn("provider login", f"its answer cannot be understood: {told}", advice or "look again later")
    remedy = _REMEDIES.get(receipt.code) or advice or _NETWORK
    return fail("provider login", f"a test message is refused: {told}", remedy)


def _clock(date: str, now: float, where: str) -> Finding:
    try:
        off = now - parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError):
        return warn("clock", f"{where} did not say what time it is", "compare this machine's clock yourself: date -u")
    remedy = "set it and keep it set: timedatectl set-ntp true"
    text = f"this machine's clock is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}"
    if abs(off) > FAR_OFF:
        return fail("clock", f"{text}: TLS, reports and lifetimes depend on it", remedy)
    return warn("clock", text, remedy) if abs(off) > OFF else ok("clock", f"as {where} has it")


def _message(number: str, sender: str | None, case: Case) -> Delivery:
    now = case.clock()
    mail = mail_ids(case.clock, secrets.token_bytes)()
    return Delivery(
        id=f"{mail}-1",
        mail=mail,
        channel=Channel.SMS,
        recipient=number,
        payload=encode_sms(Sms(text="smsbridge doctor: test", originator=sender, max_parts=1)),
        created_at=now,
        next_at=now,
        expires_at=now + _LIFE,
    )


async def _ask(url: str, trust: ssl.SSLContext | None) -> _Heard:
    parts = urlsplit(url)
    context = (trust or ssl.create_default_context()) if parts.scheme == "https" else None
    port = parts.port or (443 if context else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=_LONGEST)
    try:
        certificate = writer.get_extra_info("peercert") or {}
        writer.write(f"HEAD {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        header = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    finally:
        writer.close()
    fields = dict(line.split(":", 1) for line in header.splitlines() if ":" in line)
    date = next((value.strip() for name, value in fields.items() if name.lower() == "date"), "")
    until = ssl.cert_time_to_seconds(certificate["notAfter"]) if "notAfter" in certificate else None
    return _Heard(date=date, until=until)
