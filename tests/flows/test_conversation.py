"""People and phones talk with each other, through everything."""

import asyncio
import random
import re
import shutil
import smtplib
import subprocess
from email.message import EmailMessage, Message
from pathlib import Path

import pytest

from bridge.simulator import Simulator
from tests.flows.letters import LONG, long_german_mail
from tests.flows.programs import address, answer
from tests.flows.rig import ADDRESS, ANNA, BERND, LINE, PHONE, POSTMASTER, ROUTES, Bridge, letter, running, words
from tests.flows.test_time import DAY, turning
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
    """What a mail program makes of "answer", with the mail it answers below."""
    return answer(mail, f"{text}\n\nAm 21.11.2026 um 10:00 schrieb Phone <{ADDRESS}>:\n> {words(mail)}")


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
        await bridge.post(by_token, address(one["Reply-To"]))
        by_address = _answer(one, "Bis gleich.")
        await bridge.post(by_address, address(one["From"]))
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
        assert two["Subject"] == one["Subject"] == "Re: Lieferung", "or Gmail and Outlook would show it apart"


async def test_a_token_is_good_for_its_owner_only(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        mail = await _answered(bridge, simulator, "Wer ist da?", ANNA)
        token = address(mail["Reply-To"])
        assert token.startswith("r+")
        stolen = await bridge.reply(letter("ich nicht"), token, sender=BERND)
        assert stolen.startswith("550 5.1.1 ")
        assert "write to the phone's own address" in stolen
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
        await bridge.post(_answer(mail, "Ja."), address(mail["Reply-To"]), sender=POSTMASTER)
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


async def test_the_tenth_answer_arrives_and_each_keeps_the_conversation_open(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        await bridge.post(letter("Hier Bernd.", Subject="Pumpe 3"), sender=BERND)
        await bridge.drained()
        for number in range(10):
            clock.turn(6 * DAY)
            mail = await _answered(bridge, simulator, f"Antwort {number}", BERND)
            assert mail["Subject"] == "Re: Pumpe 3"
            assert mail["X-SMS-Delivered-Because"] == "conversation"
        clock.turn(7 * DAY + 1)
        late = await _answered(bridge, simulator, "noch da?", ANNA)
        assert late["X-SMS-Delivered-Because"] == "phone"
        assert late["Subject"] == "SMS Phone (+43 660 0000001)"


async def test_a_token_lets_its_mailbox_answer_for_ninety_days(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        token = address((await _answered(bridge, simulator, "Wer ist da?", ANNA))["Reply-To"])
        clock.turn(89 * DAY)
        await bridge.post(letter("Anna"), token)
        await bridge.drained()
        clock.turn(2 * DAY)
        late = await bridge.reply(letter("immer noch Anna"), token)
        assert late.startswith("550 5.1.1 this answer address has expired")
        assert [message.text for message in simulator.messages] == ["Anna"]


async def test_several_mailboxes_talk_with_one_phone_and_each_can_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        annas = address((await _answered(bridge, simulator, "eins", ANNA))["Reply-To"])
        await bridge.post(letter("Hier Bernd."), sender=BERND)
        bernds = address((await _answered(bridge, simulator, "zwei", BERND))["Reply-To"])
        for sender, other, own, foreign in ((ANNA, BERND, annas, bernds), (BERND, ANNA, bernds, annas)):
            assert (await bridge.reply(letter("fremd"), foreign, sender=sender)).startswith("550 5.1.1 ")
            await bridge.post(letter(f"von {sender}"), own, sender=sender)
            before = len(bridge.mails_to(other))
            await _answered(bridge, simulator, f"an {sender}", sender)
            assert len(bridge.mails_to(other)) == before, "nobody reads what was said to somebody else"
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["Hier Bernd.", f"von {ANNA}", f"von {BERND}"]


async def test_a_mail_handed_on_is_answered_by_whoever_may_write_to_the_phone(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        got = await _answered(bridge, simulator, "Brauche Hilfe", ANNA)
        # Anna hands it on; Bernd's program offers him the addresses of the mail inside.
        refused = await bridge.reply(answer(got, "Komme", author=BERND), address(got["Reply-To"]), sender=BERND)
        assert refused.startswith("550 5.1.1 ")
        assert refused.endswith("write to the phone's own address")
        assert address(got["From"]) == ADDRESS
        taken = answer(got, "Komme", prefix="WG: ", author=BERND)
        await bridge.post(taken, address(got["From"]), sender=BERND)
        his = await _answered(bridge, simulator, "Danke", BERND)
        assert his["In-Reply-To"] == taken["Message-ID"]
        assert his["Subject"] == got["Subject"]
        stranger = await bridge.reply(letter("Kauft!"), ADDRESS, sender="x@example.net")
        assert stranger.startswith("550 5.7.1 ")


async def test_each_line_of_ours_has_conversations_of_its_own(tmp_path: Path) -> None:
    second = "436600000098"
    row = f"""{ROUTES}
[[route]]
address = "lager@sms.example.com"
number = "{PHONE}"
allow = ["*@example.org"]
line = "{second}"
mailbox = "{POSTMASTER}"

[[route]]
address = "alarm@sms.example.com"
number = "{PHONE}"
allow = ["*@example.org"]
sender = "ALARM"
"""
    # The table refuses a mailbox that the first row takes all SMS of; the line's own are what it is for.
    async with running(tmp_path, routes=row) as (bridge, simulator):
        await bridge.post(letter("über die erste"), ADDRESS, sender=ANNA)
        await bridge.post(letter("über die zweite"), "lager@sms.example.com", sender=BERND)
        await bridge.drained()
        await _answered(bridge, simulator, "an die erste", ANNA)
        before = len(bridge.mails_to(BERND))
        await simulator.incoming(phone=PHONE, line=second, text="an die zweite")
        mails = await until(lambda: found if len(found := bridge.mails_to(BERND)) > before else None, "Bernd's")
        assert (words(mails[-1]), mails[-1]["X-SMS-To"]) == ("an die zweite", "+43 660 0000098")
        # A name cannot be answered, so what the phone says on any line may be meant for it: the last to write has it.
        await bridge.post(letter("mit Namen"), "alarm@sms.example.com", sender=BERND)
        await _answered(bridge, simulator, "Verstanden", BERND)


async def test_a_group_answers_to_whoever_wrote_last(tmp_path: Path) -> None:
    async with running(tmp_path, routes=ROUTES + GROUP) as (bridge, simulator):
        await bridge.post(letter("Wer kommt?"), "all@sms.example.com", sender=ANNA)
        await bridge.post(letter("Du auch?"), f"+{ZOE}@sms.example.com", sender=BERND)
        await bridge.drained()
        await _answered(bridge, simulator, "Ich", ANNA, phone=PHONE)
        await _answered(bridge, simulator, "Ja, auch", BERND, phone=ZOE)
        await bridge.post(letter("Abgesagt"), "all@sms.example.com", sender=BERND)
        await bridge.drained()
        for phone in (PHONE, ZOE, YAN):
            await _answered(bridge, simulator, "Ok", BERND, phone=phone)


async def test_row_66_no_guessed_token_reaches_a_phone(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        token = address((await _answered(bridge, simulator, "Hallo", ANNA))["Reply-To"])
        local, _, domain = token.partition("@")
        dice = random.Random(66)
        for _ in range(40):
            place = dice.randrange(2, len(local))
            changed = dice.choice("abcdefghijklmnopqrstuvwxyz234567".replace(local[place], ""))
            guess = dice.choice([local[:place] + changed + local[place + 1 :], local[:place], local + changed])
            assert (await bridge.reply(letter("x"), f"{guess}@{domain}")).startswith("550 5.1.1 "), guess
        assert (await bridge.reply(letter("x"), token, sender="")).startswith("550 5.7.1 ")
        assert (await bridge.reply(letter("x"), token, sender=BERND)).startswith("550 5.1.1 ")
        assert simulator.messages == []
