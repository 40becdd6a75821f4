"""What comes back about a mail of ours, on the real store: once, forward only, and told to the operator."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.message import Bounce, Channel, Fate, State
from bridge.spool import Returned, Step
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store

FAILED = Bounce(fate=Fate.FAILED, status="5.1.1", text="550 5.1.1 no such user", digest=b"1" * 32)
DELAYED = Bounce(fate=Fate.DELAYED, status="4.2.2", text="over quota", digest=b"2" * 32)


async def put(spool: Store, state: State, channel: Channel = Channel.MAIL) -> None:
    mail: dict[str, Any] = {"channel": channel, "recipient": "anna@example.com", "sender": "x@sms.example.com"}
    await spool.accept(intake(delivery(mail="m1", state=state, **mail), id="m1", kind="sms"))


async def story(spool: Store) -> tuple[State, list[tuple[str, str, str]]]:
    ((found, events),) = await spool.show("m1-1")
    return found.state, [(event.event, event.code, event.text) for event in events[1:]]


@pytest.mark.parametrize("before", [State.SENT, State.SENDING])  # a bounce may be faster than our note of the answer
async def test_a_failure_ends_it_and_is_told(spool: Store, before: State) -> None:
    await put(spool, before)
    assert await spool.bounced("m1-1", FAILED, NOW + 5) is Returned.FAILED
    assert await story(spool) == (State.FAILED, [("bounced", "bounce", "550 5.1.1 no such user")])
    (item,) = await spool.telling(NOW + 5, NOW + 5, 9)
    assert (item.told, item.delivery.status) == ("failed", "5.1.1")
    # the answer that was under way says nothing new, and does not start it again
    late = [
        Step(id="m1-1", to=State.SENT, event="sent", code="250", text="queued as 7"),
        Step(
            id="m1-1", to=State.QUEUED, event="deferred", code="lost", text="cut", only_from=frozenset({State.SENDING})
        ),
    ]
    assert await spool.move(late, NOW + 6) == [False, False]
    state, events = await story(spool)
    assert state is State.FAILED
    assert events[1:] == [("answered", "250", "queued as 7"), ("answered", "lost", "cut")]


async def test_what_comes_again_is_settled_once(spool: Store) -> None:
    await put(spool, State.SENT)
    outcomes = [await spool.bounced("m1-1", FAILED, NOW + at) for at in range(3)]
    assert outcomes == [Returned.FAILED, Returned.REPEATED, Returned.REPEATED]
    assert len((await story(spool))[1]) == 1
    due = await spool.telling(NOW + 9, NOW + 9, 9)
    await spool.accept(intake(id="n1", kind="notice", at=NOW + 9, told=[(item.delivery.id, item.told) for item in due]))
    # another bounce, of one more recipient behind that mailbox: noted, not told again
    assert await spool.bounced("m1-1", replace(FAILED, digest=b"3" * 32), NOW + 9) is Returned.NOTED
    assert await spool.telling(NOW + 99, NOW + 99, 9) == []
    state, events = await story(spool)
    assert (state, events[-1]) == (State.FAILED, ("remote failed", "5.1.1", FAILED.text))


async def test_after_a_retry_it_can_fail_again(spool: Store) -> None:
    await put(spool, State.SENT)
    await spool.bounced("m1-1", FAILED, NOW)
    await spool.move([Step(id="m1-1", to=State.QUEUED, event="retried", next_at=NOW)], NOW)
    # what comes late from the first time does not end the second
    assert await spool.bounced("m1-1", replace(FAILED, digest=b"4" * 32), NOW) is Returned.NOTED
    assert (await story(spool))[0] is State.QUEUED
    for state in (State.SENDING, State.SENT):
        await spool.move([Step(id="m1-1", to=state, event=state.value)], NOW)
    assert await spool.bounced("m1-1", replace(FAILED, digest=b"5" * 32), NOW) is Returned.FAILED


@pytest.mark.parametrize("fate", [Fate.DELAYED, Fate.DELIVERED, Fate.REPLIED])
async def test_all_else_is_only_noted(spool: Store, fate: Fate) -> None:
    await put(spool, State.SENT)
    assert await spool.bounced("m1-1", replace(DELAYED, fate=fate), NOW + 1) is Returned.NOTED
    assert await story(spool) == (State.SENT, [(f"remote {fate.value}", "4.2.2", "over quota")])
    assert await spool.telling(NOW + 99, NOW + 99, 9) == []


@pytest.mark.parametrize("state", [State.QUEUED, State.HELD, State.DROPPED, State.FAILED])
async def test_what_is_not_out_is_not_failed_by_it(spool: Store, state: State) -> None:
    await put(spool, state)
    assert await spool.bounced("m1-1", FAILED, NOW + 1) is Returned.NOTED
    assert (await story(spool))[0] is state


async def test_who_replies_to_everything_fills_no_disk_and_hides_no_failure(spool: Store) -> None:
    await put(spool, State.SENT)
    for number in range(60):
        assert await spool.bounced("m1-1", replace(DELAYED, digest=bytes([number])), NOW) is Returned.NOTED
    assert len((await story(spool))[1]) == 20
    assert await spool.bounced("m1-1", FAILED, NOW) is Returned.FAILED


async def test_a_mail_server_may_change_the_case_of_its_name(spool: Store) -> None:
    await put(spool, State.SENT)
    assert await spool.bounced("M1-1", FAILED, NOW) is Returned.FAILED
    assert await spool.bounced("m1-1", FAILED, NOW) is Returned.REPEATED


async def test_it_speaks_of_no_sms_and_of_nothing_that_is_gone(spool: Store) -> None:
    await put(spool, State.SENT, Channel.SMS)
    assert await spool.bounced("m1-1", FAILED, NOW) is Returned.GONE
    assert await spool.bounced("m9-1", FAILED, NOW) is Returned.GONE
    assert (await story(spool))[0] is State.SENT
