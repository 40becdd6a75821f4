"""A light noun is the frozen dataclass it was, in all but the time it takes."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass, field

import pytest

from bridge.nouns import light, reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    name: str
    number: int = 3
    other: "Plain | None" = None


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    name: str
    number: int = 3
    other: "Plain | None" = None


def test_it_holds_what_it_was_given_and_its_defaults() -> None:
    one = Light(name="a", other=Plain(name="b"))
    assert dataclasses.asdict(one) == dataclasses.asdict(Plain(name="a", other=Plain(name="b")))
    assert type(one) is Light
    assert (one, hash(one)) == (Light(name="a", number=3, other=Plain(name="b")), hash(copy.copy(one)))
    assert dataclasses.replace(one, number=4) == Light(name="a", number=4, other=Plain(name="b"))
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301  # our own
    assert repr(one) == "Light(name='a', number=3, other=Plain(name='b', number=3, other=None))"


def test_it_does_not_change_once_it_is_made() -> None:
    one = Light(name="a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, "name", "b")  # noqa: B010  # mypy knows that it is frozen
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(one, "name")
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize("given", [{}, {"number": 1}, {"name": "a", "more": 1}])
def test_it_is_refused_in_the_same_words(given: dict[str, object]) -> None:
    said = []
    for noun in (Plain, Light):
        with pytest.raises(TypeError) as refused:
            noun(**given)  # type: ignore[arg-type]  # that is the test
        said.append(str(refused.value).replace(noun.__name__, ""))
    assert said[0] == said[1]
    assert inspect.signature(Light) == inspect.signature(Plain)


def test_what_cannot_be_filled_so_is_refused() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Listing:
        found: list[str] = field(default_factory=list)

    @dataclass(frozen=True, slots=True)
    class Placed:
        name: str

    for noun in (Listing, Placed):
        with pytest.raises(TypeError, match="cannot be filled so"):
            light(noun)


def test_a_reader_makes_one_of_a_row() -> None:
    read = reader(Light, {"name": "row[0]", "number": "numbers[row[1]]", "other": "None"}, numbers={"four": 4})
    one = read(("a", "four", "more"))
    assert (one, type(one)) == (Light(name="a", number=4), Light)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, "name", "b")  # noqa: B010  # mypy knows that it is frozen
    with pytest.raises(KeyError):
        read(("a", "five"))
