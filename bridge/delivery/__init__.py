"""Queue manager: find what is due and record the attempt, hand over, settle. It never translates.

`decide` says what an answer means, as data; `pauses` what must not be tried now; `agent` does it, one agent a channel;
`sweep` looks after what nobody asks for: lifetimes, lost answers, leases that lapse.
"""

from bridge.delivery.agent import Agent, Carrier
from bridge.delivery.pauses import Pauses
from bridge.delivery.sweep import Sweep

__all__ = ["Agent", "Carrier", "Pauses", "Sweep"]
