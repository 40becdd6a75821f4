"""Mails to read, made of fields and a body, and what a refusal says."""

import pytest

from bridge import text


def mail(*fields: str, body: bytes = b"Hallo\r\n") -> bytes:
    return "".join(field + "\r\n" for field in fields).encode() + b"\r\n" + body


def refusal(data: bytes) -> tuple[int, str]:
    with pytest.raises(text.Refused) as caught:
        text.read(data)
    assert caught.value.sentence
    return caught.value.code, caught.value.status
