"""What an RFC 3463 status means for whoever wrote the message, and what can be done: one table, English and German.

Said where the provider has no sentence of its own. Complete for every status that the bridge ever gives; one that a
mail server brings is told by its subject or class.
"""

from collections.abc import Mapping
from typing import Final

_PASSING: Final = (
    "There is a passing fault. Nobody needs to do anything.",
    "Es gibt eine vorübergehende Störung. Niemand muss etwas tun.",
)
_FOR_GOOD: Final = (
    "It failed for good and is not tried again. Ask the operator.",
    "Sie ist endgültig gescheitert und wird nicht noch einmal versucht. Bitte den Betreiber fragen.",
)
_OPERATOR: Final = (
    "Something at the bridge needs the operator. Ask there if it is urgent.",
    "Bei der Bridge muss der Betreiber etwas beheben. Ist es dringend, bitte dort nachfragen.",
)
_BUSY: Final = (
    "The service is busy or away for a while. Nobody needs to do anything.",
    "Der Dienst ist überlastet oder eine Weile nicht da. Niemand muss etwas tun.",
)
_NOT_ALLOWED: Final = (
    "This sender or this number is refused. Ask the operator.",
    "Dieser Absender oder diese Nummer wird abgelehnt. Bitte den Betreiber fragen.",
)
_UNPROVEN: Final = (
    "The mail could not be proven to come from its sender. Send it through your own mail server.",
    "Es war nicht nachzuweisen, dass die Mail von ihrem Absender kommt. Bitte über den eigenen Mailserver senden.",
)
_LOGIN: Final = (
    "The login was refused. Check user name and password in the mail program.",
    "Die Anmeldung wurde abgelehnt. Bitte Benutzername und Passwort im Mailprogramm prüfen.",
)
_PROTOCOL: Final = (
    "The mail program did not keep to the rules of SMTP. Tell whoever looks after it.",
    "Das Mailprogramm hielt sich nicht an die Regeln von SMTP. Bitte dem sagen, der es betreut.",
)
_ENCRYPTION: Final = (
    "The connection is not as safe as it has to be. The operator must look at certificate and encryption.",
    "Die Verbindung ist nicht so sicher, wie sie sein muss. Der Betreiber muss Zertifikat und Verschlüsselung prüfen.",
)
_DONE: Final = ("Nothing needs to be done.", "Es ist nichts zu tun.")

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "2": _DONE,
    "2.0.0": _DONE,
    "2.1.0": _DONE,
    "2.1.5": ("It is there. Nothing needs to be done.", "Sie ist da. Es ist nichts zu tun."),
    "2.7.0": _DONE,
    "4": _PASSING,
    "4.0.0": _PASSING,
    "4.3": _OPERATOR,
    "4.3.0": _OPERATOR,
    "4.3.1": (
        "There is no room at the bridge now. Send it again later.",
        "Bei der Bridge ist gerade kein Platz. Bitte später noch einmal senden.",
    ),
    "4.3.2": _BUSY,
    "4.3.5": _OPERATOR,
    "4.4": _PASSING,
    "4.4.1": (
        "The other side cannot be reached now. Nobody needs to do anything.",
        "Die Gegenseite ist gerade nicht erreichbar. Niemand muss etwas tun.",
    ),
    "4.4.2": (
        "The provider's answer was lost; the phone may or may not have the message. It was not sent again: ask its "
        "owner.",
        "Die Antwort des Anbieters ging verloren; ob das Telefon die Nachricht hat, ist ungewiss. Sie wurde nicht noch "
        "einmal gesendet: Bitte nachfragen.",
    ),
    "4.4.3": (
        "A name could not be looked up in DNS. Nobody needs to do anything.",
        "Ein Name war im DNS nicht auffindbar. Niemand muss etwas tun.",
    ),
    "4.4.5": (
        "More is being sent than may go at once. Nobody needs to do anything; it goes when it may.",
        "Es wird mehr gesendet, als auf einmal gehen darf. Niemand muss etwas tun; sie geht, sobald sie darf.",
    ),
    "4.4.7": (
        "The message could not be delivered in time. Write again if it still matters.",
        "Die Nachricht kam nicht rechtzeitig an. Bei Bedarf bitte noch einmal schreiben.",
    ),
    "4.5.3": (
        "Too much was asked for in one connection. Send it in smaller portions.",
        "In einer Verbindung wurde zu viel verlangt. Bitte in kleineren Portionen senden.",
    ),
    "4.7": _NOT_ALLOWED,
    "4.7.0": _LOGIN,
    "4.7.1": (
        "So much at once is not allowed. Send it again later.",
        "So viel auf einmal ist nicht erlaubt. Bitte später noch einmal senden.",
    ),
    "4.7.4": _ENCRYPTION,
    "4.7.5": _ENCRYPTION,
    "4.7.8": (
        "The bridge's own login was refused. The operator must correct it.",
        "Die eigene Anmeldung der Bridge wurde abgelehnt. Der Betreiber muss sie berichtigen.",
    ),
    "4.7.24": (
        "Who may send for this domain could not be looked up. Send it again later.",
        "Wer für diese Domain senden darf, war nicht nachzusehen. Bitte später noch einmal senden.",
    ),
    "5": _FOR_GOOD,
    "5.0.0": _FOR_GOOD,
    "5.1.1": (
        "There is no such address. Check it and write again.",
        "Diese Adresse gibt es nicht. Bitte prüfen und noch einmal schreiben.",
    ),
    "5.1.3": (
        "The number is not valid. Check it and write again.",
        "Die Nummer ist ungültig. Bitte prüfen und noch einmal schreiben.",
    ),
    "5.1.7": (
        "The sender's address is not valid. Correct it in the mail program.",
        "Die Absenderadresse ist ungültig. Bitte im Mailprogramm berichtigen.",
    ),
    "5.1.8": (
        "The sender's domain is not valid. Correct it in the mail program.",
        "Die Domain des Absenders ist ungültig. Bitte im Mailprogramm berichtigen.",
    ),
    "5.2": (
        "The mailbox or the phone did not take the message. Try another way.",
        "Das Postfach oder das Telefon hat die Nachricht nicht angenommen. Bitte einen anderen Weg versuchen.",
    ),
    "5.2.0": (
        "The phone did not take the message. Ask its owner, or try another way.",
        "Das Telefon hat die Nachricht nicht angenommen. Bitte nachfragen oder einen anderen Weg versuchen.",
    ),
    "5.2.3": (
        "The text is too long. Shorten it and write again.",
        "Der Text ist zu lang. Bitte kürzen und noch einmal schreiben.",
    ),
    "5.3.4": (
        "The mail is too big. Send it without attachments.",
        "Die Mail ist zu groß. Bitte ohne Anhänge senden.",
    ),
    "5.4.6": (
        "The mail goes round in circles. The operator must look at the forwarding.",
        "Die Mail läuft im Kreis. Der Betreiber muss die Weiterleitung prüfen.",
    ),
    "5.5": _PROTOCOL,
    "5.5.0": _PROTOCOL,
    "5.5.1": _PROTOCOL,
    "5.5.2": _PROTOCOL,
    "5.5.3": (
        "The mail asks about too many addresses at once. Send it again to fewer.",
        "Die Mail fragt nach zu vielen Adressen auf einmal. Bitte noch einmal an weniger senden.",
    ),
    "5.5.4": _PROTOCOL,
    "5.5.6": _PROTOCOL,
    "5.6.0": (
        "The provider cannot send this text. Write it in plain words.",
        "Der Anbieter kann diesen Text nicht senden. Bitte einfacher schreiben.",
    ),
    "5.6.1": (
        "What is in the mail cannot become an SMS. Send it as plain text without attachments.",
        "Was in der Mail ist, kann keine SMS werden. Bitte als einfachen Text ohne Anhänge senden.",
    ),
    "5.6.7": (
        "The address holds letters that cannot be used here. Write it in plain ones.",
        "Die Adresse enthält Buchstaben, die hier nicht gehen. Bitte mit einfachen schreiben.",
    ),
    "5.7": _NOT_ALLOWED,
    "5.7.0": _NOT_ALLOWED,
    "5.7.1": (
        "The provider or the phone refuses messages to this number. Ask the operator.",
        "Der Anbieter oder das Telefon lehnt Nachrichten an diese Nummer ab. Bitte den Betreiber fragen.",
    ),
    "5.7.8": _LOGIN,
    "5.7.11": (
        "The connection has to be encrypted. Switch on TLS in the mail program.",
        "Die Verbindung muss verschlüsselt sein. Bitte TLS im Mailprogramm einschalten.",
    ),
    "5.7.20": _UNPROVEN,
    "5.7.23": _UNPROVEN,
    "5.7.24": _UNPROVEN,
}
"""Status, or the beginning of one, to the English and the German sentence."""

_LANGUAGES: Final = {"en": 0, "de": 1}


def sentence(status: str, language: str) -> str:
    """The sentence for a status: its own, else its subject's, else its class's, else that of a passing fault."""
    subject = ".".join(status.split(".")[:2])
    for key in (status, subject, status[:1]):
        if key in SENTENCES:
            return SENTENCES[key][_LANGUAGES[language]]
    return _PASSING[_LANGUAGES[language]]
