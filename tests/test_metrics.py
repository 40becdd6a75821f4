"""Counting: additions, bounded labels, spreads."""

import marshal
from itertools import pairwise

from bridge import metrics
from bridge.metrics import Awaited, Counter, Histogram, Tally


def test_counts_grow_by_label() -> None:
    counter = Counter("c", "C.", "channel", "code")
    kept = counter.of("sms", "2000")
    kept.add()
    counter.of("sms", "2000").add(2)
    counter.of("mail", "2xx").add()
    assert dict(counter.items()) == {("sms", "2000"): 3, ("mail", "2xx"): 1}


def test_without_labels_there_is_a_nought_from_the_start() -> None:
    counter = Counter("c", "C.")
    assert dict(counter.items()) == {(): 0}
    counter.add(4)
    assert dict(counter.items()) == {(): 4}


def test_labels_without_end_are_other() -> None:
    counter = Counter("c", "C.", "code")
    for number in range(metrics.MOST_LABELS + 50):
        counter.of(str(number)).add()
    found = dict(counter.items())
    assert len(found) == metrics.MOST_LABELS + 1
    assert found["other",] == 50


def test_a_spread_has_a_bin_for_every_bound_and_one_above() -> None:
    histogram = Histogram("h", "H.", (0.1, 1.0))
    for value in (-5.0, 0.1, 0.5, 1.0, 7.0):
        histogram.add(value)
    ((labels, spread),) = histogram.items()
    assert labels == ()
    assert spread.bins == [2, 2, 1]
    assert spread.total == 8.6, "a clock that was set back counts as nought"


def test_the_bounds_ascend() -> None:
    for histogram in metrics.HISTOGRAMS:
        assert all(low < high for low, high in pairwise(histogram.bounds))


def test_names_are_there_once_and_say_what_they_are() -> None:
    everything = [(one.name, one.says) for one in (*metrics.COUNTERS, *metrics.GAUGES)]
    everything += [(one.name, one.says) for one in metrics.HISTOGRAMS]
    assert len(dict(everything)) == len(everything)
    assert all(says.endswith(".") for _, says in everything)


def test_only_the_first_report_of_what_was_sent_here_has_a_delay() -> None:
    awaited = Awaited()
    ((_, spread),) = metrics.REPORT_DELAY.items()
    before, seconds = sum(spread.bins), spread.total
    awaited.sent("M1-1", 100.0)
    awaited.reported("M1-1", 103.0)
    awaited.reported("M1-1", 109.0)
    awaited.reported("M2-1", 109.0)
    awaited.reported(None, 109.0)
    assert (sum(spread.bins) - before, round(spread.total - seconds, 6)) == (1, 3.0)


def test_who_never_reports_is_forgotten() -> None:
    awaited = Awaited()
    for number in range(metrics._MOST_SENT + 10):
        awaited.sent(f"M{number}", 0.0)
    assert len(awaited._sent) == metrics._MOST_SENT
    assert "M9" not in awaited._sent


def test_a_tally_gives_everything_once() -> None:
    tally = Tally()
    assert tally.since() == [], "what was there before it is not its business"
    metrics.PARTS.add(3)
    metrics.REJECTS.of("550 5.1.1").add()
    metrics.DOOR.add(0.002)
    found = {(name, labels): numbers for name, labels, numbers in tally.since()}
    assert found["parts_sent", ()] == [3]
    assert found["rejects", ("550 5.1.1",)] == [1]
    *bins, total = found["door_seconds", ()]
    assert (sum(bins), bins[1], round(total, 6)) == (1, 1, 0.002)
    assert len(found) == 3
    assert tally.since() == []
    metrics.PARTS.add(2)
    assert tally.since() == [("parts_sent", (), [2])]


def test_counts_of_another_process_are_added_to_ours() -> None:
    label = "test of a tally"
    bins = [0.0] * (len(metrics.CALL.bounds) + 1)
    for _ in range(2):
        metrics.add_counts(
            [
                ("rejects", (label,), [2.0]),
                ("outcomes", (label, "accepted", "2000"), [1.0]),
                ("call_seconds", (label,), [*bins[:-1], 1.0, 31.5]),
            ]
        )
    assert dict(metrics.REJECTS.items())[label,] == 4
    assert dict(metrics.OUTCOMES.items())[label, "accepted", "2000"] == 2
    spread = dict(metrics.CALL.items())[label,]
    assert (spread.bins[-1], sum(spread.bins), spread.total) == (2, 2, 63.0)
    assert all(isinstance(number, int) for number in spread.bins), "they are shown as they are"
    assert isinstance(dict(metrics.REJECTS.items())[label,], int)


def test_what_is_given_is_what_can_be_added_and_said() -> None:
    tally = Tally()
    for counter in metrics.COUNTERS:
        counter.of(*(["x of a tally"] * len(counter.labels))).add()
    for histogram in metrics.HISTOGRAMS:
        histogram.of(*(["x of a tally"] * len(histogram.labels))).add(0.5)
    given = tally.since()
    assert len(given) == len(metrics.COUNTERS) + len(metrics.HISTOGRAMS)
    before = {(name, labels): numbers for name, labels, numbers in metrics._numbers()}
    metrics.add_counts(marshal.loads(marshal.dumps(given)))  # noqa: S302  # as a link does
    after = {(name, labels): numbers for name, labels, numbers in metrics._numbers()}
    assert {key for key in after if after[key] != before[key]} == {(name, labels) for name, labels, _ in given}
    for name, labels, numbers in given:
        pairs = zip(before[name, labels], numbers, strict=True)
        assert after[name, labels] == [had + more for had, more in pairs]
