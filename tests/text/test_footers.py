"""Disclaimers, scanners, lists and paper: what goes, and above all what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text import boilerplate
from bridge.text.footers import disclaimed, without_footers

DISCLAIMERS = {
    "de": (
        "Diese E-Mail enthält vertrauliche Angaben und ist nur für den genannten Empfänger bestimmt. Wenn Sie sie "
        "irrtümlich erhalten haben, informieren Sie bitte den Absender und löschen Sie sie."
    ),
    "en": (
        "This message is confidential and meant for the named recipient only. If it reached you in error, tell the "
        "sender and delete it; any disclosure is prohibited."
    ),
    "fr": (
        "Ce message est confidentiel et réservé à son destinataire. Si vous l'avez reçu par erreur, merci d'avertir "
        "l'expéditeur et de le supprimer."
    ),
    "it": (
        "Il presente messaggio è riservato e rivolto al solo destinatario. Chi lo riceve per errore avvisi il mittente "
        "e lo cancelli; ogni diffusione è vietata."
    ),
    "es": (
        "Este mensaje es confidencial y va dirigido a su destinatario. Si lo recibe por error, le rogamos avisar al "
        "remitente y eliminarlo."
    ),
    "nl": (
        "Dit bericht is vertrouwelijk en bestemd voor de geadresseerde. Hebt u het ten onrechte ontvangen, waarschuw "
        "dan de afzender en verwijder het."
    ),
}


@pytest.mark.parametrize("disclaimer", DISCLAIMERS.values(), ids=DISCLAIMERS.keys())
@pytest.mark.parametrize(
    "between",
    [
        "\n\n",
        "\n",
        "\n\n-----\n",
        "\n\n" + "_" * 40 + "\n",
        "\n\n- - - - - -\n\n",
        "\n\nDISCLAIMER:\n",
        "\n\n*******\n",
    ],
)
@pytest.mark.parametrize("below", ["", "\n*******", "\n\nhttps://www.example.com/privacy"])
def test_disclaimers(disclaimer: str, between: str, below: str) -> None:
    assert without_footers(f"Komm bitte um 8.\n\nLG Nora{between}{disclaimer}{below}") == "Komm bitte um 8.\n\nLG Nora"


def test_disclaimers_in_two_languages_and_in_wrapped_lines() -> None:
    assert without_footers("Passt.\n\n" + "\n\n".join(DISCLAIMERS.values())) == "Passt."
    words = DISCLAIMERS["en"].split()
    wrapped = "\n".join(" ".join(words[at : at + 5]) for at in range(0, len(words), 5))
    assert without_footers(f"Passt.\n\n{wrapped}") == "Passt."


@pytest.mark.parametrize(
    "line",
    [
        "Virenfrei. www.avast.com",
        "Diese E-Mail wurde von der Software auf Viren geprüft. www.avast.com",
        "Virus-free.www.avast.com\n<https://www.avast.com/x>\n<#DAB4FAD8>",
        "Diese E-Mail wurde von unserem Gateway auf Viren geprüft.",
        "This email has been checked for viruses by our gateway.",
        "Questa e-mail è stata controllata per individuare virus.",
        "Deze e-mail is gecontroleerd op virussen.",
        "Denken Sie an die Umwelt, bevor Sie diese E-Mail drucken.",
        "Please consider the environment before printing this e-mail.",
        "Pensez à l'environnement avant d'imprimer ce message.",
        "Prima di stampare questa e-mail pensi all'ambiente.",
        "Antes de imprimir este mensaje, piense en el medio ambiente.",
        "Denk aan het milieu voordat u deze e-mail print.",
        "-----\nHelfer mailing list\nHelfer@lists.example.org\nhttps://lists.example.org/listinfo/helfer",
        "You received this message because you follow the list. To unsubscribe, send an\nemail to a@example.org.",
        "Sie erhalten diese E-Mail, weil Sie angemeldet sind: https://example.org/abmelden",
        "Vous recevez ce message parce que vous êtes inscrit : https://example.org/non",
        "—\nReply to this email directly or view it on https://example.org/7",
    ],
)
def test_lines_of_scanners_and_lists(line: str) -> None:
    assert without_footers(f"Passt.\n\nLG Nora\n\n{line}") == "Passt.\n\nLG Nora"
    assert without_footers(line) in {line, line.split("\n", maxsplit=1)[0]}


@pytest.mark.parametrize(
    "own",
    [
        "Bitte vertraulich behandeln: Emil geht.\n\nMehr dazu am Freitag.",
        "Kommt.\n\nDiese Nachricht ist vertraulich.",
        "Kommt.\n\nDiese Nachricht ist vertraulich und nur für dich bestimmt. Bitte lösche sie, Weitergabe verboten.",
        "Kommt.\n\nBitte diese Nachricht nach dem Lesen löschen und nicht weiterleiten, sie ist vertraulich.",
        "Es eilt.\n\nThe mailing list is down, see https://example.com/status",
        "Done.\n\nAll laptops were checked for viruses today.",
        "Done.\n\nThis message is for you: the parcel for the recipient was sent in error, delete order 7.",
        "Druck.\n\nBitte auf Umweltpapier drucken.",
        "Alarm\n----------\nHost web01\nhttps://example.com/host",
        "Name: ____________\n____________\nhttps://example.com",
        "Hallo,\n\nSie erhalten diese E-Mail, weil Ihr Server seit 10:03 steht: https://status.example.com/1",
        "Hi,\n\nYou are receiving this email because your monitor web1 is DOWN: https://status.example.com/1",
        "Werte\n\nUmweltmessung: Druck steigt. Nächste Nachricht in einer Stunde.",
        "Allarme\n\nTemperatura ambiente vicino alla stampante 45 °C. Questo messaggio si ripete.",
        "Alarm\n\nEnvironment sensor (printer room) is hot. Next message in an hour.",
        "PC aus.\n\nVirus gefunden, Anleitung zum Entfernen auf avast.com",
        "Störung.\n\nDiese Nachricht wurde nicht auf Viren geprüft, weil der Scanner steht.",
        "Hinweis\n\nDas Tor ist offen.",
        "Eins\n\nDisclaimer",
    ],
)
def test_own_words_stay(own: str) -> None:
    assert without_footers(own) == own


def test_a_disclaimer_alone_is_the_text() -> None:
    assert without_footers(DISCLAIMERS["de"]) == DISCLAIMERS["de"]


def test_words_below_a_disclaimer_keep_it() -> None:
    text = f"Passt.\n\n{DISCLAIMERS['en']}\n\nPS: Tor 3!"
    assert without_footers(text) == text


def test_every_language_has_every_kind() -> None:
    for language, disclaimer in DISCLAIMERS.items():
        assert {"mail", "confidential", "recipient"} <= disclaimed(disclaimer), language


_LINES = st.sampled_from(
    [*DISCLAIMERS.values(), "Passt.", "", "-----", "Disclaimer", "https://example.com", "virenfrei avast.com"]
)


@given(st.lists(_LINES, max_size=10).map("\n".join))
def test_what_stays_is_the_beginning(text: str) -> None:
    assert text.startswith(without_footers(text))
    assert bool(without_footers(text).strip()) == bool(text.strip())


def test_informal_words_are_whole_words() -> None:
    assert boilerplate.INFORMAL.search("nur für dich")
    assert not boilerplate.INFORMAL.search("durch Dritte, Direktor")
