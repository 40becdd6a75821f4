"""What fits a terminal: tables with one line a row, long text in lines, and how far long work has come.

A table is cut where it would wrap, in the middle of a cell, since ids, addresses and numbers are told apart by their
ends. Nothing is cut where nobody sees a terminal: a program reads it there. Progress goes to stderr, and to a terminal
only.
"""

import asyncio
import io
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import click

T = TypeVar("T")
Told = Callable[[int, int], None]
"""Is told how much is done, and of how much."""

_GAP: Final = "  "
_NARROWEST: Final = 8  # characters that are left of a cell
_EVERY: Final = 0.2  # seconds


def write_all() -> None:
    """Let stdout and stderr write to the end what they are given, however Python was started.

    With PYTHONUNBUFFERED it hands text to the system in one write and does not ask how much of it was taken: of what a
    pipe has no room for the rest is lost when a signal comes meanwhile, and nobody hears of it.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        raw = getattr(stream, "buffer", None)
        if isinstance(raw, io.FileIO):
            whole = open(  # noqa: SIM115  # it lives as long as the program
                raw.fileno(), "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False
            )
            setattr(sys, name, whole)


def width() -> int | None:
    """Columns of the terminal that stdout is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def cut(text: str, most: int) -> str:
    """`text` in at most `most` characters, without its middle where it is longer."""
    if len(text) <= most:
        return text
    if most <= 1:
        return "…"[:most]
    behind = (most - 1) // 2
    return f"{text[: most - 1 - behind]}…{text[len(text) - behind :]}"


def table(rows: Sequence[Sequence[object]], columns: int | None) -> Iterator[str]:
    """The rows in lines of equal columns, and of at most `columns` characters; None is as long as they are."""
    cells = [[printable("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    if columns is not None:
        widths = _fitted(widths, columns - len(_GAP) * (len(widths) - 1))
    for row in cells:
        yield _GAP.join(cut(cell, most).ljust(most) for cell, most in zip(row, widths, strict=True)).rstrip()


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """What is widest gives way first, the last of several."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > _NARROWEST:
        widest = max(range(len(fitted)), key=lambda place: (fitted[place], place))
        others = [one for place, one in enumerate(fitted) if place != widest]
        least = max([_NARROWEST, *(one for one in others if one < fitted[widest])])
        fitted[widest] -= max(1, min(sum(fitted) - room, fitted[widest] - least))
    return fitted


def paragraphs(text: str, columns: int | None, indent: str = "") -> Iterator[str]:
    """Long text in lines of at most `columns`; what the writer put on a line of its own begins one."""
    for line in text.splitlines() or [""]:
        plain = printable(line)
        if columns is None:
            yield indent + plain
            continue
        yield from textwrap.wrap(
            plain, max(columns, 20), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        ) or [indent.rstrip()]


def printable(text: str) -> str:
    """`text` as one line that does nothing to a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


@contextmanager
def counting(label: str, *, shown: bool) -> Iterator[Told]:
    """A bar on stderr for work that can be counted; `shown` is False where JSON is wanted."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done, _whole: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr, show_pos=True) as bar:

        def tell(done: int, whole: int) -> None:
            bar.length = max(whole, 1)
            bar.update(max(done, 0) - bar.pos)

        yield tell


async def ticking(label: str, work: Awaitable[T], *, shown: bool) -> T:
    """`work`, with the seconds that it takes on stderr: for what cannot be counted."""
    if not (shown and sys.stderr.isatty()):
        return await work
    begun, task = time.monotonic(), asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=_EVERY))[0]:
            click.echo(f"\r{label} … {time.monotonic() - begun:.0f} s", err=True, nl=False)
        return await task
    finally:
        task.cancel()
        click.echo("\r" + " " * (len(label) + 12) + "\r", err=True, nl=False)


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Blocking `work` in a thread that the end of the program does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is one

    def working() -> None:
        try:
            answer: tuple[T | None, BaseException | None] = (work(*arguments), None)
        except Exception as error:  # noqa: BLE001  # it is the asker's, whatever it is
            answer = (None, error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, *answer)

    threading.Thread(target=working, daemon=True).start()
    return await future
