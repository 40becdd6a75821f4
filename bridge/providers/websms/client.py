"""The websms client: one POST per delivery, one receipt per POST.

Only POST, because aiohttp repeats a GET by itself when a kept-open connection drops; no redirects, because
they would carry the credentials elsewhere; one recipient per request, because one bad number fails a whole
request and reports carry no recipient. We close connections after 4 s idle so that the provider does not
close them under a request.
"""

import asyncio
import base64
import dataclasses
import json
import ssl
from typing import Final

import aiohttp
from yarl import URL

from bridge import __version__
from bridge.message import Delivery, IncomingSms, Receipt, Report, Scope, Sms, Verdict, decode_sms
from bridge.providers import Outcome, Reply
from bridge.providers.websms import answers, network, notifications

KEPT_OPEN: Final = 4.0  # seconds an idle connection is used again
LONGEST_ANSWER: Final = 64 * 1024  # bytes
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5, sock_read=20)
VALIDITY: Final = (60, 259_200)  # seconds, bounds of the provider's field validityPeriode
_SHORTEST_SECRET: Final = 8  # characters; replacing shorter ones would only mutilate words
_INTERNATIONAL_DIGITS: Final = 7  # a number of fewer digits is a shortcode


class Websms:
    """An account at websms (LINK Mobility Austria), a `bridge.providers.Provider`.

    `url` is the base, for example ``https://api.websms.com/rest``; either `token` (Bearer) or `username` and
    `password` (Basic). `callback_url` is where the provider shall report (it holds a secret), `country` the
    region of national numbers in notifications, `max_in_flight` the size of the pool. Raises ValueError for
    settings that cannot work.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        test: bool = False,
        max_in_flight: int = 8,
        callback_url: str | None = None,
        country: str = "AT",
        ssl_context: ssl.SSLContext | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._url = _endpoint(url)
        self._authorization = _authorization(token, username, password)
        self._test = test
        self._max_in_flight = max_in_flight
        self._callback_url = callback_url
        self._country = country
        self._ssl = ssl_context
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        secrets = (callback_url, URL(callback_url or "").name, token, password, self._authorization)
        self._secrets = [secret for secret in secrets if secret and len(secret) >= _SHORTEST_SECRET]

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """See `bridge.providers.Provider.send`."""
        attempt = network.Attempt()
        try:
            body = _request(delivery, now=now, callback_url=self._callback_url, test=self._test)
        except (ValueError, TypeError) as error:
            return _unsendable(error)
        try:
            answer = await self._post(network.Body(body, attempt), attempt)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller needs to know whether it may be sent
            found = network.receipt(error, attempt)
        else:
            found = answers.receipt(answer, delivery_id=delivery.id, test=self._test, now=now)
        return self._without_secrets(found)

    def read(self, body: bytes) -> IncomingSms | Report:
        """See `bridge.providers.Provider.read`."""
        return notifications.read(body, country=self._country)

    def answer(self, outcome: Outcome, body: bytes) -> Reply:
        """See `bridge.providers.Provider.answer`."""
        return notifications.answer(outcome, body)

    async def close(self) -> None:
        """See `bridge.providers.Provider.close`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, body: network.Body, attempt: network.Attempt) -> answers.Answer:
        headers = {
            "Authorization": self._authorization,
            "Accept": "application/json",
            "Content-Type": "application/json;charset=UTF-8",
        }
        async with self._pool().post(
            self._url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=attempt
        ) as response:
            return answers.Answer(
                status=response.status,
                content_type=response.headers.get("Content-Type", ""),
                retry_after=response.headers.get("Retry-After"),
                body=await _bounded(response),
            )

    def _pool(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._max_in_flight,
                    keepalive_timeout=KEPT_OPEN,
                    ssl=True if self._ssl is None else self._ssl,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"smsbridge/{__version__}", "Accept-Encoding": "identity"},
                timeout=self._timeout,
                trust_env=False,
                raise_for_status=False,
                trace_configs=[network.observer()],
            )
        return self._session

    def _without_secrets(self, found: Receipt) -> Receipt:
        """The provider's words end in notices to authors, and it may repeat a parameter in them."""
        text = found.text
        for secret in self._secrets:
            text = text.replace(secret, "…")
        if text == found.text:
            return found
        return dataclasses.replace(found, text=text)


async def _bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, or None if it is longer than we read or does not arrive whole; the status has been said by
    then.
    """
    body = bytearray()
    try:
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > LONGEST_ANSWER:
                response.close()
                return None
    except (aiohttp.ClientError, OSError):
        response.close()
        return None
    return bytes(body)


def _request(delivery: Delivery, *, now: float, callback_url: str | None, test: bool) -> bytes:
    """The JSON of the call: only what is set, never null. The misspelt field is the provider's."""
    sms = decode_sms(delivery.payload)
    shortest, longest = VALIDITY
    fields: dict[str, object] = {
        "recipientAddressList": [delivery.recipient],
        "messageContent": sms.text,
        "maxSmsPerMessage": min(max(sms.max_parts, 1), 255),
        "clientMessageId": delivery.id,
        "validityPeriode": int(min(max(delivery.expires_at - now, shortest), longest)),
        **_optional(sms),
    }
    if callback_url is not None:
        fields["notificationCallbackUrl"] = callback_url
    if test:
        fields["test"] = True
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _optional(sms: Sms) -> dict[str, object]:
    fields: dict[str, object] = {}
    if sms.originator:
        address, kind = sender_address(sms.originator)
        fields["senderAddress"] = address
        fields["senderAddressType"] = kind
    if sms.flash:
        fields["sendAsFlashSms"] = True
    if sms.priority is not None:
        fields["priority"] = sms.priority
    if sms.category is not None:
        fields["contentCategory"] = sms.category
    return fields


def sender_address(originator: str) -> tuple[str, str]:
    """senderAddress and senderAddressType for an originator: a number (leading ``+`` allowed), a shortcode,
    or letters.
    """
    digits = originator.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return originator, "alphanumeric"
    if len(digits) < _INTERNATIONAL_DIGITS:
        return digits, "shortcode"
    return digits, "national" if digits.startswith("0") else "international"


def _endpoint(url: str) -> URL:
    base = URL(url.rstrip("/"))
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("the provider's url must be http(s)://host/path")
    if base.user is not None or base.password is not None or base.query_string:
        raise ValueError("the provider's url must hold no credentials and no query")
    return base / "smsmessaging" / "text"


def _authorization(token: str | None, username: str | None, password: str | None) -> str:
    if token is not None:
        if not (token.isascii() and token.isprintable() and token.strip() == token and token):
            raise ValueError("the token must be one word of printable ASCII")
        return f"Bearer {token}"
    if not username or password is None:
        raise ValueError("either a token or a username with a password is needed")
    if ":" in username:
        raise ValueError("a username for Basic authentication holds no colon")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _unsendable(error: Exception) -> Receipt:
    return Receipt(
        verdict=Verdict.OURS,
        scope=Scope.MESSAGE,
        code="payload",
        text=f"the spooled message cannot be read ({type(error).__name__})",
        status="4.3.5",
        alert=True,
    )
