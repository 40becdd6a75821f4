"""What a subject says without its marks, in the languages of those who write them, and what is never taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import subjects

ANSWERS = (
    "Re: RE: re: Re： Re[2]: RE(3): Re^2: AW: Aw: Antw: Antwort: SV: Odp: Odp.: ODPOVĚĎ: Vá: Ynt: YNT: "
    "YANIT: RIF: R: RES: Rép: Απ: ΑΠ: Отв: Ats: Odg: Bls: Balas: Atb: 返信: 回复： 回覆: 答复: 답장: 회신: תשובה: رد:"
)
FORWARDS = (
    "Fwd: FW: Fw: WG: Wg: TR: RV: I: ENC: VB: VL: VS: PD: Doorst: İLT: ilt: Továbbítás: "
    "Πρθ: Пересл: 转发: 轉寄： 전달: הועבר:"
)
WARNINGS = (
    "[EXTERN]|[EXT]|[Extern]|[External]|[EXTERNAL EMAIL]|[External Sender]|(EXT)|(extern)|<EXT>|{Spam?}|[SPAM]|"
    "***SPAM***|*****SPAM*****|**EXTERN**|[Suspected Spam]|[BULK]|***UNCHECKED***|[Externe E-Mail]"
)


def marks(written: str) -> list[str]:
    return [one for one in written.split(" ") if one]


@pytest.mark.parametrize("mark", [*marks(ANSWERS), "Re :", *marks(FORWARDS), "إعادة توجيه:"])
def test_what_programs_put_before_a_subject_goes(mark: str) -> None:
    for spelling in (f"{mark} Pumpe 3", f"{mark}Pumpe 3", f"  {mark}  {mark} AW: Pumpe 3"):
        assert subjects.bare(spelling) == subjects.topic(spelling) == "Pumpe 3"


@pytest.mark.parametrize("mark", WARNINGS.split("|"))
def test_what_gateways_put_before_a_subject_goes(mark: str) -> None:
    for spelling in (f"{mark} Pumpe 3", f"AW: {mark} Re: {mark} Pumpe 3", f"{mark}WG: Pumpe 3"):
        assert subjects.bare(spelling) == subjects.topic(spelling) == "Pumpe 3"


@pytest.mark.parametrize("subject", ["EXTERN: Re: EXTERN: Pumpe 3", "EXT: Pumpe 3", "SPAM: Re: Pumpe 3"])
def test_a_gateways_shout_goes_where_it_would_grow_with_each_mail(subject: str) -> None:
    assert subjects.topic(subject) == "Pumpe 3"
    assert subjects.bare("EXTERN: Sensor fehlt") == "EXTERN: Sensor fehlt"  # a machine's own word


@pytest.mark.parametrize("tag", ["[liste]", "[team-it]", "[DiskStation]", "[#1234]", "[Ticket #77]", "[JIRA]"])
def test_a_tag_goes_and_stays_in_what_mail_programs_compare(tag: str) -> None:
    assert subjects.bare(f"Re: {tag} Re: Volume") == "Volume"
    assert subjects.topic(f"Re: {tag} Volume") == f"{tag} Volume"


@pytest.mark.parametrize(
    "tag",
    [
        "[FIRING:1]", "[RESOLVED]", "[Resolved]", "[OK]", "[No Data]", "[PROBLEM]", "[✅ Up]", "[🔴 Down]",
        "[Störung]", "[ENTWARNUNG]", "[behoben]", "[DRINGEND]", "[P1]", "[Pumpe 3]", "[2/3]", "[!]", "[TEST]",
        "[Alerting]", "[Übung]", "[server1 critical]", "[Panne]", "[Errore]",
    ],
)  # fmt: skip
def test_a_tag_that_is_news_stays(tag: str) -> None:
    assert subjects.bare(f"{tag} Volume") == f"{tag} Volume"
    assert subjects.bare(f"WG: [liste] {tag} Volume") == f"{tag} Volume"


@pytest.mark.parametrize(
    "subject",
    ["Reh: im Wald", "Rex: sitz", "Retour: morgen", "Ref: 4711", "Awe: x", "Fwdx: y", "Trafo: heiss", "Iran: x", "A: b",
     "re Pumpe", "Betreff", "3: zwei", "Störung: Pumpe 3", "(extern verlegt) Besprechung", "<EXTRA> x", "[offen"],
)  # fmt: skip
def test_what_is_no_mark_stays(subject: str) -> None:
    assert subjects.bare(subject) == subjects.topic(subject) == subject


@pytest.mark.parametrize(
    "subject", ["ATS: generator runs", "VL: 85 C", "I: door open", "PD: 7 bar", "R: 3 Ohm", "Tr : x"]
)
def test_a_mark_that_may_be_a_word_stays_where_nothing_is_answered(subject: str) -> None:
    assert subjects.bare(subject, answers=False) == subject
    assert subjects.bare(f"AW: {subject}", answers=False) == subject
    assert subjects.bare(subject) == subject.partition(":")[2].strip()
    assert subjects.bare("Re: Fwd: Antw: WG: Rép: Pumpe", answers=False) == "Pumpe"


@pytest.mark.parametrize("subject", ["Re:", "AW: Re:", "[liste]", "[EXTERN]", "Re: [liste]", "R:"])
def test_a_subject_never_becomes_nothing(subject: str) -> None:
    assert subjects.bare(subject)


def test_nothing_is_no_topic() -> None:
    assert [subjects.topic(one) for one in ("", "Re:", "AW: Re:", "[EXTERN]", " ")] == [""] * 5


@pytest.mark.parametrize("mark", [*marks(FORWARDS), "[EXTERN] WG:"])
def test_a_mail_handed_on_is_known_by_its_first_mark(mark: str) -> None:
    assert subjects.forwards(f"{mark} x")
    assert subjects.forwards(f"{mark} Re: x")
    assert not subjects.forwards(f"Re: {mark} x")


def test_an_answer_is_not_handed_on() -> None:
    assert not any(subjects.forwards(f"{mark} x") for mark in marks(ANSWERS))
    assert not subjects.forwards("")


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("Alarm", "Alarm", True),
        ("Alarm", "alarm\nim Keller", True),
        ("Alarm", "Alarm: Keller unter Wasser", True),
        ("Alarm!", "Alarm im Keller", True),
        ("Keller  unter Wasser", "Keller unter Wasser.", True),
        ("Temperatursensor Gefrierschr...", "Temperatursensor Gefrierschrank 2 meldet -4 C", True),
        ("Temperatursensor Gefrierschr…", "Temperatursensor Gefrierschrank 2 meldet -4 C", True),
        ("Ja", "Jaguar gesehen", False),
        ("Alarm", "Keller: Alarm", False),
        ("Alarm im Keller", "Alarm", False),
        ("Alarm", "Hallo\nAlarm", False),
        ("5", "57 Grad", False),
    ],
)
def test_a_text_that_begins_with_its_subject_needs_none(subject: str, text: str, *, expected: bool) -> None:
    assert subjects.repeated(subject, text) is expected


@given(st.text(max_size=700))
def test_whatever_stands_there_it_is_one_bounded_line_of_its_end(subject: str) -> None:
    for left in (subjects.bare(subject), subjects.topic(subject)):
        assert len(left) <= subjects.LONGEST
        assert left == " ".join(left.split())
        assert left in " ".join(subject.split())
    assert bool(subjects.bare(subject)) is bool(subject.strip())


@given(
    st.lists(
        st.sampled_from(["Re: ", "AW:", "[x]", "[EXTERN] ", "Fwd: ", "***SPAM***", "(EXT)", "R:", "EXT: "]), max_size=40
    )
)
def test_a_topic_does_not_grow_on_its_way_to_and_fro(found: list[str]) -> None:
    topic = subjects.topic("".join(found) + "Pumpe")
    assert subjects.topic(f"[EXTERN] AW: [EXT] Re: {topic}") == topic


@pytest.mark.parametrize("piece", ["Re: ", "[", "[a]", "Re[", "(", "*", "Re:" * 5, " ", "إعادة ", "<ext", "Re[2"])
def test_long_runs_of_marks_take_no_time(piece: str) -> None:
    assert len(subjects.bare(piece * 200_000)) <= subjects.LONGEST
