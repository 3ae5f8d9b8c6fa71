"""Passwords buy tokens, tokens buy tickets, and all of them end."""

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from mudserver.errors import (
    BadName,
    BadPassword,
    Banned,
    CloseCode,
    InsecureConnection,
    NameTaken,
    NotAuthenticated,
    Overloaded,
    PlayerError,
    StorageUnavailable,
    TooManyTries,
    Unavailable,
    WrongCredentials,
)
from mudserver.game.hasher import HashParameters
from mudserver.game.limits import AccountLimits, GameLimits
from mudserver.game.login_attempts import MAX_HELD
from mudserver.game.tokens import csrf_of, hash_secret
from mudserver.ids import SessionId, TokenHash
from mudserver.interfaces.authority import (
    ChangePassword,
    Describe,
    Described,
    IssueTicket,
    LoggedIn,
    LogIn,
    LookUpName,
    NameState,
    Origin,
    PasswordCredential,
    Refresh,
    Register,
    Revoke,
    TicketCredential,
    Transport,
)
from mudserver.interfaces.bus import WORLD
from mudserver.interfaces.play import Attached
from mudserver.world.role import Role
from tests.unit.game.theatre import HOME, PASSWORD, GameTestCase

HOUR = 3600.0
OPEN = Origin("198.51.100.7", secure=False)


class AccountsTestCase(GameTestCase):
    def logging_in(
        self,
        name: str = "Ann",
        password: str = PASSWORD,
        origin: Origin = HOME,
        transport: Transport = Transport.WEBSOCKET,
    ) -> Deferred[LoggedIn]:
        return self.bus.request(WORLD, LogIn(name, password, origin, transport))

    def logged_in(self, name: str = "Ann", password: str = PASSWORD) -> LoggedIn:
        return self.successResultOf(self.logging_in(name, password))

    def describing(self, token: str) -> Deferred[Described]:
        return self.bus.request(WORLD, Describe(token))

    def redeem(self, ticket: str, csrf: str) -> "Deferred[object]":
        accounts = self.game.accounts
        return Deferred.fromCoroutine(
            accounts.redeem(TicketCredential(ticket, csrf), HOME, Transport.WEBSOCKET)
        )


class RegisterTest(AccountsTestCase):
    def register(
        self, name: str, password: str = PASSWORD, origin: Origin = HOME
    ) -> "Deferred[object]":
        return self.bus.request(WORLD, Register(name, password, origin))

    def test_makes_account_and_character(self) -> None:
        """A new account has a character of its name, which begins with a capital."""
        registered = self.successResultOf(self.bus.request(WORLD, Register("cid", PASSWORD, HOME)))
        self.assertEqual((registered.account, registered.characters), ("Cid", ("Cid",)))
        self.assertEqual(self.logged_in("CID").attended.characters, ("Cid",))

    def test_refused(self) -> None:
        """Names and passwords that the rules refuse, and taken names, make no account."""
        self.failureResultOf(self.register("no one"), BadName)
        self.failureResultOf(self.register("north"), BadName)
        self.failureResultOf(self.register("Pellow"), BadName)
        self.failureResultOf(self.register("Cid", "short"), BadPassword)
        self.failureResultOf(self.register("Ludovico", "ludovico"), BadPassword)
        self.failureResultOf(self.register("ANN"), NameTaken)

    def test_only_encrypted(self) -> None:
        """A password that others could read is refused over HTTP, and taken over telnet."""
        self.failureResultOf(self.register("Cid", origin=OPEN), InsecureConnection)
        request = Register("Cid", PASSWORD, OPEN, Transport.TELNET)
        self.successResultOf(self.bus.request(WORLD, request))

    def test_ten_an_hour(self) -> None:
        """An address makes ten accounts an hour; refused attempts don't count."""
        names = ["Cid" + letter * 3 for letter in "abcdefghijk"]
        for _ in range(20):
            self.failureResultOf(self.register("Ann"), NameTaken)
        for name in names[:8]:  # Ann and Bob are there
            self.successResultOf(self.register(name))
        error = self.failureResultOf(self.register(names[8]), TooManyTries).value
        self.assertGreater(error.retry_after, 0)

    def test_unavailable(self) -> None:
        """A database that is away is no fault of the player's, and costs no try."""
        self.database.failure = StorageUnavailable("away")
        for _ in range(20):
            self.failureResultOf(self.register("Cid"), StorageUnavailable)
        self.database.failure = None
        self.successResultOf(self.register("Cid"))

    def test_look_up(self) -> None:
        """A name at the prompt is known, free or impossible; case doesn't matter."""

        def look_up(name: str) -> "Deferred[NameState]":
            return self.bus.request(WORLD, LookUpName(name, HOME))

        self.assertEqual(self.successResultOf(look_up("aNN")), NameState.KNOWN)
        self.assertEqual(self.successResultOf(look_up("Cid")), NameState.FREE)
        self.failureResultOf(look_up("look"), BadName)


class LogInTest(AccountsTestCase):
    def test_secrets(self) -> None:
        """What is given out is random and stored as hashes alone."""
        result = self.logged_in()
        self.assertGreaterEqual(len(result.token), 43)
        stored = str((self.database.tokens, self.database.tickets, self.database.accounts))
        for secret in (result.token, result.ticket, result.csrf, PASSWORD):
            self.assertNotIn(secret, stored)
            self.assertNotIn(secret, repr(result))
        self.assertIn(hash_secret(result.token), self.database.tokens)
        self.assertNotEqual(self.logged_in().token, result.token)

    def test_wrong(self) -> None:
        """A wrong password and an unknown account are the same to the one who asks."""
        wrong = self.failureResultOf(self.logging_in("Ann", "a wrong one"), WrongCredentials)
        unknown = self.failureResultOf(self.logging_in("Nobody", "a wrong one"), WrongCredentials)
        self.assertEqual(wrong.value.message, unknown.value.message)
        self.assertEqual(self.meter.counts["logins refused"], 2)

    def test_unknown_accounts_take_as_long(self) -> None:
        """A password is hashed for an account that doesn't exist, too."""
        self.threads.patient = True
        unknown = self.logging_in("Nobody")
        self.assertEqual(len(self.threads.waiting), 1)
        self.threads.work()
        self.failureResultOf(unknown, WrongCredentials)

    def test_throttled(self) -> None:
        """After five failures one waits; that is told before any password is hashed."""
        for _ in range(5):
            self.failureResultOf(self.logging_in(password="a wrong one"), WrongCredentials)
        self.threads.patient = True
        error = self.failureResultOf(self.logging_in(), TooManyTries).value
        self.assertEqual(error.retry_after, 1.0)
        self.assertEqual(self.threads.waiting, [])
        self.threads.patient = False
        self.clock.advance(1.0)
        self.logged_in()

    def test_many_at_once_are_throttled(self) -> None:
        """Passwords guessed side by side count before the first is judged."""
        self.threads.patient = True
        tries = [self.logging_in(password=f"guess number {i}") for i in range(20)]
        self.assertEqual(len(self.threads.waiting), 5)
        self.threads.work(5)
        for each in tries[:5]:
            self.failureResultOf(each, WrongCredentials)
        for each in tries[5:]:
            self.failureResultOf(each, TooManyTries)

    def test_many_at_once_with_the_right_password(self) -> None:
        """Whoever logs in twenty times at once gets in twenty times: only failures count."""
        self.threads.patient = True
        tries = [self.logging_in() for _ in range(20)]
        while self.threads.waiting:
            self.assertLessEqual(len(self.threads.waiting), 5)
            self.threads.work()
        for each in tries:
            self.successResultOf(each)

    def test_changed_while_held(self) -> None:
        """Who waits for others to be judged is judged by the password that counts by then."""
        self.threads.patient = True
        first = [self.logging_in() for _ in range(5)]
        held = self.logging_in()
        for id, account in self.database.accounts.items():
            if account.name == "Ann":
                self.database.accounts[id] = evolve(account, password_hash="another")
        while self.threads.waiting:
            self.threads.work()
        for each in first:
            self.successResultOf(each)
        self.failureResultOf(held, WrongCredentials)

    def test_too_many_held(self) -> None:
        """Of those who wait for others to be judged there is room for so many."""
        self.threads.patient = True
        tries = [self.logging_in() for _ in range(5 + MAX_HELD)]
        error = self.failureResultOf(self.logging_in(), TooManyTries).value
        self.assertEqual(error.retry_after, 1.0)
        while self.threads.waiting:
            self.threads.work()
        for each in tries:
            self.successResultOf(each)

    def test_held_and_gone(self) -> None:
        """Who gives up while waiting for others to be judged leaves nothing behind."""
        self.threads.patient = True
        attempts = self.game.attempts
        first = [self.logging_in() for _ in range(5)]
        held = Deferred.fromCoroutine(attempts.begin("ann", HOME.address))
        self.assertNoResult(held)
        held.cancel()
        self.failureResultOf(held, CancelledError)
        self.threads.work(5)
        for each in first:
            self.successResultOf(each)

    def test_held_while_hashing_stops(self) -> None:
        """Many who wait find out one after the other that there is no more hashing."""
        self.threads.patient = True
        tries = [self.logging_in() for _ in range(5 + MAX_HELD)]
        self.game.accounts._hasher.stop()
        self.threads.work(5)
        for each in tries[5:]:
            self.failureResultOf(each, Unavailable)
        for each in tries[:5]:
            each.addErrback(lambda failure: failure.trap(Unavailable))

    def test_overloaded_is_not_charged(self) -> None:
        """A try that could not be judged doesn't count."""
        self.threads.patient = True
        waiting = [self.game.accounts._hasher.hash("x") for _ in range(52)]
        for _ in range(10):
            self.failureResultOf(self.logging_in(), Overloaded)
        self.threads.work(52)
        self.threads.patient = False
        for each in waiting:
            self.successResultOf(each)
        self.logged_in()

    def test_banned(self) -> None:
        """A disabled account is told so, but only to who knows the password."""
        for id, account in self.database.accounts.items():
            if account.name == "Ann":
                self.database.accounts[id] = evolve(account, disabled=True)
        self.failureResultOf(self.logging_in(password="a wrong one"), WrongCredentials)
        self.failureResultOf(self.logging_in(), Banned)

    def test_ways(self) -> None:
        """In the clear, only telnet may carry passwords, and none of staff."""
        self.failureResultOf(self.logging_in(origin=OPEN), InsecureConnection)
        telnet = Transport.TELNET
        self.successResultOf(self.logging_in(origin=OPEN, transport=telnet))
        self.set_role("Ann", Role.OWNER)
        self.failureResultOf(self.logging_in(origin=OPEN, transport=telnet), InsecureConnection)
        self.successResultOf(self.logging_in(transport=telnet))

    def set_role(self, name: str, role: Role) -> None:
        account = self.successResultOf(self.account_store.by_name(name))
        assert account is not None
        self.successResultOf(self.account_store.set_role(account.id, role))


class RehashTest(AccountsTestCase):
    def test_renews_outdated_hashes(self) -> None:
        """Logging in renews a hash with outdated parameters, and revokes nothing by it."""
        token = self.logged_in().token
        self.successResultOf(self.service.stopService())
        self.hash_parameters = HashParameters(passes=2, kibibytes=16, lanes=1)
        self.service = self.make_service()
        self.successResultOf(self.service.startService())
        self.game.tokens._token_bytes(32)
        self.game.tokens._token_bytes(32)
        self.logged_in()
        account = self.successResultOf(self.account_store.by_name("Ann"))
        assert account is not None
        self.assertIn("m=16,t=2", account.password_hash)
        self.successResultOf(self.describing(token))
        self.logged_in()


class ClearPasswordsTest(AccountsTestCase):
    limits = GameLimits(AccountLimits(clear_passwords=True, clear_staff_passwords=True))

    def test_allowed(self) -> None:
        """An operator may allow passwords in the clear."""
        self.successResultOf(self.logging_in(origin=OPEN))


class TokenTest(AccountsTestCase):
    def test_describe(self) -> None:
        """A token tells who it stands for; its CSRF word never changes."""
        result = self.logged_in()
        described = self.successResultOf(self.describing(result.token))
        self.assertEqual(described.attended.name, "Ann")
        self.assertEqual(described.attended.characters, ("Ann",))
        self.assertEqual(described.csrf, result.csrf)
        self.assertEqual(csrf_of(result.token), result.csrf)
        self.assertNotIn(result.csrf, repr(described))

    def test_unknown_tokens(self) -> None:
        """What was never given out stands for nobody, whatever it looks like."""
        for token in ("", "x", "\ud800", "\0", "ü" * 1000, hash_secret(self.logged_in().token)):
            error = self.failureResultOf(self.describing(token), NotAuthenticated).value
            self.assertEqual(error.close_code, CloseCode.REVOKED)

    def test_idle(self) -> None:
        """A token ends when it wasn't used for twelve hours."""
        token = self.logged_in().token
        self.clock.advance(12 * HOUR)
        error = self.failureResultOf(self.describing(token), NotAuthenticated).value
        self.assertEqual(error.close_code, CloseCode.EXPIRED)

    def test_sliding(self) -> None:
        """Using a token moves its end, to thirty days after the login at most."""
        token = self.logged_in().token
        used = 0
        while self.clock.seconds() < 40 * 24 * HOUR:
            self.clock.advance(11 * HOUR)
            if self.describing_succeeds(token):
                used += 1
        self.assertEqual(used, 30 * 24 // 11)

    def describing_succeeds(self, token: str) -> bool:
        outcome: list[bool] = []
        self.describing(token).addCallbacks(
            lambda _: outcome.append(True), lambda _: outcome.append(False)
        )
        return outcome == [True]

    def test_not_moved_by_little(self) -> None:
        """A token's end isn't written again within a minute."""
        token = self.logged_in().token
        before = self.database.tokens[TokenHash(hash_secret(token))]
        self.clock.advance(59.0)
        self.successResultOf(self.describing(token))
        self.assertEqual(self.database.tokens[before.hash], before)
        self.clock.advance(1.0)
        self.successResultOf(self.describing(token))
        self.assertGreater(self.database.tokens[before.hash].expires, before.expires)

    def test_revoke(self) -> None:
        """A revoked token is worth nothing, and neither are its tickets; others go on."""
        result, other = self.logged_in(), self.logged_in()
        self.successResultOf(self.bus.request(WORLD, Revoke(result.token)))
        self.failureResultOf(self.describing(result.token), NotAuthenticated)
        self.failureResultOf(self.bus.request(WORLD, IssueTicket(result.token)), NotAuthenticated)
        self.failureResultOf(self.redeem(result.ticket, result.csrf), NotAuthenticated)
        self.successResultOf(self.describing(other.token))
        self.successResultOf(self.bus.request(WORLD, Revoke("unknown")))
        self.advance()

    def test_banned(self) -> None:
        """The token of an account that was disabled meanwhile is worth nothing."""
        token = self.logged_in().token
        for id, account in self.database.accounts.items():
            self.database.accounts[id] = evolve(account, disabled=True)
        self.failureResultOf(self.describing(token), Banned)


class TicketTest(AccountsTestCase):
    def test_once(self) -> None:
        """A ticket opens one connection; at the second time it is forged."""
        result = self.logged_in()
        self.successResultOf(self.redeem(result.ticket, result.csrf))
        error = self.failureResultOf(self.redeem(result.ticket, result.csrf), NotAuthenticated)
        self.assertEqual(error.value.close_code, CloseCode.REVOKED)

    def test_csrf(self) -> None:
        """Without the right CSRF word a ticket is spent in vain."""
        other = self.logged_in()
        for csrf in ("", "x", other.csrf, "ü\ud800"):
            result = self.logged_in()
            self.failureResultOf(self.redeem(result.ticket, csrf), NotAuthenticated)
            self.failureResultOf(self.redeem(result.ticket, result.csrf), NotAuthenticated)

    def test_forged(self) -> None:
        """What doesn't look like a ticket of ours is forged, and never merely late."""
        csrf = self.logged_in().csrf
        for ticket in ("abc", "0" * 64, "1", ".1", "x.1", "0" * 43, "", "\ud800", "0" * 43 + ".-1"):
            error = self.failureResultOf(self.redeem(ticket, csrf), NotAuthenticated).value
            self.assertEqual(error.close_code, CloseCode.REVOKED, ticket)

    def test_late(self) -> None:
        """After thirty seconds a ticket has expired, and the client is told to come again."""
        result = self.logged_in()
        fresh = self.successResultOf(self.bus.request(WORLD, IssueTicket(result.token)))
        self.clock.advance(29.0)
        self.successResultOf(self.redeem(fresh.ticket, fresh.csrf))
        self.clock.advance(1.0)
        error = self.failureResultOf(self.redeem(result.ticket, result.csrf), NotAuthenticated)
        self.assertEqual(error.value.close_code, CloseCode.EXPIRED)

    def test_claimed_end_decides_nothing(self) -> None:
        """Moving the end that stands in a ticket makes it another, unknown one."""
        result = self.logged_in()
        moved = result.ticket.rpartition(".")[0] + ".ffffffffff"
        error = self.failureResultOf(self.redeem(moved, result.csrf), NotAuthenticated)
        self.assertEqual(error.value.close_code, CloseCode.REVOKED)

    def test_issued_with_the_same_csrf(self) -> None:
        """All tickets of a token come with the same CSRF word."""
        result = self.logged_in()
        issued = self.successResultOf(self.bus.request(WORLD, IssueTicket(result.token)))
        self.assertEqual(issued.csrf, result.csrf)
        self.assertNotEqual(issued.ticket, result.ticket)
        self.assertNotIn(issued.ticket, repr(issued))


class ChangePasswordTest(AccountsTestCase):
    def changing(self, token: str, old: str, new: str, origin: Origin = HOME) -> "Deferred[None]":
        hash = TokenHash(hash_secret(token))
        return self.bus.request(WORLD, ChangePassword(hash, old, new, origin))

    def test_changes(self) -> None:
        """The new password counts, the old doesn't; all other tokens end."""
        mine, other = self.logged_in(), self.logged_in()
        self.successResultOf(self.changing(mine.token, PASSWORD, "another sentence"))
        self.failureResultOf(self.logging_in(), WrongCredentials)
        self.logged_in(password="another sentence")
        self.successResultOf(self.describing(mine.token))
        self.failureResultOf(self.describing(other.token), NotAuthenticated)
        self.advance()

    def test_refused(self) -> None:
        """A wrong old password, a bad new one or an unknown token change nothing."""
        token = self.logged_in().token
        self.failureResultOf(self.changing(token, "wrong", "another sentence"), WrongCredentials)
        self.failureResultOf(self.changing(token, PASSWORD, "short"), BadPassword)
        self.failureResultOf(self.changing("x", PASSWORD, "another sentence"), NotAuthenticated)
        self.failureResultOf(
            self.changing(token, PASSWORD, "another sentence", OPEN), InsecureConnection
        )
        self.logged_in()

    def test_throttled(self) -> None:
        """The old password can't be guessed faster here than at the login."""
        token = self.logged_in().token
        for _ in range(5):
            self.failureResultOf(self.changing(token, "wrong", "new sentence"), WrongCredentials)
        self.failureResultOf(self.changing(token, PASSWORD, "new sentence"), TooManyTries)
        self.failureResultOf(self.logging_in(), TooManyTries)

    def expire(self) -> None:
        """Let half a day pass, and with it all tokens."""
        self.advance(13 * HOUR)

    def enter_by_telnet(self, name: str, password: str = PASSWORD) -> Attached:
        attaching = self.gateway.attach(
            PasswordCredential(name, password), transport=Transport.TELNET
        )
        self.advance()
        return self.successResultOf(attaching)

    def asking(self, attached: Attached, session: SessionId | None) -> "Deferred[None]":
        return self.bus.request(
            WORLD,
            ChangePassword(
                attached.attended.token,
                PASSWORD,
                "another sentence",
                HOME,
                Transport.TELNET,
                session,
            ),
        )

    def test_expired_token_of_a_live_session(self) -> None:
        """In a telnet session that has outlived its token, the password can be changed."""
        ann = self.enter_by_telnet("Ann")
        self.expire()
        self.successResultOf(self.asking(ann, ann.session))
        self.advance()
        self.assertEqual(self.gateway.ended(ann.session), [])
        self.logged_in(password="another sentence")

    def test_expired_token_typed_at_once(self) -> None:
        """So it can by the command that has both passwords in it."""
        registering = self.bus.request(WORLD, Register("Cid", "onelongword", HOME))
        self.successResultOf(registering)
        cid = self.enter_by_telnet("Cid", "onelongword")
        self.expire()
        self.type(cid.session, "password onelongword anotherlongword", "p")
        (settled,) = self.gateway.settled(cid.session)
        self.assertIsNone(settled.refusal)
        self.logged_in("Cid", "anotherlongword")

    def test_expired_token_of_another_session(self) -> None:
        """An expired token changes nothing without its own session, nor once that is over."""
        ann, bob = self.enter_by_telnet("Ann"), self.enter_by_telnet("Bob")
        self.expire()
        for session in (None, bob.session, SessionId("nobody's")):
            self.failureResultOf(self.asking(ann, session), NotAuthenticated)
        self.gateway.detach(ann.session, by_choice=True)
        self.advance()
        self.failureResultOf(self.asking(ann, ann.session), NotAuthenticated)
        self.logged_in()

    def test_revoked_token_of_a_live_session(self) -> None:
        """A revoked one changes nothing even while its session is still there."""
        ann = self.enter_by_telnet("Ann")
        row = self.database.tokens[ann.attended.token]
        self.database.tokens[row.hash] = evolve(row, revoked=True)
        self.failureResultOf(self.asking(ann, ann.session), NotAuthenticated)

    def test_finished_without_waiter(self) -> None:
        """A change that was begun is finished, with all its consequences, if the asker is gone."""
        other = self.enter("Ann")
        token = self.logged_in().token
        self.threads.patient = True
        changing = self.changing(token, PASSWORD, "another sentence")
        changing.cancel()
        self.failureResultOf(changing)
        self.threads.work()
        self.threads.work()
        self.threads.patient = False
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(other)], [CloseCode.REVOKED])
        self.logged_in(password="another sentence")


class RefreshTest(AccountsTestCase):
    def test_by_token_and_ticket(self) -> None:
        """A session is prolonged by its account's token or ticket, and rests on that then."""
        session = self.enter("Ann")
        result = self.logged_in()
        self.clock.advance(20.0)
        by_ticket = self.bus.request(WORLD, Refresh(session, None, result.ticket))
        self.assertEqual(self.successResultOf(by_ticket), result.attended)
        self.clock.advance(HOUR)
        by_token = self.bus.request(WORLD, Refresh(session, result.token, None))
        prolonged = self.successResultOf(by_token)
        self.assertGreater(prolonged.expires, result.attended.expires)
        self.successResultOf(self.bus.request(WORLD, Revoke(result.token)))
        self.advance()
        self.assertEqual([e.code for e in self.gateway.ended(session)], [CloseCode.REVOKED])

    def test_refused(self) -> None:
        """Another account's token, none at all, or an unknown session prolong nothing."""
        session = self.enter("Ann")
        bob = self.logged_in("Bob")
        for request in (
            Refresh(session, bob.token, None),
            Refresh(session, None, bob.ticket),
            Refresh(session, None, None),
            Refresh(session, "x", None),
        ):
            self.failureResultOf(self.bus.request(WORLD, request), NotAuthenticated)
        self.gateway.detach(session, by_choice=True)
        self.advance()
        token = self.logged_in().token
        over = self.bus.request(WORLD, Refresh(session, token, None))
        self.failureResultOf(over, NotAuthenticated)


class PasswordCredentialTest(AccountsTestCase):
    def test_makes_a_token(self) -> None:
        """A client without HTTP gets a token of its own, so that it can be revoked."""
        before = len(self.database.tokens)
        attaching = self.gateway.attach(PasswordCredential("Ann", PASSWORD))
        self.advance()
        attached = self.successResultOf(attaching)
        self.assertEqual(len(self.database.tokens), before + 1)
        self.assertIn(attached.attended.token, self.database.tokens)

    def test_unknown_role_of_errors(self) -> None:
        """A name nobody has is found by no operator."""
        finding = Deferred.fromCoroutine(self.game.accounts.find("Nobody"))
        error = self.failureResultOf(finding, PlayerError).value
        self.assertEqual(error.code, "no_such_account")
