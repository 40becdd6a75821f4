"""What the daemon tells its operator: one event is one line, and nobody's number stands in it.

Logging must never be the reason a message is lost, so nothing here raises: what cannot be rendered becomes a
line saying so, and a stream that cannot be written to (closed, full, gone) is passed over; audit facts are in
the spool. What peers and phones send is hostile: control characters, line separators and terminal sequences
are escaped in both renderings, tracebacks included, so that every line begins with us.

Who wrote to whom is the spool's business alone: numbers and addresses are masked wherever they stand,
in our fields, in other programs' answers and in the libraries' own messages. Keys in `PERSONAL` hold one
of either, keys in `VERBATIM` hold ids and are left alone, keys in `SECRET` are never shown.

Events are Postfix's words; everything variable is a field. The ``id`` is bound once::

    login                  a login was tried             peer user
    reject                 refused at a door             peer sender recipient code reason
    queued                 committed, then acknowledged  id sender recipients channel proof
    repeated               came again, not sent again    id
    sending sent           the call, and that it is done id recipient code transfer_id
    deferred               not now, tried again later    id recipient code reason attempts
    report                 what the phone said           id code transfer_id known
    delivered              the phone has it              id recipient
    bounced                failed for good               id recipient code reason
    unknown                the answer was lost           id recipient reason
    held resent            somebody's or a route's wish  id recipient
    notice                 somebody was told             id recipient about
    dead letter            unreadable, kept              reason
    paused resumed         a scope stopped, goes on      scope code reason
    spool unavailable      not kept, not acknowledged    reason
    started reloaded stopping stopped                    the daemon's own life
    disk low, clock set, spool restored, giving up       somebody should look
"""

import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json import JSONEncoder
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from bridge.masks import mask_person, mask_text
from bridge.sink import Sink

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
_PRIORITY: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}  # sd-daemon(3)
_PLAIN: Final = (bool, int, float)
_MANY: Final = (list, tuple, set, frozenset)
_COLOUR: Final = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}  # ECMA-48
_BARE: Final = re.compile(r'[^ "=]+')
_encode: Final = JSONEncoder(separators=(",", ":")).encode  # ASCII only: whatever else ends a line is escaped


def get_logger(name: str) -> FilteringBoundLogger:
    """A logger whose events say where they come from; `name` is the module's ``__name__``."""
    return cast("FilteringBoundLogger", structlog.get_logger(source=name.removeprefix("bridge.")))


def configure(
    *,
    stream: TextIO | None = None,
    json: bool | None = None,
    level: str = "info",
    unmasked: bool = False,
    clock: Callable[[], float] = time.time,
) -> None:
    """Sends our events, and the libraries' from warning up, to `stream` (default: stderr as it is now).

    `json`: one object per line behind a ``<N>`` syslog priority. None decides: yes where journald reads us
    and `stream` is no terminal (shells inherit ``$JOURNAL_STREAM``). Otherwise text, coloured on a terminal.
    `level` is the lowest shown of our own events. May be called again; loggers in use keep their level.
    """
    stream = sys.stderr if stream is None else stream
    terminal = _is_terminal(stream)
    if json is None:
        json = not terminal and "JOURNAL_STREAM" in os.environ
    colours = terminal and "NO_COLOR" not in os.environ
    render = _Renderer(json=json, colours=colours, unmasked=unmasked, clock=clock)
    present = structlog.get_config()
    sink = present["logger_factory"] if isinstance(present["logger_factory"], Sink) else Sink()
    sink.stream = stream
    chain = present["processors"]
    chain[:] = [render]  # in place: loggers in use hold this list
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=sink,
        cache_logger_on_first_use=True,
    )
    _take_in_libraries(_Library(render, sink), max(logging.WARNING, getattr(logging, level.upper())))


def gather(soon: Callable[[Callable[[], None]], object] | None) -> None:
    """From now on the plain lines of one turn of a loop are written together; `soon` is its ``call_soon``, called in
    its own thread alone. None: each at once again.

    A write lets other threads run first, and there are a thousand lines a second. Warnings are never kept waiting.
    """
    sink = structlog.get_config()["logger_factory"]
    if isinstance(sink, Sink):
        sink.gather(soon)


class _Library(logging.Handler):
    """Takes what aiosmtpd, aiohttp, asyncio and the others log through the standard library."""

    def __init__(self, render: "_Renderer", sink: Sink) -> None:
        super().__init__(logging.WARNING)  # below it aiosmtpd and aiosmtplib write addresses and mails
        self._render = render
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = record.getMessage()
        except Exception:  # noqa: BLE001  a library's wrong format string must not raise into its caller
            event = str(record.msg)
        fields: dict[str, Any] = {"source": record.name, "event": event, "exc_info": record.exc_info}
        serious = "critical" if record.levelno >= logging.CRITICAL else "error"
        level = serious if record.levelno >= logging.ERROR else "warning"
        self._sink.write(self._render(None, level, fields))


def _take_in_libraries(handler: _Library, level: int) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        if isinstance(old, _Library):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renderer:
    """The last processor: fields to one line. Everything that could raise is inside one `try`."""

    json: bool
    colours: bool
    unmasked: bool
    clock: Callable[[], float]

    def __call__(self, _logger: object, level: str, event_dict: MutableMapping[str, Any]) -> str:
        fields = dict(event_dict)
        head = {"time": self._now(), "level": level, "event": fields.pop("event", "")}
        try:
            return self._line(head, fields)
        except Exception as failure:  # noqa: BLE001  logging never raises: say what is left to say
            head["event"] = "unloggable"
            return self._line(head, {"fault": type(failure).__name__})

    def _line(self, head: dict[str, Any], fields: dict[str, Any]) -> str:
        failure = _exception_of(fields.pop("exc_info", None))
        if failure is not None:
            told = _traceback(failure) if self.json else _summary(failure)
            head["exception"] = told if self.unmasked else mask_text(told)
        head["event"] = self._shown("event", head["event"])
        line = head | {key: self._shown(key, value) for key, value in fields.items() if key not in head}
        if self.json:
            return f"<{_PRIORITY.get(head['level'], 6)}>{_encode(line)}".replace("\x7f", "\\u007f")
        return _as_text(line, colours=self.colours)

    def _now(self) -> str:
        milliseconds = int(self.clock() * 1000)
        return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"

    def _shown(self, key: str, value: object) -> object:
        """The value as it may be seen: bounded, masked, made of what JSON knows."""
        if key in SECRET:
            return "***"
        if not isinstance(value, str):
            if value is None or isinstance(value, _PLAIN):
                hidden = key in PERSONAL and not self.unmasked and type(value) is int
                return self._shown(key, str(value)) if hidden else value
            if isinstance(value, _MANY):
                return [self._shown(key, one) for one in value]
            if isinstance(value, dict):
                return {str(inner): self._shown(str(inner), one) for inner, one in value.items()}
            value = _text_of(value)
        if len(value) > _LONGEST_VALUE:
            value = value[:_LONGEST_VALUE] + "…"
        if self.unmasked or key in VERBATIM:
            return value
        return mask_person(value) if key in PERSONAL else mask_text(value)


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()[:-6]


def _text_of(value: object) -> str:
    with suppress(Exception):  # one bad value must not cost the others
        return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return f"<{type(value).__name__}>"


def _as_text(line: dict[str, Any], *, colours: bool) -> str:
    def paint(code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colours else text

    when, level, event = line.pop("time"), line.pop("level"), _printable(str(line.pop("event")))
    source, failure = line.pop("source", None), line.pop("exception", None)
    parts = [paint("2", when), paint(_COLOUR.get(level, "0"), f"{level:8}"), paint("1", f"{event:10}")]
    if colours:
        parts += [f"{paint('36', _printable(key))}={_quoted(value)}" for key, value in line.items()]
    else:
        parts += [f"{_printable(key)}={_quoted(value)}" for key, value in line.items()]
    if source is not None:
        parts.append(paint("2", f"({_printable(str(source))})"))
    if failure is not None:
        parts.append(paint("31", _printable(failure)))
    return " ".join(parts)


def _quoted(value: object) -> str:
    if not isinstance(value, str):
        return _encode(value)
    if value.isalnum():  # ids, numbers, most words of ours
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
        exc_info = exc_info[1]
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


def _is_terminal(stream: TextIO | None) -> bool:
    with suppress(Exception):  # a closed stream raises ValueError, somebody's stand-in anything
        return stream is not None and stream.isatty()
    return False
