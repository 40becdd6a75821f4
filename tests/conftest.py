"""What all tests share: no network but this machine, the log as the operator would see it, the repair of aioresponses.

aioresponses 0.7.9, the latest, builds aiohttp's answers without the argument `stream_writer`, which aiohttp has
required since its security release 3.14. An older aiohttp is not the way out, so its answers are built here.
``test_the_repair_of_aioresponses_is_still_needed`` in tests/providers/test_client.py fails once this can go.
"""

import gc
import io
import logging
import sys
from collections.abc import Generator, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from bridge import log
from tests import loopback

pytest_plugins = ["tests.databases"]

loopback.only()


class RepairedResponse(aiohttp.ClientResponse):
    """`aiohttp.ClientResponse` that can be made without a `stream_writer`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = RepairedResponse  # type: ignore[attr-defined] # it imports the name


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
    """What asyncio says of an error that nobody asked for, or of a task that nobody waited for, when it throws it away."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
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
