"""Many intakes in few trips; what they mean is shown by test_intakes.py on both stores."""

import asyncio

from bridge.spool import CONVERSATION_FOR, Accepted, Conversation, Intake
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.taking import accept_many
from tests.databases import Database
from tests.make import NOW, PHONE, delivery, intake
from tests.spool.stores import look


def mail(number: int, key: bytes | None = None, **changes: object) -> Intake:
    name = f"M{number}"
    return intake(delivery(mail=name), id=name, seen=[key], **changes)


async def test_a_hundred_mails_cost_as_many_trips_as_one(emptied: Database) -> None:
    spool = await emptied.open()
    trips: list[int] = []

    def counted(asked: list[Intake]) -> None:
        def op(db: Link) -> list[Accepted]:
            before = db.trips
            answers = accept_many(db, asked)
            trips.append(db.trips - before)
            return answers

        ops.append(op)

    ops: list[object] = []
    talk = Conversation(phone=PHONE, line="", author="anna@example.org", expires_at=NOW + CONVERSATION_FOR)
    counted([mail(0, b"0", conversations=[talk], original=b"Subject: x", expanded=[("M0-1", "all@example.org")])])
    counted([mail(n, b"%d" % n, conversations=[talk], original=b"Subject: x") for n in range(1, 101)])
    for op in ops:
        await spool.lane.run(op)  # type: ignore[arg-type] # made above
    assert trips == [3, 3]
    assert await look(spool, "SELECT count(*) FROM originals") == [(101,)]
    assert await spool.conversation(PHONE, None, NOW) == talk
    await spool.close()


async def test_what_depends_on_each_other_is_taken_in_order(emptied: Database) -> None:
    """In one transaction: a first, its repeats, what is half a repeat, and both sides of a conversation."""
    spool = await emptied.open()
    talk = Conversation(phone=PHONE, line="", author="anna@example.org", expires_at=NOW + 100)
    slid = Conversation(phone=PHONE, line="", author="anna@example.org", expires_at=NOW + 200)
    asked = [
        mail(1, b"a", conversations=[talk]),
        mail(2, b"a"),
        intake(delivery(1, mail="M3"), delivery(2, mail="M3"), id="M3", seen=[b"a", b"b"]),
        mail(4, b"b"),
        intake(kind="sms", id="S1", conversations=[slid], notification_id="n"),
        intake(kind="sms", id="S2", notification_id="n"),
    ]
    answers = await spool.lane.run(lambda db: accept_many(db, asked))
    assert answers == [
        Accepted(id="M1"),
        Accepted(id="M1", repeated=True),
        Accepted(id="M3"),
        Accepted(id="M3", repeated=True),
        Accepted(id="S1"),
        Accepted(id="S1", repeated=True),
    ]
    found = await spool.conversation(PHONE, None, NOW)
    assert found is not None
    assert found.expires_at == NOW + 200
    await spool.close()


async def test_recipients_stay_in_their_order(emptied: Database) -> None:
    spool = await emptied.open()
    names = [f"M1-{number}" for number in range(1, 40)]
    await spool.accept(intake(*(delivery(number) for number in range(1, 40))))
    await asyncio.gather(*(spool.accept(mail(number, b"%d" % number)) for number in range(2, 9)))
    assert [item.id for item, _ in await spool.show("M1")] == names
    await spool.close()
