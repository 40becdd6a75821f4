"""The door's certificate: in time, of the right name, believed."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from bridge.cli.findings import Case, Level, certificate
from tests.cli.cases import case, only, told

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Office:
    """An authority, and who believes it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = trustme.CA()
        self.trust = ssl.create_default_context()
        self.authority.configure_trust(self.trust)

    def case(self, name: str = "sms.example.com", *, days: float = 90, chain: bool = True) -> Case:
        """A case whose certificate ends so many days from `NOW`."""
        issued = self.authority.issue_cert(name, not_after=NOW + timedelta(days=days))
        issued.private_key_pem.write_to_path(self.directory / "key.pem")
        blobs = issued.cert_chain_pems if chain else issued.cert_chain_pems[:1]
        for number, blob in enumerate(blobs):
            blob.write_to_path(self.directory / "chain.pem", append=number > 0)
        smtpd = {"tls_certificate": self.directory / "chain.pem", "tls_key": self.directory / "key.pem"}
        return case(self.directory, clock=NOW.timestamp, trust=self.trust, smtpd=smtpd)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_a_good_one(office: Office) -> None:
    # The handshake goes by this machine's clock: this one is good by both.
    found = await certificate.look(office.case(days=3650))
    assert told(found) == [("ok", "certificate")]
    assert "2036-02-27" in found[0].text


@pytest.mark.parametrize(("days", "level"), [(10, Level.WARN), (-1, Level.FAIL)])
async def test_one_that_ends(office: Office, days: float, level: Level) -> None:
    found = (await certificate.look(office.case(days=days)))[0]
    assert found.level is level
    assert "systemctl reload smsbridge" in found.remedy


async def test_one_of_the_future(office: Office) -> None:
    good = office.case(days=3650)
    early = Case(configuration=good.configuration, clock=lambda: 0.0, trust=good.trust)
    found = (await certificate.look(early))[0]
    assert (found.level, "only valid from" in found.text) == (Level.FAIL, True)


async def test_one_of_another_name(office: Office) -> None:
    found = await certificate.look(office.case("mail.example.org", days=3650))
    assert told(found) == [("ok", "certificate"), ("fail", "certificate")]
    assert "not made out to sms.example.com" in found[1].text


async def test_one_that_nobody_believes(office: Office) -> None:
    known = office.case(days=3650)
    found = await certificate.look(Case(configuration=known.configuration, clock=known.clock))
    assert told(found) == [("ok", "certificate"), ("warn", "certificate")]
    assert "fullchain.pem" in found[1].remedy


async def test_a_chain_with_a_link_missing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    root = office.authority
    office.authority = root.create_child_ca()
    whole = await certificate.look(office.case(days=3650))
    assert told(whole) == [("ok", "certificate")]
    cut = await certificate.look(office.case(days=3650, chain=False))
    assert told(cut) == [("ok", "certificate"), ("warn", "certificate")]


async def test_none(tmp_path: Path) -> None:
    assert only(await certificate.look(case(tmp_path))).level is Level.WARN, "there are users"
    assert only(await certificate.look(case(tmp_path, smtpd={"users_file": None}))).level is Level.OK


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x03\x30\x01\x00", b"\x30\x82\xff\xff", b"\x00" * 40])
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        certificate.validity(der)


@pytest.mark.parametrize("year", [2049, 2051])
def test_both_ways_in_which_times_are_written(year: int) -> None:
    end = datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC)
    issued = trustme.CA().issue_cert("x.example.com", not_after=end)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    assert certificate.validity(der)[1] == end.timestamp()
