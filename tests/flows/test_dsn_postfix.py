"""Delivery status both ways through a real Postfix: what its client asked for comes back to its client's mailbox."""

import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.simulator import Simulator
from tests.flows import relays
from tests.flows.relay_files import Onward
from tests.flows.relays import Relay
from tests.flows.rig import ANNA, BERND, Bridge, letter, running
from tests.flows.secured import change
from tests.notices import rfc3464
from tests.transports.servers import Mailbox, good
from tests.wait import until

ARRIVES, REJECTED, GROUP = "+436600000001@sms.example.com", "+436600000008@sms.example.com", "team@sms.example.com"
ROUTES = f"""\
[[route]]
address = "{GROUP}"
number = ["+436600000001", "+436600000002"]
allow = ["*@example.org"]
success = "once"

[[route]]
address = "*@sms.example.com"
number = "{{local}}"
allow = ["*@example.org"]
receipts = "report"
"""


class Scene:
    """A client's Postfix, the bridge behind it, and the mailbox to which that Postfix brings what comes back."""

    def __init__(self, bridge: Bridge, simulator: Simulator, relay: Relay, sink: Mailbox) -> None:
        self.bridge = bridge
        self.simulator = simulator
        self.relay = relay
        self.sink = sink

    async def notices(self, count: int) -> list[rfc3464.Notification]:
        """Exactly so many, each from the null sender to the author."""
        await until(lambda: len(self.sink.mails) >= count or None, f"{count} notices")
        await self.relay.empty()
        await self.bridge.drained()
        await self.relay.empty()
        assert [(one.mail_from, one.rcpt_tos) for one in self.sink.mails] == [("<>", [ANNA])] * count
        return [rfc3464.read(_without_trace(one.content)) for one in self.sink.mails]


def _without_trace(octets: bytes | str | None) -> bytes:
    """As it left the bridge: mail servers write above it whence it came."""
    assert isinstance(octets, bytes)
    return octets[octets.index(b"From: smsbridge") :]


@asynccontextmanager
async def scene(place: Path) -> AsyncIterator[Scene]:
    async with (
        running(place, routes=ROUTES, smarthost=9, start=False) as (bridge, simulator),
        good(enable_SMTPUTF8=True) as (sink, port),
        relays.postfix(Onward(port=bridge.port("smtp")), sink=port) as relay,
    ):
        change(bridge, "port = 9\n", f"port = {relay.port}\n")
        bridge.start()
        await bridge.ready()
        try:
            yield Scene(bridge, simulator, relay, sink)
        except BaseException:
            print(relay.log[-20_000:], bridge.log[-5_000:], sep="\n")  # shown with a failure
            raise


def mail(text: str = "Hallo", **headers: str) -> bytes:
    return letter(text, **headers).as_bytes(policy=email.policy.SMTP)


async def test_row_122_a_failure_comes_back_with_all_that_was_given(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        sent = b"Content-Language: de\r\n" + mail(Message_ID="<m@example.org>")
        await here.relay.submit(
            sent,
            REJECTED,
            options=["RET=FULL", "ENVID=order+2B17"],
            recipient_options=[f"ORCPT=rfc822;{BERND}"],
        )
        (found,) = await here.notices(1)
        assert found.mail["reporting-mta"] == found.mail["dsn-gateway"] == "dns; bridge.example.com"
        assert found.mail["original-envelope-id"] == "order+17"
        (recipient,) = found.recipients
        assert recipient["original-recipient"] == f"rfc822; {BERND}"
        assert recipient["final-recipient"] == f"rfc822; {REJECTED}"
        assert (recipient["action"], recipient["status"]) == ("failed", "5.7.1")
        assert recipient["diagnostic-code"].startswith("x-websms; report rejected")
        assert found.head["in-reply-to"] == "<m@example.org>"
        assert found.returned is not None
        assert found.returned[0] == "message/rfc822"
        assert b"Hallo" in found.returned[1]
        assert "Nicht zugestellt" in found.head["subject"]


@pytest.mark.parametrize(
    ("recipient", "notify", "action"),
    [
        (ARRIVES, "SUCCESS", "delivered"),
        (GROUP, "SUCCESS,FAILURE", "expanded"),
        (REJECTED, "FAILURE", "failed"),
    ],
)
async def test_what_was_asked_for_is_told_once(tmp_path: Path, recipient: str, notify: str, action: str) -> None:
    async with scene(tmp_path) as here:
        await here.relay.submit(mail(), recipient, recipient_options=[f"NOTIFY={notify}"])
        (found,) = await here.notices(1)
        (only,) = found.recipients
        # Postfix gives an ORCPT of its own where its client gave none.
        assert only["original-recipient"] == only["final-recipient"] == f"rfc822; {recipient}"
        assert only["action"] == action


@pytest.mark.parametrize(("recipient", "notify"), [(REJECTED, "NEVER"), (ARRIVES, "FAILURE"), (REJECTED, "SUCCESS")])
async def test_row_121_what_was_not_asked_for_is_not_told(tmp_path: Path, recipient: str, notify: str) -> None:
    async with scene(tmp_path) as here:
        await here.relay.submit(mail(), recipient, recipient_options=[f"NOTIFY={notify}"])
        await here.relay.submit(mail("zweite"), REJECTED, recipient_options=["NOTIFY=FAILURE"])
        (found,) = await here.notices(1)
        assert {one["final-recipient"] for one in found.recipients} == {f"rfc822; {REJECTED}"}
        assert len(here.simulator.messages) == 2


async def test_a_mail_program_that_knows_only_a_header_field(tmp_path: Path) -> None:
    """As Thunderbird asks for a receipt; by a server that says nothing of DSN."""
    async with scene(tmp_path) as here:
        await here.bridge.post(letter("Hallo", Disposition_Notification_To=f"Anna <{ANNA}>"), ARRIVES)
        (found,) = await here.notices(1)
        assert found.recipients[0]["action"] == "delivered"
        assert "original-recipient" not in found.recipients[0]


async def test_postfix_reads_our_notice_as_one(tmp_path: Path) -> None:
    """A program behind it files by the envelope and by the content: both have come through unchanged."""
    async with scene(tmp_path) as here:
        await here.relay.submit(mail(), REJECTED)
        await here.notices(1)
        (envelope,) = here.sink.mails
        parsed: Any = email.message_from_bytes(_without_trace(envelope.content), policy=email.policy.default)
        assert parsed.get_content_type() == "multipart/report"
        assert [part.get_content_type() for part in parsed.iter_parts()] == [
            *("text/plain", "message/delivery-status"),
            "text/rfc822-headers",
        ]
        assert parsed["Auto-Submitted"] == "auto-replied"
