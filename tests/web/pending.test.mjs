import assert from "node:assert/strict";
import test from "node:test";

import {
  isSecret,
  MAX_PENDING_COMMANDS,
  PendingCommands,
} from "../../mudserver/gateway/static/pending.js";

test("each command has an id of its own, within the limit of the protocol", () => {
  const pending = new PendingCommands("0123456789abcdef");
  const ids = ["look", "look", "north"].map((text) => pending.add(text).id);
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.ok(id.length >= 1 && id.length <= 64);
});

test("what is not answered stays, in order", () => {
  const pending = new PendingCommands("p");
  const [, second] = ["a", "b", "c"].map((text) => pending.add(text));
  pending.settle(second.id);
  pending.settle("unknown");
  assert.deepEqual(
    pending.commands.map(({ text }) => text),
    ["a", "c"],
  );
});

test("beyond the limit commands are refused, until an answer comes", () => {
  const pending = new PendingCommands("p");
  const first = pending.add("first");
  for (let count = 1; count < MAX_PENDING_COMMANDS; count += 1) pending.add("more");
  assert.equal(pending.add("too much"), null);
  pending.settle(first.id);
  assert.notEqual(pending.add("again"), null);
});

test("commands of an earlier page keep their ids", () => {
  const pending = new PendingCommands("new");
  pending.restore([{ id: "old-1", text: "get lamp" }]);
  pending.add("look");
  assert.deepEqual(
    pending.commands.map(({ id }) => id),
    ["old-1", "new-1"],
  );
});

test("abandoning returns what was given up", () => {
  const pending = new PendingCommands("p");
  pending.add("get lamp");
  assert.deepEqual(pending.abandon(), [{ id: "p-1", text: "get lamp" }]);
  assert.deepEqual(pending.commands, []);
});

test("a line with a password in it is a secret, also abbreviated", () => {
  for (const line of ["password old new", " PASSW old new", "connect Ann secret"]) {
    assert.equal(isSecret(line), true, line);
  }
  for (const line of ["password", "say password is blue", "look", "p x", "passwords are old"]) {
    assert.equal(isSecret(line), false, line);
  }
});
