"""Pauses under any sequence of answers: a probe can always start in the end, and nobody waits for another's route."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.delivery.decide import PROBE_EVERY
from bridge.delivery.pauses import ACCOUNT, BREAK_AFTER, Pauses
from bridge.message import Channel, Delivery, Receipt, Scope, Verdict
from tests.make import NOW, delivery

OURS = Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="4001", text="INVALID_CREDENTIALS")
ROUTE_OURS = dataclasses.replace(OURS, scope=Scope.ROUTE)
THROTTLED = Receipt(verdict=Verdict.THROTTLED, scope=Scope.ACCOUNT)
DOWN = Receipt(verdict=Verdict.TEMPORARY, scope=Scope.ACCOUNT)
OK = Receipt(verdict=Verdict.ACCEPTED)
LONGEST = 3600.0


def sms(number: int, route: str = "a") -> Delivery:
    return delivery(number, route=route)


def test_an_account_pause_lets_exactly_one_probe_go() -> None:
    pauses = Pauses()
    assert pauses.room(NOW) is None
    assert pauses.answered(sms(1), OURS, NOW) is not None
    assert pauses.room(NOW) == 0
    assert not pauses.may_start(sms(2), NOW)
    later = NOW + PROBE_EVERY
    assert pauses.room(later) == 1
    assert pauses.may_start(sms(2), later)
    assert pauses.room(later) == 0
    assert not pauses.may_start(sms(3, "b"), later)
    pauses.answered(sms(2), OK, later)
    assert pauses.room(later) is None
    assert pauses.may_start(sms(3), later)


@pytest.mark.parametrize("scope", [Scope.ACCOUNT, Scope.ROUTE])
def test_the_operator_hears_of_a_pause_once(scope: Scope) -> None:
    pauses = Pauses()
    receipt = dataclasses.replace(OURS, scope=scope)
    said = []
    for number in range(20):
        now = NOW + number * PROBE_EVERY
        assert pauses.may_start(sms(number), now)
        said.append(pauses.answered(sms(number), receipt, now).begun is not None)
    assert said == [True] + [False] * 19


def test_answers_of_calls_already_under_way_do_not_lengthen_a_pause() -> None:
    pauses = Pauses()
    for number in range(8):
        pauses.answered(sms(number), THROTTLED, NOW + number * 0.01)
    assert pauses.scopes[ACCOUNT].until == NOW + 30


def test_throttling_grows_to_its_bound_and_takes_the_carriers_word() -> None:
    pauses = Pauses()
    now, delays = NOW, []
    for number in range(8):
        assert pauses.may_start(sms(number), now)
        pauses.answered(sms(number), THROTTLED, now)
        delays.append(pauses.scopes[ACCOUNT].until - now)
        now = pauses.scopes[ACCOUNT].until
    assert delays == [30, 60, 120, 240, 480, 900, 900, 900]
    asked = Pauses()
    asked.answered(sms(1), dataclasses.replace(THROTTLED, retry_after=1e9), NOW)
    assert asked.scopes[ACCOUNT].until == NOW + LONGEST


def test_a_used_up_quota_is_asked_for_ever_more_seldom() -> None:
    pauses = Pauses()
    now, delays = NOW, []
    for number in range(6):
        assert pauses.may_start(sms(number), now)
        pauses.answered(sms(number), dataclasses.replace(THROTTLED, code="4013", retry_after=300.0), now)
        delays.append(pauses.scopes[ACCOUNT].until - now)
        now = pauses.scopes[ACCOUNT].until
    assert delays == [300, 600, 1200, 2400, 3600, 3600]
    pauses.answered(sms(9), OK, now)
    pauses.answered(sms(10), THROTTLED, now)
    assert pauses.scopes.get(ACCOUNT) is not None


def test_connections_that_fail_in_a_row_break_the_circuit() -> None:
    pauses = Pauses()
    for number in range(BREAK_AFTER - 1):
        pauses.answered(sms(number), DOWN, NOW)
    pauses.answered(sms(9), OK, NOW)
    for number in range(BREAK_AFTER - 1):
        pauses.answered(sms(number), DOWN, NOW)
        assert pauses.room(NOW) is None
    pauses.answered(sms(10), DOWN, NOW)
    assert pauses.room(NOW) == 0


def test_a_probe_that_was_not_sent_frees_its_place() -> None:
    pauses = Pauses()
    pauses.answered(sms(1), OURS, NOW)
    later = NOW + PROBE_EVERY
    assert pauses.may_start(sms(2), later)
    pauses.not_sent(sms(3))  # somebody else
    assert pauses.room(later) == 0
    pauses.not_sent(sms(2))
    assert pauses.room(later) == 1


def test_a_routes_pause_stops_that_route_only() -> None:
    pauses = Pauses()
    pauses.answered(sms(1, "a"), ROUTE_OURS, NOW)
    assert pauses.room(NOW) is None
    assert pauses.closed_routes(NOW) == ["a"]
    assert not pauses.may_start(sms(2, "a"), NOW)
    assert pauses.may_start(sms(3, "b"), NOW)
    pauses.answered(sms(3, "b"), OK, NOW)
    assert pauses.closed_routes(NOW) == ["a"]
    later = NOW + PROBE_EVERY
    assert pauses.closed_routes(later) == []
    assert pauses.may_start(sms(2, "a"), later)
    assert pauses.closed_routes(later) == ["a"]
    pauses.answered(sms(2, "a"), OK, later)
    assert pauses.scopes == {}


def test_a_reload_probes_at_once() -> None:
    pauses = Pauses()
    pauses.answered(sms(1), OURS, NOW)
    pauses.answered(sms(2, "b"), ROUTE_OURS, NOW)
    pauses.lift(NOW + 1)
    assert pauses.room(NOW + 1) == 1
    assert pauses.may_start(sms(2, "b"), NOW + 1)  # one delivery probes both


@pytest.mark.parametrize(
    "answer", [Receipt(verdict=Verdict.UNKNOWN), Receipt(verdict=Verdict.TEMPORARY)], ids=["unknown", "temporary"]
)
def test_a_probe_that_says_nothing_new_is_not_followed_by_a_storm(answer: Receipt) -> None:
    """Each unknown probe may have cost a message its certainty: the next waits its time like the first."""
    pauses = Pauses()
    pauses.answered(sms(1), OURS, NOW)
    later = NOW + PROBE_EVERY
    assert pauses.may_start(sms(2), later)
    pauses.answered(sms(2), answer, later)
    assert pauses.room(later) == 0
    assert pauses.room(later + PROBE_EVERY) == 1


class Life(RuleBasedStateMachine):
    """Deliveries start as the agent starts them, and are answered in any order with anything."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = Pauses()
        self.now = NOW
        self.number = 0
        self.in_flight: list[Delivery] = []

    @rule(route=st.sampled_from("abc"))
    def start(self, route: str) -> None:
        room = self.pauses.room(self.now)
        if (room is not None and room <= 0) or route in self.pauses.closed_routes(self.now):
            return
        self.number += 1
        item = sms(self.number, route)
        if self.pauses.may_start(item, self.now):
            self.in_flight.append(item)

    @rule(
        which=st.integers(0, 50),
        verdict=st.sampled_from(Verdict),
        scope=st.sampled_from(Scope),
        retry_after=st.one_of(st.none(), st.floats(0, 1e6)),
    )
    def answer(self, which: int, verdict: Verdict, scope: Scope, retry_after: float | None) -> None:
        if self.in_flight:
            item = self.in_flight.pop(which % len(self.in_flight))
            receipt = Receipt(verdict=verdict, scope=scope, retry_after=retry_after)
            self.pauses.answered(item, receipt, self.now)

    @rule(which=st.integers(0, 50))
    def not_sent(self, which: int) -> None:
        if self.in_flight:
            self.pauses.not_sent(self.in_flight.pop(which % len(self.in_flight)))

    @rule(seconds=st.floats(0, 1000))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def reload(self) -> None:
        self.pauses.lift(self.now)

    @invariant()
    def only_what_is_under_way_is_a_probe(self) -> None:
        under_way = {item.id for item in self.in_flight}
        assert {pause.probe for pause in self.pauses.scopes.values()} <= under_way | {None}

    @invariant()
    def one_probe_at_a_time(self) -> None:
        for key, pause in self.pauses.scopes.items():
            if pause.probe is not None:
                assert pause.until <= self.now or key != ACCOUNT
                assert self.pauses.room(self.now) == 0 or key != ACCOUNT

    @invariant()
    def a_route_waits_for_itself_and_the_account_only(self) -> None:
        for route in "abc":
            free = ACCOUNT not in self.pauses.scopes and route not in self.pauses.scopes
            assert route not in self.pauses.closed_routes(self.now) or not free

    def teardown(self) -> None:
        """Whatever happened: once nothing is under way and time passed, every route can be probed and gets well."""
        for item in self.in_flight:
            self.pauses.not_sent(item)
        later = self.now + LONGEST
        for route in "abc":
            assert self.pauses.room(later) in (None, 1)
            assert route not in self.pauses.closed_routes(later)
            item = sms(10_000, route)
            assert self.pauses.may_start(item, later)
            self.pauses.answered(item, OK, later)
        assert self.pauses.scopes == {}


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=25, database=None, deadline=None)


@given(st.lists(st.sampled_from([OURS, THROTTLED, DOWN, ROUTE_OURS, OK]), max_size=20))
def test_a_pause_never_lasts_longer_than_an_hour(answers: list[Receipt]) -> None:
    pauses = Pauses()
    for receipt in answers:
        pauses.answered(sms(1), receipt, NOW)
    assert all(pause.until <= NOW + LONGEST for pause in pauses.scopes.values())


def test_an_answer_that_was_under_way_does_not_lift_a_pause() -> None:
    """What began before the pause knows nothing of it; only a probe does."""
    for verdict in (Verdict.ACCEPTED, Verdict.PERMANENT):
        pauses = Pauses()
        pauses.answered(sms(1), OURS, NOW)
        assert pauses.answered(sms(2), Receipt(verdict=verdict), NOW + 1).resumed == ()
        assert pauses.room(NOW + 1) == 0


@pytest.mark.parametrize("receipt", [OURS, THROTTLED, dataclasses.replace(THROTTLED, retry_after=3600.0)])
def test_a_clock_that_is_set_back_does_not_lengthen_a_pause(receipt: Receipt) -> None:
    pauses = Pauses()
    pauses.answered(sms(1), receipt, NOW)
    wait = pauses.scopes[ACCOUNT].until - NOW
    assert pauses.room(NOW) == 0
    back = NOW - 600
    assert pauses.room(back) == 1
    assert pauses.may_start(sms(2), back)
    pauses.answered(sms(2), receipt, back)
    assert pauses.room(back + wait - 1) == 0
    assert pauses.room(back + 2 * wait) == 1


def test_lost_answers_in_a_row_pause_the_account() -> None:
    """Each of them may cost a message its certainty; a provider that loses answers is not given the whole queue."""
    lost = Receipt(verdict=Verdict.UNKNOWN)
    pauses = Pauses()
    for number in range(BREAK_AFTER - 1):
        pauses.answered(sms(number), lost, NOW)
        assert pauses.room(NOW) is None
    assert pauses.answered(sms(9), lost, NOW).begun == ACCOUNT
    assert pauses.room(NOW) == 0
    mails = Pauses()
    for number in range(BREAK_AFTER + 1):
        mails.answered(delivery(number, channel=Channel.MAIL), lost, NOW)
    assert mails.room(NOW) is None  # a mail is repeated under the same Message-ID: nothing is at stake


@pytest.mark.parametrize("scope", [Scope.ACCOUNT, Scope.ROUTE])
def test_a_message_that_is_refused_again_while_others_go_is_what_is_wrong(scope: Scope) -> None:
    pauses = Pauses()
    refused = dataclasses.replace(OURS, scope=scope)
    first = sms(1)
    assert pauses.judged(first, refused).scope is scope
    again = dataclasses.replace(first, code=refused.code, changed_at=NOW)
    assert pauses.judged(again, refused).scope is scope, "nobody went since"
    pauses.answered(sms(2), OK, NOW + 1)
    assert pauses.judged(again, refused).scope is Scope.MESSAGE
    assert pauses.judged(first, refused).scope is scope, "another's first refusal may be the account's"
    other = dataclasses.replace(again, code="4014")
    assert pauses.judged(other, refused).scope is scope, "another reason than before"
