"""What notices say, in German and English: here and in `statuses`, so that a translator needs to read nothing else."""

from dataclasses import dataclass

from bridge.message import Channel

_Opening = dict[tuple[Channel, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language."""

    subjects: dict[str, str]
    others: str
    opening: _Opening
    outcomes: dict[str, str]
    answer: str
    text: str
    nobody_else: str
    identifier: str
    held: str
    goes_on: str
    alert: str
    digest_subject: str
    digest: str
    digest_more: str

    def subject(self, told: str, shown: str, others: int = 0) -> str:
        """The Subject of a notice about `shown` and so many others."""
        if others:
            shown = self.others.format(recipient=shown, count=others)
        return self.subjects[told].format(recipient=shown)


WORDS = {
    "en": Words(
        subjects={
            "failed": "Not delivered: {recipient}",
            "delayed": "Delayed: {recipient}",
            "delivered": "Delivered: {recipient}",
            "corrected": "Delivered after all: {recipient}",
            "relayed": "Sent, arrival not confirmed: {recipient}",
            "expanded": "Sent on to a group: {recipient}",
        },
        others="{recipient} and {count} more",
        opening={
            (Channel.SMS, "failed"): "Your message was not delivered as SMS to:",
            (Channel.SMS, "delayed"): "Your message is not known to have reached the phone yet:",
            (Channel.SMS, "delivered"): "Your message has arrived on the phone:",
            (
                Channel.SMS,
                "corrected",
            ): "Your message has arrived on the phone after all; an earlier notice said that it had failed:",
            (Channel.SMS, "relayed"): "The provider has taken your message, but the phone never confirmed it. It may "
            "well have arrived; nobody can say:",
            (Channel.SMS, "expanded"): "Your message was taken for all phones of this group. You will only hear of "
            "those where it fails:",
            (Channel.MAIL, "failed"): "A mail of the bridge was not accepted by the mailbox:",
            (Channel.MAIL, "delayed"): "A mail of the bridge could not be delivered yet:",
            (Channel.MAIL, "delivered"): "A mail of the bridge was delivered:",
            (Channel.MAIL, "corrected"): "A mail of the bridge was delivered after all:",
            (Channel.MAIL, "relayed"): "A mail of the bridge was passed on:",
            (Channel.MAIL, "expanded"): "A mail of the bridge was passed on to several mailboxes:",
        },
        outcomes={
            "failed": "not delivered",
            "delayed": "delayed",
            "delivered": "delivered",
            "corrected": "delivered after all",
            "relayed": "sent, not confirmed",
            "expanded": "sent on to a group",
        },
        answer="Answer",
        text="The text was",
        nobody_else="This comes to you because no other sender is proven.",
        identifier="Id for the operator: {id}",
        held="It is held until the operator decides.",
        goes_on="The bridge keeps trying.",
        alert="smsbridge on {hostname} needs attention",
        digest_subject="What became of {count} messages",
        digest="There were too many notices to send each by itself. This list stands for all of them; if it goes on, "
        "the next one comes in an hour.",
        digest_more="and {count} more, which the operator can name",
    ),
    "de": Words(
        subjects={
            "failed": "Nicht zugestellt: {recipient}",
            "delayed": "Verzögert: {recipient}",
            "delivered": "Zugestellt: {recipient}",
            "corrected": "Doch zugestellt: {recipient}",
            "relayed": "Gesendet, Ankunft nicht bestätigt: {recipient}",
            "expanded": "An eine Gruppe weitergegeben: {recipient}",
        },
        others="{recipient} und {count} weitere",
        opening={
            (Channel.SMS, "failed"): "Ihre Nachricht wurde nicht als SMS zugestellt an:",
            (Channel.SMS, "delayed"): "Es ist noch nicht bekannt, dass Ihre Nachricht das Telefon erreicht hat:",
            (Channel.SMS, "delivered"): "Ihre Nachricht ist auf dem Telefon angekommen:",
            (
                Channel.SMS,
                "corrected",
            ): "Ihre Nachricht ist doch auf dem Telefon angekommen; eine frühere Meldung nannte sie gescheitert:",
            (Channel.SMS, "relayed"): "Der Anbieter hat Ihre Nachricht angenommen, aber das Telefon hat sie nie "
            "bestätigt. Sie kann gut angekommen sein; sagen kann es niemand:",
            (Channel.SMS, "expanded"): "Ihre Nachricht wurde für alle Telefone dieser Gruppe angenommen. Sie hören nur "
            "noch von denen, bei denen sie scheitert:",
            (Channel.MAIL, "failed"): "Eine Mail der Bridge wurde nicht angenommen:",
            (Channel.MAIL, "delayed"): "Eine Mail der Bridge konnte noch nicht zugestellt werden:",
            (Channel.MAIL, "delivered"): "Eine Mail der Bridge wurde zugestellt:",
            (Channel.MAIL, "corrected"): "Eine Mail der Bridge wurde doch zugestellt:",
            (Channel.MAIL, "relayed"): "Eine Mail der Bridge wurde weitergegeben:",
            (Channel.MAIL, "expanded"): "Eine Mail der Bridge wurde an mehrere Postfächer weitergegeben:",
        },
        outcomes={
            "failed": "nicht zugestellt",
            "delayed": "verzögert",
            "delivered": "zugestellt",
            "corrected": "doch zugestellt",
            "relayed": "gesendet, nicht bestätigt",
            "expanded": "an eine Gruppe weitergegeben",
        },
        answer="Antwort",
        text="Der Text war",
        nobody_else="Das geht an Sie, weil kein anderer Absender nachgewiesen ist.",
        identifier="Kennung für den Betreiber: {id}",
        held="Sie wird zurückgehalten, bis der Betreiber entscheidet.",
        goes_on="Es wird weiter versucht.",
        alert="smsbridge auf {hostname} braucht Aufmerksamkeit",
        digest_subject="Was aus {count} Nachrichten wurde",
        digest="Es waren zu viele Meldungen, um jede einzeln zu senden. Diese Liste steht für alle; geht es so weiter, "
        "kommt die nächste in einer Stunde.",
        digest_more="und {count} weitere, die der Betreiber nennen kann",
    ),
}
