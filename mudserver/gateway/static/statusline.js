/** How the connection is, in words. */

import { make } from "./element.js";

/** How often the countdown is looked at, in milliseconds. */
const TICK_MS = 250;

const WORDS = { idle: "", connecting: "Connecting…", connected: "Connected" };

export class StatusLine {
  #line;
  #retry;
  #now;
  #tick = 0;

  /**
   * @param {HTMLElement} line
   * @param {HTMLButtonElement} retry offered while waiting
   * @param {() => number} now seconds, on the connection's clock
   */
  constructor(line, retry, now) {
    this.#line = line;
    this.#retry = retry;
    this.#now = now;
  }

  /** @param {import("./connection.js").Status} status */
  show({ phase, until }) {
    clearInterval(this.#tick);
    this.#line.dataset.phase = phase;
    this.#retry.hidden = phase !== "waiting";
    if (phase === "waiting") this.#countDown(until);
    else this.#line.textContent = WORDS[phase];
  }

  #countDown(until) {
    // The seconds are for the eye: read out one by one they would drown everything else.
    const count = make("span");
    count.setAttribute("aria-hidden", "true");
    const tick = () => {
      count.textContent = ` in ${Math.max(1, Math.ceil(until - this.#now()))} s…`;
    };
    tick();
    this.#line.replaceChildren("Reconnecting", count);
    this.#tick = setInterval(tick, TICK_MS);
  }
}
