"""What the tests of mail authentication share: a name server."""

from collections.abc import AsyncIterator

import pytest

from tests.proof.dns_stub import Stub, serving


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    """An empty name server on loopback."""
    async with serving() as stub:
        yield stub
