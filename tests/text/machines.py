"""Mails that machines write, each in the shape its program gives it: alarms, which become SMS, and all that must not.

The shapes are those of the programs' own mails (which headers they set, how they write a subject); names, addresses and
words are made up.
"""

from collections.abc import Mapping
from typing import Final

_DATE: Final = "Date: Sat, 21 Nov 2026 10:11:12 +0100"
_PLAIN: Final = "Content-Type: text/plain; charset=utf-8"


def _mail(body: str, *headers: str) -> bytes:
    return ("\r\n".join([*headers, "", body]) + "\r\n").encode()


def _multipart(kind: str, parts: list[tuple[str, str]], *headers: str) -> bytes:
    """`parts` are content type and text."""
    body = "".join(f"--part\r\nContent-Type: {content_type}\r\n\r\n{text}\r\n" for content_type, text in parts)
    return _mail(f"{body}--part--", *headers, "MIME-Version: 1.0", f"Content-Type: {kind}; boundary=part")


ALARMS: Final[Mapping[str, bytes]] = {
    # printf … | mail: nothing but a subject
    "nagios": _mail(
        "***** Nagios *****\r\n\r\nNotification Type: PROBLEM\r\nService: Disk\r\nHost: db1\r\nState: CRITICAL",
        "From: nagios@example.org",
        "Subject: ** PROBLEM Service Alert: db1/Disk is CRITICAL **",
        _DATE,
    ),
    "icinga": _mail(
        "***** Service Monitoring on icinga *****\r\n\r\nDisk on db1 is CRITICAL!",
        "From: icinga@example.org",
        "Subject: [PROBLEM] Disk on db1 is CRITICAL!",
        _DATE,
        "Message-ID: <5f1@example.org>",
        _PLAIN,
    ),
    # an In-Reply-To in every mail, though it answers none
    "zabbix": _mail(
        "UHJvYmxlbSBzdGFydGVkIGF0IDEwOjExOjEyCg==",
        "From: <zabbix@example.org>",
        "To: <alarm@sms.example.com>",
        "In-Reply-To: <1.2.3@example.org>",
        _DATE,
        "Subject: Problem: Free disk space is low on db1",
        "MIME-Version: 1.0",
        'Content-Type: text/plain; charset="UTF-8"',
        "Content-Transfer-Encoding: base64",
    ),
    "alertmanager": _multipart(
        "multipart/alternative",
        [("text/html; charset=UTF-8", "<html><body><b>[1] Firing</b><p>InstanceDown db1</p></body></html>")],
        "From: alertmanager@example.org",
        "Message-Id: <1795252272.4.alertmanager@mon>",
        "Subject: [FIRING:1] InstanceDown (db1 node critical)",
        _DATE,
    ),
    # with threading every later mail of a group refers to the first
    "alertmanager threading": _multipart(
        "multipart/alternative",
        [("text/plain; charset=UTF-8", "InstanceDown db1 resolved"), ("text/html", "<p>InstanceDown db1 resolved</p>")],
        "From: alertmanager@example.org",
        "In-Reply-To: <alert.1@alertmanager>",
        "References: <alert.1@alertmanager>",
        "Subject: [RESOLVED] InstanceDown (db1 node critical)",
        _DATE,
    ),
    "grafana": _multipart(
        "multipart/alternative",
        [("text/plain", "Firing: disk full on db1"), ("text/html", "<h1>Firing</h1><p>disk full on db1</p>")],
        'From: "Grafana" <grafana@example.org>',
        "Message-Id: <g.1@example.org>",
        "Subject: [FIRING:1] disk full",
        _DATE,
    ),
    "prtg": _multipart(
        "multipart/alternative",
        [("text/plain; charset=utf-8", "Sensor Ping (Down) on db1"), ("text/html", "<p>Sensor Ping (Down)</p>")],
        "From: PRTG Network Monitor <prtg@example.org>",
        "X-Mailer: PRTG Network Monitor",
        "X-Priority: 1",
        "Subject: Down (No response) - Ping - db1",
        _DATE,
    ),
    "proxmox": _multipart(
        "multipart/alternative",
        [("text/plain;charset=UTF-8", "101: 10:11:12 ERROR: Backup of VM 101 failed"), ("text/html", "<pre>x</pre>")],
        "From: vzdump backup tool <root@pve.example.org>",
        "Auto-Submitted: auto-generated;",
        "Subject: vzdump backup status (pve): backup failed",
        _DATE,
    ),
    "synology": _mail(
        "Dear user,\r\n\r\nVolume 1 on nas has degraded.",
        'From: "nas" <nas@example.org>',
        "X-Mailer: Synology DiskStation",
        "Subject: [nas] Volume 1 has degraded",
        _DATE,
        _PLAIN,
    ),
    # a bare list of facts, no Message-ID, no Date
    "apc ups": _mail(
        "Name     : ups1\r\nCode     : 0x0109\r\n\r\nUPS: On battery power in response to an input problem.",
        "From: ups1@example.org",
        "Subject: Critical - UPS: On battery power.",
    ),
    "cron": _mail(
        "rsync: connection unexpectedly closed",
        "From: root@db1.example.org (Cron Daemon)",
        "Subject: Cron <root@db1> /usr/local/bin/copy",
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        "X-Cron-Env: <SHELL=/bin/sh>",
        "X-Cron-Env: <LOGNAME=root>",
        _DATE,
        _PLAIN,
    ),
    "gitlab": _mail(
        "Pipeline #1 has failed!",
        "From: GitLab <gitlab@example.org>",
        "Reply-To: GitLab <noreply@example.org>",
        "Subject: web | Failed pipeline for main | 0123abcd",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "X-GitLab-Pipeline-Id: 1",
        "List-Id: group/web <1.web.group.gitlab.example.org>",
        "List-Unsubscribe: <https://gitlab.example.org/unsubscribe>",
        _DATE,
        _PLAIN,
    ),
    "jira": _mail(
        "OPS-1 was created: mail queue is growing",
        "From: Jira <jira@example.org>",
        "Precedence: bulk",
        "Auto-Submitted: auto-generated",
        "In-Reply-To: <JIRA.1.1@example.org>",
        "References: <JIRA.1.1@example.org>",
        "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply",
        "Subject: [JIRA] (OPS-1) mail queue is growing",
        _DATE,
        _PLAIN,
    ),
    "sentry": _multipart(
        "multipart/alternative",
        [("text/plain; charset=utf-8", "ZeroDivisionError in billing"), ("text/html", "<p>ZeroDivisionError</p>")],
        "From: Sentry <sentry@example.org>",
        "Subject: WEB-1 - ZeroDivisionError",
        "List-Id: <web.acme.sentry.example.org>",
        "List-Unsubscribe: <https://sentry.example.org/unsubscribe>",
        "X-Sentry-Project: web",
        _DATE,
    ),
    # an alarm stays one when the team's list passes it on
    "alarm through a list": _mail(
        "DISK CRITICAL on db1",
        "From: nagios@example.org",
        "Auto-Submitted: auto-generated",
        "Precedence: list",
        "List-Id: On call <oncall.lists.example.org>",
        "List-Post: <mailto:oncall@lists.example.org>",
        "Subject: [oncall] PROBLEM db1",
        _DATE,
        _PLAIN,
    ),
    "announcements, nobody can post": _mail(
        "Maintenance at 22:00",
        "From: status@example.org",
        "List-Id: <status.example.org>",
        "List-Post: NO (announcements only)",
        "List-Unsubscribe: <mailto:leave@example.org>",
        "Precedence: bulk",
        "Subject: Maintenance",
        _DATE,
        _PLAIN,
    ),
    "suppresses answers, as alarms do": _mail(
        "Tür offen",
        "From: door@example.org",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "Subject: Auto steht vor der Tür",
        _DATE,
        _PLAIN,
    ),
}
"""What becomes an SMS, by program."""


def _away(subject: str, *headers: str, body: str = "Ich bin bis Montag nicht da.") -> bytes:
    return _mail(body, "From: anna@example.org", f"Subject: {subject}", _DATE, _PLAIN, *headers)


def _bounce(
    parts: list[tuple[str, str]], *headers: str, kind: str = "multipart/report; report-type=delivery-status"
) -> bytes:
    return _multipart(kind, [("text/plain", "Your message could not be delivered."), *parts], *headers, _DATE)


_STATUS = (
    "message/delivery-status",
    "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; x@example.org\r\nAction: failed",
)
_RETURNED = ("message/rfc822", "From: office@sms.example.com\r\nSubject: SMS Anna\r\n\r\nText")

AUTOMATIC: Final[Mapping[str, bytes]] = {
    # vacations that say so
    "rfc 3834": _away("Re: SMS Anna", "Auto-Submitted: auto-replied"),
    "rfc 3834 with a parameter": _away("Re: SMS Anna", "Auto-Submitted: auto-replied; owner-email=anna@example.org"),
    "rfc 3834 with a comment": _away("Re: SMS Anna", "auto-submitted: Auto-Replied (vacation)"),
    "rfc 5436 notification": _away("Neue Nachricht", "Auto-Submitted: auto-notified; owner-email=anna@example.org"),
    "dovecot sieve": _away("Auto: SMS Anna", "Auto-Submitted: auto-replied (vacation)", "Precedence: bulk"),
    "gmail": _away(
        "Out of Office Re: SMS Anna", "Auto-Submitted: auto-replied", "Precedence: bulk", "X-Autoreply: yes"
    ),
    "exchange, two headers of its own only": _away(
        "Antwort", "X-MS-Exchange-Inbox-Rules-Loop: anna@example.org", "X-Auto-Response-Suppress: All"
    ),
    "exchange 2016": _away(
        "Automatische Antwort: SMS Anna",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "X-MS-Exchange-Inbox-Rules-Loop: anna@example.org",
        "In-Reply-To: <sms.1@sms.example.com>",
    ),
    "cpanel": _away("Away", "X-Autorespond: SMS Anna", "X-Precedence: auto_reply", "Precedence: auto_reply"),
    "boxtrapper": _away("Verification", "Preference: auto_reply"),
    "postfixadmin": _away(
        "Urlaub", "Precedence: junk", "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"
    ),
    "communigate": _away("Re: SMS Anna", "X-Autogenerated: Reply"),
    "dtc": _away("Re: SMS Anna", "X-AutoReply-From: anna@example.org", "X-Mail-Autoreply: 1"),
    "mailtraq": _away("Re: SMS Anna", "X-POST-MessageClass: 9; Autoresponder"),
    "qmail autoresponder": _away("Re: SMS Anna", "Delivered-To: Autoresponder"),
    "amazon": _away("Your message", "X-Amazon-Auto-Reply: true"),
    # bounces
    "bounce": _bounce(
        [_STATUS, _RETURNED], "From: MAILER-DAEMON@example.org", "Subject: Undelivered Mail Returned to Sender"
    ),
    "bounce that cannot be cut into parts": _mail(
        "Ihre Nachricht kam nicht an.",
        "From: postmaster@example.org",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=lost",
        "Subject: Unzustellbar",
    ),
    "bounce under another type": _bounce([_STATUS], "From: it@example.org", "Subject: failure", kind="multipart/mixed"),
    "bounce in a gateway's wrapping": _mail(
        "--out\r\nContent-Type: multipart/report; boundary=in\r\n\r\n--in\r\n\r\nfailed\r\n--in--\r\n"
        "--out\r\nContent-Type: text/plain\r\n\r\nThis mail was scanned.\r\n--out--",
        "From: it@example.org",
        "Content-Type: multipart/mixed; boundary=out",
    ),
    "bounce with nothing but the mail that came back": _bounce(
        [("text/rfc822-headers", "Subject: SMS Anna")],
        "From: Mail System <Mailer-Daemon@example.org>",
        kind="multipart/mixed",
    ),
    "delayed": _bounce([_STATUS], "From: MAILER-DAEMON@example.org", "Subject: Delayed Mail (still being retried)"),
    "exim": _mail(
        "A message that you sent could not be delivered to one or more of its recipients.",
        "From: Mail Delivery System <Mailer-Daemon@example.org>",
        "X-Failed-Recipients: x@example.org",
        "Auto-Submitted: auto-replied",
        "Subject: Mail delivery failed: returning message to sender",
    ),
    "old exim": _mail(
        "This message was created automatically.",
        "From: Mailer-Daemon@example.org",
        "X-Failed-Recipients: x@example.org",
    ),
    "delivered": _bounce([_STATUS], "From: postmaster@example.org", "Subject: Delivered: SMS Anna"),
    # receipts and complaints
    "read receipt": _multipart(
        "multipart/report; report-type=disposition-notification",
        [
            ("text/plain", "Ihre Nachricht wurde gelesen."),
            ("message/disposition-notification", "Disposition: manual-action; displayed"),
        ],
        "From: anna@example.org",
        "Subject: Gelesen: SMS Anna",
    ),
    "read receipt under another type": _multipart(
        "multipart/mixed",
        [("text/plain", "gelesen"), ("message/disposition-notification", "Disposition: automatic-action; deleted")],
        "From: anna@example.org",
        "Subject: Gelesen",
    ),
    "read receipt alone": _mail(
        "Disposition: manual-action/MDN-sent-manually; displayed",
        "From: anna@example.org",
        "Content-Type: message/disposition-notification",
    ),
    "complaint": _multipart(
        "multipart/report; report-type=feedback-report",
        [("text/plain", "abuse report"), ("message/feedback-report", "Feedback-Type: abuse\r\nVersion: 1"), _RETURNED],
        "From: feedback@example.org",
        "Subject: abuse report",
    ),
    "dmarc report": _multipart(
        "multipart/report; report-type=feedback-report",
        [("text/plain", "authentication failure"), ("message/feedback-report", "Feedback-Type: auth-failure")],
        "From: dmarc@example.org",
        "Subject: Failure report",
    ),
}
"""What never becomes an SMS, wherever it is sent to."""

ABSENT: Final = (
    "Automatic reply: SMS Anna",
    "Automatic Reply: SMS Anna",
    "Auto-Reply: SMS Anna",
    "AutoReply: SMS Anna",
    "Auto Response",
    "Auto: SMS Anna",
    "[Auto-Reply] SMS Anna",
    "Out of Office: SMS Anna",
    "Out of Office AutoReply: SMS Anna",
    "Out of the office Re: SMS Anna",
    "OOO: SMS Anna",
    "Vacation reply",
    "Away from my office",
    "Re: Out of office",
    "Automatische Antwort: SMS Anna",
    "Auto-Antwort: SMS Anna",
    "Abwesenheitsnotiz: SMS Anna",
    "Abwesenheitsbenachrichtigung",
    "Abwesenheit",
    "Abwesend: Anna",
    "AW: Abwesenheitsnotiz",
    "Ich bin nicht im Büro",
    "Urlaubsbenachrichtigung",
    "Réponse automatique : SMS Anna",
    "Message d'absence",
    "Absence du bureau",
    "Absence : SMS Anna",
    "Notification d’absence",
    "Risposta automatica: SMS Anna",
    "Fuori sede: SMS Anna",
    "Fuori ufficio",
    "Assente: SMS Anna",
    "Assenza dall'ufficio",
    "R: Risposta automatica",
)
"""Subjects of vacations that carry no other sign; so does every third one."""

ORDINARY: Final = (
    "Re: SMS Anna (+43 660 0000001)",
    "Automatik-Tor offen",
    "Auto kaputt",
    "Automat Alarm",
    "Officezeiten",
    "Re: Antwort",
    "Absender unbekannt",
    "Urlaub ab Montag?",
    "Urlaubsplanung 2027",
    "Absent values in billing",
    "Assento 12",
    "Response time is high",
    "Fuorilegge",
    "Autobahn A1 gesperrt",
)
"""Subjects that are none."""


def absent(subject: str, *headers: str) -> bytes:
    """A vacation that only its subject gives away."""
    return _away(subject, *headers)


def _list(*headers: str) -> bytes:
    return _mail("Wer kommt mit?", "From: bernd@example.org", "Subject: [team] Mittagessen", _DATE, _PLAIN, *headers)


LISTS: Final[Mapping[str, bytes]] = {
    "mailman": _list(
        "Precedence: list",
        "List-Id: Team <team.lists.example.org>",
        "List-Post: <mailto:team@lists.example.org>",
        "List-Unsubscribe: <mailto:team-leave@lists.example.org>",
    ),
    "google groups": _list(
        "Precedence: list",
        "Mailing-list: list team@example.org; contact team+owners@example.org",
        "List-ID: <team.example.org>",
        "List-Post: <https://groups.example.org/team/post>, <mailto:team@example.org>",
    ),
    "ezmlm": _list("Mailing-List: contact team-help@example.org; run by ezmlm", "Precedence: bulk"),
    "majordomo": _list("Precedence: List"),
    "only where to post": _list("List-Post: <mailto:team@lists.example.org>"),
    "a tracker one answers to": _list(
        "Precedence: list", "List-ID: acme/web <web.acme.example.org>", "List-Post: <mailto:reply+1@reply.example.org>"
    ),
}
"""What a list distributed."""
