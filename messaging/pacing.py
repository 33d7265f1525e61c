"""How many messages a channel may send now: a token bucket that makes good what it lost, slowly."""

# What may be sent at once. It is small, because a lump leaves in an instant.
BURST_SECONDS = 0.02
# A stall (a slow statement, a busy machine) overfills the bucket. What ran over is made good at this
# much above the rate, so that no second ever sees much more than the rate.
CATCH_UP = 0.02
# No more than so many seconds' worth is remembered: an idle channel is not behind.
MOST_BEHIND_SECONDS = 1.0


class TokenBucket:
    """`rate` messages a second on average, and hardly more in any single second. Times are monotonic."""

    def __init__(self, rate: float, *, now: float) -> None:
        self.full_rate = float(rate)
        self.rate = float(rate)
        self._tokens = 0.0
        self._behind = 0.0
        self._at = now

    def available(self, now: float) -> int:
        """How many may be sent at `now`."""
        fresh = (now - self._at) * self.rate
        self._at = now
        made_good = min(self._behind, fresh * CATCH_UP)
        self._behind -= made_good
        self._tokens += fresh + made_good
        most = max(1.0, self.rate * BURST_SECONDS)
        if self._tokens > most:
            over = self._tokens - most
            self._behind = min(self._behind + over, self.rate * MOST_BEHIND_SECONDS)
            self._tokens = most
        # A hair under a whole token is one: the clock's grain must not cost a round.
        return int(self._tokens + 1e-6)

    def take(self, count: int) -> None:
        self._tokens -= count

    def seconds_to_next(self) -> float:
        """How long until one more may be sent."""
        return max(0.0, (1.0 - self._tokens) / self.rate)

    def slow_down(self) -> None:
        """Meta said that it is too fast: half the rate, regained bit by bit."""
        self.rate = max(1.0, self.rate / 2)

    def recover(self) -> None:
        """Called every few seconds without a complaint."""
        self.rate = min(self.full_rate, self.rate * 1.1)
