"""Who is not heard: mutes and silences."""

from mudserver.interfaces.authority import PasswordCredential, Register
from mudserver.interfaces.bus import WORLD
from mudserver.world.role import Role
from tests.unit.game.scene import CommandsTestCase
from tests.unit.game.theatre import HOME, PASSWORD


class MuteTest(CommandsTestCase):
    def test_ends_by_itself(self) -> None:
        """A mute with an end is in force until then, and no longer."""
        self.type(self.ann, "mute bob 30 He shouts.", "a")
        self.assertEqual(self.gateway.lines(self.ann), ["You no longer hear Bob, for 30 minutes."])
        self.gateway.forget()
        self.type(self.bob, "say hello")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.clock.advance(30 * 60)
        self.type(self.bob, "say again")
        self.assertEqual(self.gateway.lines(self.ann), ['Bob says, "again"'])

    def test_outlives_the_session(self) -> None:
        """A mute, with its end, is there again when the character comes back."""
        self.type(self.ann, "mute bob 30")
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.ann = self.enter("Ann")
        self.clock.advance(29 * 60)
        self.type(self.ann, "mute")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "You mute:\n  Bob (for 1 minute more)")
        self.clock.advance(60)
        self.type(self.ann, "mute")
        self.assertEqual(self.gateway.lines(self.ann)[-1], "You mute nobody.")

    def test_absent_staff(self) -> None:
        """Those who keep order can't be muted, even while they are away."""
        boss = self.successResultOf(self.account_store.register("Boss", "$argon2id$"))
        self.successResultOf(self.account_store.set_role(boss.id, Role.ADMIN))
        self.type(self.ann, "mute boss", "a")
        self.assertEqual(self.codes(), [("a", "not_allowed")])
        self.assertEqual(len(self.database.mutes), 0)

    def test_appointed(self) -> None:
        """One who becomes staff is heard at once by those who muted them."""
        self.type(self.ann, "mute bob")
        bob = self.game.sessions.playing(self.game.world.characters_beginning("bob").__next__().id)
        assert bob is not None
        self.game.presence.appoint(bob.attended.account, Role.ADMIN)
        self.advance()
        self.assertEqual(self.gateway.lines(self.bob), ["Your role here is now admin."])
        self.type(self.bob, "say hello")
        self.assertEqual(self.gateway.lines(self.ann)[-1], 'Bob says, "hello"')

    def test_appointed_while_arriving(self) -> None:
        """Whenever an account is appointed while its character arrives, the role holds."""
        for turns, name in enumerate(("Cid", "Dot", "Eve", "Fay", "Gus", "Hal")):
            self.successResultOf(self.bus.request(WORLD, Register(name, PASSWORD, HOME)))
            row = self.successResultOf(self.account_store.by_name(name))
            assert row is not None
            attaching = self.gateway.attach(PasswordCredential(name, PASSWORD))
            self.clock.pump([0.0] * turns)
            self.successResultOf(self.account_store.set_role(row.id, Role.ADMIN))
            self.game.presence.appoint(row.id, Role.ADMIN)
            self.advance()
            self.successResultOf(attaching)
            character = self.game.world.character_named(name)
            assert character is not None
            self.assertIs(character.role, Role.ADMIN, name)


class SilenceTest(CommandsTestCase):
    def setUp(self) -> None:
        super().setUp()
        boss = self.successResultOf(self.bus.request(WORLD, Register("Boss", PASSWORD, HOME)))
        row = self.successResultOf(self.account_store.by_name(boss.account))
        assert row is not None
        self.successResultOf(self.account_store.set_role(row.id, Role.ADMIN))
        self.boss = self.enter("Boss")
        self.gateway.forget()

    def test_confirmed_when_committed(self) -> None:
        """A silence holds at once; the two hear of it when it is committed, and not before."""
        self.database.hold()
        self.gateway.type(self.boss, "silence bob 2h Enough.", "s")
        self.advance()
        self.assertEqual(self.gateway.lines(self.boss), [])
        self.assertEqual(self.gateway.settled(self.boss), [])
        self.assertEqual(self.gateway.lines(self.bob), [])
        self.database.release()
        self.advance()
        end = "until 2026-01-01 02:00 UTC: Enough."
        self.assertEqual(self.gateway.lines(self.boss), [f"Bob is silenced {end}"])
        self.assertEqual(self.gateway.lines(self.bob), [f"You are silenced {end}"])
        self.assertEqual([each.refusal for each in self.gateway.settled(self.boss)], [None])
        self.assertEqual(len(self.database.silences), 1)

    def test_written_at_once(self) -> None:
        """A silence doesn't wait for more to be written."""
        self.gateway.type(self.boss, "silence bob", "s")
        self.clock.advance(0)
        self.assertEqual(len(self.database.silences), 1)

    def test_hushed(self) -> None:
        """The words of the silenced are refused; staff who are there hear them, marked."""
        self.type(self.boss, "silence ann Enough.")
        self.gateway.forget()
        self.type(self.ann, "say hello", "a")
        self.type(self.ann, ":waves", "b")
        self.type(self.ann, "tell bob psst", "c")
        self.assertEqual(self.codes(), [("a", "silenced"), ("b", "silenced"), ("c", "silenced")])
        (refusal, *_) = [each.refusal for each in self.gateway.settled(self.ann)]
        assert refusal is not None
        self.assertEqual(refusal.message, "You are silenced: Enough.")
        self.assertEqual(self.gateway.lines(self.ann), [])
        self.assertEqual(self.gateway.lines(self.bob), [])
        self.assertEqual(
            self.gateway.lines(self.boss), ['[silenced] Ann says, "hello"', "[silenced] Ann waves"]
        )

    def test_ends(self) -> None:
        """A silence ends by itself, and by unsilence."""
        self.type(self.boss, "silence ann 30")
        self.clock.advance(30 * 60)
        self.type(self.ann, "say hello", "a")
        self.type(self.boss, "silence ann 30")
        self.type(self.boss, "unsilence ann")
        self.type(self.ann, "say hello", "b")
        self.assertEqual(self.codes(), [("a", None), ("b", None)])
        self.assertEqual(self.gateway.lines(self.boss)[-2], "Ann is heard again.")
        self.assertEqual(self.database.silences, {})

    def test_on_a_channel(self) -> None:
        """A silence on one channel concerns that channel alone; staff there hears it, marked."""
        self.type(self.boss, "silence ann on chat 30 Enough.")
        self.assertEqual(
            self.gateway.lines(self.ann),
            ["You are silenced on chat until 2026-01-01 00:30 UTC: Enough."],
        )
        self.gateway.forget()
        self.type(self.ann, "chat one", "a")
        self.type(self.ann, "newbie two", "b")
        self.type(self.ann, "say three", "c")
        self.assertEqual(self.codes(), [("a", "silenced"), ("b", None), ("c", None)])
        (refusal, *_) = [each.refusal for each in self.gateway.settled(self.ann)]
        assert refusal is not None
        self.assertEqual(
            refusal.message, "You are silenced on chat until 2026-01-01 00:30 UTC: Enough."
        )
        heard = ["[newbie] Ann: two", 'Ann says, "three"']
        self.assertEqual(self.gateway.lines(self.bob), heard)
        self.assertEqual(self.gateway.lines(self.boss), ["[silenced] [chat] Ann: one", *heard])
        self.clock.advance(30 * 60)
        self.type(self.ann, "chat four", "d")
        self.assertEqual(self.codes()[-1], ("d", None))

    def test_on_a_channel_written_at_once(self) -> None:
        """It doesn't wait for more to be written, and is lifted like any other."""
        self.gateway.type(self.boss, "silence bob on chat", "s")
        self.clock.advance(0)
        self.assertEqual(len(self.database.channel_silences), 1)
        self.type(self.boss, "unsilence bob on chat")
        self.assertEqual(self.database.channel_silences, {})

    def test_outlives_restarts(self) -> None:
        """An absent player is silenced, and is so still after a restart."""
        self.gateway.detach(self.ann, by_choice=True)
        self.advance()
        self.type(self.boss, "silence ann 2h")
        self.assertRegex(self.gateway.lines(self.boss)[-1], "^Ann is silenced until ")
        self.successResultOf(self.service.stopService())
        self.database.tokens.clear()  # a new run has new secrets; this one's repeat themselves
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.ann = self.enter("Ann")
        self.type(self.ann, "say hello", "a")
        self.assertEqual(self.codes(), [("a", "silenced")])

    def test_refused_by_the_database(self) -> None:
        """A silence that can't be saved is not confirmed, and doesn't hold."""
        self.database.refuses = lambda row: row.entity[0] == "silence"
        self.type(self.boss, "silence ann", "s")
        self.assertEqual(self.gateway.lines(self.boss), [])
        self.type(self.ann, "say hello", "a")
        self.assertEqual(self.codes(), [("a", None)])
        self.flushLoggedErrors()
