"""What a smarthost's replies and silences mean for a mail: from SMTP to `Receipt`. Pure."""

import errno
import re
import ssl
from typing import Final, Literal

import aiosmtplib

from bridge.message import Receipt, Scope, Verdict
from bridge.transports.connections import NoLogin, Untrusted

CLOSING: Final = 421

_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")  # RFC 2034
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_MAILBOX: Final = re.compile(
    r'(?:"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"|[^\s<>"\x00-\x1f\x7f@]+)@[^\s<>"\x00-\x1f\x7f@]+'
)
_LONGEST_TEXT: Final = 500
_AUTHENTICATION: Final = frozenset({530, 534, 535, 538})
"""RFC 4954: log in first, mechanism too weak, credentials invalid, encryption required."""
_TOO_LARGE: Final = frozenset({552, 523})
_OWN_WORDS: Final = frozenset(
    {"address", "lost", "certificate", "tls", "starttls", "auth", "connect", "error", "maildir"}
)

Stage = Literal["mail", "rcpt", "data"]


def is_positive(code: int) -> bool:
    return 200 <= code <= 299  # noqa: PLR2004 - the family of positive replies


def is_mailbox(address: str) -> bool:
    """Whether `address` can stand between angle brackets without ending them; "" is the null path."""
    return not address or _MAILBOX.fullmatch(address) is not None


def accepted(code: int, message: str) -> Receipt:
    """The smarthost took the message; its words hold its queue id."""
    return Receipt(
        verdict=Verdict.ACCEPTED, code=str(code), text=words(message), status=_status(code, message, "2.0.0")
    )


def refused(code: int, message: str, stage: Stage) -> Receipt:
    """A negative reply to MAIL, RCPT or DATA.

    5xx to MAIL concerns our sender address, which the author cannot repair: held, not bounced; unless it is
    the size.
    """
    text = words(message)
    if code // 100 != 5:  # noqa: PLR2004 - 4xx, and anything a server should not say here
        status = _status(code, message, "4.0.0") if code // 100 == 4 else "4.0.0"  # noqa: PLR2004 - as above
        return Receipt(verdict=Verdict.TEMPORARY, code=str(code), text=text, status=status)
    if code in _AUTHENTICATION:
        return _ours(str(code), text, "4.7.8", Scope.ACCOUNT)
    status = _status(code, message, "5.3.4" if code in _TOO_LARGE else "5.0.0")
    if stage == "mail" and code not in _TOO_LARGE:
        return _ours(str(code), text, "4.3.5", Scope.MESSAGE)
    return Receipt(verdict=Verdict.PERMANENT, code=str(code), text=text, status=status)


def bad_address(sentence: str) -> Receipt:
    """The envelope cannot be said to this server."""
    return Receipt(verdict=Verdict.PERMANENT, code="address", text=sentence, status="5.1.3", alert=True)


def lost(error: Exception, when: str) -> Receipt:
    """No reply any more."""
    how = "no answer in time" if isinstance(error, TimeoutError) else "the connection was lost"
    return Receipt(verdict=Verdict.TEMPORARY, code="lost", text=f"{how} {when}", status="4.4.2")


def not_connected(error: Exception) -> Receipt:
    """No connection on which mail could be sent."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _ours("certificate", f"the certificate is not valid: {words(cause.verify_message)}", "4.7.5")
    if isinstance(cause, ssl.SSLError):
        reason = getattr(cause, "reason", None)  # only errors that OpenSSL raised have one
        return _temporary("tls", f"no TLS: {words(reason or str(cause))}", "4.4.1")
    if isinstance(error, Untrusted):
        return _ours("starttls", words(error.message), "4.7.4")
    if isinstance(error, NoLogin):
        return _ours("auth", words(error.message), "4.7.8")
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) and error.code >= 500:  # noqa: PLR2004 - 4xx: later
        return _ours(str(error.code), f"login refused: {words(error.message)}", "4.7.8")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        status = _status(error.code, error.message, "4.3.2")
        return _temporary(str(error.code), words(error.message), "4" + status[1:])
    if isinstance(error, TimeoutError):
        return _temporary("connect", "the smarthost cannot be reached in time", "4.4.1")
    return _temporary("connect", f"the smarthost cannot be reached: {words(str(error))}", "4.4.1")


def unexpected(error: Exception) -> Receipt:
    """A bug of ours or of the library: the mail waits, somebody looks."""
    return Receipt(
        verdict=Verdict.TEMPORARY,
        code="error",
        text=f"the message could not be handed over ({type(error).__name__})",
        status="4.3.0",
        alert=True,
    )


def label(code: str) -> str:
    """Under which name a receipt's code is counted: the family of a reply, a word of ours, else "other"."""
    if len(code) == 3 and code.isascii() and code.isdecimal():  # noqa: PLR2004 - an SMTP reply code
        return f"{code[0]}xx"
    return code if code in _OWN_WORDS or code in errno.errorcode.values() else "other"


def words(message: str) -> str:
    """Somebody else's words in one line; bytes that were no UTF-8 become U+FFFD."""
    readable = message.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _CONTROLS.sub(" ", readable).strip()[:_LONGEST_TEXT]


def _status(code: int, message: str, otherwise: str) -> str:
    """The enhanced status the reply begins with, if its class agrees with the code."""
    found = _ENHANCED.match(message)
    return found.group() if found and found.group(1) == str(code)[:1] else otherwise


def _temporary(code: str, text: str, status: str) -> Receipt:
    # Scope account: no mail can go, so a few in a row pause everything instead of trying each.
    return Receipt(verdict=Verdict.TEMPORARY, scope=Scope.ACCOUNT, code=code, text=text, status=status)


def _ours(code: str, text: str, status: str, scope: Scope = Scope.ACCOUNT) -> Receipt:
    return Receipt(verdict=Verdict.OURS, scope=scope, code=code, text=text, status=status, alert=True)
