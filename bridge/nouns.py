"""Frozen nouns that are made as quickly as others.

`dataclass` fills a frozen one through `object.__setattr__`, a call for each field: three quarters of what a `Delivery`
costs. Here it belongs to a subclass that is not frozen until all is in it. What it is then is the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

T = TypeVar("T")

# Both of them, or Python looks for the other one with each field.
_UNLOCKED = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}


def light(noun: type[T]) -> type[T]:
    """For a frozen, slotted dataclass without subclasses, all of whose fields are keywords, with plain defaults if any.

    Raises TypeError for another one.
    """
    made: Any = noun
    given = fields(made)
    if not all(field.init and field.kw_only and field.default_factory is MISSING for field in given):
        raise TypeError(f"{noun.__name__} has a field that cannot be filled so")
    defaults = {field.name: field.default for field in given}
    words = [name if default is MISSING else f"{name}=defaults['{name}']" for name, default in defaults.items()]
    begin = (f"def filled(self, *, {', '.join(words)}):", "    put(self, '__class__', opened)")
    filled = _function(noun, begin, {name: name for name in defaults}, put=object.__setattr__, defaults=defaults)
    filled.__name__, filled.__qualname__ = "__init__", made.__init__.__qualname__
    filled.__annotations__ = made.__init__.__annotations__
    made.__init__ = filled
    return noun


def reader(noun: type[T], values: Mapping[str, str], **names: Any) -> Callable[[Any], T]:
    """A function that makes such a noun of a `row`, by an expression of ours for each field; `names` may stand there.

    By keywords it would cost three times as much.
    """
    begin = ("def filled(row):", "    self = new(opened)")
    read: Callable[[Any], T] = _function(noun, begin, values, "    return self", new=object.__new__, **names)
    return read


def _function(noun: type[Any], begin: tuple[str, ...], values: Mapping[str, str], end: str = "", **names: Any) -> Any:
    fill = [f"    self.{name} = {value}" for name, value in values.items()]
    names |= {"noun": noun, "opened": type(noun.__name__, (noun,), _UNLOCKED)}
    exec("\n".join([*begin, *fill, "    self.__class__ = noun", end]), names)  # noqa: S102  # our own words
    return names["filled"]
