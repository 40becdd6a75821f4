"""Readable text from mail: bytes in, one frozen `Letter` out, nothing else touched.

The only reader of mail content in the house. It never raises but for `Refused`, needs time that grows with the
bytes and nothing else, and forgets nothing a writer wrote: where a rule would leave an empty text, the rule loses.
"""

from bridge.text.enclosures import Enclosure
from bridge.text.letter import Letter, read
from bridge.text.refused import ENCLOSURE, Refused

__all__ = ["ENCLOSURE", "Enclosure", "Letter", "Refused", "read"]
