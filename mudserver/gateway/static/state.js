/**
 * What this client knows, and how each message of the server changes it.
 *
 * `receive` is a pure function: it returns the new state, the lines to show, and what is to be
 * asked of the server. Messages are counted here: the server numbers its messages of play 1, 2, 3
 * … without sending the number.
 */

import { applyPatch, PatchError } from "./patch.js";

/** Occupants beyond the first page that are listed at most. */
export const MAX_FURTHER_OCCUPANTS = 500;

const PLAY = new Set([
  "text",
  "room.state",
  "room.delta",
  "chat",
  "char.state",
  "char.delta",
  "presence",
  "system",
]);

const CONTROL = new Set([
  "welcome",
  "mark",
  "gap",
  "occupants",
  "ack",
  "error",
  "pong",
  "expiring",
  "refreshed",
  "closing",
]);

/**
 * @typedef {object} Line what the scrollback shows
 * @property {"text" | "room" | "chat" | "presence" | "system" | "error" | "notice" | "echo"} kind
 * @property {string} text
 * @property {string} [style] a word that says more: a text's style, a chat's channel, a level
 * @property {string} [title] a room's name
 * @property {string[]} [notes] sentences about a room: its exits, things and people
 * @property {string} [id] of an echoed command that awaits its answer
 */

/**
 * @typedef {object} State
 * @property {{ id: string, secret: string } | null} session null before the first welcome
 * @property {number} seq messages of play received in the session
 * @property {string} character the name one plays under
 * @property {{ version: number, room: object } | null} place as last told
 * @property {{ version: number, character: object } | null} person as last told
 * @property {{ page: object[], next: number | null, asked: boolean } | null} further occupants
 *   beyond the room's first page; null before the first of them was asked for
 * @property {boolean} looking a `look` of ours, to repair the state, is on its way
 * @property {boolean} quiet the next full state repeats what the reader knows
 */

/**
 * @typedef {object} Ask what the state wants done
 * @property {"look" | "resend" | "abandon" | "settle"} kind `resend` and `abandon` concern all
 *   commands without an answer, `settle` the one that got its
 * @property {string} [id]
 */

/** @returns {State} */
export function initialState() {
  return {
    session: null,
    seq: 0,
    character: "",
    place: null,
    person: null,
    further: null,
    looking: false,
    quiet: false,
  };
}

/** Whether a message has a number. One of a type not known here has if it carries a time. */
export function isPlay(message) {
  return (
    PLAY.has(message.type) || (!CONTROL.has(message.type) && typeof message.time === "string")
  );
}

/**
 * Take in one message of the server.
 *
 * @param {State} state left alone
 * @param {{ type: string }} message of any type; unknown ones are counted and ignored
 * @returns {{ state: State, lines: Line[], asks: Ask[] }}
 */
export function receive(state, message) {
  const counted = isPlay(message) ? { ...state, seq: state.seq + 1 } : state;
  const take = Object.hasOwn(TAKE, message.type) ? TAKE[message.type] : ignore;
  return { state: counted, lines: [], asks: [], ...take(counted, message) };
}

/**
 * Ask for the next page of who is here.
 *
 * @param {State} state
 * @returns {{ state: State, after: number | null }} null when there is none, or one is coming
 */
export function askOccupants(state) {
  const next = nextOccupants(state);
  if (next === null || state.further?.asked) return { state, after: null };
  const page = state.further?.page ?? [];
  return { state: { ...state, further: { page, next, asked: true } }, after: next };
}

/** What to ask the next page of occupants by; null when all are listed. */
export function nextOccupants(state) {
  const next = state.further ? state.further.next : state.place?.room.occupants?.next;
  return typeof next === "number" ? next : null;
}

const notice = (text) => ({ kind: "notice", text });

const ignore = () => ({});

const TAKE = {
  welcome(state, message) {
    const before = state.session;
    const next = {
      ...state,
      session: { id: message.session, secret: message.resume },
      character: message.character,
      seq: message.seq,
      looking: false,
    };
    if (before === null) return { state: next, asks: [{ kind: "abandon" }] };
    if (message.recovered) {
      return {
        state: next,
        lines: [notice("Connected again; nothing was missed.")],
        asks: [{ kind: "resend" }],
      };
    }
    return {
      state: { ...next, quiet: true },
      lines: [notice("Connected again; some of what happened meanwhile is lost.")],
      // Ids are unique within a session: in another one, a command could be done twice.
      asks: [{ kind: before.id === message.session ? "resend" : "abandon" }],
    };
  },

  mark(state, message) {
    if (message.seq === state.seq) return {};
    const next = { ...state, seq: message.seq };
    if (message.seq < state.seq) return { state: next };
    return { state: next, ...look(next), lines: [notice("Something that happened just now is lost.")] };
  },

  gap(state, message) {
    return {
      state: { ...state, seq: message.seq, quiet: true },
      lines: [notice("Something that happened just now is lost.")],
    };
  },

  text: (_, message) => ({
    lines: [{ kind: "text", text: words(message.text), style: message.style }],
  }),

  chat: (_, message) => ({
    lines: [{ kind: "chat", text: words(message.line), style: message.channel }],
  }),

  system: (_, message) => ({
    lines: [{ kind: "system", text: words(message.text), style: message.level }],
  }),

  presence(state, message) {
    const lines = message.line ? [{ kind: "presence", text: words(message.line) }] : [];
    if (message.event !== "left" || !state.further) return { lines };
    const page = state.further.page.filter((occupant) => occupant.name !== message.who);
    return { state: { ...state, further: { ...state.further, page } }, lines };
  },

  "room.state"(state, message) {
    if (!isRecord(message.room)) return {};
    const known = state.quiet && state.place?.room.id === message.room.id;
    const next = {
      ...state,
      place: { version: message.version, room: message.room },
      further: null,
      looking: false,
      quiet: false,
    };
    return { state: next, lines: known ? [] : [roomLine(readRoom(next))] };
  },

  "room.delta"(state, message) {
    const room = patched(state.place, state.place?.room, message);
    return room === null
      ? look(state)
      : { state: { ...state, place: { version: message.to, room } } };
  },

  occupants(state, message) {
    if (!state.further?.asked) return {};
    const page = [...state.further.page, ...list(message.page)].slice(0, MAX_FURTHER_OCCUPANTS);
    const full = page.length === MAX_FURTHER_OCCUPANTS;
    const next = full || typeof message.next !== "number" ? null : message.next;
    return { state: { ...state, further: { page, next, asked: false } } };
  },

  "char.state"(state, message) {
    const { type, time, version, ...character } = message;
    return { state: { ...state, person: { version, character } } };
  },

  "char.delta"(state, message) {
    const character = patched(state.person, state.person?.character, message);
    return character === null
      ? look(state)
      : { state: { ...state, person: { version: message.to, character } } };
  },

  ack: (_, message) => ({ asks: [{ kind: "settle", id: message.id }] }),

  error: (_, message) => ({
    lines: [{ kind: "error", text: words(message.message) }],
    asks: typeof message.id === "string" ? [{ kind: "settle", id: message.id }] : [],
  }),
};

/** Ask for the state, once: until the room comes, asking again would bring nothing more. */
function look(state) {
  if (state.looking) return {};
  return { state: { ...state, looking: true, quiet: true }, asks: [{ kind: "look" }] };
}

/** The value after a delta, or null when the delta isn't for what we have. */
function patched(holder, value, message) {
  if (!holder || holder.version !== message.from) return null;
  try {
    const result = applyPatch(value, message.patch);
    return isRecord(result) ? result : null;
  } catch (error) {
    if (error instanceof PatchError) return null;
    throw error;
  }
}

// ------------------------------------------------------------------ the state, as it is shown

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
 * @param {State} state
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
 * @param {State} state
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
 * @returns {Line}
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

/** Whether a line holds a secret: it is neither remembered, nor shown, nor kept over a reload. */
export function isSecret(text) {
  const [verb, ...rest] = text.trim().toLowerCase().split(/\s+/);
  // The server takes the beginning of a verb for the verb.
  return rest.length > 0 && verb.length > 1 && ["password", "connect"].some(startingWith(verb));
}

/** Whether a text is set in columns, and needs letters of one width. */
export function isTabular(text) {
  return text.includes("\n") && /\S {3,}\S/.test(text);
}

const startingWith = (beginning) => (word) => word.startsWith(beginning);

function words(value) {
  return typeof value === "string" ? value : "";
}

function list(value) {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
