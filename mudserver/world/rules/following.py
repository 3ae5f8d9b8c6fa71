"""Following others, and being led on."""

from collections import deque
from typing import Final

from mudserver.errors import PlayerError
from mudserver.ids import CharacterId
from mudserver.world import events
from mudserver.world.direction import Direction
from mudserver.world.events import Event
from mudserver.world.matching import find
from mudserver.world.model import Character, Room
from mudserver.world.world import World

#: Players that may follow one.
MAX_FOLLOWERS: Final = 10

#: Players that one step may lead on: followers, those who follow them, and so on.
MAX_TRAIN: Final = 30


def follow(world: World, character: Character, room: Room, words: str) -> Event:
    """Follow somebody who is here."""
    here = (other for other in world.characters_beginning(words) if other.room == room.id)
    leader = find(words, here)
    if leader is None:
        raise PlayerError(f"There is no player called {words} here.", code="not_here")
    if leader is character:
        raise PlayerError("You go where you go already.")
    before = world.follows.of(character.id)
    if before is not None and before.leader == leader.id:
        raise PlayerError(f"You follow {leader.name} already.")
    if character.id in world.follows.leaders(leader.id):
        raise PlayerError(f"{leader.name} follows you; you would go in circles.")
    if character.id in leader.mutes:
        raise PlayerError(f"{leader.name} isn't listening to you.")
    if len(world.follows.followers(leader.id)) >= MAX_FOLLOWERS:
        raise PlayerError(f"Too many follow {leader.name} already.", code="too_much")
    return events.Followed(character.id, character.name, leader.id, leader.name)


def unfollow(world: World, character: Character) -> Event:
    """Follow nobody any more."""
    made = world.follows.of(character.id)
    if made is None:
        raise PlayerError("You follow nobody.")
    return events.Unfollowed(character.id, character.name, made.leader, made.name)


def train(world: World, leader: Character, room: Room, direction: Direction) -> tuple[Event, ...]:
    """
    Return how those come along who follow one that walks out of a room.

    They are where the leader was and have a connection; each is led on once, whoever follows whom,
    and `MAX_TRAIN` at most.
    """
    out = room.exits[direction]
    led: set[CharacterId] = {leader.id}
    walked: list[Event] = []
    waiting = deque([leader])
    while waiting:
        before = waiting.popleft()
        for id in world.follows.followers(before.id):
            follower = world.characters.get(id)
            if follower is None or id in led or len(led) > MAX_TRAIN:
                continue
            if follower.room != room.id or follower.linkdead:
                continue
            led.add(id)
            waiting.append(follower)
            walked += (
                events.LedOn(id, before.name, direction),
                events.Departed(id, follower.name, room.id, direction),
                events.Arrived(id, follower.name, out.to, direction.opposite()),
                events.Looked(id, out.to),
            )
    return tuple(walked)
