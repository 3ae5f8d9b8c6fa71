"""What a game is allowed and promises: how much, how many, how long."""

from datetime import timedelta

from attrs import field, frozen

from mudserver.game.dirt import JournalLimits
from mudserver.game.pressure import PressureLimits
from mudserver.game.sessions import MAX_SESSIONS
from mudserver.game.throttle import ThrottleLimits
from mudserver.game.verb_allowances import VerbLimits
from mudserver.interfaces.history import Retention
from mudserver.world.networks import LOOPBACK, IPNetwork


@frozen
class AccountLimits:
    """
    How long authority lasts, and how passwords may travel.

    Attributes:
        ticket_life: From issue to use.
        token_idle: A token ends when it wasn't used for so long.
        token_life: A token ends so long after the login, however much it was used.
        token_step: A token's end isn't moved by less than this, to spare the database; nor by less
            than a sixtieth of ``token_idle``, if that is shorter.
        warn_ahead: So long before its token's end a session is warned, the longest first; but no
            earlier than in the last quarter of ``token_idle``, and the later ones in its last
            twentieth.
        clear_passwords: Whether passwords may come over HTTP and WebSocket that others can read.
        clear_staff_passwords: Whether those of staff may come over such telnet; players' may.
        throttle: How often a password may be tried.
    """

    ticket_life: timedelta = timedelta(seconds=30)
    token_idle: timedelta = timedelta(hours=12)
    token_life: timedelta = timedelta(days=30)
    token_step: timedelta = timedelta(minutes=1)
    warn_ahead: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=1))
    clear_passwords: bool = False
    clear_staff_passwords: bool = False
    throttle: ThrottleLimits = field(factory=ThrottleLimits)

    @property
    def step(self) -> timedelta:
        """By how much a token's end is moved at least."""
        return min(self.token_step, self.token_idle / 60)

    @property
    def warnings(self) -> tuple[float, ...]:
        """Seconds before a token's end at which its sessions are warned, the longest first."""
        shares = (self.token_idle / 4, *(self.token_idle / 20 for _ in self.warn_ahead[1:]))
        return tuple(
            min(ahead, share).total_seconds()
            for ahead, share in zip(self.warn_ahead, shares, strict=False)
        )


@frozen
class PresenceLimits:
    """
    How many may be in the world, and for how long without a connection.

    Attributes:
        sessions: How many at once.
        grace: Seconds for which a character whose connection is lost stays.
    """

    sessions: int = MAX_SESSIONS
    grace: float = 120.0


@frozen
class GameLimits:
    """
    How much, how many, how long.

    Attributes:
        protected: Networks whose ban would lock out those who run the server.
        logins: For how long is kept who logged in.
    """

    accounts: AccountLimits = field(factory=AccountLimits)
    presence: PresenceLimits = field(factory=PresenceLimits)
    pressure: PressureLimits = field(factory=PressureLimits)
    journal: JournalLimits = field(factory=JournalLimits)
    verbs: VerbLimits = field(factory=VerbLimits)
    protected: tuple[IPNetwork, ...] = LOOPBACK
    logins: timedelta = timedelta(days=90)
    history: Retention = field(factory=Retention)
