import assert from "node:assert/strict";
import test from "node:test";

import { discard, leave, take } from "../../mudserver/gateway/static/snapshot.js";

/** As much of the browser's Storage as is used. */
class FakeStorage {
  items = new Map();
  full = false;
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    if (this.full) throw new Error("QuotaExceededError");
    this.items.set(key, value);
  }
  removeItem(key) {
    this.items.delete(key);
  }
}

const snapshot = { account: "Ann", state: {}, lines: [], pending: [], history: ["look"] };

test("what was left is taken once", () => {
  const storage = new FakeStorage();
  leave(storage, snapshot);
  assert.deepEqual(take(storage, "ann"), snapshot);
  assert.equal(take(storage, "ann"), null);
  assert.equal(storage.items.size, 0);
});

test("another account gets nothing, and nothing stays behind", () => {
  const storage = new FakeStorage();
  leave(storage, snapshot);
  assert.equal(take(storage, "Bob"), null);
  assert.equal(storage.items.size, 0);
});

test("a full storage, and rubbish in it, are as good as nothing", () => {
  const storage = new FakeStorage();
  storage.full = true;
  leave(storage, snapshot);
  assert.equal(take(storage, "Ann"), null);
  storage.items.set("mud.snapshot", "{");
  assert.equal(take(storage, "Ann"), null);
  assert.equal(storage.items.size, 0);
});

test("a storage that is forbidden altogether does no harm", () => {
  const forbidden = () => {
    throw new Error("SecurityError");
  };
  const storage = { getItem: forbidden, setItem: forbidden, removeItem: forbidden };
  leave(storage, snapshot);
  discard(storage);
  assert.equal(take(storage, "Ann"), null);
});
