"""Mail authentication: whether the domain of From is proven, by SPF or DKIM here or by a relay that looked.

A pass spends the operator's money, so every doubt is a refusal: of two readings of a header, of a record, of a silence
the one that proves nothing is taken, and what DNS could not say in time is asked again by the sender's next try.
Checking needs the libraries of the extra `mailauth`; believing a relay needs none.
"""

import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from bridge import normalize
from bridge.message import Clock
from bridge.proof import results
from bridge.proof.domains import of
from bridge.proof.results import Finding, without_foreign_results
from bridge.proof.verdict import Refusal, Verdict, author_of, proven, refused
from bridge.text import Refused

__all__ = ["MailAuthentication", "Refusal", "Verdict", "believed", "without_foreign_results"]


class MailAuthentication:
    """Proves mail from the Internet. One per daemon, used from one event loop; it has nothing to close."""

    def __init__(
        self,
        *,
        nameservers: Sequence[tuple[str, int]] = (),
        query_seconds: float = 5.0,
        total_seconds: float = 20.0,
        clock: Clock = time.time,
    ) -> None:
        """`nameservers` are (IP address, port), none is the system's; needs the extra, takes a tenth of a second.

        Raises ValueError for a nameserver that is no address, ImportError without the extra.
        """
        from bridge.proof.evidence import Evidence  # noqa: PLC0415 - its libraries are an extra

        self._evidence = Evidence(
            nameservers=nameservers, query_seconds=query_seconds, total_seconds=total_seconds, clock=clock
        )

    async def check(self, *, peer: IPv4Address | IPv6Address | None, helo: str, sender: str, content: bytes) -> Verdict:
        """What is proven of a mail. `sender` is the envelope's ("" is the null sender), `content` the whole mail, CRLF.

        An answer is there within 20 seconds. Refusals: 552 5.3.4 and 554 5.6.0 for a header nobody should read; 451
        4.7.24 (SPF) and 451 4.4.3 (DKIM key, DMARC record) where DNS could not say; for good 550 5.7.23 (SPF fail),
        5.7.24 (SPF record in error), 5.7.20 (no valid signature), 5.7.1 (proven, but not for From), 5.1.8 (no such
        domain).
        """
        try:
            author, _ = author_of(content)
        except Refused as refusal:
            return refused(refusal.code, refusal.status, refusal.sentence)
        return await self._evidence.weigh(
            author=author, peer=peer, helo=helo, sender=normalize.address(sender), content=content
        )


def believed(content: bytes, *, authserv_id: str, sender: str) -> Verdict:
    """What a relay found out: the topmost Authentication-Results, if it is named `authserv_id`; nothing else counts.

    Its word on DMARC suffices; of SPF and DKIM, which come without the owner's policy, only the very domain of From.
    """
    try:
        author, head = author_of(content)
    except Refused as refusal:
        return refused(refusal.code, refusal.status, refusal.sentence)
    top = head.get("authentication-results", ("",))[0]
    found = results.read(top)
    if found is None or found.server != authserv_id.lower():
        return refused(
            550,
            "5.7.1",
            f"the relay put no Authentication-Results of {authserv_id} on top, so nothing proves the sender",
        )
    domain, envelope = of(author), of(normalize.address(sender))
    passes = [(finding.method, _subject(finding, envelope)) for finding in found.findings if finding.result == "pass"]
    for method, proved in passes:
        if proved == domain:
            known = envelope == domain or ("spf", envelope) in passes
            return proven(author, f"relay:{method}:{proved}", envelope=bool(envelope) and known)
    return _unbelieved(found.findings, domain)


def _subject(finding: Finding, envelope: str) -> str:
    """The domain a finding is about; "" when it is none of ours to weigh."""
    given = finding.properties
    match finding.method:
        case "dmarc":
            found = given.get("header.from", "")
        case "dkim":
            found = given.get("header.d") or given.get("header.i", "")
        case "spf":
            found = given.get("smtp.mailfrom" if envelope else "smtp.helo", "")
            if envelope and of(found) != envelope:  # the relay looked at another envelope than it gave us
                return ""
        case _:
            return ""
    return of(found)


def _unbelieved(findings: Sequence[Finding], domain: str) -> Verdict:
    said = {(finding.method, finding.result) for finding in findings}
    if said & {("dkim", "temperror"), ("dmarc", "temperror")}:
        return refused(451, "4.4.3", f"the relay could not ask DNS about {domain}, try again later")
    if ("spf", "temperror") in said:
        return refused(451, "4.7.24", f"the relay could not check SPF of {domain}, try again later")
    if ("spf", "fail") in said:
        return refused(550, "5.7.23", f"SPF forbids this mail of {domain}: sign with DKIM as d={domain}")
    if ("dkim", "pass") in said or ("spf", "pass") in said:
        return refused(
            550, "5.7.1", f"what the relay found proven does not speak for From: sign with DKIM as d={domain}"
        )
    return refused(
        550, "5.7.20", f"the relay found no DKIM signature that proves {domain}: sign with DKIM as d={domain}"
    )
