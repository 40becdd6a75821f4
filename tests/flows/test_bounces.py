"""A relayed SMS that a real Postfix cannot deliver: its bounce comes back to the bridge and ends it, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.simulator import Simulator
from tests.flows import relays, smtp
from tests.flows.relay_files import Onward
from tests.flows.relays import Relay
from tests.flows.rig import ANNA, LINE, PHONE, POSTMASTER, Bridge, letter, running
from tests.flows.secured import change
from tests.flows.test_relays import Wire
from tests.transports.servers import Mailbox, good
from tests.wait import until, until_async

REFUSED = "550 5.1.1 Recipient address rejected: no such user"
SMS = "sms-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The bridge with a Postfix as its smarthost; Anna's mail server behind that, and everybody else's."""

    bridge: Bridge
    simulator: Simulator
    relay: Relay
    annas: Mailbox
    others: Mailbox

    async def story(self, state: str = "", event: str = "") -> dict[str, Any]:
        """What `trace` knows of the SMS that came in, once its mail is in that state and that has happened to it."""

        async def look() -> dict[str, Any] | None:
            code, said, _ = await self.bridge.command("trace", SMS, "--json")
            (found,) = json.loads(said) if code == 0 else [None]
            if found is None or state not in {"", found["deliveries"][0]["state"]}:
                return None
            events = {entry["event"] for entry in found["timeline"]}
            return dict(found) if not event or event in events else None

        return await until_async(look, f"the mail is {state} {event}")

    @property
    def alarms(self) -> list[bytes]:
        """What the postmaster got."""
        told = [mail.content for mail in self.others.mails if mail.rcpt_tos == [POSTMASTER]]
        return [content for content in told if isinstance(content, bytes)]


@asynccontextmanager
async def scene(
    place: Path, *, wired: bool = False, options: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Scene, Wire]]:
    """All of it. With `wired` what comes back goes over a `Wire`, `options` are Postfix's."""
    async with (
        running(place, start=False, smarthost=1) as (bridge, simulator),
        good() as (annas, hers),
        good() as (others, theirs),
    ):
        wire = Wire(bridge, after=b" noted")
        async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as between:
            back = between.sockets[0].getsockname()[1] if wired else bridge.port("smtp")
            ways = f"{{ sms.example.com = onward:[127.0.0.1]:{back} }}, {{ example.org = smtp:[127.0.0.1]:{hers} }}"
            onward = Onward(port=back, options=(f"transport_maps = inline:{{ {ways} }}", *options))
            async with relays.postfix(onward, sink=theirs) as relay:
                change(bridge, "\nport = 1\n", f"\nport = {relay.port}\n")
                try:
                    bridge.start()
                    await bridge.ready()
                    yield Scene(bridge=bridge, simulator=simulator, relay=relay, annas=annas, others=others), wire
                except BaseException:
                    print(relay.log[-10_000:], bridge.log[-5_000:], sep="\n")  # shown with a failure
                    raise


async def write(here: Scene) -> None:
    """A phone writes to Anna."""
    await here.simulator.incoming(phone=PHONE, line=LINE, text="Bin da", notification_id=SMS)


async def test_a_bounce_ends_the_delivery_and_the_postmaster_is_told(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, _):
        here.annas.to_rcpt = REFUSED
        await write(here)
        found = await here.story("failed", "told failed")
        assert (found["kind"], found["line"], found["why"]) == ("sms", LINE, "phone")
        (delivery,) = found["deliveries"]
        assert (delivery["status"], delivery["code"]) == ("5.1.1", "bounce")
        assert f"{ANNA}: smtp; {REFUSED}" in delivery["reason"]
        events = [entry["event"] for entry in found["timeline"] if entry["id"] == delivery["id"]]
        assert events[:2] == ["queued", "sending"]
        # Postfix may be faster than our own note of its answer.
        assert set(events[2:]) in ({"sent", "bounced", "told failed"}, {"bounced", "answered", "told failed"})
        (alarm,) = await until(lambda: here.alarms or None, "a mail to the postmaster")
        assert b"5.1.1" in alarm
        await here.relay.empty()
        assert here.simulator.messages == [], "it never becomes an SMS"
        assert len(here.others.mails) == 1
        (notice,) = found["notices"]
        assert notice["recipient"] == POSTMASTER


async def test_a_delay_is_only_noted_and_the_mail_arrives(tmp_path: Path) -> None:
    async with scene(tmp_path, options=("delay_warning_time = 1s", "confirm_delay_cleared = no")) as (here, _):
        here.annas.to_rcpt = "450 4.2.0 greylisted"
        await write(here)
        found = await here.story("sent", "remote delayed")
        (said,) = [entry for entry in found["timeline"] if entry["event"] == "remote delayed"]
        assert (said["code"], "450 4.2.0 greylisted" in said["text"]) == ("4.2.0", True)
        here.annas.to_rcpt = ""
        await until(lambda: here.annas.mails or None, "it arrives")
        await here.relay.empty()
        assert (await here.story())["deliveries"][0]["state"] == "sent"
        assert here.others.mails == []


async def test_killed_between_the_commit_and_its_250_it_is_settled_once(tmp_path: Path) -> None:
    async with scene(tmp_path, wired=True) as (here, wire):
        here.annas.to_rcpt = REFUSED
        await write(here)
        await until(lambda: wire.cut, "the bridge is killed")
        assert here.relay.waiting(), "to Postfix the bounce is not delivered"
        here.bridge.start()
        await here.bridge.ready()
        await here.relay.empty()
        found = await here.story("failed", "told failed")
        assert [entry["event"] for entry in found["timeline"]].count("bounced") == 1
        await until(lambda: here.alarms or None, "a mail to the postmaster")
        await here.bridge.drained()
        await here.relay.empty()
        assert len(here.alarms) == 1
        assert "remote failed" not in {entry["event"] for entry in (await here.story())["timeline"]}


@pytest.mark.parametrize("local", ["bounce+01abc-1", "bounce+01abc-1.aaaaaaaaaaaaaaaaaaaaaaaa"])
async def test_row_121_what_names_no_mail_of_ours_is_refused(tmp_path: Path, local: str) -> None:
    async with running(tmp_path) as (bridge, simulator):
        reply = await smtp.post(bridge.port("smtp"), "", [f"{local}@sms.example.com"], bytes(letter("Undeliverable")))
        assert reply.startswith("550 5.1.1 ")
        assert simulator.messages == []
        assert bridge.mails == []
