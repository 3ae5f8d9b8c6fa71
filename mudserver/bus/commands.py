"""What the ends of a link ask each other: AMP commands (`twisted.protocols.amp`)."""

import re
from typing import Final

from attrs import frozen
from twisted.protocols import amp

from mudserver.bus.strict_amp import FAULT
from mudserver.errors import MudError

#: What a peer's name, role and instance may be, each.
_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class JoinRefused(MudError):
    """The two ends don't work together; the message says why."""


class VersionRefused(JoinRefused):
    """They speak different versions of the bus's protocol."""


class BoxRefused(MudError):
    """What came breaks the protocol of the link; the message says how."""


class Faulty(MudError):
    """The other end failed by a fault of its own."""


@frozen
class PeerInfo:
    """
    One end of a link.

    Attributes:
        name: Names the process among all on the bus; also after a restart.
        role: What it is there for.
        instance: Names this run of the process.
    """

    name: str
    role: str
    instance: str

    @property
    def lawful(self) -> bool:
        """Whether all of it can be a name."""
        return all(map(_NAME.fullmatch, (self.name, self.role, self.instance)))


class Join(amp.Command):
    """Who I am, and which version of the bus's protocol I speak; the first that each end says."""

    arguments = [
        (b"version", amp.Integer()),
        (b"name", amp.Unicode()),
        (b"role", amp.Unicode()),
        (b"instance", amp.Unicode()),
    ]
    errors = {VersionRefused: b"VERSION", JoinRefused: b"REFUSED", Faulty: FAULT}


class Carry(amp.Command):
    """A box of envelopes; answered when they are taken over."""

    arguments = [(b"box", amp.String())]
    errors = {BoxRefused: b"GARBLED", Faulty: FAULT}


class Beat(amp.Command):
    """I am alive."""

    requiresAnswer = False
