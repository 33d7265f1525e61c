"""How many messages a channel may send now: a token bucket with a ceiling on each second."""

from collections import deque

# What may be saved up while the process was held up, to be made good afterwards …
BURST_SECONDS = 0.25
# … as long as no second sees more than this share of the rate.
CEILING = 1.01
_SECOND = 1.0


class TokenBucket:
    """`rate` messages a second on average, and in every single second. Times are monotonic."""

    def __init__(self, rate: float, *, now: float) -> None:
        self.full_rate = float(rate)
        self.rate = float(rate)
        self._tokens = 0.0
        self._at = now
        self._taken: deque[tuple[float, int]] = deque()
        self._in_last_second = 0

    def available(self, now: float) -> int:
        """How many may be sent at `now`."""
        most = max(1.0, self.rate * BURST_SECONDS)
        self._tokens = min(most, self._tokens + (now - self._at) * self.rate)
        self._at = now
        while self._taken and self._taken[0][0] <= now - _SECOND:
            self._in_last_second -= self._taken.popleft()[1]
        room = max(1, int(self.rate * CEILING)) - self._in_last_second
        # A hair under a whole token is one: the clock's grain must not cost a round.
        return max(0, min(room, int(self._tokens + 1e-6)))

    def take(self, count: int) -> None:
        self._tokens -= count
        self._taken.append((self._at, count))
        self._in_last_second += count

    def seconds_to_next(self) -> float:
        """How long until one more may be sent."""
        until_token = (1.0 - self._tokens) / self.rate
        full = self._in_last_second >= max(1, int(self.rate * CEILING))
        until_room = self._taken[0][0] + _SECOND - self._at if full else 0.0
        return max(0.0, until_token, until_room)

    def slow_down(self) -> None:
        """Meta said that it is too fast: half the rate, regained bit by bit."""
        self.rate = max(1.0, self.rate / 2)

    def recover(self) -> None:
        """Called every few seconds without a complaint."""
        self.rate = min(self.full_rate, self.rate * 1.1)
