"""What a person is told about an answer of websms, in English and German: one literal table.

Whoever reads it wrote a message or runs the bridge, and knows none of the provider's codes. So each sentence says what
is the case and who can do something about it; "the operator" is who runs the bridge. Beside `codes`, which says the
same to the program, and complete: every code there has its line here.
"""

import re
from collections.abc import Mapping
from typing import Final

_REQUEST = (
    "The provider refuses the bridge's request, not your words. The operator must look; the message is kept.",
    "Der Anbieter lehnt die Anfrage der Bridge ab, nicht Ihren Text. Der Betreiber muss nachsehen; die Nachricht "
    "bleibt aufgehoben.",
)
_SLOWER = (
    "The provider asks the bridge to send more slowly. Nobody needs to do anything; the message goes when it may.",
    "Der Anbieter verlangt langsameres Senden. Niemand muss etwas tun; die Nachricht geht, sobald sie darf.",
)
_LOGIN = (
    "The provider refuses the bridge's user name, password or token. The operator must mend that; the message waits.",
    "Der Anbieter lehnt Benutzername, Passwort oder Token der Bridge ab. Der Betreiber muss sie berichtigen; die "
    "Nachricht wartet.",
)
_ADDRESS = (
    "At the provider's address nobody takes SMS. The operator must check [websms] url; the message waits.",
    "Unter der Adresse des Anbieters nimmt niemand SMS an. Der Betreiber muss [websms] url prüfen; die Nachricht "
    "wartet.",
)
_UNCERTAIN = (
    "The provider's answer was lost; the phone may or may not have the message. Ask its owner before writing again.",
    "Die Antwort des Anbieters ging verloren; ob das Telefon die Nachricht hat, ist ungewiss. Bitte nachfragen, bevor "
    "Sie noch einmal schreiben.",
)
_UNREACHABLE = (
    "The provider cannot be reached; the message was not sent yet. The operator should check network and firewall if "
    "this lasts.",
    "Der Anbieter ist nicht erreichbar; die Nachricht ist noch nicht gesendet. Dauert es an, sollte der Betreiber Netz "
    "und Firewall prüfen.",
)
_AWAY = (
    "The provider's service is unavailable. Nobody needs to do anything; the message goes when it is back.",
    "Der Dienst des Anbieters ist nicht verfügbar. Niemand muss etwas tun; die Nachricht geht, sobald er zurück ist.",
)
_TAKEN = (
    "The provider has taken the message. Nothing needs to be done.",
    "Der Anbieter hat die Nachricht angenommen. Es ist nichts zu tun.",
)

DIAGNOSTICS: Final = "x-websms"
"""The type of these codes in a Diagnostic-Code (RFC 3464)."""

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "2000": _TAKEN,
    "2001": _TAKEN,
    "2002": (
        "The provider took the message as a test: no phone gets it. The operator should switch test mode off.",
        "Der Anbieter hat die Nachricht nur als Test angenommen: Kein Telefon bekommt sie. Der Betreiber sollte den "
        "Testbetrieb abschalten.",
    ),
    "4000": _REQUEST,
    "4001": (
        "The provider refuses the login, or the account is inactive. The operator must correct the login or have the "
        "account activated; the message waits.",
        "Der Anbieter lehnt die Anmeldung ab, oder das Konto ist nicht aktiv. Der Betreiber muss die Anmeldung "
        "berichtigen oder das Konto freischalten lassen; die Nachricht wartet.",
    ),
    "4002": (
        "The number is not valid. Check it and write again.",
        "Die Nummer ist ungültig. Bitte prüfen und noch einmal schreiben.",
    ),
    "4003": (
        "The provider does not accept the sender that the phone would see. The operator must have it assigned to the "
        "account, or change `sender` of the route; the message waits.",
        "Der Anbieter akzeptiert den Absender nicht, den das Telefon sehen würde. Der Betreiber muss ihn dem Konto "
        "zuordnen lassen oder `sender` der Route ändern; die Nachricht wartet.",
    ),
    "4004": (
        "The account may not send this kind of message. The operator must change `voice` of the route, or have the "
        "kind allowed; the message waits.",
        "Das Konto darf diese Art von Nachricht nicht senden. Der Betreiber muss `voice` der Route ändern oder die Art "
        "freischalten lassen; die Nachricht wartet.",
    ),
    "4005": _REQUEST,
    "4006": _REQUEST,
    "4007": _REQUEST,
    "4008": (
        "The provider refuses the message's id. It is not sent again with another id, because the phone may have it "
        "already. The operator must decide.",
        "Der Anbieter lehnt die Kennung der Nachricht ab. Sie wird nicht mit einer anderen gesendet, denn vielleicht "
        "hat das Telefon sie schon. Der Betreiber muss entscheiden.",
    ),
    "4009": (
        "The provider cannot send this text. Write it in plain words.",
        "Der Anbieter kann diesen Text nicht senden. Bitte einfacher schreiben.",
    ),
    "4010": _REQUEST,
    "4011": _REQUEST,
    "4012": _SLOWER,
    "4013": (
        "The account's SMS are used up. The operator must buy more or wait for the next period; the message waits.",
        "Das SMS-Kontingent des Kontos ist aufgebraucht. Der Betreiber muss es aufstocken oder den nächsten Zeitraum "
        "abwarten; die Nachricht wartet.",
    ),
    "4014": (
        "The provider does not allow the bridge's IP address. The operator must have it entered there; the message "
        "waits.",
        "Der Anbieter lässt die IP-Adresse der Bridge nicht zu. Der Betreiber muss sie dort eintragen lassen; die "
        "Nachricht wartet.",
    ),
    "4015": (
        "The account may not use this priority. The operator must lower `priority` of the route; the message waits.",
        "Das Konto darf diese Priorität nicht verwenden. Der Betreiber muss `priority` der Route senken; die Nachricht "
        "wartet.",
    ),
    "4016": (
        "The provider cannot use the address for reports. The operator must correct [webhook] public_url; the message "
        "waits.",
        "Der Anbieter kann die Adresse für Zustellberichte nicht verwenden. Der Betreiber muss [webhook] public_url "
        "berichtigen; die Nachricht wartet.",
    ),
    "4017": (
        "The text does not fit into one SMS, and longer ones are not allowed. Shorten it and write again.",
        "Der Text passt nicht in eine SMS, und längere sind nicht erlaubt. Bitte kürzen und noch einmal schreiben.",
    ),
    "4018": (
        "The account may not use this interface. The operator must have it allowed; the message waits.",
        "Das Konto darf diese Schnittstelle nicht verwenden. Der Betreiber muss sie freischalten lassen; die Nachricht "
        "wartet.",
    ),
    "4019": (
        "The provider misses something in the bridge's request; its answer names it. The operator must look at the "
        "route; the message waits.",
        "Dem Anbieter fehlt etwas in der Anfrage der Bridge; seine Antwort nennt es. Der Betreiber muss die Route "
        "prüfen; die Nachricht wartet.",
    ),
    "4020": _LOGIN,
    "4021": (
        "The provider calls the account invalid. The operator must clear it up with the provider; the message waits.",
        "Der Anbieter nennt das Konto ungültig. Der Betreiber muss das mit dem Anbieter klären; die Nachricht wartet.",
    ),
    "4022": (
        "The account has no access to the interface. The operator must have it allowed; the message waits.",
        "Das Konto hat keinen Zugang zur Schnittstelle. Der Betreiber muss sie freischalten lassen; die Nachricht "
        "wartet.",
    ),
    "4023": _SLOWER,
    "4024": _SLOWER,
    "4025": _SLOWER,
    "4026": (
        "The text is too long for this route. Shorten it and write again.",
        "Der Text ist zu lang für diese Route. Bitte kürzen und noch einmal schreiben.",
    ),
    "4027": (  # about a text or a binary message
        "The provider refuses the message as it was put together. Send it in another form, or ask the operator.",
        "Der Anbieter lehnt die Nachricht so ab, wie sie zusammengesetzt ist. Bitte in anderer Form senden oder den "
        "Betreiber fragen.",
    ),
    "4029": (
        "The account may not send to this number. Ask the operator to have the country or number allowed.",
        "Das Konto darf an diese Nummer nicht senden. Bitte den Betreiber, Land oder Nummer freischalten zu lassen.",
    ),
    "4031": (
        "The number is on the provider's block list, often because its owner objected. Reach them another way.",
        "Die Nummer steht auf der Sperrliste des Anbieters, oft auf Wunsch ihres Inhabers. Bitte einen anderen Weg "
        "wählen.",
    ),
    "4034": (
        "The provider does not accept the attachment. Send the message without it.",
        "Der Anbieter nimmt den Anhang nicht an. Bitte die Nachricht ohne ihn senden.",
    ),
    "4035": (
        "The account may not send SMS. The operator must have it allowed; the message waits.",
        "Das Konto darf keine SMS senden. Der Betreiber muss es freischalten lassen; die Nachricht wartet.",
    ),
    "4040": (
        "The provider does not know this category. The operator must correct `category` of the route; the message "
        "waits.",
        "Der Anbieter kennt diese Kategorie nicht. Der Betreiber muss `category` der Route berichtigen; die Nachricht "
        "wartet.",
    ),
    "4041": (
        "The provider does not accept the message's lifetime. The operator must correct `lifetime` of the route; the "
        "message waits.",
        "Der Anbieter akzeptiert die Lebensdauer der Nachricht nicht. Der Betreiber muss `lifetime` der Route "
        "berichtigen; die Nachricht wartet.",
    ),
    "4042": (
        "The provider blocks the number for its poor quality. Check whether it is still in use, or ask the operator.",
        "Der Anbieter sperrt die Nummer wegen schlechter Bewertung. Bitte prüfen, ob sie noch gilt, oder den "
        "Betreiber fragen.",
    ),
    "4043": (
        "The provider takes the message for spam. Word it differently, or ask the operator.",
        "Der Anbieter hält die Nachricht für Spam. Bitte anders formulieren oder den Betreiber fragen.",
    ),
    "5000": (
        "The provider had an internal error; the phone may or may not have the message. Ask its owner before writing "
        "again.",
        "Beim Anbieter gab es einen internen Fehler; ob das Telefon die Nachricht hat, ist ungewiss. Bitte nachfragen, "
        "bevor Sie noch einmal schreiben.",
    ),
    "5003": _AWAY,
    # answers that do not fit together
    "contradiction": (
        "The answer contradicts itself; the phone may or may not have the message. Ask its owner before writing again.",
        "Die Antwort des Anbieters widerspricht sich; ob das Telefon die Nachricht hat, ist ungewiss. Bitte "
        "nachfragen, bevor Sie noch einmal schreiben.",
    ),
    "odd success": (
        "The provider has taken the message, but its answer does not fit, so its report may not be found. The "
        "operator should ask the provider if this happens again.",
        "Der Anbieter hat die Nachricht angenommen, aber seine Antwort passt nicht dazu, darum fehlt vielleicht der "
        "Zustellbericht. Kommt es wieder vor, sollte der Betreiber den Anbieter fragen.",
    ),
    # HTTP statuses of answers without a code
    "http 400": _REQUEST,
    "http 401": _LOGIN,
    "http 403": (
        "The provider denies the account access. The operator must clear it up with the provider; the message waits.",
        "Der Anbieter verweigert dem Konto den Zugang. Der Betreiber muss das mit dem Anbieter klären; die Nachricht "
        "wartet.",
    ),
    "http 404": _ADDRESS,
    "http 405": _ADDRESS,
    "http 406": _ADDRESS,
    "http 407": (
        "A proxy on the way to the provider asks for a login. The operator must let the bridge through; the message "
        "waits.",
        "Ein Proxy auf dem Weg zum Anbieter verlangt eine Anmeldung. Der Betreiber muss die Bridge durchlassen; die "
        "Nachricht wartet.",
    ),
    "http 408": _UNCERTAIN,
    "http 415": _ADDRESS,
    "http 429": _SLOWER,
    "http 503": _AWAY,
    # what becomes of a connection
    "dns": (
        "The provider's name cannot be found; the message was not sent yet. The operator should check DNS and [websms] "
        "url if this lasts.",
        "Der Name des Anbieters ist nicht auffindbar; die Nachricht ist noch nicht gesendet. Dauert es an, sollte der "
        "Betreiber DNS und [websms] url prüfen.",
    ),
    "connect": _UNREACHABLE,
    "tls": _UNREACHABLE,
    "certificate": (
        "The provider's certificate cannot be trusted, so nothing was sent. The operator must check [websms] url, the "
        "machine's clock and its certificates; the message waits.",
        "Dem Zertifikat des Anbieters ist nicht zu trauen, darum wurde nichts gesendet. Der Betreiber muss [websms] "
        "url, die Uhr und die Zertifikate der Maschine prüfen; die Nachricht wartet.",
    ),
    "lost": _UNCERTAIN,
    "error": (
        "The bridge could not make the request. The operator must look into the log; the message is kept.",
        "Die Bridge konnte die Anfrage nicht stellen. Der Betreiber muss im Protokoll nachsehen; die Nachricht bleibt "
        "aufgehoben.",
    ),
    "payload": (
        "The bridge cannot read the message that it kept. The operator must look into the log.",
        "Die Bridge kann die aufgehobene Nachricht nicht lesen. Der Betreiber muss im Protokoll nachsehen.",
    ),
    # by family, for what is not in the table
    "2xxx": (
        "The provider has taken the message, but says so in a way that the bridge does not know. The operator should "
        "look at its answer.",
        "Der Anbieter hat die Nachricht angenommen, sagt es aber auf eine Weise, die die Bridge nicht kennt. Der "
        "Betreiber sollte die Antwort ansehen.",
    ),
    "4xxx": (
        "The provider refuses the message for a reason that the bridge does not know. The operator must look at its "
        "answer; the message is kept.",
        "Der Anbieter lehnt die Nachricht aus einem Grund ab, den die Bridge nicht kennt. Der Betreiber muss die "
        "Antwort prüfen; die Nachricht bleibt aufgehoben.",
    ),
    "other": _UNCERTAIN,
    "http 2xx": _UNCERTAIN,
    "http 3xx": _ADDRESS,
    "http 4xx": _REQUEST,
    "http 5xx": _UNCERTAIN,
    "http other": _UNCERTAIN,
}
"""Code (as in `Receipt.code`) to the English and the German sentence."""

_LANGUAGES: Final = {"en": 0, "de": 1}
_STATUS: Final = re.compile(r"(http )?([0-9]+)")


def explain(code: str, language: str) -> str | None:
    """The sentence for a `Receipt.code` of this provider, in "en" or "de"; None for what is no code of it."""
    found = SENTENCES.get(code) or SENTENCES.get(_family(code))
    return None if found is None else found[_LANGUAGES.get(language, 0)]


def _family(code: str) -> str:
    """The key that stands for codes without a line of their own; "" for what is no code."""
    number = _STATUS.fullmatch(code)
    if number is None:
        return ""
    http, digits = number[1] or "", number[2]
    family = f"{http}{digits[0]}{'x' * (len(digits) - 1)}"
    return family if family in SENTENCES else f"{http}other"
