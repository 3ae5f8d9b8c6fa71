/** Puts the parts together: the only module that knows all of them, and the browser. */

import { Api } from "./api.js";
import { CommandLine } from "./commandline.js";
import { Connection, EXPIRED } from "./connection.js";
import { Gate } from "./gate.js";
import { Panel } from "./panel.js";
import { isSecret, PendingCommands } from "./pending.js";
import { Scrollback } from "./scrollback.js";
import * as snapshots from "./snapshot.js";
import { askOccupants, initialState, nextOccupants, receive } from "./state.js";
import { StatusLine } from "./statusline.js";
import { readCharacter, readRoom } from "./views.js";

const byId = (id) => document.getElementById(id);

/** @type {import("./connection.js").Clock} */
const BROWSER_CLOCK = {
  now: () => performance.now() / 1000,
  after: (seconds, call) => {
    const timer = setTimeout(call, seconds * 1000);
    return () => clearTimeout(timer);
  },
};

class App {
  #state = initialState();
  #pending = new PendingCommands(pagePrefix());
  #api = new Api((...request) => fetch(...request));
  #play = byId("play");
  /** The account whose state, lines and history these are, in lower case. */
  #owner = "";
  /** Whether the reader was told that the connection stands. */
  #wasConnected = false;
  #frame = 0;

  #scrollback = new Scrollback(byId("scrollback"), byId("newer"));
  #statusLine = new StatusLine(byId("status"), byId("retry"), BROWSER_CLOCK.now);

  #commandLine = new CommandLine(byId("line"), byId("command"), {
    submit: (text) => this.#submit(text),
    turn: (pages) => this.#scrollback.turn(pages),
  });

  #gate = new Gate(document, {
    logIn: (name, password) => this.#logIn(name, password),
    register: (name, password) => this.#register(name, password),
    again: () => this.#arrive(),
  });

  #panel = new Panel(document, {
    command: (text) => this.#submit(text),
    more: () => this.#askOccupants(),
  });

  #connection = new Connection(
    { api: this.#api, open: openSocket, clock: BROWSER_CLOCK, random: Math.random },
    {
      status: (status) => this.#showStatus(status),
      message: (message) => this.#take(message),
      ended: (ending) => this.#ended(ending),
      resume: () => this.#resume(),
    },
  );

  /** Begin. */
  start() {
    this.#listen();
    return this.#arrive();
  }

  // ---------------------------------------------------------------- in and out

  /** Go in directly where a login is still good, else open the gate. */
  async #arrive() {
    const answer = await this.#api.session();
    if (answer.ok) {
      this.#restore(snapshots.take(sessionStorage, this.#api.account));
      this.#enter();
      return;
    }
    const { kind, message } = answer.problem;
    const name = this.#api.account;
    if (kind !== "unauthorised") this.#gate.open({ word: message, name, again: "Try again" });
    else this.#gate.open({ word: this.#owner === "" ? "" : EXPIRED, name });
  }

  async #register(name, password) {
    const answer = await this.#api.register(name, password);
    return answer.ok ? this.#logIn(name, password) : answer.problem;
  }

  async #logIn(name, password) {
    const answer = await this.#api.logIn(name, password);
    if (!answer.ok) return answer.problem;
    this.#enter(answer.value.ticket);
    return null;
  }

  #enter(ticket) {
    const account = this.#api.account.toLowerCase();
    if (this.#owner !== "" && this.#owner !== account) this.#forget();
    this.#owner = account;
    snapshots.discard(sessionStorage);
    this.#gate.close();
    this.#play.hidden = false;
    this.#show();
    // On a phone the focus would bring up the keyboard, and hide the room that one came to see.
    if (matchMedia("(hover: hover)").matches) this.#commandLine.focus();
    else byId("scrollback").focus({ preventScroll: true });
    this.#connection.start(ticket);
  }

  #ended({ kind, reason }) {
    this.#wasConnected = false;
    if (kind === "left" || kind === "form") {
      // Nothing is left to go on with. What a quit has overtaken needs no words.
      const given = this.#abandon();
      if (kind === "form") this.#tellAbandoned(given);
      this.#state = initialState();
    }
    this.#play.hidden = true;
    document.title = "mudserver";
    const { account } = this.#api;
    const again = { again: "Connect again", left: `Go in again as ${account}` }[kind];
    this.#gate.open({ word: reason, name: account, again });
  }

  async #logOut() {
    this.#connection.stop();
    const answer = await this.#api.logOut();
    const out = answer.ok || answer.problem.kind === "unauthorised";
    this.#forget();
    this.#ended({
      kind: "form",
      reason: out
        ? "You are logged out."
        : "The server could not be told: this browser may still be logged in.",
    });
  }

  /** Someone else may sit here next. */
  #forget() {
    this.#pending.abandon();
    this.#state = initialState();
    this.#commandLine.history = [];
    this.#commandLine.clear();
    this.#scrollback.clear();
    this.#wasConnected = false;
  }

  // ---------------------------------------------------------------- messages

  #take(message) {
    const { state, lines, asks } = receive(this.#state, message);
    this.#state = state;
    this.#scrollback.add(lines);
    for (const ask of asks) this.#do(ask);
    // Once per frame: a replay may change the room many times over.
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#show());
  }

  #do({ kind, id }) {
    if (kind === "look") this.#send("look");
    if (kind === "settle") this.#settle(id);
    if (kind === "abandon") this.#tellAbandoned(this.#abandon());
    if (kind === "resend") {
      for (const command of this.#pending.commands) {
        this.#connection.send({ type: "command", ...command });
      }
    }
  }

  #settle(id) {
    this.#pending.settle(id);
    this.#scrollback.settle(id);
  }

  #abandon() {
    const given = this.#pending.abandon();
    for (const { id } of given) this.#scrollback.settle(id);
    return given;
  }

  #tellAbandoned(given) {
    const typed = given.map(({ text }) => text).filter((text) => !isSecret(text));
    if (typed.length > 0) this.#note(`It is not known whether this was done: ${typed.join(" · ")}`);
  }

  #resume() {
    const { session, seq } = this.#state;
    return session && { session: session.id, secret: session.secret, seq };
  }

  #askOccupants() {
    const { state, after } = askOccupants(this.#state);
    if (after === null || !this.#connection.send({ type: "occupants", after })) return;
    this.#state = state;
  }

  // ---------------------------------------------------------------- commands

  /** @returns {boolean} whether the line was taken */
  #submit(text) {
    if (!this.#connection.connected) {
      this.#note("Not connected just now: that was not sent.");
      return false;
    }
    const id = this.#send(text);
    if (id === null) {
      this.#note("Too much is waiting for the server: that was not sent.");
      return false;
    }
    const shown = isSecret(text) ? `${text.split(/\s/, 1)[0]} ••••••` : text;
    this.#scrollback.add([{ kind: "echo", text: `> ${shown}`, id }]);
    this.#scrollback.toEnd();
    return true;
  }

  /** @returns {string | null} the command's id; null when too many wait for their answer */
  #send(text) {
    const command = this.#pending.add(text);
    if (command === null) return null;
    this.#connection.send({ type: "command", ...command });
    return command.id;
  }

  #note(text) {
    this.#scrollback.add([{ kind: "notice", text }]);
  }

  // ---------------------------------------------------------------- what is shown

  #show() {
    this.#frame = 0;
    const room = readRoom(this.#state);
    this.#panel.showRoom(room, nextOccupants(this.#state) !== null);
    this.#panel.showCharacter(readCharacter(this.#state));
    if (!this.#play.hidden) document.title = room ? `${room.name} · mudserver` : "mudserver";
  }

  #showStatus(status) {
    this.#statusLine.show(status);
    this.#panel.setConnected(status.phase === "connected");
    if (status.phase === "connected") this.#wasConnected = true;
    if (status.phase === "waiting" && this.#wasConnected) {
      this.#note("The connection was lost.");
      this.#wasConnected = false;
    }
  }

  // ---------------------------------------------------------------- the page

  #listen() {
    byId("quit").addEventListener("click", () => this.#connection.leave());
    byId("logout").addEventListener("click", () => this.#logOut());
    byId("retry").addEventListener("click", () => this.#connection.retryNow());
    addEventListener("online", () => this.#connection.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#connection.check();
    });
    document.addEventListener("keydown", (event) => this.#typed(event));
    addEventListener("pagehide", () => this.#leaveSnapshot());
    addEventListener("pageshow", (event) => {
      // Back from the browser's cache: this page goes on by itself.
      if (event.persisted) snapshots.discard(sessionStorage);
    });
  }

  /** Whoever types anywhere on the page means the command line. */
  #typed(event) {
    if (this.#play.hidden || event.key.length !== 1 || event.key === " ") return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    this.#commandLine.focus();
  }

  #leaveSnapshot() {
    if (this.#state.session === null || this.#play.hidden) return;
    snapshots.leave(sessionStorage, {
      account: this.#api.account,
      state: this.#state,
      lines: this.#scrollback.lines.slice(-snapshots.KEPT_LINES),
      pending: this.#pending.commands.filter(({ text }) => !isSecret(text)),
      history: this.#commandLine.history,
    });
  }

  /** @param {snapshots.Snapshot | null} snapshot */
  #restore(snapshot) {
    if (snapshot === null) return;
    this.#state = snapshot.state;
    this.#pending.restore(snapshot.pending);
    this.#commandLine.history = snapshot.history;
    this.#scrollback.add(snapshot.lines);
  }
}

function openSocket(subprotocol) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${location.host}/ws`, subprotocol);
}

/** Tells the ids of this page from those of an earlier page of the same session. */
function pagePrefix() {
  // Not randomUUID: that is missing where the page came over plain HTTP from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

new App().start();
