"""Lines of TOML: whatever way a key is written, its line is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.document import Document, Part, parse
from bridge.config.problems import Collector

TEXT = '''\
# a comment with [brackets] = and "quotes
top = 1
dotted.key."with space" = true

[table]  # [not.a.table]
list = [
  "one",  # ]
  """two
lines ] } # """,
  'three',
  [4, [5,
    6]],
]
inline = { a = 1, b = { "c" = [1,
  2] }, 'd' = 2024-01-01 07:32:00 }
long = """
[[row]]
key = "value"
"""
literal = \'\'\'
it\'s " ]\'\'\'
after = 1

[[row]]
name = "first"
[row.sub]
x = 1
[[row.inner]]
y = 1
[[row.inner]]
y = 2

[[ "row" ]]
name = "second"
[[row.inner]]
y = 3
'''


def document(text: str) -> Document:
    found = parse(text, "x.toml", Collector())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("trail", "line"),
    [
        (("top",), 2),
        (("dotted", "key", "with space"), 3),
        (("table",), 5),
        (("table", "list"), 6),
        (("table", "list", 0), 7),
        (("table", "list", 1), 8),
        (("table", "list", 2), 10),
        (("table", "list", 3), 11),
        (("table", "list", 3, 1, 1), 12),
        (("table", "inline", "b", "c", 1), 15),
        (("table", "inline", "d"), 15),
        (("table", "literal"), 20),
        (("table", "after"), 22),
        (("row", 0), 24),
        (("row", 0, "name"), 25),
        (("row", 0, "sub", "x"), 27),
        (("row", 0, "inner", 1), 30),
        (("row", 0, "inner", 1, "y"), 31),
        (("row", 1, "name"), 34),
        (("row", 1, "inner", 0, "y"), 36),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_line_is_known(trail: tuple[Part, ...], line: int, ending: str) -> None:
    assert document(TEXT.replace("\n", ending)).line(*trail) == line


def test_what_is_not_there_has_the_line_of_what_is_around_it() -> None:
    assert document(TEXT).line("row", 1, "missing") == 33
    assert document(TEXT).line("nothing") is None


def test_every_key_that_tomllib_sees_has_a_line() -> None:
    found = document(TEXT)

    def walk(value: object, trail: tuple[Part, ...]) -> None:
        if trail:
            assert found.line(*trail) is not None
            assert trail in found._lines
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, (*trail, key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, (*trail, index))

    walk(found.data, ())


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab.=\"'[]{},#\\ \n\r\t1-_é", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    collector = Collector()
    assert (parse(text, "x.toml", collector) is None) == bool(collector.problems)


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = 0x" + "f" * 9000, "x = " + "9" * 9000, "a." * 3000 + "a=1"])
def test_monstrous_texts_are_problems_or_harmless(text: str) -> None:
    collector = Collector()
    assert (parse(text, "x.toml", collector) is None) == bool(collector.problems)
