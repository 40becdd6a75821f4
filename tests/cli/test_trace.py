"""`trace`: the timeline of a mail, of an SMS and of their notices, for people and for programs."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.message import Bounce, Channel, Fate, Report, ReportState, Sms, State, encode_sms
from bridge.spool import Step
from bridge.spool.contract import Spool
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, Ran, smsbridge
from tests.make import NOW, delivery, intake

RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
CAME: dict[str, Any] = {"message_id": "<1@example.org>", "peer": "192.0.2.1", "proof": "network", "size": 1234}


def spooled(made: Path, work: Callable[[Spool], Awaitable[object]]) -> None:
    async def working() -> None:
        spool = await open_spool(made)
        await work(spool)
        await spool.close()

    asyncio.run(working())


@pytest.fixture
def trace(here: Here, config: Path) -> Callable[..., Ran]:
    return lambda *arguments: here("trace", *arguments, "--config", config)


async def _mail(spool: Spool) -> None:
    text = encode_sms(Sms(text="Grüße\x1b[31m €", originator="436600000099"))
    await spool.accept(intake(delivery(1, payload=text), delivery(2, state=State.HELD, reason="too many"), **CAME))
    for at, step in enumerate(
        [
            Step(id="M1-1", to=State.SENDING, event="sending", attempts=1),
            Step(id="M1-1", to=State.QUEUED, event="deferred", code="5003", text="try later"),
            Step(id="M1-1", to=State.SENDING, event="sending", attempts=1),
            Step(id="M1-1", to=State.SENT, event="sent", code="2000", text="OK", transfer_id="t-1"),
        ],
        start=1,
    ):
        await spool.move([step], NOW + at)
    await spool.report(Report(notification_id="r", state=ReportState.EXPIRED, client_message_id="M1-1"), NOW + 10)
    notice = delivery(mail="N1", channel=Channel.MAIL, recipient="anna@example.org", sender="", created_at=NOW + 12)
    await spool.accept(intake(notice, id="N1", kind="notice", at=NOW + 12, told=[("M1-1", "failed")]))
    await spool.move([Step(id="N1-1", to=State.SENDING, event="sending")], NOW + 13)
    await spool.move([Step(id="N1-1", to=State.SENT, event="sent", code="250", text="queued as 7")], NOW + 14)
    await spool.report(Report(notification_id="l", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 99)


async def _sms(spool: Spool) -> None:
    mail = delivery(
        mail="s1", channel=Channel.MAIL, recipient="office@example.com", sender="bounce+s1-1.x@sms.example.com"
    )
    given = {"kind": "sms", "sender": "436600000001", "author": None, "proof": "webhook", "notification_id": "03a1"}
    await spool.accept(intake(mail, line="436600000099", why="conversation", message_id="<sms.1@mx>", **given))
    for state in (State.SENDING, State.SENT):
        await spool.move([Step(id="s1-1", to=state, event=state.value, code="250")], NOW + 1)
    failed = Bounce(fate=Fate.FAILED, status="5.1.1", text="550 no such user", digest=b"x")
    await spool.bounced("s1-1", failed, NOW + 60)


def test_the_timeline_of_a_mail(trace: Callable[..., Ran], made: Path) -> None:
    spooled(made, _mail)
    ran = trace("M1")
    assert ran.code == 0
    head, lines = ran.out[: ran.out.index("received")], ran.out.splitlines()
    for words in (
        "M1  mail",
        "Message-ID <1@example.org>",
        "M1-1  delivered  sms to +436600000001",
        "route anna@sms.example.com, reports failures, on_unknown hold, until 2027-01-16T08:00:00Z, transfer t-1",
        "ucs2, 1 SMS as 436600000099: Grüße [31m €",
        "M1-2  held  sms to +436600000001",
        "N1-1  sent  notice to anna@example.org",
    ):
        assert words in head
    timeline = [re.sub(r" +", " ", line) for line in lines if re.match(RFC3339, line)]
    assert timeline == [
        "2027-01-15T08:00:00Z M1 received mail from <anna@example.org> by 192.0.2.1, proof network, 1234 octets",
        "2027-01-15T08:00:00Z M1-1 queued",
        "2027-01-15T08:00:00Z M1-2 held too many",
        "2027-01-15T08:00:01Z M1-1 sending",
        "2027-01-15T08:00:02Z M1-1 deferred 5003 try later",
        "2027-01-15T08:00:03Z M1-1 sending",
        "2027-01-15T08:00:04Z M1-1 sent 2000 OK",
        "2027-01-15T08:00:10Z M1-1 report expired",
        "2027-01-15T08:00:10Z M1-1 bounced report expired",
        "2027-01-15T08:00:12Z M1-1 told failed N1-1 to anna@example.org",
        "2027-01-15T08:00:12Z N1-1 queued",
        "2027-01-15T08:00:13Z N1-1 sending",
        "2027-01-15T08:00:14Z N1-1 sent 250 queued as 7",
        "2027-01-15T08:01:39Z M1-1 report delivered",
        "2027-01-15T08:01:39Z M1-1 delivered report delivered",
    ]
    assert "\x1b" not in ran.out


def test_the_same_as_data(trace: Callable[..., Ran], made: Path) -> None:
    spooled(made, _mail)
    (found,) = trace("M1", "--json").json
    assert {name: found[name] for name in ("id", "kind", "at", "sender", "proof", "peer", "size", "message_id")} == {
        "id": "M1",
        "kind": "mail",
        "at": "2027-01-15T08:00:00Z",
        "sender": "anna@example.org",
        "proof": "network",
        "peer": "192.0.2.1",
        "size": 1234,
        "message_id": "<1@example.org>",
    }
    first, second = found["deliveries"]
    assert (first["id"], first["state"], first["transfer_id"], second["state"]) == ("M1-1", "delivered", "t-1", "held")
    assert (first["sms"]["encoding"], first["sms"]["parts"], first["attempts"]) == ("ucs2", 1, 2)
    assert [notice["recipient"] for notice in found["notices"]] == ["anna@example.org"]
    assert len(found["timeline"]) == 15
    for entry in found["timeline"]:
        assert list(entry) == ["at", "id", "event", "code", "text"]
        assert re.fullmatch(RFC3339, entry["at"])
    assert all(re.fullmatch(RFC3339, first[name]) for name in ("created_at", "changed_at", "next_at", "expires_at"))


def test_the_timeline_of_an_sms(trace: Callable[..., Ran], made: Path) -> None:
    spooled(made, _sms)
    out = re.sub(r" +", " ", trace("s1-1").out)
    assert (
        "s1 received SMS from +436600000001 to +436600000099 by webhook; "
        "its mailbox: its author wrote to that phone last"
    ) in out
    assert "s1-1 failed mail to office@example.com" in out
    assert "s1-1 bounced bounce 550 no such user" in out
    assert trace("03a1").out == trace("s1").out == trace("sms.1@mx").out


@pytest.mark.parametrize("identifier", ["M1-2", "t-1", "<1@example.org>", "1@example.org"])
def test_what_leads_to_it(trace: Callable[..., Ran], made: Path, identifier: str) -> None:
    spooled(made, _mail)
    (found,) = trace(identifier, "--json").json
    assert found["id"] == "M1"


def test_nothing_is_known(trace: Callable[..., Ran], made: Path) -> None:
    assert made.exists()
    for arguments in (["M7"], ["M7", "--json"]):
        ran = trace(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "nothing with the id M7" in ran.err


def test_a_text_that_was_erased(trace: Callable[..., Ran], made: Path) -> None:
    async def work(spool: Spool) -> None:
        await spool.accept(intake(delivery(state=State.FAILED, changed_at=NOW)))
        await spool.purge(NOW + 100, 10, 1000, 9)

    spooled(made, work)
    assert "the text was erased" in trace("M1").out
    (found,) = trace("M1", "--json").json
    assert found["deliveries"][0]["sms"] is None


def test_what_an_operator_did_stands_in_it(here: Here, config: Path, made: Path) -> None:
    sent = smsbridge("send", "06600000001", "Hallo", "--config", config, "--json")
    for command in ("hold", "release", "retry", "drop"):
        assert here("queue", command, sent.json["id"], "--config", config).code == 0
    assert made.exists()
    (found,) = smsbridge("trace", sent.json["id"], "--json", "--config", config).json
    assert [(entry["event"], entry["text"]) for entry in found["timeline"]] == [
        ("received", "command, made here"),
        ("queued", ""),
        ("held", "by the operator"),
        ("released", "by the operator"),
        ("retried", "by the operator"),
        ("dropped", "by the operator"),
    ]


HOSTILE = "\x1b]0;x\x07\x1b[2J\x9b2J\x7f\u202e\r\n2027 M1 delivered"


def _leaves_the_terminal_alone(out: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in out)


async def _hostile(spool: Spool) -> None:
    text = encode_sms(Sms(text=HOSTILE))
    came = {"message_id": "<1@example.org>", "peer": HOSTILE, "proof": HOSTILE, "sender": HOSTILE, "author": HOSTILE}
    await spool.accept(intake(delivery(payload=text, orcpt=HOSTILE, address=HOSTILE), **came))
    await spool.move([Step(id="M1-1", to=State.SENDING, event="sending")], NOW)
    await spool.move([Step(id="M1-1", to=State.QUEUED, event="deferred", code=HOSTILE, text=HOSTILE)], NOW)


@pytest.mark.parametrize("command", [["trace", "M1"], ["queue", "show", "M1"], ["queue", "list"]], ids=" ".join)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_what_strangers_wrote_does_nothing_to_a_terminal(
    here: Here, config: Path, made: Path, command: list[str], options: list[str]
) -> None:
    spooled(made, _hostile)
    ran = here(*command, *options, "--config", config)
    assert ran.code == 0
    assert _leaves_the_terminal_alone(ran.out)
    if options:
        assert json.dumps(HOSTILE)[1:-1] in json.dumps(ran.json), "programs get it as it is"
    elif command[0] == "trace":
        assert len(re.findall(rf"^{RFC3339}", ran.out, re.MULTILINE)) == 4


@pytest.mark.parametrize("identifier", ["", "\udcff\udc80", HOSTILE, "' OR 1=1 --", "%", "x" * 9999, "<@>", "M1-"])
@pytest.mark.parametrize("command", [["trace"], ["queue", "show"], ["queue", "hold"]], ids=" ".join)
def test_an_odd_id_leads_nowhere(here: Here, config: Path, made: Path, command: list[str], identifier: str) -> None:
    spooled(made, _hostile)
    ran = here(*command, "--config", config, "--", identifier)
    assert (ran.code, ran.out) == (1, "")
    assert "nothing with" in ran.err
    assert _leaves_the_terminal_alone(ran.err)
