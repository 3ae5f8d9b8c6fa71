"""The link of a client that speaks ``mud.v1.json``."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from attrs import evolve

from mudserver.errors import (
    Banned,
    CloseCode,
    NotAuthenticated,
    PlayerError,
    Unavailable,
)
from mudserver.gateway.admission import Place
from mudserver.gateway.claims import Claim, is_kept_for, owner_of, resume_secret
from mudserver.gateway.dress import JsonDress, pong_frame
from mudserver.gateway.link import Link
from mudserver.gateway.seat import Seat
from mudserver.gateway.shared import Shared
from mudserver.gateway.wires import Wire
from mudserver.ids import CommandId, SessionId
from mudserver.interfaces.authority import (
    Credential,
    Origin,
    PasswordCredential,
    Refresh,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.continuity import StatesWanted
from mudserver.interfaces.play import Attached, OccupantsWanted, Settled
from mudserver.session.connection import Phase
from mudserver.session.outbox import Frame
from mudserver.wire import envelope, messages
from mudserver.wire.envelope import MessageRefused
from mudserver.wire.messages import FromClient, FromServer

_SECRET_BYTES = 32
_DRESS = JsonDress()
_INFLATING_DRESS = JsonDress(inflates=True)

#: How long a client whose server restarts should wait, in seconds, times a random fraction.
RECONNECT_SPREAD = 5.0

#: Seconds after which to ask again for what only the world knows.
_RETRY_AFTER = 5.0


class JsonLink(Link):
    """
    Drives a connection that carries one JSON message in each WebSocket message.

    Args:
        shared: What all links of the gateway have in common.
        wire: The transport.
        origin: Where the peer is.
        place: What the connection takes up.
    """

    def __init__(self, shared: Shared, wire: Wire, origin: Origin, place: Place) -> None:
        super().__init__(
            shared,
            wire,
            origin,
            place,
            transport=Transport.WEBSOCKET,
            pulse=shared.limits.websocket,
            stall=shared.limits.stall,
            dress=_DRESS,
        )
        self._early: list[FromClient | MessageRefused] = []
        self._resume: messages.Resume | None = None
        self._refreshing = False
        self._mark_from = 0.0
        self._mark_watched = False  # whether the reaper knows of it

    # ------------------------------------------------------------ from the client

    def inflates(self) -> None:
        """The client takes compressed messages; that was agreed upon in the handshake."""
        self._dress = _INFLATING_DRESS

    def received(self, data: bytes, binary: bool) -> None:
        """Take one message of the client."""
        if not self._speaks():
            return
        self._heartbeat.heard(self._shared.clock.seconds())
        if binary:
            self.close(CloseCode.UNSUPPORTED_DATA, "Binary messages aren't spoken here.")
            return
        message: FromClient | MessageRefused
        try:
            message = envelope.decode(data)
        except MessageRefused as error:
            message = error
        else:
            self._shared.meter.count("inbound_messages", type=type(message).__name__.lower())
        match self._state.phase:
            case Phase.GREETING:
                self._claim(message)
            case Phase.AUTHENTICATING if len(self._early) < self._shared.limits.early:
                self._early.append(message)
            case Phase.AUTHENTICATING:
                self.close(CloseCode.TOO_MANY_MESSAGES, "Wait for the welcome.")
            case _:
                if self._play is not None:
                    self._play.secrets.confirm()
                self._take(message)

    def pinged(self, payload: bytes) -> None:
        """The peer sent a ping frame: answer it in its turn (RFC 6455 §5.5.3)."""
        self._heartbeat.heard(self._shared.clock.seconds())
        if self._speaks() and self.affords():
            pong = pong_frame(payload)
            if self._seat is None:
                self.say(pong)
            else:
                self._seat.offer(Frame(pong, play=False))

    def ponged(self) -> None:
        """The peer sent a pong that nobody asked for (RFC 6455 §5.5.3): it proves nothing."""
        if self._speaks():
            self.affords()

    def _take(self, message: FromClient | MessageRefused) -> None:
        if isinstance(message, MessageRefused):
            self.reject(message.code, message.message, message.id)
        else:
            self._DISPATCH[type(message)](self, message)

    def _claim(self, message: FromClient | MessageRefused) -> None:
        match message:
            case messages.Hello():
                self._resume = message.resume
                credential = TicketCredential(message.ticket, message.csrf)
                self._enter(credential, message.character)
            case messages.Login():
                self._resume = message.resume
                login = PasswordCredential(message.name, message.password)
                self._enter(login, message.character)
            case MessageRefused():
                self._shared.meter.count("refusals", reason=message.code)
                self._shared.incidents.refused(self.peer, message.code, "no first message")
                self.close(CloseCode.BAD_REQUEST, message.message)
            case _:
                self.close(CloseCode.BAD_REQUEST, "Say hello first.")

    def _enter(self, credential: Credential, character: str | None) -> None:
        """Have the world let the client in; with an earlier session, if it may go on with that."""
        resume = self._resume
        if resume is None:
            self.authenticate(credential, character)
            return
        session, secret = SessionId(resume.session), _hashed(resume.secret)
        seat = self._shared.switchboard.seat(session)
        if seat is None:
            inflates = self._dress == _INFLATING_DRESS
            claim = Claim(session, owner_of(session, resume.secret), secret, resume.seq, inflates)
            self.authenticate(credential, character, claim=claim)
            return
        objection = is_kept_for(seat, secret, self._dress, resume.seq)
        if objection is not None:
            self._shared.meter.count("resumes", outcome=objection)
        self.authenticate(credential, character, None if objection is not None else seat)

    def _command(self, message: messages.Command) -> None:
        self.submit(message.text, None if message.id is None else CommandId(message.id))

    def _occupants(self, message: messages.Occupants) -> None:
        seat = self._seat
        if seat is None or not self.affords():
            return
        if seat.pause is not None:
            self.refuse("unavailable", "The world is away.", None, _RETRY_AFTER)
        else:
            self._shared.bus.publish(
                WORLD, OccupantsWanted(seat.play.id, seat.play.generation, message.after)
            )

    def _ping(self, message: messages.Ping) -> None:
        if self.affords(message.id):
            self._send(messages.Pong(id=message.id))

    def _refresh(self, message: messages.Refresh) -> None:
        if self._seat is None:
            return
        if self._refreshing:
            self.reject("rate_limited", "Your last refresh is still under way.")
        elif self.affords():
            self._refreshing = True
            self.begin("refresh", self._refreshed(self._seat.play.id, message))

    async def _refreshed(self, session: SessionId, message: messages.Refresh) -> None:
        try:
            attended = await self._shared.bus.request(
                WORLD, Refresh(session, message.token, message.ticket)
            )
        except PlayerError as error:
            self.reject(error.code, error.message, None, error.retry_after)
        except Unavailable as error:
            self.refuse("unavailable", "The world is away.", None, error.retry_after)
        else:
            if self._seat is not None:
                self._seat.player = evolve(self._seat.player, attended=attended)
            self._send(messages.Refreshed(expires=_rfc3339(attended.expires)))
        finally:
            self._refreshing = False

    def _bye(self, message: messages.Bye) -> None:
        del message
        self.quit()

    def _again(self, message: messages.Hello | messages.Login) -> None:
        del message
        self.reject("bad_type", "You have said hello already.")

    _DISPATCH: ClassVar[dict[type[object], Callable[..., None]]] = {
        messages.Command: _command,
        messages.Occupants: _occupants,
        messages.Ping: _ping,
        messages.Refresh: _refresh,
        messages.Bye: _bye,
        messages.Hello: _again,
        messages.Login: _again,
    }

    # ------------------------------------------------------------ from the world

    def greet(self) -> None:
        """Implement `Contact.greet`: the client speaks first."""

    def refused(self, error: PlayerError) -> None:
        """Implement `Link.refused`: there is no second try on the same connection."""
        self.say(
            _DRESS.control(
                messages.Error(
                    code=error.code, message=error.message, retry_after=_rounded(error.retry_after)
                )
            ).data
        )
        self.close(_close_code(error), error.message, error.retry_after or 0.0)

    def can_go_on(self, seat: Seat) -> bool:
        """Implement `Link.can_go_on`: all that was missed must be here still."""
        resume = self._resume
        return (
            resume is not None
            and super().can_go_on(seat)
            and seat.play.outbox.holds_since(resume.seq)
        )

    def admitted(self, seat: Seat, attached: Attached) -> None:
        """
        Implement `Link.admitted`: welcome, what was missed, and then what came early.

        That was sent before the client could know its new secret, so the old one lasts.
        """
        limits = self._shared.limits
        commands = self._shared.allowances.limits.commands
        play = seat.play
        words = self._shared.token_bytes(_SECRET_BYTES).hex()
        secret = resume_secret(self._shared.gateway, play.id, words)
        play.secrets.rotate(_hashed(secret))
        resume = self._resume if attached.recovered else None
        burst = [
            _DRESS.control(
                messages.Welcome(
                    session=play.id,
                    resume=secret,
                    character=attached.character,
                    recovered=resume is not None,
                    seq=play.outbox.count if resume is None else resume.seq,
                    heartbeat=limits.websocket.silence,
                    limits=messages.Limits(
                        limits.message,
                        messages.MAX_COMMAND_CHARACTERS,
                        commands.per_second,
                        int(commands.burst),
                    ),
                )
            ).data
        ]
        if resume is not None:
            burst += play.outbox.replay(resume.seq)
            if play.gapped:
                burst.append(_DRESS.control(messages.Gap(seq=play.outbox.count)).data)
                self._shared.bus.publish(WORLD, StatesWanted(self._shared.gateway, (play.id,)))
            burst.append(self._marked())
            self._shared.meter.count("resumes", outcome="recovered")
        play.gapped = False
        self.say(b"".join(burst))
        self._resume = None
        early, self._early = self._early, []
        for message in early:
            self._take(message)

    def carry(self, burst: list[bytes]) -> None:
        """Implement `Carrier.carry`: a mark follows the first state, and one each heartbeat."""
        if self._unmarked():
            if self._shared.clock.seconds() >= self._mark_from:
                burst.append(self._marked())
            elif not self._mark_watched:
                self._mark_watched = True
                self._shared.reaper.watch(self)
        super().carry(burst)

    @property
    def deadline(self) -> float | None:
        """When something is due: what was sent must be marked, too."""
        deadline = super().deadline
        if deadline is not None and self._state.phase is Phase.ATTACHED and self._unmarked():
            return min(deadline, self._mark_from)
        return deadline

    def gap(self) -> None:
        """Implement `Carrier.gap`: at once, so that the count is that of what is written."""
        seat = self._seat
        if seat is not None and self._speaks():
            seat.flush()
            self.say(_DRESS.control(messages.Gap(seq=seat.play.outbox.count)).data)
            seat.play.marked = seat.play.outbox.count

    def answer(self, settled: Settled) -> None:
        """Implement `Link.answer`."""
        refusal = settled.refusal
        if refusal is not None:
            self.refuse(refusal.code, refusal.message, settled.command, refusal.retry_after)
        elif settled.command is not None:
            self._send(messages.Ack(id=settled.command))

    def expiring(self, seconds: float) -> None:
        """Implement `Link.expiring`."""
        self._send(messages.Expiring(in_=seconds))

    def password_wanted(self) -> None:
        """Implement `Link.password_wanted`: here the whole change fits in one line."""
        self.refuse("not_allowed", "Say: password OLD NEW", None, None)

    def refuse(self, code: str, message: str, id: str | None, retry_after: float | None) -> None:
        """Implement `Link.refuse`."""
        self._send(
            messages.Error(code=code, message=message, id=id, retry_after=_rounded(retry_after))
        )

    def farewell(self, pending: list[bytes], code: CloseCode, reason: str, back_in: float) -> bytes:
        """Implement `Contact.farewell`: those who come back do so one after the other."""
        wait = back_in + RECONNECT_SPREAD * self._shared.pick() if code.reconnectable else None
        closing = messages.Closing(code=int(code), reason=reason, reconnect_after=_rounded(wait))
        return b"".join((*pending, _DRESS.control(closing).data))

    def _patience(self) -> float:
        return self._shared.limits.hello

    def _send(self, message: FromServer) -> None:
        """Have a message of our own sent in its turn."""
        if self._seat is not None:
            self._seat.offer(_DRESS.control(message))

    def _unmarked(self) -> bool:
        play = self._play
        return play is not None and play.marked != play.outbox.count

    def _marked(self) -> bytes:
        play = self._play
        assert play is not None
        play.marked = play.outbox.count
        self._mark_watched = False
        self._mark_from = self._shared.clock.seconds() + self._shared.limits.websocket.silence
        return _DRESS.control(messages.Mark(seq=play.marked)).data

    def _beat(self, now: float) -> None:
        if self._unmarked() and self.writable:
            self.say(self._marked())
        super()._beat(now)


def _close_code(error: PlayerError) -> CloseCode:
    match error:
        case NotAuthenticated():
            return error.close_code
        case Banned():
            return CloseCode.BANNED
        case _ if error.retry_after is not None:
            # Others may have used up the tries: who has the right password shouldn't stay away.
            return CloseCode.TRY_LATER
        case _:
            return CloseCode.NOT_AUTHENTICATED


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _hashed(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _rounded(seconds: float | None) -> float | None:
    """Return so many seconds to the millisecond, which is all that a client can act upon."""
    return None if seconds is None else round(seconds, 3)
