"""
Whether what a database holds after a crash is what the players were promised.

- What was acknowledged is there.
- What was not is wholly there or wholly not, and never without what the same player did before.
- What was seen done before something else was begun that was acknowledged is there, too, since
  commits keep the order of events.
- Every item is in one place.

Only answers and their moments are looked at. Two commands of different players that were under way
at the same time may have been carried out in either order; everything else is fixed.
"""

from collections.abc import Sequence

from tests.crash.history import History, Idle, Outcome, Player, Stored, Ways
from tests.crash.track import Track, follow
from tests.crash.traffic import Traffic, agree, moves


def differences(
    ways: Ways, before: Stored, histories: Sequence[History], after: Stored
) -> tuple[str, ...]:
    """
    Compare a database with what players know.

    Args:
        ways: How the rooms hang together.
        before: What was stored when the histories began, and nothing was under way.
        histories: What each player did since; one for each player in the world.
        after: What is stored now.

    Returns:
        What is wrong, a sentence or two each; nothing if all is right.
    """
    tracks = [follow(ways, before, history) for history in histories]
    problems = [problem for track in tracks for problem in track.problems]
    problems += _inventory(before, after)
    problems += _idle(before, histories, after)
    if problems:
        return tuple(problems)
    floors = {track.history.player: _floor(track, tracks) for track in tracks}
    candidates: dict[Player, frozenset[int]] = {}
    for track in tracks:
        player = track.history.player
        candidates[player] = _fitting(track, floors[player], after)
        if not candidates[player]:
            problems.append(_unfitting(track, floors[player], after))
    choices = []
    places = dict(after.items)
    numbers = [floors[track.history.player] for track in tracks]
    totals = [len(track.history.commands) for track in tracks]
    for item, start in before.items:
        traffic = Traffic([moves(item, track) for track in tracks])
        cuts = traffic.cuts(start, places[item], traffic.floor(numbers))
        if not cuts:
            problems.append(_lost(item, start, places[item], tracks, traffic))
        players = [track.history.player for track in tracks]
        choices.append(
            [dict(zip(players, traffic.ranges(cut, totals), strict=True)) for cut in sorted(cuts)]
        )
    if not problems and not agree(candidates, choices):
        problems.append(
            "Each by itself could be, but not together: something is stored without what the same"
            f" player did before, or only half. Stored commands by room and mutes: {candidates}"
        )
    return tuple(problems)


def _inventory(before: Stored, after: Stored) -> list[str]:
    """Tell which items came or went."""
    wanted = sorted(item for item, _ in before.items)
    found = sorted(item for item, _ in after.items)
    if wanted == found:
        return []
    doubled = sorted({item for item in found if found.count(item) > wanted.count(item)})
    lost = sorted({item for item in wanted if item not in found})
    return [f"Too many times: {doubled or 'none'}; lost: {lost or 'none'}."]


def _idle(before: Stored, histories: Sequence[History], after: Stored) -> list[str]:
    """Tell what changed of players who did nothing."""
    active = {history.player for history in histories}
    return [
        f"{player} did nothing, and isn't as before."
        for player in sorted(before.rooms.keys() | after.rooms.keys())
        if player not in active
        and (before.rooms.get(player), before.muted_by(player))
        != (after.rooms.get(player), after.muted_by(player))
    ]


def _floor(track: Track, tracks: Sequence[Track]) -> int:
    """Return how many of a player's commands must be stored."""
    begun = max(
        (
            command.sent
            for other in tracks
            for command in other.history.commands
            if command.outcome is Outcome.ACKNOWLEDGED and not isinstance(command.deed, Idle)
        ),
        default=0,
    )
    return max(track.acknowledged, track.seen_before(begun))


def _fitting(track: Track, floor: int, after: Stored) -> frozenset[int]:
    player = track.history.player
    room, muted = after.rooms.get(player), after.muted_by(player)
    return frozenset(
        number
        for number, own in enumerate(track.states)
        if number >= floor and own.room == room and own.muted == muted
    )


def _unfitting(track: Track, floor: int, after: Stored) -> str:
    player = track.history.player
    possible = ", ".join(f"{n}: {own}" for n, own in enumerate(track.states) if n >= floor)
    return (
        f"{player} is stored in {after.rooms.get(player)}, and mutes"
        f" {sorted(after.muted_by(player))}; possible are, by the number of stored commands,"
        f" {possible}."
    )


def _lost(item: str, start: str, end: str, tracks: Sequence[Track], traffic: Traffic) -> str:
    lines = [f"{item} began at {start} and is stored at {end}. It may have been moved by:"]
    for track, lane in zip(tracks, traffic.lanes, strict=True):
        for move in lane:
            command = track.history.commands[move.number - 1]
            lines.append(
                f"  {track.history.player} {move.number}. {command}"
                f" ({move.source} to {move.target}: {move.need.value})"
            )
    return "\n".join(lines)
