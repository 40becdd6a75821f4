"""A link: two ends in one loop, over real sockets; what one says arrives at the other, in order, or it is lost."""

import asyncio
import marshal
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.link import Later, Link, LinkLost, Mistake
from tests.wait import PATIENCE, until

LARGE = b"\x00\xff" * 2_000_000  # far more than a socket takes at once


class Closed(Exception):
    """What an answer may be instead."""


class ClosedForEver(Closed):
    """One of them."""


@dataclass
class End:
    """One end, and what it heard."""

    heard: list[tuple[Any, ...]] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    promised: dict[str, "asyncio.Future[str]"] = field(default_factory=dict)
    losses: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    link: Link = field(init=False)

    def __post_init__(self) -> None:
        self.link = Link(
            hears={"news": lambda *words: self.heard.append(words)},
            answers={
                "echo": self._echo,
                "wait": self._wait,
                "broken": self._broken,
                "odd": self._odd,
                "later": lambda word: Later(self.promised[word], str.upper),
                "shut": self._shut,
            },
            refusals=(Closed,),
            lost=self._lose,
        )

    async def _echo(self, *words: Any) -> tuple[Any, ...]:
        self.asked.append(words)
        return words

    async def _wait(self, word: str) -> str:
        self.asked.append((word,))
        await self.gate.wait()
        return word

    async def _broken(self) -> None:
        raise ValueError("a secret of the other process")

    def _shut(self) -> Awaitable[None]:
        raise ClosedForEver("until Monday")

    async def _odd(self) -> object:
        return object()

    def _lose(self) -> None:
        self.losses += 1


@asynccontextmanager
async def linked() -> AsyncIterator[tuple[End, End]]:
    near, far = End(), End()
    loop = asyncio.get_running_loop()
    for end, sock in zip((near, far), socket.socketpair(), strict=True):
        sock.setblocking(False)
        await loop.create_unix_connection(lambda end=end: end.link, sock=sock)  # type: ignore[misc]  # mypy sees no Link
    try:
        yield near, far
    finally:
        near.link.close()
        far.link.close()
        await until(lambda: near.losses and far.losses, "both ends are closed")


async def test_a_question_is_answered_in_both_directions() -> None:
    words = (1, -(2**70), 0.1, True, None, "Grüße \U0001f511\ud800", b"\x00\xff", [1, (2,)], {"a": [None]})
    async with linked() as (near, far):
        assert await near.link.ask("echo", *words) == words
        assert await far.link.ask("echo") == ()


async def test_answers_go_to_their_questions_whatever_the_order() -> None:
    async with linked() as (near, far):
        slow = near.link.ask("wait", "first")
        await until(lambda: far.asked)
        assert await near.link.ask("echo", "second") == ("second",)
        assert not slow.done()
        far.gate.set()
        assert await asyncio.wait_for(slow, PATIENCE) == "first"


async def test_many_questions_of_one_turn_each_get_their_own_answer() -> None:
    async with linked() as (near, far):
        here = [near.link.ask("echo", number) for number in range(500)]
        there = [far.link.ask("echo", -number) for number in range(500)]
        found = await asyncio.gather(*here, *there)
        assert found == [(number,) for number in range(500)] + [(-number,) for number in range(500)]


async def test_news_arrive_in_order_and_before_what_is_asked_after_them() -> None:
    async with linked() as (near, far):
        for number in range(100):
            near.link.tell("news", number)
            if number % 7 == 0:
                await asyncio.sleep(0)
        await near.link.ask("echo")
        assert far.heard == [(number,) for number in range(100)]


async def test_what_is_larger_than_a_socket_holds_arrives_whole() -> None:
    async with linked() as (near, far):
        both = await asyncio.wait_for(
            asyncio.gather(near.link.ask("echo", LARGE), far.link.ask("echo", LARGE)), PATIENCE
        )
        assert list(both) == [(LARGE,), (LARGE,)]


async def test_frames_that_come_octet_by_octet_or_together_are_the_same() -> None:
    end = End()
    frames = b""
    for number in (1, 2, 3):
        said = marshal.dumps((0, 0, "news", (number,)))
        frames += len(said).to_bytes(4) + said
    for octet in frames:
        end.link.data_received(bytes([octet]))
    end.link.data_received(frames + frames[:5])
    end.link.data_received(frames[5:])
    assert end.heard == [(1,), (2,), (3,)] * 3


async def test_a_mistake_at_the_other_end_is_an_error_here_and_its_words_stay_there() -> None:
    async with linked() as (near, _):
        with pytest.raises(LinkLost) as raised:
            await near.link.ask("broken")
        assert str(raised.value) == "ValueError"
        with pytest.raises(LinkLost):
            await near.link.ask("nobody answers this")
        assert await near.link.ask("echo", 1) == (1,), "and the link is as good as before"


async def test_an_answer_may_be_a_future_that_was_or_will_be_there() -> None:
    async with linked() as (near, far):
        loop = asyncio.get_running_loop()
        far.promised = {word: loop.create_future() for word in ("early", "late", "wrong", "gone")}
        far.promised["early"].set_result("early")
        asked = {word: near.link.ask("later", word) for word in far.promised}
        assert await asyncio.wait_for(asked["early"], PATIENCE) == "EARLY"
        assert not any(asked[word].done() for word in ("late", "wrong", "gone"))
        far.promised["gone"].cancel()
        far.promised["late"].set_result("late")
        far.promised["wrong"].set_exception(ValueError("a secret of the other process"))
        assert await asyncio.wait_for(asked["late"], PATIENCE) == "LATE"
        with pytest.raises(Mistake, match=r"^ValueError$"):
            await asyncio.wait_for(asked["wrong"], PATIENCE)
        assert not asked["gone"].done()
        far.link.close()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(asked["gone"], PATIENCE)


async def test_what_is_made_of_an_answer_may_be_a_mistake() -> None:
    async with linked() as (near, far):
        odd: Any = 7
        far.promised["odd"] = asyncio.get_running_loop().create_future()
        far.promised["odd"].set_result(odd)
        with pytest.raises(Mistake, match=r"^TypeError$"):
            await asyncio.wait_for(near.link.ask("later", "odd"), PATIENCE)


async def test_a_refusal_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with linked() as (near, _):
        with pytest.raises(Closed, match=r"^until Monday$"):
            await near.link.ask("shut")
    assert not caplog.records, "and nothing to be logged"


async def test_who_waits_when_the_link_is_lost_is_told() -> None:
    async with linked() as (near, far):
        waiting = [near.link.ask("wait", str(number)) for number in range(3)]
        await until(lambda: len(far.asked) == 3)
        far.link.close()
        for outcome in await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), PATIENCE):
            assert isinstance(outcome, LinkLost)
        assert (near.losses, far.losses) == (1, 1)


async def test_over_a_lost_link_nothing_can_be_asked_and_news_are_dropped() -> None:
    async with linked() as (near, far):
        far.link.close()
        await until(lambda: near.losses)
        near.link.tell("news", 1)
        with pytest.raises(LinkLost):
            await near.link.ask("echo", 1)
        near.link.close()
        await asyncio.sleep(0)
        assert near.losses == 1


async def test_before_there_is_a_link_nothing_can_be_asked() -> None:
    with pytest.raises(LinkLost):
        await End().link.ask("echo", 1)


async def test_what_was_said_last_goes_out_before_the_end() -> None:
    async with linked() as (near, far):
        near.link.tell("news", LARGE)
        near.link.tell("news", "last")
        near.link.close()
        await until(lambda: far.losses)
        assert far.heard == [(LARGE,), ("last",)]


async def test_an_answer_that_nobody_waits_for_any_more_is_passed_over() -> None:
    async with linked() as (near, far):
        given_up = near.link.ask("wait", "x")
        await until(lambda: far.asked)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        far.gate.set()
        assert await near.link.ask("wait", "y") == "y"


async def test_an_answer_to_who_has_gone_hurts_nobody() -> None:
    async with linked() as (near, far):
        asking = near.link.ask("wait", "x")
        await until(lambda: far.asked)
        near.link.close()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(asking, PATIENCE)
        await until(lambda: far.losses)
        far.gate.set()


async def test_a_word_that_cannot_be_said_costs_nobody_else_his_own() -> None:
    async with linked() as (near, far):
        near.link.tell("news", "before")
        with pytest.raises(ValueError, match="unmarshallable"):
            near.link.tell("news", object())
        near.link.tell("news", "after")
        innocent = near.link.ask("echo", 1)
        with pytest.raises(ValueError, match="unmarshallable"):
            await asyncio.wait_for(near.link.ask("echo", object()), PATIENCE)
        assert await asyncio.wait_for(innocent, PATIENCE) == (1,)
        assert far.heard == [("before",), ("after",)]


async def test_an_answer_that_cannot_be_said_is_a_mistake_and_the_others_are_said() -> None:
    async with linked() as (near, _):
        both = asyncio.gather(near.link.ask("odd"), near.link.ask("echo", 1), return_exceptions=True)
        odd, echo = await asyncio.wait_for(both, PATIENCE)
        assert isinstance(odd, LinkLost)
        assert echo == (1,)
