"""The seam between protocol and policy: a reply is one line, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.smtpd.contract import Limits, Peer, Reply, Terms
from tests.smtpd.raw import Recorder, Rig


async def test_a_reply_is_one_ascii_line_whatever_its_text() -> None:
    policy = Recorder(mail_reply=Reply(550, "5.7.1", "nicht für\r\n250 dich" + "x" * 600))
    async with Rig(policy) as rig:
        client = await rig.greeted()
        answer = await client.say("MAIL FROM:<a@example.org>")
        assert answer.startswith("550 5.7.1 nicht f?r??250 dichxxx")
        assert len(answer) <= 510
        assert await client.say("NOOP") == "250 2.0.0 OK"


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        (Reply(250, "2.0.0", "OK"), b"250 2.0.0 OK\r\n"),
        (Reply(354, "", "go on"), b"354 go on\r\n"),
        (Reply(550, "5.1.1", ""), b"550 5.1.1 \r\n"),
        (Reply(550, "5.1.1", "a\r\n250 b\tc\x00"), b"550 5.1.1 a??250 b?c?\r\n"),
    ],
)
def test_a_reply_as_it_is_sent(reply: Reply, line: bytes) -> None:
    assert reply.encode() == line


@given(st.integers(200, 599), st.sampled_from(["", "2.0.0", "5.255.255"]), st.text(max_size=2000))
def test_whatever_a_reply_holds_it_is_one_line_of_at_most_512_octets(code: int, status: str, text: str) -> None:
    line = Reply(code, status, text).encode()
    assert len(line) <= 512
    assert line.endswith(b"\r\n")
    assert line[:-2].decode("ascii").isprintable()


def test_who_says_nothing_gets_the_careful_terms() -> None:
    terms = Terms(policy=Recorder(), hostname="mx.example.com")
    assert (terms.limits, terms.ssl_context, terms.offers_auth) == (Limits(), None, False)
    peer = Peer(host="192.0.2.1", port=1, mode="starttls")
    assert (peer.tls, peer.user, peer.esmtp) == (False, None, False)
