"""`queue`: the contract's JSON, what may be done with which state, and what needs --yes."""

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.message import Channel, Delivery, Sms, State, decode_sms, encode_sms
from bridge.spool import Event, Step, operations
from bridge.spool.contract import Spool
from bridge.spool.generation import HELD
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, Ran, smsbridge
from tests.make import delivery, intake

ORIGIN = ["kind", "sender", "author", "proof", "peer"]
FIELDS = ["id", "mail", "channel", "state", "recipient", "attempts", "next_at", "code", "reason"]
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def put(config: Path, *deliveries: Delivery, **changes: str) -> None:
    async def putting() -> None:
        spool = await open_spool(config.with_name("smsbridge.db"))
        await spool.accept(intake(*deliveries, **changes))
        await spool.close()

    asyncio.run(putting())


def shown(config: Path, name: str = "M1-1") -> Delivery:
    async def showing() -> Delivery:
        spool = await open_spool(config.with_name("smsbridge.db"))
        ((found, _),) = await spool.show(name)
        await spool.close()
        return found

    return asyncio.run(showing())


@dataclass
class Queue:
    """`smsbridge queue` on one configuration."""

    here: Here
    config: Path

    def __call__(self, *arguments: str) -> Ran:
        return self.here("queue", *arguments, "--config", self.config)

    def list(self, *arguments: str) -> "list[dict[str, Any]]":
        ran = self("list", "--json", *arguments)
        assert ran.code == 0
        found: list[dict[str, Any]] = ran.json
        return found


@pytest.fixture
def queue(here: Here, config: Path, made: Path) -> Queue:
    assert made.parent == config.parent
    return Queue(here, config)


def test_send_then_list_then_show(queue: Queue, config: Path) -> None:
    sent = smsbridge("send", "0660 0000001", "Grüße\x07 aus dem Keller", "--config", config, "--json")
    assert sent.code == 0
    assert (sent.json["recipient"], sent.json["text"], sent.json["parts"]) == (
        "436600000001",
        "Grüße aus dem Keller",
        1,
    )
    (item,) = queue.list()
    assert list(item) == FIELDS
    assert item["id"] == sent.json["id"]
    assert item["mail"] == item["id"].removesuffix("-1")
    assert (item["channel"], item["state"], item["attempts"]) == ("sms", "queued", 0)
    assert re.fullmatch(RFC3339, item["next_at"])
    one = queue("show", item["id"], "--json").json
    assert list(one) == [*FIELDS, *ORIGIN, "events"]
    assert [one[name] for name in ORIGIN] == ["command", "", None, "command", ""]
    assert [list(event) for event in one["events"]] == [["at", "event", "code", "text"]]
    assert one["events"][0]["event"] == "queued"
    assert re.fullmatch(RFC3339, one["events"][0]["at"])
    assert decode_sms(shown(config, item["id"]).payload).text == "Grüße aus dem Keller"
    people = smsbridge("queue", "list", "--config", config)
    assert item["id"] in people.out
    assert queue("show", item["mail"]).code == 0


def test_list_filters_by_state(queue: Queue, config: Path) -> None:
    put(config, *(delivery(number, state=state) for number, state in enumerate(State, 1)))
    assert {item["state"] for item in queue.list()} == {"queued", "sending", "unknown", "held"}
    assert [item["state"] for item in queue.list("--state", "unknown")] == ["unknown"]
    assert [item["state"] for item in queue.list("--state", "failed")] == ["failed"]
    assert len(queue.list("--limit", "2")) == 2


def test_list_filters_as_the_search_does(queue: Queue, config: Path) -> None:
    put(
        config,
        delivery(1, payload=encode_sms(Sms(text="Die Pumpe steht"))),
        delivery(2, state=State.FAILED, recipient="436600000002"),
        delivery(3, recipient="436600000002", created_at=1_800_000_100.0),
    )

    def found(*arguments: str) -> list[str]:
        return [item["id"] for item in queue.list(*arguments)]

    assert found("--number", "0660 0000002") == ["M1-3"]
    assert found("--number", "0660 0000002", "--state", "failed") == ["M1-2"]
    assert found("--text", "PUMPE") == ["M1-1"]
    assert found("--address", "anna@example.org") == ["M1-1", "M1-3"]
    assert found("--address", "anna@example.org", "--limit", "1") == ["M1-3"], "the newest"
    assert found("--since", "2027-01-15T08:01:00Z") == ["M1-3"]
    assert found("--until", "2027-01-15T08:01:00Z") == ["M1-1"]
    assert found("--number", "0660 0000005") == []
    assert queue("list", "--number", "x").code == 64


def test_many_at_once(queue: Queue, config: Path) -> None:
    put(config, *(delivery(number) for number in range(1, 101)))
    ran = queue("hold", *(f"M1-{number}" for number in range(1, 101)), "--json")
    assert ran.code == 0
    assert [item["id"] for item in ran.json] == [f"M1-{number}" for number in range(1, 101)]


def test_show_says_who_sent_it_and_what_proved_that(queue: Queue, config: Path) -> None:
    put(config, delivery(1), delivery(2), proof="user:panel", peer="192.0.2.1", sender="panel@example.org")
    first, second = queue("show", "M1", "--json").json
    assert [first[name] for name in ORIGIN] == [
        "mail",
        "panel@example.org",
        "anna@example.org",
        "user:panel",
        "192.0.2.1",
    ]
    assert {name: first[name] for name in ORIGIN} == {name: second[name] for name in ORIGIN}
    said = queue("show", "M1-2").out
    assert "mail from panel@example.org, author anna@example.org, peer 192.0.2.1, proof user:panel" in said
    assert "author" not in queue("list").out


def test_show_of_nothing_is_1(queue: Queue, config: Path) -> None:
    put(config, delivery())
    assert queue("show", "none").code == 1
    ran = queue("drop", "none", "--json")
    assert (ran.code, ran.json[0]["done"]) == (1, False)


RULES: dict[str, dict[State, State]] = {
    "hold": {State.QUEUED: State.HELD},
    "release": {State.HELD: State.QUEUED},
    "retry": {State.QUEUED: State.QUEUED, State.HELD: State.QUEUED},
    "retry --yes": {
        State.QUEUED: State.QUEUED,
        State.HELD: State.QUEUED,
        State.UNKNOWN: State.QUEUED,
        State.FAILED: State.QUEUED,
    },
    "drop": {State.QUEUED: State.DROPPED, State.UNKNOWN: State.DROPPED, State.HELD: State.DROPPED},
}


@pytest.mark.parametrize("command", sorted(RULES))
def test_what_may_be_done_with_which_state(queue: Queue, config: Path, command: str) -> None:
    put(config, *(delivery(number, state=state) for number, state in enumerate(State, 1)))
    ran = queue(*command.split(), "M1", "--json")
    allowed = RULES[command]
    assert {item["id"]: item["done"] for item in ran.json} == {
        f"M1-{number}": state in allowed for number, state in enumerate(State, 1)
    }
    assert ran.code == 1
    assert all(item["result"] for item in ran.json)
    for number, state in enumerate(State, 1):
        assert shown(config, f"M1-{number}").state is allowed.get(state, state)


def test_retry_is_due_now_with_a_life_of_its_own(queue: Queue, config: Path) -> None:
    now = time.time()
    put(
        config,
        delivery(1, created_at=now, next_at=now + 3000, expires_at=now + 9000),
        delivery(2, state=State.FAILED, created_at=now - 99_999, next_at=now - 99_999, expires_at=now - 10),
    )
    ran = queue("retry", "M1", "--yes")
    assert ran.code == 0
    assert "retried" in ran.out
    assert shown(config, "M1-1").next_at <= time.time()
    assert shown(config, "M1-1").expires_at == now + 9000
    assert shown(config, "M1-2").expires_at > now + 80_000


def test_an_erased_text_cannot_be_sent_again(queue: Queue, config: Path) -> None:
    put(config, delivery(state=State.FAILED, payload=b""))
    ran = queue("retry", "M1-1", "--yes")
    assert ran.code == 1
    assert "erased" in ran.err
    assert shown(config).state is State.FAILED


def test_without_yes_it_says_why_not(queue: Queue, config: Path) -> None:
    put(config, delivery(state=State.UNKNOWN))
    ran = queue("retry", "M1-1")
    assert (ran.code, ran.out) == (1, "")
    assert "--yes" in ran.err
    assert shown(config).state is State.UNKNOWN


def test_a_drop_tells_nobody(queue: Queue, config: Path) -> None:
    put(config, delivery(state=State.UNKNOWN, warn_at=1.0))
    assert queue("drop", "M1-1").code == 0

    async def told() -> int:
        spool = await open_spool(config.with_name("smsbridge.db"))
        due = await spool.telling(time.time() + 99, time.time() + 99, 9)
        await spool.close()
        return len(due)

    assert asyncio.run(told()) == 0


def test_mails_are_in_the_queue_too(queue: Queue, config: Path) -> None:
    put(config, delivery(channel=Channel.MAIL, recipient="anna@example.com", payload=b"x"))
    (item,) = queue.list()
    assert (item["channel"], item["recipient"]) == ("mail", "anna@example.com")


class Meanwhile:
    """A spool in which the daemon goes on between a command's look and its move."""

    def __init__(self, spool: Spool, steps: list[Step]) -> None:
        self._spool = spool
        self._steps = steps

    async def show(self, identifier: str) -> list[tuple[Delivery, list[Event]]]:
        seen = await self._spool.show(identifier)
        for step in self._steps:
            assert await self._spool.move([step], time.time()) == [True]
        return seen

    async def move(self, steps: list[Step], now: float) -> list[bool]:
        return await self._spool.move(steps, now)


@pytest.mark.parametrize("yes", [False, True])
def test_a_retry_acts_only_on_the_state_it_saw(made: Path, yes: bool) -> None:
    """It saw a queued one, whose call went out meanwhile and was lost: to send that again nobody said yes."""
    lost = [Step(id="M1-1", to=State.SENDING, event="sending"), Step(id="M1-1", to=State.UNKNOWN, event="unknown")]

    async def racing() -> tuple[bool, State]:
        spool = await open_spool(made)
        await spool.accept(intake(delivery()))
        raced = cast("Spool", Meanwhile(spool, lost))
        (result,) = await operations.change(raced, ["M1-1"], "retry", time.time(), by="by the operator", yes=yes)
        ((found, _),) = await spool.show("M1-1")
        await spool.close()
        return result.done, found.state

    assert asyncio.run(racing()) == (False, State.UNKNOWN)


def test_row_77_what_a_restore_held_is_let_go_at_once_and_nothing_else(queue: Queue, config: Path) -> None:
    held = [delivery(number, state=State.HELD, code=code) for number, code in ((1, HELD), (2, HELD), (3, "4001"))]
    put(config, *held)
    assert queue("release").code == 64
    ran = queue("release", "--restored")
    assert (ran.code, ran.out) == (0, "2 released\n")
    assert [shown(config, f"M1-{number}").state for number in (1, 2, 3)] == [State.QUEUED, State.QUEUED, State.HELD]
    assert queue("release", "--restored", "--json").json == {"released": 0}
