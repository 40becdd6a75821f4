"""A mail client that knows nothing: raw octets out, replies in; and a policy that writes down what it was asked."""

import asyncio
import contextlib
import copy
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from bridge.config.settings import Endpoint
from bridge.smtpd.contract import Limits, Peer, Policy, Reply, Terms
from bridge.smtpd.listener import MEMORY, Listener, Network
from tests.wait import PATIENCE

QUICK = Limits(error_delay=0.0, login_delay=0.0, linger=0.3)
SENDER, RECIPIENT = "anna@example.org", "+436600000001@sms.example.com"


@dataclass
class Taken:
    """One mail a `Recorder` was given."""

    peer: Peer
    sender: str
    recipients: list[tuple[str, dict[str, str]]]
    content: bytes
    params: dict[str, str]


@dataclass
class Recorder(Policy[tuple[str, dict[str, str]]]):
    """Takes everything, unless told otherwise."""

    users: dict[bytes, bytes] = field(default_factory=dict)
    refusal: Reply | None = None  # of the connection
    mail_reply: Reply | None = None
    mail_is_slow: bool = False
    refused: Mapping[str, Reply] = field(default_factory=dict)  # recipients
    broken: set[str] = field(default_factory=set)  # names of methods that raise
    taken: list[Taken] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    certified_users: set[str] = field(default_factory=set)
    login_reply: Reply | None = None
    broke_for: list[Peer] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # `data` was called
    gate: asyncio.Event | None = None  # `data` waits for it

    def connected(self, peer: Peer) -> Reply | None:
        self._break("connected")
        self.peers.append(peer)
        return self.refusal

    def broke(self, peer: Peer) -> None:
        self.broke_for.append(peer)

    def mail(self, peer: Peer, sender: str, params: Mapping[str, str]) -> "Reply | asyncio.Future[Reply | None] | None":
        self._break("mail")
        self.senders.append(sender)
        if not self.mail_is_slow:
            return self.mail_reply
        answer: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(answer.set_result, self.mail_reply)
        return answer

    def rcpt(
        self, peer: Peer, sender: str, recipient: str, params: Mapping[str, str]
    ) -> tuple[str, dict[str, str]] | Reply:
        self._break("rcpt")
        return self.refused.get(recipient) or (recipient, dict(params))

    async def data(
        self,
        peer: Peer,
        sender: str,
        recipients: Sequence[tuple[str, dict[str, str]]],
        content: bytes,
        params: Mapping[str, str],
    ) -> Reply:
        self._break("data")
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        self.taken.append(Taken(copy.copy(peer), sender, list(recipients), content, dict(params)))
        return Reply(250, "2.0.0", f"queued as {len(self.taken)}")

    def certified(self, peer: Peer) -> str | None:
        self._break("certified")
        return next((name for name in peer.certificate if name in self.certified_users), None)

    def exposed(self, peer: Peer, name: bytes) -> None:
        self._break("exposed")

    async def authenticate(self, peer: Peer, name: bytes, password: bytes) -> str | Reply | None:
        self._break("authenticate")
        self.logins.append((name, password))
        return self.login_reply or (name.decode() if self.users.get(name) == password else None)

    def _break(self, method: str) -> None:
        if method in self.broken:
            raise RuntimeError("secret detail")


class Raw:
    """One raw connection. `send` says octets, `reply` reads one reply, `say` does both with a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Self:
        name = "localhost" if context is not None else None
        return cls(*await asyncio.open_connection(host, port, ssl=context, server_hostname=name))

    @classmethod
    async def greeted(cls, port: int, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Self:
        """Connected, welcomed and introduced."""
        client = await cls.connect(port, context, host)
        assert (await client.reply()).startswith("220 ")
        assert (await client.say("EHLO client.example.com")).startswith("250")
        return client

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self) -> str:
        """The whole of the next reply, lines joined by LF; "" when the server has hung up."""
        lines = []
        while True:
            try:
                line = await asyncio.wait_for(self.reader.readline(), PATIENCE)
            except ConnectionError:
                line = b""
            lines.append(line.decode("ascii").removesuffix("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    async def say(self, line: str | bytes) -> str:
        await self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        assert (await self.say("STARTTLS")).startswith("220 ")
        await asyncio.wait_for(self.writer.start_tls(context, server_hostname="localhost"), PATIENCE)

    async def envelope(self, sender: str = SENDER, recipient: str = RECIPIENT) -> None:
        assert await self.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 OK"
        assert await self.say(f"RCPT TO:<{recipient}>") == "250 2.1.5 OK"

    async def mail(self, content: bytes) -> str:
        """A whole mail; `content` goes out as it is, the dot included. Gives the last reply."""
        await self.envelope()
        assert (await self.say("DATA")).startswith("354 ")
        await self.send(content)
        return await self.reply()

    async def rest(self) -> bytes:
        """Everything until the server hangs up."""
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(), PATIENCE)
        return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await asyncio.wait_for(self.writer.wait_closed(), PATIENCE)


class Rig:
    """A real listener on free ports, and its clients, all of which are closed in the end."""

    def __init__(
        self,
        policy: Recorder | None = None,
        *,
        limits: Limits = QUICK,
        modes: Sequence[str] = ("starttls",),
        endpoints: Sequence[Endpoint] = (),
        context: ssl.SSLContext | None = None,
        require_tls: bool = False,
        trusted: Sequence[Network] = (),
        per_address: int = 20,
        total: int = 200,
        memory: int = MEMORY,
        asking: Mapping[Path, ssl.SSLContext] | None = None,
    ) -> None:
        self.policy = policy or Recorder()
        self.endpoints = endpoints or [Endpoint(host="127.0.0.1", port=0, mode=mode) for mode in modes]
        self.clients: list[Raw] = []
        terms = Terms(
            policy=self.policy,
            hostname="mx.example.com",
            limits=limits,
            ssl_context=context,
            asking=asking or {},
            require_tls=require_tls,
            offers_auth=bool(self.policy.users),
        )
        self.listener = Listener(terms=terms, trusted=trusted, per_address=per_address, total=total, memory=memory)

    async def __aenter__(self) -> Self:
        await self.listener.open(self.endpoints)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.policy.gate is not None:
            self.policy.gate.set()
        await self.listener.drain(1.0)
        for client in self.clients:
            await client.close()
        assert not self.listener.sessions

    @property
    def port(self) -> int:
        return self.listener.ports[0]

    async def client(self, context: ssl.SSLContext | None = None, *, port: int | None = None) -> Raw:
        """A client that is only connected."""
        self.clients.append(await Raw.connect(port or self.port, context))
        return self.clients[-1]

    async def greeted(self, context: ssl.SSLContext | None = None, *, port: int | None = None) -> Raw:
        """A client that has said EHLO."""
        self.clients.append(await Raw.greeted(port or self.port, context))
        return self.clients[-1]


async def babble(send: Callable[[bytes], Awaitable[None]], octets: bytes = b"HELP\r\n" * 1000) -> None:
    """Talks until the server will hear no more: ends by ConnectionError only."""
    while True:
        await send(octets)
