"""What is said, by players and inhabitants, as it is shown."""

from typing import Final, assert_never

from mudserver.ids import CharacterId
from mudserver.view.line import Line, Span, Style, View
from mudserver.view.words import text, told
from mudserver.wire.envelope import encode
from mudserver.wire.messages import Chat
from mudserver.world import events
from mudserver.world.audience import Viewer
from mudserver.world.channels import MAX_CHANNEL_CHARS
from mudserver.world.history import PastLine
from mudserver.world.rules.sentences import capital

#: What doesn't change from one sentence to the next.
_YOU_SAY: Final = Span("You say, ")
_SAYS: Final = Span(" says, ")
_QUOTE: Final = Span('"')


def said(event: events.Said, viewer: Viewer, time: str) -> View:
    """Show what was said in a room."""
    if viewer is Viewer.ACTOR:
        line = _quote((_YOU_SAY,), event.text, Style.SPEECH)
    else:
        line = _quote((Span(event.name, Style.PLAYER), _SAYS), event.text, Style.SPEECH)
    return _chat("say", event.name, event.text, line, time=time)


def tell(event: events.Told, viewer: Viewer, time: str) -> View:
    """Show what one player told another."""
    if viewer is Viewer.ACTOR:
        opening: tuple[Span, ...] = (
            Span("You tell "),
            Span(event.target_name, Style.PLAYER),
            Span(", "),
        )
    else:
        opening = (Span(event.name, Style.PLAYER), Span(" tells you, "))
    line = _quote(opening, event.text, Style.TELL)
    return _chat("tell", event.name, event.text, line, time=time, to=event.target_name)


def on_channel(channel: str, name: str, words: str, time: str) -> View:
    """Show what was said on a channel, or to a party: the same to all, the speaker too."""
    return _chat(channel, name, words, _on_channel(channel, name, words), time=time)


def hushed(event: events.Hushed, time: str) -> View:
    """Show staff what the others don't hear."""
    name = Span(event.name, Style.PLAYER)
    match event.means:
        case events.Means.EMOTE:
            line = _deed((name,), event.text)
        case events.Means.CHANNEL:
            line = _on_channel(event.channel, event.name, event.text)
        case events.Means.PARTY:
            line = _on_channel("party", event.name, event.text)
        case events.Means.SAY:
            line = _quote((name, _SAYS), event.text, Style.SPEECH)
        case events.Means.TELL:
            line = _quote((name, Span(" tells you, ")), event.text, Style.TELL)
        case _:
            assert_never(event.means)
    marked = Line((Span("[silenced] ", Style.SYSTEM), *line.spans))
    channel = event.channel or event.means.value
    return _chat(channel, event.name, event.text, marked, time=time)


def _on_channel(channel: str | None, name: str, words: str) -> Line:
    return Line(
        (
            Span(f"[{channel}] ", Style.CHANNEL),
            Span(name, Style.PLAYER),
            Span(": "),
            Span(words, Style.CHANNEL),
        )
    )


def history(event: events.HistoryShown, time: str) -> View:
    """Show what was said before."""
    if not event.lines:
        return text("Nothing was said there lately.", Style.SYSTEM, time)
    spans = [Span("What was said (times are UTC):")]
    for line in event.lines:
        spans += (Span(f"\n{line.at:%m-%d %H:%M} "), *_past(line, event.character).spans)
    return told(Line(tuple(spans)), Style.SYSTEM, time)


def _past(line: PastLine, reader: CharacterId) -> Line:
    if line.target is None:
        return _on_channel(line.channel, line.name, line.text)
    if line.speaker == reader:
        opening = (Span("You told "), Span(line.target_name, Style.PLAYER), Span(", "))
    else:
        opening = (Span(line.name, Style.PLAYER), Span(" told you"), Span(", "))
    return _quote(opening, line.text, Style.TELL)


def channels(event: events.ChannelsListed, time: str) -> View:
    """Show which channels there are."""
    if not event.channels:
        return text("There are no channels here.", Style.SYSTEM, time)
    spans = [Span("Channels:")]
    for each in event.channels:
        spans += (
            Span("\n  "),
            Span(f"{each.name:<{MAX_CHANNEL_CHARS}}", Style.COMMAND),
            Span(f" {'on ' if each.on else 'off'} {each.topic}"),
        )
    return told(Line(tuple(spans)), Style.SYSTEM, time)


def npc_said(event: events.NpcSaid, viewer: Viewer, time: str) -> View:
    """Show what an inhabitant said."""
    verb = " says to you, " if viewer is Viewer.TARGET else " says, "
    opening = (Span(capital(event.name), Style.NPC), Span(verb))
    line = _quote(opening, event.text, Style.SPEECH)
    return _chat("say", event.name, event.text, line, time=time)


def acted(name: str, style: Style, deed: str, time: str) -> View:
    """Show what somebody did, in their own words."""
    line = _deed((Span(capital(name), style),), deed)
    return _chat("emote", name, deed, line, time=time)


def _deed(opening: tuple[Span, ...], deed: str) -> Line:
    gap = "" if deed.startswith(("'", ",")) else " "
    return Line((*opening, Span(gap + deed, Style.EMOTE)))


def _quote(opening: tuple[Span, ...], words: str, style: Style) -> Line:
    return Line((*opening, _QUOTE, Span(words, style), _QUOTE))


def _chat(
    channel: str,
    name: str,
    words: str,
    line: Line,
    *,
    time: str,
    to: str | None = None,
) -> View:
    body = Chat(channel=channel, from_=name, text=words, line=line.text, time=time, to=to)
    return View("chat", encode(body), line)
