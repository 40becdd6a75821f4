"""The thread that reads: questions that wait are asked together, each asker is answered after them.

To another thread and back costs several times what a question to an index does. As with the writer there is no timer:
the questions that are being answered are the time in which the next ones gather.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bridge.message import StoreUnavailable

T = TypeVar("T")
_Asked = tuple[Callable[[], Any], "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Reader:
    """Asks in one thread, in the order of asking."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool-reader")
        self._waiting: list[_Asked] = []
        self._busy = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether the thread answers somebody."""
        return self._busy

    async def run(self, question: Callable[[], T]) -> T:
        """The answer of `question`, or what it raised; `StoreUnavailable` once closed."""
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((question, future))
        if not self._busy:
            self._ask()
        return await future

    def close(self) -> None:
        """Answer what is being answered; who still waits gets `StoreUnavailable`."""
        self._closed = True
        self._thread.shutdown(wait=True)
        waiting, self._waiting = self._waiting, []
        _deliver([(future, None, StoreUnavailable("the spool is closed")) for _, future in waiting])

    def _ask(self) -> None:
        self._busy = True
        asked, self._waiting = self._waiting, []
        self._thread.submit(self._answer, asked)

    def _answer(self, asked: list[_Asked]) -> None:
        """In the thread."""
        answers = [_answered(question, future) for question, future in asked]
        self._loop.call_soon_threadsafe(self._answered, answers)

    def _answered(self, answers: list[_Answer]) -> None:
        self._busy = False
        _deliver(answers)
        if self._waiting and not self._closed:
            self._ask()


def _answered(question: Callable[[], Any], future: "asyncio.Future[Any]") -> _Answer:
    try:
        return future, question(), None
    except Exception as error:  # noqa: BLE001  # it is the asker's, whatever it is
        return future, None, error


def _deliver(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its asker was cancelled
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
