"""Work in slices: who goes on in which turn of the loop."""

import asyncio

from bridge.sluice import Sluice
from tests.turns import Turns


class Crowd:
    """Tasks that go through a sluice, and in which turn of the loop each went on."""

    def __init__(self, sluice: Sluice, turns: Turns) -> None:
        self._sluice = sluice
        self._turns = turns
        self.went: list[tuple[int, str]] = []

    async def _work(self, name: str) -> str:
        self.went.append((self._turns.now, name))
        return name

    async def _come(self, name: str) -> str:
        return await self._sluice.through(self._work(name))

    def come(self, names: str) -> list["asyncio.Task[str]"]:
        """One task for each letter."""
        return [asyncio.create_task(self._come(name)) for name in names]

    @property
    def order(self) -> str:
        """Who went on, one after the other."""
        return "".join(name for _, name in self.went)

    def slices(self) -> list[str]:
        """Who went on in each turn, from the first one to the last."""
        first, last = self.went[0][0], self.went[-1][0]
        return ["".join(name for at, name in self.went if at == turn) for turn in range(first, last + 1)]


async def slices(most: int | None, names: str) -> list[str]:
    with Turns() as turns:
        crowd = Crowd(Sluice(most), turns)
        assert "".join(await asyncio.gather(*crowd.come(names))) == names, "each gets what became of its own work"
    return crowd.slices()


async def test_so_many_go_on_in_one_turn_in_the_order_in_which_they_came() -> None:
    found = await slices(3, "abcdefgh")
    assert [each for each in found if each] == ["abc", "def", "gh"]
    assert "".join(found) == "abcdefgh"


async def test_without_a_number_all_go_on_at_once() -> None:
    assert await slices(None, "abcdefgh") == ["abcdefgh"]


async def test_as_many_as_there_is_room_for_do_not_wait() -> None:
    assert await slices(3, "abc") == ["abc"]


async def test_who_comes_later_does_not_overtake() -> None:
    crowd = Crowd(Sluice(2), Turns())
    first = crowd.come("abcde")
    await asyncio.sleep(0)
    later = crowd.come("xyz")
    await asyncio.gather(*first, *later)
    assert crowd.order == "abcdexyz"


async def test_who_gives_up_takes_nobodys_place() -> None:
    sluice = Sluice(1)
    crowd = Crowd(sluice, Turns())
    first, *given_up, last = crowd.come("abcd")
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    assert [await first, await last] == ["a", "d"]
    assert crowd.order == "ad"


async def test_it_is_still_when_nobody_comes_and_goes_on_afterwards() -> None:
    sluice = Sluice(2)
    for _ in range(2):
        crowd = Crowd(sluice, Turns())
        await asyncio.gather(*crowd.come("abc"))
        assert crowd.order == "abc"
        for _ in range(3):
            await asyncio.sleep(0)
        assert not sluice._turns, "no turn of the loop is spent on it"
