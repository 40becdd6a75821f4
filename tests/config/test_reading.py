"""Tables of keys: what is read, what is reported where, and in which directory a named file lies."""

import dataclasses
from pathlib import Path

import pytest

from bridge.config.problems import Invalid, Reported
from bridge.config.reading import Files, Key, Place, list_of, one_of, read_keys
from bridge.config.values import integer, text
from tests.config import setup


def reports(place: Place) -> list[str]:
    return [str(problem) for problem in place.collector.problems]


def test_where_files_are(tmp_path: Path) -> None:
    files = Files(base=tmp_path)
    assert files.path("a/b") == tmp_path / "a" / "b"
    assert files.path("/srv/a") == Path("/srv/a")
    assert files.secret("token") == tmp_path / "token"
    assert files.name(tmp_path / "a" / "b") == "a/b"
    assert files.name(Path("/srv/a")) == "/srv/a"


def test_a_bare_name_is_looked_up_among_the_credentials_first(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    (credentials / "sub").mkdir(parents=True)
    for name in ("token", "sub/token"):
        (credentials / name).touch()
    files = Files(base=tmp_path, credentials=credentials)
    assert files.secret("token") == credentials / "token"
    assert files.secret("password") == tmp_path / "password"
    assert files.secret("sub/token") == tmp_path / "sub" / "token"
    assert files.secret("./token") == tmp_path / "token"
    assert files.secret("/srv/token") == Path("/srv/token")


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b", "\udcff"])
def test_a_name_that_no_file_can_have_is_somebody_elses_problem(tmp_path: Path, name: str) -> None:
    assert Files(base=tmp_path, credentials=tmp_path).secret(name) == tmp_path / name


def test_a_place_knows_its_key_and_its_line() -> None:
    top = setup.place(toml='a = 1\n\n[b]\nc = [\n"x",\n"y",\n]\n')
    assert (top.key, top.line) == ("", None)
    assert (top.at("a").key, top.at("a").line) == ("a", 1)
    assert (top.at("b").at("c").key, top.at("b", "c").line) == ("b.c", 4)
    assert (top.at("b", "c", 1).key, top.at("b", "c", 1).line) == ("b.c", 6)
    assert (top.at("b", "d").key, top.at("b", "d").line) == ("b.d", 3)
    assert top.at("no\x1bsuch").key == "no\ufffdsuch"


def test_a_row_is_named_by_its_line() -> None:
    top = setup.place(toml="[[route]]\n[[route]]\nnumber = 1\n")
    row = Place(document=top.document, collector=top.collector, files=top.files, trail=("route", 1), prefix=2)
    row.at("number").problem("is wrong", "write it right")
    row.warning("is odd")
    assert reports(row) == ["bridge.toml:3: number: is wrong; write it right"]
    assert [str(one) for one in row.collector.warnings] == ["bridge.toml:2: is odd"]


def test_places_files_and_keys_do_not_change() -> None:
    place = setup.place()
    for noun in (place, place.files, KEYS[0]):
        for field in dataclasses.fields(noun):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(noun, field.name, None)


KEYS = (
    Key("count", integer(1, 9), 3, "How many."),
    Key("name", text, None, "A name."),
    Key("place", text, None, "A place.", 'write for example place = "Graz"'),
)


def test_keys_are_read_and_defaults_are_filled_in() -> None:
    place = setup.place()
    assert read_keys({"place": "Wien", "name": "x"}, KEYS, place) == {"place": "Wien", "name": "x", "count": 3}
    assert read_keys({"count": 9, "place": "Graz"}, KEYS, place) == {"place": "Graz", "count": 9}
    assert reports(place) == []


def test_everything_that_is_wrong_with_a_table_is_said_at_once() -> None:
    toml = "cuont = 1\nname = 5\ncount = 12\nzzz = 1\n"
    place = setup.place(toml=toml)
    assert read_keys(place.document.data, KEYS, place) == {}
    assert reports(place) == [
        'bridge.toml: place: is missing; write for example place = "Graz"',
        'bridge.toml:1: cuont: there is no such key; did you mean "count"?',
        "bridge.toml:2: name: this must be text; put it in quotes",
        "bridge.toml:3: count: «12» is out of range; write a number from 1 to 9",
        "bridge.toml:4: zzz: there is no such key; known are count, name, place",
    ]


def test_lists_are_read_whole_or_not_at_all() -> None:
    reader = list_of(integer(1, 9), example="[1]", at_least=1)
    assert reader([1, 9], setup.place()) == (1, 9)
    assert list_of(integer(1, 9), example="[1]")([], setup.place()) == ()
    for value in (5, "15", None, {"a": 1}, (1,)):
        assert setup.refusal(reader, value).message == "this must be a list"
    assert setup.refusal(reader, []).hint == "write for example [1]"


def test_each_bad_element_is_reported_on_its_own_line() -> None:
    place = setup.place(toml="list = [\n1,\n0,\n'x',\n[2, 10],\n]\n").at("list")

    def one_or_more(value: object, where: Place) -> object:
        return (
            list_of(integer(1, 9), example="")(value, where) if isinstance(value, list) else integer(1, 9)(value, where)
        )

    with pytest.raises(Reported):
        list_of(one_or_more, example="")(place.document.data["list"], place)
    assert reports(place) == [
        "bridge.toml:3: list: «0» is out of range; write a number from 1 to 9",
        "bridge.toml:4: list: this must be a whole number; write one from 1 to 9, without quotes",
        "bridge.toml:5: list: «10» is out of range; write a number from 1 to 9",
    ]


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("requird", "«requird» is not known here", 'did you mean "required"?'),
        ("Required", "«Required» is not known here", 'did you mean "required"?'),
        ("x", "«x» is not known here", 'write "required" or "none"'),
        (5, "this must be text", 'write "required" or "none"'),
        (["none"], "this must be text", 'write "required" or "none"'),
        (None, "this must be text", 'write "required" or "none"'),
    ],
)
def test_one_of_a_few_words(value: object, message: str, hint: str) -> None:
    reader = one_of("required", "none")
    assert reader("none", setup.place()) == "none"
    with pytest.raises(Invalid) as caught:
        reader(value, setup.place())
    assert (caught.value.message, caught.value.hint) == (message, hint)
