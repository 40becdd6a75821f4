"""What all tests share: no network but this machine, the log as the operator would see it, no file's rubbish in the
next.
"""

import gc
import io
import logging
import sys
from collections.abc import Generator, Iterator

import pytest

from bridge import log
from tests import loopback, repairs

pytest_plugins = ["tests.databases"]

loopback.only()
repairs.make()


class _Captured(io.StringIO):
    """What pytest shows of a test that failed: standard output as it is at the moment."""

    def write(self, text: str, /) -> int:
        return sys.stdout.write(text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What was logged may hold lone surrogates, and pytest-xdist cannot send those to its main process."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode("utf-8")) for name, text in report.sections
    ]
    return report


class _Unheard(logging.Handler):
    """What asyncio says of an error that nobody asked for, or a task that nobody waited for, as it throws it away."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg)  # others' may not fit its arguments
        if "was never retrieved" in said or "was destroyed" in said:
            self.said.append(said)


def pytest_collection_finish() -> None:
    gc.freeze()  # what is there now stays; it is not looked through again and again


@pytest.fixture(autouse=True, scope="module")
def _leaves_nothing_behind() -> Iterator[None]:
    """What a file leaves to be thrown away is thrown away at its end: the next one would hear of it, now and then."""
    unheard = _Unheard()
    logging.getLogger("asyncio").addHandler(unheard)
    yield
    gc.collect()
    logging.getLogger("asyncio").removeHandler(unheard)
    assert not unheard.said


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged, down to the last detail."""
    stream = io.StringIO()
    log.configure(stream=stream, level="debug", unmasked=True)
    yield stream
    # Not structlog's reset: loggers of modules keep their first sink, and the next stream would stay empty.
    log.configure(stream=_Captured(), level="debug", unmasked=True)
