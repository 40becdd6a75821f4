"""A websms to run on your own machine: it accepts SMS, sends reports and replies, and fails on order.

So that every path of the bridge can be walked without an account. It shares no code with the bridge: what
both got wrong would otherwise look right.

    sim = Simulator(SimulatorSettings(notify_url="http://127.0.0.1:8080/websms/…"))
    await sim.start()
    …                                   # point [websms] url at sim.url, with the token sim.settings.tokens[0]
    sim.messages                        # what phones would have received
    await sim.incoming(phone="436600000001", line="436600000099", text="Danke")
    sim.fault(status=5003, times=2)
    await sim.stop()
"""

from .faults import Fault
from .messages import Message, Refused
from .notifications import Attempt, Notification
from .settings import Account, SimulatorSettings
from .simulator import Simulator, run

__all__ = [
    "Account",
    "Attempt",
    "Fault",
    "Message",
    "Notification",
    "Refused",
    "Simulator",
    "SimulatorSettings",
    "run",
]
