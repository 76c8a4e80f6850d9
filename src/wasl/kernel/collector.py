"""Python's collector of cyclic garbage in processes that run for months; nothing else is tuned here."""

import gc

__all__ = ["settle"]


def settle() -> None:
    """Call once all is loaded: it stays for ever, and the collector need not walk it at every hundredth request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
