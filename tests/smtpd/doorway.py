"""The mail door with everything behind it that a test may want to see: its spool, its limits, and a clock to turn."""

import asyncio
import secrets
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bridge.config import Configuration, Endpoint
from bridge.daemon.front import front
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.log import get_logger
from bridge.message import Channel, Delivery, IncomingSms, decode_sms
from bridge.notices import Notices
from bridge.proof.logins import Logins
from bridge.proof.mail import MailAuthentication
from bridge.relay import take_in
from bridge.smtpd.contract import Limits as SessionLimits
from bridge.smtpd.contract import Terms
from bridge.smtpd.listener import Listener
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import ANNA, LINE, configuration
from tests.make import NOW, PHONE
from tests.smtpd.raw import Raw

SENDER = "bernd@example.org"  # proven by his network, and in Anna's `allow`


@dataclass
class Doorway:
    spool: SqliteSpool
    listener: Listener
    limits: Limits
    configuration: Configuration
    now: float = NOW
    woken: list[Channel] = field(default_factory=list)
    _count: int = 0

    async def say(self, *lines: str | bytes) -> list[str]:
        """A raw session: EHLO, then each line; the reply to each, without the EHLO's."""
        client = await Raw.greeted(self.listener.ports[0])
        try:
            return [await client.say(line) for line in lines]
        finally:
            await client.close()

    async def rcpt(self, recipient: str, sender: str = SENDER) -> str:
        """The reply to one RCPT."""
        return (await self.say(f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"))[-1]

    async def send(self, content: bytes, *recipients: str, sender: str = SENDER) -> str:
        """By smtplib, as an ordinary program would; the last reply."""

        def sending() -> str:
            with smtplib.SMTP("127.0.0.1", self.listener.ports[0], timeout=20) as client:
                client.ehlo("client.example.com")
                replies = [client.mail(sender, ["BODY=8BITMIME"])]
                for recipient in recipients or [ANNA.address or ""]:
                    replies.append(client.rcpt(recipient))
                    if replies[-1][0] != 250:
                        break
                else:
                    replies.append(client.data(content))
                code, words = replies[-1]
                return f"{code} {words.decode()}"

        return await asyncio.to_thread(sending)

    async def hear(self, phone: str = PHONE, text: str = "Ja") -> None:
        """An SMS comes in at the other door."""
        self._count += 1
        sms = IncomingSms(notification_id=f"N{self._count}", phone=phone, line=LINE, text=text)
        await take_in(
            sms,
            b"",
            spool=self.spool,
            configuration=self.configuration,
            mail_id=f"S{self._count}",
            door="webhook",
            now=self.now,
            heard=self.limits.exchanges.heard,
            log=get_logger("test"),
        )

    async def kept(self, channel: Channel = Channel.SMS) -> list[Delivery]:
        """What is not done yet."""
        return [item for item in await self.spool.listing(None, 99_999) if item.channel is channel]

    async def texts(self) -> list[str]:
        return [decode_sms(item.payload).text for item in await self.kept()]

    async def alerts(self) -> list[str]:
        """What the operator is to be told. They are kept beside the replies, so wait for them."""
        return [alert.text for alert in await self.spool.alerts(999)]

    def notices(self) -> Notices:
        """What tells people, to be called by hand."""
        return Notices(
            spool=self.spool,
            configuration=lambda: self.configuration,
            clock=lambda: self.now,
            new_id=mail_ids(lambda: self.now, secrets.token_bytes),
            wake=self.woken.append,
        )


@asynccontextmanager
async def open_door(
    place: Path,
    given: Configuration | None = None,
    *,
    session: SessionLimits | None = None,
    authentication: MailAuthentication | None = None,
) -> AsyncIterator[Doorway]:
    """The door, open on a free port. `session` are the protocol's limits."""
    spool = await open_spool(place / "s.db")
    holder: list[Doorway] = []
    limits, woken = Limits(), list[Channel]()
    door = front(
        spool=spool,
        configuration=lambda: holder[0].configuration,
        logins=Logins(users=lambda: holder[0].configuration.users, clock=lambda: holder[0].now),
        mail_authentication=lambda: authentication,
        limits=limits,
        clock=lambda: holder[0].now,
        new_id=mail_ids(lambda: holder[0].now, secrets.token_bytes),
        wake=woken.append,
        full=lambda: False,
    ).door
    listener = Listener(terms=Terms(policy=door, hostname="mx.example.com", limits=session or SessionLimits()))
    holder.append(Doorway(spool, listener, limits, given or configuration(), woken=woken))
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    try:
        yield holder[0]
    finally:
        await listener.drain(1.0)
        await spool.close()


def mail(body: str = "Bitte um Rückruf.", *headers: str) -> bytes:
    """An ordinary mail."""
    head = [*headers, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return ("\r\n".join([*head, "", body]) + "\r\n").encode()
