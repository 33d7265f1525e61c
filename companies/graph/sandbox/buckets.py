"""A token bucket with the time as an argument."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    rate: float  # tokens a second
    burst: float
    tokens: float
    at: float

    @classmethod
    def full(cls, *, rate: float, burst: float, now: float) -> "Bucket":
        return cls(rate, burst, burst, now)

    def take(self, now: float) -> bool:
        """One token, or False. A clock that went back gives nothing and takes nothing."""
        gained = max(0.0, now - self.at) * self.rate
        self.tokens = min(self.burst, self.tokens + gained)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
