"""The webhook, as the provider would reach it: by its public address, seen from here.

Asked is with GET, which the webhook never takes: 405 with the right secret, 404 with a wrong one. So nothing is stored.
Whether the Internet can reach it nobody can tell from inside; what can be told is.
"""

import secrets
import ssl
from collections.abc import Sequence
from typing import Final

import aiohttp

from bridge.cli.findings import Case, Finding, fail, ok, warn

_RIGHT, _WRONG = 405, 404
_AWAY: Final = (502, 503, 504)
_OUTSIDE: Final = "try it from outside: curl -i URL must say 405"


async def look(case: Case) -> Sequence[Finding]:
    """`webhook.public_url`, with a right and a wrong secret."""
    settings, known = case.configuration.settings, case.configuration.secrets
    public = settings.webhook.public_url
    if public is None:
        text = "public_url is not set: no delivery reports come, and nobody knows what phones got"
        return [warn("webhook", text, 'write for example public_url = "https://hooks.example.com" in [webhook]')]
    context = case.trust or True
    timeout = aiohttp.ClientTimeout(total=case.patience * 0.9)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            right, wrong = [
                await _status(session, f"{public}/websms/{secret}", context)
                for secret in (known.webhook[0], secrets.token_hex(24))
            ]
    except aiohttp.ClientConnectorCertificateError as error:
        text = f"the certificate of {public} is not valid: {error.certificate_error}"
        return [fail("webhook", text, "renew it where TLS ends, with the whole chain: the provider checks it")]
    except aiohttp.ClientSSLError as error:
        return [fail("webhook", f"no TLS at {public}: {error.os_error}", "look at the proxy before the webhook")]
    except aiohttp.ClientConnectorDNSError:
        return [fail("webhook", f"the name in {public} does not resolve", "publish it in DNS, or mend public_url")]
    except (aiohttp.ClientError, OSError) as error:
        why = _why(error)
        remedy = "start smsbridge and the proxy before it. Some routers let nobody in by the outside address: then "
        return [fail("webhook", f"{public} cannot be reached from here: {why}", remedy + _OUTSIDE)]
    return [_judged(right, wrong, public, limited=bool(settings.webhook.networks))]


def _why(error: Exception) -> str:
    """What went wrong, in words without the address that was asked: the secret stands in it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"what answers speaks no HTTP: {' '.join(error.message.split())}"
    return type(error).__name__ if isinstance(error, aiohttp.InvalidURL) else str(error)


def _judged(right: int, wrong: int, public: str, *, limited: bool) -> Finding:
    if (right, wrong) == (_RIGHT, _WRONG):
        return ok("webhook", f"{public} leads to it, and it knows its secret; reports can come if outsiders get as far")
    if right in _AWAY:
        text = f"the proxy at {public} does not reach the webhook: {right}"
        return fail("webhook", text, "start smsbridge, and point the proxy at [webhook] listen")
    if (right, wrong) == (_WRONG, _WRONG):
        if limited:
            return warn("webhook", f"{public} answers 404, as to all who are not in [webhook] networks", _OUTSIDE)
        text = f"{public} answers 404 to the right secret, too: somebody else answers, or with an old secret"
        return fail("webhook", text, "let the proxy pass /websms/ on as it is; after a change of secret_file reload")
    text = f"{public} answers {right} to the right secret and {wrong} to a wrong one, not {_RIGHT} and {_WRONG}"
    return fail("webhook", text, "let the proxy pass /websms/ on as it is, without a login or a redirect of its own")


async def _status(session: aiohttp.ClientSession, url: str, context: ssl.SSLContext | bool) -> int:
    async with session.get(url, ssl=context, allow_redirects=False) as answer:
        return answer.status
