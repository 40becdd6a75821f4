"""One sentence for each status, in both languages, and none forgotten."""

import re
from pathlib import Path

import pytest

from bridge.notices.statuses import SENTENCES, sentence

ROOT = Path(__file__).parents[2] / "bridge"
LITERAL = re.compile(r"""["']([245]\.\d{1,3}\.\d{1,3})(?=["' ])""")


def test_every_status_in_the_bridge_has_its_own_sentence() -> None:
    found = {
        status: path.name
        for path in ROOT.rglob("*.py")
        if "simulator" not in path.parts
        for status in LITERAL.findall(path.read_text(encoding="utf-8"))
    }
    assert {"5.1.3", "4.4.7", "2.1.5", "4.3.5"} <= set(found)
    assert {status: name for status, name in found.items() if status not in SENTENCES} == {}


@pytest.mark.parametrize("status", sorted(SENTENCES))
def test_a_sentence_is_one_line_for_people_in_both_languages(status: str) -> None:
    english, german = SENTENCES[status]
    assert english != german
    for text in (english, german):
        assert text.endswith(".")
        assert text[0].isupper()
        assert not re.search(r"\d\.\d|[\r\n]|  ", text)
    assert re.search(
        r"\b(?:Nothing|Nobody|operator|again|Ask|Check|Correct|Send|Tell|Try|Write|Switch|Shorten)", english
    )


@pytest.mark.parametrize(
    ("status", "key"),
    [
        ("5.1.3", "5.1.3"),
        ("4.4.7", "4.4.7"),
        ("4.3.9", "4.3"),
        ("4.9.9", "4"),
        ("5.2.2", "5.2"),
        ("5.9.9", "5"),
        ("2.6.0", "2"),
    ],
)
def test_the_nearest_sentence_is_said(status: str, key: str) -> None:
    assert (sentence(status, "en"), sentence(status, "de")) == SENTENCES[key]


@pytest.mark.parametrize("status", ["", "x", "9.9.9", "4.", ".", "44.1.1"])
def test_an_odd_status_still_gets_a_sentence(status: str) -> None:
    assert sentence(status, "en")
