"""Measures."""

from zope.interface import Interface


class IMeter(Interface):
    """Counts and measures; names are those of ``docs/metrics.md`` without ``mud_``."""

    def count(metric: str, amount: float = 1.0, **labels: str) -> None:
        """Add to a counter."""

    def gauge(metric: str, value: float, **labels: str) -> None:
        """Set a gauge."""

    def observe(metric: str, value: float, **labels: str) -> None:
        """Add an observation to a histogram."""
