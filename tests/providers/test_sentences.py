"""What people are told: complete in both languages, and in people's words."""

import re

import pytest

from bridge.providers.websms.codes import CODES, HTTP, by_code, by_http
from bridge.providers.websms.sentences import SENTENCES, explain

NETWORK = ("dns", "connect", "tls", "certificate", "lost", "error", "payload")
ODD = ("contradiction", "odd success")
EVERY = [*map(str, CODES), *(f"http {status}" for status in HTTP), *NETWORK, *ODD]


@pytest.mark.parametrize("code", EVERY)
def test_every_code_has_its_own_line_in_both_languages(code: str) -> None:
    english, german = SENTENCES[code]
    assert explain(code, "en") == english
    assert explain(code, "de") == german
    for sentence in (english, german):
        assert 20 < len(sentence) < 260
        assert sentence.endswith(".")
        assert "  " not in sentence
        assert re.search(r"\b[45]\d{3}\b", sentence) is None, "people know no codes"
    assert english != german


@pytest.mark.parametrize("code", EVERY)
def test_each_says_who_can_do_something(code: str) -> None:
    doers = r"operator|Check|write again|writing again|Nobody needs|Nothing needs|Send|Shorten|Write|Reach|Word it"
    assert re.search(doers, SENTENCES[code][0])
    doers = r"Betreiber|[Bb]itte|Niemand muss|nichts zu tun"
    assert re.search(doers, SENTENCES[code][1])


def test_what_may_have_been_sent_is_told_so_and_nothing_else_is() -> None:
    for code, meaning in [*((str(c), m) for c, m in CODES.items()), *((f"http {c}", m) for c, m in HTTP.items())]:
        uncertain = meaning.verdict == "unknown"
        assert ("may or may not have" in SENTENCES[code][0]) == uncertain, code
        assert ("ungewiss" in SENTENCES[code][1]) == uncertain, code
    assert "may or may not have" in SENTENCES["lost"][0]


@pytest.mark.parametrize("code", ["4028", "4032", "4120", "4999", "5001", "5999", "0", "200", "3000", "6000", "20000"])
def test_an_unknown_code_is_told_by_its_family(code: str) -> None:
    told = explain(code, "en")
    assert told is not None
    assert ("may or may not" in told) == (by_code(int(code)).verdict == "unknown")


@pytest.mark.parametrize("status", [200, 204, 301, 307, 409, 418, 500, 502, 504, 599, 100])
def test_an_unknown_http_status_is_told_by_its_family(status: int) -> None:
    told = explain(f"http {status}", "en")
    assert told is not None
    assert ("may or may not" in told) == (by_http(status).verdict == "unknown")


@pytest.mark.parametrize("code", ["", "expired", "report rejected", "http", "http x", "5.1.3", "４００２", "-1"])
def test_what_is_no_code_of_the_provider_is_not_explained(code: str) -> None:
    assert explain(code, "en") is None


def test_an_invalid_segment_is_told_in_words_true_of_texts_too() -> None:
    english, german = SENTENCES["4027"]
    assert re.search(r"bytes|file|attach", english, re.IGNORECASE) is None
    assert re.search(r"Bytes|Datei|Anhang|angehängt", german) is None


def test_no_key_is_written_in_vain() -> None:
    families = {"2xxx", "4xxx", "other", "http 2xx", "http 3xx", "http 4xx", "http 5xx", "http other"}
    assert set(SENTENCES) == set(EVERY) | families
