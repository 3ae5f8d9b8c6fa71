"""
The machine of one connection: from its first byte to its end, which comes exactly once.

=================  =========================================  =======================
state              is left by                                 deadline
=================  =========================================  =======================
accepted           ``open``: the handshake is done            the transport's own
greeting           ``claim``: the peer says who it is         to say who it is
authenticating     ``admit`` or ``decline``                   the bus's own
attached           only the end                               the heartbeat's
closing            ``lose``: we said goodbye, it goes         to go, then it is aborted
closed             never                                      none
=================  =========================================  =======================

``close`` leads from any living state to *closing*, ``lose`` from any to *closed*.
"""

from enum import Enum
from typing import Protocol

from attrs import define
from automat import TypeMachineBuilder

from mudserver.errors import CloseCode


class Phase(Enum):
    """Where a connection stands."""

    ACCEPTED = "accepted"
    GREETING = "greeting"
    AUTHENTICATING = "authenticating"
    ATTACHED = "attached"
    CLOSING = "closing"
    CLOSED = "closed"


@define
class Ending:
    """
    How a connection ends.

    Attributes:
        code: The first reason that was given; None while there was none.
        reason: The same in words.
    """

    code: CloseCode | None = None
    reason: str = ""


class Connection(Protocol):
    """What may happen to a connection. Each returns whether it made a difference."""

    def open(self) -> bool:
        """The handshake is done: the peer may speak."""

    def claim(self) -> bool:
        """The peer says who it is; that is being looked up."""

    def decline(self) -> bool:
        """It isn't; it may try again."""

    def admit(self) -> bool:
        """It is: the connection carries a session from now on."""

    def close(self, code: CloseCode, reason: str) -> bool:
        """We end it: the first reason counts."""

    def lose(self, reason: str) -> bool:
        """The transport is gone."""

    def phase(self) -> Phase:
        """Where it stands."""


def _note_close(_: Connection, ending: Ending, code: CloseCode, reason: str) -> bool:
    ending.code = code
    ending.reason = reason
    return True


def _note_loss(_: Connection, ending: Ending, reason: str) -> bool:
    ending.reason = reason
    return True


_builder = TypeMachineBuilder(Connection, Ending)
_accepted = _builder.state("accepted")
_greeting = _builder.state("greeting")
_authenticating = _builder.state("authenticating")
_attached = _builder.state("attached")
_closing = _builder.state("closing")
_closed = _builder.state("closed")

_accepted.upon(Connection.open).to(_greeting).returns(True)
_greeting.upon(Connection.claim).to(_authenticating).returns(True)
_authenticating.upon(Connection.decline).to(_greeting).returns(True)
_authenticating.upon(Connection.admit).to(_attached).returns(True)
for _living in (_accepted, _greeting, _authenticating, _attached):
    _living.upon(Connection.close).to(_closing)(_note_close)
    _living.upon(Connection.lose).to(_closed)(_note_loss)
# The end that we asked for has come; why it came is known already.
_closing.upon(Connection.lose).to(_closed).returns(True)
_closed.upon(Connection.lose).loop().returns(False)
for _ending in (_closing, _closed):
    _ending.upon(Connection.open).loop().returns(False)
    _ending.upon(Connection.claim).loop().returns(False)
    _ending.upon(Connection.decline).loop().returns(False)
    _ending.upon(Connection.admit).loop().returns(False)
    _ending.upon(Connection.close).loop().returns(False)
for _state, _phase in (
    (_accepted, Phase.ACCEPTED),
    (_greeting, Phase.GREETING),
    (_authenticating, Phase.AUTHENTICATING),
    (_attached, Phase.ATTACHED),
    (_closing, Phase.CLOSING),
    (_closed, Phase.CLOSED),
):
    _state.upon(Connection.phase).loop().returns(_phase)

#: Makes a connection, in the state *accepted*; its ending is filled in when it ends.
connection_machine = _builder.build()
