"""Notifications in XML: a flat table, and nothing else of XML."""

import encodings.aliases
from contextlib import suppress
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Unreadable
from bridge.providers.websms.xml import DEEPEST, xml_fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"<n/>", {}),
        (b"<n>text of the root</n>", {}),
        (b"<n><a>1</a><b>2</b></n>", {"a": "1", "b": "2"}),
        (b"<n> <a> 1 </a>\n<b/> </n>", {"a": "1", "b": ""}),
        (b"<n><textMessageContent> 1\n</textMessageContent></n>", {"textMessageContent": " 1\n"}),
        (b"<n><a>1<b>2<c>3</c></b>4</a></n>", {"a": "1234"}),
        (b'<n x="1"><a y="2">1</a></n>', {"a": "1"}),
        (b'<x:n xmlns:x="urn:y"><x:a>1</x:a></x:n>', {"a": "1"}),
        (b"<x:n><x:a>1</x:a><y:b>2</y:b></x:n>", {"a": "1", "b": "2"}),
        (b"<n><a>&lt;&amp;&gt;&quot;&#8364;&#x1F600;</a></n>", {"a": '<&>"€😀'}),
        (b"<n><a><![CDATA[<b>&amp;</b>]]>c</a></n>", {"a": "<b>&amp;</b>c"}),
        (b"<n><!-- <a>1</a> --><a>2<!-- x -->3</a><?php echo ?></n>", {"a": "23"}),
        (b"<n><a>1\r\n2\r3&#13;</a></n>", {"a": "1\n2\n3"}),
        (
            b"<n><binaryMessageContent>AA</binaryMessageContent><binaryMessageContent>BB</binaryMessageContent></n>",
            {"binaryMessageContent": ["AA", "BB"]},
        ),
        (b"<n><x:binaryMessageContent>AA</x:binaryMessageContent></n>", {"binaryMessageContent": ["AA"]}),
        ("<n><a>größe</a></n>".encode("utf-16"), {"a": "größe"}),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><n><a>größe</a></n>'.encode("latin-1"), {"a": "größe"}),
        ('<?xml version="1.0" encoding="windows-1252"?><n><a>€</a></n>'.encode("cp1252"), {"a": "€"}),
    ],
)  # fmt: skip
def test_the_children_of_the_root(body: bytes, fields: dict[str, object]) -> None:
    assert xml_fields(body) == fields


@settings(deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,10}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20),
        max_size=5,
    )
)
def test_whatever_is_written_is_read(fields: dict[str, str]) -> None:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    assert xml_fields(f"<n>{inner}</n>".encode()) == {name: text.strip(" ") for name, text in fields.items()}


def test_the_deepest_that_is_read() -> None:
    assert xml_fields(b"<n>" + b"<a>" * (DEEPEST - 1) + b"x" + b"</a>" * (DEEPEST - 1) + b"</n>") == {"a": "x"}
    with pytest.raises(Unreadable, match="nested too deeply"):
        xml_fields(b"<n>" + b"<a>" * DEEPEST + b"x" + b"</a>" * DEEPEST + b"</n>")


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no XML"),
        (b"x", "no XML"),
        (b"<", "no XML"),
        (b"<n>", "no XML"),
        (b"<n></m>", "no XML"),
        (b"<n/><n/>", "no XML"),
        (b"<n/>x", "no XML"),
        (b"<n><a>\x00</a></n>", "no XML"),
        (b"<n><a>\x01</a></n>", "no XML"),
        (b"<n><a>&#0;</a></n>", "no XML"),
        (b"<n><a>\xff</a></n>", "no XML"),
        (b"<n><a>\xef\xbf\xbe</a></n>", "no XML"),
        (b"<n><a>&unknown;</a></n>", "no XML"),
        (b"<n a='1' a='2'/>", "no XML"),
        (b"<a>" * 100_000, "nested too deeply"),
        (b"<n>" + b"<a>" * 20 + b"no end", "nested too deeply"),
        (b"<n><a>1</a><a>1</a></n>", "gives a twice"),
        (b"<n><x:a>1</x:a><a>1</a></n>", "gives a twice"),
        (b"<n>" + b"<aaaaaaaaaa>1</aaaaaaaaaa>".replace(b"a", b"a" * 50) * 2 + b"</n>", "gives a{40} twice"),
        (b"<!DOCTYPE n><n/>", "document type"),
        (b"<!DOCTYPE n []><n/>", "document type"),
        (b'<?xml version="1.0"?>\n<!-- x --><!DOCTYPE n SYSTEM "file:///etc/hostname"><n/>', "document type"),
        (b'<!DOCTYPE n [<!ENTITY a SYSTEM "file:///etc/hostname">]><n><a>&a;</a></n>', "document type"),
        (b'<!DOCTYPE n PUBLIC "x" "http://sms.example.com/x.dtd"><n/>', "document type"),
        ("<!DOCTYPE n [<!ENTITY a 'b'>]><n><a>&a;</a></n>".encode("utf-16"), "document type"),
        (f'<!DOCTYPE n [<!ENTITY l0 "ha">{LAUGHS}]><n><a>&l9;</a></n>'.encode(), "document type"),
        (b"<n><!DOCTYPE n></n>", "no XML"),
        (b'<?xml version="1.0" encoding="klingon"?><n/>', "encoding"),
        (b'<?xml version="1.0" encoding="zip"?><n/>', "encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><n/>', "encoding"),
        (b'<?xml version="1.0" encoding="shift_jis"?><n/>', "encoding"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_anything_else_is_unreadable_and_says_why(body: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says) as caught:
        xml_fields(body)
    assert len(str(caught.value)) < 200


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's own, of some of these encodings
@pytest.mark.parametrize(
    "encoding", sorted(set(encodings.aliases.aliases.values()) | {"idna", "undefined", "punycode"})
)
def test_no_encoding_that_python_knows_breaks_it(encoding: str) -> None:
    with suppress(Unreadable):
        assert xml_fields(f'<?xml version="1.0" encoding="{encoding}"?><n><a>x</a></n>'.encode()) == {"a": "x"}


_PIECES = st.sampled_from(
    ["<n>", "</n>", "<a>", "</a>", "<a ", "/>", "&", "lt;", "<!", "[CDATA[", "]]>", "<?", "?>", "--", "'"]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map("".join))
def test_nothing_else_is_raised(text: str) -> None:
    for body in (text.encode("utf-8", "surrogatepass"), f"<n><a>{text}</a></n>".encode("utf-8", "surrogatepass")):
        with suppress(Unreadable):
            assert all(isinstance(value, str) for value in xml_fields(body).values())
