"""Rows 119 and 120 of the threats through whole bridges: loops of mails, of SMS, and of machines that answer."""

import asyncio
import secrets
from email.message import EmailMessage
from pathlib import Path

import pytest

from bridge.access import MOST_RECEIVED
from bridge.exchanges import MOST
from tests.flows.rig import ADDRESS, ANNA, LINE, PHONE, POSTMASTER, Bridge, letter, queue_id, running, words
from tests.wait import until, until_async

OTHER_DOMAIN = "sms.example.net"
OTHER_ADDRESS = f"line@{OTHER_DOMAIN}"
OTHER_LINE = "436600000098"

A_ROUTES = f"""\
[[route]]
number = "{OTHER_LINE}"
mailbox = "{OTHER_ADDRESS}"

[[route]]
line = "{LINE}"
mailbox = "{ANNA}"
"""
B_ROUTES = f"""\
[[route]]
address = "{OTHER_ADDRESS}"
number = "{LINE}"
allow = ["*@sms.example.com", "*@example.org"]
"""


def answer(bridge: Bridge, number: int) -> EmailMessage:
    """What the mailbox says to the last SMS, as programs do: with a reference and no word of being one."""
    heard = bridge.mails_to(ANNA)[-1]["Message-ID"]
    return letter(f"Ihre Anfrage {number} ist eingelangt.", In_Reply_To=str(heard))


async def test_row_120_an_answering_phone_and_an_answering_mailbox(tmp_path: Path) -> None:
    """Neither says that it is a machine. The bridge holds them apart, tells the operator, and lets go when told to."""
    async with running(tmp_path) as (bridge, simulator):
        await bridge.post(letter("Bitte um Rückruf."))
        for turn in range(1, MOST + 1):
            await until(lambda turn=turn: len(simulator.messages) == turn or None, f"SMS {turn}")  # type: ignore[misc] # bound now
            await simulator.incoming(phone=PHONE, line=LINE, text="Ich fahre gerade.")
            await until(lambda turn=turn: len(bridge.mails_to(ANNA)) == turn or None, f"mail {turn}")  # type: ignore[misc] # bound now
            reply_to = str(bridge.mails_to(ANNA)[-1]["Reply-To"]).rpartition("<")[2].rstrip(">")
            await bridge.post(answer(bridge, turn), reply_to if turn % 2 else ADDRESS)
        await until(lambda: len(simulator.messages) == MOST + 1 or None, "the tenth answer")
        await simulator.incoming(phone=PHONE, line=LINE, text="Ich fahre gerade.")
        await until(lambda: len(bridge.mails_to(ANNA)) == MOST + 1 or None, "the last mail")
        held = await bridge.post(answer(bridge, MOST + 1))

        (shown,) = await bridge.queue("--state", "held")
        assert shown["mail"] == held
        assert "quick exchanges" in shown["reason"]
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER), "the alert")
        assert shown["id"] in words(alert)
        assert len(simulator.messages) == MOST + 1

        code, _, complaint = await bridge.command("queue", "release", shown["id"])
        assert code == 0, complaint
        await bridge.drained()
        assert len(simulator.messages) == MOST + 2


class Pair:
    """Two bridges, each the other's smarthost; no provider is there."""

    def __init__(self, place: Path) -> None:
        (place / "a").mkdir()
        (place / "b").mkdir()
        self.a = Bridge(place / "a", routes=A_ROUTES, smarthost=1)
        self.b = Bridge(place / "b", routes=B_ROUTES, smarthost=1)
        self._join(self.a, self.b, postmaster=f"postmaster@{OTHER_DOMAIN}")
        self._join(self.b, self.a, postmaster="postmaster@sms.example.com")
        text = self.b.config.read_text(encoding="utf-8")
        text = text.replace('domains = ["sms.example.com"]', f'domains = ["{OTHER_DOMAIN}"]')
        self.b.config.write_text(text.replace(f'sender = "{LINE}"', f'sender = "{OTHER_LINE}"'), encoding="utf-8")

    @staticmethod
    def _join(bridge: Bridge, other: Bridge, *, postmaster: str) -> None:
        text = bridge.config.read_text(encoding="utf-8").replace("port = 1\n", f"port = {other.port('smtp')}\n")
        text = text.replace(f'postmaster = "{POSTMASTER}"', f'postmaster = "{postmaster}"')
        bridge.config.write_text(text, encoding="utf-8")

    async def __aenter__(self) -> "Pair":
        for bridge in (self.a, self.b):
            bridge.start()
        await asyncio.gather(self.a.ready(), self.b.ready())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.a.close()
        self.b.close()

    async def quiet(self) -> None:
        """Wait until nothing is under way at either, seen twice."""

        async def look() -> bool:
            for _ in range(2):
                for bridge in (self.a, self.b):
                    if (await bridge.readiness())["queued"]:
                        return False
            return True

        await until_async(look, "both queues are empty")


@pytest.mark.parametrize("message_id", ["<m1@example.org>", ""], ids=["known again", "counted"])
async def test_row_119_two_bridges_whose_operators_are_each_other(tmp_path: Path, message_id: str) -> None:
    """A mail to one postmaster goes to and fro until it is known again or was passed on too often, and nothing more."""
    async with Pair(tmp_path) as pair:
        mail = letter("Hallo, Betreiber", Message_ID=message_id)
        queue_id(await pair.a.reply(mail, "postmaster@sms.example.com"))
        sign = "repeated" if message_id else "going round in circles"
        await until(lambda: sign in pair.a.log + pair.b.log or None, "the end")
        await pair.quiet()
        hops = [line for line in (pair.a.log + pair.b.log).splitlines() if "queued" in line and "proof" in line]
        assert len(hops) == (3 if message_id else MOST_RECEIVED + 1)
        if not message_id:
            await until(lambda: "postmaster unreachable" in pair.a.log + pair.b.log or None, "the log that says so")
        await pair.quiet()
        assert pair.a.log.count("notice ") == pair.b.log.count("notice ") == 0


async def test_row_119_two_bridges_that_have_each_others_line_among_their_phones(tmp_path: Path) -> None:
    """The SMS of one would become the mail of the other, which would become an SMS to the first, and so on for ever."""
    async with Pair(tmp_path) as pair:
        body = (
            f'{{"messageType":"text","notificationId":"{secrets.token_hex(8)}","textMessageContent":"Hallo",'
            f'"senderAddress":"{OTHER_LINE}","recipientAddress":"{LINE}"}}'
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", pair.a.port("webhook"))
        writer.write(
            f"POST /websms/{pair.a.secret} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )
        assert b"2000" in await reader.read()
        writer.close()
        await until(lambda: "becomes no SMS again" in pair.a.log or None, "the refusal")
        assert await pair.b.queue() == []
        await pair.quiet()
