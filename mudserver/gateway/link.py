"""
One connection, driven: it feeds the machines of `mudserver.session` and performs what follows.

The transports (`websocket`, `telnet`) hand bytes and ends to a link and offer it a `Wire`. The
two kinds of link (`json_link`, `terminal_link`) know what their clients say; this module holds
what both share, above all the one path by which a connection ends: `Link.lost`.
"""

from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from mudserver.errors import CloseCode, Overloaded, PlayerError, Unavailable
from mudserver.gateway.admission import Place
from mudserver.gateway.commands import CommandQueue
from mudserver.gateway.dress import Dress
from mudserver.gateway.incidents import Peer
from mudserver.gateway.shared import Shared
from mudserver.gateway.switchboard import Seat
from mudserver.gateway.wires import Wire
from mudserver.ids import CommandId, SessionId
from mudserver.interfaces.authority import Credential, Origin, Transport
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attach, Attached, Detached, Ended, Settled
from mudserver.session.connection import Phase, Standing, connection_machine
from mudserver.session.heartbeat import Beat, Heartbeat, Pulse
from mudserver.session.intake import Intake
from mudserver.session.outbox import Outbox
from mudserver.session.session import Play, session_machine

#: How far the first probe of a connection is moved at random, as a fraction of the silence.
#: Without it, all who reconnected together would be probed together for ever.
JITTER = 0.1

#: The code of what comes too often.
RATE_LIMITED = "rate_limited"

#: The code of what is beyond all that a client could have to say.
FLOOD = "flood"

#: Why something is refused, for the log: all else is what can't be understood.
CAUSES = {RATE_LIMITED: "too many messages", FLOOD: "more frames or bytes than any client sends"}

_SESSION_BYTES = 16
_CLOSE_CODES = frozenset(CloseCode)


class Link(ABC):
    """
    Drives one connection.

    Args:
        shared: What all links of the gateway have in common.
        wire: The transport.
        origin: Where the peer is.
        place: What the connection takes up; given back in `lost`.
        transport: The kind of connection.
        pulse: How patient to be with a silent peer.
        stall: Seconds that the peer may leave its output unread.
        dress: The wire form.
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
        dress: Dress,
    ) -> None:
        now = shared.clock.seconds()
        self._shared = shared
        self._wire = wire
        self._origin = origin
        self._place = place
        self._transport = transport
        self._stall = stall
        self._dress = dress
        self._state = Standing()
        self._connection = connection_machine(self._state)
        self._heartbeat = Heartbeat(
            evolve(pulse, silence=pulse.silence * (1 - JITTER * shared.pick())), now
        )
        self._intake = Intake(shared.limits.intake)
        self._allowance = shared.allowances.of_stranger(origin.address)
        self._commands = CommandQueue(
            shared.bus,
            shared.clock,
            self._allowance.commands,
            shared.allowances.limits.waiting,
            lambda: self.crashed("a command"),
        )
        self._seat: Seat | None = None
        self._play: Play | None = None
        self._quit = False
        self._over = False
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

    def hurry(self) -> None:
        """Write what waits for the end of the turn: the transport is about to say goodbye."""
        if self._seat is not None and self._speaks():
            self._seat.flush()

    def parting(self, code: int | None, by_peer: bool) -> None:
        """The transport says goodbye; it may not have been our idea."""
        if by_peer:
            known, reason = CloseCode.NORMAL, f"The client closed the connection ({code})."
        else:
            known = CloseCode(code) if code in _CLOSE_CODES else CloseCode.PROTOCOL_ERROR
            reason = "The client broke the protocol."
        if self._connection.close(known, reason):
            self._release()
            self._set_deadline(self._shared.limits.closing)

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
        if self._seat is not None:
            self._shared.switchboard.touch(self._seat)

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
        play = self._play
        return Peer(
            self._transport.value,
            self._origin.address,
            None if play is None else play.id,
            None if play is None else play.character,
        )

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

    # ------------------------------------------------------------ what the switchboard asks

    @property
    def writable(self) -> bool:
        """Whether the transport takes more."""
        return self._full_since is None

    def carry(self, burst: list[bytes]) -> None:
        """Write what one reactor turn has produced, in order."""
        if burst and self._speaks():
            self.say(b"".join(burst))

    def overflow(self) -> None:
        """More waits than may: the reader is too slow."""
        self._shared.meter.count("outbox_overflows", transport=self._transport.value)
        self.close(CloseCode.TOO_SLOW, "You read too slowly.")

    def ended(self, ended: Ended) -> None:
        """The world has ended the session."""
        self._over = True
        self.close(ended.code, ended.reason)

    def replaced(self) -> None:
        """Another connection carries the session now, and all that still waits."""
        self._seat = None
        self.close(CloseCode.PLAYING_ELSEWHERE, "You came back by another connection.")

    def settled(self, settled: Settled) -> None:
        """The world is done with an input; one whom it refuses too often is closed, too."""
        refusal = settled.refusal
        if refusal is None or refusal.code != RATE_LIMITED or self._bears(refusal.code):
            self.answer(settled)

    @abstractmethod
    def answer(self, settled: Settled) -> None:
        """Tell the peer what became of an input."""

    @abstractmethod
    def expiring(self, seconds: float) -> None:
        """The token ends soon."""

    @abstractmethod
    def password_wanted(self) -> None:
        """The player asked to change the password."""

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

    # ------------------------------------------------------------ what both kinds of link do

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

    @abstractmethod
    def greet(self) -> None:
        """The peer may speak: say what there is to say first."""

    @abstractmethod
    def refused(self, error: PlayerError) -> None:
        """The world didn't let the peer in; the connection is greeting again."""

    @abstractmethod
    def admitted(self, seat: Seat, attached: Attached) -> None:
        """The world let the peer in: the link carries that seat."""

    @abstractmethod
    def farewell(self, pending: list[bytes], code: CloseCode, reason: str, back_in: float) -> bytes:
        """Return the last bytes before the transport's own goodbye: what waits, and a word."""

    @abstractmethod
    def refuse(self, code: str, message: str, id: str | None, retry_after: float | None) -> None:
        """Tell the peer that something it sent is refused."""

    def can_go_on(self, seat: Seat) -> bool:
        """Whether a session that the world goes on with can be gone on with here."""
        return self._shared.switchboard.seat(seat.play.id) is seat

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
        if speaks:
            seat = self._seat
            pending = seat.play.outbox.flush() if seat is not None and self.writable else []
            self._wire.write(self.farewell(pending, code, reason, back_in))
        self._release()
        self._set_deadline(self._shared.limits.closing)
        self._wire.hang_up(code, reason)

    def abort(self) -> None:
        """Drop the connection now."""
        self._wire.abort()

    def authenticate(
        self, credential: Credential, character: str | None, resume: Seat | None = None
    ) -> None:
        """Have the world look at a credential; `admitted` or `refused` follows."""
        if self._connection.claim():
            self._set_deadline(None)
            self.begin("attach", self._attach(credential, character, resume))

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
            raise
        except Exception:  # noqa: BLE001 - a connection that waits for nothing would wait for ever
            self._shared.meter.count("background_failures", name=name)
            self.crashed(name.replace("_", " "))

    def submit(self, text: str, command: CommandId | None = None) -> None:
        """Pass on a line, when its turn has come; the excess is refused."""
        seat = self._seat
        if seat is not None and not self._commands.offer(seat, text, command):
            wait = self._commands.wait()
            self.reject(RATE_LIMITED, "Too many commands: slow down.", command, wait)

    def affords(self, id: str | None = None) -> bool:
        """Charge something that is no command; return whether it may be had."""
        now = self._shared.clock.seconds()
        bucket = self._allowance.out_of_band
        if bucket.take(now):
            return True
        wait = bucket.wait(now)
        self.reject(RATE_LIMITED, "Too many messages: slow down.", id, wait)
        return False

    def reject(
        self, code: str, message: str, id: str | None = None, retry_after: float | None = None
    ) -> None:
        """Refuse something that the peer sent; one who is refused too often is closed."""
        self._shared.meter.count("refusals", reason=code)
        if self._bears(code):
            self.refuse(code, message, id, retry_after)

    def _bears(self, code: str) -> bool:
        """Charge a refusal; one who is refused too often is closed, which returns False."""
        self._shared.incidents.refused(self.peer, code, CAUSES.get(code, "can't be understood"))
        borne = self._allowance.refusals.take(self._shared.clock.seconds())
        if not borne:
            self.close(CloseCode.TOO_MANY_MESSAGES, "Too many messages.")
        return borne

    def _within(self, within: bool) -> bool:
        if not within and self._state.phase not in (Phase.CLOSING, Phase.CLOSED):
            self._shared.meter.count("refusals", reason=FLOOD)
            self._shared.incidents.refused(self.peer, FLOOD, CAUSES[FLOOD])
            self.close(CloseCode.TOO_MANY_MESSAGES, "Too much at once.")
        return within

    def quit(self) -> None:
        """The peer leaves on purpose."""
        self._quit = True
        self.close(CloseCode.NORMAL, "Goodbye.")

    def _speaks(self) -> bool:
        return self._state.phase not in (Phase.ACCEPTED, Phase.CLOSING, Phase.CLOSED)

    async def _attach(
        self, credential: Credential, character: str | None, resume: Seat | None
    ) -> None:
        session = SessionId(self._shared.token_bytes(_SESSION_BYTES).hex())
        try:
            attached = await self._shared.bus.request(
                WORLD,
                Attach(
                    session,
                    self._shared.gateway,
                    credential,
                    character,
                    self._transport,
                    self._origin,
                    None if resume is None else resume.play.id,
                ),
            )
        except PlayerError as error:
            self._shared.meter.count("refusals", reason=error.code)
            self._shared.incidents.refused(self.peer, error.code, "not let into the world")
            if self._connection.decline():
                self._set_deadline(self._patience())
                self.refused(error)
        except Unavailable as error:
            self._log.info("No way into the world: {error}", error=error)
            self.close(CloseCode.TRY_LATER, "The world is away; try again later.")
        else:
            self._admit(attached, resume)

    def _admit(self, attached: Attached, resume: Seat | None) -> None:
        seat = self._seat_for(attached, resume) if self._connection.admit() else None
        if seat is None:
            self._shared.bus.publish(
                WORLD, Detached(attached.session, attached.generation, quit=False)
            )
            self.close(CloseCode.TRY_LATER, "You missed too much meanwhile; come back once more.")
            return
        self._place.authenticated()
        self._allowance = self._shared.allowances.of_character(attached.character)
        self._commands.charge_to(self._allowance.commands)
        seat.session.attach(attached.generation)
        seat.carrier = self
        seat.deadline = None
        self._shared.reaper.forget(seat)
        self._seat = seat
        self._play = seat.play
        self._set_deadline(None)
        self._heartbeat.answered(self._shared.clock.seconds())
        self._shared.reaper.watch(self)
        self._log.info(
            "{character} plays.",
            character=attached.character,
            session=attached.session,
            transport=self._transport.value,
            address=self._origin.address,
            recovered=attached.recovered,
        )
        self.admitted(seat, attached)

    def _seat_for(self, attached: Attached, resume: Seat | None) -> Seat | None:
        """Find the session a seat; None where what was missed is gone by now."""
        if not attached.recovered:
            play = Play(
                attached.session,
                Outbox(self._shared.limits.outbox),
                attached.attended.name,
                attached.character,
            )
            return self._shared.switchboard.add(play, session_machine(play), self._dress)
        if resume is None:
            return None
        if resume.carrier is not None:
            resume.carrier.replaced()
        if self.can_go_on(resume):
            self._shared.switchboard.touch(resume)
            return resume
        self._shared.reaper.forget(resume)
        self._shared.switchboard.remove(resume)
        return None

    def _release(self) -> None:
        """Let go of the session and of all that waits for its turn."""
        self._held = b""
        self._commands.clear()
        seat, self._seat = self._seat, None
        if seat is None:
            return
        seat.carrier = None
        if self._over:
            return
        seat.session.detach()
        if self._quit:
            self._shared.switchboard.remove(seat)
        else:
            seat.deadline = self._shared.clock.seconds() + self._shared.limits.resume
            self._shared.reaper.watch(seat)
            self._shared.switchboard.touch(seat)
        self._shared.bus.publish(
            WORLD, Detached(seat.play.id, seat.play.generation, quit=self._quit)
        )

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

    @abstractmethod
    def _patience(self) -> float:
        """How many seconds the peer has to say who it is."""

    def _set_deadline(self, seconds: float | None) -> None:
        self._until = None if seconds is None else self._shared.clock.seconds() + seconds
        self._shared.reaper.watch(self)
