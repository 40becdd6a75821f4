"""From an HTTP answer of websms to a `Receipt`: pure, so that every odd answer can be tried without a socket.

The rule behind all of it: a message counts as refused only if the provider said so in a way we understand.
Whatever is garbled, contradictory or cut off leaves the outcome unknown, because the request had left.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from bridge.message import Receipt, Unreadable, Verdict
from bridge.providers.websms import wire
from bridge.providers.websms.codes import REFUSE_FOR, Meaning, by_code, by_http

LONGEST_WAIT = 3600.0  # seconds; more is not believed of a Retry-After
_OK_TEST = 2002
_DIGITS = re.compile(r"[0-9]+")
_CREDENTIALS = (401, 403)
_TOLD = ("statusMessage", "error_description", "transferId")  # what of an answer is kept as it was written
_SUCCESS, _REDIRECT = 2, 3  # HTTP families


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back over HTTP."""

    status: int
    content_type: str = ""
    retry_after: str | None = None  # the header as it was sent
    body: bytes | None = b""  # None: it could not be read to its end, or it is longer than we read

    @property
    def family(self) -> int:
        """2 for HTTP 200 to 299, and so on."""
        return self.status // 100


def receipt(
    answer: Answer,
    *,
    delivery_id: str,
    test: bool,
    now: float,
    binary: bool = False,
    repeat: bool = False,
    mask: Callable[[str], str] = str,
) -> Receipt:
    """Judges `answer` to the call for `delivery_id`; `test`: we asked for a simulated message; `now` in Unix
    seconds; `binary`: the message was one; `repeat`: it was tried before; `mask` takes our
    secrets out of what the provider wrote, for it may repeat them and its words end in notices to authors.
    """
    found, why = _fields(answer, mask)
    code = wire.count(found.get("statusCode"))
    if code is None or (answer.family == _REDIRECT and by_code(code).verdict is not Verdict.ACCEPTED):
        return _without_code(answer, found, why, now, mask)
    meaning = by_code(code, binary=binary, repeat=repeat)
    if meaning.verdict is Verdict.ACCEPTED:
        if answer.family != _SUCCESS:
            return _contradiction(answer, code)
        return _accepted(meaning, code, found, delivery_id=delivery_id, test=test)
    if answer.status in _CREDENTIALS:
        meaning = by_http(answer.status)
    return _refused(meaning, str(code), wire.words(found.get("statusMessage")), answer, now)


def _fields(answer: Answer, mask: Callable[[str], str]) -> tuple[dict[str, object], str]:
    """The fields of the answer's JSON, and if there are none, why."""
    if answer.body is None:
        return {}, "the answer was cut off or too long"
    if "json" not in answer.content_type.lower():
        return {}, f"the answer is not JSON but {wire.words(mask(answer.content_type), 60) or 'untyped'}"
    try:
        found = wire.json_object(answer.body)
    except Unreadable as error:
        return {}, wire.words(str(error))
    for key in _TOLD:
        value = found.get(key)
        if isinstance(value, str):
            found[key] = mask(value)
    return found, "the answer has no statusCode"


def _without_code(
    answer: Answer, found: dict[str, object], why: str, now: float, mask: Callable[[str], str]
) -> Receipt:
    """No statusCode: the HTTP status decides, and a 5xx that was cut off may have held anything."""
    meaning = by_http(answer.status)
    if meaning.verdict is Verdict.TEMPORARY and answer.body is None:
        meaning = by_http(500)
    told = wire.words(found.get("statusMessage")) or wire.words(found.get("error_description"))
    if answer.body and answer.content_type.lower().startswith("text/plain"):
        told = wire.words(mask(answer.body.decode("utf-8", "replace")))
    if not told and answer.family == _SUCCESS:
        told = why
    return _refused(meaning, f"http {answer.status}", told, answer, now)


def _contradiction(answer: Answer, code: int) -> Receipt:
    """A success inside an HTTP failure: one of them is wrong, and which one cannot be known.

    It has a code of its own, because people are told by the code what is the case, and that of the success would
    tell them that nothing needs to be done.
    """
    said = f"HTTP {answer.status} and statusCode {code} contradict each other"
    meaning = by_http(200)
    return Receipt(verdict=meaning.verdict, status=meaning.status, alert=True, code="contradiction", text=said)


def _accepted(meaning: Meaning, code: int, found: dict[str, object], *, delivery_id: str, test: bool) -> Receipt:
    odd: list[str] = []
    transfer_id = wire.identifier(found.get("transferId"))
    if transfer_id is None:
        odd.append("no transferId")
    echo = found.get("clientMessageId")
    if echo is not None and echo != delivery_id:
        odd.append("another clientMessageId than ours")
    said = wire.words(found.get("statusMessage")) or meaning.says
    return Receipt(
        verdict=meaning.verdict,
        # An alert about a plain success must not be explained by "nothing needs to be done".
        code="odd success" if odd and not meaning.alert else str(code),
        text=f"{code}: {said} ({', '.join(odd)})" if odd else said,
        status=meaning.status,
        scope=meaning.scope,
        alert=bool(odd) or (meaning.alert and not (code == _OK_TEST and test)),
        transfer_id=transfer_id,
        parts=wire.count(found.get("smsCount")),
    )


def _refused(meaning: Meaning, code: str, said: str, answer: Answer, now: float) -> Receipt:
    waits = meaning.verdict in (Verdict.THROTTLED, Verdict.TEMPORARY)
    asked = wait_asked(answer.retry_after, now) if waits else None
    return Receipt(
        verdict=meaning.verdict,
        code=code,
        text=said or meaning.says,
        status=meaning.status,
        scope=meaning.scope,
        alert=meaning.alert,
        retry_after=meaning.pause if asked is None else asked,
        refuse_for=REFUSE_FOR.get(int(code), 0.0) if code.isdigit() else 0.0,
    )


def wait_asked(header: str | None, now: float) -> float | None:
    """Retry-After (RFC 9110, 10.2.3) in seconds from `now`, within 0…`LONGEST_WAIT`; None if absent or
    unreadable.
    """
    if header is None:
        return None
    header = header.strip()
    if _DIGITS.fullmatch(header):
        seconds = float(header)
    else:
        try:
            date = parsedate_to_datetime(header)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, OverflowError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT)
