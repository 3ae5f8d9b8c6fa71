"""
What a connection carries: a log-in, then a session.

The transports (`websocket`, `telnet`) hand bytes and ends to a link and offer it a `Wire`. The
two kinds of link (`json_link`, `terminal_link`) know what their clients say; this module holds what
both share. How a connection lives and ends is in `contact`.
"""

from abc import abstractmethod

from attrs import evolve

from mudserver.errors import CloseCode, Paused, PlayerError, Unavailable
from mudserver.gateway.admission import Place
from mudserver.gateway.claims import Claim, session_id
from mudserver.gateway.commands import CommandQueue
from mudserver.gateway.contact import Contact
from mudserver.gateway.dress import Dress
from mudserver.gateway.incidents import Peer
from mudserver.gateway.inputs import send_again
from mudserver.gateway.seat import Player, Seat
from mudserver.gateway.shared import Shared
from mudserver.gateway.wires import Wire
from mudserver.ids import CommandId, InputNumber
from mudserver.interfaces.authority import Credential, Origin, Transport
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attach, Attached, Detached, Ended, Settled
from mudserver.session.heartbeat import Pulse
from mudserver.session.outbox import Outbox
from mudserver.session.session import Play, session_machine

#: The code of what comes too often.
RATE_LIMITED = "rate_limited"

#: Why something is refused, for the log: all else is what can't be understood.
CAUSES = {RATE_LIMITED: "too many messages"}

_SESSION_BYTES = 16


class Link(Contact):
    """
    Logs a peer in, and then carries its session.

    Args:
        shared: What all links of the gateway have in common.
        wire: The transport.
        origin: Where the peer is.
        place: What the connection takes up.
        transport: The kind of connection.
        pulse: How patient to be with a silent peer.
        stall: Seconds that the peer may leave its output unread.
        dress: The wire form.
    """

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
        super().__init__(shared, wire, origin, place, transport=transport, pulse=pulse, stall=stall)
        self._dress = dress
        self._commands = CommandQueue(
            shared.bus,
            shared.clock,
            self._allowance.commands,
            shared.allowances.limits.waiting,
            failed=self._command_failed,
            refused=self._too_many,
        )
        self._seat: Seat | None = None
        self._play: Play | None = None
        self._quit = False
        self._over = False
        # Ids that came by an earlier connection, and are answered by this one: whether they come
        # again before or behind that, it is their one answer. No empty set: it takes 200 bytes.
        self._awaited: set[CommandId | None] | None = None

    # ------------------------------------------------------------ what the transport tells

    def hurry(self) -> None:
        """Write what waits for the end of the turn: the transport is about to say goodbye."""
        if self._seat is not None and self._speaks():
            self._seat.flush()

    def drained(self) -> None:
        """Extend `Contact.drained`: the session's output goes on."""
        super().drained()
        if self._seat is not None:
            self._shared.switchboard.touch(self._seat)

    @property
    def peer(self) -> Peer:
        """Extend `Contact.peer` by what it carries."""
        play = self._play
        return Peer(
            self._transport.value,
            self._origin.address,
            None if play is None else play.id,
            None if play is None else play.character,
        )

    # ------------------------------------------------------------ what the switchboard asks

    def carry(self, burst: list[bytes]) -> None:
        """Write what one reactor turn has produced, in order."""
        if burst and self._speaks():
            self.say(b"".join(burst))

    def ended(self, ended: Ended) -> None:
        """The world has ended the session."""
        self._over = True
        self.close(ended.code, ended.reason)

    def replaced(self) -> None:
        """Another connection carries the session now, and all that still waits."""
        self._seat = None
        self.close(CloseCode.PLAYING_ELSEWHERE, "You came back by another connection.")

    def outrun(self) -> None:
        """
        Another connection was to carry the session, and is gone already.

        The world heeds this one no more, which can't tell; so the session waits for a third.
        """
        self.close(CloseCode.PLAYING_ELSEWHERE, "You came back by another connection.")

    def settled(self, settled: Settled) -> None:
        """The world is done with an input; one whom it refuses too often is closed, too."""
        refusal = settled.refusal
        if self._awaited is not None and refusal is not None and refusal.retry_after is not None:
            self._awaited.discard(settled.command)  # the next one is another try
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

    def gap(self) -> None:
        """Something was lost on the way here; who sees full state after it need not be told."""

    # ------------------------------------------------------------ what both kinds of link do

    @abstractmethod
    def refused(self, error: PlayerError) -> None:
        """The world didn't let the peer in; the connection is greeting again."""

    @abstractmethod
    def admitted(self, seat: Seat, attached: Attached) -> None:
        """The world let the peer in: the link carries that seat."""

    @abstractmethod
    def refuse(self, code: str, message: str, id: str | None, retry_after: float | None) -> None:
        """Tell the peer that something it sent is refused."""

    def can_go_on(self, seat: Seat) -> bool:
        """Whether a session that the world goes on with can be gone on with here."""
        return self._shared.switchboard.seat(seat.play.id) is seat

    def authenticate(
        self,
        credential: Credential,
        character: str | None,
        resume: Seat | None = None,
        claim: Claim | None = None,
    ) -> None:
        """
        Have the world look at a credential; `admitted` or `refused` follows.

        Args:
            credential: By what right the peer comes.
            character: Whom it wants to play.
            resume: The session to go on with, where it is here.
            claim: What it says about a session to go on with that is elsewhere.
        """
        if resume is not None and resume.pause is not None:
            self._try_later()
        elif self._connection.claim():
            self._set_deadline(None)
            self.begin("attach", self._attach(credential, character, resume, claim))

    def _try_later(self) -> None:
        self.close(CloseCode.TRY_LATER, "The world is away; try again later.")

    def submit(self, text: str, command: CommandId | None = None) -> None:
        """Pass on a line, when its turn has come; the excess is refused."""
        if self._awaited is not None and command in self._awaited:
            self._awaited.remove(command)
            return
        seat = self._seat
        if seat is not None and not self._commands.offer(seat, text, command):
            wait = self._commands.wait()
            self.reject(RATE_LIMITED, "Too many commands: slow down.", command, wait)

    def _command_failed(self) -> None:
        self.crashed("a command")

    def _too_many(self, command: CommandId | None) -> None:
        """Refuse a command that came to its turn."""
        self.reject(RATE_LIMITED, "Too much waits for the world already.", command)

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

    def quit(self) -> None:
        """The peer leaves on purpose."""
        self._quit = True
        self.close(CloseCode.NORMAL, "Goodbye.")

    # ------------------------------------------------------------ the way in, and out

    async def _attach(
        self,
        credential: Credential,
        character: str | None,
        resume: Seat | None,
        claim: Claim | None,
    ) -> None:
        session = session_id(self._shared.gateway, self._shared.token_bytes(_SESSION_BYTES).hex())
        earlier = None if resume is None else resume.play.id
        try:
            if claim is not None and await self._shared.handovers.vouched(claim):
                earlier = claim.session
        except Paused:
            self._try_later()
            return
        request = Attach(
            session,
            self._shared.gateway,
            credential,
            character,
            self._transport,
            self._origin,
            earlier,
        )
        # The world may show it something before its answer is here.
        coming = [session] if resume is not None or earlier is None else [session, earlier]
        expected = [self._shared.switchboard.expect(each) for each in coming]
        answered = True
        try:
            answered = await self._come_in(request, resume, claim)
        finally:
            for each in expected:
                if answered or each.session == session:
                    self._shared.switchboard.came(each)
                else:
                    self._shared.handovers.may_come(each)

    async def _come_in(self, request: Attach, resume: Seat | None, claim: Claim | None) -> bool:
        """Come in as far as the world lets the peer; return whether it has answered."""
        term = self._shared.worldwatch.term
        try:
            attached = await self._shared.bus.request(WORLD, request)
        except PlayerError as error:
            self._shared.meter.count("refusals", reason=error.code)
            self._shared.incidents.refused(self.peer, error.code, "not let into the world")
            if self._connection.decline():
                self._set_deadline(self._patience())
                self.refused(error)
        except Unavailable as error:
            self._log.info("No way into the world: {error}", error=error)
            self._try_later()
            return False
        else:
            if claim is not None and attached.recovered:
                player = Player(attached.attended, self._transport, self._origin)
                resume, whole = await self._shared.handovers.take_in(claim, attached, player)
                attached = evolve(attached, recovered=whole)
            self._admit(attached, resume, term)
        return True

    def _admit(self, attached: Attached, resume: Seat | None, term: int) -> None:
        seat = self._seat_for(attached, resume) if self._connection.admit() else None
        if seat is None:
            if resume is not None and resume.play.id == attached.session:
                self._not_here(resume, term)
            self._shared.bus.publish(
                WORLD, Detached(attached.session, attached.generation, quit=False)
            )
            self.close(CloseCode.TRY_LATER, "You missed too much meanwhile; come back once more.")
            return
        self._place.authenticated()
        self._allowance = self._shared.allowances.of_character(attached.character)
        self._commands.charge_to(self._allowance.commands)
        self._intake.charge_to(self._allowance.frames, self._allowance.raw_bytes)
        seat.session.attach(attached.generation)
        seat.carrier = self
        seat.deadline = None
        self._shared.reaper.forget(seat)
        self._seat = seat
        self._play = seat.play
        self._awaited = seat.play.unsettled.awaited or None
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
        self._shared.worldwatch.joined(seat, term)
        if seat.pause is None:
            # What came by an earlier attachment and had not its turn, the world has let go.
            send_again(self._shared.bus, seat.play, seat.play.unsettled.after(InputNumber(0)))
        self.admitted(seat, attached)

    def _seat_for(self, attached: Attached, resume: Seat | None) -> Seat | None:
        """Find the session a seat; None where what was missed is gone by now."""
        player = Player(attached.attended, self._transport, self._origin)
        if not attached.recovered and resume is not None and resume.play.id == attached.session:
            # Taken in, but for its past.
            if self._shared.switchboard.seat(attached.session) is not resume:
                return None
            self._shared.switchboard.touch(resume)
            return resume
        if not attached.recovered:
            play = Play(
                attached.session,
                Outbox(self._shared.limits.outbox),
                attached.attended.name,
                attached.character,
                began=attached.began,
            )
            return self._shared.switchboard.add(play, session_machine(play), self._dress, player)
        if resume is None:
            return None
        if resume.carrier is not None:
            resume.carrier.replaced()
        if self.can_go_on(resume):
            self._shared.switchboard.touch(resume)
            resume.player = player
            return resume
        self._shared.reaper.forget(resume)
        self._shared.switchboard.remove(resume)
        return None

    def _not_here(self, resume: Seat, term: int) -> None:
        """The peer is gone that was to carry a session: it waits for another one."""
        if resume.carrier is not None:
            resume.carrier.outrun()
        elif resume.deadline is None and self._shared.switchboard.seat(resume.play.id) is resume:
            resume.session.detach()
            resume.deadline = self._shared.clock.seconds() + self._shared.limits.resume
            self._shared.reaper.watch(resume)
            self._shared.worldwatch.joined(resume, term)

    def _pending(self) -> list[bytes]:
        """Implement `Contact._pending`: what can't be sent now waits for a resume."""
        seat = self._seat
        return seat.play.outbox.flush() if seat is not None and self.writable else []

    def _release(self) -> None:
        """Extend `Contact._release`: let go of the session, and of what waits for its turn."""
        super()._release()
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
        detached = Detached(seat.play.id, seat.play.generation, quit=self._quit)
        if seat.pause is None:
            self._shared.bus.publish(WORLD, detached)
        elif self._quit:  # of the others the next world is told with all else
            self._shared.worldwatch.left(detached)
