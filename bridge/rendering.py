"""One event of the log as one line, JSON or text, with nobody's number or address in it.

Nothing here raises: what cannot be rendered becomes a line saying so. What peers and phones send is hostile: control
characters, line separators and terminal sequences are escaped in both renderings, tracebacks included, so that every
line begins with us.

Who wrote to whom is the spool's business alone: numbers and addresses are masked wherever they stand, in our fields, in
other programs' answers and in the libraries' own messages. Keys in `PERSONAL` hold one of either, keys in `VERBATIM`
hold ids and are left alone, keys in `SECRET` are never shown.
"""

import re
import sys
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from json import JSONEncoder
from typing import Any, Final

from bridge.masks import mask_person, mask_text

PERSONAL: Final = frozenset(
    {"address", "author", "line", "mailbox", "number", "numbers", "originator", "phone", "postmaster"}
    | {"rcpt", "recipient", "recipients", "sender", "to", "user"}
)
VERBATIM: Final = frozenset(
    {"id", "mail", "delivery", "message_id", "notification_id", "transfer_id", "client_message_id", "source"}
)
SECRET: Final = frozenset({"authorization", "password", "secret", "token"})

_LONGEST_VALUE: Final = 2_000  # characters; journald cuts lines at 48 KiB
_LONGEST_TRACEBACK: Final = 8_000
_REMEMBERED: Final = 4096  # fields
_SHORT: Final = 80  # characters of a value that is remembered
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # sd-daemon(3)
_PLAIN: Final = (bool, int, float)
_MANY: Final = (list, tuple, set, frozenset)
_COLOUR: Final = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}  # ECMA-48
_BARE: Final = re.compile(r'[^ "=]+')
_WORD: Final = re.compile(r"[!#-<>-~]+")  # bare, and printable besides: ASCII
_encode: Final = JSONEncoder(separators=(",", ":")).encode  # ASCII only: whatever else ends a line is escaped


class Renderer:
    """The last processor: fields to one line. Everything that could raise is inside one `try`."""

    def __init__(self, *, json: bool, colours: bool, unmasked: bool, clock: Callable[[], float]) -> None:
        self._line = self._as_json if json else self._as_text
        self._json = json
        self._colours = colours
        self._unmasked = unmasked
        self._clock = clock
        # Most of what a line says was said before: an id and its phone are "queued", then "sending", then "sent".
        self._said = lru_cache(maxsize=_REMEMBERED)(self._field)
        self._begun = lru_cache(maxsize=_REMEMBERED)(self._beginning)
        self._named = lru_cache(maxsize=_REMEMBERED)(self._name)

    def __call__(self, _logger: object, level: str, fields: MutableMapping[str, Any]) -> str:
        when, event, failure = _moment(int(self._clock() * 1000)), fields.pop("event", ""), None
        try:
            if (exc_info := fields.pop("exc_info", None)) is not None:
                failure = self._told(exc_info)
            if failure is not None:
                fields.pop("exception", None)
            return self._line(when, level, event, failure, fields)
        except Exception as fault:  # noqa: BLE001  logging never raises: say what is left to say
            return self._line(when, level, "unloggable", failure, {"fault": type(fault).__name__})

    def _told(self, exc_info: object) -> str | None:
        failure = _exception_of(exc_info)
        if failure is None:
            return None
        told = _traceback(failure) if self._json else _summary(failure)
        return told if self._unmasked else mask_text(told)

    def _as_json(
        self, when: str, level: str, event: object, failure: str | None, fields: MutableMapping[str, Any]
    ) -> str:
        members = [f'<{_PRIORITY.get(level, 6)}>{{"time":"{when}"', self._start(level, event)]
        if failure is not None:
            members.append(f'"exception":{_encode(failure)}')
        members += self._all_of(fields)
        return f"{','.join(members)}}}".replace("\x7f", "\\u007f")

    def _as_text(
        self, when: str, level: str, event: object, failure: str | None, fields: MutableMapping[str, Any]
    ) -> str:
        source = fields.pop("source", None)
        parts = [self._painted("2", when), self._start(level, event), *self._all_of(fields)]
        if source is not None:
            parts.append(self._painted("2", f"({_printable(str(self._shown('source', source)))})"))
        if failure is not None:
            parts.append(self._painted("31", _printable(failure)))
        return " ".join(parts)

    def _start(self, level: str, event: object) -> str:
        remembered = type(event) is str and len(event) <= _SHORT
        return self._begun(level, event) if remembered else self._beginning(level, event)

    def _beginning(self, level: str, event: object) -> str:
        shown = self._shown("event", event)
        if self._json:
            return f'"level":{_encode(level)},"event":{_encode(shown)}'
        painted = self._painted("1", f"{_printable(str(shown)):10}")
        return f"{self._painted(_COLOUR.get(level, '0'), f'{level:8}')} {painted}"

    def _all_of(self, fields: MutableMapping[str, Any]) -> list[str]:
        said, field = self._said, self._field
        fields.pop("time", None)
        fields.pop("level", None)
        return [
            (said if type(value) is str and len(value) <= _SHORT and key not in SECRET else field)(key, value)
            for key, value in fields.items()
        ]

    def _field(self, key: str, value: object) -> str:
        return self._named(key) + (_value if self._json else _quoted)(self._shown(key, value))

    def _name(self, key: str) -> str:
        return f"{_encode(key)}:" if self._json else f"{self._painted('36', _printable(key))}="

    def _painted(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours else text

    def _shown(self, key: str, value: object) -> object:
        """The value as it may be seen: bounded, masked, made of what JSON knows."""
        if key in SECRET:
            return "***"
        if not isinstance(value, str):
            if value is None or isinstance(value, _PLAIN):
                hidden = key in PERSONAL and not self._unmasked and type(value) is int
                return self._shown(key, str(value)) if hidden else value
            if isinstance(value, _MANY):
                return [self._shown(key, one) for one in value]
            if isinstance(value, dict):
                return {str(inner): self._shown(str(inner), one) for inner, one in value.items()}
            value = _text_of(value)
        if len(value) > _LONGEST_VALUE:
            value = value[:_LONGEST_VALUE] + "…"
        if self._unmasked or key in VERBATIM:
            return value
        return mask_person(value) if key in PERSONAL else mask_text(value)


@lru_cache(maxsize=1)
def _moment(milliseconds: int) -> str:
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()[:-6]


def _text_of(value: object) -> str:
    with suppress(Exception):  # one bad value must not cost the others
        return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return f"<{type(value).__name__}>"


def _value(value: object) -> str:
    """JSON; the encoder takes a microsecond to begin with anything but a text."""
    if type(value) is bool:
        return "true" if value else "false"
    return str(value) if type(value) is int else _encode(value)


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        return _value(value)
    if value.isalnum() or _WORD.fullmatch(value):  # ids, numbers, addresses, most words of ours
        return value
    text = _printable(value)
    return text if _BARE.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'


def _printable(text: str) -> str:
    """The text with everything escaped that moves a cursor, ends a line or turns the writing direction."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _exception_of(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1] if exc_info else None
    failure = sys.exception() if exc_info is True else exc_info
    return failure if isinstance(failure, BaseException) else None


def _traceback(failure: BaseException) -> str:
    return "".join(traceback.format_exception(failure))[-_LONGEST_TRACEBACK:]  # its end says most


def _summary(failure: BaseException) -> str:
    """A traceback in one line for a reader at a terminal, the innermost call first."""
    frames = reversed(traceback.extract_tb(failure.__traceback__)[-6:])
    where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    cause = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
    because = f"; from {type(cause).__name__}: {cause}" if cause is not None else ""
    return f"{type(failure).__name__}: {failure} [{where}]{because}"[:_LONGEST_VALUE]
