/** Commands that may wait for their answer at once; more are refused. */
export const MAX_PENDING_COMMANDS = 100;

/**
 * @typedef {object} Command
 * @property {string} id unique in the session
 * @property {string} text
 */

/**
 * Commands that were sent and not yet answered, in order.
 *
 * Each gets exactly one `ack` or `error`. After a resume the rest is sent again under the same
 * ids; the server applies each id once.
 */
export class PendingCommands {
  /** @type {Map<string, Command>} */
  #commands = new Map();
  #prefix;
  #count = 0;

  /** @param {string} prefix tells this page's ids from those of an earlier page of the session */
  constructor(prefix) {
    this.#prefix = prefix;
  }

  /** @returns {Command[]} oldest first */
  get commands() {
    return [...this.#commands.values()];
  }

  /**
   * Give a command its id, and await its answer.
   *
   * @param {string} text
   * @returns {Command | null} null when too many wait already
   */
  add(text) {
    if (this.#commands.size >= MAX_PENDING_COMMANDS) return null;
    this.#count += 1;
    const command = { id: `${this.#prefix}-${this.#count}`, text };
    this.#commands.set(command.id, command);
    return command;
  }

  /** The answer to `id` is here. */
  settle(id) {
    this.#commands.delete(id);
  }

  /** Take over what an earlier page still waited for. */
  restore(commands) {
    for (const command of commands.slice(0, MAX_PENDING_COMMANDS)) {
      this.#commands.set(command.id, command);
    }
  }

  /** Give up on all; returns what was given up. */
  abandon() {
    const given = this.commands;
    this.#commands.clear();
    return given;
  }
}

/** Whether a line holds a secret: it is neither remembered, nor shown, nor kept over a reload. */
export function isSecret(text) {
  const [verb, ...rest] = text.trim().toLowerCase().split(/\s+/);
  // The server takes the beginning of a verb for the verb.
  return rest.length > 0 && verb.length > 1 && ["password", "connect"].some(startingWith(verb));
}

const startingWith = (beginning) => (word) => word.startsWith(beginning);
