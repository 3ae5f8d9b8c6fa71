import assert from "node:assert/strict";
import test from "node:test";

import {
  delay,
  MAX_DELAY,
  MIN_DELAY,
  PONG_WITHIN,
  SilenceWatch,
  verdict,
} from "../../mudserver/gateway/static/policy.js";

test("losses and the codes from 3000 to 3499 ask to reconnect", () => {
  for (const code of [1001, 1005, 1006, 1011, 1012, 3000, 3001, 3004, 3005, 3008, 3011, 3012, 3499]) {
    assert.equal(verdict(code).action, "reconnect", String(code));
  }
});

test("from 3500 on, nothing reconnects by itself", () => {
  for (const code of [3500, 3501, 3502, 3503, 3504, 3507, 3510, 3999, 4000]) {
    assert.notEqual(verdict(code).action, "reconnect", String(code));
    assert.notEqual(verdict(code).reason, "");
  }
});

test("what would fail again the same way is not tried again", () => {
  for (const code of [1002, 1003, 1007, 1009]) assert.equal(verdict(code).action, "again");
});

test("a bye leads out, a revoked or banned login to the form, another window waits", () => {
  assert.equal(verdict(1000).action, "left");
  assert.equal(verdict(3500).action, "form");
  assert.equal(verdict(3507).action, "form");
  assert.equal(verdict(3510).action, "again");
  assert.match(verdict(3510).reason, /elsewhere/);
});

test("delays grow to their limit and never exceed it", () => {
  const longest = [0, 1, 2, 3, 4, 5, 6, 100, 5000].map((attempt) => delay(attempt, 1));
  assert.deepEqual(longest, [1, 2, 4, 8, 16, MAX_DELAY, MAX_DELAY, MAX_DELAY, MAX_DELAY]);
  for (const attempt of [0, 1, 10]) assert.equal(delay(attempt, 0), MIN_DELAY);
});

test("already the first delay is spread, and the server's wish is waited for in full", () => {
  assert.notEqual(delay(0, 0.1), delay(0, 0.9));
  assert.equal(delay(0, 0, 10), 10 + MIN_DELAY);
  assert.equal(delay(0, 0, -5), MIN_DELAY);
});

test("silence of two heartbeats asks once, and a missing answer means death", () => {
  const watch = new SilenceWatch(25, 100);
  assert.equal(watch.due(149.9), null);
  assert.equal(watch.due(150), "ping");
  assert.equal(watch.due(151), null);
  assert.equal(watch.due(150 + PONG_WITHIN), "dead");
});

test("anything heard is an answer", () => {
  const watch = new SilenceWatch(25, 0);
  assert.equal(watch.due(50), "ping");
  watch.heard(55);
  assert.equal(watch.due(104), null);
  assert.equal(watch.due(105), "ping");
});

test("after a long sleep the server is asked before it is given up", () => {
  const watch = new SilenceWatch(25, 0);
  assert.equal(watch.due(36_000), "ping");
  assert.equal(watch.due(36_001), null);
});
