import assert from "node:assert/strict";
import test from "node:test";

import { Api, problemOf } from "../../mudserver/gateway/static/api.js";

const NOON = Date.parse("2026-11-22T12:00:00Z");
const error = (message) => ({ error: { code: "x", message } });

test("each status becomes a kind of problem with a sentence", () => {
  const kinds = {
    0: "network",
    401: "unauthorised",
    403: "forbidden",
    409: "taken",
    422: "invalid",
    429: "wait",
    500: "other",
    503: "unavailable",
  };
  for (const [status, kind] of Object.entries(kinds)) {
    const problem = problemOf(Number(status), null, null, NOON);
    assert.equal(problem.kind, kind);
    assert.notEqual(problem.message, "");
  }
});

test("the server's reason is shown where it says more", () => {
  const problem = problemOf(422, error("A password has at least 8 characters."), null, NOON);
  assert.equal(problem.message, "A password has at least 8 characters.");
  assert.notEqual(problemOf(503, error("psycopg2 fell over"), null, NOON).message, "psycopg2 fell over");
});

test("Retry-After is read as seconds and as a date", () => {
  assert.equal(problemOf(429, null, "12", NOON).retryAfter, 12);
  assert.equal(problemOf(429, null, "Sun, 22 Nov 2026 12:01:00 GMT", NOON).retryAfter, 60);
  assert.equal(problemOf(429, null, "Sun, 22 Nov 2026 11:00:00 GMT", NOON).retryAfter, 0);
  assert.equal(problemOf(429, null, "soon", NOON).retryAfter, null);
  assert.equal(problemOf(429, null, null, NOON).retryAfter, null);
});

/** A fetch that gives the responses in order and keeps the requests. */
function fakeFetch(...responses) {
  const requests = [];
  const fetch = async (path, options) => {
    requests.push({ path, ...options });
    const response = responses.shift();
    if (response instanceof Error) throw response;
    return response;
  };
  return { fetch, requests };
}

const json = (value, status = 200) => new Response(JSON.stringify(value), { status });

test("the CSRF token of a login goes with what follows, but not with reading", async () => {
  const { fetch, requests } = fakeFetch(
    json({ csrf: "c1", ticket: "t1" }),
    json({ account: "Ann", characters: [], csrf: "c1" }),
    json({ ticket: "t2", csrf: "c2" }),
    new Response(null, { status: 204 }),
  );
  const api = new Api(fetch);
  await api.logIn("ann", "correct horse");
  await api.session();
  assert.equal(api.account, "Ann");
  assert.deepEqual((await api.ticket()).value.ticket, "t2");
  assert.deepEqual(api.credentials("t2"), { ticket: "t2", csrf: "c2" });
  assert.equal((await api.logOut()).ok, true);
  const [login, reading, ticket, logout] = requests;
  assert.equal(login.headers["Content-Type"], "application/json");
  assert.equal(login.headers["X-CSRF-Token"], undefined);
  assert.deepEqual(JSON.parse(login.body), { name: "ann", password: "correct horse" });
  assert.equal(reading.headers["X-CSRF-Token"], undefined);
  assert.equal(ticket.headers["X-CSRF-Token"], "c1");
  assert.equal(logout.headers["X-CSRF-Token"], "c2");
});

test("no answer, and an answer that is not JSON, are problems and not exceptions", async () => {
  const { fetch } = fakeFetch(
    new TypeError("network"),
    new Response("<h1>Bad Gateway</h1>", { status: 502 }),
    new Response("<h1>Hello</h1>", { status: 200 }),
    new Response("", { status: 429, headers: { "Retry-After": "7" } }),
  );
  const api = new Api(fetch);
  assert.equal((await api.session()).problem.kind, "network");
  assert.equal((await api.session()).problem.kind, "other");
  assert.equal((await api.session()).problem.kind, "other");
  assert.equal((await api.session()).problem.retryAfter, 7);
});
