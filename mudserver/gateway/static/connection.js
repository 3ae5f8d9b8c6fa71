/**
 * The WebSocket, kept open: fetches a ticket, says hello, comes back after a loss, notices
 * silence, and says why when it has to stop.
 *
 * It knows nothing of the page. Clock, dice, sockets and the API are given to it.
 */

import { delay, SilenceWatch, STABLE_AFTER, verdict } from "./policy.js";

/** The subprotocol spoken. */
export const SUBPROTOCOL = "mud.v1.json";

/** What to say when the login is over. */
export const EXPIRED = "Your login has expired. Please log in again.";

/** From opening the socket to `welcome`, in seconds; then it counts as lost. */
export const WELCOME_WITHIN = 15;

/** How long a `bye` may wait for the server's close, in seconds. */
export const CLOSE_WITHIN = 3;

/** How often silence is looked at, in seconds. */
const WATCH_EVERY = 5;

/** How often a refused refresh is tried before the session is left to expire. */
const REFRESH_TRIES = 3;

/**
 * @typedef {object} Status
 * @property {"idle" | "connecting" | "connected" | "waiting"} phase
 * @property {number} [until] when the next try is, on the given clock; only while waiting
 */

/**
 * @typedef {object} Ending why it stopped
 * @property {"again" | "left" | "form" | "expired"} kind wait for the player's word; the same
 *   after a quit; log in; log in and go on
 * @property {string} reason a sentence for people
 */

/**
 * @typedef {object} Listener
 * @property {(status: Status) => void} status
 * @property {(message: object) => void} message
 * @property {(ending: Ending) => void} ended
 * @property {() => ({ session: string, secret: string, seq: number } | null)} resume
 */

/**
 * @typedef {object} Clock
 * @property {() => number} now seconds, from any origin
 * @property {(seconds: number, call: () => void) => (() => void)} after returns what cancels it
 */

export class Connection {
  #api;
  #open;
  #clock;
  #random;
  #listener;

  #socket = null;
  /** Raised whenever what was under way is given up, so that late answers are not taken. */
  #generation = 0;
  #attempt = 0;
  #closing = null;
  #welcomedAt = null;
  #leaving = false;
  #watch = null;
  #cancelTimer = () => {};
  #cancelWatch = () => {};
  #phase = "idle";

  /**
   * @param {object} parts
   * @param {import("./api.js").Api} parts.api
   * @param {(subprotocol: string) => WebSocket} parts.open
   * @param {Clock} parts.clock
   * @param {() => number} parts.random in [0, 1)
   * @param {Listener} listener
   */
  constructor({ api, open, clock, random }, listener) {
    this.#api = api;
    this.#open = open;
    this.#clock = clock;
    this.#random = random;
    this.#listener = listener;
  }

  get connected() {
    return this.#phase === "connected";
  }

  /**
   * Come in, and stay in.
   *
   * @param {string} [ticket] one that is at hand; otherwise one is fetched
   */
  start(ticket) {
    this.stop();
    this.#attempt = 0;
    if (ticket === undefined) this.#enter();
    else this.#connect(ticket);
  }

  /** Give up whatever is under way, without a word to anyone. */
  stop() {
    this.#abandon();
    this.#leaving = false;
    this.#setPhase("idle");
  }

  /** Quit on purpose. The ending follows. */
  leave() {
    if (!this.connected) {
      this.#end("left", verdict(1000).reason);
      return;
    }
    this.#leaving = true;
    this.send({ type: "bye" });
    this.#after(CLOSE_WITHIN, () => this.#closed(1000));
  }

  /** Don't wait any longer for the next try. */
  retryNow() {
    if (this.#phase === "waiting") this.#enter();
  }

  /** Look at the silence now: the page may have slept. */
  check() {
    if (!this.#watch) return;
    const due = this.#watch.due(this.#clock.now());
    if (due === "ping") this.send({ type: "ping" });
    if (due === "dead") this.#closed(1006);
  }

  /**
   * @param {object} message
   * @returns {boolean} whether it went out
   */
  send(message) {
    if (!this.connected) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  async #enter(mayAskAgain = true) {
    this.#abandon();
    this.#setPhase("connecting");
    const generation = this.#generation;
    const answer = await this.#api.ticket();
    if (generation !== this.#generation) return;
    if (answer.ok) this.#connect(answer.value.ticket);
    else if (answer.problem.kind === "unauthorised") this.#expire();
    else if (answer.problem.kind === "forbidden" && mayAskAgain) await this.#recognise();
    else this.#wait(answer.problem.retryAfter ?? 0);
  }

  /** Our CSRF token was refused: another tab may have logged in since, as us or as another. */
  async #recognise() {
    const generation = this.#generation;
    const before = this.#api.account;
    const answer = await this.#api.session();
    if (generation !== this.#generation) return;
    if (answer.ok && answer.value.account.toLowerCase() === before.toLowerCase()) {
      await this.#enter(false);
    } else if (answer.ok) {
      this.#end("form", `${answer.value.account} has logged in with this browser.`);
    } else if (answer.problem.kind === "unauthorised") this.#expire();
    else this.#wait(answer.problem.retryAfter ?? 0);
  }

  #connect(ticket) {
    this.#abandon();
    this.#setPhase("connecting");
    const socket = this.#open(SUBPROTOCOL);
    this.#socket = socket;
    this.#closing = null;
    this.#welcomedAt = null;
    socket.onopen = () => {
      const resume = this.#listener.resume();
      const hello = { type: "hello", ...this.#api.credentials(ticket) };
      socket.send(JSON.stringify(resume ? { ...hello, resume } : hello));
    };
    socket.onmessage = (event) => this.#received(event.data);
    socket.onclose = (event) => this.#closed(event.code);
    this.#after(WELCOME_WITHIN, () => this.#closed(1006));
  }

  #received(data) {
    this.#watch?.heard(this.#clock.now());
    const message = parse(data);
    if (message === null) return;
    if (message.type === "welcome") this.#welcomed(message);
    if (message.type === "closing") this.#closing = message;
    if (message.type === "expiring") this.#refresh(REFRESH_TRIES);
    this.#listener.message(message);
  }

  #welcomed(message) {
    this.#cancelTimer();
    this.#welcomedAt = this.#clock.now();
    this.#watch = new SilenceWatch(message.heartbeat, this.#welcomedAt);
    this.#watchSoon();
    this.#setPhase("connected");
  }

  #watchSoon() {
    this.#cancelWatch = this.#clock.after(WATCH_EVERY, () => {
      this.#watchSoon();
      this.check();
    });
  }

  async #refresh(tries) {
    const generation = this.#generation;
    const answer = await this.#api.ticket();
    if (generation !== this.#generation || this.#leaving) return;
    if (answer.ok) this.send({ type: "refresh", ticket: answer.value.ticket });
    else if (answer.problem.kind !== "unauthorised" && tries > 1) {
      this.#after(WATCH_EVERY, () => this.#refresh(tries - 1));
    }
  }

  #closed(code) {
    const closing = this.#closing;
    const leaving = this.#leaving;
    const lived = this.#welcomedAt === null ? 0 : this.#clock.now() - this.#welcomedAt;
    this.#abandon();
    this.#leaving = false;
    if (lived >= STABLE_AFTER) this.#attempt = 0;
    if (leaving) {
      this.#end("left", verdict(1000).reason);
      return;
    }
    // A close frame can get lost with the connection; the word before it says the same.
    const told = code === 1005 || code === 1006 ? (closing?.code ?? code) : code;
    const { action, reason, quote } = verdict(told);
    if (action === "reconnect") this.#wait(closing?.reconnect_after ?? 0);
    else this.#end(action, quote ? quoted(reason, closing?.reason) : reason);
  }

  #wait(atLeast) {
    const seconds = delay(this.#attempt, this.#random(), atLeast);
    this.#attempt += 1;
    this.#abandon();
    this.#setPhase("waiting", this.#clock.now() + seconds);
    this.#after(seconds, () => this.#enter());
  }

  #expire() {
    this.#end("expired", EXPIRED);
  }

  #end(kind, reason) {
    this.stop();
    this.#listener.ended({ kind, reason });
  }

  #after(seconds, call) {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(seconds, call);
  }

  /** Drop the socket, the timers and all answers that are still to come. */
  #abandon() {
    this.#generation += 1;
    this.#cancelTimer();
    this.#cancelWatch();
    this.#watch = null;
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    // On a dead network the close would take minutes: don't listen for it.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #setPhase(phase, until) {
    if (phase === this.#phase && until === undefined) return;
    this.#phase = phase;
    this.#listener.status({ phase, until });
  }
}

/** @returns {object | null} null for what is no message: it is nobody's to act upon */
function parse(data) {
  try {
    const message = JSON.parse(data);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/** Our sentence, and the server's reason after it if there is one. */
function quoted(ours, theirs) {
  if (typeof theirs !== "string" || theirs.trim() === "") return ours;
  return `${ours} The server says: “${theirs.trim()}”`;
}
