"""
The machine of one session: a character's play, which outlives connections.

===========  ==============================================================
state        is left by
===========  ==============================================================
choosing     ``attach``: the world let a character in
playing      ``detach``: the connection is gone; ``end``
link-dead    ``attach``: a new connection goes on with it; ``end``
ended        never
===========  ==============================================================
"""

from enum import Enum
from hmac import compare_digest
from typing import Protocol

from attrs import define, field
from automat import TypeMachineBuilder

from mudserver.ids import Generation, SessionId
from mudserver.session.moment import Moment
from mudserver.session.outbox import Outbox
from mudserver.session.unsettled import Unsettled


class Stage(Enum):
    """Where a session stands."""

    CHOOSING = "choosing"
    PLAYING = "playing"
    LINK_DEAD = "link-dead"
    ENDED = "ended"


@define
class ResumeSecrets:
    """
    What proves that a reconnecting client is the one that was here.

    Only SHA-256 hashes are kept. After a new secret was handed out the old one works until
    the client is heard again, since the message that carried the new one may be lost.
    """

    _current: str = field(default="", repr=False)
    _previous: str = field(default="", repr=False)

    def rotate(self, hashed: str) -> None:
        """Take a new secret, by its hash in hexadecimal."""
        self._previous, self._current = self._current, hashed

    def confirm(self) -> None:
        """The client was heard after the last `rotate`: the old secret ends."""
        self._previous = ""

    def accepts(self, hashed: str) -> bool:
        """Whether that is the hash of a secret in force; compared in constant time."""
        matches = [
            compare_digest(known.encode(), hashed.encode())
            for known in (self._current, self._previous)
            if known
        ]
        return any(matches)


@define(eq=False)
class Play:
    """
    What belongs to a session, whichever connection carries it.

    Attributes:
        id: Its name.
        outbox: What it is sent.
        account: The name of the account that plays.
        character: The name of the character in play.
        generation: Of its newest attachment.
        secrets: What resumes it.
        marked: The count that the client was last told.
        unsettled: What was typed, until the world has answered it for good.
        gapped: Whether something was lost on the way here while nobody could be told.
        began: When it did, as the world has said; None where that isn't known.
    """

    id: SessionId
    outbox: Outbox
    account: str = ""
    character: str = ""
    generation: Generation = Generation(0)
    secrets: ResumeSecrets = field(factory=ResumeSecrets)
    marked: int = 0
    unsettled: Unsettled = field(factory=Unsettled)
    gapped: bool = False
    began: Moment | None = None


class Session(Protocol):
    """What may happen to a session. Each returns whether it made a difference."""

    def attach(self, generation: Generation) -> bool:
        """A connection carries it from now on."""

    def renew(self, generation: Generation) -> bool:
        """Another world goes on with it, wherever it stands."""

    def detach(self) -> bool:
        """Its connection is gone; the grace begins."""

    def end(self) -> bool:
        """It is over, for good."""

    def stage(self) -> Stage:
        """Where it stands."""


def _note_generation(_: Session, play: Play, generation: Generation) -> bool:
    play.generation = generation
    return True


_builder = TypeMachineBuilder(Session, Play)
_choosing = _builder.state("choosing")
_playing = _builder.state("playing")
_link_dead = _builder.state("link-dead")
_ended = _builder.state("ended")

for _open in (_choosing, _playing, _link_dead):
    _open.upon(Session.attach).to(_playing)(_note_generation)
    _open.upon(Session.end).to(_ended).returns(True)
_playing.upon(Session.detach).to(_link_dead).returns(True)
for _gone in (_choosing, _link_dead, _ended):
    _gone.upon(Session.detach).loop().returns(False)
for _going_on in (_playing, _link_dead):
    _going_on.upon(Session.renew).loop()(_note_generation)
for _not in (_choosing, _ended):
    _not.upon(Session.renew).loop().returns(False)
_ended.upon(Session.attach).loop().returns(False)
_ended.upon(Session.end).loop().returns(False)
for _state, _stage in (
    (_choosing, Stage.CHOOSING),
    (_playing, Stage.PLAYING),
    (_link_dead, Stage.LINK_DEAD),
    (_ended, Stage.ENDED),
):
    _state.upon(Session.stage).loop().returns(_stage)

#: Makes a session in the state *choosing* out of its `Play`.
session_machine = _builder.build()
