"""SPF (RFC 7208): whether the peer may use the domain of the envelope sender, as that domain's record says.

An own evaluator on our resolver. The one library there is, pyspf, was last released in 2020, asks DNS through a
blocking client with timeouts of its own, and would need a thread for as long as a slow name server likes. The record
is a stranger's program that makes us ask questions, so the limits are the heart of it: ten terms that ask, two of them
in vain, ten names of a mail server or an address, and one deadline over everything.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Literal, TypeVar

from bridge.proof import spf_record
from bridge.proof.dns import Address, Resolver, Trouble
from bridge.proof.spf_record import Malformed, Mechanism

T = TypeVar("T")

Result = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]

_ASKING: Final = 10
_IN_VAIN: Final = 2
_NAMES: Final = 10  # mail servers of one mx, names of one ptr
_LABELS: Final = re.compile(r"[^.\s\[\]@]{1,63}(?:\.[^.\s\[\]@]{1,63})+\Z", re.ASCII)
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Spf:
    """What SPF says of one identity."""

    result: Result
    domain: str  # the one that was checked, lower case: of the envelope sender, or HELO's where that is null
    why: str = ""  # for temperror and permerror: a few words, not all of them ours
    everybody: bool = False  # it passed because the record lets every address pass: true, and worth nothing


async def check(resolver: Resolver, *, peer: Address, helo: str, sender: str, seconds: float) -> Spf:
    """Check the MAIL FROM identity, or HELO where `sender` is "" (RFC 7208 section 2.4). Never raises."""
    peer = getattr(peer, "ipv4_mapped", None) or peer
    local, _, domain = (sender or f"postmaster@{helo}").rpartition("@")
    domain = domain.lower().removesuffix(".")
    if not domain.isascii() or len(domain) > _LONGEST_NAME or not _LABELS.match(domain):
        return Spf(result="none", domain=domain)
    evaluation = _Evaluation(resolver, peer=peer, helo=helo, local=local or "postmaster", domain=domain)
    try:
        async with asyncio.timeout(seconds):
            result = await evaluation.of(domain)
    except (Trouble, TimeoutError) as error:
        return Spf(result="temperror", domain=domain, why=str(error) or "it took too long")
    except Malformed as error:
        return Spf(result="permerror", domain=domain, why=str(error))
    return Spf(result=result, domain=domain, everybody=result == "pass" and evaluation.everybody)


class _Evaluation:
    """One check: the limits are counted over all records it reads."""

    def __init__(self, resolver: Resolver, *, peer: Address, helo: str, local: str, domain: str) -> None:
        self._resolver = resolver
        self._peer = peer
        self._version: Literal[4, 6] = peer.version
        self._asked = 0
        self._in_vain = 0
        self._values = {
            "s": f"{local}@{domain}",
            "l": local,
            "o": domain,
            "h": helo,
            "i": str(peer) if self._version == 4 else ".".join(peer.exploded.replace(":", "")),  # noqa: PLR2004 - IPv4
            "v": "in-addr" if self._version == 4 else "ip6",  # noqa: PLR2004 - IPv4
        }
        self.everybody = False

    async def of(self, domain: str) -> Result:
        """check_host() of the RFC. Raises Malformed for permerror, Trouble for temperror."""
        texts = [text for text in await self._resolver.texts(domain) if spf_record.is_record(text)]
        if not texts:
            return "none"
        if len(texts) > 1:
            raise Malformed(f"{domain} has more than one SPF record")
        record = spf_record.read(texts[0])
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                network = mechanism.network
                self.everybody |= mechanism.name == "all" or (network is not None and not network.prefixlen)
                return mechanism.result  # type: ignore[return-value] # one of the four of RESULTS
        if record.redirect is None or any(mechanism.name == "all" for mechanism in record.mechanisms):
            return "neutral"
        self._count()
        target = await self._target(record.redirect, domain)
        result = await self.of(target)
        if result == "none":
            raise Malformed(f"{domain} redirects to {target[:80]}, which has no SPF record")
        return result

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        network = mechanism.network
        if network is not None:
            return self._peer.version == network.version and self._peer in network
        if mechanism.name == "all":
            return True
        self._count()
        target = await self._target(mechanism.target, domain)
        match mechanism.name:
            case "include":
                return await self._included(target)
            case "a":
                found = self._needed(await self._resolver.addresses(target, self._version))
                return self._among(found, mechanism)
            case "mx":
                return await self._exchanges(target, mechanism)
            case "exists":
                return bool(self._needed(await self._resolver.addresses(target, 4)))
        return any(name == target or name.endswith(f".{target}") for name in await self._names())

    async def _included(self, target: str) -> bool:
        before = self.everybody
        result = await self.of(target)
        if result == "none":
            raise Malformed(f"{target[:80]} is included and has no SPF record")
        if result != "pass":
            self.everybody = before
        return result == "pass"

    async def _exchanges(self, target: str, mechanism: Mechanism) -> bool:
        names = self._needed(await self._resolver.exchangers(target))
        if len(names) > _NAMES:
            raise Malformed(f"{target[:80]} has more than {_NAMES} mail servers")
        for name in names:
            if self._among(await self._resolver.addresses(name, self._version), mechanism):
                return True
        return False

    async def _names(self) -> list[str]:
        """Names of the peer whose addresses hold the peer (section 5.5); trouble on the way is no match."""
        found: list[str] = []
        try:
            names = await self._resolver.names(self._peer)
        except Trouble:
            return found
        for name in names[:_NAMES]:
            try:
                if self._peer in await self._resolver.addresses(name, self._version):
                    found.append(name)
            except Trouble:
                continue
        return found

    def _among(self, found: tuple[Address, ...], mechanism: Mechanism) -> bool:
        prefix = mechanism.prefix4 if self._version == 4 else mechanism.prefix6  # noqa: PLR2004 - IPv4
        matched = any(self._peer in ip_network((address, prefix), strict=False) for address in found)
        self.everybody |= matched and not prefix and mechanism.result == "pass"
        return matched

    def _count(self) -> None:
        self._asked += 1
        if self._asked > _ASKING:
            raise Malformed(f"more than {_ASKING} terms of it ask DNS")

    def _needed(self, found: tuple[T, ...]) -> tuple[T, ...]:
        """Counts a question in vain. Those for the servers of one mx do not: a server without IPv6 is no mistake."""
        self._in_vain += not found
        if self._in_vain > _IN_VAIN:
            raise Malformed(f"more than {_IN_VAIN} terms of it ask DNS in vain")
        return found

    async def _target(self, text: str, domain: str) -> str:
        if not text:
            return domain
        values: Mapping[str, str] = {**self._values, "d": domain, "p": "unknown"}
        if spf_record.uses(text, "p"):
            values = {**values, "p": await self._best_name(domain)}
        return spf_record.written_out(text, values).lower()

    async def _best_name(self, domain: str) -> str:
        """The macro p: the domain itself, else a name below it, else any (section 7.3)."""
        names = await self._names()
        below = [name for name in names if name.endswith(f".{domain}")]
        return domain if domain in names else (below or names or ["unknown"])[0]
