/**
 * What this client knows, and how each message of the server changes it.
 *
 * `receive` is a pure function: it returns the new state, the lines to show, and what is to be
 * asked of the server. Messages are counted here: the server numbers its messages of play 1, 2, 3
 * … without sending the number.
 */

import { applyPatch, PatchError } from "./patch.js";
import { isRecord, list, words } from "./shapes.js";
import { readRoom, roomLine } from "./views.js";

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
