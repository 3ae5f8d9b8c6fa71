import assert from "node:assert/strict";
import test from "node:test";

import { applyPatch, PatchError, pointerTokens } from "../../mudserver/gateway/static/patch.js";

const room = Object.freeze({
  name: "Hall",
  exits: { north: { name: "Quay", closed: false } },
  items: [
    { id: 1, name: "a lamp" },
    { id: 2, name: "an orange" },
  ],
});

const patched = (...operations) => applyPatch(room, operations);

test("add inserts before an index, appends at the dash, and sets a member", () => {
  const item = { id: 3, name: "a rope" };
  assert.deepEqual(
    patched({ op: "add", path: "/items/1", value: item }).items.map(({ id }) => id),
    [1, 3, 2],
  );
  assert.deepEqual(patched({ op: "add", path: "/items/-", value: item }).items[2], item);
  assert.deepEqual(patched({ op: "add", path: "/items/2", value: item }).items[2], item);
  assert.equal(patched({ op: "add", path: "/dark", value: true }).dark, true);
  assert.equal(patched({ op: "add", path: "/name", value: "Cellar" }).name, "Cellar");
});

test("remove takes out one item or member", () => {
  assert.deepEqual(patched({ op: "remove", path: "/items/0" }).items, [room.items[1]]);
  assert.deepEqual(patched({ op: "remove", path: "/exits/north" }).exits, {});
});

test("replace changes what is there, also inside an array", () => {
  assert.equal(
    patched({ op: "replace", path: "/items/1/name", value: "a peel" }).items[1].name,
    "a peel",
  );
  assert.equal(
    patched({ op: "replace", path: "/exits/north/closed", value: true }).exits.north.closed,
    true,
  );
  assert.equal(applyPatch(room, [{ op: "replace", path: "", value: 7 }]), 7);
});

test("move and copy take a value from elsewhere", () => {
  assert.deepEqual(
    patched({ op: "move", from: "/items/0", path: "/items/1" }).items.map(({ id }) => id),
    [2, 1],
  );
  assert.equal(patched({ op: "copy", from: "/name", path: "/exits/north/name" }).exits.north.name, "Hall");
  assert.equal(patched({ op: "move", from: "/name", path: "/name" }), room);
  assert.throws(() => patched({ op: "move", from: "/exits", path: "/exits/north" }), PatchError);
});

test("test compares by value, whatever the order of members", () => {
  const operation = (value) => ({ op: "test", path: "/items/0", value });
  assert.equal(patched(operation({ name: "a lamp", id: 1 })), room);
  assert.throws(() => patched(operation({ id: 1 })), PatchError);
  assert.throws(() => patched(operation([1, "a lamp"])), PatchError);
});

test("the patched value is new, and shares what was not touched", () => {
  const before = JSON.stringify(room);
  const after = patched({ op: "remove", path: "/items/0" });
  assert.equal(JSON.stringify(room), before);
  assert.equal(after.exits, room.exits);
});

test("pointers are unescaped: ~1 is a slash, ~0 a tilde, and ~01 is ~1", () => {
  assert.deepEqual(pointerTokens(""), []);
  assert.deepEqual(pointerTokens("/"), [""]);
  assert.deepEqual(pointerTokens("/a~1b/~0/~01"), ["a/b", "~", "~1"]);
  assert.deepEqual(applyPatch({ "a/b": 1 }, [{ op: "remove", path: "/a~1b" }]), {});
  for (const bad of ["a", "/~", "/~2", 7, undefined]) {
    assert.throws(() => pointerTokens(bad), PatchError);
  }
});

test("what can't be applied is refused", () => {
  const refused = [
    { op: "remove", path: "/nothing" },
    { op: "replace", path: "/nothing", value: 1 },
    { op: "add", path: "/nothing/inside", value: 1 },
    { op: "add", path: "/name/inside", value: 1 },
    { op: "add", path: "/items/3", value: 1 },
    { op: "replace", path: "/items/2", value: 1 },
    { op: "replace", path: "/items/-", value: 1 },
    { op: "add", path: "/items/01", value: 1 },
    { op: "add", path: "/items/-1", value: 1 },
    { op: "add", path: "/dark" },
    { op: "jump", path: "/name" },
    { op: "remove", path: "/toString" },
    { op: "add", path: "/__proto__/dark", value: true },
    { op: "add", path: "/__proto__", value: {} },
    null,
  ];
  for (const operation of refused) {
    assert.throws(() => patched(operation), PatchError, JSON.stringify(operation));
  }
  assert.throws(() => applyPatch(room, "remove"), PatchError);
});

test("a patch is applied whole or not at all", () => {
  assert.throws(
    () => patched({ op: "remove", path: "/items/0" }, { op: "remove", path: "/nothing" }),
    PatchError,
  );
  assert.equal(room.items.length, 2);
});
