"""log: one event is one line, masked, in both renderings, and nothing it is given can make it raise."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TextIO, cast

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bridge import log
from bridge.rendering import PERSONAL

NOON = 1_767_225_600.5  # 2026-01-01T00:00:00.500Z

HOSTILE = "a\r\nFAKE\x1b[2J\x85\u2028\u2029\x7f\u202eb\0\ud800"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    log.configure(stream=io.StringIO(), level="debug")
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)


class Written(io.StringIO):
    """A stream with its lines at hand, cut at the line feed alone, as journald does."""

    @property
    def lines(self) -> list[str]:
        return self.getvalue().removesuffix("\n").split("\n")

    @property
    def event(self) -> dict[str, Any]:
        (line,) = self.lines
        return cast("dict[str, Any]", json.loads(line[3:]))


@pytest.fixture
def written() -> Written:
    return Written()


def configure(stream: TextIO, **options: Any) -> Any:
    log.configure(stream=stream, clock=lambda: NOON, **options)
    return log.get_logger("bridge.delivery")


def raised(failure: Exception) -> Exception:
    """The exception as one meets it: with a traceback."""
    try:
        raise failure  # noqa: TRY301  its whole purpose
    except Exception as met:  # noqa: BLE001  any the test wants
        return met


class TestBothRenderings:
    @pytest.mark.parametrize("as_json", [True, False])
    def test_row_126_hostile_text_stays_on_its_line(self, written: Written, as_json: bool) -> None:
        logger = configure(written, json=as_json)
        logger.info(HOSTILE, helo=HOSTILE, peers=[HOSTILE], raw=HOSTILE.encode("utf-8", "replace"), **{HOSTILE: 1})
        logger.error("bug", exc_info=raised(ValueError(HOSTILE)))
        logging.getLogger("mail.log").warning("%r unrecognised: %s", ("192.0.2.1", 25), HOSTILE)
        assert len(written.lines) == 3
        for line in written.lines:
            assert line.isprintable(), line
            assert line.startswith(("<", "2026"))

    @given(st.text(), st.text(), st.booleans())
    def test_row_126_any_text_is_one_printable_line(self, event: str, value: str, as_json: bool) -> None:
        stream = Written()
        configure(stream, json=as_json).info(event, value=value, phone=value)
        assert stream.getvalue().count("\n") == 1
        assert stream.lines[0].isprintable()

    @pytest.mark.parametrize("as_json", [True, False])
    def test_row_128_nobody_is_named(self, written: Written, as_json: bool) -> None:
        logger = configure(written, json=as_json)
        people = dict.fromkeys(PERSONAL - {"numbers"}, "anna@example.org") | {
            "phone": "436601234567",
            "number": 436601234567,
        }
        logger.info("sent", **people, numbers=["436601234567"], odd={"who": "anna@example.org"})
        logger.warning("bounced", reason="<anna@example.org> and 436601234567 unknown")
        logger.error("bug", exc_info=raised(LookupError("anna@example.org 436601234567")))
        logging.getLogger("aiohttp.server").error("cannot answer %s", "anna@example.org")
        assert len(written.lines) == 4
        assert "anna@" not in written.getvalue()
        assert "1234567" not in written.getvalue()

    @pytest.mark.parametrize("as_json", [True, False])
    def test_the_operator_may_ask_for_names_but_not_for_secrets(self, written: Written, as_json: bool) -> None:
        logger = configure(written, json=as_json, unmasked=True)
        logger.info("sent", recipient="436601234567", author="anna@example.org", token="a-secret", password=None)
        assert "436601234567" in written.getvalue()
        assert "anna@example.org" in written.getvalue()
        assert "a-secret" not in written.getvalue()

    @pytest.mark.parametrize("as_json", [True, False])
    def test_what_cannot_be_shown_costs_only_itself(self, written: Written, as_json: bool) -> None:
        class Mute:
            def __str__(self) -> str:
                raise RuntimeError("mute")

        endless: list[Any] = []
        endless.append(endless)
        logger = configure(written, json=as_json)
        logger.info("sent", id="M-1", odd=Mute())
        logger.info("sent", id="M-2", odd=endless)
        logger.info("sent", id="M-3", odd=10**5000)  # more digits than Python turns into text
        logger.info(cast("str", None))
        mute, *unloggable, empty = written.lines
        assert "Mute" in mute
        assert "M-1" in mute
        assert all("unloggable" in line for line in unloggable)
        assert len(unloggable) == 2
        assert empty

    @pytest.mark.parametrize("as_json", [True, False])
    def test_a_long_value_is_cut(self, written: Written, as_json: bool) -> None:
        configure(written, json=as_json).info("reject", helo="x" * 1_000_000)
        assert len(written.lines[0]) < 5_000


class TestJson:
    def test_an_event(self, written: Written) -> None:
        logger = configure(written, json=True).bind(id="20260101-1234567-1")
        logger.info("sent", recipient="436601234567", parts=2, seconds=0.25, urgent=False, code=None)
        assert written.lines[0].startswith('<6>{"time":"2026-01-01T00:00:00.500Z","level":"info","event":"sent"')
        assert written.event == {
            "time": "2026-01-01T00:00:00.500Z",
            "level": "info",
            "event": "sent",
            "source": "delivery",
            "id": "20260101-1234567-1",
            "recipient": "+43660****567",
            "parts": 2,
            "seconds": 0.25,
            "urgent": False,
            "code": None,
        }

    @pytest.mark.parametrize(
        ("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2)]
    )
    def test_syslog_priority(self, written: Written, level: str, priority: int) -> None:
        getattr(configure(written, json=True, level="debug"), level)("queued")
        assert written.lines[0].startswith(f"<{priority}>")

    def test_below_the_level_nothing_is_written(self, written: Written) -> None:
        logger = configure(written, json=True, level="warning")
        logger.info("queued")
        logger.warning("deferred")
        assert written.event["event"] == "deferred"

    def test_a_traceback_is_kept_whole(self, written: Written) -> None:
        logger = configure(written, json=True)
        logger.error("bug", exc_info=raised(LookupError("no such row")))
        told = written.event["exception"]
        assert told.startswith("Traceback")
        assert told.endswith("LookupError: no such row\n")


class TestText:
    def test_an_event(self, written: Written) -> None:
        configure(written, json=False).info("sent", id="M-1", reason='taken, "so far"', text="Grüße €", parts=2)
        assert written.lines == [
            "2026-01-01T00:00:00.500Z info     sent       id=M-1"
            ' reason="taken, \\"so far\\"" text="Grüße €" parts=2 (delivery)'
        ]

    def test_a_traceback_says_where_and_why(self, written: Written) -> None:
        logger = configure(written, json=False)

        def deep() -> None:
            raise LookupError("no such row") from OSError("gone")

        try:
            deep()
        except LookupError:
            logger.exception("bug")
        (line,) = written.lines
        assert "LookupError: no such row [test_log.py:" in line
        assert " deep < test_log.py:" in line
        assert "; from OSError: gone" in line

    def test_colours_on_a_terminal_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def shown() -> bytes:
            ours, theirs = pty.openpty()
            with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
                configure(terminal).info("queued", id="M-1")
                told = os.read(ours, 4096)
            os.close(ours)
            return told

        monkeypatch.setenv("JOURNAL_STREAM", "8:1234")  # inherited by a shell, but we are not its stderr
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert b"\x1b[1mqueued" in shown()
        monkeypatch.setenv("NO_COLOR", "1")
        assert b"\x1b" not in shown()

    def test_a_narrow_encoding_does_not_matter_to_json(self) -> None:
        octets = io.BytesIO()
        configure(io.TextIOWrapper(octets, encoding="ascii"), json=True).info("queued", text="Grüße")
        assert b"Gr\\u00fc\\u00dfe" in octets.getvalue()


class TestWhereTo:
    def test_json_when_journald_reads(self, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
        configure(written).info("queued")
        assert written.event["event"] == "queued"

    def test_text_otherwise(self, written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("JOURNAL_STREAM", raising=False)
        configure(written).info("queued")
        assert written.lines[0].startswith("2026-")

    def test_stderr_by_default(self, capsys: pytest.CaptureFixture[str]) -> None:
        log.configure(json=True)
        log.get_logger("x").info("queued")
        out, err = capsys.readouterr()
        assert out == ""
        assert '"queued"' in err

    def test_a_logger_in_use_follows_a_second_configure(self, written: Written) -> None:
        logger = configure(io.StringIO(), json=True)
        logger.info("queued")
        configure(written, json=False)
        logger.info("sent")
        assert written.lines == ["2026-01-01T00:00:00.500Z info     sent       (delivery)"]

    def test_tests_can_capture_events_of_loggers_in_use(self, written: Written) -> None:
        logger = configure(written, json=True)
        logger.info("queued")
        with structlog.testing.capture_logs() as events:
            logger.info("sent", recipient="436601234567")
        assert events == [{"event": "sent", "recipient": "436601234567", "source": "delivery", "log_level": "info"}]


class TestLibraries:
    @pytest.mark.parametrize("name", ["mail.log", "mail.debug", "aiohttp.access", "asyncio", "aiosmtplib", "new"])
    def test_row_128_from_warning_up(self, written: Written, name: str) -> None:
        configure(written, json=True, level="debug")
        library = logging.getLogger(name)
        library.info("RCPT TO:<anna@example.org>")
        library.warning("something of %s", "anna@example.org")
        event = written.event
        assert (event["source"], event["level"]) == (name, "warning")
        assert event["event"] == "something of a***@example.org"

    def test_a_library_that_sets_its_own_level_gains_nothing(self, written: Written) -> None:
        configure(written, json=True)
        library = logging.getLogger("chatty")
        library.setLevel(logging.DEBUG)
        library.info("DATA line")
        library.log(35, "odd level")
        library.critical("down")
        assert [line[:3] for line in written.lines] == ["<4>", "<2>"]

    def test_a_wrong_format_string_is_theirs_to_mend(self, written: Written) -> None:
        configure(written, json=True)
        root = logging.getLogger()
        root.handlers[:] = root.handlers[-1:]  # pytest's own raise
        logging.getLogger("asyncio").error("%d", "one")
        assert written.event["event"] == "%d"

    def test_exceptions_of_theirs(self, written: Written) -> None:
        configure(written, json=True)
        logging.getLogger("mail.log").error("session exception", exc_info=raised(OSError("anna@example.org")))
        assert written.event["level"] == "error"
        assert written.event["exception"].endswith("OSError: a***@example.org\n")

    def test_a_second_configure_does_not_say_things_twice(self, written: Written) -> None:
        configure(written, json=True)
        configure(written, json=True)
        logging.getLogger("asyncio").warning("slow")
        assert len(written.lines) == 1

    def test_python_warnings_are_events(self, written: Written) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            configure(written, json=True)
            warnings.warn("old\nways", stacklevel=1)
        assert written.event["source"] == "py.warnings"


class Refusing(io.StringIO):
    def __init__(self, failure: Callable[[], Exception]) -> None:
        super().__init__()
        self.failure = failure

    def write(self, text: str, /) -> int:
        raise self.failure()

    def isatty(self) -> bool:
        raise self.failure()


class TestBrokenStreams:
    @pytest.mark.parametrize("failure", [BrokenPipeError, ValueError, RuntimeError, OSError])
    def test_row_127_nothing_is_raised(self, failure: Callable[[], Exception]) -> None:
        configure(Refusing(failure)).error("bug")
        logging.getLogger("asyncio").error("bug")

    def test_closed(self) -> None:
        stream = io.StringIO()
        logger = configure(stream)
        stream.close()
        logger.info("queued")
        log.configure(stream=stream)

    def test_no_stderr_at_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", None)
        log.configure()
        log.get_logger("x").info("queued")

    @pytest.mark.parametrize("where", ["/dev/full", "closed", "pipe"])
    def test_row_127_a_program_goes_on(self, where: str) -> None:
        program = (
            "from bridge import log\n"
            "log.configure(); logger = log.get_logger('x')\n"
            "for n in range(5000): logger.info('queued', n=n)\n"
            "print('still here')\n"
        )
        shell = {"/dev/full": '"$@" 2>/dev/full', "closed": '"$@" 2>&-', "pipe": '{ "$@" 2>&3 3>&-; } 3>&1 >&4 | exit'}
        command = ["bash", "-c", f"exec 4>&1; {shell[where]}", "bash", sys.executable, "-c", program]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.stdout == "still here\n"

    def test_many_threads_do_not_mix_their_lines(self, written: Written) -> None:
        import threading

        logger = configure(written, json=True)
        threads = [
            threading.Thread(target=lambda: [logger.info("queued", text="x" * 500) for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(written.lines) == 800
        assert all(json.loads(line[3:])["event"] == "queued" for line in written.lines)


_OF_A_MODULE = log.get_logger("bridge.somewhere")


@pytest.mark.parametrize("turn", [1, 2])
def test_a_logger_of_a_module_writes_to_the_stream_of_this_test(stream: io.StringIO, turn: int) -> None:
    _OF_A_MODULE.info("said", turn=turn)
    assert f"turn={turn}" in stream.getvalue()


class TestGathered:
    def test_plain_lines_of_a_turn_are_written_together_and_warnings_never_wait(self, written: Written) -> None:
        logger = configure(written, json=False)
        soon: list[Callable[[], None]] = []
        log.gather(soon.append)
        logger.info("one")
        logger.info("two")
        assert written.getvalue() == ""
        assert len(soon) == 1
        soon.pop()()
        assert [line.split()[2] for line in written.getvalue().splitlines()] == ["one", "two"]
        logger.info("three")
        logger.warning("four")
        assert [line.split()[2] for line in written.getvalue().splitlines()] == ["one", "two", "three", "four"]
        logger.info("five")
        log.gather(None)
        logger.info("six")
        assert [line.split()[2] for line in written.getvalue().splitlines()][4:] == ["five", "six"]

    def test_another_thread_does_not_wait_for_the_loop_s_turn(self, written: Written) -> None:
        logger = configure(written, json=False)
        log.gather(lambda _: None)
        logger.info("before")
        thread = threading.Thread(target=logger.info, args=("elsewhere",))
        thread.start()
        thread.join()
        assert [line.split()[2] for line in written.getvalue().splitlines()] == ["before", "elsewhere"]
        log.gather(None)
