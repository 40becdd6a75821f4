"""What the protocol says by itself: every sentence is one sound line, and its two codes agree."""

import re

import pytest

from bridge.smtpd import replies
from bridge.smtpd.contract import Reply

SAID = {
    name: value.encode() if isinstance(value, Reply) else value
    for name, value in vars(replies).items()
    if isinstance(value, (Reply, bytes))
}
CLASSES = {"2": "2", "3": "", "4": "4", "5": "5"}


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_reply_is_one_short_ascii_line(name: str) -> None:
    line = SAID[name].decode("ascii")
    assert re.fullmatch(r"[2-5][0-5]\d [ -~]+\r\n", line)
    assert len(line) <= 512  # RFC 5321 4.5.3.1.5


@pytest.mark.parametrize("name", sorted(SAID))
def test_the_enhanced_code_has_the_class_of_the_code(name: str) -> None:
    """RFC 3463 3; a 354 is an intermediate reply and has none."""
    code, status = SAID[name].decode("ascii").split()[:2]
    assert (status[0] if re.fullmatch(r"\d\.\d\.\d+", status) else "") == CLASSES[code[0]]


def test_there_are_replies_and_none_names_a_product() -> None:
    assert len(SAID) > 20
    said = b"".join(SAID.values()).decode("ascii").lower()
    assert not any(word in said for word in ("smsbridge", "aiosmtpd", "python", "websms"))
