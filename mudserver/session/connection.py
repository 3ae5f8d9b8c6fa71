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
class Standing:
    """
    Where a connection stands, and how it ends; its machine keeps this true.

    It is asked far oftener than it changes, so it is a plain attribute and no input.

    Attributes:
        phase: The machine's state.
        code: The first reason to end that was given; None while there was none.
        reason: The same in words.
    """

    phase: Phase = Phase.ACCEPTED
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


def _enter_greeting(_: Connection, standing: Standing) -> bool:
    standing.phase = Phase.GREETING
    return True


def _enter_authenticating(_: Connection, standing: Standing) -> bool:
    standing.phase = Phase.AUTHENTICATING
    return True


def _enter_attached(_: Connection, standing: Standing) -> bool:
    standing.phase = Phase.ATTACHED
    return True


def _enter_closing(_: Connection, standing: Standing, code: CloseCode, reason: str) -> bool:
    standing.phase = Phase.CLOSING
    standing.code = code
    standing.reason = reason
    return True


def _enter_closed(_: Connection, standing: Standing, reason: str) -> bool:
    standing.phase = Phase.CLOSED
    standing.reason = reason
    return True


def _be_gone(_: Connection, standing: Standing, reason: str) -> bool:
    """The end that we asked for has come; why it came is known already."""
    del reason
    standing.phase = Phase.CLOSED
    return True


_builder = TypeMachineBuilder(Connection, Standing)
_accepted = _builder.state("accepted")
_greeting = _builder.state("greeting")
_authenticating = _builder.state("authenticating")
_attached = _builder.state("attached")
_closing = _builder.state("closing")
_closed = _builder.state("closed")

_accepted.upon(Connection.open).to(_greeting)(_enter_greeting)
_greeting.upon(Connection.claim).to(_authenticating)(_enter_authenticating)
_authenticating.upon(Connection.decline).to(_greeting)(_enter_greeting)
_authenticating.upon(Connection.admit).to(_attached)(_enter_attached)
for _living in (_accepted, _greeting, _authenticating, _attached):
    _living.upon(Connection.close).to(_closing)(_enter_closing)
    _living.upon(Connection.lose).to(_closed)(_enter_closed)
_closing.upon(Connection.lose).to(_closed)(_be_gone)
_closed.upon(Connection.lose).loop().returns(False)
for _ending in (_closing, _closed):
    _ending.upon(Connection.open).loop().returns(False)
    _ending.upon(Connection.claim).loop().returns(False)
    _ending.upon(Connection.decline).loop().returns(False)
    _ending.upon(Connection.admit).loop().returns(False)
    _ending.upon(Connection.close).loop().returns(False)

#: Makes a connection, in the state *accepted*, out of a fresh `Standing`.
connection_machine = _builder.build()
