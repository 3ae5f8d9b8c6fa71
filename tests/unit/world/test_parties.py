"""Parties: who may invite, join, leave and send out, and who hears what is said there."""

from datetime import datetime, timedelta

from twisted.trial.unittest import SynchronousTestCase

from mudserver.errors import PlayerError
from mudserver.ids import AccountId, CharacterId, PartyId
from mudserver.world.applied import Applied, MembershipEnded, MembershipMade
from mudserver.world.audience import Viewer, resolve
from mudserver.world.events import (
    Hushed,
    InvitedToParty,
    JoinedParty,
    KickedFromParty,
    LeftParty,
    Means,
    PartyListed,
    PartyMember,
    PartySaid,
)
from mudserver.world.model import Silence
from mudserver.world.parties import INVITATION_LASTS, MAX_INVITATIONS, MAX_MEMBERS
from mudserver.world.role import Role
from mudserver.world.rules import leave, lose_link
from tests.unit.world.scene import ANN, BOB, CID, NOW, decide, do, enter, make_crowd

DAN = CharacterId(104)
SECOND = timedelta(seconds=1)


class PartyTestCase(SynchronousTestCase):
    """Ann and Bob in the hall, Cid and Dan elsewhere or here; nobody in a party yet."""

    def setUp(self) -> None:
        self.world = make_crowd()
        enter(self.world, DAN, "Dan")

    def refused(
        self, who: CharacterId, text: str, code: str, words: str, now: datetime = NOW
    ) -> None:
        error = self.assertRaises(PlayerError, decide, self.world, who, text, now)
        self.assertEqual((error.code, error.message), (code, words), text)

    def gather(self, *others: str) -> None:
        """Have them join Ann's party, in this order."""
        for name in others:
            do(self.world, ANN, f"party invite {name}")
            who = self.world.character_named(name)
            assert who is not None
            do(self.world, who.id, "party join ann")

    def party(self, who: CharacterId) -> list[str]:
        return [member.name for member in self.world.parties.members(who)]

    def go_away(self, who: CharacterId) -> None:
        for event in leave(self.world, who):
            self.world.apply(event)


class MembershipTests(PartyTestCase):
    def test_begins(self) -> None:
        """Inviting stores nothing; the first who joins makes it a party, which the host leads."""
        (event,) = decide(self.world, ANN, "party invite cid")
        self.assertEqual(event, InvitedToParty(ANN, "Ann", CID, "Cid", NOW + INVITATION_LASTS))
        self.assertEqual(
            dict(resolve(self.world, event, NOW)), {Viewer.ACTOR: (ANN,), Viewer.TARGET: (CID,)}
        )
        self.assertEqual(self.world.apply(event), Applied())
        self.assertEqual(self.party(ANN), [])
        (event,) = decide(self.world, CID, "party join Ann")
        self.assertEqual(event, JoinedParty(CID, "Cid", ANN, "Ann", frozenset({ANN})))
        there = {Viewer.ACTOR: (CID,), Viewer.OTHERS: (ANN,)}
        self.assertEqual(dict(resolve(self.world, event, NOW)), there)
        self.assertEqual(
            self.world.apply(event).changes,
            (
                MembershipMade(ANN, PartyId(1), 1, "Ann"),
                MembershipMade(CID, PartyId(1), 2, "Cid"),
            ),
        )
        self.assertEqual(dict(resolve(self.world, event, NOW)), there)
        self.gather("bob")
        self.assertEqual(self.party(CID), ["Ann", "Cid", "Bob"])
        self.refused(
            CID, "party join ann", "not_allowed", "You are in a party already; type: party leave"
        )

    def test_listed(self) -> None:
        """The leader is named first, and of each whether they are here."""
        self.gather("cid", "bob")
        for event in lose_link(self.world, CID):
            self.world.apply(event)
        self.go_away(BOB)
        (event,) = decide(self.world, ANN, "party")
        self.assertEqual(
            event,
            PartyListed(
                ANN,
                (
                    PartyMember("Ann", present=True),
                    PartyMember("Cid", present=True, linkdead=True),
                    PartyMember("Bob", present=False),
                ),
            ),
        )
        self.assertEqual(decide(self.world, DAN, "party"), (PartyListed(DAN, ()),))

    def test_leader_leaves(self) -> None:
        """Whoever joined next leads, and invites."""
        self.gather("cid", "bob")
        self.refused(
            CID,
            "party invite dan",
            "not_allowed",
            "Only Ann can invite others: they lead the party.",
        )
        (event,) = decide(self.world, ANN, "party leave")
        self.assertEqual(event, LeftParty(ANN, "Ann", frozenset({BOB, CID}), "Cid"))
        self.assertEqual(self.world.apply(event).changes, (MembershipEnded(ANN),))
        self.assertEqual((self.party(BOB), self.party(ANN)), (["Cid", "Bob"], []))
        do(self.world, CID, "party invite dan")
        do(self.world, DAN, "party join cid")
        self.assertEqual(self.party(BOB), ["Cid", "Bob", "Dan"])
        (event,) = decide(self.world, BOB, "party leave")
        self.assertEqual(event, LeftParty(BOB, "Bob", frozenset({CID, DAN})))

    def test_ends(self) -> None:
        """Where one would remain, there is no party any more; the next one is another."""
        self.gather("bob")
        (event,) = decide(self.world, ANN, "party leave")
        self.assertEqual(event, LeftParty(ANN, "Ann", frozenset({BOB}), ended=True))
        self.assertEqual(
            self.world.apply(event).changes, (MembershipEnded(ANN), MembershipEnded(BOB))
        )
        self.assertEqual((self.party(ANN), self.party(BOB)), ([], []))
        self.refused(
            ANN,
            "party leave",
            "not_allowed",
            "You are in no party; to make one, type: party invite NAME",
        )
        do(self.world, ANN, "party invite bob")
        (applied,) = do(self.world, BOB, "party join ann")
        self.assertEqual(applied.changes[0], MembershipMade(ANN, PartyId(3), 3, "Ann"))

    def test_kick(self) -> None:
        """The leader sends others out, absent ones too."""
        self.gather("cid", "bob")
        self.refused(
            BOB, "party kick cid", "not_allowed", "Only Ann can do that: they lead the party."
        )
        self.refused(ANN, "party kick ann", "not_allowed", "To go yourself, type: party leave")
        self.refused(ANN, "party kick dan", "not_here", "There is no dan in your party.")
        (event,) = decide(self.world, ANN, "party kick ci")
        self.assertEqual(event, KickedFromParty(ANN, "Ann", CID, "Cid", frozenset({ANN, BOB})))
        self.assertEqual(
            dict(resolve(self.world, event, NOW)),
            {Viewer.ACTOR: (ANN,), Viewer.TARGET: (CID,), Viewer.OTHERS: (BOB,)},
        )
        self.assertEqual(self.world.apply(event).changes, (MembershipEnded(CID),))
        self.go_away(BOB)
        (event,) = decide(self.world, ANN, "party kick bob")
        self.assertEqual(
            event, KickedFromParty(ANN, "Ann", BOB, "Bob", frozenset({ANN}), ended=True)
        )
        self.world.apply(event)
        self.assertEqual(self.party(ANN), [])

    def test_which_to_kick(self) -> None:
        """A name that begins two members' is asked back."""
        enter(self.world, CharacterId(105), "Bobby")
        enter(self.world, CharacterId(106), "Bodo")
        self.gather("bobby", "bodo")
        self.refused(ANN, "party kick bo", "ambiguous", "Do you mean Bobby or Bodo?")
        self.gather("bob")
        do(self.world, ANN, "party kick bob")
        self.assertEqual(self.party(ANN), ["Ann", "Bobby", "Bodo"])

    def test_away(self) -> None:
        """It lasts while members are away, all of them too."""
        self.gather("bob")
        for who in (ANN, BOB):
            self.go_away(who)
        enter(self.world, BOB, "Bob")
        self.assertEqual(self.party(BOB), ["Ann", "Bob"])

    def test_one_left(self) -> None:
        """Who is the only one that is stored can go on, and leave."""
        self.world.parties.put(ANN, MembershipMade(ANN, PartyId(7), 9, "Ann"))
        self.gather("bob")
        self.assertEqual(
            self.world.parties.members(BOB)[1], MembershipMade(BOB, PartyId(7), 10, "Bob")
        )
        self.world.parties.put(BOB, None)
        (applied,) = do(self.world, ANN, "party leave")
        self.assertEqual(applied.changes, (MembershipEnded(ANN),))


class InvitationTests(PartyTestCase):
    def test_refused(self) -> None:
        """One can invite others who are in the world, in no party, and don't mute one."""
        self.refused(ANN, "party invite zoe", "not_here", "There is no zoe in the world now.")
        self.refused(ANN, "party invite ann", "not_allowed", "You need no invitation of your own.")
        do(self.world, CID, "mute ann")
        self.refused(ANN, "party invite cid", "not_allowed", "Cid isn't listening to you.")
        self.gather("bob")
        self.refused(ANN, "party invite bob", "not_allowed", "Bob is in your party already.")
        self.refused(DAN, "party invite bob", "not_allowed", "Bob is in another party.")

    def test_ends(self) -> None:
        """An invitation stands for five minutes, and is forgotten when another is made."""
        words = "There is no invitation of ann to you that stands."
        self.refused(BOB, "party join ann", "not_allowed", words)
        do(self.world, ANN, "party invite bob")
        end = NOW + INVITATION_LASTS
        self.refused(BOB, "party join ann", "not_allowed", words, end)
        self.assertEqual(len(decide(self.world, BOB, "party join ann", end - SECOND)), 1)
        do(self.world, ANN, "party invite cid", end)
        self.assertEqual(list(self.world.parties._invited), [CID])

    def test_host(self) -> None:
        """It stands as long as the host could still invite."""
        words = "There is no invitation of ann to you that stands."
        do(self.world, ANN, "party invite dan")
        do(self.world, CID, "party invite ann")
        do(self.world, ANN, "party join cid")
        self.refused(DAN, "party join ann", "not_allowed", words)
        do(self.world, ANN, "party leave")
        do(self.world, ANN, "party invite dan")
        self.go_away(ANN)
        self.refused(DAN, "party join ann", "not_allowed", words)

    def test_absent_leader(self) -> None:
        """One can join a party whose leader has left the world meanwhile."""
        self.gather("bob")
        do(self.world, ANN, "party invite dan")
        self.go_away(ANN)
        do(self.world, DAN, "party join ann")
        self.assertEqual(self.party(DAN), ["Ann", "Bob", "Dan"])

    def test_full(self) -> None:
        """A party has ten members: nobody is invited, and nobody joins, beyond that."""
        names = [f"G{chr(97 + n)}" for n in range(MAX_MEMBERS - 1)]
        for n, name in enumerate(names):
            enter(self.world, CharacterId(1000 + n), name)
        do(self.world, ANN, "party invite dan")
        self.gather(*names)
        words = "A party has at most 10 members."
        self.assertEqual(len(self.party(ANN)), MAX_MEMBERS)
        self.refused(ANN, "party invite bob", "too_much", words)
        self.refused(DAN, "party join ann", "too_much", words)

    def test_bounded(self) -> None:
        """A character has so many invitations at once; the oldest is forgotten."""
        for n in range(MAX_INVITATIONS + 1):
            host = enter(self.world, CharacterId(1000 + n), f"G{chr(97 + n)}")
            do(self.world, host.id, "party invite bob")
        do(self.world, CharacterId(1001), "party invite bob")
        names = [each.name for each in self.world.parties.invitations(BOB, NOW)]
        self.assertEqual(names, [*(f"G{chr(97 + n)}" for n in range(2, 11)), "Gb"])


class TalkTests(PartyTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.gather("bob", "cid")

    def heard(self, typed: str, who: CharacterId = ANN) -> dict[Viewer, set[int]]:
        (event,) = decide(self.world, who, typed)
        return {viewer: set(ids) for viewer, ids in resolve(self.world, event, NOW)}

    def test_heard(self) -> None:
        """All of the party who are in the world hear it, wherever they are, and nobody else."""
        self.assertEqual(
            decide(self.world, ANN, "ptell hi all"),
            (PartySaid(ANN, "Ann", "hi all", frozenset({BOB, CID})),),
        )
        self.assertEqual(self.heard("ptell hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, CID}})
        self.go_away(BOB)
        self.assertEqual(self.heard("ptell hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})
        self.refused(
            DAN,
            "ptell hi",
            "not_allowed",
            "You are in no party; to make one, type: party invite NAME",
        )

    def test_muted(self) -> None:
        """Those who mute the speaker are spared it, but see who comes and goes."""
        do(self.world, BOB, "mute ann")
        self.assertEqual(self.heard("ptell hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})
        self.assertEqual(
            self.heard("party leave"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {BOB, CID}}
        )

    def test_silenced(self) -> None:
        """What the silenced say is heard by staff in the party alone; other staff doesn't."""
        self.world.put_silence(AccountId(ANN), Silence(None, "Enough."))
        for who in (CID, DAN):
            self.world.character(who).role = Role.ADMIN
        (event,) = decide(self.world, ANN, "ptell hi")
        expected = Hushed(
            ANN, "Ann", Means.PARTY, "hi", None, None, None, "Enough.", party=frozenset({BOB, CID})
        )
        self.assertEqual(event, expected)
        self.assertEqual(self.heard("ptell hi"), {Viewer.ACTOR: {ANN}, Viewer.OTHERS: {CID}})
