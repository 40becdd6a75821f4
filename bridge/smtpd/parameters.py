"""Which ESMTP parameters a MAIL and a RCPT may carry, and in which shape.

SIZE is RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531, AUTH RFC 4954, the rest (delivery status notifications) RFC 3461.
The values are only checked, never changed: ENVID and ORCPT must come back to their owner as they were.
"""

import re
from collections.abc import Callable, Mapping

from bridge.smtpd import replies
from bridge.smtpd.contract import Reply

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_ORCPT = re.compile(r"[A-Za-z0-9-]+;[!-~]+|(?i:utf-8);[^\x00- \x7f-\xa0]+")
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_SIZE = re.compile(r"[0-9]{1,20}")

MAX_ENVID = 100  # characters, RFC 3461 4.4
MAX_ORCPT = 500  # characters, RFC 3461 4.2


_MAIL_CHECKS: dict[str, Callable[[str], bool]] = {
    "SIZE": lambda value: _SIZE.fullmatch(value) is not None,
    "BODY": lambda value: value.upper() in {"7BIT", "8BITMIME"},
    "SMTPUTF8": lambda value: not value,
    "AUTH": bool,  # whoever it names, only our own login counts
    "RET": lambda value: value.upper() in {"FULL", "HDRS"},
    "ENVID": lambda value: len(value) <= MAX_ENVID and _XTEXT.fullmatch(value) is not None,
}
_RCPT_CHECKS: dict[str, Callable[[str], bool]] = {
    "NOTIFY": lambda value: _NOTIFY.fullmatch(value) is not None,
    "ORCPT": lambda value: len(value) <= MAX_ORCPT and _ORCPT.fullmatch(value) is not None,
}


def check_mail(params: Mapping[str, str], *, max_size: int) -> Reply | None:
    """What is wrong with the parameters of a MAIL; None: nothing. `max_size` in octets."""
    if (problem := _check(params, _MAIL_CHECKS)) is not None:
        return problem
    return replies.TOO_BIG if int(params.get("SIZE", "0")) > max_size else None


def check_rcpt(params: Mapping[str, str]) -> Reply | None:
    """What is wrong with the parameters of a RCPT; None: nothing."""
    return _check(params, _RCPT_CHECKS)


def _check(params: Mapping[str, str], checks: Mapping[str, Callable[[str], bool]]) -> Reply | None:
    for keyword, value in params.items():
        check = checks.get(keyword)
        if check is None:
            return replies.UNKNOWN_PARAMETER
        if not check(value):
            return replies.BAD_PARAMETER
    return None
