"""Somebody on the way into the world."""

from attrs import define

from mudserver.game.answers import Answers
from mudserver.game.loop import Lane
from mudserver.game.sessions import Session
from mudserver.game.tokens import Authority
from mudserver.ids import CharacterId, Generation
from mudserver.interfaces.play import Attach, Attached
from mudserver.session.moment import Moment


@define(eq=False)
class Arrival:
    """
    An attachment, from the time its character is loaded until it is in.

    Attributes:
        request: What was asked.
        authority: By what right.
        stale: Whether one of the account's characters has left since the loading began, so
            that what was loaded is good for nothing.
    """

    request: Attach
    authority: Authority
    stale: bool = False

    @property
    def lane(self) -> Lane:
        """Behind what an earlier attachment of the same session has left to do."""
        return Lane(self.request.resume or self.request.session)


def opened(
    arrival: Arrival, character: CharacterId, name: str, generation: Generation, began: Moment
) -> Session:
    """Return the session that an arrival opens."""
    request = arrival.request
    return Session(
        id=request.session,
        generation=generation,
        gateway=request.gateway,
        attended=arrival.authority.attended,
        character=character,
        name=name,
        transport=request.transport,
        origin=request.origin,
        answers=Answers(request.session),
        began=began,
    )


def attached(session: Session, *, recovered: bool) -> Attached:
    """Return what the gateway is told of it."""
    return Attached(
        session=session.id,
        generation=session.generation,
        attended=session.attended,
        character=session.name,
        recovered=recovered,
        applied=session.answers.applied,
        began=session.began,
    )
