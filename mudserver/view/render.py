"""
Events made visible: what each kind of viewer is shown of each event.

The sentence is the same for programs and terminals. Nothing here knows who exactly looks on:
one view serves all of a kind.
"""

from typing import Final, assert_never

from mudserver.view import order, parties, speech
from mudserver.view.line import Line, Span, Style, View
from mudserver.view.state import room_state
from mudserver.view.words import listed, text, told
from mudserver.wire.envelope import encode
from mudserver.wire.messages import Presence, PresenceChange
from mudserver.world import events
from mudserver.world.audience import Viewer
from mudserver.world.direction import Direction
from mudserver.world.duration import spell_term
from mudserver.world.events import Event
from mudserver.world.help import HelpPage
from mudserver.world.rules.sentences import capital
from mudserver.world.world import World

#: Columns of the first column of a table: the longest usage, and room around it.
_USAGE_COLUMNS: Final = 18

_TOWARDS: Final = {
    Direction.UP: "goes up",
    Direction.DOWN: "goes down",
    Direction.IN: "goes inside",
    Direction.OUT: "goes outside",
}
_FROM: Final = {
    Direction.UP: "from above",
    Direction.DOWN: "from below",
    Direction.IN: "from inside",
    Direction.OUT: "from outside",
}


def render(world: World, event: Event, viewer: Viewer, time: str) -> tuple[View, ...]:
    """
    Show an event to one kind of viewer.

    Args:
        world: As it is right after the event was applied.
        event: What happened.
        viewer: A kind that `mudserver.world.audience.resolve` named.
        time: When (RFC 3339, UTC).

    Returns:
        Usually one view; none where there is nothing to show to that kind.
    """
    match event:
        case events.Said():
            return (speech.said(event, viewer, time),)
        case events.Told():
            return (speech.tell(event, viewer, time),)
        case events.ChannelSaid(name=name, channel=channel):
            return (speech.on_channel(channel, name, event.text, time),)
        case events.ChannelSwitched(channel=channel, on=on):
            words = f"You hear {channel}." if on else f"You no longer hear {channel}."
            return (text(words, Style.SYSTEM, time),)
        case events.HistoryShown():
            return (speech.history(event, time),)
        case events.ChannelsListed():
            return (speech.channels(event, time),)
        case events.Emoted(name=name):
            return (speech.acted(name, Style.PLAYER, event.text, time),)
        case events.Hushed():
            return () if viewer is Viewer.ACTOR else (speech.hushed(event, time),)
        case events.Silenced():
            return (order.silenced(event, viewer, time),)
        case events.Unsilenced():
            return (order.unsilenced(event, viewer, time),)
        case events.NpcSaid():
            return (speech.npc_said(event, viewer, time),)
        case events.NpcEmoted(name=name):
            return (speech.acted(name, Style.NPC, event.text, time),)
        case events.Departed() | events.Arrived() | events.LostLink() | events.Returned():
            return (_presence(event, time),) if viewer is Viewer.OTHERS else ()
        case events.Quitted():
            return (text("You leave the world. Until next time!", Style.SYSTEM, time),)
        case events.Took(things=things):
            return (_handled(event.name, ("pick up", "picks up"), things, viewer, time),)
        case events.Dropped(things=things):
            return (_handled(event.name, ("put down", "puts down"), things, viewer, time),)
        case events.PutIn(things=things, container=container):
            verbs, where = ("put", "puts"), f" in {container.name}"
            return (_handled(event.name, verbs, things, viewer, time, where=where),)
        case events.TookOut(things=things, container=container):
            verbs, where = ("take", "takes"), f" out of {container.name}"
            return (_handled(event.name, verbs, things, viewer, time, where=where),)
        case events.ContainerShut(container=container, closed=closed):
            verbs = ("close", "closes") if closed else ("open", "opens")
            return (_handled(event.name, verbs, (container,), viewer, time),)
        case events.DoorShut():
            return (_door(event, viewer, time),)
        case events.DoorSwung(door=door, direction=direction, closed=closed):
            name = capital(door or f"the way {direction}")
            return (text(f"{name} {'closes' if closed else 'opens'}.", Style.PLAIN, time),)
        case events.Followed() | events.Unfollowed():
            return (text(_following(event, viewer), Style.PRESENCE, time),)
        case events.LedOn(leader_name=name, direction=direction):
            return (text(f"You follow {name} {direction}.", Style.PRESENCE, time),)
        case events.PartySaid(name=name):
            return (speech.on_channel("party", name, event.text, time),)
        case events.InvitedToParty():
            return (parties.invited(event, viewer, time),)
        case events.JoinedParty() | events.LeftParty() | events.KickedFromParty():
            return (parties.membership(event, viewer, time),)
        case events.PartyListed():
            return (parties.party(event, time),)
        case events.NpcDeparted() | events.NpcArrived():
            return (_npc_presence(event, time),)
        case events.Looked(room=room):
            return (room_state(world, room, time),)
        case events.Examined():
            return (_examined(event, time),)
        case events.ExitsListed():
            return (_exits(event, time),)
        case events.InventoryListed():
            return (_inventory(event, time),)
        case events.WhoListed():
            return (_who(event, time),)
        case events.HelpShown(page=page):
            return (_help(page, time),)
        case events.Muted():
            return (order.muted(event, time),)
        case events.MutesListed():
            return (order.mutes(event, time),)
        case events.Banned(ban=ban):
            words = f"{order.banned(ban)}{spell_term(ban.until, ban.why)}"
            return (text(words, Style.SYSTEM, time),)
        case events.Unbanned(ban=ban):
            words = f"{order.banned(ban).removesuffix(' banned')} no longer banned."
            return (text(words, Style.SYSTEM, time),)
        case events.SilencesListed():
            return (order.silences(event, time),)
        case events.BansListed():
            return (order.bans(event, time),)
        case events.Unmuted(target_name=name):
            return (text(f"You hear {name} again.", Style.SYSTEM, time),)
        case events.Appointed(role=role):
            return (text(f"Your role here is now {role.value}.", Style.SYSTEM, time),)
        case events.PasswordAsked():
            return ()  # the gateway asks
        case _:
            assert_never(event)


# ---------------------------------------------------------------- coming and going


def _presence(
    event: events.Departed | events.Arrived | events.LostLink | events.Returned, time: str
) -> View:
    direction: Direction | None = None
    change: PresenceChange
    match event:
        case events.Departed(direction=direction):
            change, deed = "left", _leaving(direction)
        case events.Arrived(direction=direction):
            change, deed = "entered", _coming(direction)
        case events.LostLink():
            change, deed = "linkdead", "stares into the distance: the link is lost."
        case events.Returned():
            change, deed = "returned", "is back: the link is mended."
        case _:
            assert_never(event)
    line = Line((Span(event.name, Style.PLAYER), Span(f" {deed}", Style.PRESENCE)))
    body = Presence(
        event=change,
        who=event.name,
        line=line.text,
        time=time,
        direction=None if direction is None else direction.value,
    )
    return View("presence", encode(body), line)


def _npc_presence(event: events.NpcDeparted | events.NpcArrived, time: str) -> View:
    name = capital(event.name)
    change: PresenceChange
    if isinstance(event, events.NpcDeparted):
        change, deed = "left", _leaving(event.direction)
    else:
        change, deed = "entered", _coming(event.direction)
    line = Line((Span(name, Style.NPC), Span(f" {deed}", Style.PRESENCE)))
    body = Presence(
        event=change,
        who=event.name,
        line=line.text,
        time=time,
        direction=event.direction.value,
    )
    return View("presence", encode(body), line)


def _leaving(towards: Direction | None) -> str:
    if towards is None:
        return "leaves the world."
    return _TOWARDS.get(towards, f"leaves {towards}") + "."


def _coming(whence: Direction | None) -> str:
    if whence is None:
        return "enters the world."
    return f"arrives {_FROM.get(whence, f'from the {whence}')}."


# ---------------------------------------------------------------- things


def _handled(
    name: str,
    verbs: tuple[str, str],
    things: tuple[events.Thing, ...],
    viewer: Viewer,
    time: str,
    *,
    where: str = "",
) -> View:
    mine, others = verbs
    if viewer is Viewer.ACTOR:
        opening: tuple[Span, ...] = (Span(f"You {mine} "),)
    else:
        opening = (Span(name, Style.PLAYER), Span(f" {others} "))
    names = listed(((Span(thing.name, Style.ITEM),) for thing in things), " and ")
    return told(Line((*opening, *names, Span(f"{where}."))), Style.PLAIN, time)


def _door(event: events.DoorShut, viewer: Viewer, time: str) -> View:
    door = Span(event.door or f"the way {event.direction}", Style.EXIT)
    if viewer is Viewer.ACTOR:
        spans: tuple[Span, ...] = (Span(f"You {'close' if event.closed else 'open'} "),)
    else:
        verb = "closes" if event.closed else "opens"
        spans = (Span(event.name, Style.PLAYER), Span(f" {verb} "))
    return told(Line((*spans, door, Span("."))), Style.PLAIN, time)


def _following(event: events.Followed | events.Unfollowed, viewer: Viewer) -> str:
    ends = isinstance(event, events.Unfollowed)
    if viewer is Viewer.ACTOR:
        return f"You {'no longer ' if ends else ''}follow {event.leader_name}."
    return f"{event.name} {'no longer follows' if ends else 'follows'} you."


def _inventory(event: events.InventoryListed, time: str) -> View:
    if not event.things:
        return text("You carry nothing.", Style.PLAIN, time)
    spans = [Span("You carry:")]
    for thing in event.things:
        spans += (Span("\n  "), Span(thing.name, Style.ITEM))
    return told(Line(tuple(spans)), Style.PLAIN, time)


# ---------------------------------------------------------------- seeing and knowing


def _examined(event: events.Examined, time: str) -> View:
    heading = (Span(f"{capital(event.name)}\n", Style.HEADING),) if event.name else ()
    return told(Line((*heading, Span(event.text, Style.PROSE))), Style.PROSE, time)


def _exits(event: events.ExitsListed, time: str) -> View:
    if not event.ways:
        return text("There is no way out of here.", Style.PLAIN, time)
    spans = [Span("Ways out:")]
    for way in event.ways:
        closed = " (closed)" if way.closed else ""
        spans += (
            Span("\n  "),
            Span(f"{way.direction:<11}", Style.EXIT),
            Span(f"{way.name}{closed}"),
        )
    return told(Line(tuple(spans)), Style.PLAIN, time)


def _who(event: events.WhoListed, time: str) -> View:
    count = "1 player is" if event.total == 1 else f"{event.total:,} players are"
    spans = [Span(f"{count} in the world:\n")]
    spans.extend(listed(_present(player) for player in event.players))
    others = event.total - len(event.players)
    spans.append(Span(f" and {others:,} others." if others else "."))
    return told(Line(tuple(spans)), Style.PLAIN, time)


def _present(player: events.Present) -> tuple[Span, ...]:
    name = Span(player.name, Style.PLAYER)
    return (name, Span(" (link lost)")) if player.linkdead else (name,)


def _help(page: HelpPage, time: str) -> View:
    spans = [Span(page.title, Style.HEADING)]
    for section in page.sections:
        spans.append(Span(f"\n\n{section.title}", Style.HEADING))
        for entry in section.entries:
            spans += (
                Span("\n  "),
                Span(f"{entry.usage:<{_USAGE_COLUMNS}}", Style.COMMAND),
                Span(entry.summary),
            )
    before = "\n\n" if page.sections else "\n"
    for paragraph in page.paragraphs:
        spans.append(Span(f"{before}{paragraph}", Style.PROSE))
        before = "\n\n"
    return told(Line(tuple(spans)), Style.PLAIN, time)
