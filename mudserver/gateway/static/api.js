/** The HTTP API: accounts, the login session and tickets. */

/** How long an answer may take, in milliseconds. */
export const ANSWER_WITHIN_MS = 15_000;

/**
 * @typedef {object} Problem why a call failed
 * @property {"unauthorised" | "forbidden" | "taken" | "invalid" | "wait" | "unavailable" |
 *   "network" | "other"} kind
 * @property {string} message a sentence for people
 * @property {number | null} retryAfter seconds, where the server said
 */

/** @typedef {{ ok: true, value: object } | { ok: false, problem: Problem }} Answer */

const KINDS = new Map([
  [401, "unauthorised"],
  [403, "forbidden"],
  [409, "taken"],
  [422, "invalid"],
  [429, "wait"],
  [503, "unavailable"],
]);

const SENTENCES = {
  unauthorised: "This name and password don’t belong together.",
  forbidden: "The server refused this page.",
  taken: "This name is taken. Is it yours? Then log in.",
  invalid: "The server refused this name or password.",
  wait: "That was too often.",
  unavailable: "The world does not answer just now. Please try again in a moment.",
  network: "The server can’t be reached. Please check the network and try again.",
  other: "Something went wrong on the server. Please try again in a moment.",
};

/** Kinds of which the server's own sentence says more than ours. */
const TOLD_BY_SERVER = new Set(["forbidden", "invalid"]);

/**
 * Read a refusal.
 *
 * @param {number} status of HTTP; 0 when there was no answer at all
 * @param {unknown} body the parsed JSON, if it was any
 * @param {string | null} retryAfter the header: seconds or a date (RFC 9110 §10.2.3)
 * @param {number} now milliseconds since 1970
 * @returns {Problem}
 */
export function problemOf(status, body, retryAfter, now) {
  const kind = status === 0 ? "network" : (KINDS.get(status) ?? "other");
  const told = body?.error?.message;
  const message =
    TOLD_BY_SERVER.has(kind) && typeof told === "string" && told !== "" ? told : SENTENCES[kind];
  return { kind, message, retryAfter: seconds(retryAfter, now) };
}

function seconds(header, now) {
  if (header === null) return null;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const moment = Date.parse(header);
  return Number.isNaN(moment) ? null : Math.max(0, Math.ceil((moment - now) / 1000));
}

/**
 * One browser's login. The cookie is the browser's to keep; here is only what goes with it.
 */
export class Api {
  #fetch;
  #csrf = "";
  /** The account's name, once known. */
  account = "";

  /** @param {typeof fetch} fetch */
  constructor(fetch) {
    this.#fetch = fetch;
  }

  /** Make an account. */
  register(name, password) {
    return this.#call("POST", "/api/accounts", { name, password });
  }

  /** Log in; the value has a `ticket` to come in with. */
  async logIn(name, password) {
    const answer = await this.#call("POST", "/api/session", { name, password });
    if (answer.ok) this.account = name;
    return answer;
  }

  /** Who is logged in here, if anyone. */
  async session() {
    const answer = await this.#call("GET", "/api/session");
    if (answer.ok) this.account = answer.value.account;
    return answer;
  }

  /** A ticket for one connection; good for half a minute. */
  ticket() {
    return this.#call("POST", "/api/session/ticket", {});
  }

  /** Log out, on every connection of this login. */
  async logOut() {
    const answer = await this.#call("DELETE", "/api/session");
    this.#csrf = "";
    return answer;
  }

  /** The pair that opens a connection. */
  credentials(ticket) {
    return { ticket, csrf: this.#csrf };
  }

  /** @returns {Promise<Answer>} never rejects */
  async #call(method, path, body) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && this.#csrf) headers["X-CSRF-Token"] = this.#csrf;
    let response;
    let value;
    try {
      response = await this.#fetch(path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "same-origin",
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const text = await response.text();
      value = text === "" ? {} : JSON.parse(text);
    } catch {
      // No answer, or one that isn't JSON: a proxy's page, perhaps. The status tells which.
      value = null;
    }
    if (response?.ok && value !== null) {
      if (typeof value.csrf === "string") this.#csrf = value.csrf;
      return { ok: true, value };
    }
    const retryAfter = response?.headers.get("Retry-After") ?? null;
    const status = response && !response.ok ? response.status : response ? 500 : 0;
    return { ok: false, problem: problemOf(status, value, retryAfter, Date.now()) };
  }
}
