"""Moments in their wire form."""

from datetime import datetime


def rfc3339(moment: datetime) -> str:
    """Return a moment as messages carry it: UTC, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
