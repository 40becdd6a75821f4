"""What one acknowledgement covers, what is recognised when it comes again, and who owns a conversation."""

import asyncio
from dataclasses import replace

import pytest

from bridge.message import Channel, State
from bridge.spool import CONVERSATION_FOR, SEEN_FOR, Accepted, Conversation, Intake, Step
from tests.make import NOW, PHONE, delivery, intake
from tests.spool.stores import Store

KEY, OTHER = b"k" * 32, b"o" * 32
LINE = "436600000099"


def mail(name: str, *keys: bytes | None, at: float = NOW, **changes: object) -> Intake:
    parts = [delivery(number, mail=name, created_at=at) for number, _ in enumerate(keys, 1)]
    return intake(*parts, id=name, at=at, seen=keys, **changes)


async def states(spool: Store, name: str) -> list[State]:
    return [found.state for found, _ in await spool.show(name)]


async def test_the_same_mail_again_gets_the_first_id_and_is_not_kept(spool: Store) -> None:
    assert await spool.accept(mail("M1", KEY)) == Accepted(id="M1")
    assert await spool.accept(mail("M2", KEY, at=NOW + 60)) == Accepted(id="M1", repeated=True)
    assert await spool.accept(mail("M3", KEY, at=NOW + 61)) == Accepted(id="M1", repeated=True)
    assert await spool.show("M2") == []
    assert await spool.open_count() == 1


@pytest.mark.parametrize(("after", "repeated"), [(SEEN_FOR - 1, True), (SEEN_FOR + 1, False)])
async def test_recognised_for_seven_days(spool: Store, after: float, repeated: bool) -> None:
    assert SEEN_FOR == 7 * 24 * 3600
    await spool.accept(mail("M1", KEY))
    assert (await spool.accept(mail("M2", KEY, at=NOW + after))).repeated is repeated


async def test_a_repeat_does_not_lengthen_the_seven_days(spool: Store) -> None:
    await spool.accept(mail("M1", KEY))
    await spool.accept(mail("M2", KEY, at=NOW + SEEN_FOR - 1))
    assert await spool.accept(mail("M3", KEY, at=NOW + SEEN_FOR + 1)) == Accepted(id="M3")


@pytest.mark.parametrize("state", list(State))
async def test_only_a_failed_or_dropped_first_does_not_count(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(state=state), seen=[KEY]))
    accepted = await spool.accept(mail("M2", KEY))
    assert accepted.repeated is (state not in {State.FAILED, State.DROPPED})
    # The second is then the first for a third.
    assert await spool.accept(mail("M3", KEY)) == Accepted(id="M1" if accepted.repeated else "M2", repeated=True)


async def test_where_a_mail_came_from_is_known_as_long_as_it_is(spool: Store) -> None:
    await spool.accept(intake(delivery(), proof="user:panel", peer="192.0.2.1", sender="panel@example.org"))
    arrival = await spool.arrival("M1")
    assert arrival is not None
    assert (arrival.sender, arrival.author) == ("panel@example.org", "anna@example.org")
    assert (arrival.proof, arrival.peer) == ("user:panel", "192.0.2.1")
    assert await spool.arrival("M2") is None


async def test_without_a_key_nothing_is_suppressed(spool: Store) -> None:
    for name in ("M1", "M2"):
        assert await spool.accept(mail(name, None)) == Accepted(id=name)
    assert await spool.open_count() == 2


async def test_of_a_mail_half_known_only_the_new_half_is_kept(spool: Store) -> None:
    await spool.accept(mail("M1", KEY))
    assert await spool.accept(mail("M2", KEY, OTHER)) == Accepted(id="M2")
    assert [found.id for found, _ in await spool.show("M2")] == ["M2-2"]
    assert await spool.accept(mail("M3", OTHER, KEY)) == Accepted(id="M2", repeated=True)


async def test_of_a_hundred_at_once_one_is_kept(spool: Store) -> None:
    accepted = await asyncio.gather(*(spool.accept(mail(f"M{number}", KEY)) for number in range(100)))
    assert len({one.id for one in accepted}) == 1
    assert sum(not one.repeated for one in accepted) == 1
    assert await spool.open_count() == 1


async def test_an_intake_is_kept_whole_or_not_at_all(spool: Store) -> None:
    await spool.accept(mail("M1", KEY))
    twice = delivery(1, mail="M2")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await spool.accept(intake(twice, twice, id="M2", seen=[OTHER, None], notification_id="n1"))
    assert await spool.show("M2") == []
    assert await spool.accept(mail("M3", OTHER)) == Accepted(id="M3")  # the key was not kept either
    assert await spool.accept(intake(delivery(mail="M4"), id="M4", notification_id="n1")) == Accepted(id="M4")


async def test_a_notification_that_comes_again_makes_no_second_mail(spool: Store) -> None:
    def notified(number: int) -> Intake:
        return intake(
            delivery(mail=f"N{number}", channel=Channel.MAIL), id=f"N{number}", kind="sms", notification_id="n1"
        )

    accepted = await asyncio.gather(*(spool.accept(notified(number)) for number in range(50)))
    assert len({one.id for one in accepted}) == 1
    assert await spool.open_count() == 1
    await spool.move([Step(id=f"{accepted[0].id}-1", to=State.DROPPED, event="dropped")], NOW)
    assert (await spool.accept(notified(51))).repeated  # whatever became of it: the provider repeats, not a person


def talk(author: str = "anna@example.org", line: str = LINE, at: float = NOW, **changes: object) -> Conversation:
    made = Conversation(phone=PHONE, line=line, author=author, expires_at=at + CONVERSATION_FOR)
    return replace(made, **changes)  # type: ignore[arg-type] # tests name the fields they mean


async def owner(spool: Store, line: str | None, now: float = NOW, phone: str = PHONE) -> str | None:
    found = await spool.conversation(phone, line, now)
    return None if found is None else found.author


async def test_a_conversation_belongs_to_its_phone_and_line(spool: Store) -> None:
    await spool.accept(intake(delivery(), conversations=[talk(message_id="<m@example.org>", subject="Pumpe 3")]))
    assert await spool.conversation(PHONE, LINE, NOW) == talk(message_id="<m@example.org>", subject="Pumpe 3")
    assert await owner(spool, "436600000098") is None
    assert await owner(spool, LINE, phone="436600000002") is None
    assert await owner(spool, LINE, NOW + CONVERSATION_FOR - 1) == "anna@example.org"
    assert await owner(spool, LINE, NOW + CONVERSATION_FOR) is None


async def test_the_phone_alone_where_no_line_was_known(spool: Store) -> None:
    await spool.accept(intake(delivery(), conversations=[talk("bernd@example.org", line="")]))
    assert await owner(spool, None) == await owner(spool, "") == await owner(spool, LINE) == "bernd@example.org"


async def test_it_belongs_to_whoever_wrote_last(spool: Store) -> None:
    await spool.accept(intake(delivery(), conversations=[talk("bernd@example.org", line="")]))
    await spool.accept(intake(delivery(mail="M2"), id="M2", at=NOW + 1, conversations=[talk()]))
    assert await owner(spool, LINE) == "anna@example.org"
    assert await owner(spool, None) == "anna@example.org"  # a report of no line: the phone alone
    assert await owner(spool, "436600000098") == "bernd@example.org"  # anna wrote over another line
    again = talk("bernd@example.org", line="")
    await spool.accept(intake(delivery(mail="M3"), id="M3", at=NOW + 2, conversations=[again]))
    assert await owner(spool, LINE) == "bernd@example.org"


async def test_who_wrote_last_has_it(spool: Store) -> None:
    for number, author in enumerate(("anna@example.org", "bernd@example.org")):
        await spool.accept(intake(delivery(mail=f"C{number}"), id=f"C{number}", conversations=[talk(author)]))
    assert await owner(spool, LINE) == "bernd@example.org"


async def test_an_sms_slides_its_conversation(spool: Store) -> None:
    await spool.accept(intake(delivery(), conversations=[talk(message_id="<m@example.org>", subject="Pumpe 3")]))
    slid = talk(at=NOW + 86400, message_id="<m@example.org>", subject="Pumpe 3")
    await spool.accept(intake(delivery(mail="S"), id="S", kind="sms", conversations=[slid]))
    assert await spool.conversation(PHONE, LINE, NOW + CONVERSATION_FOR) == slid


async def test_an_sms_on_its_way_in_does_not_give_a_conversation_back_to_who_had_it(spool: Store) -> None:
    """Between the door's look at the conversation and its commit somebody else wrote to the phone."""
    await spool.accept(intake(delivery(), conversations=[talk()]))
    seen_by_the_door = await spool.conversation(PHONE, LINE, NOW)
    assert seen_by_the_door is not None
    await spool.accept(intake(delivery(mail="B"), id="B", conversations=[talk("bernd@example.org")]))
    await spool.accept(intake(delivery(mail="S"), id="S", kind="sms", conversations=[seen_by_the_door]))
    assert await owner(spool, LINE) == "bernd@example.org"


async def test_what_says_something_else_under_a_known_id_is_told_apart(spool: Store) -> None:
    """Row 98 of the faults: the first is kept."""

    def sms(mail: str, digest: bytes) -> Intake:
        return intake(delivery(mail=mail), id=mail, kind="sms", notification_id="n1", digest=digest)

    assert await spool.accept(sms("S1", b"one")) == Accepted(id="S1")
    assert await spool.accept(sms("S2", b"one")) == Accepted(id="S1", repeated=True)
    assert await spool.accept(sms("S3", b"two")) == Accepted(id="S1", repeated=True, differs=True)
    assert [item.mail for item in await spool.listing(None, 9)] == ["S1"]
