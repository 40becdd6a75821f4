"""Load in both directions, by senders that keep books of what they were told.

A mail answered 250 is never sent again. One whose reply was lost is sent again just as it was, until it is answered:
that is what every mail server does, and what the bridge has to recognise. SMS come from the simulator, which repeats
each until it is answered 2000.
"""

import asyncio
from dataclasses import dataclass, field
from email.utils import formatdate

from bridge.simulator import Notification, Simulator
from tests.flows.rig import ADDRESS, ANNA, LINE, SILENT_ADDRESS, Bridge, queue_id
from tests.flows.smtp import Client

CALLER = "436600000010"
"""Sends SMS and is never written to: a phone that got a mail for each of its SMS would be held for a machine."""

ROUTE = f"""
[[route]]
address = "caller@sms.example.com"
number = "{CALLER}"
allow = ["*@example.org"]
mailbox = "{ANNA}"
"""

CONNECTIONS = 8
AGAIN_AFTER = 0.05
"""Seconds until a sender whose connection broke comes again."""

MOST_TRIES = 2000

LONG = 180.0
"""Seconds in which a long proof waits for what must come, also beside other work on a busy machine."""

AHEAD = 200
"""SMS that wait at the provider until it sends no new ones: what piles up while nobody can take it is not endless."""


@dataclass(slots=True, kw_only=True)
class Mail:
    """One mail, and what its sender knows of it."""

    number: int
    content: bytes
    to: str
    id: str = ""  # once it was answered 250
    tries: int = 0

    @property
    def reported(self) -> bool:
        """Whether its phone reports what it gets."""
        return self.to == ADDRESS


@dataclass(slots=True)
class Load:
    """Everything that was sent, in both directions."""

    bridge: Bridge
    simulator: Simulator
    pause: float  # seconds each connection waits between two mails
    addresses: tuple[str, ...] = (SILENT_ADDRESS, ADDRESS)  # in turn
    mails: list[Mail] = field(default_factory=list)
    texts: list[Notification] = field(default_factory=list)
    recognised: int = 0  # mails answered with the id of their first try
    refused: int = 0  # answers 4xx, tried again like lost ones
    _ending: bool = False
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def begin(self) -> None:
        """Start sending."""
        self._tasks = [asyncio.create_task(self._write()) for _ in range(CONNECTIONS)]
        self._tasks.append(asyncio.create_task(self._phone()))

    async def end(self) -> None:
        """Begin nothing new, and return when everything begun has been answered."""
        self._ending = True
        async with asyncio.timeout(LONG):
            await asyncio.gather(*self._tasks)
            await self.simulator.idle()

    async def post(self, mail: Mail, client: Client | None = None) -> Client | None:
        """Send until it is answered 250; the connection to use for the next one."""
        while not mail.id:
            client = await self._try(client, mail)
        return client

    async def _write(self) -> None:
        client: Client | None = None
        while not self._ending:
            client = await self.post(self._compose(), client)
            await asyncio.sleep(self.pause)
        if client is not None:
            await client.close()

    async def _try(self, client: Client | None, mail: Mail) -> Client | None:
        """One attempt; the connection to use for the next one, if it is still good."""
        mail.tries += 1
        assert mail.tries < MOST_TRIES
        try:
            client = client or await self._connect()
            reply = await client.send(ANNA, [mail.to], mail.content)
        except (OSError, EOFError):
            if client is not None:
                await client.close()
            await asyncio.sleep(AGAIN_AFTER)
            return None
        if reply.startswith("4"):
            self.refused += 1
            await asyncio.sleep(AGAIN_AFTER)
            return client
        mail.id = queue_id(reply)
        self.recognised += "already" in reply
        return client

    async def _connect(self) -> Client:
        return await Client.connect(self.bridge.port("smtp"))

    def _compose(self) -> Mail:
        number = len(self.mails)
        to = self.addresses[number % len(self.addresses)]
        lines = (
            f"From: {ANNA}",
            f"To: {to}",
            f"Message-ID: <{number}.{id(self):x}@example.org>",
            f"Date: {formatdate(localtime=True)}",
            "",
            text_of(number),
        )
        mail = Mail(number=number, content="\r\n".join(lines).encode(), to=to)
        self.mails.append(mail)
        return mail

    async def _phone(self) -> None:
        while not self._ending:
            if len(self.texts) >= AHEAD and self.texts[-AHEAD].state == "pending":
                await asyncio.sleep(AGAIN_AFTER)
                continue
            text = f"SMS {len(self.texts):07d}"
            self.texts.append(await self.simulator.incoming(phone=CALLER, line=LINE, text=text))
            await asyncio.sleep(self.pause)


def text_of(number: int) -> str:
    """What mail `number` says, and no other."""
    return f"Mail {number:07d} an das Telefon"
