"""``mudctl bus certs``: a first set of certificates for the bus."""

from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime, timedelta
from typing import Final

from mudserver.bus.issuing import AUTHORITY_LIFE, FIRST, Subject, issue

_MAX_DAYS: Final = AUTHORITY_LIFE.days


def subject(text: str) -> Subject:
    """Read whom a certificate is for, as an argument of the command line."""
    try:
        return Subject.parse(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def days(text: str) -> int:
    """Read how long certificates last, as an argument of the command line."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number of days from 1 to {_MAX_DAYS}")
    return int(text)


def make_certificates(options: Namespace) -> None:
    """
    Sign what was asked for, and say where it is.

    Raises:
        StartupError: As `issue`.
    """
    subjects = tuple(dict.fromkeys(options.peers or FIRST))
    for file in issue(options.folder, subjects, datetime.now(UTC), timedelta(days=options.days)):
        print(file)
