"""What the daemon tells its operator: one event is one line, and nobody's number stands in it.

Logging must never be the reason a message is lost, so nothing here raises, and a stream that cannot be written to
(closed, full, gone) is passed over; audit facts are in the spool.

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
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from bridge.rendering import Renderer
from bridge.sink import Sink


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
    render = Renderer(json=json, colours=colours, unmasked=unmasked, clock=clock)
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

    def __init__(self, render: Renderer, sink: Sink) -> None:
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


def _is_terminal(stream: TextIO | None) -> bool:
    with suppress(Exception):  # a closed stream raises ValueError, somebody's stand-in anything
        return stream is not None and stream.isatty()
    return False
