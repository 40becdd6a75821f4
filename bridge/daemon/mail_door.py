"""The listener of the mail door: made at the start, renewed by a reload; certificates, limits, sockets from systemd."""

import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bridge.acceptor import AT_ONCE
from bridge.census import Census
from bridge.config import Configuration, Endpoint, User
from bridge.config.users import CERTIFICATE
from bridge.smtpd import replies
from bridge.smtpd.contract import Limits, Policy, Terms
from bridge.smtpd.listener import MEMORY, Listener

SOCKET_MODES: Final = {"smtp": "starttls", "submission": "starttls", "smtps": "implicit"}
"""FileDescriptorName in smsbridge.socket to the mode of the listener."""

_AT_A_TIME: Final = 6  # mails that each of several processes reads in one turn of its loop: a millisecond
_MAILS_IN_MEMORY: Final = 8  # of the largest size, at least


async def open_listener(
    configuration: Configuration,
    policy: Policy[Any],
    handed: Mapping[str, Sequence[socket.socket]],
    processes: int = 1,
    census: Census | None = None,
) -> Listener:
    """A listener on the sockets that systemd `handed` over by name, else on the configured ones. Raises OSError."""
    listener = make_listener(configuration, terms(configuration, policy), processes, census)
    listen = configuration.settings.smtpd.listen
    sockets = [(name, opened) for name in SOCKET_MODES for opened in handed.get(name, ())]
    for name, opened in sockets:
        await listener.adopt(opened, _endpoint(opened, listen, SOCKET_MODES[name]))
    if not sockets:
        await listener.open(listen)
    return listener


def make_listener(configuration: Configuration, given: Terms, processes: int, census: Census | None = None) -> Listener:
    """A listener that listens nowhere yet; connections of one address are counted by all processes together."""
    # Where several processes stand behind one socket, the one that wakes first must not take all who wait there.
    at_once, at_a_time = (1, _AT_A_TIME) if processes > 1 else (AT_ONCE, None)
    listener = Listener(terms=given, at_once=at_once, at_a_time=at_a_time, census=census)
    renew(listener, configuration, given, processes)
    return listener


def renew(listener: Listener, configuration: Configuration, new: Terms, processes: int = 1) -> None:
    """New sessions get the `new` terms and the configuration's limits; sessions under way keep theirs.

    Each of so many processes, which need not be as many as the configuration wants by now, has its part of what all may
    hold together.
    """
    settings = configuration.settings.smtpd
    memory = max(MEMORY, _MAILS_IN_MEMORY * settings.max_message_size)
    listener.terms = new
    listener.trusted = settings.networks
    listener.total = -(-settings.max_connections // processes)
    listener.per_address = settings.max_connections_per_address
    listener.room.limit = max(memory // processes, 2 * settings.max_message_size)


def end_logins(listener: Listener, old: Mapping[str, User], new: Mapping[str, User]) -> None:
    """Ends the sessions of users who were removed or changed: who stole a password may be logged in with it still."""
    for session in list(listener.sessions):
        user = session.peer.user
        if user is not None and old.get(user) != new.get(user):
            session.dismiss(replies.LOGIN_ENDED, in_data=True)


def terms(configuration: Configuration, policy: Policy[Any]) -> Terms:
    """What an SMTP session is given. Reads the certificates: raises OSError, which `ssl.SSLError` is."""
    settings = configuration.settings
    authorities = {entry.client_ca for entry in settings.smtpd.listen if entry.client_ca is not None}
    asking = {path: context for path in authorities if (context := _ssl_context(configuration, path)) is not None}
    return Terms(
        policy=policy,
        hostname=settings.hostname,
        limits=Limits(max_message_size=settings.smtpd.max_message_size),
        ssl_context=_ssl_context(configuration),
        asking=asking,
        require_tls=settings.smtpd.require_tls,
        offers_auth=any(user.hash != CERTIFICATE for user in configuration.users.values()),
    )


def _ssl_context(configuration: Configuration, client_ca: Path | None = None) -> ssl.SSLContext | None:
    """The certificate, where one is set; with `client_ca` clients are asked for theirs, and need not have one."""
    settings = configuration.settings.smtpd
    if settings.tls_certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        # The file may hold the very certificates of the clients instead of an authority.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(client_ca)
    return context


def _endpoint(sock: socket.socket, listen: Sequence[Endpoint], mode: str) -> Endpoint:
    """How to serve a socket from systemd: as the entry of `listen` with its port says, else in `mode`."""
    name = sock.getsockname()
    if not isinstance(name, tuple):  # a Unix socket
        return Endpoint(host="", port=0, mode=mode)
    host, port = str(name[0]), int(name[1])
    fallback = Endpoint(host=host, port=port, mode=mode)
    same = [entry for entry in listen if entry.port == port]
    return next((entry for entry in same if entry.host == host), same[0] if same else fallback)
