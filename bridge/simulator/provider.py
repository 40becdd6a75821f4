"""The provider port: one request in, one answer out, in the order the real one looks at things.

Path, method, credentials, formats, standing of the account, body, checks, faults; only then a message is
accepted. Built on aiohttp's low-level server, because the simulator also has to swallow a benchmark.
"""

import ssl
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from aiohttp import web

from . import fields as reading
from .acceptance import Acceptance
from .accounts import Credentials, authenticate, standing
from .answers import CONTENT_TYPES, Answer, Form, choose_form, render
from .checks import Case, Refusal, refuse
from .faults import Fault, perform, take
from .messages import Refused

_METHODS: dict[str, frozenset[str]] = {
    "text": frozenset({"POST"}),
    "binary": frozenset({"POST"}),
    "simple": frozenset({"GET", "POST"}),
}
_FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One path of the port."""

    prefix: str  # "rest", "json" or "xml"
    name: str  # "text", "binary" or "simple"

    @property
    def kind(self) -> Literal["text", "binary"]:
        """What is sent through it."""
        return "binary" if self.name == "binary" else "text"


PLACES = {
    f"/{prefix}/smsmessaging/{name}": Place(prefix=prefix, name=name)
    for prefix, name in (
        ("rest", "text"), ("rest", "binary"), ("rest", "simple"),
        ("json", "text"), ("json", "binary"), ("xml", "text"), ("xml", "binary"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A request of a known account, its answer's form decided."""

    request: web.BaseRequest
    place: Place
    form: Form
    credentials: Credentials
    raw: bytes  # the body, or the query of a GET


class Provider:
    """Answers requests; what it accepts goes to `acceptance`."""

    def __init__(self, acceptance: Acceptance) -> None:
        self._acceptance = acceptance
        self._settings = acceptance.settings
        self.faults: list[Fault] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request."""
        place = PLACES.get(request.path)
        if place is None:
            return self._refused(request, b"", http=404, row="path")
        if request.method not in _METHODS[place.name]:
            return self._refused(request, b"", http=self._settings.wrong_method_status, row="method")
        if not self._expectation_met(request):
            response = self._refused(request, b"", http=417, row="expect")
            response.force_close()
            return response
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refused(request, b"", http=413, row="size")
        return await self._answer_body(request, place, body)

    async def _answer_body(self, request: web.BaseRequest, place: Place, body: bytes) -> web.Response:
        """Credentials, formats, standing of the account, then what the body says."""
        query_string = request.raw_path.partition("?")[2]
        pairs = _pairs(query_string)
        if place.name == "simple" and request.content_type == _FORM_TYPE:
            pairs += _pairs(body.decode("latin-1"))
        raw = body or query_string.encode()
        header = request.headers.get("Authorization")
        credentials = authenticate(self._settings, header, dict(pairs).get("access_token"))
        if credentials is None:
            return self._unauthorized(request, raw)
        accept = request.headers.get("Accept")
        form = choose_form(self._settings, place.prefix, place.name == "simple", accept)
        if form is None:
            return self._refused(request, raw, http=406, row="accept")
        if not self._content_type_fits(request, place):
            return self._refused(request, raw, http=415, row="content type")
        arrival = Arrival(request=request, place=place, form=form, credentials=credentials, raw=raw)
        why = standing(credentials.account, request.remote or "", place.kind)
        if why is not None:
            return self._answered(arrival, Refusal(row="standing", code=why[0], message=why[1]))
        if self._settings.empty_body_is_4120 and place.name != "simple" and body.strip() in {b"", b"null"}:
            return self._answered(arrival, Refusal(row="2", code=4120, message="malformed request"))
        try:
            value = self._read(request, place, body, pairs)
        except reading.Unparseable as error:
            return self._refused(request, raw, http=400, row="1", text=f"malformed request: {error}")
        return await self._decide(arrival, reading.submission(place.kind, value))

    async def _decide(self, arrival: Arrival, submission: reading.Submission) -> web.Response:
        """Checks, then faults, then acceptance."""
        request = arrival.request
        case = Case(
            submission=submission,
            account=arrival.credentials.account,
            settings=self._settings,
            ledger=self._acceptance.ledger,
            peer=request.remote or "",
        )
        refusal = refuse(case)
        if refusal is not None:
            return self._answered(arrival, refusal, submission.client_message_id)
        fault = take(self.faults, arrival.place.name, submission.recipients) if self.faults else None
        if fault is not None and not fault.accepts:
            text = fault.shape or fault.message or ""
            http = fault.http or 200
            self._note(request, arrival.raw, http=http, row="fault", code=fault.status, text=text)
            answer = Answer(code=5000, message="internal error", client_message_id=submission.client_message_id)
            return await perform(fault, request, answer, arrival.form)
        answer = await self._acceptance.accept(
            case,
            path=request.path,
            raw=arrival.raw,
            headers=request.headers,
            credentials=str(arrival.credentials),
        )
        if fault is not None:
            return await perform(fault, request, answer, arrival.form)
        return _respond(answer, arrival.form)

    def _expectation_met(self, request: web.BaseRequest) -> bool:
        """Answer ``Expect: 100-continue``, which the low-level server leaves to us; False is a 417."""
        if request.headers.get("Expect", "").lower() != "100-continue":
            return True
        limit = self._settings.expect_limit
        length = request.content_length
        if limit is not None and (length is None or length > limit):
            return False
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _content_type_fits(self, request: web.BaseRequest, place: Place) -> bool:
        if not self._settings.check_content_type or place.name == "simple":
            return True
        return request.content_type in _content_types(place.prefix)

    def _read(self, request: web.BaseRequest, place: Place, body: bytes, query: list[tuple[str, str]]) -> object:
        if place.name == "simple":
            return reading.from_pairs(query)
        if place.prefix == "xml" or (place.prefix == "rest" and request.content_type == "application/xml"):
            return reading.read_xml(place.kind, body)
        return reading.read_json(body)

    def _unauthorized(self, request: web.BaseRequest, body: bytes) -> web.Response:
        self._note(request, body, http=401, row="credentials", text="unauthorized")
        scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
        if self._settings.invalid_token_body and scheme == "bearer":
            return web.Response(
                status=401,
                body=b'{"error":"invalid_token","error_description":"Invalid access token"}',
                headers={"Content-Type": CONTENT_TYPES["json"]},
            )
        return web.Response(status=401)

    def _refused(self, request: web.BaseRequest, raw: bytes, *, http: int, row: str, text: str = "") -> web.Response:
        self._note(request, raw, http=http, row=row, text=text)
        return web.Response(status=http, text=text)

    def _answered(self, arrival: Arrival, refusal: Refusal, client_message_id: str | None = None) -> web.Response:
        request, raw = arrival.request, arrival.raw
        self._note(request, raw, http=200, row=refusal.row, code=refusal.code, text=refusal.message)
        answer = Answer(code=refusal.code, message=refusal.message, client_message_id=client_message_id)
        return _respond(answer, arrival.form)

    def _note(
        self,
        request: web.BaseRequest,
        raw: bytes,
        *,
        http: int,
        row: str,
        code: int | None = None,
        text: str = "",
    ) -> None:
        self._acceptance.refused.append(
            Refused(
                at=self._acceptance.clock.now(),
                path=request.path,
                http=http,
                row=row,
                code=code,
                message=text,
                raw=raw,
                headers=request.headers,
            )
        )


def _pairs(text: str) -> list[tuple[str, str]]:
    """Parameters in Latin-1, as ``simple`` has them."""
    return parse_qsl(text, keep_blank_values=True, encoding="latin-1") if text else []


def _content_types(prefix: str) -> frozenset[str]:
    if prefix == "json":
        return frozenset({"application/json"})
    if prefix == "xml":
        return frozenset({"application/xml", "text/xml"})
    return frozenset({"application/json", "application/xml"})


def _respond(answer: Answer, form: Form) -> web.Response:
    return web.Response(body=render(answer, form), headers={"Content-Type": CONTENT_TYPES[form]})


async def serve(
    provider: Provider, *, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[web.ServerRunner, int]:
    """Listen for the provider's clients; the runner (to be cleaned up) and the port."""
    server = web.Server(provider.answer, access_log=None, keepalive_timeout=75.0, lingering_time=2.0)
    runner = web.ServerRunner(server, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=1024)
    try:
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    addresses = runner.addresses
    return runner, int(addresses[0][1])
