"""Who comes into parties, leaves them, and is there, as that is shown."""

from typing import assert_never

from mudserver.view.line import Line, Span, Style, View
from mudserver.view.words import text, told
from mudserver.world import events
from mudserver.world.audience import Viewer


def invited(event: events.InvitedToParty, viewer: Viewer, time: str) -> View:
    """Show an invitation to the two."""
    if viewer is Viewer.ACTOR:
        words = f"You invite {event.target_name} into your party."
    else:
        words = f"{event.name} invites you into a party; to come, type: party join {event.name}"
    return text(words, Style.SYSTEM, time)


def membership(
    event: events.JoinedParty | events.LeftParty | events.KickedFromParty, viewer: Viewer, time: str
) -> View:
    """Show who comes into a party, or is no longer in it, and what becomes of it."""
    return text(_membership(event, viewer), Style.SYSTEM, time)


def _membership(
    event: events.JoinedParty | events.LeftParty | events.KickedFromParty, viewer: Viewer
) -> str:
    match event:
        case events.JoinedParty(host_name=host):
            if viewer is Viewer.ACTOR:
                return f"You join the party of {host}; ptell speaks to it."
            return f"{event.name} joins the party."
        case events.LeftParty(leader_name=leader):
            if viewer is Viewer.ACTOR:
                return "You leave the party."
            led = f" {leader} leads it now." if leader else ""
            words = f"{event.name} leaves the party.{led}"
        case events.KickedFromParty(target_name=target):
            if viewer is Viewer.TARGET:
                return f"{event.name} sends you out of the party."
            sends = "You send" if viewer is Viewer.ACTOR else f"{event.name} sends"
            words = f"{sends} {target} out of the party."
        case _:
            assert_never(event)
    return f"{words} You are alone, and the party is over." if event.ended else words


def party(event: events.PartyListed, time: str) -> View:
    """Show who is in a party, to one who is."""
    if not event.members:
        return text("You are in no party; to make one, type: party invite NAME", Style.SYSTEM, time)
    spans = [Span("Your party:")]
    for place, member in enumerate(event.members):
        notes = ["leads"] if place == 0 else []
        if not member.present:
            notes.append("away")
        elif member.linkdead:
            notes.append("link lost")
        note = f" ({', '.join(notes)})" if notes else ""
        spans += (Span("\n  "), Span(member.name, Style.PLAYER), Span(note))
    return told(Line(tuple(spans)), Style.SYSTEM, time)
