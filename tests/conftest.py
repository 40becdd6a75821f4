"""What all tests share: the log as the operator would see it, and the repair of aioresponses.

aioresponses 0.7.9, the latest, builds aiohttp's answers without the argument `stream_writer`, which aiohttp has
required since its security release 3.14. An older aiohttp is not the way out, so its answers are built here.
``test_the_repair_of_aioresponses_is_still_needed`` in tests/providers/test_client.py fails once this can go.
"""

import io
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
import structlog

from bridge import log


class RepairedResponse(aiohttp.ClientResponse):
    """`aiohttp.ClientResponse` that can be made without a `stream_writer`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = RepairedResponse  # type: ignore[attr-defined] # it imports the name


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged, down to the last detail."""
    stream = io.StringIO()
    log.configure(stream=stream, level="debug", unmasked=True)
    yield stream
    structlog.reset_defaults()
