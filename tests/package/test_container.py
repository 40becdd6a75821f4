"""systemd/Containerfile as it is written. That it can be built and run shows `python -m tests.long --only image`."""

import re

from tests.package.built import SYSTEMD

TEXT = re.sub(r"\\\n\s*", "", (SYSTEMD / "Containerfile").read_text(encoding="utf-8"))
LINES = [line for line in TEXT.splitlines() if line and not line.startswith("#")]
LAST = LINES[max(index for index, line in enumerate(LINES) if line.startswith("FROM ")) :]


def said(word: str) -> list[str]:
    return [line.removeprefix(word).strip() for line in LAST if line.startswith(f"{word} ")]


def test_it_runs_as_an_ordinary_user_that_cannot_change_the_program() -> None:
    assert said("USER") == ["smsbridge"]
    assert all("--chown" not in copied for copied in said("COPY"))


def test_what_must_survive_is_a_volume_and_what_is_open_is_a_door() -> None:
    assert said("VOLUME") == ["/var/lib/smsbridge"]
    assert said("EXPOSE") == ["8025 8080"]  # not the console: loopback only
    assert said("STOPSIGNAL") == ["SIGTERM"]


def test_its_health_is_asked_without_a_shell() -> None:
    (check,) = said("HEALTHCHECK")
    assert "/healthz" in check
    assert 'CMD ["/opt/smsbridge/bin/python3"' in check
    assert said("ENTRYPOINT") == ['["smsbridge"]']


def test_it_fetches_nothing_but_its_base_and_what_is_pinned() -> None:
    assert [line for line in LINES if line.startswith("ADD ") or "curl" in line or "apt-get" in line] == []
    assert [line for line in LINES if line.startswith("FROM ")] == ["FROM ${BASE} AS made", "FROM ${BASE}"]
