"""The tables: how they are written, and lines that each pattern knows or does not."""

import pytest

from bridge.text import boilerplate


def test_everything_is_written_as_it_is_compared() -> None:
    words = [word for kind in boilerplate.DISCLAIMER.values() for word in kind]
    plain = [*boilerplate.CLOSINGS, *boilerplate.HEADINGS, *boilerplate.SENTENCES, *words]
    assert len(plain) > 350
    assert [one for one in plain if one != one.lower()] == []
    assert [one for one in boilerplate.CLOSINGS | boilerplate.HEADINGS if one != one.strip(" ,.:;!-")] == []


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("Tel.: +43 660 000 0055", {"phone"}),
        ("T +43 660 000 0053 | F +43 660 000 0054", {"phone"}),
        ("Tél. : 01 00 00 00 00", {"phone"}),
        ("Telefono 06 0000 0000", {"phone"}),
        ("+43 660 000 0061", {"phone"}),
        ("www.example.com", {"url"}),
        ("example.com", {"url"}),
        ("nora@example.com", {"mail"}),
        ("FN 000000a, Handelsgericht Wien", {"register"}),
        ("USt-IdNr.: DE000000000", {"register"}),
        ("SIRET 000 000 000 00000", {"register"}),
        ("P. IVA 00000000000", {"register"}),
        ("KvK 00000000", {"register"}),
        ("Registered in England no. 00000000", {"register"}),
        ("Musterstraße 1", {"address"}),
        ("1010 Wien", {"address"}),
        ("1012 AB Amsterdam", {"address"}),
        ("12 rue de l'Exemple", {"address"}),
        ("12 High Street", {"address"}),
        ("Beispiel GmbH", {"form"}),
        ("Ejemplo S.L.", {"form"}),
        ("Esempio S.p.A.", {"form"}),
        ("Voorbeeld B.V.", {"form"}),
        ("Treffpunkt 8:00", set()),
        ("Das Hotel hat 4000 Betten", {"address"}),  # one kind alone is no evidence
        ("bis 20. Mai 2026", set()),
        ("Leitung Gebäudetechnik", set()),
        ("", set()),
    ],
)
def test_evidence(line: str, kinds: set[str]) -> None:
    assert {kind for kind, pattern in boilerplate.EVIDENCE.items() if pattern.search(line)} == kinds
