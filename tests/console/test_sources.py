"""What the window is given: nouns that cannot be changed by a page."""

import dataclasses

import pytest

from bridge.console import sources
from bridge.spool.sqlite import SqliteSpool


@pytest.mark.parametrize("noun", ["Paused", "Way", "Health", "Question", "Explained", "PhoneSms", "Sources"])
def test_nouns_are_frozen(noun: str) -> None:
    kind = getattr(sources, noun)
    assert dataclasses.is_dataclass(kind)
    assert vars(kind)["__dataclass_params__"].frozen


def test_a_store_has_all_that_is_asked_of_it() -> None:
    wanted = {name for name in dir(sources.Store) if not name.startswith("_")}
    assert wanted <= set(dir(SqliteSpool))
