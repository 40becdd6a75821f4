"""Mails as the big programs send them, and the exact words that must reach a phone."""

from pathlib import Path

import pytest

from bridge import text

MAILS = sorted((Path(__file__).parent.parent / "golden" / "mail").glob("*.eml"), key=lambda path: path.name)


@pytest.mark.parametrize("mail", MAILS, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_the_words_of_the_writer_and_nothing_else(mail: Path, ending: bytes) -> None:
    data = mail.read_bytes().replace(b"\n", ending)
    expected = mail.with_suffix(".txt").read_text(encoding="utf-8").removesuffix("\n")
    assert text.read(data).text == expected


def test_there_are_enough_of_them() -> None:
    assert len(MAILS) >= 35
