"""What is shown of mutes, silences and bans."""

from mudserver.view.line import Line, Span, Style, View
from mudserver.view.words import text, told
from mudserver.world import events
from mudserver.world.audience import Viewer
from mudserver.world.bans import Ban, BanKind
from mudserver.world.duration import spell_duration, spell_term


def muted(event: events.Muted, time: str) -> View:
    """Show that somebody is heard no more."""
    lasting = ""
    if event.until is not None:
        lasting = f", for {spell_duration(event.until - event.since)}"
    return text(f"You no longer hear {event.target_name}{lasting}.", Style.SYSTEM, time)


def mutes(event: events.MutesListed, time: str) -> View:
    """Show who is muted."""
    if not event.players:
        return text("You mute nobody.", Style.SYSTEM, time)
    spans = [Span("You mute:")]
    for player in event.players:
        left = "" if player.left is None else f" (for {spell_duration(player.left)} more)"
        spans += (Span("\n  "), Span(player.name, Style.PLAYER), Span(left))
    return told(Line(tuple(spans)), Style.SYSTEM, time)


def banned(ban: Ban) -> str:
    """Begin a sentence that says what is banned."""
    kind = "The name " if ban.kind is BanKind.NAME else ""
    return f"{kind}{ban.name} is banned"


def bans(event: events.BansListed, time: str) -> View:
    """Show what is banned, by whom, until when and why."""
    if not event.bans:
        return text("Nobody is banned.", Style.SYSTEM, time)
    spans = [Span("Banned:")]
    for ban in event.bans:
        by = f" ({ban.kind.value}, by {ban.orderer or 'an operator'})"
        spans += (Span("\n  "), Span(ban.name, Style.PLAYER), Span(by))
        spans.append(Span(spell_term(ban.until, ban.why)))
    others = event.total - len(event.bans)
    if others:
        spans.append(Span(f"\n  and {others:,} others"))
    return told(Line(tuple(spans)), Style.SYSTEM, time)


def silences(event: events.SilencesListed, time: str) -> View:
    """Show who is silenced, on which channel, by whom, until when and why."""
    if not event.players:
        return text("Nobody is silenced.", Style.SYSTEM, time)
    spans = [Span("Silenced:")]
    for player in event.players:
        where = "" if player.channel is None else f"on {player.channel}, "
        spans += (Span("\n  "), Span(player.name, Style.PLAYER))
        spans.append(Span(f" ({where}by {player.orderer})"))
        spans.append(Span(spell_term(player.until, player.why)))
    others = event.total - len(event.players)
    if others:
        spans.append(Span(f"\n  and {others:,} others"))
    return told(Line(tuple(spans)), Style.SYSTEM, time)


def silenced(event: events.Silenced, viewer: Viewer, time: str) -> View:
    """Tell staff and the silenced that it is so."""
    subject = f"{event.target_name} is" if viewer is Viewer.ACTOR else "You are"
    words = f"{subject} silenced{_where(event.channel)}{spell_term(event.until, event.why)}"
    return text(words, Style.SYSTEM, time)


def unsilenced(event: events.Unsilenced, viewer: Viewer, time: str) -> View:
    """Tell staff and the silenced that it is over."""
    subject = f"{event.target_name} is" if viewer is Viewer.ACTOR else "You are"
    return text(f"{subject} heard{_where(event.channel)} again.", Style.SYSTEM, time)


def _where(channel: str | None) -> str:
    return "" if channel is None else f" on {channel}"
