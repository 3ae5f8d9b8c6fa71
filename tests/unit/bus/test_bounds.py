"""What worlds are not told, whoever says it."""

from datetime import UTC, datetime
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mudserver.bus.codec import Codec
from mudserver.bus.vocabulary import VOCABULARY
from mudserver.errors import Garbled
from mudserver.ids import (
    AccountId,
    CommandId,
    Epoch,
    GatewayId,
    Generation,
    InputNumber,
    SessionId,
    TokenHash,
)
from mudserver.interfaces.authority import (
    Attended,
    LogIn,
    LookUpName,
    Origin,
    PasswordCredential,
    Transport,
)
from mudserver.interfaces.bus import Message
from mudserver.interfaces.continuity import AllReattached, Held, Reattach, StatesWanted
from mudserver.interfaces.play import Attach, Detached, Input
from mudserver.interfaces.undelivered import KeepUndelivered, Undelivered
from mudserver.session.moment import Moment

CODEC = Codec(VOCABULARY)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSION, GATEWAY = SessionId("g1-a"), GatewayId("g1")
HOME, WEB = Origin("192.0.2.1", secure=True), Transport.WEBSOCKET
TYPED = Input(SESSION, Generation(1), InputNumber(1), "look", CommandId("c1"))
ATTACH = Attach(SESSION, GATEWAY, PasswordCredential("Ann", "secret"), None, WEB, HOME)
ATTENDED = Attended(AccountId(1), "Ann", TokenHash("cafe"), NOW, ("Ann",))
HELD = Held(SESSION, Generation(1), ATTENDED, "Ann", WEB, HOME, False, InputNumber(0))
LETTER = Undelivered("i:1:0", "world", "Detached", b"", "Nobody.", 1, NOW, NOW)

#: More than a bigint holds.
HUGE: Any = 2**63


class BoundsTest(SynchronousTestCase):
    """Nothing gets to a world that PostgreSQL would refuse, or that nobody can mean."""

    def assert_refused(self, *values: Any) -> None:
        """Assert that each of those values is garbled where it arrives."""
        for value in values:
            payload = CODEC.encode(value)
            read = CODEC.decode_message if isinstance(value, Message) else CODEC.decode_request
            self.assertRaises(Garbled, read, payload)

    def test_lawful(self) -> None:
        """What is within bounds arrives."""
        said = evolve(TYPED, said=Moment(Epoch(1), 0))
        held = evolve(HELD, began=Moment(Epoch(2), 7))
        for value in (
            TYPED,
            said,
            ATTACH,
            Reattach(GATEWAY, (HELD, held)),
            KeepUndelivered((LETTER,)),
        ):
            payload = CODEC.encode(value)
            read = CODEC.decode_message if isinstance(value, Message) else CODEC.decode_request
            self.assertEqual(read(payload), value)

    def test_inputs(self) -> None:
        """So with what is typed: no session, number or id that can't be stored, and no book."""
        self.assert_refused(
            evolve(TYPED, session=SessionId("")),
            evolve(TYPED, session=SessionId("s" * 201)),
            evolve(TYPED, session=SessionId("s\0")),
            evolve(TYPED, number=HUGE),
            evolve(TYPED, number=InputNumber(-1)),
            evolve(TYPED, generation=HUGE),
            evolve(TYPED, text="x" * 10_001),
            evolve(TYPED, command=CommandId("")),
            evolve(TYPED, command=CommandId("c" * 65)),
            evolve(TYPED, command=CommandId("c\n")),
            evolve(TYPED, said=Moment(HUGE, 1)),
            evolve(TYPED, said=Moment(Epoch(1), -1)),
            Detached(SessionId("s\x7f"), Generation(1), quit=True),
        )

    def test_who_comes(self) -> None:
        """So with who comes, and from where."""
        nul, far = "An\0n", Origin("a" * 65, secure=True)
        self.assert_refused(
            evolve(ATTACH, session=SessionId("s" * 201)),
            evolve(ATTACH, gateway=GatewayId("g" * 65)),
            evolve(ATTACH, credential=PasswordCredential(nul, "secret")),
            evolve(ATTACH, credential=PasswordCredential("Ann", "s" * 10_001)),
            evolve(ATTACH, character=nul),
            evolve(ATTACH, origin=far),
            evolve(ATTACH, origin=Origin("192.0.2.1\0", secure=True)),
            LookUpName(nul, HOME),
            LogIn("Ann", "secret", far, WEB),
        )

    def test_who_goes_on(self) -> None:
        """So with what gateways hold."""
        for held in (
            evolve(HELD, session=SessionId("s\0")),
            evolve(HELD, settled=HUGE),
            evolve(HELD, began=Moment(Epoch(-1), 1)),
            evolve(HELD, began=Moment(Epoch(1), HUGE)),
            evolve(HELD, generation=Generation(-1)),
            evolve(HELD, attended=evolve(ATTENDED, account=HUGE)),
            evolve(HELD, attended=evolve(ATTENDED, token=TokenHash("x\0"))),
        ):
            self.assert_refused(Reattach(GATEWAY, (held,)))
        self.assert_refused(
            AllReattached(GATEWAY, -1, 0.0),
            AllReattached(GATEWAY, 1, float("nan"), Epoch(1)),
            AllReattached(GATEWAY, 1, float("inf")),
            StatesWanted(GATEWAY, (SESSION, SessionId(""))),
        )

    def test_dead_letters(self) -> None:
        """So with what is to be kept."""
        for letter in (
            evolve(LETTER, id=""),
            evolve(LETTER, kind=""),
            evolve(LETTER, attempts=HUGE),
        ):
            self.assert_refused(KeepUndelivered((letter,)))
        unlikely = KeepUndelivered((evolve(LETTER, kind="K\0", error="\0" * 10_000),))
        self.assertEqual(CODEC.decode_request(CODEC.encode(unlikely)), unlikely)
