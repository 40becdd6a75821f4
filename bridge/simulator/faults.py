"""Answers gone wrong, on order: codes, HTTP errors, slowness, torn answers, nonsense, broken connections.

A fault is met by a request that would have been accepted (row 27 of the checks). Whether the message is
accepted all the same is the question that matters to a client, so every fault can say it.
"""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Literal, cast

from aiohttp import web

from .answers import CONTENT_TYPES, Answer, Form, render

Shape = Literal["", "cut", "reset", "html", "content_type", "invalid_json", "no_status"]

_MESSAGES = {
    5000: "internal error",
    5003: "service unavailable",
    4012: "message rate exceeded",
    4032: "unknown",
}
_OK_CODES = range(2000, 3000)


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` requests. Without a shape, HTTP status or code it only delays.

    `shape`: ``cut`` sends half the answer and closes; ``reset`` sends nothing and resets the connection;
    ``html`` is a 200 with an HTML page; ``content_type`` the right JSON as text/html; ``invalid_json``;
    ``no_status`` leaves the statusCode out. `accept`: whether the message is sent nevertheless; by default
    only where that is the point (a slow answer, a cut one, a code of success).
    """

    times: int = 1
    path: str = "text"  # "text", "binary", "simple", or "*"
    recipient: str | None = None  # only requests that name this number
    status: int | None = None  # statusCode
    message: str | None = None  # statusMessage
    http: int | None = None  # HTTP status
    retry_after: str | float | None = None  # the header, with any HTTP status
    shape: Shape = ""
    delay: float = 0.0  # real seconds before the answer
    body: str | None = None  # in place of the answer's body
    accept: bool | None = None

    @property
    def accepts(self) -> bool:
        """Whether the message is sent although the answer goes wrong."""
        if self.accept is not None:
            return self.accept
        if self.shape or self.http is not None or self.body is not None:
            return self.shape == "cut"
        return self.status is None or self.status in _OK_CODES

    def meets(self, path: str, recipients: list[str]) -> bool:
        """Whether it is for this request."""
        return self.path in {path, "*"} and (self.recipient is None or self.recipient in recipients)


def take(faults: list[Fault], path: str, recipients: list[str]) -> Fault | None:
    """The first fault that meets the request, used up once."""
    for fault in faults:
        if fault.meets(path, recipients):
            fault.times -= 1
            if fault.times <= 0:
                faults.remove(fault)
            return fault
    return None


async def perform(fault: Fault, request: web.BaseRequest, answer: Answer, form: Form) -> web.Response:
    """Spoil `answer`, the one that would have been given, and give it."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.shape == "reset":
        return _reset(request)
    if fault.status is not None:
        answer = Answer(
            code=fault.status,
            message=fault.message or _MESSAGES.get(fault.status, "OK" if fault.status in _OK_CODES else "error"),
            client_message_id=answer.client_message_id,
            transfer_id=answer.transfer_id if fault.status in _OK_CODES else None,
            sms_count=answer.sms_count if fault.status in _OK_CODES else 0,
        )
    body, content_type = _spoilt(fault, answer, form)
    headers = {"Content-Type": content_type}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.shape == "cut":
        return _cut(request, fault.http or 200, headers, body)
    return web.Response(status=fault.http or 200, body=body, headers=headers)


def _spoilt(fault: Fault, answer: Answer, form: Form) -> tuple[bytes, str]:
    body = render(answer, form)
    if fault.body is not None:
        body = fault.body.encode()
    elif fault.http is not None and fault.status is None:
        return b"", "text/plain"  # of a proxy in front, or the empty 401
    if fault.shape == "html":
        return b"<!DOCTYPE html><html><body><h1>It works</h1></body></html>", "text/html"
    if fault.shape == "content_type":
        return body, "text/html"
    if fault.shape == "invalid_json":
        return body[:-1] + b",,}", CONTENT_TYPES[form]
    if fault.shape == "no_status":
        return body.replace(b'"statusCode":%d,' % answer.code, b"", 1), CONTENT_TYPES[form]
    return body, CONTENT_TYPES[form]


def _cut(request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes) -> web.Response:
    """Head and half the body by hand: aiohttp itself would never break its word about the length."""
    transport = request.transport
    if transport is not None:
        lines = [f"HTTP/1.1 {status} Cut", *(f"{k}: {v}" for k, v in headers.items())]
        lines.append(f"Content-Length: {len(body)}")
        transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body[: len(body) // 2])
        transport.close()
    return web.Response()  # goes nowhere


def _reset(request: web.BaseRequest) -> web.Response:
    transport = request.transport
    if transport is not None:
        sock = cast("socket.socket", transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST in place of FIN
        cast("asyncio.WriteTransport", transport).abort()
    return web.Response()  # goes nowhere
