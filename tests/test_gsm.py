"""What a text costs, against the whole BMP, a second library and the definition."""

import random
import unicodedata

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from bridge import gsm
from tests.long import count

ESCAPE = "\x1b"  # smsutil takes it for a character
MIXED = st.text(
    st.one_of(
        st.sampled_from(gsm.BASIC + gsm.EXTENSION),
        st.sampled_from(
            "„“–…•→°·\u00a0\u200b\u200d\ufe0f\u0308\r\U0001f44d\U0001f3fb\U0001f1e6\U0001f3f4\U000e0067ő日"
        ),
        st.characters(),
    ),
    max_size=500,
)


def greedy_parts(units: list[int], single: int, part: int) -> int:
    """The definition: fill a part until the next character does not fit."""
    if sum(units) <= single:
        return 1 if units else 0
    parts, used = 1, 0
    for unit in units:
        if used + unit > part:
            parts, used = parts + 1, 0
        used += unit
    return parts


def by_definition(text: str) -> tuple[str, int, int]:
    if all(c in gsm.BASIC or c in gsm.EXTENSION for c in text):
        units = [1 if c in gsm.BASIC else 2 for c in text]
        return "gsm", sum(units), greedy_parts(units, 160, 153)
    units = [1 if ord(c) < 0x10000 else 2 for c in text]
    return "ucs2", sum(units), greedy_parts(units, 70, 67)


def counted(text: str) -> tuple[str, int, int]:
    count = gsm.count(text)
    return count.encoding, count.units, count.parts


def test_the_tables_are_complete() -> None:
    assert len(gsm.BASIC) == 127
    assert len(gsm.EXTENSION) == 10
    assert len(set(gsm.BASIC + gsm.EXTENSION)) == 137


def test_every_character_of_the_bmp_counts_as_another_library_counts_it() -> None:
    for code in range(0x10000):
        character = chr(code)
        if character == ESCAPE or 0xD800 <= code <= 0xDFFF:
            assert counted(character) == ("ucs2", 1, 1)
            continue
        theirs = smsutil.split(character)
        encoding = "gsm" if theirs.encoding == "gsm0338" else "ucs2"
        units = theirs.total_bytes if encoding == "gsm" else theirs.total_bytes // 2
        assert counted(character) == (encoding, units, 1), hex(code)


SPELT_IN_LETTERS = "©®™℃℉×"
CONTEXTS = ("a{}b", "x {} y", "\u0436 {0}\u0308", "{}\ufe0f.")


def test_every_character_of_the_bmp_counts_in_company_as_by_definition() -> None:
    for code in range(0x10000):
        for context in ("a{}b", "€{}", "\u0436{}", "\U0001f44d{}"):
            text = context.format(chr(code))
            assert counted(text) == by_definition(text), hex(code)


def test_every_character_of_the_bmp_is_cleaned_in_company_and_never_made_dearer() -> None:
    for code in range(0x10000):
        character = chr(code)
        for context in CONTEXTS:
            text = context.format(character)
            cleaned = gsm.clean(text)
            # The letters of a text are the same letters afterwards, whether written as one character or as two.
            if character not in SPELT_IN_LETTERS:
                assert letters(cleaned) == letters(text), hex(code)
            assert gsm.clean(cleaned) == cleaned, hex(code)
            assert gsm.count(cleaned).parts <= gsm.count(text).parts, hex(code)
        many = character * 150
        assert gsm.count(gsm.clean(many)).parts <= gsm.count(many).parts, hex(code)


def letters(text: str) -> list[str]:
    composed = unicodedata.normalize("NFC", text)
    return [c for c in composed if unicodedata.category(c)[0] == "L"]


def test_every_character_of_the_bmp_is_cleaned_as_promised() -> None:
    for code in range(0x10000):
        character = chr(code)
        cleaned = gsm.clean(character)
        category = unicodedata.category(character)
        if category[0] == "L" or character == "€":
            assert cleaned == character, hex(code)
        if category == "Cs":
            assert cleaned == "\ufffd", hex(code)
        if category in {"Cc", "Cf"}:
            assert cleaned in {"", " ", "\n"}, hex(code)
        if gsm.count(character).encoding == "gsm" and category != "Cc":
            assert cleaned == character, hex(code)
        assert "\r" not in cleaned


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("", ("gsm", 0, 0)),
        ("a" * 160, ("gsm", 160, 1)),
        ("a" * 161, ("gsm", 161, 2)),
        ("a" * 306, ("gsm", 306, 2)),
        ("a" * 307, ("gsm", 307, 3)),
        ("€" * 80, ("gsm", 160, 1)),
        ("€" * 81, ("gsm", 162, 2)),
        ("a" * 152 + "€" * 77, ("gsm", 306, 3)),  # dividing by 153 says 2: the pair at the border is not torn
        ("ő" * 70, ("ucs2", 70, 1)),
        ("ő" * 71, ("ucs2", 71, 2)),
        ("ő" * 66 + "\U0001f44d" * 34, ("ucs2", 134, 3)),  # the same with a surrogate pair
        ("a" * 69 + "\U0001f44d", ("ucs2", 71, 2)),
        ("a\r\nb", ("gsm", 4, 1)),
        (ESCAPE, ("ucs2", 1, 1)),
    ],
)
def test_costs_at_the_borders(text: str, cost: tuple[str, int, int]) -> None:
    assert counted(text) == cost


@given(MIXED)
def test_counting_follows_the_definition(text: str) -> None:
    assert counted(text) == by_definition(text)


def test_random_texts_split_as_another_library_splits_them() -> None:
    dice = random.Random(2)
    alphabet = gsm.BASIC + gsm.EXTENSION * 4
    for _ in range(300):
        text = "".join(dice.choices(alphabet + dice.choice(["", "őж\U0001f44d"]), k=dice.randrange(1, 700)))
        assert gsm.count(text).parts == len(smsutil.split(text).parts)


def spelt(text: str) -> str:
    """Signs as the fitting may spell them, to stay in GSM."""
    for sign, spelling in (("…", "..."), ("→", "->")):
        text = text.replace(sign, spelling)
    return text


@given(MIXED, st.integers(min_value=1, max_value=4))
def test_a_fitted_text_fits_and_is_a_beginning(text: str, parts: int) -> None:
    fitted = gsm.fit(text, parts)
    assert fitted.count == gsm.count(fitted.text)
    assert fitted.count.parts <= parts
    assert fitted.cut is (gsm.count(text).parts > parts)
    if fitted.cut:
        marker = "..." if fitted.count.encoding == "gsm" else "…"
        assert fitted.text.endswith(marker)
        head = fitted.text.removesuffix(marker)
        assert text.startswith(head) or spelt(text).startswith(head)
    else:
        assert fitted.text == text


def test_a_cut_uses_the_budget() -> None:
    assert gsm.fit("a" * 161, 1).text == "a" * 157 + "..."
    assert gsm.fit("ő" * 71, 1).text == "ő" * 69 + "…"
    assert gsm.fit("a" * 400, 2).count.units == 306
    assert gsm.fit("€" * 200, 1).text == "€" * 78 + "..."


def test_a_cut_ends_at_a_word_when_one_is_near() -> None:
    assert gsm.fit("Wort " * 50, 1).text == ("Wort " * 31).rstrip() + "..."
    assert gsm.fit("kurz " + "a" * 200, 1).text == "kurz " + "a" * 152 + "..."


def test_a_cheap_beginning_stays_cheap() -> None:
    fitted = gsm.fit("a" * 150 + " \U0001f44d" + "b" * 100, 1)
    assert fitted.text == "a" * 150 + "..."
    assert fitted.count.encoding == "gsm"


def test_a_cheap_beginning_is_spelt_cheaply() -> None:
    """The emoji keeps the signs before it as they are, for all would be dear anyway; unless it is cut away."""
    text = "eins → zwei … " + "a" * 140
    assert gsm.clean(text + "\U0001f44d") == text + "\U0001f44d"
    fitted = gsm.fit(text + "b" * 100 + "\U0001f44d", 1)
    assert fitted.text == "eins -> zwei ... " + "a" * 140 + "..."
    assert fitted.count.encoding == "gsm"


@pytest.mark.parametrize(
    "cluster",
    [
        "\u1112\u1161\u11ab",  # a Korean syllable in its three parts
        "\u0915\u094d\u0937\u093f",  # an Indic pair with its vowel
        "\u0e19\u0e49\u0e33",  # Thai: a tone and a vowel that is a letter by category
        "3\ufe0f\u20e3",
        "\U0001f9d1\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f9d1\U0001f3ff",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "e\u0323\u0302",
        "\U0001f44d\U0001f3fd",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U0001f1e6\U0001f1f9",
        "\u2764\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    ],
)
def test_no_cut_inside_of_what_is_read_as_one(cluster: str) -> None:
    for before in range(20):
        head = gsm.fit("ő" * before + cluster * 70, 1).text.removesuffix("…").removeprefix("ő" * before)
        assert head == cluster * (len(head) // len(cluster))


def test_a_hostile_cluster_is_cut_all_the_same() -> None:
    assert gsm.fit("a" + "\u0301" * 500, 1).count.parts == 1


def test_no_part_no_text() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        gsm.fit("a", 0)


def test_what_made_a_text_dear() -> None:
    assert gsm.costly("Grüße €") == ""
    assert gsm.costly("ő 日 ő") == "ő日"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Grüße, ß é ÄÖÜ € ñ", "Grüße, ß é ÄÖÜ € ñ"),
        ("„Hallo“ – ‚so‘ geht’s…", "\"Hallo\" - 'so' geht's..."),
        ("a → b • c\u00a0d", "a -> b - c d"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("a\tb\x00\x07\x1bc", "a bc"),
        ("\u202eevil\u202c \u200bzero\ufeff soft\u00adly", "evil zero softly"),
        ("\ud83d\ude00 \ud83d!", "\U0001f600 \ufffd!"),
        ("\U0001f468\u200d\U0001f469 \u2764\ufe0f a\u200db c\ufe0f", "\U0001f468\u200d\U0001f469 \u2764\ufe0f ab c"),
        ("u\u0308ber", "über"),
        ("41,5 °C um 45°", "41,5 C um 45°"),
        ("· eins\ncol·legi", "- eins\ncol·legi"),
        ("łódź Привет ẞ", "łódź Привет ẞ"),
        ("5 ≥ 4 ± 1", "5 >= 4 +/- 1"),
        ("• eins\n▪zwei\n● drei", "- eins\n-zwei\n- drei"),
        ("Note ●●●○○, 2 · 3 = 6", "Note ●●●○○, 2 · 3 = 6"),  # signs, not bullets
        ("日本語…", "日本語…"),  # dear anyway, and dearer with three points
        ("…" * 70, "…" * 70),  # one part, and two when spelt
        ("Αθήνα Ελλάδα", "Αθήνα Ελλάδα"),  # Greek that looks Latin stays Greek
        ("м\u02bcята", "м\u02bcята"),  # an apostrophe that is a letter
        ("Şişli ğ ı İ ő ű ł č ş ţ ã õ ê â î", "Şişli ğ ı İ ő ű ł č ş ţ ã õ ê â î"),
    ],
)
def test_cleaning(text: str, cleaned: str) -> None:
    assert gsm.clean(text) == cleaned


@given(MIXED)
def test_cleaning_twice_changes_nothing_and_never_costs_more(text: str) -> None:
    once = gsm.clean(text)
    assert gsm.clean(once) == once
    assert "\r" not in once
    assert gsm.count(once).parts <= gsm.count(text).parts
    if gsm.count(text).encoding == "gsm":
        assert gsm.count(once).encoding == "gsm"
        assert gsm.count(once).units <= gsm.count(text).units


@pytest.mark.parametrize("text", ["°" * 16_000, "°" * 16_000 + "C", "°" * 16_000 + "Cx", "1°" * 8_000])
def test_a_run_of_degrees_is_no_temperature(text: str) -> None:
    """And looking for its end from each of them would take minutes."""
    assert gsm.clean(text) == text


def test_a_temperature_loses_its_degree() -> None:
    assert gsm.clean("-3 °C, 20°F, 5 °°C, 90°, °Cx") == "-3 C, 20F, 5 C, 90°, °Cx"


def test_random_texts_count_as_at_the_simulator() -> None:
    """A slice; `python -m tests.long` does a million characters."""
    figures = count.prove(characters=60_000, seed=5)
    assert figures.wrong == []
    assert min(figures.gsm, figures.ucs2) > 20
    assert figures.most_parts > 10
