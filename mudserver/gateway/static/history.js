/** Lines that are remembered; the oldest is forgotten first. */
export const MAX_HISTORY_LINES = 200;

/**
 * What was typed, to be walked through with the arrow keys.
 *
 * While walking, the line that was being written is kept, and comes back below the newest.
 */
export class History {
  #lines;
  #limit;
  /** Where the walk stands; `#lines.length` is below the newest: not walking. */
  #position;
  #draft = "";

  /**
   * @param {string[]} [lines] oldest first
   * @param {number} [limit] how many lines to remember
   */
  constructor(lines = [], limit = MAX_HISTORY_LINES) {
    this.#lines = lines.slice(-limit);
    this.#limit = limit;
    this.#position = this.#lines.length;
  }

  /** What is remembered, oldest first. */
  get lines() {
    return [...this.#lines];
  }

  /** Remember a line, unless it is empty or the same as the last; any walk is over. */
  add(line) {
    if (line !== "" && line !== this.#lines.at(-1)) {
      this.#lines = [...this.#lines, line].slice(-this.#limit);
    }
    this.leave();
  }

  /**
   * One line older.
   *
   * @param {string} current what stands in the command line now
   * @returns {string} what is to stand there
   */
  older(current) {
    if (this.#position === this.#lines.length) this.#draft = current;
    if (this.#position === 0) return current;
    this.#position -= 1;
    return this.#lines[this.#position];
  }

  /** One line newer; below the newest is the draft. */
  newer(current) {
    if (this.#position === this.#lines.length) return current;
    this.#position += 1;
    return this.#position === this.#lines.length ? this.#draft : this.#lines[this.#position];
  }

  /** Give up the walk, and the draft. */
  leave() {
    this.#position = this.#lines.length;
    this.#draft = "";
  }
}
