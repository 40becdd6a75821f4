"""Mailboxes of a real IMAP server: Dovecot's own IMAP process on a pipe, with a configuration and mailboxes of its own.

No login and no port, since only what it makes of mails is asked. It never works for root, so root's becomes nobody's.
"""

import imaplib
import os
import pwd
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.flows.relays import missing

_PROGRAM = Path("/usr/lib/dovecot/imap")
_CONF = """\
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
mail_location = maildir:{place}/Maildir
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
protocols = imap
ssl = no
stats_writer_socket_path =
"""


class Inbox:
    """One person's mailbox, with what came and what was sent, as programs that show conversations need it."""

    def __init__(self, connection: imaplib.IMAP4_stream) -> None:
        self._connection = connection

    def put(self, mails: Sequence[bytes]) -> None:
        """Further mails."""
        for mail in mails:
            self._ask("APPEND", "INBOX", None, None, mail)

    def delete(self, numbers: Sequence[int]) -> None:
        """Mails by their UIDs: 1 for the first that was put in."""
        self._ask("UID", "STORE", ",".join(map(str, numbers)), "+FLAGS", r"(\Deleted)")
        self._ask("EXPUNGE")

    def threads(self) -> list[set[int]]:
        """The UIDs in each conversation, by RFC 5256's THREAD=REFERENCES."""
        (answer,) = self._ask("UID", "THREAD", "REFERENCES", "UTF-8", "ALL")
        return [set(map(int, re.findall(r"\d+", thread))) for thread in _outermost((answer or b"").decode())]

    def _ask(self, command: str, *arguments: object) -> list[bytes | None]:
        status, data = getattr(self._connection, command.lower())(*arguments)
        assert status == "OK", (command, data)
        return list(data)

    def open(self) -> None:
        """Look at what is there now."""
        self._ask("SELECT", "INBOX")


@contextmanager
def inbox() -> Iterator[Inbox]:
    """An empty mailbox."""
    if not _PROGRAM.exists():
        missing("dovecot-imapd is not installed")
    place = Path(tempfile.mkdtemp(prefix="smsbridge-dovecot-"))
    try:
        owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        for name in ("run", "state", "Maildir"):
            (place / name).mkdir()
        (place / "dovecot.conf").write_text(
            _CONF.format(place=place, user=owner.pw_uid, group=owner.pw_gid), encoding="ascii"
        )
        (place / "log").touch()
        for file in (place, *place.iterdir()):
            os.chown(file, owner.pw_uid, owner.pw_gid)
        command = ["env", f"HOME={place}", "USER=anna", str(_PROGRAM), "-c", str(place / "dovecot.conf")]
        with imaplib.IMAP4_stream(shlex.join(command)) as connection:
            assert "THREAD=REFERENCES" in connection.capabilities
            found = Inbox(connection)
            found.open()
            yield found
    finally:
        shutil.rmtree(place)


def _outermost(answer: str) -> list[str]:
    """What stands in each outermost pair of brackets."""
    found, depth, begun = [], 0, 0
    for at, character in enumerate(answer):
        if character == "(":
            begun = begun if depth else at
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                found.append(answer[begun : at + 1])
    return found
