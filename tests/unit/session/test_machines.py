"""The machines of connections and sessions."""

from hashlib import sha256

from automat import NoTransition
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import CloseCode
from mudserver.ids import Generation, SessionId
from mudserver.session.connection import Phase, Standing, connection_machine
from mudserver.session.outbox import Outbox, OutboxLimits
from mudserver.session.session import Play, ResumeSecrets, Stage, session_machine


class ConnectionTests(SynchronousTestCase):
    """A connection goes through its phases and ends once."""

    def setUp(self) -> None:
        self.standing = Standing()
        self.connection = connection_machine(self.standing)

    def test_the_usual_way(self) -> None:
        """Accepted, greeting, authenticating, attached, closing, closed."""
        phases = [self.standing.phase]
        for step in (
            self.connection.open,
            self.connection.claim,
            self.connection.admit,
            lambda: self.connection.close(CloseCode.NORMAL, "Goodbye."),
            lambda: self.connection.lose("gone"),
        ):
            self.assertTrue(step())
            phases.append(self.standing.phase)
        self.assertEqual(list(Phase), phases)

    def test_second_try(self) -> None:
        """Who was declined is greeting again."""
        self.connection.open()
        self.connection.claim()
        self.connection.decline()
        self.assertIs(Phase.GREETING, self.standing.phase)

    def test_first_reason_counts(self) -> None:
        """A second close and the loss that follows don't change why it ended."""
        self.connection.open()
        self.assertTrue(self.connection.close(CloseCode.KICKED, "kicked"))
        self.assertFalse(self.connection.close(CloseCode.TOO_SLOW, "slow"))
        self.assertTrue(self.connection.lose("reset"))
        self.assertEqual(Standing(Phase.CLOSED, CloseCode.KICKED, "kicked"), self.standing)

    def test_lost_once(self) -> None:
        """Only the first loss makes a difference, whatever the phase."""
        self.assertTrue(self.connection.lose("reset"))
        self.assertFalse(self.connection.lose("reset"))
        self.assertEqual(Standing(Phase.CLOSED, None, "reset"), self.standing)

    def test_too_late(self) -> None:
        """An answer of the world that comes after the end makes no difference."""
        self.connection.open()
        self.connection.claim()
        self.connection.lose("reset")
        self.assertFalse(self.connection.admit())
        self.assertFalse(self.connection.decline())

    def test_no_short_cut(self) -> None:
        """Nobody is attached who didn't authenticate."""
        self.connection.open()
        self.assertRaises(NoTransition, self.connection.admit)

    @given(st.lists(st.sampled_from(["open", "claim", "decline", "admit", "close", "lose"])))
    def test_always_ends(self, names: list[str]) -> None:
        """Whatever happened before: lose leads to closed, and is told exactly once."""
        standing, losses = Standing(), 0
        connection = connection_machine(standing)
        for name in [*names, "lose"]:
            arguments = {"close": (CloseCode.NORMAL, ""), "lose": ("",)}.get(name, ())
            try:
                changed = getattr(connection, name)(*arguments)
            except NoTransition:
                continue
            losses += name == "lose" and changed
        self.assertIs(Phase.CLOSED, standing.phase)
        self.assertEqual(1, losses)


class SessionTests(SynchronousTestCase):
    """A session outlives its connections, and ends once."""

    def setUp(self) -> None:
        self.play = Play(SessionId("s"), Outbox(OutboxLimits()))
        self.session = session_machine(self.play)

    def test_stages(self) -> None:
        """Choosing, playing, link-dead, playing again, ended."""
        self.assertIs(Stage.CHOOSING, self.session.stage())
        self.session.attach(Generation(1))
        self.assertIs(Stage.PLAYING, self.session.stage())
        self.session.detach()
        self.assertIs(Stage.LINK_DEAD, self.session.stage())
        self.session.attach(Generation(2))
        self.assertEqual((Stage.PLAYING, 2), (self.session.stage(), self.play.generation))
        self.assertTrue(self.session.end())
        self.assertFalse(self.session.end())
        self.assertFalse(self.session.attach(Generation(3)))
        self.assertIs(Stage.ENDED, self.session.stage())

    def test_another_world(self) -> None:
        """A world that goes on with a session leaves it where it stands."""
        self.assertFalse(self.session.renew(Generation(1)))
        self.session.attach(Generation(1))
        self.assertTrue(self.session.renew(Generation(2)))
        self.assertEqual((Stage.PLAYING, 2), (self.session.stage(), self.play.generation))
        self.session.detach()
        self.assertTrue(self.session.renew(Generation(3)))
        self.assertEqual((Stage.LINK_DEAD, 3), (self.session.stage(), self.play.generation))
        self.session.end()
        self.assertFalse(self.session.renew(Generation(4)))
        self.assertEqual(3, self.play.generation)


def hashed(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


class ResumeSecretsTests(SynchronousTestCase):
    """A resume secret works until its successor has arrived."""

    def setUp(self) -> None:
        self.secrets = ResumeSecrets()

    def test_none_at_first(self) -> None:
        """Before there is a secret nothing is accepted, the empty one neither."""
        self.assertFalse(self.secrets.accepts(hashed("")))
        self.assertFalse(self.secrets.accepts(""))

    def test_rotation(self) -> None:
        """Old and new work until the client was heard; then the new one only."""
        self.secrets.rotate(hashed("old"))
        self.secrets.rotate(hashed("new"))
        self.assertTrue(self.secrets.accepts(hashed("old")))
        self.secrets.confirm()
        self.assertFalse(self.secrets.accepts(hashed("old")))
        self.assertTrue(self.secrets.accepts(hashed("new")))

    def test_not_printed(self) -> None:
        """The hashes stay out of logs."""
        self.secrets.rotate(hashed("secret"))
        self.assertNotIn(hashed("secret"), repr(self.secrets))
