"""Moves write what they should and nothing else; every noun comes back from SQL as it went in."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.message import Channel, Delivery, OnUnknown, Reports, State
from bridge.spool import FINAL, MOVES, OPEN, Event, Intake, Step, deliveries, schema
from bridge.spool.sqlite import LONGEST_WAIT, open_spool
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store


async def moved(spool: Store, step: Step, now: float = NOW + 1) -> Delivery:
    assert await spool.move([step], now) == [True]
    ((found, _),) = await spool.show(step.id)
    return found


async def test_every_field_comes_back(spool: Store) -> None:
    given_one = delivery(
        channel=Channel.MAIL,
        recipient="anna@example.com",
        payload=b"\x00bytes\xff",
        state=State.UNKNOWN,
        sender="bounce+x@sms.example.com",
        author=None,
        route="r",
        urgent=True,
        reports=Reports.ALL,
        language="de",
        on_unknown=OnUnknown.RESEND,
        unknown_wait=1.5,
        changed_at=NOW + 1,
        next_at=NOW + 2,
        expires_at=NOW + 3,
        warn_at=NOW + 4,
        attempts=5,
        code="c",
        reason="Grüße 🐢",
        status="4.4.2",
        transfer_id="t",
        notify="success,delay",
        orcpt="rfc822;Anna+2B@Example.org",
        address="anna@sms.example.com",
    )
    default = delivery()
    assert [
        field.name for field in fields(Delivery) if getattr(given_one, field.name) == getattr(default, field.name)
    ] == [
        "id",
        "mail",
        "created_at",
    ]
    await spool.accept(intake(given_one))
    ((found, events),) = await spool.show("M1-1")
    assert found == given_one
    assert type(found.urgent) is bool
    assert events == [Event(at=NOW, event="unknown", code="c", text="Grüße 🐢")]


async def test_a_move_leaves_what_it_does_not_speak_of(spool: Store) -> None:
    before = delivery(code="4000", reason="first", status="4.0.0", transfer_id="t", attempts=2, warn_at=NOW + 9)
    await spool.accept(intake(before))
    found = await moved(spool, Step(id="M1-1", to=State.SENDING, event="sending"))
    assert found == replace(before, state=State.SENDING, changed_at=NOW + 1)
    found = await moved(
        spool, Step(id="M1-1", to=State.QUEUED, event="deferred", code="5003", attempts=1, next_at=NOW + 7)
    )
    assert (found.code, found.reason, found.attempts, found.next_at) == ("5003", "", 3, NOW + 7)
    assert found.warn_at == NOW + 9


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.FAILED])
async def test_what_is_done_is_not_late(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, warn_at=NOW + 1)))
    await moved(spool, Step(id="M1-1", to=state, event="done"))
    assert await spool.telling(NOW, NOW + 99, 9) == []


async def test_words_are_bounded(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING)))
    found = await moved(spool, Step(id="M1-1", to=State.FAILED, event="bounced", text="ä" * 10_000))
    assert found.reason == "ä" * deliveries.MAX_TEXT


async def test_a_renewed_lifetime_is_kept(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.FAILED)))
    found = await moved(
        spool, Step(id="M1-1", to=State.QUEUED, event="retried", next_at=NOW + 2, expires_at=NOW + 999_999)
    )
    assert (found.next_at, found.expires_at) == (NOW + 2, NOW + 999_999)


@pytest.mark.parametrize(
    ("reports", "told", "due"),
    [
        (Reports.FAILURES, "failed", True),
        (Reports.ALL, "failed", True),
        (Reports.NONE, "failed", False),
        (Reports.FAILURES, "delivered", False),
        (Reports.ALL, "delivered", True),
        (Reports.NONE, "delivered", False),
    ],
)
async def test_which_outcome_is_told_is_the_routes_choice(spool: Store, reports: Reports, told: str, due: bool) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, reports=reports)))
    await moved(spool, Step(id="M1-1", to=State(told), event="x", told=told), NOW + 1)
    assert await spool.telling(NOW, NOW + 99, 9) == []  # not before `collect` is over
    assert [item.told for item in await spool.telling(NOW + 1, NOW + 99, 9)] == [told] * due


async def test_a_failure_that_turned_out_well_is_not_told(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    await moved(spool, Step(id="M1-1", to=State.FAILED, event="bounced", told="failed"))
    await moved(spool, Step(id="M1-1", to=State.DELIVERED, event="delivered", told="delivered"))
    assert await spool.telling(NOW + 99, NOW + 99, 9) == []


async def test_who_was_told_that_it_failed_is_told_that_it_did_not(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    await moved(spool, Step(id="M1-1", to=State.FAILED, event="bounced", told="failed"))
    await spool.accept(Intake(id="N1", kind="notice", at=NOW, told=[("M1-1", "failed")]))
    await moved(spool, Step(id="M1-1", to=State.DELIVERED, event="delivered", told="delivered"))
    assert [item.told for item in await spool.telling(NOW + 99, NOW + 99, 9)] == ["corrected"]


async def test_outcomes_of_one_mail_come_together_with_their_kind(spool: Store) -> None:
    await spool.accept(intake(*(delivery(n, state=State.SENDING) for n in (1, 2, 3)), message_id="<m@example.org>"))
    await moved(spool, Step(id="M1-2", to=State.FAILED, event="bounced", told="failed"), NOW + 1)
    await moved(spool, Step(id="M1-1", to=State.FAILED, event="bounced", told="failed"), NOW + 3)
    assert await spool.telling(NOW + 1, NOW + 3, 9) == [], "more may come"
    found = await spool.telling(NOW + 3, NOW + 5, 9)
    assert [(item.delivery.id, item.kind, item.message_id) for item in found] == [
        ("M1-1", "mail", "<m@example.org>"),
        ("M1-2", "mail", "<m@example.org>"),
    ]


@pytest.mark.parametrize("state", list(State))
async def test_only_what_is_not_done_is_late(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(state=state, warn_at=NOW + 1)))
    late = [item.told for item in await spool.telling(NOW, NOW + 1, 9)]
    waiting = {State.QUEUED, State.SENDING, State.UNKNOWN, State.HELD}
    assert late == ["relayed" if state is State.SENT else "delayed"] * (state in {*waiting, State.SENT})
    assert await spool.telling(NOW, NOW + 0.5, 9) == []


async def test_listing_is_what_is_open_or_one_state(spool: Store) -> None:
    await spool.accept(intake(*(delivery(n, state=state) for n, state in enumerate(State, 1))))
    open_states = {item.state for item in await spool.listing(None, 99)}
    assert open_states == {State.QUEUED, State.SENDING, State.UNKNOWN, State.HELD}
    for state in State:
        assert [item.state for item in await spool.listing(state, 99)] == [state]
    assert len(await spool.listing(None, 2)) == 2
    assert await spool.open_count() == 4


@given(st.lists(st.sampled_from(State), max_size=12))
def test_no_walk_ever_leaves_the_table(walk: list[State]) -> None:
    """The table itself: whatever is asked for, in SENDING one comes from QUEUED alone, and never out of an end."""
    at = State.QUEUED
    for wanted in walk:
        if wanted in MOVES[at]:
            assert not (wanted is State.SENDING and at is not State.QUEUED)
            assert at not in {State.DELIVERED, State.DROPPED}
            at = wanted


@pytest.mark.parametrize(
    ("notify", "reports", "told"),
    [
        ("", Reports.FAILURES, {"failed"}),
        ("", Reports.ALL, {"failed", "delivered"}),
        ("", Reports.NONE, set()),
        ("never", Reports.ALL, set()),
        ("success", Reports.NONE, {"delivered"}),
        ("failure,delay", Reports.ALL, {"failed"}),
        ("success,failure", Reports.FAILURES, {"failed", "delivered"}),
    ],
)
async def test_what_the_client_asked_for_comes_before_what_the_row_says(
    spool: Store, notify: str, reports: Reports, told: set[str]
) -> None:
    both = [delivery(1, notify=notify, reports=reports), delivery(2, notify=notify, reports=reports)]
    await spool.accept(intake(*both))
    for number, to, outcome in ((1, State.FAILED, "failed"), (2, State.DELIVERED, "delivered")):
        assert await spool.move([Step(id=f"M1-{number}", to=to, event="x", told=outcome)], NOW + 1) == [True]
    assert {item.told for item in await spool.telling(NOW + 2, NOW + 2, 9)} == told


async def test_what_is_to_be_told_follows_a_clock_that_was_set(tmp_path: Path) -> None:
    """Else a clock set back a day would keep a failure from its author for a day."""
    spool = await open_spool(tmp_path / "s.db")
    asked = {"notify": "success,failure"}
    await spool.accept(
        intake(*(delivery(n, state=State.SENDING, **asked) for n in (1, 2)), expanded=[("M1-1", "team@example.com")])
    )
    await spool.move([Step(id="M1-1", to=State.FAILED, event="bounced", told="failed")], NOW)
    await spool.move([Step(id="M1-2", to=State.SENT, event="sent")], NOW)
    back = 864_000.0
    await spool.shift(-back)
    due = await spool.telling(NOW - back, NOW - back, 9)
    assert [(item.delivery.id, item.told) for item in due] == [("M1-1", "failed"), ("M1-1", "expanded")]
    end = NOW + 86400 - back
    assert [item.told for item in await spool.telling(end, end, 9)] == ["failed", "relayed", "expanded"]
    await spool.close()


async def test_after_a_start_with_a_clock_that_was_ahead_authors_do_not_wait_either(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    await spool.accept(intake(delivery(state=State.SENDING), expanded=[("M1-1", "team@example.com")]))
    ahead = NOW + 864_000
    await spool.move([Step(id="M1-1", to=State.FAILED, event="bounced", told="failed")], ahead)
    await spool.postpone([("M1-1", "expanded")], ahead)
    await spool.begin(NOW)
    soon = NOW + LONGEST_WAIT
    assert [item.told for item in await spool.telling(soon, soon, 9)] == ["failed", "expanded"]
    await spool.close()


@pytest.mark.parametrize(
    ("words", "states"),
    [
        (deliveries.OPEN_STATES, OPEN),
        (deliveries.WAITING_STATES, OPEN - {State.SENDING}),
        (deliveries.FINAL_STATES, FINAL),
    ],
)
def test_the_words_of_the_indexes_mean_what_they_are_called(words: str, states: frozenset[State]) -> None:
    db = apsw.Connection(":memory:")
    every = ", ".join(f"('{state.value}')" for state in State)
    found = db.execute(f"WITH every (state) AS (VALUES {every}) SELECT state FROM every WHERE {words}")  # noqa: S608  # our own
    assert {State(row[0]) for row in found} == states


_SETTINGS: dict[str, list[Any]] = {
    "code": ["", "4002"],
    "text": ["", "no"],
    "status": ["", "5.1.3"],
    "next_at": [None, NOW + 5],
    "expires_at": [None, NOW + 6],
    "attempts": [0, -1, 1],
    "transfer_id": [None, "t9"],
    "told": ["", "failed", "delivered"],
}
_BEFORE: dict[str, list[Any]] = {
    "notify": ["", "success", "failure", "never"],
    "reports": list(Reports),
    "warn_at": [None, NOW + 50],
    "channel": list(Channel),
    "attempts": [2],
}


@given(
    st.sampled_from([(before, after) for before, afters in MOVES.items() for after in afters]),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _SETTINGS.items()}),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _BEFORE.items()}),
    st.sampled_from(["tell_at = NULL, told = ''", "tell_at = 5, told = 'failed'", "tell_at = NULL, told = 'failed'"]),
)
def test_a_move_leaves_out_only_columns_that_stay_as_they_are(
    way: tuple[State, State], changes: dict[str, Any], before: dict[str, Any], told: str
) -> None:
    """Beside the move of all columns, which is what the rules say."""
    db = apsw.Connection(":memory:")
    schema.migrate(db)
    for number in (1, 2):
        deliveries.insert(db, delivery(number, **{**before, "state": way[0]}))
    db.execute(f"UPDATE deliveries SET {told}, lease = 7")  # noqa: S608  # three literals
    step = Step(id="M1-1", to=way[1], event="e", **changes)
    assert deliveries.move(db, step, NOW + 1)
    whole = {field.name: getattr(step, field.name) for field in fields(Step)}
    db.execute(deliveries.move_sql([way[0]]), {**whole, "id": "M1-2", "to": way[1].value, "now": NOW + 1})
    one, other = db.execute("SELECT * FROM deliveries ORDER BY seq").fetchall()
    assert (one[1], other[1], one[2:]) == ("M1-1", "M1-2", other[2:])
    assert db.execute("SELECT attempts FROM deliveries").fetchall() == [(2 + step.attempts,)] * 2
