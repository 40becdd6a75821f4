"""Where the spool may be, and what is said of places where it cannot."""

import pytest

from bridge.config import spool_url
from tests.config import setup


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("sqlite:a.db", "sqlite:/nowhere/a.db"),
        ("sqlite:/srv/a.db", "sqlite:/srv/a.db"),
        ("sqlite:a:b", "sqlite:/nowhere/a:b"),
        ("postgresql://bridge@db.example.com/x", "postgresql://bridge@db.example.com/x"),
        ("postgres://bridge@one:5432,two:5432/x?sslmode=verify-full", None),
        ("postgresql:///x?host=/run/postgresql", None),
        ("postgresql://[::1]:5432/x?statement_cache_size=0", None),
    ],
)
def test_the_spool(written: str, url: str | None) -> None:
    assert spool_url.spool_url(written, setup.place()) == (url or written.replace("postgres:", "postgresql:"))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a.db", "neither sqlite:PATH nor"),
        ("sqlite:", "neither sqlite:PATH nor"),
        ("SQLITE:a.db", "neither sqlite:PATH nor"),
        ("sqlite:///srv/a.db", "neither sqlite:PATH nor"),
        ("mysql://bridge:made-up@db/x", "neither sqlite:PATH nor"),
        ("postgresql://bridge:made-up@db/x", "must not hold a password"),
        ("postgresql://bridge@db/x?password=made-up", "must not hold a password"),
        ("postgres:bridge:made-up@db/x", "is not postgresql://USER@HOST/DATABASE"),
        ("postgresql://bridge:made-up@db", "is not postgresql://USER@HOST/DATABASE"),
        ("postgresql://bridge@db/x?statement_cache_size=few", "is not a number"),
        (5, "must be text"),
    ],
)
def test_what_is_no_spool(value: object, says: str) -> None:
    error = setup.refusal(spool_url.spool_url, value)
    assert says in error.message
    assert "made-up" not in error.message + error.hint
