"""What the bridge counts: plain numbers, added to on the path of a message and shown when somebody asks.

A counter of the usual library takes a lock and often a look-up; a message passes a dozen of them. So here they are
additions on the loop's thread (what threads add may at worst be one short), and `bridge.daemon.scrape` writes them out.
They are the one state that modules share: a process counts for itself, whatever runs in it, from nought at its start;
the mail door's worker processes give theirs to the daemon (`Tally`).

Labels come from closed tables of ours. A number, an address or somebody's words are never one: whoever reads the graphs
of a mail server need not know who writes to whom.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

MOST_LABELS: Final = 200
"""Children of one counter; what would be more counts as "other"."""

_MOST_SENT: Final = 20_000
_OTHER: Final = "other"


class Count:
    """One number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, number: int = 1) -> None:
        """Count."""
        self.value += number


class Spread:
    """How often values fell between bounds."""

    __slots__ = ("_bounds", "bins", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.bins = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value, in seconds; a clock that was set back makes it 0."""
        value = max(value, 0.0)
        self.bins[bisect_left(self._bounds, value)] += 1
        self.total += value


class Counter:
    """Counts by labels."""

    def __init__(self, name: str, says: str, *labels: str) -> None:
        """`name` without prefix and suffix; `says` is what people read about it."""
        self.name, self.says, self.labels = name, says, labels
        self._children: dict[tuple[str, ...], Count] = {}
        if not labels:
            self._children[()] = Count()

    def of(self, *values: str) -> Count:
        """The count of these labels, one value for each."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= MOST_LABELS:
                values = (_OTHER,) * len(self.labels)
            child = self._children.setdefault(values, Count())
        return child

    def add(self, number: int = 1) -> None:
        """Count, where there are no labels."""
        self._children[()].value += number

    def items(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """Every count by its labels."""
        for values, child in list(self._children.items()):
            yield values, child.value


class Gauge:
    """One number that comes and goes; None while it is not known."""

    __slots__ = ("name", "says", "value")

    def __init__(self, name: str, says: str) -> None:
        self.name, self.says = name, says
        self.value: float | None = None


class Histogram:
    """How values of seconds spread, by one label or none."""

    def __init__(self, name: str, says: str, bounds: Sequence[float], *labels: str) -> None:
        """`bounds` are upper ones, ascending."""
        self.name, self.says, self.bounds, self.labels = name, says, tuple(bounds), labels
        self._children: dict[tuple[str, ...], Spread] = {}
        if not labels:
            self._children[()] = Spread(self.bounds)

    def of(self, *values: str) -> Spread:
        """The spread of these labels; they are few."""
        child = self._children.get(values)
        if child is None:
            child = self._children[values] = Spread(self.bounds)
        return child

    def add(self, value: float) -> None:
        """Count a value, where there are no labels."""
        self._children[()].add(value)

    def items(self) -> Iterator[tuple[tuple[str, ...], Spread]]:
        """Every spread by its labels."""
        yield from list(self._children.items())


_QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

OUTCOMES: Final = Counter(
    "outcomes",
    "What calls brought: the verdict on it, and the provider's or smarthost's code.",
    "channel",
    "outcome",
    "code",
)
EXPIRED: Final = Counter("given_up", "Deliveries that ended because their time was over.", "channel")
PARTS: Final = Counter("parts_sent", "SMS parts that the provider took, as it counts them.")
REPORTS: Final = Counter("reports", "Handset reports by what they say.", "state")
WEBHOOK: Final = Counter("webhook_calls", "Calls of the webhook with the right secret, by the answer.", "answer")
WEBHOOK.of("ok")  # there from the start, so that silence shows
REJECTS: Final = Counter("rejects", "Refusals at the mail door by reply code.", "code")
CONNECTIONS: Final = Counter("connections", "Connections that the mail door let in.")
NOTICES: Final = Counter("notices", "Notices to authors and postmaster by what they tell.", "told")
ALERTS: Final = Counter("alerts", "Sentences that were mailed to the postmaster.")
DEAD_LETTERS: Final = Counter("dead_letters", "What came in, could not be read and was kept for a person.")
LIMITS: Final = Counter("limits_reached", "Mails that met a limit, by its name.", "limit")
COMMITS: Final = Counter("spool_commits", "Transactions of the spool.")
DATABASE_ERRORS: Final = Counter("database_errors", "Errors of the spool's database.")
HEARTBEATS: Final = Counter("heartbeats", "Heartbeat SMS: sent, returned, missing.", "event")
BEAT_AT: Final = Gauge("heartbeat_last_success_timestamp_seconds", "When a heartbeat SMS last came back.")
BEAT_TOOK: Final = Gauge("heartbeat_round_trip_seconds", "How long the last one was under way.")
BEAT_MISSING: Final = Gauge("heartbeat_missing", "1 while the last one has not come back in time.")
GAUGES: Final = (BEAT_AT, BEAT_TOOK, BEAT_MISSING)
COUNTERS: Final = (
    OUTCOMES, EXPIRED, PARTS, REPORTS, WEBHOOK, REJECTS, CONNECTIONS, NOTICES, ALERTS, DEAD_LETTERS, LIMITS,
    COMMITS, DATABASE_ERRORS, HEARTBEATS,
)  # fmt: skip

DOOR: Final = Histogram("door_seconds", "From the final dot of a mail to its 250.", _QUICK)
HANDOVER: Final = Histogram("handover_seconds", "From taking a message in to its being sent on.", _SLOW, "channel")
CALL: Final = Histogram("call_seconds", "How long a call of the provider or the smarthost took.", _QUICK, "channel")
REPORT_DELAY: Final = Histogram("report_delay_seconds", "From an SMS being taken to the first report of it.", _SLOW)
HISTOGRAMS: Final = (DOOR, HANDOVER, CALL, REPORT_DELAY)


def rejected(code: int, status: str) -> None:
    """The mail door refused: the reply's code and enhanced status, which are always ours."""
    REJECTS.of(f"{code} {status}").add()


Counts = list[tuple[str, tuple[str, ...], list[float]]]
"""What was added: the name of a counter or histogram, labels, and the number, or the bins and behind them the total."""


class Tally:
    """What is counted in this process, for another one to add to its own."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, tuple[str, ...]], list[float]] = {}
        self.since()

    def since(self) -> Counts:
        """What was counted since this was last asked."""
        found: Counts = []
        for name, labels, numbers in _numbers():
            given = self._given.get((name, labels))
            if given is None:
                given = [0.0] * len(numbers)
            if numbers != given:
                found.append((name, labels, [now - then for now, then in zip(numbers, given, strict=True)]))
                self._given[name, labels] = numbers
        return found


def add_counts(counts: Counts) -> None:
    """What another process counted."""
    counters = {counter.name: counter for counter in COUNTERS}
    histograms = {histogram.name: histogram for histogram in HISTOGRAMS}
    for name, labels, numbers in counts:
        if name in counters:
            counters[name].of(*labels).add(int(numbers[0]))
            continue
        spread = histograms[name].of(*labels)
        *bins, total = numbers
        spread.bins = [had + int(more) for had, more in zip(spread.bins, bins, strict=True)]
        spread.total += total


def _numbers() -> Iterator[tuple[str, tuple[str, ...], list[float]]]:
    for counter in COUNTERS:
        for labels, number in counter.items():
            yield counter.name, labels, [number]
    for histogram in HISTOGRAMS:
        for labels, spread in histogram.items():
            yield histogram.name, labels, [*spread.bins, spread.total]


class Awaited:
    """When SMS were taken whose report is still to come; only what this process sent, and only the newest."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}

    def sent(self, delivery_id: str, now: float) -> None:
        """It was taken."""
        if len(self._sent) >= _MOST_SENT:
            del self._sent[next(iter(self._sent))]
        self._sent[delivery_id] = now

    def reported(self, delivery_id: str | None, now: float) -> None:
        """The first report of it came."""
        sent = self._sent.pop(delivery_id or "", None)
        if sent is not None:
            REPORT_DELAY.add(now - sent)


AWAITED: Final = Awaited()
