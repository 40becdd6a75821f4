"""ESMTP parameters: which may stand where, in which shape, and that they stay as they were."""

import pytest

from bridge.smtpd import replies
from bridge.smtpd.contract import Reply
from bridge.smtpd.parameters import check_mail, check_rcpt
from tests.smtpd.raw import Rig


async def test_rows_9_and_18_parameters_reach_the_policy_in_their_own_case() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        await client.say("MAIL FROM:<ä@example.org> SIZE=10 smtputf8 ret=HDRS EnvId=QqAa+2B AUTH=<>")
        await client.say("RCPT TO:<ö@example.org> NOTIFY=Failure ORCPT=rfc822;Anna+2Bx@Example.org")
        await client.say("DATA")
        await client.send("Grüße\r\n.\r\n".encode())
        assert (await client.reply()).startswith("250 ")
    (mail,) = rig.policy.taken
    assert mail.sender == "ä@example.org"
    assert mail.params == {"SIZE": "10", "SMTPUTF8": "", "RET": "HDRS", "ENVID": "QqAa+2B", "AUTH": "<>"}
    assert mail.recipients == [("ö@example.org", {"NOTIFY": "Failure", "ORCPT": "rfc822;Anna+2Bx@Example.org"})]


UNKNOWN, BAD, BIG = replies.UNKNOWN_PARAMETER, replies.BAD_PARAMETER, replies.TOO_BIG


@pytest.mark.parametrize(
    ("keyword", "value", "problem"),
    [
        ("SIZE", "0", None),
        ("SIZE", "1000", None),
        ("SIZE", "1001", BIG),
        ("SIZE", "", BAD),
        ("SIZE", "-1", BAD),
        ("SIZE", "\u0661", BAD),  # a digit elsewhere
        ("SIZE", "1" * 21, BAD),
        ("BODY", "7bit", None),
        ("BODY", "8BITMIME", None),
        ("BODY", "BINARYMIME", BAD),
        ("SMTPUTF8", "", None),
        ("SMTPUTF8", "x", BAD),
        ("AUTH", "<>", None),
        ("AUTH", "", BAD),
        ("RET", "hdrs", None),
        ("RET", "NONE", BAD),
        ("ENVID", "QQ+2B", None),
        ("ENVID", "QQ+2b", BAD),  # RFC 3461 4: hexadecimal digits in upper case
        ("ENVID", "x" * 100, None),
        ("ENVID", "x" * 101, BAD),
        ("NOTIFY", "NEVER", UNKNOWN),
        ("HOLDFOR", "5", UNKNOWN),
        ("", "", UNKNOWN),
    ],
)
def test_of_a_mail(keyword: str, value: str, problem: Reply | None) -> None:
    assert check_mail({keyword: value}, max_size=1000) == problem


@pytest.mark.parametrize(
    ("keyword", "value", "problem"),
    [
        ("NOTIFY", "never", None),
        ("NOTIFY", "SUCCESS,FAILURE,delay", None),
        ("NOTIFY", "NEVER,FAILURE", BAD),
        ("NOTIFY", "SUCCESS,", BAD),
        ("NOTIFY", "", BAD),
        ("ORCPT", "rfc822;anna@example.org", None),
        ("ORCPT", "UTF-8;jörg@example.org", None),
        ("ORCPT", "rfc822;jörg@example.org", BAD),
        ("ORCPT", "rfc822;", BAD),
        ("ORCPT", "anna@example.org", BAD),
        ("ORCPT", "rfc822;" + "x" * 493, None),
        ("ORCPT", "rfc822;" + "x" * 494, BAD),
        ("SIZE", "5", UNKNOWN),
        ("RET", "FULL", UNKNOWN),
    ],
)
def test_of_a_recipient(keyword: str, value: str, problem: Reply | None) -> None:
    assert check_rcpt({keyword: value}) == problem


def test_none_at_all_is_right() -> None:
    assert check_mail({}, max_size=0) is None
    assert check_rcpt({}) is None
