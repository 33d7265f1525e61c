"""A token bucket: how many messages a channel may send now."""

# What may be sent at once after a pause. Any one second then sees at most 3 % over the rate.
BURST_SECONDS = 0.03


class TokenBucket:
    """`rate` tokens a second, at most BURST_SECONDS' worth (or one) saved up. Times are monotonic."""

    def __init__(self, rate: float, *, now: float) -> None:
        self.full_rate = float(rate)
        self.rate = float(rate)
        self._tokens = 0.0
        self._at = now

    def available(self, now: float) -> int:
        """Whole tokens that could be taken at `now`."""
        most = max(1.0, self.rate * BURST_SECONDS)
        self._tokens = min(most, self._tokens + (now - self._at) * self.rate)
        self._at = now
        # A hair under a whole token is one: the clock's grain must not cost a round.
        return int(self._tokens + 1e-6)

    def take(self, count: int) -> None:
        self._tokens -= count

    def seconds_to_next(self) -> float:
        """How long until there is a token."""
        return max(0.0, (1.0 - self._tokens) / self.rate)

    def slow_down(self) -> None:
        """Meta said that it is too fast: half the rate, regained bit by bit."""
        self.rate = max(1.0, self.rate / 2)

    def recover(self) -> None:
        """Called about every second without a complaint."""
        self.rate = min(self.full_rate, self.rate * 1.1)
