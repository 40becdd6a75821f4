"""websms (LINK Mobility Austria): SMS through its REST interface, notifications through its HTTP forwarding.

Facts of the wire are the provider's guide and SDKs; what they mean for a delivery stands in `codes`, once.
"""

from bridge.providers.websms.client import Websms

__all__ = ["Websms"]
