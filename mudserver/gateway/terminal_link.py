"""The link of a client that shows lines of text: telnet, for now."""

from mudserver.errors import Banned, CloseCode, PlayerError, Unavailable
from mudserver.gateway.admission import Place
from mudserver.gateway.dress import TerminalDress
from mudserver.gateway.link import Link
from mudserver.gateway.seat import Seat
from mudserver.gateway.shared import Shared
from mudserver.gateway.wires import TerminalWire
from mudserver.ids import TokenHash
from mudserver.interfaces.authority import (
    ChangePassword,
    LookUpName,
    NameState,
    Origin,
    PasswordCredential,
    Register,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attached, Ended, Settled
from mudserver.session.connection import Phase
from mudserver.session.dialogue import (
    Ask,
    Change,
    FindName,
    Leave,
    LoginDialogue,
    PasswordDialogue,
    Say,
    SignIn,
    SignUp,
    Step,
)
from mudserver.session.outbox import Frame
from mudserver.view.line import Line
from mudserver.wire.messages import MAX_COMMAND_CHARACTERS

#: One for all: that two are the same one is seen faster than that they are equal.
_DRESS = TerminalDress()

_PROMPT = Ask("> ")
_AWAY = "The world is away; try again in a moment."
_HERE = "[Yes, here.]"


class TerminalLink(Link):
    """
    Drives a connection of lines: a conversation to log in, then commands.

    Output that arrives while a prompt stands starts on a row of its own, and one prompt
    follows each burst.

    Args:
        shared: What all links of the gateway have in common.
        wire: The transport.
        origin: Where the peer is.
        place: What the connection takes up.
        banner: What is shown first.
    """

    _wire: TerminalWire

    def __init__(
        self, shared: Shared, wire: TerminalWire, origin: Origin, place: Place, banner: str
    ) -> None:
        super().__init__(
            shared,
            wire,
            origin,
            place,
            transport=Transport.TELNET,
            pulse=shared.limits.telnet,
            stall=shared.limits.telnet_stall,
            dress=_DRESS,
        )
        self._banner = banner
        self._login = LoginDialogue()
        self._change: PasswordDialogue | None = None
        self._early: list[str] = []
        self._asked = _PROMPT
        self._standing = False
        self._hidden = False
        self._answers_probes = False
        self._give_up_at = shared.clock.seconds() + shared.limits.login
        self._token: TokenHash | None = None
        self._last_words: Line | None = None

    # ------------------------------------------------------------ from the client

    def heard(self) -> None:
        """The client sent something."""
        self._heartbeat.heard(self._shared.clock.seconds())

    def answered(self) -> None:
        """Implement `Contact.answered`: such a client may be given up when it stops answering."""
        self._answers_probes = True
        super().answered()

    def asked(self) -> bool:
        """The client sent something that is no line; return whether to answer it."""
        return self._speaks() and self.affords()

    def are_you_there(self) -> None:
        """The client wants to see that we are (RFC 854, AYT)."""
        standing = self._standing
        self._show(_HERE)
        if standing:
            self._ask(self._asked)

    def line(self, text: str) -> None:
        """Take a line that the player typed."""
        self._standing = self._standing and self._hidden
        match self._state.phase:
            case Phase.GREETING | Phase.AUTHENTICATING:
                if self.affords():
                    self._answer(text)
            case Phase.ATTACHED:
                self._type(text)
            case _:
                pass

    def line_refused(self, limit: int) -> None:
        """The client sent a line of more bytes than that; it was thrown away."""
        if self._speaks():
            self._standing = self._standing and self._hidden
            self.reject("too_long", f"That line is too long: {limit} bytes at most.")

    def _answer(self, text: str) -> None:
        """Go on with the conversation that logs in."""
        if not self._login.waiting:
            self._set_deadline(self._patience())
            self._perform(self._login.line(text))
        elif len(self._early) < self._shared.limits.early:
            self._early.append(text)
        else:
            self.close(CloseCode.TOO_MANY_MESSAGES, "Too many messages.")

    def _type(self, text: str) -> None:
        if self._change is not None:
            if self.affords():
                self._perform(self._change.line(text))
        elif not text.strip():
            if self.affords():
                self._ask(_PROMPT)
        elif len(text) > MAX_COMMAND_CHARACTERS:
            self.reject("too_long", f"A command has at most {MAX_COMMAND_CHARACTERS} characters.")
        else:
            self.submit(text)

    # ------------------------------------------------------------ the conversations

    def greet(self) -> None:
        """Implement `Contact.greet`."""
        self._show(self._banner)
        self._perform(self._login.start())

    def _perform(self, steps: tuple[Step, ...]) -> None:
        # What comes of a sign-up may be the question for another password: until then input stays
        # hidden, since a client has to agree before it can be hidden once more (RFC 1143).
        if self._hidden and not any(isinstance(step, SignUp) for step in steps):
            self._end_row(any(isinstance(step, Ask) and step.secret for step in steps))
        for step in steps:
            match step:
                case Say(text):
                    self._show(text)
                case Ask():
                    self._ask(step)
                case FindName(name):
                    self.begin("look_up_name", self._find(name))
                case SignUp(name, password):
                    self.begin("register", self._sign_up(name, password))
                case SignIn(name, password):
                    self.authenticate(PasswordCredential(name, password), None)
                case Change(old, new):
                    self._change = None
                    self.begin("change_password", self._change_password(old, new))
                case Leave(reason):
                    self._give_up(reason)

    def _continue(self, steps: tuple[Step, ...]) -> None:
        """The world has answered: go on, also with what was typed meanwhile."""
        if not self._speaks():
            return
        self._set_deadline(self._patience())
        self._perform(steps)
        while self._early and self._speaks() and not self._login.waiting:
            self._standing = self._standing and self._hidden
            self._answer(self._early.pop(0))

    async def _find(self, name: str) -> None:
        try:
            state = await self._shared.bus.request(WORLD, LookUpName(name, self._origin))
        except PlayerError as error:
            self._continue(self._login.name_refused(error.message))
        except Unavailable:
            self._continue(self._login.name_refused(_AWAY))
        else:
            known = state is NameState.KNOWN
            self._continue(self._login.known() if known else self._login.unknown())

    async def _sign_up(self, name: str, password: str) -> None:
        try:
            await self._shared.bus.request(
                WORLD, Register(name, password, self._origin, self._transport)
            )
        except PlayerError as error:
            if error.code == "bad_password":
                self._continue(self._login.password_refused(error.message))
            else:
                self._continue(self._login.name_refused(error.message))
        except Unavailable:
            self._continue(self._login.name_refused(_AWAY))
        else:
            self._continue(self._login.signed_up())

    async def _change_password(self, old: str, new: str) -> None:
        assert self._token is not None and self._play is not None
        try:
            await self._shared.bus.request(
                WORLD,
                ChangePassword(self._token, old, new, self._origin, self._transport, self._play.id),
            )
        except PlayerError as error:
            self._tell(error.message)
        except Unavailable:
            self._tell(_AWAY)
        else:
            self._tell("Your password is changed.")

    def _give_up(self, reason: str) -> None:
        if self._change is None:
            self.close(CloseCode.NOT_AUTHENTICATED, reason)
        else:
            self._change = None
            self._tell(reason)

    # ------------------------------------------------------------ from the world

    def refused(self, error: PlayerError) -> None:
        """Implement `Link.refused`: who is banned need not try again."""
        if isinstance(error, Banned):
            self.close(CloseCode.BANNED, error.message)
        else:
            self._continue(self._login.sign_in_failed(error.message))

    def admitted(self, seat: Seat, attached: Attached) -> None:
        """Implement `Link.admitted`: the room comes next, and then the prompt."""
        del seat
        self._token = attached.attended.token
        self._asked = _PROMPT
        early, self._early = self._early, []
        for text in early:
            self.line(text)

    def carry(self, burst: list[bytes]) -> None:
        """Implement `Carrier.carry`: one prompt follows each burst."""
        if burst and self._speaks():
            start = b"\r\n" if self._standing else b""
            self.say(start + b"".join(burst) + self._prompt())
            self._standing = True

    def answer(self, settled: Settled) -> None:
        """Implement `Link.answer`: what had no output gets its prompt now."""
        if settled.refusal is not None:
            self._tell(settled.refusal.message)
        elif not self._standing and self._seat is not None and not self._seat.play.outbox.pending:
            self._ask(self._asked)

    def expiring(self, seconds: float) -> None:
        """Implement `Link.expiring`."""
        self._tell(f"Your log-in ends in {seconds:.0f} seconds.")

    def ended(self, ended: Ended) -> None:
        """Implement `Carrier.ended`."""
        self._last_words = ended.farewell
        super().ended(ended)

    def password_wanted(self) -> None:
        """Implement `Link.password_wanted`."""
        if self._change is None:
            self._change = PasswordDialogue()
            self._perform(self._change.start())

    def refuse(self, code: str, message: str, id: str | None, retry_after: float | None) -> None:
        """Implement `Link.refuse`; in the conversation that logs in, the question stands again."""
        del code, id, retry_after
        self._tell(message)
        if self._state.phase is Phase.GREETING and not self._login.waiting:
            self._ask(self._asked)

    def farewell(self, pending: list[bytes], code: CloseCode, reason: str, back_in: float) -> bytes:
        """Implement `Contact.farewell`; who left on purpose was told already."""
        del back_in
        shown = self._wire.hide_input(False) if self._hidden else b""
        last = b""
        if self._last_words is not None:
            last = _DRESS.line(self._last_words)
        elif code is not CloseCode.NORMAL:
            last = _DRESS.text(reason)
        return b"".join((shown, b"\r\n" if self._standing else b"", *pending, last))

    def _patience(self) -> float:
        limits = self._shared.limits
        return max(0.0, min(limits.answer, self._give_up_at - self._shared.clock.seconds()))

    def _beat(self, now: float) -> None:
        """Silence after a probe tells something only of a client that has answered one."""
        if not self._answers_probes and now >= self._heartbeat.deadline:
            self._heartbeat.answered(now)
            self._wire.probe()
        else:
            super()._beat(now)

    # ------------------------------------------------------------ what the player sees

    def _tell(self, text: str) -> None:
        """Show a line in its turn."""
        if self._seat is None:
            self._show(text)
        else:
            self._seat.offer(Frame(_DRESS.text(text), play=False))

    def _show(self, text: str) -> None:
        """Show a line now."""
        start = b"\r\n" if self._standing else b""
        self._standing = False
        self.say(start + _DRESS.text(text))

    def _end_row(self, still_hidden: bool) -> None:
        """End the row that a hidden answer was typed in; unless another follows, show input."""
        if not still_hidden:
            self._hidden = False
            self.say(self._wire.hide_input(False))
        self.say(b"\r\n")
        self._standing = False
        self._asked = _PROMPT

    def _ask(self, ask: Ask) -> None:
        """Show a prompt now."""
        if ask.secret and not self._hidden:
            self._hidden = True
            self.say(self._wire.hide_input(True))
        self._asked = ask
        start = b"\r\n" if self._standing else b""
        self.say(start + self._prompt())
        self._standing = True

    def _prompt(self) -> bytes:
        return self._asked.prompt.encode() + self._wire.mark_prompt()
