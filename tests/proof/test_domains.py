"""Only what DNS could hold is a domain."""

import pytest

from bridge.proof import domains


@pytest.mark.parametrize("text", ["example.org", "xn--4ca.example", "_spf.example.org", "a-b.example.org", "1.example"])
def test_domains(text: str) -> None:
    assert domains.is_domain(text)


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "Example.org", "example.org.", "a..org", "-a.org", "a b.org", "ä.org", "[192.0.2.1]", "a.org\n",
     f"{'a' * 64}.org", f"{'a.' * 127}org"],
)  # fmt: skip
def test_no_domains(text: str) -> None:
    assert not domains.is_domain(text)


def test_the_domain_of_an_address() -> None:
    assert [domains.of(text) for text in ("Anna@Example.org", "@example.org", "example.org", "")] == [
        *["example.org"] * 3,
        "",
    ]
