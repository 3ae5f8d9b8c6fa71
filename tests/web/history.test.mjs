import assert from "node:assert/strict";
import test from "node:test";

import { History } from "../../mudserver/gateway/static/history.js";

test("the arrows walk through the lines and stop at both ends", () => {
  const history = new History(["look", "north"]);
  assert.equal(history.older(""), "north");
  assert.equal(history.older("north"), "look");
  assert.equal(history.older("look"), "look");
  assert.equal(history.newer("look"), "north");
  assert.equal(history.newer("north"), "");
  assert.equal(history.newer(""), "");
});

test("the draft comes back below the newest line", () => {
  const history = new History(["look"]);
  assert.equal(history.older("say hel"), "look");
  assert.equal(history.newer("look"), "say hel");
  assert.equal(history.newer("say hello"), "say hello");
});

test("an empty line, and the same line twice in a row, are remembered once at most", () => {
  const history = new History();
  for (const line of ["look", "look", "", "north", "look"]) history.add(line);
  assert.deepEqual(history.lines, ["look", "north", "look"]);
});

test("the oldest lines are forgotten beyond the limit", () => {
  const history = new History(["a", "b", "c"], 2);
  assert.deepEqual(history.lines, ["b", "c"]);
  history.add("d");
  assert.deepEqual(history.lines, ["c", "d"]);
});

test("a new line ends the walk", () => {
  const history = new History(["look", "north"]);
  history.older("");
  history.older("north");
  history.add("south");
  assert.equal(history.older(""), "south");
});

test("an empty history keeps what is written", () => {
  assert.equal(new History().older("draft"), "draft");
  assert.equal(new History().newer("draft"), "draft");
});
