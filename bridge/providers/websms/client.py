"""The websms client: one POST per delivery, one receipt per POST.

Only POST, because aiohttp repeats a GET by itself when a kept-open connection drops; no redirects, because
they would carry the credentials elsewhere; one recipient per request, because one bad number fails a whole
request and reports carry no recipient. We close connections after 4 s idle so that the provider does not
close them under a request. aiohttp makes the first call, `plain` the others over the same connections.
"""

import asyncio
import base64
import ssl
from typing import Final, Literal

import aiohttp
from yarl import URL

from bridge import __version__
from bridge.config.network import is_loopback
from bridge.message import Delivery, IncomingSms, Receipt, Report, Scope, Verdict
from bridge.providers import Outcome, Reply
from bridge.providers.websms import answers, network, notifications, plain, wire
from bridge.providers.websms.request import KINDS, Request, request

KEPT_OPEN: Final = 4.0  # seconds an idle connection is used again
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=5, sock_read=20)


class Websms:
    """An account at websms (LINK Mobility Austria), a `bridge.providers.Provider`.

    `url` is the base, for example ``https://api.websms.com/rest``, plain http on this machine only; either `token`
    (Bearer, or with `token_in` "query" a parameter of the URL) or `username` and `password` (Basic). `callback_url`
    is where the provider shall report (it holds a secret), `country` the region of national numbers in
    notifications, `xml_root` the root element of answers to those in XML, `max_in_flight` the size of the pool.
    Raises ValueError for settings that cannot work.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        token_in: Literal["header", "query"] = "header",  # noqa: S107  # a place, not a secret
        test: bool = False,
        max_in_flight: int = 8,
        callback_url: str | None = None,
        country: str = "AT",
        xml_root: str = "notificationResponse",
        ssl_context: ssl.SSLContext | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        self._authorization = _authorization(token, username, password)
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json;charset=UTF-8",
            "User-Agent": f"smsbridge/{__version__}",
            "Accept-Encoding": "identity",
        }
        query: dict[str, str] = {}
        if token_in == "header":  # noqa: S105  # a place, not a secret
            self._headers["Authorization"] = self._authorization
        elif token is not None:
            query["access_token"] = token
        else:
            raise ValueError("only a token can stand in the query")
        self._urls = {kind: (_base(url) / "smsmessaging" / kind).with_query(query) for kind in KINDS}
        self._test = test
        self._max_in_flight = max_in_flight
        self._callback_url = callback_url
        self._country = country
        self._xml_root = xml_root
        self._ssl = ssl_context
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._plain: plain.Plain | None = None
        quoted = URL.build(query=query).raw_query_string.partition("=")[2]
        bare = self._authorization.partition(" ")[2]
        ours = (callback_url, URL(callback_url or "").name, token, quoted, password, self._authorization, bare)
        self._mask = wire.masking((*ours, bare.rstrip("=")))

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """See `bridge.providers.Provider.send`."""
        attempt = network.Attempt()
        try:
            wanted = request(delivery, now=now, callback_url=self._callback_url, test=self._test)
        except (ValueError, TypeError, AttributeError) as error:
            return _unsendable(error)
        try:
            answer = await self._post(wanted, attempt)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller needs to know whether it may be sent
            return network.receipt(error, attempt)
        else:
            return answers.receipt(
                answer,
                delivery_id=delivery.id,
                test=self._test,
                now=now,
                binary=wanted.kind == "binary",
                repeat=delivery.attempts > 1,
                mask=self._mask,
            )

    def read(self, body: bytes) -> IncomingSms | Report:
        """See `bridge.providers.Provider.read`."""
        return notifications.read(body, country=self._country)

    def answer(self, outcome: Outcome, body: bytes) -> Reply:
        """See `bridge.providers.Provider.answer`."""
        return notifications.answer(outcome, body, xml_root=self._xml_root)

    async def close(self) -> None:
        """See `bridge.providers.Provider.close`."""
        session, self._session, self._plain = self._session, None, None
        if session is not None:
            await session.close()

    async def _post(self, wanted: Request, attempt: network.Attempt) -> answers.Answer:
        url = self._urls[wanted.kind]
        session, direct = self._pool()
        if direct.knows(url.raw_path_qs):
            return await direct.post(url.raw_path_qs, wanted.body, attempt)
        body = network.Body(wanted.body, attempt)
        async with session.post(url, data=body, allow_redirects=False) as response:
            answer = answers.Answer(
                status=response.status,
                content_type=response.headers.get("Content-Type", ""),
                retry_after=response.headers.get("Retry-After"),
                body=await plain.bounded(response.content),
            )
            if answer.body is None:
                response.close()
        if attempt.fields:
            direct.learn(url.raw_path_qs, attempt.fields)
        return answer

    def _pool(self) -> tuple[aiohttp.ClientSession, plain.Plain]:
        """The session and its shorter way, made on first use because they belong to the running loop."""
        if self._session is None or self._plain is None:
            connector = aiohttp.TCPConnector(
                limit=self._max_in_flight,
                keepalive_timeout=KEPT_OPEN,
                ssl=True if self._ssl is None else self._ssl,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=self._timeout,
                trust_env=False,
                raise_for_status=False,
                request_class=network.Call,
            )
            self._plain = plain.Plain(self._session, connector, self._urls["text"])
        return self._session, self._plain


def _base(url: str) -> URL:
    base = URL(url.rstrip("/"))
    if base.scheme not in ("http", "https") or not base.host:
        raise ValueError("the provider's url must be http(s)://host/path")
    if base.scheme == "http" and not is_loopback(base.host):
        raise ValueError("the provider's url may be plain http only on this machine")
    if base.user is not None or base.password is not None or base.query_string:
        raise ValueError("the provider's url must hold no credentials and no query")
    return base


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
