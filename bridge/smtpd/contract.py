"""The seam between the protocol and what the bridge decides: `Reply`, `Peer`, `Policy` and the `Terms` of a session.

It is narrow on purpose: nothing of aiosmtpd shows here, so the protocol below it can be exchanged.
"""

import ssl
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

MAX_REPLY_TEXT = 480  # RFC 5321 4.5.3.1.5: a reply line has at most 512 octets, code and CRLF included


@dataclass(frozen=True, slots=True)
class Reply:
    """One line to the client: ``550 5.1.1 no such user``. `status` is RFC 3463, "" where a reply carries none."""

    code: int
    status: str
    text: str

    def encode(self) -> bytes:
        """The line with its CRLF, always ASCII and always one line, whatever the text holds."""
        text = self.text[:MAX_REPLY_TEXT]
        if not (text.isascii() and text.isprintable()):
            text = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
        return f"{self.code} {self.status} {text}\r\n".encode() if self.status else f"{self.code} {text}\r\n".encode()


@dataclass(slots=True, kw_only=True)
class Peer:
    """Who is on the line. One object for the whole connection; STARTTLS only clears `helo` and `esmtp`."""

    host: str  # address as text; a mapped IPv4 address is written as IPv4; "" on a Unix socket
    port: int
    mode: str  # of the listener: "starttls", "implicit", "plain", "legacy"
    tls: bool = False
    helo: str = ""  # printable ASCII, as the client said it
    user: str | None = None  # name of the login, once there is one
    certificate: tuple[str, ...] = ()  # names in the client's certificate, which one of the listener's authorities gave
    esmtp: bool = False  # EHLO, not HELO
    login_doublings: int = 0  # of `Limits.login_delay`, for wrong logins the policy has seen from there
    known: Any = field(default=None, repr=False, compare=False)  # the policy's: what it need not find out again


Accepted = TypeVar("Accepted")
"""What a policy makes of a recipient it takes. Anything but a `Reply`; the protocol only keeps it."""


class Policy(Protocol[Accepted]):
    """What the bridge decides. `connected`, `mail` and `rcpt` must not block: they run on the loop.

    Params have upper-case keywords and values in their own case; a keyword without value has "". An exception out of
    any of these is answered ``451 4.3.0``, logged, and ends the mail at hand.
    """

    def connected(self, peer: Peer, /) -> Reply | None:
        """None: welcome. A `Reply` is said instead of the greeting, and the connection is closed."""

    def mail(self, peer: Peer, sender: str, params: Mapping[str, str], /) -> Reply | Awaitable[Reply | None] | None:
        """None takes the `sender` ("" is the null path)."""

    def rcpt(self, peer: Peer, sender: str, recipient: str, params: Mapping[str, str], /) -> Accepted | Reply:
        """A `Reply` is said and the recipient forgotten; anything else is kept for `data`."""
        ...

    async def data(
        self, peer: Peer, sender: str, recipients: Sequence[Accepted], content: bytes, params: Mapping[str, str], /
    ) -> Reply:
        """Takes the mail: `content` with CRLF line ends, dots unstuffed. Runs to its end even if the client leaves."""
        ...

    def broke(self, peer: Peer, /) -> None:
        """An exception of ours ended what this client wanted; it is logged already. Must not raise."""

    async def authenticate(self, peer: Peer, name: bytes, password: bytes, /) -> str | Reply | None:
        """The user's name if the password is right, None if not, a `Reply` (454, 421) when it was not tried.

        Before None it sets `peer.login_doublings`.
        """

    def exposed(self, peer: Peer, name: bytes, /) -> None:
        """A password for `name` came in plain text and was refused unread. Must not block."""

    def certified(self, peer: Peer, /) -> str | None:
        """The name of the user whom `peer.certificate`, which was verified, logs in; None: nobody. Must not block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one session. Times in seconds, sizes in octets."""

    max_message_size: int = 1024 * 1024
    max_line: int = 16 * 1024  # RFC 5321 says 998, real devices do not care
    max_recipients: int = 1000
    max_errors: int = 20  # 5xx answers since the last mail taken; then 421
    slow_errors: int = 10  # from here on each costs `error_delay`
    error_delay: float = 0.25
    max_idle_commands: int = 100  # NOOP, RSET, VRFY … since the last mail taken
    max_auth_failures: int = 3
    login_delay: float = 0.5  # before a wrong login is answered; doubled with each earlier one …
    longest_login_delay: float = 8.0  # … up to this
    command_timeout: float = 300.0
    data_timeout: float = 300.0  # for a whole DATA, plus a second for each `data_rate` octets
    data_rate: float = 500.0
    crowded_timeout: float = 1.0  # how far behind a mail may be when a newcomer finds the house full
    write_timeout: float = 30.0  # without progress
    handshake_timeout: float = 10.0
    header_timeout: float = 10.0  # for the PROXY header of a proxy
    linger: float = 2.0  # silence after which a client that was told to go is dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a session is given. The listener may replace it; sessions that have begun keep theirs."""

    policy: Policy[Any]
    hostname: str
    limits: Limits = field(default_factory=Limits)
    ssl_context: ssl.SSLContext | None = None
    asking: Mapping[Path, ssl.SSLContext] = field(default_factory=dict)  # by `client_ca`: those that ask the client
    require_tls: bool = False
    offers_auth: bool = False  # there are users with passwords
