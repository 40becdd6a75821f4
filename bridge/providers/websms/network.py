"""What a call without an answer means: it all hangs on whether the request may have left.

aiohttp does not say how far a failed request came. Two observers find out: the request itself, which notes that it
has a connection before the first byte can be written, and its body, which is written together with the headers in one
piece and looks at the connection just before. So "surely not sent" is said only when it is certain, and everything
else is *unknown*: an SMS sent twice cannot be called back, a message kept for later can.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.payload import BytesPayload

from bridge.message import Receipt, Scope, Verdict
from bridge.providers.websms import wire

_OLD_TLS: Final = frozenset(
    {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION", "NO_PROTOCOLS_AVAILABLE"}
)
"""Reasons OpenSSL gives when the other side speaks no TLS that is still safe: as lasting as a bad
certificate.
"""


@dataclass(slots=True)
class Attempt:
    """How far one call came."""

    begun: bool = False  # writing the request may have started
    kept_back: bool = False  # certain: the connection was gone before a byte was handed to it
    fields: Mapping[str, str] = field(default_factory=dict)  # of the header, where aiohttp wrote one

    @property
    def may_have_left(self) -> bool:
        return self.begun and not self.kept_back


class Body(BytesPayload):
    """The request's body, which notices a connection that is already closed instead of writing to it."""

    def __init__(self, value: bytes, attempt: Attempt) -> None:
        super().__init__(value, content_type="application/json")
        self.attempt = attempt

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        transport = writer.transport
        # aiohttp holds the headers back to write them with the body; output_size would show it if they went
        # ahead.
        if (transport is None or transport.is_closing()) and writer.output_size == 0:
            self.attempt.kept_back = True
            raise aiohttp.ClientConnectionResetError("the connection was closed before the request was written")
        await super().write_with_length(writer, content_length)


class Call(aiohttp.ClientRequest):
    """A request that tells the `Attempt` of its body when writing starts; tracing would cost ten times as much."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        body = self.body
        if isinstance(body, Body):
            body.attempt.begun = True
            body.attempt.fields = self.headers
        return await super().send(conn)


def receipt(error: Exception, attempt: Attempt) -> Receipt:
    """The receipt for a call that ended in `error` without an answer."""
    if attempt.may_have_left:
        return _lost(error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _untrusted(f"the certificate is not valid: {wire.words(str(error.certificate_error), 200)}")
    if isinstance(error, aiohttp.ClientSSLError):
        reason = wire.words(getattr(error.os_error, "reason", None) or str(error.os_error), 200)
        if reason in _OLD_TLS:
            return _untrusted(f"no safe version of TLS: {reason}")
        return _not_sent("tls", "4.4.1", f"no TLS: {reason}")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return _not_sent("dns", "4.4.3", f"the provider's name cannot be resolved: {_reason(error.os_error)}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_sent("connect", "4.4.1", f"the provider cannot be reached: {_reason(error.os_error)}")
    if isinstance(error, TimeoutError):
        return _not_sent("connect", "4.4.1", "the provider cannot be reached in time")
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return _not_sent("connect", "4.4.2", "the connection to the provider was closed before the request left")
    # Nothing the network did: the URL, a header, or a bug. It concerns this message at least and a human for
    # sure.
    return Receipt(
        verdict=Verdict.OURS,
        scope=Scope.MESSAGE,
        code="error",
        text=f"the request could not be made ({type(error).__name__})",
        status="4.3.5",
        alert=True,
    )


def _lost(error: Exception) -> Receipt:
    how = "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost before the answer"
    expected = isinstance(error, (aiohttp.ClientError, OSError))
    return Receipt(
        verdict=Verdict.UNKNOWN,
        code="lost",
        text=f"{how} ({type(error).__name__})",
        status="4.4.2",
        alert=not expected,
    )


def _untrusted(text: str) -> Receipt:
    return Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="certificate", text=text, status="4.7.5", alert=True)


def _not_sent(code: str, status: str, text: str) -> Receipt:
    return Receipt(verdict=Verdict.TEMPORARY, scope=Scope.ACCOUNT, code=code, text=text, status=status)


def _reason(error: OSError) -> str:
    return wire.words(error.strerror or str(error), 200)
