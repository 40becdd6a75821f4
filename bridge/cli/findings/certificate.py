"""The certificate of the mail door: until when, for which name, and whether others will believe it.

No library here reads certificates, so a handshake with ourselves does: a client that checks what any client would
check, against the door's own chain and key, in memory.
"""

import re
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.cli.findings import Case, Finding, fail, ok, warn

SOON: Final = 21 * 86400.0
"""Seconds: who renews by a program does it a month before the end."""

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_RENEW: Final = "renew it, then: systemctl reload smsbridge"
_MISMATCH: Final = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
_NOT_IN_TIME: Final = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, CERT_HAS_EXPIRED
_UTC_TIME, _SEQUENCE, _VERSION = 0x17, 0x30, 0xA0


async def look(case: Case) -> Sequence[Finding]:
    """`smtpd.tls_certificate`, where there is one."""
    settings = case.configuration.settings
    chain, key = settings.smtpd.tls_certificate, settings.smtpd.tls_key
    if chain is None or key is None:
        if settings.smtpd.users_file is not None:
            text = "there is none: nobody can log in with a password"
            return [warn("certificate", text, "name tls_certificate and tls_key in [smtpd]")]
        return [ok("certificate", "there is none, mail comes in without TLS")]
    return list(_findings(chain, key, settings.hostname, case))


def validity(der: bytes) -> tuple[float, float]:
    """From when until when a certificate is valid, in Unix seconds. Raises ValueError for what is none."""
    try:
        _, certificate, _ = _element(der)
        _, signed, _ = _element(certificate)
        tag, _, rest = _element(signed)
        if tag == _VERSION:
            _, _, rest = _element(rest)  # serial number
        for _ in range(2):  # algorithm, issuer
            _, _, rest = _element(rest)
        tag, span, _ = _element(rest)
        if tag != _SEQUENCE:
            raise ValueError("no validity")
        first, begin, rest = _element(span)
        last, end, _ = _element(rest)
        return _time(first, begin), _time(last, end)
    except IndexError as error:
        raise ValueError("this is no certificate") from error


def day(at: float) -> str:
    """A day for people, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _findings(chain: Path, key: Path, hostname: str, case: Case) -> Iterator[Finding]:
    found = _PEM.search(chain.read_text(encoding="ascii", errors="replace"))
    now = case.clock()
    begin, end = validity(ssl.PEM_cert_to_DER_cert(found[0])) if found else (0.0, 0.0)
    if now > end:
        yield fail("certificate", f"{chain} expired on {day(end)}", _RENEW)
    elif now < begin:
        yield fail("certificate", f"{chain} is only valid from {day(begin)}", "look at the clock of this machine")
    elif end - now < SOON:
        yield warn("certificate", f"{chain} expires on {day(end)}", _RENEW)
    else:
        yield ok("certificate", f"{chain} is valid until {day(end)}")
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    own.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # it vouches for itself: here only its name is of interest
    own.load_verify_locations(chain)
    problem = _refusal(chain, key, hostname, own)
    if problem is not None and problem.verify_code in _MISMATCH:
        text = f"it is not made out to {hostname}"
        yield fail("certificate", text, f"get one for {hostname}, or set hostname in bridge.toml to its name")
    trust = case.trust or ssl.create_default_context()
    problem = _refusal(chain, key, hostname, trust)
    if problem is not None and problem.verify_code not in (*_MISMATCH, *_NOT_IN_TIME):
        text = f"clients that check it refuse it: {problem.verify_message}"
        remedy = "put the certificates between it and a known authority behind it in tls_certificate (fullchain.pem)"
        yield warn("certificate", text, f"{remedy}; of an authority of your own the clients must know")


def _refusal(chain: Path, key: Path, hostname: str, client: ssl.SSLContext) -> ssl.SSLCertVerificationError | None:
    """Why a client refuses the door's certificate; None: it does not."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key, password="")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_hostname=hostname),
        server.wrap_bio(up, down, server_side=True),
    ]
    try:
        for _ in range(8):  # ways there and back; three are enough
            for end in ends:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
    except ssl.SSLCertVerificationError as error:
        return error
    return None


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag and contents of the first element, and what follows it."""
    tag, length, at = der[0], der[1], 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at : at + size], "big"), at + size
    return tag, der[at : at + length], der[at + length :]


def _time(tag: int, value: bytes) -> float:
    text = value.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 50 and more are of the last century (RFC 5280)
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
