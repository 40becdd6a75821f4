"""Both ends away for a while, under load: the doors stay open, and everything arrives once when they are back."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import LINE, PHONE, letter, queue_id, running
from tests.flows.smtp import Client
from tests.wait import until

RETRIES_TAKE = 120.0
"""Seconds in which all that had to wait is tried again: its delays are 5, 10, 20, 40 s; a pause probes within 60."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    away: float
    seconds: float = 0.0
    acked: int = 0
    delivered: int = 0
    incoming: int = 0
    mailed: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: list[str] = field(default_factory=list)


async def prove(place: Path, *, messages: int, away: float) -> Figures:
    """`messages` in each direction, all within `away` seconds without provider and smarthost."""
    began = time.monotonic()
    figures = Figures(away=away)
    office, port = Office(), Port()
    async with running(place, smarthost=port.number) as (bridge, simulator):
        await simulator.stop()
        client = await Client.connect(bridge.port("smtp"))
        for number in range(messages):
            queue_id(await client.send("anna@example.org", ["phone@sms.example.com"], bytes(letter(f"Nr. {number}"))))
            figures.acked += 1
            await asyncio.sleep(away / messages)
        await client.close()
        assert (await bridge.readiness())["ready"]
        _expect(figures, len(await bridge.queue()) == messages, "not everything that was acknowledged is listed")
        await simulator.start("127.0.0.1", bridge.port("provider"))
        for number in range(messages):
            await simulator.incoming(phone=PHONE, line=LINE, text=f"SMS {number}")
            figures.incoming += 1
            await asyncio.sleep(away / messages)
        await simulator.idle()
        async with office.open(port.number):
            await until(lambda: len(simulator.messages) >= messages, "all SMS went out", away + RETRIES_TAKE)
            await until(lambda: len(office.mails) >= messages, "all mails went out", away + RETRIES_TAKE)
            await simulator.idle()
            _expect(figures, await bridge.stop() == 0, "it did not stop cleanly")
        _expect(figures, await bridge.queue() == [], "something is left")
        sent = Counter(message.text for message in simulator.messages)
        mailed = Counter(str(mail["X-SMS-Notification-Id"]) for mail in office.mails)
    port.close()
    figures.delivered, figures.mailed = len(sent), len(mailed)
    figures.lost = 2 * messages - len(sent) - len(mailed)
    figures.doubled = sum(count > 1 for count in (*sent.values(), *mailed.values()))
    _expect(figures, figures.lost == 0, f"{figures.lost} were lost")
    _expect(figures, figures.doubled == 0, f"{figures.doubled} came twice")
    figures.seconds = time.monotonic() - began
    return figures


def _expect(figures: Figures, holds: bool, otherwise: str) -> None:
    if not holds:
        figures.wrong.append(otherwise)
