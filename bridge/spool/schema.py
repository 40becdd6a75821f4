"""The spool's tables, version by version.

`PRAGMA user_version` says which version a file has. A migration runs in one transaction, so a crash leaves the old
version or the new one; a file of a newer program is refused, since an older one could not keep its promises.
What is due, waits or is to be told has partial indexes: to start something costs the same at no rows and at a million,
and what is finished is in none of them.
"""

import apsw

from bridge.spool import SpoolDamaged

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE mails (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, at REAL NOT NULL, sender TEXT NOT NULL, author TEXT,
        proof TEXT NOT NULL, peer TEXT NOT NULL, message_id TEXT
    ) WITHOUT ROWID;

    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, mail TEXT NOT NULL, channel TEXT NOT NULL,
        recipient TEXT NOT NULL, payload BLOB NOT NULL, state TEXT NOT NULL, sender TEXT NOT NULL, author TEXT,
        route TEXT NOT NULL, urgent INTEGER NOT NULL, reports TEXT NOT NULL, language TEXT NOT NULL,
        on_unknown TEXT NOT NULL, unknown_wait REAL NOT NULL, created_at REAL NOT NULL, changed_at REAL NOT NULL,
        next_at REAL NOT NULL, expires_at REAL NOT NULL, warn_at REAL, attempts INTEGER NOT NULL,
        code TEXT NOT NULL, reason TEXT NOT NULL, status TEXT NOT NULL, transfer_id TEXT,
        lease REAL, reported INTEGER NOT NULL DEFAULT 0,
        undelivered INTEGER NOT NULL DEFAULT 0, tell_at REAL, told TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX due ON deliveries (channel, urgent, next_at, seq) WHERE state = 'queued' AND lease IS NULL;
    CREATE INDEX leased ON deliveries (lease) WHERE lease IS NOT NULL;
    CREATE INDEX open ON deliveries (state, changed_at) WHERE state IN ('queued', 'sending', 'unknown', 'held');
    CREATE INDEX expiring ON deliveries (expires_at) WHERE state IN ('queued', 'unknown', 'held');
    CREATE INDEX unreported ON deliveries (expires_at) WHERE state = 'sent' AND undelivered = 1;
    CREATE INDEX warning ON deliveries (warn_at) WHERE warn_at IS NOT NULL;
    CREATE INDEX telling ON deliveries (tell_at) WHERE tell_at IS NOT NULL;
    CREATE INDEX of_mail ON deliveries (mail);
    CREATE INDEX transfer ON deliveries (transfer_id) WHERE transfer_id IS NOT NULL;
    CREATE INDEX with_text ON deliveries (changed_at)
        WHERE state IN ('sent', 'delivered', 'failed', 'dropped') AND payload <> x'';

    CREATE TABLE events (
        delivery TEXT NOT NULL, at REAL NOT NULL, event TEXT NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL
    );
    CREATE INDEX of_delivery ON events (delivery);

    CREATE TABLE seen (key BLOB PRIMARY KEY, delivery TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX seen_at ON seen (at);
    CREATE TABLE notifications (
        id TEXT PRIMARY KEY, mail TEXT NOT NULL, at REAL NOT NULL, digest BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX notifications_at ON notifications (at);
    CREATE TABLE orphans (
        transfer_id TEXT, client_message_id TEXT, phone TEXT, state TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL
    );
    CREATE INDEX orphan ON orphans (transfer_id) WHERE transfer_id IS NOT NULL;
    CREATE TABLE conversations (
        phone TEXT NOT NULL, line TEXT NOT NULL, author TEXT NOT NULL, message_id TEXT, at REAL NOT NULL,
        expires_at REAL NOT NULL,
        PRIMARY KEY (phone, line)
    ) WITHOUT ROWID;
    CREATE TABLE dead_letters (
        notification TEXT PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE TABLE alerts (id INTEGER PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX untold ON alerts (id) WHERE told = 0;
    """,
    # What a client asked for with DSN (RFC 3461). What is in the queue was told to its author, so it stays so.
    """
    ALTER TABLE mails ADD COLUMN envid TEXT NOT NULL DEFAULT '';
    ALTER TABLE mails ADD COLUMN ret TEXT NOT NULL DEFAULT '';
    ALTER TABLE deliveries ADD COLUMN notify TEXT NOT NULL DEFAULT '';
    ALTER TABLE deliveries ADD COLUMN orcpt TEXT NOT NULL DEFAULT '';
    UPDATE deliveries SET sender = author WHERE channel = 'sms' AND author IS NOT NULL;
    """,
    # What a conversation is about: Gmail and Outlook show as one what has the same subject.
    """
    ALTER TABLE conversations ADD COLUMN subject TEXT NOT NULL DEFAULT '';
    """,
    # What a timeline says of the way in.
    """
    ALTER TABLE mails ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE mails ADD COLUMN line TEXT NOT NULL DEFAULT '';
    ALTER TABLE mails ADD COLUMN why TEXT NOT NULL DEFAULT '';
    """,
    # What notices need: the address that was mailed to, what comes back of the mail (for as long as its text is kept),
    # groups that were split up; outcomes of one mail stand together.
    """
    ALTER TABLE deliveries ADD COLUMN address TEXT NOT NULL DEFAULT '';
    CREATE TABLE originals (mail TEXT PRIMARY KEY, content BLOB NOT NULL, whole INTEGER NOT NULL);
    CREATE TABLE expansions (delivery TEXT PRIMARY KEY, address TEXT NOT NULL, tell_at REAL NOT NULL) WITHOUT ROWID;
    DROP INDEX telling;
    CREATE INDEX telling ON deliveries (mail, tell_at) WHERE tell_at IS NOT NULL;
    """,
    # Whether this is the newest state of this spool: see bridge/spool/generation.py.
    """
    CREATE TABLE generation (spool TEXT PRIMARY KEY, number INTEGER NOT NULL, probes INTEGER NOT NULL);
    """,
    # What the operator's window looks for: see bridge/spool/window.py.
    """
    CREATE INDEX of_recipient ON deliveries (recipient, seq);
    CREATE INDEX failed ON deliveries (seq) WHERE state = 'failed';
    CREATE INDEX of_sender ON mails (sender, at);
    CREATE INDEX of_author ON mails (author, at) WHERE author IS NOT NULL AND author <> sender;
    CREATE INDEX events_at ON events (at, event);
    """,
    # Version 8: what several nodes count together stands on a server only, see bridge/spool/postgres/tables.py.
    "",
    # What has waited longest on a channel, however much waits, and no entry that a mere attempt changes; what is over
    # since when, so that nobody reads three months of history to find that nothing is old enough.
    """
    DROP INDEX open;
    CREATE INDEX open ON deliveries (state, channel, seq) WHERE state IN ('queued', 'sending', 'unknown', 'held');
    CREATE INDEX over ON deliveries (changed_at) WHERE state IN ('sent', 'delivered', 'failed', 'dropped');
    """,
    # The same indexes in other words: for an IN of more than two SQLite builds a table in memory, and that for each
    # index, before and after, with each row it writes: two thirds of what a move cost. Not joined by OR, of which each
    # part alone leads there: what is due or expired would be sought among all that is queued.
    """
    DROP INDEX open;
    CREATE INDEX open ON deliveries (state, channel, seq)
        WHERE state <> 'sent' AND state <> 'delivered' AND state <> 'failed' AND state <> 'dropped';
    DROP INDEX expiring;
    CREATE INDEX expiring ON deliveries (expires_at)
        WHERE state <> 'sent' AND state <> 'delivered' AND state <> 'failed' AND state <> 'dropped'
        AND state <> 'sending';
    DROP INDEX with_text;
    CREATE INDEX with_text ON deliveries (changed_at)
        WHERE state <> 'queued' AND state <> 'sending' AND state <> 'unknown' AND state <> 'held' AND payload <> x'';
    DROP INDEX over;
    CREATE INDEX over ON deliveries (changed_at)
        WHERE state <> 'queued' AND state <> 'sending' AND state <> 'unknown' AND state <> 'held';
    """,
)


def check(db: apsw.Connection) -> None:
    """For a command, which changes no tables below a daemon that runs; raises `SpoolDamaged` for another version."""
    version = int(db.pragma("user_version"))
    if version < len(MIGRATIONS):
        raise SpoolDamaged(
            f"the spool has schema version {version}, this program knows {len(MIGRATIONS)}: "
            "start `smsbridge serve` of this version once"
        )
    _not_newer(version)


def migrate(db: apsw.Connection) -> None:
    """Bring the file to this program's version; raises `SpoolDamaged` for a newer one."""
    while (version := int(db.pragma("user_version"))) < len(MIGRATIONS):
        db.execute("BEGIN IMMEDIATE")
        try:
            if int(db.pragma("user_version")) == version:  # nobody else did it while we waited for the lock
                db.execute(MIGRATIONS[version])
                db.execute(f"PRAGMA user_version = {version + 1}")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
    _not_newer(version)


def _not_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise SpoolDamaged(
            f"the spool has schema version {version}, this program knows {len(MIGRATIONS)}: "
            "install the newer smsbridge again"
        )
