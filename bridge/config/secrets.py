"""The files that hold secrets: tokens, passwords, the webhook's secrets, the signing keys.

Secrets are read from files only, so that no process list, environment dump or copied bridge.toml gives them
away. Here too nothing that was read, and no file name either (people do paste a token where its file's name
belongs), is quoted in a message.
"""

import re
import ssl
from pathlib import Path
from typing import Final

from bridge.config.bridge_toml import Section
from bridge.config.document import UnreadableFile, read_text
from bridge.config.problems import Problem
from bridge.config.reading import Place
from bridge.config.settings import Secrets

_WEBHOOK_SECRET: Final = re.compile(r"[A-Za-z0-9_-]+")  # goes into a URL path as it is
_SHORTEST_WEBHOOK_SECRET: Final = 16
_SHORTEST_KEY: Final = 32  # characters; 128 bits even where they are hexadecimal digits
_OTHERS: Final = 0o027  # the owner, and a group that may only read: root:smsbridge 0640
_MAKE_SECRET: Final = "make one with: openssl rand -hex 24"  # noqa: S105 - a hint, not a secret


def read(sections: dict[str, Section]) -> Secrets:
    """Every secret that the sections name; unusable files become problems at the key that names them."""
    websms, smarthost, webhook = sections["websms"], sections["smarthost"], sections["webhook"]
    spool = sections["spool"]
    _check_certificate(sections["smtpd"])
    return Secrets(
        websms_token=_one_line(websms, "token_file"),
        websms_password=_one_line(websms, "password_file"),
        smarthost_password=_one_line(smarthost, "password_file"),
        spool_password=_one_line(spool, "password_file"),
        webhook=_webhook(webhook),
    )


def keys(top: Section) -> tuple[bytes, ...]:
    """The signing keys, newest first: the lines of `key_file`; none where there is no such file yet."""
    path: Path | None = top.values.get("key_file")
    if path is None:
        return ()
    place = top.place.at("key_file")
    try:
        path.stat()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError):
        pass  # `lines` says why
    found = lines(path, place)
    if found is None:
        return ()
    if not found:
        place.problem("the file is empty", "delete it, and the bridge makes a new one")
    for number, line in found:
        if len(line) < _SHORTEST_KEY:
            message = f"a key must have at least {_SHORTEST_KEY} characters"
            _line_problem(place, path, number, message, "make one with: openssl rand -hex 32")
    return tuple(line.encode() for _, line in found)


def refuse_if_open(path: Path, place: Place) -> None:
    """A problem if others than the owner may read (or change) a file that should be the bridge's alone.

    Its group may read it: root:smsbridge 0640. systemd's credentials are left out: it guards them by an access list
    that looks like a group's right.
    """
    if place.files.credentials is not None and path.parent == place.files.credentials:
        return
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if mode & _OTHERS:
        place.problem(
            f"the file can be read or changed by others (mode {mode & 0o777:04o})",
            "allow its owner and at most its group to read: chmod 640",
        )


_BARE_NAME: Final = "a bare name is looked up in $CREDENTIALS_DIRECTORY, then beside the configuration"


def lines(path: Path, place: Place, hint: str = _BARE_NAME) -> list[tuple[int, str]] | None:
    """The lines that are not blank, with their numbers, or None after a Problem at the key that names the
    file; `hint` is what to do where there is none.
    """
    refuse_if_open(path, place)
    try:
        text = read_text(path)
    except UnreadableFile as error:
        place.problem(error.message, error.hint or hint)
        return None
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _one_line(section: Section, key: str) -> str | None:
    """A token or password: the only line of its file."""
    path: Path | None = section.values.get(key)
    if path is None:
        return None
    place = section.place.at(key)
    found = lines(path, place)
    if found is None:
        return None
    if len(found) != 1:
        place.problem(
            f"the file holds {len(found)} lines" if found else "the file is empty",
            "it must hold one line: the secret",
        )
        return None
    if not found[0][1].isprintable():
        place.problem("the file holds control characters", "it must hold one line: the secret")
        return None
    if key == "token_file" and found[0][1].startswith("#"):  # as the Debian package leaves it
        place.warning("the file holds a comment and no token, so the provider refuses every SMS", "put the token there")
    if key == "token_file" and not found[0][1].isascii():
        place.problem("the token holds letters that no token has", "copy it again from the provider's web interface")
        return None
    return found[0][1]


def _webhook(section: Section) -> tuple[str, ...]:
    """The webhook's secrets: each line is valid, so that one can be replaced without a gap."""
    path: Path | None = section.values.get("secret_file")
    if path is None:
        return ()
    place = section.place.at("secret_file")
    found = lines(path, place)
    if found is None:
        return ()
    if not found:
        place.problem("the file is empty", _MAKE_SECRET)
    for number, secret in found:
        if len(secret) < _SHORTEST_WEBHOOK_SECRET:
            _line_problem(place, path, number, "a secret must have at least 16 characters", _MAKE_SECRET)
        elif _WEBHOOK_SECRET.fullmatch(secret) is None:
            _line_problem(place, path, number, "a secret may hold only letters, digits, - and _", _MAKE_SECRET)
    return tuple(secret for _, secret in found)


def _line_problem(place: Place, path: Path, number: int, message: str, hint: str) -> None:
    file = place.files.name(path)
    place.collector.problem(Problem(file=file, line=number, message=message, hint=hint))


def _check_certificate(smtpd: Section) -> None:
    """Loads certificate and key as the listener will, so that a wrong one is found before the first mail."""
    certificate: Path | None = smtpd.values.get("tls_certificate")
    key: Path | None = smtpd.values.get("tls_key")
    if key is not None:
        refuse_if_open(key, smtpd.place.at("tls_key"))
    for index, entry in enumerate(smtpd.values.get("listen", ())):
        if entry.client_ca is not None:
            _check_authorities(entry.client_ca, smtpd.place.at("listen", index))
    if certificate is None or key is None:
        return
    readable = True
    for name, path in (("tls_certificate", certificate), ("tls_key", key)):
        try:
            read_text(path)
        except UnreadableFile as error:
            smtpd.place.at(name).problem(error.message, error.hint or "write the path of a file in PEM")
            readable = False
    if not readable:
        return
    try:
        # A password given as text keeps OpenSSL from asking the terminal for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError):
        smtpd.place.at("tls_certificate").problem(
            "certificate and key cannot be used together",
            "tls_certificate is a chain in PEM with the server's own first, tls_key its key without a password",
        )


def _check_authorities(path: Path, place: Place) -> None:
    """Loads those who vouch for clients as the listener will."""
    try:
        read_text(path)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
    except UnreadableFile as error:
        place.problem(f"client_ca: {error.message}", error.hint or "write the path of a file in PEM")
    except (ssl.SSLError, OSError, ValueError):
        place.problem("client_ca holds no certificate", "write the path of the authorities' certificates in PEM")
