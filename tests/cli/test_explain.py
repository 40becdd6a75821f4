"""`explain`: everything about a mail that was not sent."""

from pathlib import Path

import pytest

from tests.cli.conftest import Here, smsbridge

MAIL = (
    "From: Anna <anna@example.com>\nSubject: Pumpe 3\nContent-Type: text/plain; charset=utf-8\n\n"
    "Druck 0,4 bar\n\n-- \nAnna\nTechnik\n"
)


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    path = tmp_path / "mail.eml"
    path.write_text(MAIL, encoding="utf-8")
    return path


def test_people_read_it_line_by_line(here: Here, config: Path, mail: Path) -> None:
    ran = here("explain", mail, "--from", "anna@example.com", "--to", "anna@sms.example.com", "--config", config)
    assert ran.code == 0, ran.out + ran.err
    lines = {line[:8].strip(): line[9:] for line in ran.out.split("\n") if line[:8].strip()}
    assert lines["number"] == "+43 660 0000001"
    assert lines["text"] == "Pumpe 3"
    assert lines["left out"] == "- --"
    assert lines["answer"] == "250 2.0.0 queued"
    assert lines["cost"].startswith("1 SMS (GSM, ")
    assert "sender" in lines["limits"]


def test_a_stranger_s_mail_does_nothing_to_the_terminal(here: Here, config: Path, mail: Path) -> None:
    mail.write_text(MAIL + "\x1b[31m \u202e \u2066 \x9b31m\n", encoding="utf-8")
    to = "\x1b[31m\u202eanna@sms.example.com"
    ran = here("explain", mail, "--from", "anna@example.com", "--to", to, "--config", config)
    assert "answer" in ran.out
    assert ran.out.replace("\n", "").isprintable()


def test_programs_read_json_and_a_refusal_is_exit_1(here: Here, config: Path, mail: Path) -> None:
    ran = here(
        "explain", mail, "--from", "eve@example.net", "--to", "nobody@elsewhere.example", "--config", config, "--json"
    )
    assert ran.code == 1
    (found,) = ran.json
    assert found["answer"] == "550 5.7.1 relaying denied"
    assert (found["row"], found["text"], found["numbers"]) == (None, None, [])


def test_several_recipients_and_standard_input(config: Path) -> None:
    ran = smsbridge(
        *("explain", "-", "--from", "anna@example.com", "--config", config, "--json"),
        *("--to", "anna@sms.example.com", "--to", "postmaster@sms.example.com"),
        stdin=MAIL,
    )
    assert ran.code == 0, ran.out + ran.err
    first, second = ran.json
    assert first["text"]["parts"] == 1
    assert second["why"] == "forwarded to the operator"


@pytest.mark.parametrize(
    ("more", "word"), [(["--peer", "nonsense"], "IP address"), (["--user", "nobody"], "smsbridge user list")]
)
def test_wrong_usage_says_what_would_be_right(here: Here, config: Path, mail: Path, more: list[str], word: str) -> None:
    ran = here("explain", mail, "--from", "a@example.com", "--to", "b@sms.example.com", *more, "--config", config)
    assert ran.code == 64
    assert word in ran.err


def test_without_peer_nobody_is_believed_who_has_no_proof(here: Here, config: Path, mail: Path) -> None:
    asked = ("explain", mail, "--from", "anna@example.com", "--to", "anna@sms.example.com", "--config", config)
    ran = here(*asked, "--peer", "198.51.100.7", "--json")
    assert ran.code == 1
    assert ran.json[0]["answer"].startswith("550 5.7.1 ")
