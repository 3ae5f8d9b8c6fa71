/** The line one types in, with its history. */

import { History } from "./history.js";
import { isSecret } from "./pending.js";

/** Control characters: a line with one would be refused, and pasted text may have some. */
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]+/g;

export class CommandLine {
  #input;
  #actions;
  #history = new History();

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLInputElement} input
   * @param {object} actions
   * @param {(text: string) => boolean} actions.submit whether the line was taken; if not, it stays
   * @param {(pages: number) => void} actions.turn turns the pages of the scrollback
   */
  constructor(form, input, actions) {
    this.#input = input;
    this.#actions = actions;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    input.addEventListener("keydown", (event) => this.#edit(event));
  }

  /** @returns {string[]} the history, oldest first */
  get history() {
    return this.#history.lines;
  }

  /** @param {string[]} lines oldest first */
  set history(lines) {
    this.#history = new History(lines);
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  clear() {
    this.#input.value = "";
    this.#history.leave();
  }

  #submit() {
    const text = this.#input.value.replace(CONTROL_CHARACTERS, " ").trim();
    if (text !== "" && !this.#actions.submit(text)) return;
    if (!isSecret(text)) this.#history.add(text);
    this.clear();
  }

  #edit(event) {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = {
      ArrowUp: () => this.#recall(this.#history.older(this.#input.value)),
      ArrowDown: () => this.#recall(this.#history.newer(this.#input.value)),
      Escape: () => this.clear(),
      PageUp: () => this.#actions.turn(-1),
      PageDown: () => this.#actions.turn(1),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #recall(line) {
    this.#input.value = line;
    this.#input.setSelectionRange(line.length, line.length);
  }
}
