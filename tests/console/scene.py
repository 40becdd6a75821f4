"""Everything that pages can show, in one spool: for the browser, and for whoever wants to see what it looks like."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from bridge.message import Channel, Delivery, Reports, Sms, State, encode_sms
from bridge.spool import Intake, Step
from bridge.spool.generation import HELD
from tests.console.conftest import ADDRESS, AUTHOR, PHONE, Desk
from tests.wait import until_async

HOSTILE = '"><script>document.title="broken"</script><img src=x onerror=alert(1)>'
"""What a text, a subject or an address may hold, and what must not do anything."""


def delivery(mail: str, **changes: Any) -> Delivery:
    now = time.time()
    values: dict[str, Any] = {
        "id": f"{mail}-1",
        "mail": mail,
        "channel": Channel.SMS,
        "recipient": PHONE,
        "payload": encode_sms(Sms(text="Lüfter 3 steht, Temperatur 71 °C", originator="436600000099")),
        "sender": AUTHOR,
        "author": AUTHOR,
        "route": ADDRESS,
        "reports": Reports.FAILURES,
        "created_at": now,
        "changed_at": now,
        "next_at": now + 3600,
        "expires_at": now + 86400,
    }
    return Delivery(**{**values, **changes})


async def put(desk: Desk, one: Delivery, **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": one.mail,
        "kind": "mail",
        "at": one.created_at,
        "sender": one.sender,
        "author": one.author,
        "proof": "network",
        "peer": "192.0.2.7",
        "message_id": f"<{one.mail}@example.org>",
        "deliveries": [one],
        "size": 1342,
    }
    await desk.spool.accept(Intake(**{**values, **changes}))


async def furnish(desk: Desk) -> dict[str, str]:
    """Mails, SMS, outcomes of every kind, and a route that is paused; ids by what they show."""
    now = time.time()
    ids = {"sent": await desk.mail("Rückruf", "Bitte um Rückruf wegen der Lieferung.\n-- \nAnna Muster\nBüro")}
    await until_async(lambda: state_is(desk, ids["sent"], State.DELIVERED), "the report")
    await desk.sms("Bin in 10 Minuten da. Grüße, Bernd")
    await until_async(lambda: talked(desk), "the answer")
    ids["hostile"] = await desk.mail(HOSTILE, HOSTILE)
    await desk.sms(HOSTILE, phone="436600000003")
    kinds: dict[str, dict[str, Any]] = {
        "unknown": {"state": State.UNKNOWN, "attempts": 1, "reason": "the answer was lost"},
        "held": {"state": State.HELD, "code": HELD, "reason": "the spool is an older copy: this may have been sent"},
        "queued": {"attempts": 3, "code": "http 503", "reason": "Service Unavailable", "urgent": True},
        "failed": {"recipient": "436600000008", "attempts": 1, "code": "4002", "reason": "INVALID_RECIPIENT"},
        "erased": {"state": State.DELIVERED, "payload": b"", "transfer_id": "0059d0b1e3f2a4", "attempts": 1},
    }
    for number, (name, changes) in enumerate(kinds.items()):
        ids[name] = f"scene{name}{number:04d}"
        await put(desk, delivery(ids[name], created_at=now - 600 * number - 300, **changes))
    end = Step(id=f"{ids['failed']}-1", to=State.FAILED, event="bounced", code="4002", text="INVALID_RECIPIENT")
    await desk.spool.move([replace(end, told="failed")], now)
    for number in range(40):  # an afternoon
        at = now - 1500 * number - 60 * (number * 7 % 11)
        await put(desk, delivery(f"scenepast{number:04d}", created_at=at, next_at=now + 7200))
    return ids


async def state_is(desk: Desk, mail: str, state: State) -> bool:
    found = await desk.spool.show(mail)
    return bool(found) and found[0][0].state is state


async def talked(desk: Desk) -> bool:
    return any(not bubble.outgoing for bubble in await desk.spool.talk(PHONE, time.time() + 60, 10))


async def pause(desk: Desk) -> None:
    """The provider refuses the account: nothing goes out any more."""
    desk.simulator.fault(http=401, times=1_000_000)
    await desk.mail("Alarm", "USV auf Batterie")
    agent = desk.daemon._agents[Channel.SMS]

    async def is_paused() -> bool:
        await asyncio.sleep(0)
        return bool(agent.paused)

    await until_async(is_paused, "a pause")
