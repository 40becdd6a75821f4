"""Mails as the big programs send them, and the exact words that must reach a phone."""

from pathlib import Path

import pytest

from bridge import text
from bridge.text import plain
from bridge.text.reading import own_words_only

MAILS = sorted((Path(__file__).parent.parent / "golden" / "mail").glob("*.eml"), key=lambda path: path.name)


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_the_words_of_the_writer_and_nothing_else(mail: Path, ending: bytes) -> None:
    data = mail.read_bytes().replace(b"\n", ending)
    expected = mail.with_suffix(".txt").read_text(encoding="utf-8").removesuffix("\n")
    assert text.read(data).text == expected


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
@pytest.mark.parametrize("below", ["", "\n\nPS: Tor 3 bleibt offen.", "\nTor 3 bleibt offen"])
def test_of_the_words_alone_nothing_goes(mail: Path, below: str) -> None:
    own = mail.with_suffix(".txt").read_text(encoding="utf-8").removesuffix("\n") + below
    for author in ("", "Nora <nora@example.com>"):
        for whole in (plain.tidy(own), plain.tidy(f"Tor 5 ist zu.\n\n{own}")):
            assert own_words_only(whole, author) == whole


def test_there_are_enough_of_them() -> None:
    assert len(MAILS) >= 290
