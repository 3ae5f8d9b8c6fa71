/** The state as it is shown: what the server left out, or misshaped, is empty. */

import { isRecord, list, words } from "./shapes.js";

const DIRECTIONS = [
  "north",
  "northeast",
  "east",
  "southeast",
  "south",
  "southwest",
  "west",
  "northwest",
  "up",
  "down",
  "in",
  "out",
];

/**
 * @typedef {object} RoomView
 * @property {number} id
 * @property {string} name
 * @property {string} description
 * @property {{ direction: string, name: string, closed: boolean }[]} exits in compass order
 * @property {{ id: number, name: string }[]} items
 * @property {{ id: number, name: string, npc: boolean, self: boolean }[]} occupants
 * @property {number} unlisted how many more are here
 */

/**
 * The room as it is to be shown; what the server left out is empty.
 *
 * @param {import("./state.js").State} state
 * @returns {RoomView | null}
 */
export function readRoom(state) {
  const room = state.place?.room;
  if (!room) return null;
  const first = list(room.occupants?.page);
  const ids = new Set(first.map((occupant) => occupant.id));
  const further = list(state.further?.page).filter((occupant) => !ids.has(occupant.id));
  const occupants = [...first, ...further].map((occupant) => ({
    id: occupant.id,
    name: words(occupant.name),
    npc: occupant.kind === "npc",
    self: occupant.kind === "player" && occupant.name === state.character,
  }));
  return {
    id: room.id,
    name: words(room.name),
    description: words(room.description),
    exits: readExits(room.exits),
    items: list(room.items).map(readThing),
    occupants,
    unlisted: Math.max(0, (Number(room.occupants?.total) || 0) - occupants.length),
  };
}

function readExits(exits) {
  const rank = (direction) => {
    const index = DIRECTIONS.indexOf(direction);
    return index === -1 ? DIRECTIONS.length : index;
  };
  return Object.entries(isRecord(exits) ? exits : {})
    .map(([direction, exit]) => ({
      direction,
      name: words(exit?.name),
      closed: exit?.closed === true,
    }))
    .sort((one, other) => rank(one.direction) - rank(other.direction));
}

/**
 * @typedef {object} CharacterView
 * @property {string} name
 * @property {string} position
 * @property {{ name: string, value: number, most: number | null }[]} vitals
 * @property {{ id: number, name: string }[]} inventory
 */

/**
 * The character as it is to be shown.
 *
 * @param {import("./state.js").State} state
 * @returns {CharacterView | null}
 */
export function readCharacter(state) {
  const character = state.person?.character;
  if (!character) return null;
  return {
    name: words(character.name),
    position: words(character.position),
    vitals: readVitals(isRecord(character.vitals) ? character.vitals : {}),
    inventory: list(character.inventory).map(readThing),
  };
}

/** `health` and `max_health` (or `health_max`) make one: so much of so much. */
function readVitals(vitals) {
  const most = (name) => vitals[`max_${name}`] ?? vitals[`${name}_max`] ?? null;
  return Object.entries(vitals)
    .filter(([name, value]) => typeof value === "number" && !/^max_|_max$/.test(name))
    .map(([name, value]) => ({ name: name.replaceAll("_", " "), value, most: most(name) }));
}

const readThing = (thing) => ({ id: thing?.id, name: words(thing?.name) });

/**
 * A room as it stands in the scrollback.
 *
 * @param {RoomView} room
 * @returns {import("./state.js").Line}
 */
export function roomLine(room) {
  const others = room.occupants.filter((occupant) => !occupant.self).map(({ name }) => name);
  if (room.unlisted > 0) others.push(`${room.unlisted} more`);
  const exits = room.exits.map(({ direction, closed }) =>
    closed ? `${direction} (closed)` : direction,
  );
  const notes = [
    exits.length > 0 ? `Exits: ${series(exits)}.` : "There are no exits.",
    ...(room.items.length > 0 ? [`Here: ${series(room.items.map(({ name }) => name))}.`] : []),
    ...(others.length > 0 ? [`Also here: ${series(others)}.`] : []),
  ];
  return { kind: "room", title: room.name, text: room.description, notes };
}

/** "a, b and c" */
function series(names) {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** How to name a thing in a command: without its article. */
export function nounOf(name) {
  return name.replace(/^(?:an?|the|some)\s+(?=\S)/i, "");
}

/** Whether a text is set in columns, and needs letters of one width. */
export function isTabular(text) {
  return text.includes("\n") && /\S {3,}\S/.test(text);
}
