"""rendering: the quick way says what the plain way would, and what was remembered is what would be said now."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.masks import mask_person, mask_text
from bridge.rendering import PERSONAL, SECRET, VERBATIM, Renderer

NOON = 1_767_225_600.5  # 2026-01-01T00:00:00.500Z
USUAL = ("source", "reason", "notification", "code", "known", "helo", "level", "two words", 'q"=', "\n", "\x7f", "ü")
TEXTS = (
    st.text(max_size=90)
    | st.from_regex(r"\+?[0-9]{1,16}", fullmatch=True)
    | st.from_regex(r"[a-z0-9.]{1,8}@[a-z]{1,5}\.org", fullmatch=True)
    | st.text(alphabet='0123456789+ @./()-abé٣"=<>', max_size=30)
    | st.sampled_from(["x\x7fy", '"', "=", "Grüße", "Grüße-x", "", "x" * 3000])
)
VALUES = TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
KEYS = st.sampled_from(sorted({*PERSONAL, *VERBATIM, *SECRET, *USUAL}))
FIELDS = st.dictionaries(KEYS, VALUES, max_size=6)


def rendered(renderer: Renderer, event: str, fields: dict[str, Any]) -> str:
    return renderer(None, "info", {**fields, "event": event})


def renderer(*, as_json: bool, unmasked: bool = False) -> Renderer:
    return Renderer(json=as_json, colours=False, unmasked=unmasked, clock=lambda: NOON)


def shown(key: str, value: object, *, unmasked: bool) -> object:
    if key in SECRET:
        return "***"
    if type(value) is int and key in PERSONAL and not unmasked:
        value = str(value)
    if not isinstance(value, str):
        return value
    value = value if len(value) <= 2000 else value[:2000] + "…"
    if unmasked or key in VERBATIM:
        return value
    return mask_person(value) if key in PERSONAL else mask_text(value)


def plain(event: str, fields: dict[str, Any], *, as_json: bool, unmasked: bool) -> str:
    """One step after the other, each with the standard library."""
    event = str(shown("event", event, unmasked=unmasked))
    told = {key: shown(key, value, unmasked=unmasked) for key, value in fields.items() if key != "level"}
    if as_json:
        head = {"time": "2026-01-01T00:00:00.500Z", "level": "info", "event": event}
        return f"<6>{json.dumps(head | told, separators=(',', ':'))}".replace("\x7f", "\\u007f")
    source = told.pop("source", None)
    parts = [f"2026-01-01T00:00:00.500Z info     {escaped(event):10}"]
    parts += [f"{escaped(key)}={quoted(value)}" for key, value in told.items()]
    parts += [] if source is None else [f"({escaped(str(source))})"]
    return " ".join(parts)


def quoted(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    text = escaped(value)
    return text if text and not set(text) & set(' "=') else '"' + text.replace('"', '\\"') + '"'


def escaped(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


USED = {
    (as_json, unmasked): renderer(as_json=as_json, unmasked=unmasked)
    for as_json in (False, True)
    for unmasked in (False, True)
}


@settings(deadline=None, max_examples=400)
@given(TEXTS, FIELDS, st.booleans(), st.booleans())
def test_every_line_is_what_the_plain_way_gives(
    event: str, fields: dict[str, Any], as_json: bool, unmasked: bool
) -> None:
    expected = plain(event, fields, as_json=as_json, unmasked=unmasked)
    used = USED[as_json, unmasked]
    assert rendered(renderer(as_json=as_json, unmasked=unmasked), event, fields) == expected
    assert rendered(used, event, fields) == expected
    assert rendered(used, event, fields) == expected  # now it is remembered


@pytest.mark.parametrize("as_json", [True, False])
def test_the_same_words_under_another_key_are_masked_as_that_key_is(as_json: bool) -> None:
    one = renderer(as_json=as_json)
    rendered(one, "sent", {"id": "anna@example.org", "transfer_id": "436601234567"})
    line = rendered(one, "sent", {"phone": "436601234567", "code": "436601234567", "author": "anna@example.org"})
    assert "anna" not in line
    assert "1234567" not in line


@pytest.mark.parametrize("as_json", [True, False])
def test_a_number_is_not_taken_for_the_word_that_looks_like_it(as_json: bool) -> None:
    one = renderer(as_json=as_json)
    said = [rendered(one, "sent", {"known": value}) for value in (1, "1", True, "true", 1.0, None)]
    assert len(set(said)) == (6 if as_json else 4)


def test_a_secret_is_not_remembered_either() -> None:
    one = renderer(as_json=True)
    assert "***" in rendered(one, "sent", {"password": "fishing"})
    assert one._said.cache_info().currsize == 0


class _Empty(Exception):
    """Is nothing, if it is asked so."""

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("as_json", [True, False])
def test_no_exception_is_too_odd_to_be_told(as_json: bool) -> None:
    assert "why it broke" in rendered(renderer(as_json=as_json), "bug", {"exc_info": _Empty("why it broke")})


@pytest.mark.parametrize("as_json", [True, False])
def test_a_field_of_that_name_gives_way_to_an_exception_only(as_json: bool) -> None:
    one = renderer(as_json=as_json)
    for nothing in ((None, None, None), (), False, None):  # what is said where there is none
        assert "seldom" in rendered(one, "bug", {"exception": "seldom", "exc_info": nothing})
    line = rendered(one, "bug", {"exception": "seldom", "exc_info": KeyError("often")})
    assert "often" in line
    assert "seldom" not in line
