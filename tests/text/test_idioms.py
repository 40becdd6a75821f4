"""The words of thirteen languages, tried on lines as mail programs write them. German, English: see test_quotes."""

import re
import time

import pytest

from bridge.text import idioms, quotes


@pytest.mark.parametrize(
    "line",
    [
        "Le 12/03/2025 à 10:11, Anna a écrit :",
        "Il 12/03/2025 10:11, Anna ha scritto:",
        "El 12/03/2025 a las 10:11, Anna escribió:",
        "Em 12/03/2025 10:11, Anna escreveu:",
        "Op 12-03-2025 om 10:11 schreef Anna:",
        "Den 2025-03-12 kl. 10:11, skrev Anna:",
        "Den 12. mar. 2025 kl. 10.11 skrev Anna <anna@example.com>:",
        "D. 12/03/2025 10.11 skrev Anna:",
        "W dniu śr., 12 mar 2025 o 10:11 Anna <anna@example.com> napisał(a):",
        "Dne 12. 3. 2025 v 10:11 Anna napsal(a):",
        "Dne st 12. 3. 2025 10:11 uživatel Anna <anna@example.com> napsal:",
        "12.03.2025 10:11, Anna пишет:",
        "Anna <anna@example.com> написал(а) 12.03.2025:",
    ],
)
@pytest.mark.parametrize("older", ["\n> frage\n", "\n\nfrage\n"], ids=["marked", "not marked"])
def test_introductions(line: str, older: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{line}{older}") == "Passt."


@pytest.mark.parametrize(
    "line",
    [
        "ons. 12. mars 2025 kl. 10:11 skrev Anna <anna@example.com>:",
        "ke 12. maaliskuuta 2025 klo 10.11 Anna (anna@example.com) kirjoitti:",
        "2025. március 12. 10:11 keltezéssel, Anna írta:",
        "Anna schreef:",
        "Anna a écrit :",
        "Anna ha scritto:",
        "Anna escreveu:",
    ],
)
def test_verbs_that_need_the_marks_below_them(line: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{line}\n> frage\n> noch eine\n") == "Passt."
    assert "Ja." in quotes.own_words(f"Passt.\n\n{line}\nJa.")


@pytest.mark.parametrize(
    "line",
    [
        "-----Ursprüngliche Nachricht-----",
        "------ Originalnachricht ------",
        "------ Original Message ------",
        "Begin forwarded message:",
        "-------- Message transféré --------",
        "Début du message réexpédié :",
        "-------- Messaggio inoltrato --------",
        "Inizio messaggio inoltrato:",
        "---------- Mensaje reenviado ---------",
        "-------- Mensagem encaminhada --------",
        "-------- Doorgestuurd bericht --------",
        "-------- Vidarebefordrat meddelande --------",
        "-------- Oprindelig meddelelse --------",
        "-------- Původní zpráva --------",
        "-------- Wiadomość oryginalna --------",
        "-------- Пересылаемое сообщение --------",
    ],
)
def test_separators(line: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{line}\nirgendwas") == "Passt."
    sentence = line.strip("-: ") + " kommt noch"
    assert quotes.own_words(f"Passt.\n{sentence}\nbis dann") == f"Passt.\n{sentence}\nbis dann"


@pytest.mark.parametrize(
    "fields",
    [
        "Von: A\nDatum: Mittwoch, 12.03.2025 10:11\nAn: B\nBetreff: x",
        "From: A\nDate: Wednesday, 12.03.2025 10:11\nTo: B\nSubject: x",
        "De : A\nEnvoyé : mercredi, 12.03.2025 10:11\nÀ : B\nObjet : x",
        "De: A\nFecha: miércoles, 12.03.2025 10:11\nPara: B\nAsunto: x",
        "De: A\nEnviada em: quarta, 12.03.2025 10:11\nPara: B\nAssunto: x",
        "Da: A\nData: mercoledì, 12.03.2025 10:11\nA: B\nOggetto: x",
        "Van: A\nVerzonden: woensdag, 12.03.2025 10:11\nAan: B\nOnderwerp: x",
        "Från: A\nSkickat: onsdag, 12.03.2025 10:11\nTill: B\nÄmne: x",
        "Fra: A\nSendt: onsdag, 12.03.2025 10:11\nTil: B\nEmne: x",
        "Od: A\nWysłano: środa, 12.03.2025 10:11\nDo: B\nTemat: x",
        "Od: A\nOdesláno: středa, 12.03.2025 10:11\nKomu: B\nPředmět: x",
        "От: A\nОтправлено: среда, 12.03.2025 10:11\nКому: B\nТема: x",
    ],
)
def test_repeated_fields(fields: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{fields}\n\nirgendwas\n") == "Passt."
    name, _, rest = fields.partition("\n")
    assert quotes.own_words(f"Passt.\n{name}\nmehr nicht") == f"Passt.\n{name}\nmehr nicht"
    assert rest


@pytest.mark.parametrize(
    "line",
    [
        "Diese Nachricht wurde von meinem Android-Mobiltelefon mit GMX Mail gesendet.",
        "Diese E-Mail wurde von meinem Telefon aus gesendet",
        "Von meinem Android-Gerät gesendet",
        "Von Outlook für iOS gesendet",
        "Gesendet von Mail für Windows",
        "Outlook für iOS herunterladen <https://aka.ms/made-up>",
        "Holen Sie sich Outlook für iOS",
        "Sent with Proton Mail secure email.",
        "Sent via the example mail app",
        "Envoyé depuis mon iPhone",
        "Télécharger Outlook pour iOS",
        "Inviato dal mio telefono",
        "Enviado do meu iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Verzonden vanaf mijn Samsung",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Wysłane z iPhone'a",
    ],
)
def test_last_lines_of_programs(line: str) -> None:
    assert quotes.unsigned(f"Passt.\n\n{line}") == "Passt."
    assert quotes.unsigned(f"{line}\n\nPasst.") == f"{line}\n\nPasst."


def strings() -> list[str]:
    """Every string that is compared as it is; the devices are patterns that ignore case."""
    tables = (value for name, value in vars(idioms).items() if name.isupper() and name != "DEVICES")
    return [part for table in tables for row in table for part in (row if isinstance(row, tuple) else (row,))]


def test_everything_is_written_as_it_is_compared() -> None:
    found = strings()
    assert len(found) > 150
    assert [one for one in found if one != one.lower()] == []
    labels = idioms.SEPARATORS | idioms.FROM | idioms.DATE | idioms.TO | idioms.SUBJECT
    assert [one for one in labels if one != one.strip(" :-*\u00a0")] == []


@pytest.mark.parametrize("pattern", idioms.DEVICES)
def test_a_device_is_a_whole_line_and_no_sentence(pattern: str) -> None:
    device = re.compile(pattern, re.IGNORECASE)
    for sentence in ("", "Passt.", "Ich habe dir von meinem Haus geschrieben, sent from", "gesendet", "outlook"):
        assert device.fullmatch(sentence) is None


def test_no_line_takes_long() -> None:
    begin = time.process_time()
    for shape in (
        "von meinem ",
        "gesendet von ",
        "sent from my ",
        "diese nachricht wurde ",
        "android ",
        "envoyé de mon ",
    ):
        line = (shape * 40)[:400]
        for _ in range(20):
            quotes.unsigned(f"Passt.\n\n{line}")
    assert time.process_time() - begin < 20.0  # it takes milliseconds; a pattern that explodes would take hours
