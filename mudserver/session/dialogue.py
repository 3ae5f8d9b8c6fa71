"""
The conversations that a line-based terminal needs where a browser has forms.

Each takes the lines that the player types and the answers of the world, and returns what
to do next. Passwords pass through and are kept no longer than the conversation.
"""

from enum import Enum

from attrs import define, field, frozen

#: How often a password may be wrong before the connection closes.
MAX_FAILURES = 3


@frozen
class Say:
    """Show a line."""

    text: str


@frozen
class Ask:
    """
    Show a prompt and wait for a line.

    Attributes:
        prompt: What to show.
        secret: Whether the terminal shouldn't show what is typed.
    """

    prompt: str
    secret: bool = False


@frozen
class FindName:
    """Look up whether that name is known."""

    name: str


@frozen
class SignUp:
    """Make an account."""

    name: str
    password: str = field(repr=False)


@frozen
class SignIn:
    """Log in."""

    name: str
    password: str = field(repr=False)


@frozen
class Change:
    """Change the password."""

    old: str = field(repr=False)
    new: str = field(repr=False)


@frozen
class Leave:
    """The conversation is over without success."""

    reason: str


Step = Say | Ask | FindName | SignUp | SignIn | Change | Leave

_NAME = Ask("Name: ")
_PASSWORD = Ask("Password: ", secret=True)
_AGAIN = Ask("Again: ", secret=True)
_DIFFER = Say("Those two differ.")


class _Stage(Enum):
    NAME = "name"
    PASSWORD = "password"
    CREATE = "create"
    NEW_PASSWORD = "new password"
    AGAIN = "again"
    WAITING = "waiting for the world"


@define
class LoginDialogue:
    """
    From the banner to a `SignIn` that succeeds.

    Lines that arrive while the world is asked must be held back: see `waiting`.
    """

    _stage: _Stage = field(init=False, default=_Stage.NAME)
    _name: str = field(init=False, default="")
    _password: str = field(init=False, default="", repr=False)
    _failures: int = field(init=False, default=0)

    @property
    def waiting(self) -> bool:
        """Whether the world must answer before the next line counts."""
        return self._stage is _Stage.WAITING

    def start(self) -> tuple[Step, ...]:
        """Begin, or begin again."""
        self._stage = _Stage.NAME
        self._password = ""
        return (_NAME,)

    def line(self, text: str) -> tuple[Step, ...]:
        """
        Take a line that the player typed.

        Raises:
            RuntimeError: The world has not answered yet.
        """
        match self._stage:
            case _Stage.NAME:
                return self._take_name(text.strip())
            case _Stage.PASSWORD:
                return self._sign_in(self._name, text)
            case _Stage.CREATE:
                return self._take_decision(text.strip().lower())
            case _Stage.NEW_PASSWORD:
                self._password = text
                self._stage = _Stage.AGAIN
                return (_AGAIN,)
            case _Stage.AGAIN:
                return self._take_repetition(text)
            case _Stage.WAITING:
                raise RuntimeError("a line came while the world was asked")

    def known(self) -> tuple[Step, ...]:
        """The world knows that name."""
        self._stage = _Stage.PASSWORD
        return (_PASSWORD,)

    def unknown(self) -> tuple[Step, ...]:
        """The world doesn't know that name, and would take it."""
        self._stage = _Stage.CREATE
        return (self._offer(),)

    def name_refused(self, reason: str) -> tuple[Step, ...]:
        """The world wouldn't take that name."""
        return (Say(reason), *self.start())

    def password_refused(self, reason: str) -> tuple[Step, ...]:
        """The world wouldn't take that password for a new account."""
        self._stage = _Stage.NEW_PASSWORD
        return (Say(reason), _PASSWORD)

    def signed_up(self) -> tuple[Step, ...]:
        """The account is made: go in with it."""
        return self._sign_in(self._name, self._password)

    def sign_in_failed(self, reason: str) -> tuple[Step, ...]:
        """The world didn't accept that name and password."""
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            return (Say(reason), Leave("Too many failures."))
        return (Say(reason), *self.start())

    def _take_name(self, text: str) -> tuple[Step, ...]:
        words = text.split()
        if not words:
            return (_NAME,)
        if words[0].lower() == "connect" and len(words) > 1:
            name, _, password = text.split(None, 1)[1].partition(" ")
            if password:
                return self._sign_in(name, password)
            return self._find(name)
        return self._find(text)

    def _find(self, name: str) -> tuple[Step, ...]:
        self._name = name[:1].upper() + name[1:]
        self._stage = _Stage.WAITING
        return (FindName(name),)

    def _take_decision(self, answer: str) -> tuple[Step, ...]:
        if answer in ("y", "yes"):
            self._stage = _Stage.NEW_PASSWORD
            return (_PASSWORD,)
        if answer in ("n", "no", ""):
            return self.start()
        return (self._offer(),)

    def _offer(self) -> Ask:
        return Ask(f"Create {self._name}? (y/n) ")

    def _take_repetition(self, text: str) -> tuple[Step, ...]:
        if text != self._password:
            self._password = ""
            self._stage = _Stage.NEW_PASSWORD
            return (_DIFFER, _PASSWORD)
        self._stage = _Stage.WAITING
        return (SignUp(self._name, self._password),)

    def _sign_in(self, name: str, password: str) -> tuple[Step, ...]:
        self._password = ""
        self._stage = _Stage.WAITING
        return (SignIn(name, password),)


@define
class PasswordDialogue:
    """Old password, new one, new one again; an empty line gives up."""

    _old: str | None = field(init=False, default=None, repr=False)
    _new: str | None = field(init=False, default=None, repr=False)

    def start(self) -> tuple[Step, ...]:
        """Begin."""
        return (Ask("Old password: ", secret=True),)

    def line(self, text: str) -> tuple[Step, ...]:
        """Take a line that the player typed; `Change` or `Leave` is the end."""
        if not text:
            return (Leave("The password stays as it is."),)
        if self._old is None:
            self._old = text
            return (Ask("New password: ", secret=True),)
        if self._new is None:
            self._new = text
            return (_AGAIN,)
        if text != self._new:
            return (Leave("Those two differ. The password stays as it is."),)
        return (Change(self._old, self._new),)
