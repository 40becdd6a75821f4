"""A TOML file together with the line of each of its tables, keys and array elements.

tomllib says where a syntax error is but forgets every position once a file is read, and "routes.toml is
wrong somewhere" helps nobody with a thousand routes. So a second, small reader goes over the text that
tomllib has accepted and notes the lines. It decides nothing: what a file means is tomllib's word alone, and
where the two should ever differ a message only loses its line.
"""

import re
import stat
import tomllib
from pathlib import Path

from bridge.config.problems import Collector, Invalid, Problem

Part = str | int
Trail = tuple[Part, ...]

_LARGEST = 16 * 1024 * 1024  # bytes; ten thousand routes are two million
_DEEPEST = 16  # steps of a dotted key whose lines are noted; nothing of ours has more than four
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'  # multi-line basic; may end in up to two quotes of its own
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_OTHER_VALUE = re.compile(r"[^,\]}#\r\n]+")
_PLACE_IN_MESSAGE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Document:
    """What a TOML file says (`data`) and on which line it says so."""

    def __init__(self, file: str, data: dict[str, object], lines: dict[Trail, int]) -> None:
        self.file = file
        self.data = data
        self._lines = lines

    def line(self, *trail: Part) -> int | None:
        """The line (from 1) of a key, table or element, or of the nearest one around it that is known."""
        for length in range(len(trail), 0, -1):
            found = self._lines.get(trail[:length])
            if found is not None:
                return found
        return None


class UnreadableFile(Invalid):
    """A file cannot be read; `line` is where it stops being text, if that is the reason."""

    def __init__(self, message: str, hint: str = "", line: int | None = None) -> None:
        super().__init__(message, hint)
        self.line = line


def read_text(path: Path) -> str:
    """The text of a configuration file; a byte order mark, as some editors write, is left out.

    Raises `UnreadableFile`, whatever the reason.
    """
    try:
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFile("this is a pipe or device", "name a file")  # reading it could wait forever
        with path.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        raise UnreadableFile("there is no such file") from None
    except IsADirectoryError:
        raise UnreadableFile("this is a directory", "name the file in it") from None
    except PermissionError:
        raise UnreadableFile("permission denied", "let the user that runs smsbridge read it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise UnreadableFile(f"it cannot be read: {reason or 'its name is not usable'}") from None
    if len(raw) > _LARGEST:
        raise UnreadableFile("it is larger than 16 MiB", "is this the right file?")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableFile("it is not UTF-8 text", "save it in the encoding UTF-8", line) from None


def parse(text: str, file: str, collector: Collector) -> Document | None:
    """Reads TOML, or None after a Problem with the line of the syntax error."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE_IN_MESSAGE.search(str(error))
        message = _PLACE_IN_MESSAGE.sub("", str(error))
        last = text.rstrip().count("\n") + 1
        line = int(place[1]) if place and place[1] else last
        collector.problem(
            Problem(
                file=file,
                line=line,
                message=f"this is not TOML: {message[:1].lower()}{message[1:]}",
                hint="texts stand in quotes, lists in [ ], and every key once",
            )
        )
        return None
    except (ValueError, RecursionError):
        collector.problem(Problem(file=file, message="this is not TOML: a number too long or lists nested too deeply"))
        return None
    return Document(file, data, _Lines(text).found)


class _Lines:
    """One pass over valid TOML, noting the line of whatever has a name or a place."""

    def __init__(self, text: str) -> None:
        self.found: dict[Trail, int] = {}
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._counted = 0
        self._arrays: dict[Trail, int] = {}
        try:
            self._document()
        except (_LostError, RecursionError):
            return

    def _document(self) -> None:
        table: Trail = ()
        while self._skip(_BLANK) and self._at < len(self._text):
            if self._take("[["):
                table = self._header(array=True)
            elif self._take("["):
                table = self._header(array=False)
            else:
                self._pair(table)

    def _header(self, *, array: bool) -> Trail:
        line = self._here()
        *parents, last = self._dotted()
        self._expect("]]" if array else "]")
        table: Trail = ()
        for part in parents:
            table = self._latest((*table, part))
        table = (*table, last)
        if array:
            self.found.setdefault(table, line)
            self._arrays[table] = self._arrays.get(table, -1) + 1
        table = self._latest(table)
        self.found.setdefault(table, line)
        return table

    def _latest(self, table: Trail) -> Trail:
        """A table that was written as an array of tables means its latest element."""
        return (*table, self._arrays[table]) if table in self._arrays else table

    def _pair(self, table: Trail) -> None:
        line = self._here()
        for part in self._dotted():
            table = (*table, part)
            self.found.setdefault(table, line)
        self._expect("=")
        self._skip(_INLINE_BLANK)
        self._value(table)

    def _dotted(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_INLINE_BLANK)
            if len(parts) < _DEEPEST:
                parts.append(self._key())
            else:
                self._key()
            self._skip(_INLINE_BLANK)
            if not self._take("."):
                return parts

    def _key(self) -> str:
        bare = _BARE_KEY.match(self._text, self._at)
        if bare:
            self._at = bare.end()
            return bare[0]
        quoted = _STRING.match(self._text, self._at)
        if not quoted:
            raise _LostError
        self._at = quoted.end()
        return str(tomllib.loads(f"key = {quoted[0]}")["key"])

    def _value(self, trail: Trail) -> None:
        if self._take("["):
            self._array(trail)
        elif self._take("{"):
            self._inline_table(trail)
        else:
            found = _STRING.match(self._text, self._at) or _OTHER_VALUE.match(self._text, self._at)
            if not found:
                raise _LostError
            self._at = found.end()

    def _array(self, trail: Trail) -> None:
        index = 0
        while self._skip(_BLANK) and not self._take("]"):
            self.found.setdefault((*trail, index), self._here())
            self._value((*trail, index))
            self._skip(_BLANK)
            self._take(",")
            index += 1

    def _inline_table(self, trail: Trail) -> None:
        while self._skip(_BLANK) and not self._take("}"):
            self._pair(trail)
            self._skip(_BLANK)
            self._take(",")

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return True

    def _take(self, mark: str) -> bool:
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _expect(self, mark: str) -> None:
        self._skip(_INLINE_BLANK)
        if not self._take(mark):
            raise _LostError

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


class _LostError(Exception):
    """The walker does not understand the text; the lines found so far remain."""
