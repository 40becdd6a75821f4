"""From the provider's code, and from the report, to what is kept and told: literally, and through the real store.

The two tables are those of reliability.md, section 3, a line here for a line there. Then, whatever comes in whatever
order: states only move forward, except that a late `delivered` corrects `failed` and an operator starts again.
"""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.delivery.decide import decide
from bridge.message import Bounce, Channel, Fate, Receipt, Report, ReportState, Scope, State, Verdict
from bridge.spool import MOVES, Event, Step
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.providers.answered import coded, judged

SENT, QUEUED, HELD, FAILED, UNKNOWN = State.SENT, State.QUEUED, State.HELD, State.FAILED, State.UNKNOWN

CODES = [  # the code, what becomes of the delivery, its status, what its author is told at once
    (2000, SENT, "2.0.0", ""),
    (2001, SENT, "2.0.0", ""),
    (2002, SENT, "2.0.0", ""),
    (2999, SENT, "2.0.0", ""),
    (4000, HELD, "4.3.5", ""),
    (4001, QUEUED, "4.3.5", ""),
    (4002, FAILED, "5.1.3", "failed"),
    (4003, QUEUED, "4.3.5", ""),
    (4004, QUEUED, "4.3.5", ""),
    (4005, HELD, "4.3.5", ""),
    (4006, HELD, "4.3.5", ""),
    (4007, HELD, "4.3.5", ""),
    (4008, HELD, "4.3.5", ""),
    (4009, FAILED, "5.6.0", "failed"),
    (4010, HELD, "4.3.5", ""),
    (4011, HELD, "4.3.5", ""),
    (4012, QUEUED, "4.4.5", ""),
    (4013, QUEUED, "4.3.2", ""),
    (4014, QUEUED, "4.3.5", ""),
    (4015, QUEUED, "4.3.5", ""),
    (4016, QUEUED, "4.3.5", ""),
    (4017, FAILED, "5.2.3", "failed"),
    (4018, QUEUED, "4.3.5", ""),
    (4019, QUEUED, "4.3.5", ""),
    (4020, QUEUED, "4.3.5", ""),
    (4021, QUEUED, "4.3.5", ""),
    (4022, QUEUED, "4.3.5", ""),
    (4023, QUEUED, "4.4.5", ""),
    (4024, QUEUED, "4.4.5", ""),
    (4025, QUEUED, "4.4.5", ""),
    (4026, FAILED, "5.2.3", "failed"),
    (4027, HELD, "4.3.5", ""),
    (4029, FAILED, "5.7.1", "failed"),
    (4031, FAILED, "5.7.1", "failed"),
    (4034, FAILED, "5.6.1", "failed"),
    (4035, QUEUED, "4.3.5", ""),
    (4040, QUEUED, "4.3.5", ""),
    (4041, QUEUED, "4.3.5", ""),
    (4042, FAILED, "5.7.1", "failed"),
    (4043, FAILED, "5.7.1", "failed"),
    (4999, HELD, "4.3.0", ""),
    (5000, UNKNOWN, "4.3.0", ""),
    (5003, QUEUED, "4.3.2", ""),
    (5999, UNKNOWN, "4.3.0", ""),
]

REPORTS = [  # the report, what becomes of a delivery that was sent, its status, what its author is told
    (ReportState.DELIVERED, State.DELIVERED, "2.1.5", "delivered"),
    (ReportState.ACCEPTED, SENT, "2.0.0", ""),
    (ReportState.UNDELIVERED, SENT, "2.0.0", ""),
    (ReportState.EXPIRED, FAILED, "4.4.7", "failed"),
    (ReportState.DELETED, FAILED, "5.2.0", "failed"),
    (ReportState.REJECTED, FAILED, "5.7.1", "failed"),
]


async def outcome(spool: SqliteSpool) -> tuple[State, str, str]:
    """State and status of the one delivery, and what is noted to be told."""
    ((found, _),) = await spool.show("M1-1")
    due = await spool.telling(NOW + 60, NOW + 60, 9)
    return found.state, found.status, due[0].told if due else ""


@pytest.mark.parametrize(("code", "state", "status", "told"), CODES)
async def test_a_code_of_the_provider(spool: SqliteSpool, code: int, state: State, status: str, told: str) -> None:
    given_one = delivery(state=State.SENDING, attempts=1)
    await spool.accept(intake(given_one))
    answer = judged(coded(code), test=code == 2002)
    assert await spool.move([decide(given_one, answer, NOW, 0.5)], NOW) == [True]
    assert await outcome(spool) == (state, status, told)
    ((_, events),) = await spool.show("M1-1")
    assert (events[-1].code, events[-1].text) == (str(code), answer.text)


@pytest.mark.parametrize(("report", "state", "status", "told"), REPORTS)
async def test_a_report(spool: SqliteSpool, report: ReportState, state: State, status: str, told: str) -> None:
    await spool.accept(intake(delivery(state=SENT, status="2.0.0", notify="success,failure")))
    await spool.report(Report(notification_id="n", state=report, client_message_id="M1-1", text="its words"), NOW)
    assert await outcome(spool) == (state, status, told)
    ((_, events),) = await spool.show("M1-1")
    assert Event(at=NOW, event="report", code=report.value, text="its words") in events


def test_every_report_has_its_line() -> None:
    assert [row[0] for row in REPORTS] == list(ReportState)


Answer = tuple[Verdict, Scope]
_ANSWERS: list[Answer] = [(verdict, Scope.MESSAGE) for verdict in Verdict] + [(Verdict.OURS, Scope.ACCOUNT)]
_DOINGS: list[object] = [*ReportState, *Fate, *_ANSWERS, "begin", "hold", "release", "retry", "drop", "expire", "crash"]

_OPERATORS = {
    "begin": Step(id="", to=State.SENDING, event="sending", only_from=frozenset({QUEUED}), attempts=1),
    "hold": Step(id="", to=HELD, event="held", only_from=frozenset({QUEUED})),
    "release": Step(id="", to=QUEUED, event="released", only_from=frozenset({HELD}), next_at=NOW),
    "retry": Step(id="", to=QUEUED, event="retried", only_from=frozenset({QUEUED, UNKNOWN, FAILED, HELD}), next_at=NOW),
    "drop": Step(id="", to=State.DROPPED, event="dropped"),
    "expire": Step(id="", to=FAILED, event="bounced", only_from=frozenset({QUEUED, UNKNOWN, HELD}), told="failed"),
}


async def do(spool: SqliteSpool, name: str, channel: Channel, doing: object, number: int) -> None:
    """One thing that can happen to a delivery, as the program does it."""
    if isinstance(doing, ReportState):
        await spool.report(Report(notification_id=f"r{number}", state=doing, client_message_id=name), NOW + number)
    elif isinstance(doing, Fate):
        bounce = Bounce(fate=doing, status="5.1.1", text="gone", digest=f"{name} {number}".encode())
        await spool.bounced(name, bounce, NOW + number)
    elif isinstance(doing, tuple):
        verdict, scope = doing
        ((found, _),) = await spool.show(name)
        answer = Receipt(verdict=verdict, scope=scope, code="9999", text="words", transfer_id=f"t-{name}-{number}")
        step = decide(replace(found, channel=channel), answer, NOW + number, 0.5)
        if found.state is State.SENDING or number % 3 == 0:  # an answer can only be late, never early
            await spool.move([step], NOW + number)
    elif doing == "crash":
        await spool.recover(NOW + number)
    else:
        await spool.move([replace(_OPERATORS[str(doing)], id=name)], NOW + number)


def allowed(before: State, after: State, doing: object) -> bool:
    """Whether a delivery may stand there now. Written down again, so that a slip in `MOVES` shows."""
    if before is after:
        return True
    if before in {State.DELIVERED, State.DROPPED}:
        return False
    if before is FAILED:
        return after is State.DELIVERED or (after is QUEUED and doing == "retry")
    if before is SENT:
        return after in {State.DELIVERED, FAILED}
    return after in MOVES[before]


async def test_whatever_comes_in_whatever_order_states_only_move_forward(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    cases: list[tuple[Channel, list[object]]] = []

    @settings(max_examples=120, database=None, deadline=None)
    @given(st.sampled_from(Channel), st.lists(st.sampled_from(_DOINGS), min_size=1, max_size=14))
    def collect(channel: Channel, doings: list[object]) -> None:
        cases.append((channel, doings))

    collect()
    spool = await open_spool(tmp_path_factory.mktemp("truth") / "s.db")
    names = itertools.count()
    for channel, doings in cases:
        mail = f"h{next(names)}"
        await spool.accept(intake(delivery(mail=mail, channel=channel, sender="x@example.org"), id=mail))
        ((before, history),) = await spool.show(f"{mail}-1")
        for number, doing in enumerate(["begin", *doings]):
            await do(spool, f"{mail}-1", channel, doing, number)
            ((after, events),) = await spool.show(f"{mail}-1")
            assert allowed(before.state, after.state, doing), (channel, doings, number, before.state, after.state)
            assert events[: len(history)] == history, "history is only added to"
            if after.state is not before.state:
                assert len(events) > len(history), (channel, doings, number)
            if doing is ReportState.DELIVERED and channel is Channel.SMS and before.state is not State.DROPPED:
                assert after.state is State.DELIVERED, (doings, number)
            before, history = after, events
    await spool.close()


async def test_a_late_report_that_corrects_a_failure_shows(spool: SqliteSpool) -> None:
    await spool.accept(intake(delivery(state=SENT)))
    for number, report in enumerate((ReportState.EXPIRED, ReportState.DELIVERED, ReportState.EXPIRED)):
        await spool.report(
            Report(notification_id=f"n{number}", state=report, client_message_id="M1-1", text=f"{number}"), NOW + number
        )
    ((found, events),) = await spool.show("M1-1")
    assert found.state is State.DELIVERED
    assert [(event.event, event.code, event.text) for event in events[1:]] == [
        ("report", "expired", "0"),
        ("bounced", "report expired", "0"),
        ("report", "delivered", "1"),
        ("delivered", "report delivered", "1"),
        ("report", "expired", "2"),
    ]
