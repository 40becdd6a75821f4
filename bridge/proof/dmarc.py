"""DMARC (RFC 7489), as far as proof goes: whether a proven domain speaks for the domain of From.

What the owner wants done with a failing mail (`p`, `sp`, `pct`) is none of our business: an unproven From is never
authority here, whatever its record asks for. Only its word on alignment counts, and only a record makes alignment
relaxed: where the owner said nothing, the domain itself must have signed.

Which two domains have one owner is looked up in the Public Suffix List, not by the tree walk of DMARC's next version:
the walk believes whoever publishes a record above a domain, and takes a registry that forgot `psd=y` for the owner of
all its customers; here that would let one customer send as another, at our cost.
"""

from dataclasses import dataclass

from publicsuffixlist import PublicSuffixList

from bridge.proof import tags
from bridge.proof.dns import Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a record says of alignment: whether the domain must be the very same, by method."""

    strict_dkim: bool = False
    strict_spf: bool = False


class Owners:
    """Who owns a domain, by the list that comes with the package; reading it takes a tenth of a second."""

    def __init__(self) -> None:
        self._suffixes = PublicSuffixList()  # with its private part: customers of a host are not one owner

    def organisation(self, domain: str) -> str | None:
        """The organisational domain of a lower-case ASCII domain; None for what anybody may register below."""
        found = self._suffixes.privatesuffix(domain)
        return str(found) if found else None

    def one(self, first: str, second: str) -> bool:
        """Whether two domains have one owner."""
        return first == second or self.organisation(first) == self.organisation(second) is not None


async def policy(resolver: Resolver, domain: str, organisation: str | None) -> Policy | None:
    """The policy for a From domain: its own record, else its organisation's; None without. Raises Trouble."""
    for name in dict.fromkeys([domain, *([organisation] if organisation else [])]):
        records = [text for text in await resolver.texts(f"_dmarc.{name}") if text.startswith("v=DMARC1")]
        found = _read(records[0]) if len(records) == 1 else None  # several are none: RFC 7489 section 6.6.3
        if found is not None:
            return found
        if records:
            return None  # there is a will, and it cannot be read: nothing is granted
    return None


def _read(text: str) -> Policy | None:
    """A record; what is neither relaxed nor strict is taken as strict."""
    found = tags.read(text)
    if found is None or found.get("v") != "DMARC1":
        return None
    return Policy(
        strict_dkim=found.get("adkim", "r").lower() != "r",
        strict_spf=found.get("aspf", "r").lower() != "r",
    )
