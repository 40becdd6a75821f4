"""A bridge whose mail door is several processes, and clients that choose which of them they speak with.

All of them accept on the same sockets, so a client chooses by what the others do meanwhile: they are stopped.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from ssl import SSLContext
from typing import Any

import aiohttp
import apsw
from prometheus_client.parser import text_string_to_metric_families as families

from bridge.simulator import Simulator
from tests.daemon.hands import ended
from tests.flows.program import PROGRAM, Port
from tests.flows.rig import ADDRESS, ANNA, ROUTES, Bridge, letter, running
from tests.flows.secured import HOSTNAME, MailDoor, Papers, User
from tests.smtpd.raw import Raw
from tests.wait import until, until_async

DAEMON, WORKER = 0, 1
BOTH = (DAEMON, WORKER)
LOOPBACK = "127.0.0.0/8"

# What changes by itself is told sooner, and a wrong login is answered at once; all else is as it is outside of tests.
_QUICK = (
    "from functools import partial; from bridge.daemon import daemon, mail_door, worker; "
    "daemon._COUNT_EVERY, worker._COUNTED_EVERY = 0.1, 0.1; "
    "mail_door.Limits = partial(mail_door.Limits, login_delay=0.0, error_delay=0.0); "
)


@dataclass
class Several:
    """It, its provider, and who speaks with it."""

    bridge: Bridge
    simulator: Simulator
    ports: dict[str, int]
    clients: list[Raw] = field(default_factory=list)

    @property
    def processes(self) -> list[int]:
        """Their ids: the daemon's, and the workers'."""
        pid = self.bridge.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())]

    async def connect(
        self, at: int, port: str = "", *, tls: SSLContext | None = None, source: str = "127.0.0.1", first: bytes = b""
    ) -> tuple[Raw, str]:
        """A client at this process, which says `first`; and how it is greeted."""
        processes = self.processes
        with stopped([pid for number, pid in enumerate(processes) if number != at]):
            opened = asyncio.open_connection(
                "127.0.0.1",
                self.ports[port],
                ssl=tls,
                server_hostname=HOSTNAME if tls is not None else None,
                local_addr=(source, 0),
            )
            client = Raw(*await asyncio.wait_for(opened, 20))
            self.clients.append(client)
            if first:
                await client.send(first)
            return client, await client.reply()

    async def client(self, at: int, port: str = "", **how: Any) -> Raw:
        """A client at this process that was greeted and has said EHLO."""
        client, greeting = await self.connect(at, port, **how)
        assert greeting.startswith("220 "), greeting
        assert (await client.say("EHLO client.example.org")).startswith("250")
        return client

    async def send(self, at: int, text: str, *recipients: str, sender: str = ANNA, **headers: str) -> str:
        """One mail over a connection of its own; the last reply."""
        client = await self.client(at)
        try:
            return await post(client, bytes(letter(text, **headers)), *recipients, sender=sender)
        finally:
            await client.close()

    async def mail(self, to: str, number: int) -> Message:
        """The mail for this mailbox that came as the one with this number, from 0."""
        return (await until(lambda: self.bridge.mails_to(to)[number:], f"mail {number} for {to}"))[0]

    async def says(self, at: int, reply: str) -> None:
        """Wait until this process answers a MAIL like this."""

        async def look() -> bool:
            client = await self.client(at)
            try:
                return (await client.say(f"MAIL FROM:<{ANNA}>")).startswith(reply)
            finally:
                await client.close()

        await until_async(look, f"it says {reply}")

    async def metrics(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """What /metrics shows, by name and labels."""
        url = f"http://127.0.0.1:{self.bridge.port('console')}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            shown = await answer.text()
        return {
            (sample.name, tuple(sample.labels.values())): sample.value
            for family in families(shown)
            for sample in family.samples
        }

    def spooled(self) -> set[str]:
        """Ids of all mails that were ever taken."""
        return {mail for mail, _ in self._rows()}

    async def settled(self, mail: str, state: str) -> None:
        """Wait until all deliveries of a mail are in this state."""
        await until(lambda: {now for each, now in self._rows() if each == mail} == {state}, f"{mail} is {state}")

    def _rows(self) -> list[tuple[str, str]]:
        """Mail and state of all deliveries, from the tables themselves."""
        db = apsw.Connection(str(self.bridge.place / "smsbridge.db"), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return [(str(mail), str(state)) for mail, state in db.execute("SELECT mail, state FROM deliveries")]
        finally:
            db.close()

    def left(self) -> list[int]:
        """Processes of this bridge, whoever started them."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if os.fsencode(self.bridge.config) in words and not ended(int(place.name)):
                found.append(int(place.name))
        return found


@contextmanager
def stopped(processes: Sequence[int]) -> Iterator[None]:
    """As long as this lasts they do nothing."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        for pid in processes:
            while _state(pid) != "T":
                os.sched_yield()
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


async def post(client: Raw, content: bytes, *recipients: str, sender: str = ANNA, notify: str = "") -> str:
    """A mail; the reply to its text, or to what came before it and was refused."""
    wishes = f" NOTIFY={notify}" if notify else ""
    for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{to}>{wishes}" for to in recipients or [ADDRESS]), "DATA"):
        reply = await client.say(line)
        if reply[:1] not in {"2", "3"}:
            if reply[:3] != "421" and reply:
                await client.say("RSET")
            return reply
    stuffed = content.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..").rstrip(b"\n").replace(b"\n", b"\r\n")
    await client.send(stuffed + b"\r\n.\r\n")
    return await client.reply()


@asynccontextmanager
async def several(
    place: Path,
    *,
    listeners: dict[str, dict[str, object]] | None = None,
    networks: Sequence[str] = (LOOPBACK,),
    users: Sequence[User] = (),
    papers: Papers | None = None,
    smtpd: dict[str, object] | None = None,
    more: str = "",
    program: str = "",
    routes: str = ROUTES,
    start: bool = True,
    simulated: dict[str, Any] | None = None,
    **limits: str,
) -> AsyncIterator[Several]:
    """Two processes. `listeners`: further ones by name, with their keys; `more` stands at the end of bridge.toml."""
    others = {name: Port() for name in listeners or {}}
    async with running(place, start=False, routes=routes, simulated=simulated, processes=2) as (bridge, simulator):
        MailDoor(papers=papers, users=tuple(users), networks=tuple(networks), settings=dict(smtpd or {})).of(bridge)
        text = bridge.config.read_text(encoding="utf-8")
        tables = [
            ", ".join(
                f"{key} = {json.dumps(value)}"
                for key, value in ({"address": f"127.0.0.1:{port.number}"} | keys).items()
            )
            for (_, keys), port in zip((listeners or {}).items(), others.values(), strict=True)
        ]
        text = text.replace(" }]\n", "".join([" }", *(f", {{ {table} }}" for table in tables), "]\n"]), 1)
        for name, limit in limits.items():
            assert text.count(f'\n{name} = "0"') == 1
            text = text.replace(f'\n{name} = "0"', f'\n{name} = "{limit}"')
        bridge.config.write_text(text + more, encoding="utf-8")
        bridge.program = PROGRAM.replace("from bridge.cli", f"{_QUICK}{program}from bridge.cli")
        ports = {"": bridge.port("smtp")} | {name: port.number for name, port in others.items()}
        made = Several(bridge, simulator, ports)
        try:
            if start:
                bridge.start()
                await bridge.ready()
                assert len(made.processes) == 2
            yield made
        except BaseException:
            print(bridge.log[-10_000:])  # shown with a failure
            raise
        finally:
            for client in made.clients:
                client.writer.close()
            bridge.close()
            await until(lambda: not made.left(), "no process is left")
            for port in others.values():
                port.close()
