"""What goes and, above all, what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text import quotes

QUOTED = "\n> frage\n> noch eine\n"


@pytest.mark.parametrize(
    "introduction",
    [
        "Am 12.03.2025 um 10:11 schrieb Anna Muster:",
        "Am Mi., 12. März 2025 um 10:11 Uhr schrieb Anna <\nanna@example.com>:",
        "Am Mittwoch, 12. März 2025 hat Anna Muster\n<anna@example.com> geschrieben:",
        "Anna Muster <anna@example.com> schrieb am Mi., 12. März 2025, 10:05:",
        "Anna Muster hat am 12.03.2025 10:05 CET geschrieben:",
        "On Wed, Mar 12, 2025 at 10:11 AM Anna Sample <anna@example.com>\nwrote:",
        "On 12/03/2025 10:11, Anna Sample wrote:",
        "Le mer. 12 mars 2025 à 10:11, Anna <anna@example.com> a écrit :",
        "Il giorno mer 12 mar 2025 alle ore 10:11 Anna <anna@example.com> ha scritto:",
        "El mié, 12 mar 2025 a las 10:11, Anna (<anna@example.com>) escribió:",
        "Op wo 12 mrt 2025 om 10:11 schreef Anna <anna@example.com>:",
        "Den ons 12 mars 2025 kl 10:11 skrev Anna <anna@example.com>:",
        "Em qua., 12 de mar. de 2025 às 10:11, Anna <anna@example.com> escreveu:",
        "W dniu 12.03.2025 o 10:11, Anna pisze:",
        "2025-03-12 10:11 GMT+01:00 Anna <anna@example.com>:",
    ],
)
@pytest.mark.parametrize("older", [QUOTED, "\n\nfrage ohne zeichen\n", ""])
def test_introductions(introduction: str, older: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{introduction}{older}") == "Passt."


def test_a_name_alone_introduces_only_what_is_quoted_below() -> None:
    assert quotes.own_words("Anna schrieb:\n> a\n> b\n\nJa.") == "Ja."
    assert quotes.own_words("Anna schrieb:\nJa.") == "Anna schrieb:\nJa."


@pytest.mark.parametrize(
    "line",
    [
        "-----Original Message-----",
        "---------- Forwarded message ---------",
        "-------- Weitergeleitete Nachricht --------",
        "Anfang der weitergeleiteten Nachricht:",
        "-----Message d'origine-----",
        "-----Messaggio originale-----",
    ],
)
def test_separators(line: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{line}\nirgendwas\n") == "Passt."


@pytest.mark.parametrize(
    "fields",
    [
        "Von: A <a@example.com>\nGesendet: Mittwoch, 12.03.2025 10:11\nAn: B\nBetreff: x",
        "*Von:* A\n*Gesendet:* Mittwoch, 12.03.2025 10:11\n*An:* B\n*Betreff:* x",
        "From: A\n\nSent: Wednesday, 12.03.2025 10:11\n\nTo: B\n\nSubject: x",
        "Da: A\nInviato: mercoledì, 12.03.2025 10:11\nA: B\nOggetto: x",
        "De: A\nEnviado el: miércoles, 12.03.2025 10:11\nPara: B\nAsunto: x",
        "________________________________\nFrom: A\nSent: Wednesday, 12.03.2025 10:11\nSubject: x",
    ],
)
def test_repeated_fields(fields: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{fields}\n\nirgendwas\n") == "Passt."


@pytest.mark.parametrize(
    "own",
    [
        "Bitte fahren:\nVon: Wien\nAn: Graz\nDatum: Freitag",
        "Am Montag komme ich.\nOn demand: yes\nBis dann:",
        "Hallo,\nam 12.3. schrieb ich dir Folgendes:\nbitte komm um 10:00.",
        "Hallo,\nAm 12.03.2025 10:00 schrieb ich dir:\nbitte komm.",
        "Werte:\n> 5\nist zu viel",
        "Datum: morgen\nAn: alle\nBetreff: Essen",
        "Fahrt:\nVon: Wien\nAn: Graz\nDatum: Freitag 12:30\nBetreff: Rollstuhl",
        "From: the station\nTo: the hospital\nDate: today, 14:30\nSubject: wheelchair",
        "In the controller press:\n> Menu\n> Service\n> Reset\nThen wait.",
        "Kontakt: Emil <emil@example.com>\nTermin: 12.03.2025 10:00\nOrt: Wien",
        "-- kein Ende --\nWeiter",
        "Original message\nis lost",
        "Der Kunde hat am 12.03.2025 gemeldet:\n- Pumpe leckt",
        "Am 12.03.2025 um 10:30 schrieb der Zähler diese Werte:\n17 kW",
        "The inspector wrote on 12 March 2025 that we must mend:\n- door",
        "On 12 March 2025 the controller wrote these errors:\nE1",
        "Le 12/03/2025 le client a écrit ceci :\nla pompe fuit",
        "Am Montag um 10:00 kommt er. Er schrieb mir gestern:\nSchlüssel hinterlegen.",
        "Il 12/03/2025 il tecnico ha scritto sul foglio:\nguasto",
        "Von: Wien\nNach: Graz\nDatum: 3.5.2025 10:00\nBetreff: Paletten",
        "Von: +43 1 0000000\nAn: fax@example.com\nDatum: 03.05.2025 10:03\nSeiten: 3",
        "From: Max\nDate: Mon, 3 Mar 2025 10:00\nTo: nora@example.com\nDuration: 0:12",
        "Von: Wien\nDatum: 3.5.2025 10:00\nBetreff: Fahrt\nKontakt: lager@example.com",
    ],
)
def test_own_words_stay(own: str) -> None:
    assert quotes.own_words(own) == own
    assert quotes.own_words(f"Hallo Nora,\n\n{own}") == f"Hallo Nora,\n\n{own}"


@pytest.mark.parametrize(
    "introduction",
    [
        "Zitat von Anna <anna@example.com>:",
        "2025年3月12日 上午9:58\uff0c王芳 <wang@example.com> 写道\uff1a",
        "\u202bבתאריך יום ד׳, 12 במרץ 2025 ב-9:58 מאת \u202aAnna\u202c\u200f <\u202aa@example.com\u202c\u200f>:\u202c",
        "ср, 12 мар. 2025 г. в 09:58, Анна <anna@example.com>:",  # no word of any language, an address and a time
    ],
)
def test_introductions_of_what_is_marked_below(introduction: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{introduction}\n\n> a\n> b") == "Passt."
    assert quotes.own_words(f"Passt.\n\n{introduction}\nJa.") == f"Passt.\n\n{introduction}\nJa."


@pytest.mark.parametrize(
    "older",
    [
        '-----"Emil" <emil@example.com> schrieb: -----\nAn: nora@example.com\nirgendwas',
        "----- Irgendeine Mail -----\nVon: A <a@example.com>\nGesendet: Mittwoch\nBetreff: x\n\nirgendwas",
        "  Le mer. 12 mars 2025 à 09:58, Claire<c@example.com> a écrit :   Où est la clé ?",
        "Feladó: A <a@example.com>\nElküldve: 2025. március 12., 9:58\nTárgy: x\n\nirgendwas",
        "发件人\uff1aA <a@example.com>\n发送时间\uff1a2025年3月12日 9:58\n主题\uff1ax\n\nirgendwas",
        "发件人: A <a@example.com>\n发送时间: 2025年3月12日 9:58\n主题: x\n\nirgendwas",
    ],
)
def test_older_mails_of_some_programs(older: str) -> None:
    assert quotes.own_words(f"Passt.\n\n{older}") == "Passt."


def test_a_quoted_introduction_makes_every_mark_below_a_quotation() -> None:
    mail = "> Am 12.03.2025 um 09:58 schrieb A <a@example.com>:\n>\n> Wann?\n\nUm 6.\n\n> Wer?\n\nIch."
    assert quotes.own_words(mail) == "Um 6.\n\nIch."
    assert quotes.own_words("Um 6.\n\n> Tor 3\n\nIch.") == "Um 6.\n\n> Tor 3\n\nIch."


def test_words_that_only_point_below_keep_the_older_mail() -> None:
    older = "-----Original Message-----\nirgendwas"
    for points in ("FYI", "z. K.", "Siehe unten!", "FYI\n\nLG\nNora", "Bitte machen:"):
        assert quotes.own_words(f"{points}\n\n{older}") == f"{points}\n\n{older}"
    assert quotes.own_words(f"FYI, Tor 3.\n\n{older}") == "FYI, Tor 3."


def test_answers_between_quotations_stay_in_order() -> None:
    mail = "Hallo\n\nAm 12.03.2025 um 10:11 schrieb Anna:\n> a?\n\nJa.\n\n> b?\n\nNein.\n"
    assert quotes.own_words(mail) == "Hallo\n\nJa.\n\nNein."


def test_a_sentence_before_an_introduction_is_not_taken_for_its_first_line() -> None:
    mail = "Am Montag komme ich\nAnna schrieb am 12.03.2025, 10:11:\n> a\n> b"
    assert quotes.own_words(mail) == "Am Montag komme ich"


@pytest.mark.parametrize(
    "last",
    [
        "Von meinem iPhone gesendet",
        "Von meinem Samsung Galaxy Smartphone gesendet.",
        "Gesendet von Outlook für Android",
        "Gesendet mit der GMX Mail App",
        "Sent from my iPad",
        "Sent from Mail for Windows",
        "Get Outlook for Android<https://aka.ms/AAb9ysg>",
        "Envoyé de mon iPhone",
        "Inviato da iPhone",
        "Enviado desde mi iPhone",
        "Envoyé à partir de Yahoo Mail pour Android",
        "Sent with [Proton Mail](https://proton.me/mail/home) secure email.",
        "iPhoneから送信",
        "发自我的iPhone",
        "Sent from Mailspring https://getmailspring.com/, the best free email app for work",
    ],
)
def test_what_a_program_says_of_itself(last: str) -> None:
    assert quotes.unsigned(f"Passt.\n\n{last}") == "Passt."
    assert quotes.unsigned(last) == last


@pytest.mark.parametrize(
    "last",
    [
        "Sent from my office this morning, parcel should be with you by 4.",
        "Sent via DHL, number 4711",
        "Gesendet von meinem Kollegen",
        "Von meiner Kollegin verschickt",
        "Inviato da Roma ieri",
        "Envoyé de mon bureau ce matin",
        "Von meinem Handy habe ich dir die Fotos schon gesendet.",
        "Sent from my phone an hour ago, did you get it?",
        "Sent via mail to all customers",
        "Inviato dal magazzino via mail ieri sera",
    ],
)
def test_last_lines_that_only_begin_like_a_programs(last: str) -> None:
    assert quotes.unsigned(f"Passt.\n\n{last}") == f"Passt.\n\n{last}"


@pytest.mark.parametrize("last", ["Sent from the pump station", "Gesendet von Anna", "Von meinem Bruder", "--"])
def test_last_lines_of_people(last: str) -> None:
    assert quotes.unsigned(f"Passt.\n\n{last}") == f"Passt.\n\n{last}"


def test_a_line_that_only_the_program_had_below_it_goes_too() -> None:
    assert quotes.unsigned("Passt.\n\n--\nVon meinem iPhone gesendet") == "Passt."


def test_signatures() -> None:
    assert quotes.unsigned("Passt.\n-- \nMax\nBeispiel GmbH") == "Passt."
    assert quotes.unsigned("Bericht\n--\nalles gut") == "Bericht\n--\nalles gut"
    assert quotes.unsigned("-- \nMax") == "-- \nMax"
    long = "Passt.\n-- \n" + "\n".join(f"Zeile {n}" for n in range(40))
    assert quotes.unsigned(long) == long


@given(
    st.lists(
        st.sampled_from(["> a", "Am 12.03.2025 um 10:11 schrieb A:", "Ja", "", "-- ", "Von: A", "👍"]), max_size=12
    )
)
def test_words_never_become_nothing(lines: list[str]) -> None:
    mail = "\n".join(lines)
    assert quotes.has_words(quotes.unsigned(quotes.own_words(mail))) == quotes.has_words(mail)
