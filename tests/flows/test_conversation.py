"""People and phones talk with each other, through everything."""

import asyncio
import re
import shutil
import smtplib
import subprocess
from email.message import EmailMessage, Message
from pathlib import Path

import pytest

from bridge.simulator import Simulator
from tests.flows.letters import LONG, long_german_mail
from tests.flows.rig import ADDRESS, ANNA, BERND, LINE, PHONE, POSTMASTER, ROUTES, Bridge, letter, running, words
from tests.wait import until

GOLDEN = Path(__file__).parents[1] / "golden" / "mail" / "thunderbird-de-long-reply.eml"
ZOE, YAN = "436600000002", "436600000003"
GROUP = f"""
[[route]]
address = "all@sms.example.com"
number = ["{PHONE}", "{ZOE}", "{YAN}"]
allow = ["*@example.org"]

[[route]]
address = "*@sms.example.com"
number = "{{local}}"
allow = ["*@example.org"]
"""


def _with_smtplib(port: int, content: Path) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        assert (
            client.sendmail(ANNA, [ADDRESS], content.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) == {}
        )


def _with_swaks(port: int, content: Path) -> None:
    if shutil.which("swaks") is None:
        pytest.skip("swaks is not installed")
    arguments = ["--server", f"127.0.0.1:{port}", "--from", ANNA, "--to", ADDRESS, "--data", f"@{content}"]
    done = subprocess.run(["swaks", *arguments], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("send", [_with_smtplib, _with_swaks])
async def test_a_long_german_mail_becomes_one_message_with_its_own_words(tmp_path: Path, send: object) -> None:
    assert callable(send)
    file = tmp_path / "mail.eml"
    file.write_bytes(long_german_mail())
    async with running(tmp_path) as (bridge, simulator):
        await asyncio.to_thread(send, bridge.port("smtp"), file)
        await bridge.drained()
        (message,) = simulator.messages
        assert message.text == LONG
        assert message.parts == 3
        assert message.recipients == (PHONE,)
        assert message.sender == LINE


async def test_a_mail_of_a_real_program_becomes_one_message(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await asyncio.to_thread(_with_smtplib, bridge.port("smtp"), GOLDEN)
        await bridge.drained()
        (message,) = simulator.messages
        written = GOLDEN.with_suffix(".txt").read_text(encoding="utf-8").strip()
        # Typographic marks that would double the price of the whole message are spelt plainly.
        assert message.text == re.sub("[„“]", '"', written).replace("–", "-")


async def _answered(bridge: Bridge, simulator: Simulator, text: str, to: str, phone: str = PHONE) -> Message:
    """The phone writes; the mail that arrives."""
    before = len(bridge.mails_to(to))
    await simulator.incoming(phone=phone, line=LINE, text=text)
    mails = await until(lambda: found if len(found := bridge.mails_to(to)) > before else None, "the answer as mail")
    assert words(mails[-1]) == text
    return mails[-1]


def _answer(mail: Message, text: str) -> EmailMessage:
    """What a mail program makes of "answer"."""
    return letter(
        f"{text}\n\nAm 21.11.2026 um 10:00 schrieb Phone <{ADDRESS}>:\n> {words(mail)}\n",
        Subject=f"Re: {mail['Subject']}",
        In_Reply_To=str(mail["Message-ID"]),
        References=" ".join([*str(mail["References"]).split(), str(mail["Message-ID"])]),
    )


def _address(field: object) -> str:
    """The bare address of a header."""
    return str(field).rpartition("<")[2].rstrip(">")


async def test_a_conversation_stays_in_one_thread_and_goes_both_ways(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        first = letter("Bitte um Rückruf.", Subject="Lieferung")
        await bridge.post(first)
        await bridge.drained()

        one = await _answered(bridge, simulator, "Bin gleich da. Grüße 😀", ANNA)
        assert one["In-Reply-To"] == first["Message-ID"]
        assert str(one["References"]).split()[-1] == first["Message-ID"]
        assert one["X-SMS-Delivered-Because"] == "conversation"
        assert one["Auto-Submitted"] == "auto-generated"

        by_token = _answer(one, "Danke!")
        await bridge.post(by_token, _address(one["Reply-To"]))
        by_address = _answer(one, "Bis gleich.")
        await bridge.post(by_address, _address(one["From"]))
        await bridge.drained()
        assert [message.text for message in simulator.messages] == [
            "Lieferung\nBitte um Rückruf.",
            "Danke!",
            "Bis gleich.",
        ]
        assert {(message.recipients, message.sender) for message in simulator.messages} == {((PHONE,), LINE)}

        two = await _answered(bridge, simulator, "Stehe vor der Tür.", ANNA)
        assert two["In-Reply-To"] == by_address["Message-ID"]
        assert str(two["References"]).split()[0] == str(one["References"]).split()[0], "one root for the thread"
        assert two["Message-ID"] != one["Message-ID"]
        assert two["Subject"] == one["Subject"] == "SMS Phone (+43 660 0000001)"


async def test_a_token_is_good_for_its_owner_only(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        mail = await _answered(bridge, simulator, "Wer ist da?", ANNA)
        token = _address(mail["Reply-To"])
        assert token.startswith("r+")
        stolen = await bridge.reply(letter("ich nicht"), token, sender=BERND)
        assert stolen.startswith("550 5.1.1 ")
        forged = token[:10] + ("a" if token[10] != "a" else "b") + token[11:]
        assert (await bridge.reply(letter("ich"), forged)).startswith("550 5.1.1 ")
        await bridge.post(_answer(mail, "Anna"), token.upper().replace("@SMS.EXAMPLE.COM", "@sms.example.com"))
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["Anna"]


async def test_an_sms_belongs_to_whoever_wrote_last(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await _answered(bridge, simulator, "noch niemand", ANNA)  # the row's mailbox
        await bridge.post(letter("Hier Bernd."), sender=BERND)
        bernds = await _answered(bridge, simulator, "Hallo Bernd", BERND)
        await bridge.post(letter("Hier Anna."), sender=ANNA)
        annas = await _answered(bridge, simulator, "Hallo Anna", ANNA)
        assert str(bernds["References"]).split()[0] != str(annas["References"]).split()[0]
        automatic = letter("Sicherung fertig.", Auto_Submitted="auto-generated")
        await bridge.post(automatic, sender=BERND)
        await _answered(bridge, simulator, "Wer schreibt da?", ANNA)  # a machine does not take a conversation over


async def test_an_sms_from_a_strange_phone_reaches_the_postmaster(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        mail = await _answered(bridge, simulator, "Falsch verbunden?", POSTMASTER, phone="436600000077")
        assert mail["X-SMS-Delivered-Because"] == "postmaster"
        assert mail["Subject"] == "SMS +43 660 0000077"
        await bridge.post(_answer(mail, "Ja."), _address(mail["Reply-To"]), sender=POSTMASTER)
        await bridge.drained()
        (message,) = simulator.messages
        assert message.recipients == ("436600000077",)


async def test_row_63_a_group_and_a_number_named_twice(tmp_path: Path) -> None:
    async with running(tmp_path, routes=ROUTES + GROUP) as (bridge, simulator):
        spellings = ("all@sms.example.com", f"+{PHONE}@sms.example.com", "06600000004@sms.example.com", ADDRESS)
        identifier = await bridge.post(letter("Alle zum Sammelplatz"), *spellings)
        await bridge.drained()
        reached = sorted(message.recipient for message in simulator.messages)
        assert reached == [PHONE, ZOE, YAN, "436600000004"]
        assert {message.client_message_id for message in simulator.messages} == {
            f"{identifier}-{n}" for n in range(1, 5)
        }
        for phone in (ZOE, YAN):  # each of a group has a conversation of its own
            await _answered(bridge, simulator, "Komme.", ANNA, phone=phone)
