"""Two small areas that make a world, for tests of what keeps worlds."""

from mudserver.world.area import Area
from mudserver.world.area_file import parse

HARBOUR = b"""\
area: harbour
name: The Harbour
description: Where it begins.
start: steps
rooms:
  steps:
    name: The Steps
    description: |
      Nine steps go down.

      Gulls own them.
    exits:
      north: {to: hall, name: a green door, closed: true}
      east: mole
    details:
      gulls, grey gull: They look back.
    items:
      lamp: {name: a brass lamp, keywords: "lantern, light", description: It smells of oil.}
      bollard: {name: an iron bollard, description: Iron., fixed: true}
  mole:
    name: The Mole
    description: Stones in the sea.
    exits:
      west: steps
    items:
      rope: {name: a rope, description: Tarred.}
"""

TOWN = b"""\
area: town
name: The Town
description: Up the hill.
rooms:
  hall:
    name: The Hall
    description: High and dim.
    exits:
      south: {to: steps, name: a green door, closed: true}
    inhabitants:
      keeper:
        name: Mrs Pellow
        keywords: pellow, keeper
        description: She winds the clocks.
        greeting: Good morning.
        topics:
          clock, time: It is late.
          gulls: ":shakes her head."
        idle:
          - winds a clock.
          - counts the strokes.
      heron:
        name: the grey heron
        description: Out of place.
        route: [steps]
"""


def harbour_world() -> tuple[Area, ...]:
    """Return areas that make a world of three rooms, three items and two inhabitants."""
    return (parse("harbour.yaml", HARBOUR), parse("town.yaml", TOWN))


CHEST = b"""\
      chest:
        name: a sea chest
        description: Oak.
        fixed: true
        holds: 5
        size: 3
        closed: true
        contents:
          sack:
            name: a sack
            description: Jute.
            holds: 3
            size: 2
            contents:
              purse: {name: a purse, description: Small., holds: 1, closed: false}
"""


def chest_world() -> tuple[Area, ...]:
    """Return the same with a closed chest on the mole; in it is a sack, and in that a purse."""
    return (parse("harbour.yaml", HARBOUR + CHEST), parse("town.yaml", TOWN))


def open_world() -> tuple[Area, ...]:
    """Return an area with an exit to a room that isn't there."""
    return (parse("harbour.yaml", HARBOUR),)
