"""Counting: additions, bounded labels, spreads."""

from itertools import pairwise

from bridge import metrics
from bridge.metrics import Awaited, Counter, Histogram


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
