"""Which language somebody reads."""

import pytest

from bridge.console.words import language, say


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", "xx"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.95", "en"),
        ("fr, de;q=0.4, en;q=0.3", "de"),
        ("fr;q=1, *;q=0.5", "xx"),
        ("de;q=0", "xx"),
        ("de;q=....", "xx"),
        ("\x00" * 1000, "xx"),
        ("x," * 10_000 + "de", "xx"),
    ],
)
def test_the_browser_decides_and_else_the_configuration(accepted: str, chosen: str) -> None:
    assert language(accepted, "xx") == chosen


def test_values_are_put_in() -> None:
    assert say("en", "ago", span="2 h") == "2 h ago"
    with pytest.raises(KeyError):
        say("en", "nobody wrote this")
