"""What account stores must do, wherever they keep things."""

from datetime import timedelta

from attrs import evolve
from twisted.internet.defer import gatherResults

from mudserver.errors import NameTaken
from mudserver.ids import AccountId, TokenHash
from mudserver.interfaces.logins import LastLogin, LoginOutcome, LoginRow, LoginWay
from mudserver.interfaces.rows import Redeemed, Standing
from mudserver.world.role import Role
from tests.contract.stores import NOBODY, NOW, StoreContract, digest, token_row


class AccountStoreContract(StoreContract):
    """The suite of `IAccountStore`."""

    # ------------------------------------------------------------ accounts

    async def test_register_makes_account_and_character(self) -> None:
        """A new account is a player with one character of the same name, spelt as given."""
        made = await self.accounts.register("McAnn", "$argon2id$x")
        self.assertEqual(made.name, "McAnn")
        self.assertEqual(made.password_hash, "$argon2id$x")
        self.assertEqual(made.role, Role.PLAYER)
        self.assertFalse(made.disabled)
        self.assertEqual(made.created.utcoffset(), timedelta(0))
        self.assertEqual(made.characters, ("McAnn",))
        characters = await self.world.characters(made.id)
        self.assertEqual(
            [(c.name, c.account, c.room) for c in characters], [("McAnn", made.id, None)]
        )

    async def test_register_refuses_a_name_in_use(self) -> None:
        """A name that differs in case alone is taken, and nothing is left of the attempt."""
        await self.account("Ann")
        await self.failing(self.accounts.register("aNN", "$argon2id$"), NameTaken)
        self.assertEqual(len(await self.accounts.page("", 10)), 1)

    async def test_register_refuses_what_reads_the_same(self) -> None:
        """A name that reads like another is taken: a capital I is a small l, a capital L isn't."""
        await self.account("Ian")
        await self.account("BiIbo")
        for name in ("lan", "BilbO", "bilbo"):
            await self.failing(self.accounts.register(name, "$argon2id$"), NameTaken)
        for name in ("Lan", "BiLbo", "Ila"):
            await self.account(name)
        self.assertEqual(len(await self.accounts.page("", 10)), 5)

    async def test_logins(self) -> None:
        """Log-ins are kept of accounts that there are, the newest first; one that is written again
        is replaced; the last one that led into the world comes with the characters.
        """
        ann, bob = (await self.account("Ann")).id, (await self.account("Bob")).id
        came = LoginRow(ann, NOW, NOW, "::1", LoginWay.TELNET, LoginOutcome.ACCEPTED)
        hour = timedelta(hours=1)
        failed = evolve(
            came,
            at=NOW + hour,
            last_at=NOW + hour,
            outcome=LoginOutcome.REFUSED,
            address="10.0.0.1",
        )
        more = evolve(failed, last_at=NOW + 2 * hour, tries=7)
        http = evolve(came, at=NOW + hour, last_at=NOW + hour, way=LoginWay.HTTP)
        await self.accounts.add_logins([came, failed])
        await self.accounts.add_logins([more, http, evolve(came, account=AccountId(9_000_001))])
        entries = await self.accounts.logins(ann, None, 10)
        self.assertEqual([each.row for each in entries], [http, more, came])
        self.assertEqual(await self.accounts.logins(ann, entries[0].id, 1), entries[1:2])
        self.assertEqual(await self.accounts.logins(bob, None, 10), ())
        (row,) = await self.world.characters(ann)
        self.assertEqual(row.last_login, LastLogin(NOW, "::1", LoginWay.TELNET))
        await self.accounts.sweep_logins(NOW + 1.5 * hour)
        self.assertEqual([e.row for e in await self.accounts.logins(ann, None, 10)], [more])
        for broken, constraint in (
            (evolve(came, tries=0), "login_tries_check"),
            (evolve(came, last_at=NOW - hour), "login_in_order"),
            (evolve(came, address="x" * 65), "login_address_check"),
        ):
            await self.refused(self.accounts.add_logins([broken]), "23514", constraint)

    async def test_register_at_once(self) -> None:
        """Of many who want a name at the same time, one gets it and the others hear NameTaken."""
        outcomes = [self.accounts.register("Ann", f"$argon2id${n}") for n in range(8)]
        taken = 0
        for outcome in outcomes:
            try:
                await outcome
            except NameTaken:
                taken += 1
        self.assertEqual(taken, 7)

    async def test_register_refuses_what_is_no_name(self) -> None:
        """Names that no rule could allow don't get in, though the rules failed to catch them."""
        for name in ("", "a", "a" * 21, "Ann2", "Ann B", "-Ann", "Ann'", "O''Neil", "Änn", "Ann\n"):
            await self.refused(
                self.accounts.register(name, "$argon2id$"), "23514", "name_key_check"
            )
        for name in ("O'Neil", "Mary-Ann", "ab", "a" * 20):
            await self.account(name)

    async def test_register_refuses_an_empty_hash(self) -> None:
        """An account without a password hash can't be."""
        await self.refused(
            self.accounts.register("Ann", ""), "23514", "account_password_hash_check"
        )

    async def test_nul_is_refused_clearly(self) -> None:
        """A NUL, or half a surrogate pair, is refused by every call that takes text."""
        for bad in ("A\0n", "A\ud800n"):
            await self.refused(self.accounts.register(bad, "$argon2id$"), "22021")
            await self.refused(self.accounts.register("Ann", bad), "22021")
            await self.refused(self.accounts.by_name(bad), "22021")
            await self.refused(self.accounts.page(bad, 10), "22021")
            await self.refused(self.accounts.token(TokenHash(bad)), "22021")
            await self.refused(self.accounts.spend_ticket(bad, NOW), "22021")
            await self.refused(self.world.identify([bad]), "22021")
        self.assertEqual(await self.accounts.page("", 10), ())

    async def test_by_name_ignores_case(self) -> None:
        """An account is found however its name is typed; an unknown one is None."""
        ann = await self.account("Ann")
        for typed in ("Ann", "ANN", "ann"):
            self.assertEqual(await self.accounts.by_name(typed), ann)
        self.assertIsNone(await self.accounts.by_name("Bob"))
        self.assertIsNone(await self.accounts.by_name("An"))

    async def test_by_id(self) -> None:
        """An account is found by its id; an unknown one is None."""
        ann = await self.account("Ann")
        self.assertEqual(await self.accounts.by_id(ann.id), ann)
        self.assertIsNone(await self.accounts.by_id(NOBODY))

    async def test_page_is_in_order_of_name(self) -> None:
        """Pages follow one another without case, gap or overlap."""
        for name in ("cid", "Ann", "bob", "Dee"):
            await self.account(name)
        first = await self.accounts.page("", 2)
        self.assertEqual([row.name for row in first], ["Ann", "bob"])
        second = await self.accounts.page(first[-1].name, 2)
        self.assertEqual([row.name for row in second], ["cid", "Dee"])
        self.assertEqual([row.characters for row in second], [("cid",), ("Dee",)])
        self.assertEqual(await self.accounts.page("DEE", 2), ())

    async def test_set_role(self) -> None:
        """A role is changed for one account; an unknown account is no error."""
        ann, bob = await self.account("Ann"), await self.account("Bob")
        for role in Role:
            await self.accounts.set_role(ann.id, role)
            self.assertEqual(await self.accounts.by_id(ann.id), evolve(ann, role=role))
        await self.accounts.set_role(NOBODY, Role.OWNER)
        self.assertEqual(await self.accounts.by_id(bob.id), bob)

    async def test_disable(self) -> None:
        """A disabled account has no valid token; enabled again, it has none either."""
        ann, bob = await self.account("Ann"), await self.account("Bob")
        mine, bobs = token_row(ann.id, "mine"), token_row(bob.id, "bob's")
        for row in (mine, bobs):
            await self.accounts.add_token(row)
        self.assertEqual(await self.accounts.disable(ann.id), (mine.hash,))
        self.assertEqual(await self.accounts.disable(ann.id), ())
        self.assertEqual(await self.accounts.by_id(ann.id), evolve(ann, disabled=True))
        self.assertEqual(await self.accounts.by_id(bob.id), bob)
        await self.accounts.enable(ann.id)
        self.assertEqual(await self.accounts.by_id(ann.id), ann)
        self.assertEqual(await self.accounts.token(mine.hash), evolve(mine, revoked=True))
        self.assertEqual(await self.accounts.token(bobs.hash), bobs)
        self.assertEqual(await self.accounts.disable(NOBODY), ())
        await self.accounts.enable(NOBODY)

    async def test_set_password_revokes_the_other_tokens(self) -> None:
        """A new password ends all tokens but the kept one, and tells which those were."""
        ann, bob = await self.account("Ann"), await self.account("Bob")
        mine, other, expired = (token_row(ann.id, word) for word in ("mine", "other", "expired"))
        expired = evolve(expired, expires=NOW - timedelta(days=1))
        gone, bobs = token_row(ann.id, "gone"), token_row(bob.id, "bob's")
        for row in (mine, other, expired, gone, bobs):
            await self.accounts.add_token(row)
        await self.accounts.revoke_token(gone.hash)
        revoked = await self.accounts.set_password(ann.id, "$argon2id$new", mine.hash)
        self.assertEqual(revoked, tuple(sorted((other.hash, expired.hash))))
        self.assertEqual(
            await self.accounts.by_id(ann.id), evolve(ann, password_hash="$argon2id$new")
        )
        self.assertEqual(await self.accounts.token(mine.hash), mine)
        self.assertEqual(await self.accounts.token(other.hash), evolve(other, revoked=True))
        self.assertEqual(await self.accounts.token(bobs.hash), bobs)
        self.assertEqual(await self.accounts.by_id(bob.id), bob)
        self.assertEqual(await self.accounts.set_password(ann.id, "$argon2id$", None), (mine.hash,))

    async def test_set_password_is_all_or_nothing(self) -> None:
        """A hash that is refused leaves password and tokens as they were."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.refused(
            self.accounts.set_password(ann.id, "", None), "23514", "account_password_hash_check"
        )
        await self.refused(self.accounts.set_password(ann.id, "\0", None), "22021")
        self.assertEqual(await self.accounts.by_id(ann.id), ann)
        self.assertEqual(await self.accounts.token(row.hash), row)

    async def test_rehash_renews_a_hash(self) -> None:
        """A hash is renewed if it is still the one that was read; tokens stay."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.accounts.rehash(ann.id, "$argon2id$other", "$argon2id$late")
        self.assertEqual(await self.accounts.by_id(ann.id), ann)
        await self.accounts.rehash(ann.id, "$argon2id$", "$argon2id$new")
        self.assertEqual(
            await self.accounts.by_id(ann.id), evolve(ann, password_hash="$argon2id$new")
        )
        self.assertEqual(await self.accounts.token(row.hash), row)

    # ------------------------------------------------------------ tokens

    async def test_token_is_found_as_stored(self) -> None:
        """A token comes back as it went in, in UTC; an unknown one is None."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine", NOW + timedelta(microseconds=1))
        await self.accounts.add_token(row)
        found = await self.accounts.token(row.hash)
        self.assertEqual(found, row)
        assert found is not None
        self.assertEqual(found.expires.utcoffset(), timedelta(0))
        self.assertIsNone(await self.accounts.token(TokenHash(digest("another"))))
        self.assertIsNone(await self.accounts.token(TokenHash("no hash at all")))

    async def test_expired_token_is_found(self) -> None:
        """An expired token is found too: it is the caller who judges."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine", NOW - timedelta(days=1))
        await self.accounts.add_token(row)
        self.assertEqual(await self.accounts.token(row.hash), row)

    async def test_add_token_refuses_wrong_rows(self) -> None:
        """A secret in place of its hash, a stranger's token and an end before the beginning."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        for wrong, sqlstate, constraint in (
            (evolve(row, hash=TokenHash("mine")), "23514", "token_hash_check"),
            (evolve(row, csrf_hash="word"), "23514", "token_csrf_hash_check"),
            (evolve(row, expires=row.created), "23514", "token_lasts"),
            (evolve(row, account=NOBODY), "23503", "token_account_fkey"),
        ):
            await self.refused(self.accounts.add_token(wrong), sqlstate, constraint)
        await self.accounts.add_token(row)
        await self.refused(self.accounts.add_token(row), "23505", "token_pkey")

    async def test_add_token_forgets_the_long_expired(self) -> None:
        """A new token sweeps out those of its account that expired 90 days before."""
        ann, bob = await self.account("Ann"), await self.account("Bob")
        old = token_row(ann.id, "old", NOW - timedelta(days=90, seconds=1))
        late = token_row(ann.id, "late", NOW - timedelta(days=90))
        bobs = token_row(bob.id, "bob's", NOW - timedelta(days=90, seconds=1))
        for row in (old, late, bobs):
            await self.accounts.add_token(row)
        await self.accounts.add_ticket(digest("ticket"), old.hash, NOW)
        new = evolve(token_row(ann.id, "new"), created=NOW)
        await self.accounts.add_token(new)
        self.assertIsNone(await self.accounts.token(old.hash))
        for row in (late, bobs, new):
            self.assertEqual(await self.accounts.token(row.hash), row)

    async def test_extend_token(self) -> None:
        """A token's end moves; its own alone, and never before its beginning."""
        ann = await self.account("Ann")
        row, other = token_row(ann.id, "mine"), token_row(ann.id, "other")
        for each in (row, other):
            await self.accounts.add_token(each)
        later = NOW + timedelta(hours=12)
        await self.accounts.extend_token(row.hash, later)
        await self.accounts.extend_token(TokenHash(digest("unknown")), later)
        self.assertEqual(await self.accounts.token(row.hash), evolve(row, expires=later))
        self.assertEqual(await self.accounts.token(other.hash), other)
        await self.refused(
            self.accounts.extend_token(row.hash, row.created), "23514", "token_lasts"
        )

    async def test_revoke_token(self) -> None:
        """A revoked token stays revoked, extended or not; an unknown one is no error."""
        ann = await self.account("Ann")
        row, other = token_row(ann.id, "mine"), token_row(ann.id, "other")
        for each in (row, other):
            await self.accounts.add_token(each)
        await self.accounts.revoke_token(row.hash)
        await self.accounts.revoke_token(row.hash)
        await self.accounts.revoke_token(TokenHash(digest("unknown")))
        later = NOW + timedelta(hours=12)
        await self.accounts.extend_token(row.hash, later)
        self.assertEqual(
            await self.accounts.token(row.hash), evolve(row, expires=later, revoked=True)
        )
        self.assertEqual(await self.accounts.token(other.hash), other)

    async def test_revoke_account(self) -> None:
        """All tokens of one account end, the expired too, and each is reported once."""
        ann, bob = await self.account("Ann"), await self.account("Bob")
        first = token_row(ann.id, "first")
        second = token_row(ann.id, "second", NOW - timedelta(days=2))
        bobs = token_row(bob.id, "bob's")
        for row in (first, second, bobs):
            await self.accounts.add_token(row)
        revoked = await self.accounts.revoke_account(ann.id)
        self.assertEqual(revoked, tuple(sorted((first.hash, second.hash))))
        self.assertEqual(await self.accounts.token(first.hash), evolve(first, revoked=True))
        self.assertEqual(await self.accounts.token(bobs.hash), bobs)
        self.assertEqual(await self.accounts.revoke_account(ann.id), ())
        self.assertEqual(await self.accounts.revoke_account(NOBODY), ())

    # ------------------------------------------------------------ tickets

    async def test_tokens(self) -> None:
        """Many tokens are found at once; the unknown are missing, the revoked are told as such."""
        ann = await self.account("Ann")
        rows = [token_row(ann.id, str(number)) for number in range(3)]
        for row in rows:
            await self.accounts.add_token(row)
        await self.accounts.revoke_token(rows[1].hash)
        wanted = [*(row.hash for row in rows), TokenHash(digest("unknown"))]
        found = await self.accounts.tokens(wanted)
        self.assertEqual(found, {row.hash: evolve(row, revoked=row is rows[1]) for row in rows})
        self.assertEqual(await self.accounts.tokens(()), {})

    async def test_standings(self) -> None:
        """What accounts may do: role, whether closed, and which tokens were revoked just now; the
        unknown are missing.
        """
        ann, bob = await self.account("Ann"), await self.account("Bob")
        rows = [token_row(ann.id, str(number)) for number in range(3)]
        for row in rows:
            await self.accounts.add_token(row)
        await self.accounts.set_role(bob.id, Role.ADMIN)
        await self.accounts.revoke_token(rows[0].hash)
        found = await self.accounts.standings([ann.id, bob.id, NOBODY])
        self.assertEqual(
            found,
            {
                ann.id: Standing(Role.PLAYER, disabled=False, revoked=(rows[0].hash,)),
                bob.id: Standing(Role.ADMIN, disabled=False, revoked=()),
            },
        )
        await self.accounts.revoke_account(ann.id)
        found = await self.accounts.standings([ann.id])
        self.assertEqual(set(found[ann.id].revoked), {row.hash for row in rows})

    async def test_ticket_is_spent_once(self) -> None:
        """A ticket gives its token's row to the first who shows it, and nothing to the second."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.accounts.add_ticket(digest("ticket"), row.hash, NOW + timedelta(seconds=30))
        self.assertIsNone(await self.accounts.spend_ticket(digest("forged"), NOW))
        redeemed = await self.accounts.spend_ticket(digest("ticket"), NOW)
        self.assertEqual(redeemed, Redeemed(row, ann))
        self.assertIsNone(await self.accounts.spend_ticket(digest("ticket"), NOW))

    async def test_ticket_is_spent_once_by_many(self) -> None:
        """Of many who show one ticket at the same time, one gets in."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.accounts.add_ticket(digest("ticket"), row.hash, NOW + timedelta(seconds=30))
        spent = await gatherResults(
            [self.accounts.spend_ticket(digest("ticket"), NOW) for _ in range(8)]
        )
        self.assertEqual([each for each in spent if each is not None], [Redeemed(row, ann)])

    async def test_many_at_once(self) -> None:
        """Tokens and tickets that come and go together fare as they would one by one."""
        people = [await self.account(name) for name in ("Ann", "Bob", "Cid")]
        rows = [token_row(each.id, each.name) for each in people]
        later = NOW + timedelta(hours=12)
        await gatherResults([self.accounts.add_token(row) for row in rows])
        await gatherResults(
            [self.accounts.add_ticket(digest(f"of {row.hash}"), row.hash, NOW) for row in rows]
        )
        ann, bob, cid = rows
        await gatherResults(
            [
                self.accounts.extend_token(ann.hash, NOW),
                self.accounts.extend_token(bob.hash, NOW),
                self.accounts.extend_token(ann.hash, later),
            ]
        )
        ann, bob = evolve(ann, expires=later), evolve(bob, expires=NOW)
        before = NOW - timedelta(seconds=1)
        spent = await gatherResults(
            [
                self.accounts.spend_ticket(digest(f"of {hash}"), now)
                for hash, now in (
                    (cid.hash, before),
                    (ann.hash, before),
                    ("nobody", before),
                    (bob.hash, NOW),
                    (cid.hash, before),
                )
            ]
        )
        self.assertEqual(
            spent, [Redeemed(cid, people[2]), Redeemed(ann, people[0]), None, None, None]
        )

    async def test_one_of_many_is_refused(self) -> None:
        """What is refused is refused alone, with its reason; the others of its moment are kept."""
        ann = await self.account("Ann")
        rows = [token_row(ann.id, f"secret {n}") for n in range(5)]
        rows[1] = evolve(rows[1], account=NOBODY)
        rows[3] = evolve(rows[3], hash=TokenHash("A\0n"))
        given = [self.accounts.add_token(row) for row in (*rows, rows[0])]
        for place, sqlstate, constraint in (
            (1, "23503", "token_account_fkey"),
            (3, "22021", ""),
            (5, "23505", "token_pkey"),
        ):
            await self.refused(given[place], sqlstate, constraint)
        for place in (0, 2, 4):
            await given[place]
            self.assertEqual(await self.accounts.token(rows[place].hash), rows[place])
        ends = [
            self.accounts.extend_token(rows[0].hash, rows[0].created),
            self.accounts.extend_token(rows[2].hash, NOW),
        ]
        await self.refused(ends[0], "23514", "token_lasts")
        await ends[1]
        found = await self.accounts.token(rows[2].hash)
        self.assertEqual(found, evolve(rows[2], expires=NOW))
        tickets = [
            self.accounts.add_ticket(digest("one"), TokenHash(digest("nothing")), NOW),
            self.accounts.add_ticket(digest("two"), rows[4].hash, NOW),
        ]
        await self.refused(tickets[0], "23503", "ticket_token_fkey")
        await tickets[1]
        before = NOW - timedelta(seconds=1)
        redeemed = await self.accounts.spend_ticket(digest("two"), before)
        self.assertEqual(redeemed, Redeemed(rows[4], ann))

    async def test_expired_ticket(self) -> None:
        """A ticket is worth nothing from the moment of its end."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.accounts.add_ticket(digest("ticket"), row.hash, NOW)
        self.assertIsNone(await self.accounts.spend_ticket(digest("ticket"), NOW))

    async def test_ticket_of_a_revoked_token(self) -> None:
        """The ticket of a revoked token shows the revocation."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        await self.accounts.add_ticket(digest("ticket"), row.hash, NOW + timedelta(seconds=30))
        await self.accounts.revoke_token(row.hash)
        redeemed = await self.accounts.spend_ticket(digest("ticket"), NOW)
        self.assertEqual(redeemed, Redeemed(evolve(row, revoked=True), ann))

    async def test_add_ticket_refuses_wrong_rows(self) -> None:
        """A secret in place of its hash, an unknown token, and the same ticket twice."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        add = self.accounts.add_ticket
        await self.refused(add("ticket", row.hash, NOW), "23514", "ticket_hash_check")
        unknown = TokenHash(digest("unknown"))
        await self.refused(add(digest("ticket"), unknown, NOW), "23503", "ticket_token_fkey")
        await add(digest("ticket"), row.hash, NOW)
        await self.refused(add(digest("ticket"), row.hash, NOW), "23505", "ticket_pkey")

    async def test_add_ticket_forgets_the_long_expired(self) -> None:
        """A new ticket sweeps out those that ended an hour before its own end."""
        ann = await self.account("Ann")
        row = token_row(ann.id, "mine")
        await self.accounts.add_token(row)
        hour = timedelta(hours=1)
        await self.accounts.add_ticket(digest("old"), row.hash, NOW - timedelta(seconds=1))
        await self.accounts.add_ticket(digest("late"), row.hash, NOW)
        await self.accounts.add_ticket(digest("new"), row.hash, NOW + hour)
        long_ago = NOW - hour
        self.assertIsNone(await self.accounts.spend_ticket(digest("old"), long_ago))
        redeemed = await self.accounts.spend_ticket(digest("late"), long_ago)
        self.assertEqual(redeemed, Redeemed(row, ann))
