"""What notices say, in German and English: one place, so that a translator needs to read nothing else."""

from dataclasses import dataclass

from bridge.message import Channel

_Opening = dict[tuple[Channel, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    subjects: dict[str, str]
    opening: _Opening
    sentences: dict[str, str]
    answer: str
    text: str
    nobody_else: str
    identifier: str
    held: str
    goes_on: str
    alert: str

    def subject(self, told: str, shown: str) -> str:
        """The Subject of a notice."""
        return self.subjects[told].format(recipient=shown)


WORDS = {
    "en": Words(
        subjects={
            "failed": "Not delivered: {recipient}",
            "delayed": "Delayed: {recipient}",
            "delivered": "Delivered: {recipient}",
        },
        opening={
            (Channel.SMS, "failed"): "Your message was not delivered as SMS to:",
            (
                Channel.SMS,
                "delayed",
            ): "Your message is not known to have reached the phone yet:",
            (Channel.SMS, "delivered"): "Your message has arrived on the phone:",
            (Channel.MAIL, "failed"): "A mail of the bridge was not accepted by the mailbox:",
            (Channel.MAIL, "delayed"): "A mail of the bridge could not be delivered yet:",
            (Channel.MAIL, "delivered"): "A mail of the bridge was delivered:",
        },
        sentences={
            "5.1.3": "The number is not valid. Check it and write again.",
            "5.2.0": "The phone did not take the message.",
            "5.2.3": "The text is too long. Shorten it and write again.",
            "5.6.0": "The provider cannot send this text. Write it in plain words.",
            "5.7.1": "The provider or the phone refuses messages to this number. Ask the operator.",
            "4.4.7": "The message could not be delivered in time. Write again if it still matters.",
            "4.4.2": "The provider's answer was lost; the phone may or may not have it. It was not sent again.",
            "4.3": "Something at the bridge needs the operator.",
            "4": "There is a passing fault.",
            "5": "It failed for good and is not tried again.",
        },
        answer="Answer",
        text="The text was",
        nobody_else="This comes to you because no other sender is proven.",
        identifier="Id for the operator: {id}",
        held="It is held until the operator decides.",
        goes_on="The bridge keeps trying.",
        alert="smsbridge on {hostname} needs attention",
    ),
    "de": Words(
        subjects={
            "failed": "Nicht zugestellt: {recipient}",
            "delayed": "Verzögert: {recipient}",
            "delivered": "Zugestellt: {recipient}",
        },
        opening={
            (Channel.SMS, "failed"): "Ihre Nachricht wurde nicht als SMS zugestellt an:",
            (
                Channel.SMS,
                "delayed",
            ): "Es ist noch nicht bekannt, dass Ihre Nachricht das Telefon erreicht hat:",
            (Channel.SMS, "delivered"): "Ihre Nachricht ist auf dem Telefon angekommen:",
            (Channel.MAIL, "failed"): "Eine Mail der Bridge wurde nicht angenommen:",
            (Channel.MAIL, "delayed"): "Eine Mail der Bridge konnte noch nicht zugestellt werden:",
            (Channel.MAIL, "delivered"): "Eine Mail der Bridge wurde zugestellt:",
        },
        sentences={
            "5.1.3": "Die Nummer ist ungültig. Bitte prüfen und noch einmal schreiben.",
            "5.2.0": "Das Telefon hat die Nachricht nicht angenommen.",
            "5.2.3": "Der Text ist zu lang. Bitte kürzen und noch einmal schreiben.",
            "5.6.0": "Der Anbieter kann diesen Text nicht senden. Bitte einfacher schreiben.",
            "5.7.1": "Der Anbieter oder das Telefon lehnt Nachrichten an diese Nummer ab. Bitte den Betreiber fragen.",
            "4.4.7": "Die Nachricht kam nicht rechtzeitig an. Bei Bedarf bitte noch einmal schreiben.",
            "4.4.2": "Die Antwort des Anbieters ging verloren; ob das Telefon die Nachricht hat, ist ungewiss. "
            "Sie wurde nicht noch einmal gesendet.",
            "4.3": "Bei der Bridge muss der Betreiber etwas beheben.",
            "4": "Es gibt eine vorübergehende Störung.",
            "5": "Sie ist endgültig gescheitert und wird nicht noch einmal versucht.",
        },
        answer="Antwort",
        text="Der Text war",
        nobody_else="Das geht an Sie, weil kein anderer Absender nachgewiesen ist.",
        identifier="Kennung für den Betreiber: {id}",
        held="Sie wird zurückgehalten, bis der Betreiber entscheidet.",
        goes_on="Es wird weiter versucht.",
        alert="smsbridge auf {hostname} braucht Aufmerksamkeit",
    ),
}


def sentence(words: Words, status: str) -> str:
    """The sentence for an RFC 3463 status: its own, else its subject's, else its class's."""
    for length in (len(status), 3, 1):
        found = words.sentences.get(status[:length])
        if found is not None:
            return found
    return words.sentences["4"]
