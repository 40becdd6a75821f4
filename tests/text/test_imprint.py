"""Company data below a name: what goes on strong evidence, and what stays on any doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text.imprint import without_imprint

NORA = "Nora <nora@example.com>"
BLOCKS = [
    "Beispiel GmbH\nMusterstraße 1, 1010 Wien\nTel. +43 660 000 0053\nwww.example.com\nFN 000000a | UID ATU00000000",
    "Leitung Gebäudetechnik\nBeispiel GmbH\nT +43 660 000 0053",
    "\nBeispiel GmbH\nwww.example.com",
    "Warehouse Supervisor\nExample Freight Ltd\nTel: +44 20 0000 0000",
    "Responsable logistique\nExemple SARL\n12 rue de l'Exemple, 69000 Lyon",
    "Esempio S.p.A.\nVia Roma 1, 00100 Roma\nP. IVA 00000000000",
    "Ejemplo S.L.\nCalle Mayor 1, 28000 Madrid\nTel. +34 600 000 000",
    "Voorbeeld B.V.\nVoorbeeldstraat 1, 1012 AB Amsterdam\nKvK 00000000",
]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize(
    "closing",
    [
        "Mit freundlichen Grüßen\nNora",
        "Freundliche Grüße\n\ni. A. Nora",
        "Kind regards,\nNora",
        "Cordialement,\nNora",
        "Cordiali saluti\nNora",
        "Un saludo,\nNora",
        "Met vriendelijke groet,\nNora",
        "LG Nora",
        "Liebe Grüße, Nora",
    ],
)
def test_the_closing_and_the_name_stay(closing: str, block: str) -> None:
    words = f"Die Ware ist da.\n\n{closing}"
    assert without_imprint(f"{words}\n{block}", "") == words


@pytest.mark.parametrize("line", ["--", "____________", "----------", "\u2014\u2014"])
@pytest.mark.parametrize("data", ["", "\nNight shift", "\nExample Ltd\nTel: +44 20 0000 0000\nwww.example.net"])
def test_below_a_line_the_authors_name_suffices(line: str, data: str) -> None:
    assert without_imprint(f"Gate 3 is locked.\n\n{line}\nNora{data}", NORA) == "Gate 3 is locked."
    assert (
        without_imprint(f"Gate 3 is locked.\n\n{line}\nOwen{data}", NORA) == f"Gate 3 is locked.\n\n{line}\nOwen{data}"
    )


@pytest.mark.parametrize(
    "author", ["Nora Muster <n@example.com>", '"Muster, Nora" <n@example.com>', "nora.muster@example.com"]
)
def test_the_authors_name_alone_in_a_line_is_a_closing(author: str) -> None:
    words = "Die Ware ist da.\n\nNora Muster"
    assert without_imprint(f"{words}\n{BLOCKS[0]}", author) == words
    assert without_imprint(f"{words}\n{BLOCKS[0]}", "Max <max@example.com>") == f"{words}\n{BLOCKS[0]}"


@pytest.mark.parametrize("author", ["alarm@example.com", "Alarm <a@example.com>", '"Alarm" <alarm@example.com>'])
def test_a_name_of_one_word_heads_a_list_as_well(author: str) -> None:
    alarm = "Brand in Halle 3.\n\nAlarm\nBeispiel GmbH\nMusterstraße 1, 1010 Wien\nTel. +43 660 000 0053"
    assert without_imprint(alarm, author) == alarm


@pytest.mark.parametrize(
    "asks", ["Bitte um Rückruf.", "Please call me.", "Merci de m'appeler.", "Meine neue Nummer steht hier."]
)
def test_whoever_asks_for_a_call_keeps_his_number(asks: str) -> None:
    words = f"{asks}\n\nMit freundlichen Grüßen\nNora"
    block = "Beispiel GmbH\nTel. +43 660 000 0053\nwww.example.com"
    assert without_imprint(f"{words}\n{block}", "") == f"{words}\nTel. +43 660 000 0053"


@pytest.mark.parametrize(
    "own",
    [
        "Bitte dorthin liefern:\n\nPflegeheim Beispiel\nMusterweg 7, Stiege 2\n1010 Wien\nTel. +43 660 000 0073",
        "Ruf an.\n\nLG\nNora\n+43 660 000 0001",
        "Kommt.\n\nLG Nora\nTreffpunkt 8:00\nBeispiel GmbH, Musterstraße 1\nwww.example.com",
        "Neu.\n\nMfG\nNora\n\nLieferadresse:\nBeispiel GmbH\nMusterstraße 1, 1010 Wien",
        "Treffpunkt morgen um 8.\n\nLG Nora\n\nBeispiel GmbH\nMusterstraße 1, 1010 Wien",
        "Bitte liefern.\n\nLG Nora\n\nBeispiel GmbH\nMusterstraße 1, 1010 Wien",
        "Die Adresse lautet\n\nViele Grüße\nNora\n\nBeispiel GmbH\nMusterstraße 1, 1010 Wien",
        "Wir treffen uns hier:\nGruß Nora\nHotel Beispiel\nMusterstraße 1, 1010 Wien\nwww.example.com",
        "Kontakte\n-----\nBeispiel GmbH, www.example.com\nMuster AG, +43 660 000 0001",
        "Brand!\n\n--\nObjekt Beispiel\nBeispiel GmbH\nMusterstraße 1, 1010 Wien\nTel +43 660 000 0001",
        "Teilnehmer\n-----\nAnna\nMax\nNora",
        "Bitte überweisen.\n\nMfG\nNora\nBeispiel GmbH\nIBAN AT00 0000 0000 0000 0000",
        "Thanks\nThe new supplier is\nExample Ltd\n12 High Street\nwww.example.com",
        "Treffpunkt Bus.\n\nLiebe Grüße\nNora\n\nPS: Bitte Regenjacken!",
        "Ja.\n\nLG Nora\n\nPS: Beispiel GmbH hat zu, www.example.com auch\nTel. +43 660 000 0001",
        "Ja.\n\nLG\nNora\n\nBitte warten\n\nBeispiel GmbH\nwww.example.com",
        "Ja.\n\nLG\nNora",
        "Bericht\n--\nalles gut",
        "LG Nora",
        "",
    ],
)
def test_own_words_stay(own: str) -> None:
    assert without_imprint(own, NORA) == own


_LINES = ["LG", "Nora", "", "--", "Beispiel GmbH", "Tel. +43 660 000 0053", "Kommt bitte.", "1010 Wien", "Ruf an:"]


@given(st.lists(st.sampled_from(_LINES), max_size=12).map("\n".join))
def test_what_stays_are_lines_of_it_and_never_none(text: str) -> None:
    left = without_imprint(text, NORA)
    assert set(left.split("\n")) <= set(text.split("\n")) | {""}
    assert bool(left.strip()) == bool(text.strip())
    assert left.count("Kommt bitte.") == text.count("Kommt bitte.")
