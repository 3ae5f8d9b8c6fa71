/** What happened, line by line. */

import { make } from "./element.js";
import { isTabular } from "./views.js";

/** Lines that are kept; the oldest go first. */
export const MAX_LINES = 2_000;

/** So near to the end (pixels) counts as at the end. */
const END_SLACK = 32;

export class Scrollback {
  #log;
  #newer;
  /** @type {import("./state.js").Line[]} lines in the page and lines that wait for it */
  #lines = [];
  /** How many of `#lines`, from the end, are not in the page yet. */
  #waiting = 0;
  #unseen = 0;
  #atEnd = true;
  /** @type {Map<string, Element>} echoes of commands without an answer */
  #unanswered = new Map();
  #frame = 0;

  /**
   * @param {HTMLElement} log
   * @param {HTMLButtonElement} newer leads to the newest line; shown when there is a way to go
   */
  constructor(log, newer) {
    this.#log = log;
    this.#newer = newer;
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    newer.addEventListener("click", () => {
      this.toEnd();
      log.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(log);
  }

  /** @returns {import("./state.js").Line[]} oldest first */
  get lines() {
    return this.#lines;
  }

  /** @param {import("./state.js").Line[]} lines */
  add(lines) {
    if (lines.length === 0) return;
    this.#lines = [...this.#lines, ...lines].slice(-MAX_LINES);
    this.#waiting = Math.min(this.#waiting + lines.length, MAX_LINES);
    // Once per frame, however much comes at once; a page in the background doesn't draw at all.
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** The command `id` got its answer. */
  settle(id) {
    this.#lines = this.#lines.map((line) => (line.id === id ? { ...line, id: undefined } : line));
    this.#unanswered.get(id)?.classList.remove("pending");
    this.#unanswered.delete(id);
  }

  clear() {
    this.#lines = [];
    this.#waiting = 0;
    this.#unanswered.clear();
    this.#log.replaceChildren();
    this.toEnd();
  }

  /** Turn so many pages; negative is back. */
  turn(pages) {
    this.#log.scrollBy({ top: pages * this.#log.clientHeight * 0.9 });
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#atEnd = true;
    this.#unseen = 0;
    this.#newer.hidden = true;
  }

  #draw() {
    this.#frame = 0;
    const lines = this.#waiting > 0 ? this.#lines.slice(-this.#waiting) : [];
    this.#waiting = 0;
    const elements = lines.map((line) => this.#element(line));
    this.#log.append(...elements);
    while (this.#log.childElementCount > MAX_LINES) this.#log.firstElementChild.remove();
    if (this.#atEnd) {
      this.toEnd();
      return;
    }
    this.#unseen += lines.length;
    this.#newer.textContent = `${this.#unseen} new ${this.#unseen === 1 ? "line" : "lines"} below`;
    this.#newer.hidden = this.#unseen === 0;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    this.#atEnd = scrollHeight - scrollTop - clientHeight <= END_SLACK;
    if (!this.#atEnd) return;
    this.#unseen = 0;
    this.#newer.hidden = true;
  }

  #element(line) {
    const element = make("div", { className: classesOf(line) });
    if (line.kind === "room") {
      element.append(
        make("h3", { textContent: line.title }),
        make("p", { textContent: line.text }),
        ...line.notes.map((note) => make("p", { className: "note", textContent: note })),
      );
    } else {
      element.textContent = line.text;
    }
    if (line.id !== undefined) {
      element.classList.add("pending");
      this.#unanswered.set(line.id, element);
    }
    return element;
  }
}

function classesOf({ kind, style, text }) {
  const classes = ["line", kind];
  // A style is the server's word: take it for a class only if it can be one.
  if (/^[a-z][a-z0-9_-]{0,31}$/i.test(style ?? "")) classes.push(`${kind}-${style}`);
  if (isTabular(text)) classes.push("tabular");
  return classes.join(" ");
}
