"""How many parts a second may go; whoever sends asks here first. Nothing waits here."""

__all__ = ["TokenBucket"]


class TokenBucket:
    """Counts parts, not messages: what the operator counts. May be shared by all binds of one operator.

    `per_s` parts a second on average and up to `burst` at once (a tenth of a second's worth unless told otherwise). A
    message of more parts than are there goes as soon as one is there, and what it takes too much is waited for
    afterwards. Times are seconds of one monotonic clock, given by the caller.
    """

    __slots__ = ("_burst", "_level", "_per_s", "_seen")

    def __init__(self, per_s: float, burst: float | None = None) -> None:
        if per_s <= 0:
            raise ValueError("a rate is more than 0")
        self._per_s = per_s
        self._burst = max(1.0, per_s / 10 if burst is None else burst)
        self._level = self._burst
        self._seen: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until something may go; 0 when it may go now."""
        self._fill(now)
        return max(0.0, (1 - self._level) / self._per_s)

    def take(self, parts: int, now: float) -> None:
        """Count what goes now."""
        self._fill(now)
        self._level -= parts

    def _fill(self, now: float) -> None:
        if self._seen is not None and now > self._seen:
            self._level = min(self._burst, self._level + (now - self._seen) * self._per_s)
        self._seen = now
