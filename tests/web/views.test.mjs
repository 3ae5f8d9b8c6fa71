import assert from "node:assert/strict";
import test from "node:test";

import { initialState } from "../../mudserver/gateway/static/state.js";
import {
  isTabular,
  nounOf,
  readCharacter,
  readRoom,
  roomLine,
} from "../../mudserver/gateway/static/views.js";

test("nothing is shown before anything is known", () => {
  assert.equal(readRoom(initialState()), null);
  assert.equal(readCharacter(initialState()), null);
});

test("a bare room says that there is no way out, and nothing more", () => {
  const state = { ...initialState(), place: { version: 1, room: { id: 1, name: "Cell" } } };
  assert.deepEqual(roomLine(readRoom(state)).notes, ["There are no exits."]);
});

test("an NPC that bears the player's name is not the player", () => {
  const page = [{ id: 4, name: "Ann", kind: "npc" }];
  const room = { id: 1, name: "Hall", occupants: { total: 1, page } };
  const state = { ...initialState(), character: "Ann", place: { version: 1, room } };
  assert.deepEqual(readRoom(state).occupants, [{ id: 4, name: "Ann", npc: true, self: false }]);
});

test("a thing is named without its article", () => {
  assert.equal(nounOf("a brass lamp"), "brass lamp");
  assert.equal(nounOf("The Hall"), "Hall");
  assert.equal(nounOf("anchor"), "anchor");
  assert.equal(nounOf("a"), "a");
});

test("columns are recognised by their gaps", () => {
  assert.equal(isTabular("Name     Idle\nAnn      2 m"), true);
  assert.equal(isTabular("One line     with a gap"), false);
  assert.equal(isTabular("Two sentences.  A\nparagraph."), false);
});
