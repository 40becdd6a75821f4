"""Mail ids: short enough, clean, sorted by time, and never the same."""

import re
import secrets

from hypothesis import given
from hypothesis import strategies as st

from bridge import threads
from bridge.ids import mail_ids


@given(st.floats(0, 2**40), st.binary(min_size=10, max_size=10))
def test_the_designs_alphabet_and_length(at: float, random: bytes) -> None:
    made = mail_ids(lambda: at, lambda _: random)()
    assert re.fullmatch(r"[a-z0-9]{1,28}", made)
    sealed = threads.bounce_token(b"k" * 32, f"{made}-1000", 1_800_000_000.0)
    assert len(f"bounce+{sealed}") <= 64  # the local part of a relayed mail's envelope sender


@given(
    st.integers(0, 2**40),
    st.integers(2, 10**6),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=10, max_size=10),
)
def test_they_sort_by_time(at: int, later: int, one: bytes, two: bytes) -> None:
    first = mail_ids(lambda: at / 1000, lambda _: one)()
    second = mail_ids(lambda: (at + later) / 1000, lambda _: two)()
    assert first < second  # at two milliseconds: one may be lost between float and integer


def test_never_twice_in_one_moment() -> None:
    new_id = mail_ids(lambda: 1_800_000_000.0, secrets.token_bytes)
    assert len({new_id() for _ in range(10_000)}) == 10_000


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_every_random_bit_counts(one: bytes, two: bytes) -> None:
    first, second = mail_ids(lambda: 1.0, lambda _: one)(), mail_ids(lambda: 1.0, lambda _: two)()
    assert (first == second) is (one == two)
