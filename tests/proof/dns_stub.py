"""A name server on loopback, UDP and TCP on one port, that answers from a table and fails on request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

Fault = Literal["servfail", "refused", "silent", "garbage", "truncate", "silent-tcp", "wrong-id"]
_UDP_MOST = 1232
_HOPS = 8


class Stub:
    """The table and what was asked of it. Names are lower case without the dot at their end."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str | bytes]] = {}
        self.faults: dict[str, Fault] = {}
        self.delays: dict[str, float] = {}  # seconds before an answer, by name
        self.asked: list[tuple[str, str, str]] = []  # name, type, "udp" or "tcp"
        self.port = 0

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, as `nameservers` wants it."""
        return "127.0.0.1", self.port

    def add(self, name: str, kind: str, *values: str | bytes) -> None:
        """Publish records; a TXT value is one record whatever its length, the others are in zone file notation."""
        self.records.setdefault((name.lower(), kind), []).extend(values)

    def fail(self, name: str, fault: Fault = "servfail") -> None:
        """From now on everything about this name fails."""
        self.faults[name.lower()] = fault

    def questions(self, name: str) -> int:
        """How often a name was asked for."""
        return sum(asked == name.lower() for asked, _, _ in self.asked)

    async def answer(self, wire: bytes, transport: str) -> bytes | None:
        """What goes back for a question; None is silence."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, transport))
        await asyncio.sleep(self.delays.get(name, 0))
        fault = self.faults.get(name)
        response = dns.message.make_response(query, recursion_available=True)
        match fault:
            case "silent":
                return None
            case "garbage":
                return wire[:2] + b"\xff" * 40
            case "servfail" | "refused":
                response.set_rcode(dns.rcode.from_text(fault))
                return response.to_wire()
            case "wrong-id":
                response.id ^= 1
        if fault == "silent-tcp":
            if transport == "tcp":
                return None
            fault = "truncate"
        if fault != "truncate" or transport == "tcp":
            self._fill(response, name, kind)
        try:
            made = response.to_wire(max_size=_UDP_MOST if transport == "udp" else 65535)
        except dns.exception.TooBig:
            fault, response = "truncate", dns.message.make_response(query)
            made = b""
        if fault == "truncate" and transport == "udp":
            response.flags |= dns.flags.TC
            made = response.to_wire()
        return made

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(_HOPS):
            values = self.records.get((name, kind))
            alias = self.records.get((name, "CNAME"))
            if values:
                response.answer.append(_rrset(name, kind, values))
            if values or not alias:
                break
            response.answer.append(_rrset(name, "CNAME", alias))
            name = str(alias[0]).rstrip(".").lower()
        if not response.answer and not any(known == name or known.endswith(f".{name}") for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)


def _rrset(name: str, kind: str, values: list[str | bytes]) -> dns.rrset.RRset:
    rrset = dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.from_text(kind))
    for value in values:
        rrset.add(_rdata(kind, value), 300)
    return rrset


def _rdata(kind: str, value: str | bytes) -> dns.rdata.Rdata:
    if kind != "TXT":
        return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), str(value))
    data = value if isinstance(value, bytes) else value.encode("latin-1")
    strings = [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]
    return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, stub: Stub, tasks: set["asyncio.Task[None]"]) -> None:
        self._stub = stub
        self._tasks = tasks
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.ensure_future(self._reply(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        made = await self._stub.answer(data, "udp")
        if made is not None and self._transport is not None:
            self._transport.sendto(made, addr)


async def _serve_tcp(stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            size = int.from_bytes(await reader.readexactly(2), "big")
            made = await stub.answer(await reader.readexactly(size), "tcp")
            if made is None:
                await reader.read()  # until the client gives up
            else:
                writer.write(len(made).to_bytes(2, "big") + made)
                await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def serving(stub: Stub | None = None) -> AsyncIterator[Stub]:
    """A stub that listens on a free port of loopback until the block ends."""
    stub = stub or Stub()
    tasks: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    while True:
        server = await asyncio.start_server(lambda reader, writer: _serve_tcp(stub, reader, writer), "127.0.0.1", 0)
        stub.port = server.sockets[0].getsockname()[1]
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(stub, tasks), local_addr=("127.0.0.1", stub.port)
            )
            break
        except OSError:  # somebody has that port over UDP
            server.close()
            await server.wait_closed()
    try:
        yield stub
    finally:
        transport.close()
        server.close()
        await server.wait_closed()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
