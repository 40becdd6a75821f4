"""How much memory the mails being read may take, in all sessions together.

One session is bounded by the largest mail, a thousand sessions are not. Who finds no room is read to the end, kept
nothing of, and told to come back: `452 4.3.1`. The last eighth is for peers in `networks`, so that strangers who send
slowly cannot keep an alarm out.
"""


class Room:
    """Octets that are kept of unfinished mails. `limit` may be changed at any time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def share(self) -> "Share":
        """The part of one session; none of it is taken yet."""
        return Share(self)

    def has(self, octets: int, *, trusted: bool) -> bool:
        """Whether there is room for so many more."""
        return self.held + octets <= (self.limit if trusted else self.limit - self.limit // 8)


class Share:
    """What one session keeps. It must be given back with `release`, which may be called at any time."""

    __slots__ = ("_held", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def hold(self, octets: int, *, trusted: bool) -> bool:
        """The session now keeps so many octets in all; False: there is no room, and what it kept is given back."""
        if octets > self._held and not self._room.has(octets - self._held, trusted=trusted):
            self.release()
            return False
        self._room.held += octets - self._held
        self._held = octets
        return True

    def release(self) -> None:
        """Nothing is kept any more."""
        self._room.held -= self._held
        self._held = 0
