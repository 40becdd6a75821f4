"""Reads one message body out of the octets of a connection: where it ends, what it may hold, how much of it is kept.

It works on the connection's own buffer and copies a good message exactly once. Only CRLF.CRLF ends a message. A CR or
LF of its own is not a nuisance but the tool of SMTP smuggling, so the reader reports it the moment it is seen.
Everything else that is wrong is reported after the end, as RFC 5321 4.2.5 wants; until then the rest is thrown away,
so a client cannot fill the memory.
"""

import re
from collections.abc import Callable

from bridge.smtpd import replies
from bridge.smtpd.contract import Limits, Reply

_END = b"\r\n.\r\n"
_EMPTY = b".\r\n"  # the first line of all is the dot
_BARE_LF = re.compile(rb"(?<!\r)\n")


class Flood(Exception):
    """The client sent more than four times what it may: nothing will be said to it any more."""


class DataReader:
    """Call `step` whenever `buffer` has grown, until it gives the message or what is wrong with it.

    `step` leaves in the buffer what follows the end. With `normalize` a LF of its own counts as CRLF (never as part of
    the end), for trusted devices that know no better.
    """

    __slots__ = ("_buffer", "_checked", "_dropped", "_fault", "_hold", "_limits", "_line", "_normalize")

    def __init__(
        self, buffer: bytearray, limits: Limits, hold: Callable[[int], bool], *, normalize: bool = False
    ) -> None:
        """`hold` is told how many octets are to be kept, and says whether there is room for them."""
        self._buffer = buffer
        self._limits = limits
        self._hold = hold
        self._normalize = normalize
        self._checked = 0  # everything before this offset has been looked at; never between CR and LF
        self._line = 0  # where the line at `_checked` begins
        self._dropped = 0
        self._fault: Reply | None = None

    def step(self) -> bytes | Reply | None:
        """The content, CRLF and without stuffing; or a `Reply`; or None: more is needed. Raises `Flood`.

        `replies.BARE_LINE_END` may come before the end: the connection is then of no further use.
        """
        buffer = self._buffer
        if self._checked == 0 and self._dropped == 0:
            if buffer.startswith(_EMPTY):
                del buffer[: len(_EMPTY)]
                return b""
            if len(buffer) < len(_EMPTY) and _EMPTY.startswith(buffer):
                return None
        at = buffer.find(_END, max(0, self._checked - len(_END) + 1))
        if at < 0:
            return self._advance()
        if not self._check(at + 2):
            return replies.BARE_LINE_END
        if self._fault is None and not self._hold(at + 2):
            self._fault = replies.NO_ROOM
        if self._fault is None:
            with memoryview(buffer) as view:
                content = bytes(view[: at + 2])
        del buffer[: at + len(_END)]
        return self._fault if self._fault is not None else self._finish(content)

    def _advance(self) -> Reply | None:
        buffer, limit = self._buffer, self._limits.max_message_size
        # A CR at the end cannot be judged before its successor is there.
        if not self._check(len(buffer) - 1 if buffer.endswith(b"\r") else len(buffer)):
            return replies.BARE_LINE_END
        size = self._dropped + len(buffer)
        if size > 4 * limit:
            raise Flood
        if self._fault is None and size > limit + limit // 3 + len(_END):  # stuffing adds a third at most
            self._fault = replies.TOO_BIG
        if self._fault is None and not self._hold(len(buffer)):
            self._fault = replies.NO_ROOM
        if self._fault is not None and (spare := self._checked - len(_END)) > 0:
            del buffer[:spare]
            self._dropped += spare
            self._checked -= spare
            self._hold(len(buffer))
        return None

    def _check(self, stop: int) -> bool:
        """Looks at what lies between `_checked` and `stop`; False: there is a bare CR or LF."""
        buffer, start = self._buffer, self._checked
        pairs = buffer.count(b"\r\n", start, stop)
        if buffer.count(b"\r", start, stop) != pairs:
            return False
        if not self._normalize and buffer.count(b"\n", start, stop) != pairs:
            return False
        self._checked = stop
        if self._fault is None:
            if buffer.find(b"\0", start, stop) >= 0:
                self._fault = replies.NUL_IN_DATA
            elif not self._lines_fit(stop):
                self._fault = replies.DATA_LINE_TOO_LONG
        return True

    def _lines_fit(self, stop: int) -> bool:
        longest = self._limits.max_line + 2  # CR LF
        while stop - self._line > longest:
            end = self._buffer.rfind(b"\n", self._line, self._line + longest)
            if end < 0:
                return False
            self._line = end + 1
        return True

    def _finish(self, content: bytes) -> bytes | Reply:
        if self._normalize:
            content = _BARE_LF.sub(b"\r\n", content)
        content = content.removeprefix(b".").replace(b"\r\n.", b"\r\n")
        return content if len(content) <= self._limits.max_message_size else replies.TOO_BIG
