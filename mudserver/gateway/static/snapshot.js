/**
 * What a page leaves for its own reload, so that the session goes on where it was.
 *
 * It lies in sessionStorage, and only from the moment the page goes away until the next one has
 * loaded: sessionStorage belongs to one tab, ends with it, and is read only by scripts of this
 * origin. Taking it out removes it, so a duplicated tab doesn't find the resume secret of the tab
 * it came from, and nothing is left behind on a shared computer.
 */

const KEY = "mud.snapshot";

/** Lines of the scrollback that survive a reload. */
export const KEPT_LINES = 300;

/**
 * @typedef {object} Snapshot
 * @property {string} account whose it is
 * @property {import("./state.js").State} state
 * @property {import("./state.js").Line[]} lines oldest first
 * @property {import("./pending.js").Command[]} pending
 * @property {string[]} history
 */

/**
 * @param {Storage} storage
 * @param {Snapshot} snapshot
 */
export function leave(storage, snapshot) {
  try {
    storage.setItem(KEY, JSON.stringify(snapshot));
  } catch {
    // Full or forbidden: the reload then starts afresh, as any other visit does.
    discard(storage);
  }
}

/**
 * Take out what was left, if it is this account's.
 *
 * @param {Storage} storage
 * @param {string} account
 * @returns {Snapshot | null}
 */
export function take(storage, account) {
  try {
    const snapshot = JSON.parse(storage.getItem(KEY) ?? "null");
    return snapshot?.account?.toLowerCase() === account.toLowerCase() ? snapshot : null;
  } catch {
    return null;
  } finally {
    discard(storage);
  }
}

/** @param {Storage} storage */
export function discard(storage) {
  try {
    storage.removeItem(KEY);
  } catch {
    // Forbidden altogether: then there is nothing in it either.
  }
}
