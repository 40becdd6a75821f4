"""Whose a client certificate is: the names that its authority vouches for."""

from collections.abc import Mapping
from typing import Any


def names_in(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Mail addresses, then host names among the alternative names; where there are none of both, the common name.

    `certificate` is what `ssl` gives of a verified one (`SSLSocket.getpeercert`); none, or an empty one: no names.
    RFC 6125 6.4.4: the common name counts only without alternative ones.
    """
    if not certificate:
        return ()
    alternative = certificate.get("subjectAltName", ())
    found = [value for wanted in ("email", "DNS") for kind, value in alternative if kind == wanted]
    if found:
        return tuple(found)
    return tuple(value for part in certificate.get("subject", ()) for kind, value in part if kind == "commonName")
