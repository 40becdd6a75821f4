"""What comes back to a mail that could not be delivered, in the shapes of the programs that write it. All made up.

`BOUNCES`: a name to the mail, what it says, the status, and words that must be kept.
"""

from dataclasses import dataclass

from bridge.message import Fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    fate: Fate
    status: str
    words: str
    mail: str

    @property
    def octets(self) -> bytes:
        return self.mail.strip("\n").replace("\n", "\r\n").encode() + b"\r\n"


def _report(head: str, words: str, machine: str, original: str = "From: x@sms.example.com\nSubject: SMS") -> str:
    return f"""{head}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1/mx.example.net"

This is a MIME-encapsulated message.

--b1/mx.example.net
Content-Description: Notification
Content-Type: text/plain; charset=utf-8

{words}

--b1/mx.example.net
Content-Description: Delivery report
Content-Type: message/delivery-status

{machine}

--b1/mx.example.net
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{original}

--b1/mx.example.net--
"""


_POSTFIX = """From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: bounce@sms.example.com
Subject: {subject}
Message-Id: <20270115080000.4T1X2Z@mx.example.net>
Auto-Submitted: auto-replied"""

_POSTFIX_MACHINE = """Reporting-MTA: dns; mx.example.net
X-Postfix-Queue-ID: 4T1X2Z
X-Postfix-Sender: rfc822; bounce@sms.example.com
Arrival-Date: Fri, 15 Jan 2027 09:00:00 +0100 (CET)

Final-Recipient: rfc822; anna@example.com
Original-Recipient: rfc822;anna@example.com
Action: {action}
Status: {status}
Remote-MTA: dns; mail.example.com
Diagnostic-Code: {code}"""

BOUNCES: dict[str, Shape] = {
    "postfix": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="anna@example.com: smtp; 550 5.1.1 <anna@example.com>: Recipient address rejected (mail.example.com)",
        mail=_report(
            _POSTFIX.format(subject="Undelivered Mail Returned to Sender"),
            "This is the mail system at host mx.example.net.\n\n"
            "I'm sorry to have to inform you that your message could\n"
            "not be delivered to one or more recipients.",
            _POSTFIX_MACHINE.format(
                action="failed",
                status="5.1.1",
                code="smtp; 550 5.1.1 <anna@example.com>: Recipient\n    address rejected",
            ),
        ),
    ),
    "postfix, the queue's lifetime is over": Shape(
        fate=Fate.FAILED,
        status="4.4.1",
        words="X-Postfix; connect to mail.example.com[192.0.2.1]:25: Connection timed out",
        mail=_report(
            _POSTFIX.format(subject="Undelivered Mail Returned to Sender"),
            "This is the mail system at host mx.example.net.",
            _POSTFIX_MACHINE.format(
                action="failed",
                status="4.4.1",
                code="X-Postfix; connect to mail.example.com[192.0.2.1]:25: Connection timed out",
            ),
        ),
    ),
    "postfix, delayed": Shape(
        fate=Fate.DELAYED,
        status="4.2.2",
        words="452 4.2.2 over quota",
        mail=_report(
            _POSTFIX.format(subject="Delayed Mail (still being retried)"),
            "THIS IS A WARNING ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
            _POSTFIX_MACHINE.format(action="delayed", status="4.2.2", code="smtp; 452 4.2.2 over quota"),
        ),
    ),
    "postfix, delivered": Shape(
        fate=Fate.DELIVERED,
        status="2.0.0",
        words="250 2.0.0 Ok",
        mail=_report(
            _POSTFIX.format(subject="Successful Mail Delivery Report"),
            "This is the mail system at host mx.example.net.\n\nYour message was successfully delivered.",
            _POSTFIX_MACHINE.format(action="relayed", status="2.0.0", code="smtp; 250 2.0.0 Ok"),
        ),
    ),
    "postfix, of several recipients one failed": Shape(
        fate=Fate.FAILED,
        status="5.2.1",
        words="second@example.com",
        mail=_report(
            _POSTFIX.format(subject="Undelivered Mail Returned to Sender"),
            "This is the mail system at host mx.example.net.",
            "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; first@example.com\nAction: delayed\n"
            "Status: 4.4.1\n\nFinal-Recipient: rfc822; second@example.com\n"
            "Action: failed (mailbox disabled)\nStatus: 5.2.1",
        ),
    ),
    "postfix, SMTPUTF8": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="jürgen@example.com: smtp; 550 no such user",
        mail=_report(
            _POSTFIX.format(subject="Undelivered Mail Returned to Sender"),
            "This is the mail system at host mx.example.net.",
            "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: utf-8; jürgen@example.com\nAction: failed\n"
            "Status: 5.1.1\nDiagnostic-Code: smtp; 550 no such user",
        ).replace("message/delivery-status", "message/global-delivery-status"),
    ),
    "exim": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="anna@example.com: smtp; 550 Unrouteable address",
        mail=_report(
            "X-Failed-Recipients: anna@example.com\nAuto-Submitted: auto-replied\n"
            "From: Mail Delivery System <Mailer-Daemon@mx.example.net>\nTo: bounce@sms.example.com\n"
            "References: <sms.1@bridge.example.com>\n"
            "Subject: Mail delivery failed: returning message to sender\nMessage-Id: <E1abcd-0001@mx.example.net>",
            "This message was created automatically by mail delivery software.",
            "Reporting-MTA: dns; mx.example.net\n\nAction: failed\nFinal-Recipient: rfc822;anna@example.com\n"
            "Status: 5.0.0\nRemote-MTA: dns; mail.example.com\nDiagnostic-Code: smtp; 550 Unrouteable address",
        ),
    ),
    "exim of old": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="550 5.1.1 <anna@example.com>: no such user",
        mail="""
X-Failed-Recipients: anna@example.com
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: bounce@sms.example.com
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1abcd-0002@mx.example.net>

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  anna@example.com
    host mail.example.com [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<anna@example.com>:
    550 5.1.1 <anna@example.com>: no such user

------ This is a copy of the message, including all the headers. ------

Subject: SMS
Warning: message 450 4.4.1 delayed
""",
    ),
    "exim of old, delayed": Shape(
        fate=Fate.DELAYED,
        status="4.0.0",
        words="",
        mail="""
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: bounce@sms.example.com
Subject: Warning: message 1abcd-0003 delayed 24 hours
Message-Id: <E1abcd-0003@mx.example.net>

This message was created automatically by mail delivery software.
A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.example.net.

The address to which the message has not yet been delivered is:

  anna@example.com

No action is required on your part. Delivery attempts will continue for
some time, and this warning may be repeated at intervals if the message
remains undelivered.
""",
    ),
    "exchange online": Shape(
        fate=Fate.FAILED,
        status="5.1.10",
        words="550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        mail=_report(
            "From: <postmaster@example.onmicrosoft.example.com>\nTo: <bounce@sms.example.com>\n"
            "Subject: Undeliverable: SMS\n"
            "Message-ID: <f0e1@AM0EUR02FT001.example.com>\nAuto-Submitted: auto-generated\n"
            "X-MS-Exchange-Message-Is-Ndr:",
            "Your message to anna@example.com couldn't be delivered.\nanna wasn't found at example.com.",
            "Reporting-MTA: dns;AM0EUR02FT001.example.com\nReceived-From-MTA: dns;mx.example.net\n"
            "Arrival-Date: Fri, 15 Jan 2027 08:00:00 +0000\n\nFinal-Recipient: rfc822;anna@example.com\n"
            "Action: failed\n"
            "Status: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found\n"
            " by SMTP address lookup\nX-Display-Name: Anna",
        ),
    ),
    "exchange, Action only": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="anna@example.com",
        mail=_report(
            "From: System Administrator <postmaster@example.com>\nTo: bounce@sms.example.com\n"
            "Subject: Unzustellbar: SMS",
            "Ihre Nachricht konnte nicht zugestellt werden.",
            "Reporting-MTA: dns;mail.example.com\n\nFinal-Recipient: RFC822;anna@example.com\nAction: failed",
        ),
    ),
    "exchange, for people only": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="",
        mail="""
From: System Administrator <admin@example.com>
To: bounce@sms.example.com
Subject: Undeliverable: SMS
Message-ID: <77@mail.example.com>
Content-Type: text/plain; charset=us-ascii

Your message

  To:      anna@example.com
  Subject: SMS
  Sent:    Fri, 15 Jan 2027 09:00:00 +0100

did not reach the following recipient(s):

anna@example.com on Fri, 15 Jan 2027 09:00:02 +0100
    The recipient name is not recognized
""",
    ),
    "gmail": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="550-5.1.1 The email account that you tried to reach does not exist.",
        mail=_report(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example.com>\nTo: bounce@sms.example.com\n"
            "Auto-Submitted: auto-replied\nSubject: Delivery Status Notification (Failure)\n"
            "Message-ID: <65a0.smtp@mx.example.com>\nX-Failed-Recipients: anna@example.com",
            "** Address not found **\n\n"
            "Your message wasn't delivered to anna@example.com because the address couldn't be\n"
            "found, or is unable to receive mail.",
            "Reporting-MTA: dns; googlemail.example.com\nArrival-Date: Fri, 15 Jan 2027 00:00:01 -0800 (PST)\n\n"
            "Final-Recipient: rfc822; anna@example.com\nAction: failed\nStatus: 5.1.1\n"
            "Remote-MTA: dns; mail.example.com. (192.0.2.1, the server for the domain example.com.)\n"
            "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
            " 550 5.1.1 double-checking.\nLast-Attempt-Date: Fri, 15 Jan 2027 00:00:01 -0800 (PST)",
        ),
    ),
    "gmail, delayed": Shape(
        fate=Fate.DELAYED,
        status="4.4.1",
        words="The recipient server did not accept our requests to connect.",
        mail=_report(
            "From: Mail Delivery Subsystem <mailer-daemon@googlemail.example.com>\nTo: bounce@sms.example.com\n"
            "Auto-Submitted: auto-replied\nSubject: Delivery Status Notification (Delay)\n"
            "Message-ID: <65a1@mx.example.com>",
            "** Delivery incomplete **\n\nThere was a temporary problem. Gmail will retry for 45 more hours.",
            "Reporting-MTA: dns; googlemail.example.com\n\nFinal-Recipient: rfc822; anna@example.com\nAction: delayed\n"
            "Status: 4.4.1\nDiagnostic-Code: smtp; The recipient server did not accept our requests to connect.\n"
            "Will-Retry-Until: Sun, 17 Jan 2027 00:00:01 -0800 (PST)",
        ),
    ),
    "sendmail": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="SMTP; 550 5.1.1 <anna@example.com>... User unknown",
        mail=_report(
            "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>\nTo: <bounce@sms.example.com>\n"
            "Subject: Returned mail: see transcript for details\nAuto-Submitted: auto-generated (failure)\n"
            "Message-Id: <202701150800.x8F1@mx.example.net>",
            "   ----- The following addresses had permanent fatal errors -----\n<anna@example.com>\n"
            "    (reason: 550 5.1.1 <anna@example.com>... User unknown)",
            "Reporting-MTA: dns; mx.example.net\nArrival-Date: Fri, 15 Jan 2027 09:00:00 +0100\n\n"
            "Final-Recipient: RFC822; anna@example.com\nAction: failed\nStatus: 5.1.1\n"
            "Remote-MTA: DNS; mail.example.com\n"
            "Diagnostic-Code: SMTP; 550 5.1.1 <anna@example.com>... User unknown",
        ),
    ),
    "sendmail of old, a warning": Shape(
        fate=Fate.DELAYED,
        status="4.0.0",
        words="",
        mail="""
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.net>
To: <bounce@sms.example.com>
Subject: Warning: could not send message for past 4 hours
Message-Id: <202701150801.x8F2@mx.example.net>

    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

   ----- The following addresses had transient non-fatal errors -----
<anna@example.com>

   ----- Transcript of session follows -----
<anna@example.com>... Deferred: Connection refused by mail.example.com.
Warning: message still undelivered after 4 hours
Will keep trying until message is 5 days old
""",
    ),
    "qmail": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="Remote host said: 550 sorry, no mailbox here by that name",
        mail="""
Date: 15 Jan 2027 08:00:00 -0000
From: MAILER-DAEMON@mx.example.net
To: bounce@sms.example.com
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<anna@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 sorry, no mailbox here by that name
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <bounce@sms.example.com>
Subject: SMS

4.2.2 will be retried
""",
    ),
    "qmail, local, with its status": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="Sorry, no mailbox here by that name. (#5.1.1)",
        mail="""
From: MAILER-DAEMON@mx.example.net
To: bounce@sms.example.com
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<anna@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.
""",
    ),
    "notes": Shape(
        fate=Fate.FAILED,
        status="5.1.1",
        words="User anna (anna@example.com) not listed in Domino Directory",
        mail=_report(
            "From: postmaster@example.com\nTo: bounce@sms.example.com\n"
            "Subject: DELIVERY FAILURE: User anna (anna@example.com) not listed in Domino Directory\n"
            "Message-ID: <OF1.2-ONC1.3@example.com>",
            "Your message\n\n  Subject: SMS\n\nwas not delivered to:\n\n  anna@example.com\n\nbecause:\n\n"
            "  User anna (anna@example.com) not listed in Domino Directory",
            "Reporting-MTA: dns;mail.example.com\n\nFinal-Recipient: rfc822;anna@example.com\nAction: failed\n"
            "Status: 5.1.1\nDiagnostic-Code: X-Notes; User anna (anna@example.com) not listed in\n"
            " Domino Directory",
        ),
    ),
    "notes, for people only": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="User anna (anna@example.com) not listed in Domino Directory",
        mail="""
From: Mail Router <router@example.com>
To: bounce@sms.example.com
Subject: DELIVERY FAILURE: User anna (anna@example.com) not listed in Domino Directory
Content-Type: text/plain; charset=us-ascii

Your message

  Subject: SMS

was not delivered to:

  anna@example.com

because:

  User anna (anna@example.com) not listed in Domino Directory
""",
    ),
    "in German": Shape(
        fate=Fate.FAILED,
        status="5.0.0",
        words="",
        mail="""
From: Mailserver <mail@example.com>
To: bounce@sms.example.com
Subject: =?utf-8?q?Nicht_zustellbar=3A_SMS?=
Content-Type: text/plain; charset=utf-8

Die Nachricht an anna@example.com konnte nicht zugestellt werden.
""",
    ),
    "a report without Action": Shape(
        fate=Fate.DELAYED,
        status="4.2.0",
        words="anna@example.com: 4.2.0 (greylisted)",
        mail=_report(
            "From: mail@example.com\nSubject: Report",
            "?",
            "Final-Recipient: rfc822;anna@example.com\nStatus: 4.2.0 (greylisted)",
        ),
    ),
}

REPLIES: dict[str, str] = {
    "outlook": "From: Anna <anna@example.com>\nSubject: Automatic reply: SMS\nAuto-Submitted: auto-generated\n"
    "X-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: anna@example.com\n\nUntil 5.1.2027 call 550 100.",
    "sieve": "From: anna@example.com\nSubject: Abwesenheit\n"
    "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n\n"
    "Ich bin bis 15. 1. nicht da. Ihre Nachricht wurde nicht zugestellt werden müssen.",
    "gmail": "From: Anna <anna@example.com>\nSubject: Away Re: SMS\nAuto-Submitted: auto-replied\nX-Autoreply: yes\n"
    "Precedence: bulk\n\nI am away; mail will be retried 5.0.1 times.",
    "only its subject": "From: anna@example.com\nSubject: Out of office: delivery failure of bread\n\nBack on Monday.",
    "a read receipt": "From: anna@example.com\nSubject: Read: SMS\nContent-Type: multipart/report; boundary=b;\n"
    " report-type=disposition-notification\n\n--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\n"
    "Disposition: manual-action/MDN-sent-manually; displayed\n\n--b--",
}

FOR_PEOPLE: dict[str, str] = {
    "a person": "From: anna@example.com\nSubject: Re: SMS\n\nThe 550 arrived, 5.1.1 was not delivered.",
    "a complaint": "From: fbl@example.com\nSubject: complaint\nContent-Type: multipart/report; boundary=b;\n"
    " report-type=feedback-report\n\n--b\n\nspam\n--b\nContent-Type: message/feedback-report\n\n"
    "Feedback-Type: abuse\n--b--",
    "nothing": "",
    "an empty report": "From: mail@example.com\nSubject: Report\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n"
    "Content-Type: message/delivery-status\n\n\n--b--",
    "encrypted": "From: anna@example.com\nSubject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\nx\n--b--",
    "too deep": "From: MAILER-DAEMON@example.com\nContent-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 300,
}
