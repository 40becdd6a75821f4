"""What a domain looks like before anybody asks DNS about it. Pure."""

import re
from typing import Final

_DOMAIN: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_LONGEST: Final = 253  # RFC 1035 section 2.3.4


def is_domain(text: str) -> bool:
    """Whether `text` is a domain of two labels or more, in lower case and ASCII, without the dot at its end."""
    return len(text) <= _LONGEST and _DOMAIN.match(text) is not None


def of(address: str) -> str:
    """The domain of a mail address in lower case; "" where there is none. A bare domain is its own."""
    return address.rpartition("@")[2].lower()
