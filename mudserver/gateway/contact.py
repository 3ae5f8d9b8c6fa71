"""
One connection, from its first moment to its last, whatever is said on it.

A contact feeds the machine of `mudserver.session.connection` and performs what follows: deadlines
and signs of life, what is charged where it arrives, what waits for a reader. Above all it holds the
one path by which a connection ends: `Contact.lost`.
"""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mudserver.errors import CloseCode, Overloaded
from mudserver.gateway.admission import Place
from mudserver.gateway.incidents import Peer
from mudserver.gateway.shared import Shared
from mudserver.gateway.wires import Wire
from mudserver.interfaces.authority import Origin, Transport
from mudserver.session.connection import Phase, Standing, connection_machine
from mudserver.session.heartbeat import Beat, Heartbeat, Pulse
from mudserver.session.intake import Intake

#: How far the first probe of a connection is moved at random, as a fraction of the silence.
#: Without it, all who reconnected together would be probed together for ever.
JITTER = 0.1

#: The code of what is beyond all that a client could have to say.
FLOOD = "flood"

_CLOSE_CODES = frozenset(CloseCode)

#: Before the handshake, and after the goodbye.
_SILENT = (Phase.ACCEPTED, Phase.CLOSING, Phase.CLOSED)


class Contact(ABC):
    """
    Drives one connection; what is said on it is for others.

    Args:
        shared: What all connections of the gateway have in common.
        wire: The transport.
        origin: Where the peer is.
        place: What the connection takes up; given back in `lost`.
        transport: The kind of connection.
        pulse: How patient to be with a silent peer.
        stall: Seconds that the peer may leave its output unread.
    """

    _log = Logger()

    def __init__(
        self,
        shared: Shared,
        wire: Wire,
        origin: Origin,
        place: Place,
        *,
        transport: Transport,
        pulse: Pulse,
        stall: float,
    ) -> None:
        now = shared.clock.seconds()
        self._shared = shared
        self._wire = wire
        self._origin = origin
        self._place = place
        self._transport = transport
        self._stall = stall
        self._state = Standing()
        self._connection = connection_machine(self._state)
        self._heartbeat = Heartbeat(
            evolve(pulse, silence=pulse.silence * (1 - JITTER * shared.pick())), now
        )
        self._allowance = shared.allowances.of_stranger(origin.address)
        self._intake = Intake(self._allowance.frames, self._allowance.raw_bytes)
        self._full_since: float | None = None
        self._held = b""
        self._until: float | None = None

    # ------------------------------------------------------------ what the transport tells

    def accepted(self) -> None:
        """There is a connection; its handshake comes next."""
        self._shared.roster.enter(self)
        self._set_deadline(self._patience())

    def opened(self) -> None:
        """The handshake is done: the peer may speak."""
        if self._connection.open():
            self._set_deadline(self._patience())
            self._shared.meter.count("connections", transport=self._transport.value)
            self.greet()

    def arrived(self, size: int) -> bool:
        """
        So many bytes arrived; return whether to look at them.

        Who goes beyond a hard limit is told once and heard no more: an abort at once would throw
        the word away, and it would come back no wiser.
        """
        return self._within(self._intake.bytes_arrived(size, self._shared.clock.seconds()))

    def framed(self) -> bool:
        """A frame begins, or a read does; return whether to look at it."""
        return self._within(self._intake.frame_arrived(self._shared.clock.seconds()))

    def answered(self) -> None:
        """The peer answered a probe."""
        took = self._heartbeat.answered(self._shared.clock.seconds())
        if took is not None:
            self._shared.meter.observe("heartbeat_seconds", took, transport=self._transport.value)

    def explain(self, code: int | None, reason: str) -> None:
        """The transport is about to say goodbye; where that isn't by us, the peer is told why."""
        if self._speaks():
            self._wire.write(self.farewell([], _known(code), reason, 0.0))

    def parting(self, code: int | None, by_peer: bool) -> None:
        """The transport says goodbye; it may not have been our idea."""
        if by_peer:
            known, reason = CloseCode.NORMAL, f"The client closed the connection ({code})."
        else:
            known, reason = _known(code), "The client broke the protocol."
        if self._connection.close(known, reason):
            with ExitStack() as steps:
                steps.callback(self._set_deadline, self._shared.limits.closing)
                self._release()

    def full(self) -> None:
        """The transport's buffer is full: hold output back until it has drained."""
        if self._full_since is None:
            self._full_since = self._shared.clock.seconds()
            self._shared.reaper.watch(self)

    def drained(self) -> None:
        """The transport takes output again."""
        self._full_since = None
        held, self._held = self._held, b""
        self.say(held)

    def lost(self, reason: str) -> None:
        """
        The transport is gone. This is the one path by which a connection ends.

        Whatever ended it, all that it held is given back before this returns.
        """
        if not self._connection.lose(reason):
            return
        with self._log.failuresHandled("A connection did not end whole."), ExitStack() as steps:
            # Each is done, whatever becomes of the others; the last one here is the first.
            steps.callback(self._note_end)
            steps.callback(self._shared.roster.leave, self)
            steps.callback(self._shared.reaper.forget, self)
            steps.callback(self._place.leave)
            steps.callback(self._release)

    def _note_end(self) -> None:
        code = self._state.code
        peer = self.peer
        self._shared.meter.count(
            "closes",
            transport=self._transport.value,
            code=str(int(code)) if code is not None else "lost",
        )
        self._log.info(
            "Connection closed: {code} {reason}",
            code=int(code) if code is not None else None,
            reason=self._state.reason,
            transport=peer.transport,
            address=peer.address,
            session=peer.session,
            character=peer.character,
        )

    # ------------------------------------------------------------ what fails

    @property
    def peer(self) -> Peer:
        """Whom it is about, for the log."""
        return Peer(self._transport.value, self._origin.address)

    @contextmanager
    def guarded(self, doing: str) -> Iterator[None]:
        """Let what fails meanwhile cost this connection, and nothing else."""
        try:
            yield
        except Exception:  # noqa: BLE001 - whatever it is
            self.crashed(doing)

    def crashed(self, doing: str) -> None:
        """Something failed by our fault; to be called where that is caught."""
        self._shared.incidents.failed(self.peer, doing.capitalize())
        try:
            self.close(CloseCode.INTERNAL_ERROR, "Something went wrong here.")
        except Exception:  # noqa: BLE001 - then without a goodbye
            self._shared.incidents.failed(self.peer, "The goodbye")
            self._wire.abort()

    # ------------------------------------------------------------ what waits for a reader

    @property
    def writable(self) -> bool:
        """Whether the transport takes more."""
        return self._full_since is None

    def overflow(self) -> None:
        """More waits than may: the reader is too slow."""
        self._shared.meter.count("outbox_overflows", transport=self._transport.value)
        self.close(CloseCode.TOO_SLOW, "You read too slowly.")

    def say(self, data: bytes) -> None:
        """
        Write what doesn't wait for the end of the turn; where the transport is full, that does.

        It is bounded as what waits in the outbox is.
        """
        if not data or not self._speaks():
            return
        if self.writable:
            self._wire.write(data)
            return
        self._held += data
        if len(self._held) > self._shared.limits.outbox.pending:
            self.overflow()

    # ------------------------------------------------------------ what the reaper asks

    @property
    def deadline(self) -> float | None:
        """When something is due, in seconds of the clock; None for never again."""
        phase = self._state.phase
        deadlines = []
        if phase is Phase.ATTACHED:
            deadlines.append(self._heartbeat.deadline)
        if self._until is not None and phase is not Phase.CLOSED:
            deadlines.append(self._until)
        if self._full_since is not None and self._speaks():
            deadlines.append(self._full_since + self._stall)
        return min(deadlines, default=None)

    def due(self, now: float) -> None:
        """Something is due: see what."""
        with self.guarded("a deadline"):
            self._due(now)

    def _due(self, now: float) -> None:
        if self._until is not None and now >= self._until:
            self._until = None
            self._out_of_time()
        elif self._full_since is not None and now >= self._full_since + self._stall:
            self.overflow()
        elif self._state.phase is Phase.ATTACHED:
            self._beat(now)

    def _beat(self, now: float) -> None:
        match self._heartbeat.due(now):
            case Beat.PROBE:
                self._wire.probe()
            case Beat.EXPIRED:
                self.close(CloseCode.NO_PONG, "You gave no sign of life.")
            case None:
                pass

    def _out_of_time(self) -> None:
        if self._state.phase is Phase.CLOSING:
            self._wire.abort()
        else:
            self.close(CloseCode.NOT_AUTHENTICATED, "You didn't say who you are.")

    def _set_deadline(self, seconds: float | None) -> None:
        self._until = None if seconds is None else self._shared.clock.seconds() + seconds
        self._shared.reaper.watch(self)

    # ------------------------------------------------------------ the end

    def close(self, code: CloseCode, reason: str, back_in: float = 0.0) -> None:
        """
        End the connection; the first reason counts.

        What a peer that doesn't read has not been sent stays where it can be resumed from.

        Args:
            code: What the peer is told.
            reason: The same in words.
            back_in: Seconds before which it would be in vain to come back.
        """
        speaks = self._speaks()
        if not self._connection.close(code, reason):
            return
        with ExitStack() as steps:
            # Each is done, whatever becomes of the goodbye; the last one here is the first.
            steps.callback(self._wire.hang_up, code, reason)
            steps.callback(self._set_deadline, self._shared.limits.closing)
            steps.callback(self._release)
            if speaks:
                self._wire.write(self.farewell(self._pending(), code, reason, back_in))

    def abort(self) -> None:
        """Drop the connection now."""
        self._wire.abort()

    # ------------------------------------------------------------ what is done meanwhile

    def begin(self, name: str, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Do something in the background; a peer for whom there is no room has to come back."""
        try:
            self._shared.tasks.run(name, self._attempt(name, work))
        except Overloaded:
            work.close()
            self.close(CloseCode.TRY_LATER, "Too much is going on here; try again later.")

    async def _attempt(self, name: str, work: Coroutine[Deferred[Any], Any, None]) -> None:
        try:
            await work
        except CancelledError:
            # Whoever has given it up: the peer would wait for ever.
            self.close(CloseCode.TRY_LATER, "That was given up; try again later.")
            raise
        except Exception:  # noqa: BLE001 - a connection that waits for nothing would wait for ever
            self._shared.meter.count("background_failures", name=name)
            self.crashed(name.replace("_", " "))

    # ------------------------------------------------------------ what is for others to say

    @abstractmethod
    def greet(self) -> None:
        """The peer may speak: say what there is to say first."""

    @abstractmethod
    def farewell(self, pending: list[bytes], code: CloseCode, reason: str, back_in: float) -> bytes:
        """Return the last bytes before the transport's own goodbye: what waits, and a word."""

    @abstractmethod
    def _patience(self) -> float:
        """How many seconds the peer has to say who it is."""

    def _pending(self) -> list[bytes]:
        """Take out what waits and can still be sent."""
        return []

    def _release(self) -> None:
        """Let go of all that the connection stands for."""
        self._held = b""

    def _within(self, within: bool) -> bool:
        if not within and self._state.phase not in (Phase.CLOSING, Phase.CLOSED):
            self._shared.meter.count("refusals", reason=FLOOD)
            self._shared.incidents.refused(self.peer, FLOOD, "more than any client has to say")
            self.close(CloseCode.TOO_MANY_MESSAGES, "Too much at once.")
        return within

    def _speaks(self) -> bool:
        return self._state.phase not in _SILENT


def _known(code: int | None) -> CloseCode:
    """Return a close code that a transport has for a fault, as one of ours."""
    return CloseCode(code) if code in _CLOSE_CODES else CloseCode.PROTOCOL_ERROR
