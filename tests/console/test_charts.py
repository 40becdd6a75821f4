"""Charts: valid SVG, in scale, with a name and a sentence, and nothing in it that a browser would run."""

from xml.etree import ElementTree

import pytest

from bridge.console.charts import HEIGHT, NARROW, WIDTH, Series, bars

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*values: int, title: str = "t", width: int = WIDTH) -> ElementTree.Element:
    series = [Series(kind="in", values=values), Series(kind="bad", values=[0] * len(values))]
    return ElementTree.fromstring(bars(series, [(0, "<06:00")], title=title, description="d", width=width))  # noqa: S314  # our own


@pytest.mark.parametrize("width", [WIDTH, NARROW])
def test_bars_stand_inside_and_in_scale(width: int) -> None:
    picture = drawn(1, 5, 10, 0, width=width)
    shapes = picture.findall(f"{SVG}rect")
    tall = [float(one.get("height", 0)) for one in shapes]
    assert len(shapes) == 3
    assert tall[2] == pytest.approx(2 * tall[1], abs=0.2)
    assert all(float(one.get("x", 0)) + float(one.get("width", 0)) <= width for one in shapes)
    assert all(0 <= float(one.get("y", 0)) <= HEIGHT for one in shapes)


@pytest.mark.parametrize(
    ("most", "top"), [(0, "2"), (3, "4"), (7, "10"), (11, "20"), (9_000, "10k"), (3_000_000, "4M")]
)
def test_the_scale_is_round(most: int, top: str) -> None:
    assert [one.text for one in drawn(most).findall(f"{SVG}text[@class='scale']")][-1] == top


def test_what_is_not_seen_is_said_and_escaped() -> None:
    picture = drawn(1, title="<script>")
    assert (picture.find(f"{SVG}title").text, picture.find(f"{SVG}desc").text) == ("<script>", "d")  # type: ignore[union-attr] # there
    assert picture.get("role") == "img"


def test_an_empty_chart_is_one() -> None:
    assert drawn().findall(f"{SVG}rect") == []
