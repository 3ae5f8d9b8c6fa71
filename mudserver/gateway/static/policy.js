/**
 * When to come back, and when not to: close codes, delays and silence.
 *
 * Nothing here reads a clock or rolls dice: times (in seconds) and random numbers are arguments.
 */

/** Shortest and longest delay before another try, in seconds. */
export const MIN_DELAY = 0.5;
export const MAX_DELAY = 30;

/** A connection that lived this long (seconds) starts the delays from the shortest again. */
export const STABLE_AFTER = 5;

/** How long a silent server may take to answer a ping, in seconds. */
export const PONG_WITHIN = 10;

/**
 * @typedef {"reconnect" | "again" | "left" | "form"} Action come back by itself; wait for the
 *   player's word; the same after a quit; show the login form
 */

/**
 * @typedef {object} Verdict
 * @property {Action} action
 * @property {string} reason a sentence for people
 * @property {boolean} [quote] whether the server's own reason tells them more
 */

/** @type {Map<number, Verdict>} */
const VERDICTS = new Map([
  [1000, { action: "left", reason: "You have left. Come back soon." }],
  [3500, { action: "form", reason: "You have been logged out." }],
  [
    3501,
    {
      action: "again",
      reason: "The server did not understand this page. Reloading it may help.",
      quote: true,
    },
  ],
  [3502, { action: "again", reason: "The server did not let you in.", quote: true }],
  [3503, { action: "again", reason: "You have been sent out.", quote: true }],
  [3504, { action: "again", reason: "There are too many connections from your address." }],
  [3507, { action: "form", reason: "You are banned from here.", quote: true }],
  [3510, { action: "again", reason: "You are playing elsewhere now." }],
]);

/** Codes of RFC 6455 after which trying again the same way would fail the same way. */
const OUR_FAULT = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

/**
 * What a close code asks of us.
 *
 * @param {number} code
 * @returns {Verdict}
 */
export function verdict(code) {
  const known = VERDICTS.get(code);
  if (known) return known;
  if (OUR_FAULT.has(code)) {
    return { action: "again", reason: `The server did not understand this page (${code}).` };
  }
  // 3005 too: the request for a ticket tells whether the login itself has expired.
  if (code < 3500) return { action: "reconnect", reason: "The connection was lost." };
  return { action: "again", reason: `The server closed the connection (${code}).`, quote: true };
}

/**
 * How long to wait before the next try: exponential, with full jitter, so that thousands who lost
 * the same server don't come back in the same second.
 *
 * @param {number} attempt 0 for the first try after a loss
 * @param {number} random in [0, 1)
 * @param {number} [atLeast] seconds that the server asked for; the jitter comes on top
 * @returns {number} seconds
 */
export function delay(attempt, random, atLeast = 0) {
  const ceiling = Math.min(MAX_DELAY, 2 * MIN_DELAY * 2 ** Math.min(attempt, 16));
  return Math.max(0, atLeast) + MIN_DELAY + random * (ceiling - MIN_DELAY);
}

/**
 * Notices a server that fell silent.
 *
 * Browsers answer the server's pings unseen, so a quiet world and a dead network look the same
 * from here until we ask.
 */
export class SilenceWatch {
  #patience;
  #heardAt;
  /** @type {number | null} */
  #askedAt = null;

  /**
   * @param {number} heartbeat the server's, in seconds
   * @param {number} now
   */
  constructor(heartbeat, now) {
    this.#patience = 2 * heartbeat;
    this.#heardAt = now;
  }

  /** Something came in. */
  heard(now) {
    this.#heardAt = now;
    this.#askedAt = null;
  }

  /**
   * @param {number} now
   * @returns {"ping" | "dead" | null} what is due: ask; give up; nothing
   */
  due(now) {
    if (this.#askedAt !== null) return now - this.#askedAt >= PONG_WITHIN ? "dead" : null;
    if (now - this.#heardAt < this.#patience) return null;
    this.#askedAt = now;
    return "ping";
  }
}
