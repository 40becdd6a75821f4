"""One conversation for one phone and one mailbox, in a real IMAP server and by the rules of real mail programs."""

from email.message import EmailMessage, Message
from pathlib import Path

from bridge.simulator import Simulator
from tests.flows.dovecot import inbox
from tests.flows.programs import address, answer, gmail, outlook
from tests.flows.rig import ADDRESS, ANNA, LINE, PHONE, ROUTES, Bridge, letter, running
from tests.flows.test_time import DAY, turning
from tests.wait import until

OTHER = "436600000002"
TWO_PHONES = f"""{ROUTES}
[[route]]
address = "other@sms.example.com"
number = "{OTHER}"
name = "Zweite"
allow = ["*@example.org"]
mailbox = "{ANNA}"
"""


class Mailbox:
    """What Anna has: the mails she got and the mails she sent, in their order."""

    def __init__(self, bridge: Bridge, simulator: Simulator) -> None:
        self.mails: list[bytes] = []
        self.bridge = bridge
        self.simulator = simulator

    async def gets(self, text: str, phone: str = PHONE) -> Message:
        """An SMS comes and is her mail."""
        before = len(self.bridge.mails_to(ANNA))
        await self.simulator.incoming(phone=phone, line=LINE, text=text)
        mails = await until(lambda: found if len(found := self.bridge.mails_to(ANNA)) > before else None, text)
        self.mails.append(bytes(mails[-1]))
        return mails[-1]

    async def sends(self, mail: EmailMessage, to: str = ADDRESS) -> None:
        """She writes."""
        await self.bridge.post(mail, to)
        self.mails.append(bytes(mail))

    async def talks(self, exchanges: int, mail: Message, prefix: str = "Re: ") -> Message:
        """She answers the last SMS and gets the next, so many times."""
        for number in range(exchanges):
            said = answer(mail, f"Frage {number}", prefix=prefix)
            await self.sends(said, address(said["To"]))
            mail = await self.gets(f"Antwort {number}")
        return mail


def numbers(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


def lose_the_database(bridge: Bridge) -> None:
    found = list(bridge.place.glob("smsbridge.db*"))
    assert found
    for file in found:
        file.unlink()


async def test_thirty_mails_are_one_thread_in_dovecot_whatever_is_deleted_or_lost(tmp_path: Path) -> None:
    with inbox() as folder:
        async with running(tmp_path, routes=TWO_PHONES) as (bridge, simulator):
            anna = Mailbox(bridge, simulator)
            await anna.sends(letter("Wann kommst du?", Subject="Pumpe 3"))  # 1
            await anna.talks(13, await anna.gets("Um zehn."))  # 2 to 28
            await anna.gets("Bin jetzt da.")  # 29
            await anna.gets("Hallo", phone=OTHER)  # 30, another phone
            folder.put(anna.mails)
            assert folder.threads() == [numbers(1, 29), {30}]

            middle = range(3, 28)
            folder.delete(middle)
            assert folder.threads() == [{1, 2, 28, 29}, {30}]

            bridge.kill()
            lose_the_database(bridge)
            bridge.start()
            await bridge.ready()
            later = await anna.gets("Noch etwas.")  # 31
            await anna.talks(1, later)  # 32, 33
            folder.put(anna.mails[30:])
            assert folder.threads() == [{1, 2, 28, 29, 31, 32, 33}, {30}]
            folder.delete([1, 2, 28, 31])
            assert sorted(map(sorted, folder.threads())) == [[29, 32, 33], [30]]


async def test_after_loss_of_the_database_an_sms_is_the_same_mail_again(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        anna = Mailbox(bridge, simulator)
        first = await anna.gets("Bin da.")
        await simulator.idle()
        assert await bridge.stop() == 0
        lose_the_database(bridge)
        for file in (bridge.place / "Maildir").rglob("*"):  # which knows what was delivered
            if file.is_file():
                file.unlink()
        bridge.start()
        await bridge.ready()
        simulator.repeat(simulator.notifications[-1])
        (again,) = await until(lambda: bridge.mails_to(ANNA) or None, "the SMS again")
        same = ("Message-ID", "References", "In-Reply-To", "Subject", "From", "To")
        assert {name: again[name] for name in same} == {name: first[name] for name in same}
        assert address(again["Reply-To"]).startswith("r+")


async def test_who_begins_with_a_mail_has_all_of_it_below_that_mail(tmp_path: Path) -> None:
    """In programs that compare subjects too: the answers bear that of the mail."""
    async with running(tmp_path) as (bridge, simulator):
        anna = Mailbox(bridge, simulator)
        await anna.sends(letter("Bitte nachsehen.", Subject="Pumpe 3: Störung [Halle 2]"))
        last = await anna.talks(4, await anna.gets("Mach ich."))
        assert str(last["Subject"]).startswith("=?utf-8?")
        assert gmail(anna.mails) == outlook(anna.mails) == [numbers(0, 9)]


async def test_who_is_written_to_first_has_one_conversation_for_years(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        anna = Mailbox(bridge, simulator)
        first = await anna.gets("Hallo")
        last = await anna.talks(3, first, prefix="AW: ")
        for _ in range(3):
            clock.turn(300 * DAY)  # the conversation is over, the token too, and nobody remembers anything
            last = await anna.talks(1, await anna.gets("Wieder ich"))
        assert last["Subject"] == first["Subject"] == "SMS Phone (+43 660 0000001)"
        assert gmail(anna.mails) == outlook(anna.mails) == [numbers(0, len(anna.mails) - 1)]


async def test_a_gateway_that_marks_subjects_does_not_make_them_grow(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        anna = Mailbox(bridge, simulator)
        mail = letter("Bitte nachsehen.", Subject="Pumpe 3")
        for _ in range(3):
            await anna.sends(mail)
            got = await anna.gets("Ja.")
            assert got["Subject"] == "Re: Pumpe 3"
            got.replace_header("Subject", f"[EXTERN] {got['Subject']}")
            mail = answer(got, "Und jetzt?", prefix="AW: ")


async def test_another_mail_on_another_matter_begins_another_conversation_in_the_same_thread(tmp_path: Path) -> None:
    with inbox() as folder:
        async with running(tmp_path) as (bridge, simulator):
            anna = Mailbox(bridge, simulator)
            for subject in ("Pumpe 3", "Dienstplan"):
                await anna.sends(letter("Frage", Subject=subject))
                await anna.talks(1, await anna.gets("Antwort"))
            assert gmail(anna.mails) == outlook(anna.mails) == [numbers(0, 3), numbers(4, 7)]
            folder.put(anna.mails)
            assert folder.threads() == [numbers(1, 8)]


async def test_answers_of_a_group_stand_below_the_mail_to_it(tmp_path: Path) -> None:
    group = f"""{TWO_PHONES}
[[route]]
address = "all@sms.example.com"
number = ["{PHONE}", "{OTHER}"]
allow = ["*@example.org"]
"""
    with inbox() as folder:
        async with running(tmp_path, routes=group) as (bridge, simulator):
            anna = Mailbox(bridge, simulator)
            await anna.sends(letter("Wer kommt?", Subject="Einsatz"), "all@sms.example.com")
            await anna.gets("Ich", phone=PHONE)
            await anna.gets("Ich auch", phone=OTHER)
            assert gmail(anna.mails) == outlook(anna.mails) == [numbers(0, 2)]
            folder.put(anna.mails)
            assert folder.threads() == [numbers(1, 3)]
