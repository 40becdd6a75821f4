"""Questions to DNS that end: an asynchronous resolver with deadlines, a bounded cache and bounded answers.

There are three outcomes and they are never mixed up: records; none (the name or the type is not there); `Trouble`
(nobody could say). Whoever treats trouble as "none" lets a mail pass because a server was slow.

Everything asked here is chosen by strangers who run name servers of their own. dnspython takes answers of 64 KiB,
whose records cost a hundred times that in memory and would stay in its cache as long as they wish; hence the two
bounds of our own. What is asked goes to the operator's resolvers only, never to a server a mail names.
"""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.query
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

Address = IPv4Address | IPv6Address

LONGEST_ANSWER = 16 * 1024
"""Bytes of an answer over TCP that are read: the TXT records of large companies take six thousand."""

_CACHED = 1000  # answers
_CACHED_RECORDS = 64  # of one answer; a larger one is asked again
_CACHED_BYTES = 4096  # of text in it
_PAYLOAD = 1232  # bytes over UDP that no network fragments
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


class Trouble(Exception):
    """Nobody could say: a timeout, SERVFAIL, garbage. Another try later may tell."""


class Resolver:
    """Asks the nameservers in their order; an answer, its absence or its trouble is there within `patience` seconds."""

    def __init__(self, nameservers: Sequence[tuple[str, int]] = (), *, patience: float = 5.0) -> None:
        """`nameservers` are (address, port); none is those of the system. Raises ValueError for what is no address."""
        self._patience = patience
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [
            _Nameserver(str(ip_address(host)), port) for host, port in nameservers or _of_the_system()
        ]
        self._resolver.timeout = patience / 3  # of one try, so that a lost datagram is sent again
        self._resolver.cache = _Cache(_CACHED)
        self._resolver.use_edns(0, 0, _PAYLOAD)
        self._backend = dns.asyncbackend.get_backend("asyncio")

    async def texts(self, name: str) -> tuple[str, ...]:
        """TXT records, the strings of each joined, one character an octet. Raises Trouble."""
        records = await self._ask(name, "TXT")
        return tuple(b"".join(record.strings).decode("latin-1") for record in records if isinstance(record, TXT))

    async def addresses(self, name: str, version: Literal[4, 6]) -> tuple[Address, ...]:
        """Addresses of one family. Raises Trouble."""
        records = await self._ask(name, "A" if version == 4 else "AAAA")  # noqa: PLR2004 - IP versions
        return tuple(ip_address(record.address) for record in records if isinstance(record, A | AAAA))

    async def exchangers(self, name: str) -> tuple[str, ...]:
        """Names of the mail servers, the preferred ones first. Raises Trouble."""
        records = [record for record in await self._ask(name, "MX") if isinstance(record, MX)]
        records.sort(key=lambda record: (record.preference, record.exchange))
        return tuple(_text(record.exchange) for record in records)

    async def names(self, address: Address) -> tuple[str, ...]:
        """What the reverse zone calls an address; proves nothing. Raises Trouble."""
        records = await self._ask(address.reverse_pointer, "PTR")
        return tuple(_text(record.target) for record in records if isinstance(record, PTR))

    async def exists(self, name: str) -> bool:
        """False when DNS says that there is no such name. Raises Trouble."""
        return await self._answer(name, "TXT") is not None

    async def _ask(self, name: str, kind: str) -> tuple[object, ...]:
        answer = await self._answer(name, kind)
        return () if answer is None or answer.rrset is None else tuple(answer.rrset)

    async def _answer(self, name: str, kind: str) -> dns.resolver.Answer | None:
        """The answer, which may hold no record; None for NXDOMAIN and for what cannot be a name in DNS."""
        asked = _name(name)
        if asked is None:
            return None
        try:
            async with asyncio.timeout(self._patience + 1):  # what the library's own deadline forgets
                return await self._resolver.resolve(
                    asked,
                    kind,
                    raise_on_no_answer=False,
                    lifetime=self._patience,
                    search=False,
                    backend=self._backend,
                )
        except dns.resolver.NXDOMAIN:
            return None
        except Exception as error:  # a library reading strangers' bytes: whatever it raises is no answer
            late = isinstance(error, dns.exception.Timeout | TimeoutError)
            raise Trouble(f"{'no answer in time' if late else 'no good answer'} for {kind} of {name}") from error


class _Nameserver(dns.nameserver.Do53Nameserver):
    """A server whose answers over TCP are read up to a bound only."""

    async def async_query(
        self,
        request: dns.message.QueryMessage,
        timeout: float,  # noqa: ASYNC109 - the library's signature
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> dns.message.Message:
        """One question over UDP, or over TCP when `max_size`."""
        if not max_size:
            return await super().async_query(
                request, timeout, source, source_port, max_size, backend, one_rr_per_rrset, ignore_trailing
            )
        try:
            async with asyncio.timeout(timeout):
                wire = await self._over_tcp(request.to_wire())
        except TimeoutError as error:
            raise dns.exception.Timeout from error
        response = dns.message.from_wire(wire, one_rr_per_rrset=one_rr_per_rrset, ignore_trailing=ignore_trailing)
        if not request.is_response(response):
            raise dns.query.BadResponse
        return response

    async def _over_tcp(self, wire: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self.address, self.port)
        try:
            writer.write(len(wire).to_bytes(2, "big") + wire)
            size = int.from_bytes(await reader.readexactly(2), "big")
            if size > LONGEST_ANSWER:
                raise dns.exception.FormError
            return await reader.readexactly(size)
        finally:
            writer.close()


class _Cache(dns.resolver.LRUCache):
    """Keeps small answers only: their number alone bounds no memory."""

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        """Keep an answer, unless it is large."""
        response = value.response
        sets = [*response.answer, *response.authority, *response.additional]
        size = sum(len(text) for rrset in sets for record in rrset for text in getattr(record, "strings", ()))
        if sum(map(len, sets)) <= _CACHED_RECORDS and size <= _CACHED_BYTES:
            super().put(key, value)


def _of_the_system() -> list[tuple[str, int]]:
    """The system's resolvers; without a configuration the one on this machine, as resolv.conf(5) has it."""
    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return [("127.0.0.1", 53)]
    return [(server, system.port) for server in system.nameservers if isinstance(server, str)]


def _name(text: str) -> dns.name.Name | None:
    """The name whose labels are between the dots of `text`; nothing in it is an escape. None when it cannot be one."""
    labels = text.removesuffix(".").split(".")
    if len(text) > _LONGEST_NAME or not text.isascii() or not all(0 < len(part) <= _LONGEST_LABEL for part in labels):
        return None
    return dns.name.Name([*(label.encode("ascii") for label in labels), b""])


def _text(name: dns.name.Name) -> str:
    """A name as text; what holds a dot inside of a label comes back with a backslash and is found nowhere."""
    return name.to_text(omit_final_dot=True).lower()
