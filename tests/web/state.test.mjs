import assert from "node:assert/strict";
import test from "node:test";

import {
  askOccupants,
  initialState,
  isPlay,
  MAX_FURTHER_OCCUPANTS,
  nextOccupants,
  receive,
} from "../../mudserver/gateway/static/state.js";
import { readCharacter, readRoom } from "../../mudserver/gateway/static/views.js";

const time = "2026-11-22T12:00:00Z";

const welcome = (fields = {}) => ({
  type: "welcome",
  session: "s1",
  resume: "secret-1",
  character: "Ann",
  recovered: false,
  seq: 0,
  heartbeat: 25,
  limits: {},
  ...fields,
});

const hall = (fields = {}) => ({
  id: 1,
  name: "The Hall",
  description: "Lamps.",
  exits: {
    down: { name: "Cellar", closed: true },
    trapdoor: { name: "Nowhere", closed: false },
    north: { name: "Quay", closed: false },
  },
  items: [{ id: 7, name: "a lamp" }],
  occupants: {
    total: 2,
    page: [
      { id: 1, name: "Ann", kind: "player" },
      { id: 2, name: "the porter", kind: "npc" },
    ],
  },
  ...fields,
});

const roomState = (version = 1, room = hall()) => ({ type: "room.state", version, room, time });
const roomDelta = (from, to, ...patch) => ({ type: "room.delta", from, to, patch, time });
const text = (words, fields = {}) => ({ type: "text", text: words, time, ...fields });

/** Take in messages one after the other. */
function after(state, ...messages) {
  return messages.reduce(
    (so_far, message) => {
      const { state: next, lines, asks } = receive(so_far.state, message);
      return {
        state: next,
        lines: [...so_far.lines, ...lines],
        asks: [...so_far.asks, ...asks],
      };
    },
    { state, lines: [], asks: [] },
  );
}

const playing = () => after(initialState(), welcome(), roomState()).state;

test("messages of play are counted, messages of control are not", () => {
  const control = ["mark", "gap", "occupants", "ack", "error", "pong", "expiring", "refreshed"];
  for (const type of control) assert.equal(isPlay({ type }), false, type);
  const { state } = after(
    initialState(),
    welcome(),
    roomState(),
    text("a"),
    { type: "chat", channel: "say", from: "Bob", text: "hi", line: 'Bob says, "hi"', time },
    { type: "presence", event: "entered", who: "Bob", line: "Bob arrives.", time },
    { type: "system", text: "x", level: "info", time },
    { type: "char.state", version: 1, name: "Ann", vitals: {}, position: "", inventory: [], time },
    { type: "ack", id: "1" },
    { type: "pong" },
  );
  assert.equal(state.seq, 6);
});

test("an unknown message counts if it carries a time, and changes nothing else", () => {
  const before = playing();
  const { state, lines, asks } = after(before, { type: "weather", time }, { type: "sparkle" });
  assert.deepEqual(state, { ...before, seq: before.seq + 1 });
  assert.deepEqual([lines, asks], [[], []]);
  assert.equal(after(before, { type: "toString", time }).state.seq, before.seq + 1);
});

test("a first welcome opens the session and says nothing", () => {
  const { state, lines } = after(initialState(), welcome({ seq: 4 }));
  assert.deepEqual(state.session, { id: "s1", secret: "secret-1" });
  assert.equal(state.seq, 4);
  assert.equal(state.character, "Ann");
  assert.deepEqual(lines, []);
});

test("a recovered welcome goes on with the count, the state and the commands", () => {
  const before = playing();
  const { state, asks, lines } = after(
    before,
    welcome({ recovered: true, seq: before.seq, resume: "secret-2" }),
    text("missed"),
    { type: "mark", seq: before.seq + 1 },
  );
  assert.equal(state.session.secret, "secret-2");
  assert.equal(state.seq, before.seq + 1);
  assert.equal(state.place, before.place);
  assert.deepEqual(asks, [{ kind: "resend" }]);
  assert.match(lines[0].text, /nothing was missed/);
});

test("a welcome that recovered nothing takes the server's count and tells of the gap", () => {
  const { state, asks, lines } = after(playing(), welcome({ seq: 90 }), roomState(12));
  assert.equal(state.seq, 91);
  assert.equal(state.place.version, 12);
  assert.deepEqual(asks, [{ kind: "resend" }]);
  // The room is the one that the reader knows: it is not told again.
  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ["notice"],
  );
  assert.match(lines[0].text, /lost/);
});

test("in another session unanswered commands are given up, for they could be done twice", () => {
  const { asks } = after(playing(), welcome({ session: "s2" }));
  assert.deepEqual(asks, [{ kind: "abandon" }]);
});

test("a mark that agrees changes nothing; one that is ahead tells of a loss and asks", () => {
  const before = playing();
  assert.deepEqual(after(before, { type: "mark", seq: before.seq }), {
    state: before,
    lines: [],
    asks: [],
  });
  const ahead = after(before, { type: "mark", seq: before.seq + 2 });
  assert.equal(ahead.state.seq, before.seq + 2);
  assert.deepEqual(ahead.asks, [{ kind: "look" }]);
  assert.equal(ahead.lines.length, 1);
});

test("a mark ahead is adopted also while a look is on its way", () => {
  const looking = after(playing(), roomDelta(8, 9)).state;
  const { state, asks } = after(looking, { type: "mark", seq: looking.seq + 2 });
  assert.equal(state.seq, looking.seq + 2);
  assert.deepEqual(asks, []);
});

test("a gap takes the server's count; the state that follows is not told again", () => {
  const { state, lines } = after(playing(), { type: "gap", seq: 40 }, roomState(9));
  assert.equal(state.seq, 41);
  assert.equal(lines.length, 1);
});

test("a room is told when it is shown: its name, its words, its exits, things and people", () => {
  const { lines } = after(initialState(), welcome(), roomState());
  assert.deepEqual(lines, [
    {
      kind: "room",
      title: "The Hall",
      text: "Lamps.",
      notes: [
        "Exits: north, down (closed) and trapdoor.",
        "Here: a lamp.",
        "Also here: the porter.",
      ],
    },
  ]);
});

test("a look that was typed tells the same room again", () => {
  assert.equal(after(playing(), roomState(1)).lines.length, 1);
});

test("a delta for the version at hand is applied", () => {
  const { state, asks } = after(
    playing(),
    roomDelta(1, 2, { op: "remove", path: "/items/0" }),
    roomDelta(2, 3, {
      op: "add",
      path: "/occupants/page/-",
      value: { id: 3, name: "Bob", kind: "player" },
    }, { op: "replace", path: "/occupants/total", value: 3 }),
  );
  const room = readRoom(state);
  assert.equal(state.place.version, 3);
  assert.deepEqual(room.items, []);
  assert.deepEqual(
    room.occupants.map(({ name, npc, self }) => [name, npc, self]),
    [
      ["Ann", false, true],
      ["the porter", true, false],
      ["Bob", false, false],
    ],
  );
  assert.deepEqual(asks, []);
});

test("a delta for another version is dropped, and the room is asked for once", () => {
  const before = playing();
  const { state, asks } = after(
    before,
    roomDelta(5, 6, { op: "remove", path: "/items/0" }),
    roomDelta(6, 7, { op: "remove", path: "/items/0" }),
  );
  assert.equal(state.place, before.place);
  assert.deepEqual(asks, [{ kind: "look" }]);
  const repaired = after(state, roomState(7));
  assert.equal(repaired.state.place.version, 7);
  assert.deepEqual(repaired.lines, []);
  assert.deepEqual(after(repaired.state, roomDelta(1, 2)).asks, [{ kind: "look" }]);
});

test("a patch that can't be applied is dropped like a stale one", () => {
  const before = playing();
  const { state, asks } = after(before, roomDelta(1, 2, { op: "remove", path: "/items/9" }));
  assert.equal(state.place, before.place);
  assert.deepEqual(asks, [{ kind: "look" }]);
});

test("a delta before any room asks for it", () => {
  assert.deepEqual(after(initialState(), roomDelta(1, 2)).asks, [{ kind: "look" }]);
});

test("the character is held and patched", () => {
  const { state, asks } = after(
    playing(),
    {
      type: "char.state",
      version: 4,
      name: "Ann",
      vitals: { health: 17, max_health: 20, gold: 3 },
      position: "standing",
      inventory: [{ id: 9, name: "a string" }],
      time,
    },
    {
      type: "char.delta",
      from: 4,
      to: 5,
      patch: [
        { op: "add", path: "/inventory/-", value: { id: 7, name: "a lamp" } },
        { op: "replace", path: "/vitals/health", value: 20 },
      ],
      time,
    },
  );
  assert.deepEqual(readCharacter(state), {
    name: "Ann",
    position: "standing",
    vitals: [
      { name: "health", value: 20, most: 20 },
      { name: "gold", value: 3, most: null },
    ],
    inventory: [
      { id: 9, name: "a string" },
      { id: 7, name: "a lamp" },
    ],
  });
  assert.deepEqual(asks, []);
});

test("further pages of occupants are listed after the first, once each", () => {
  const page = hall().occupants.page;
  const crowded = hall({ occupants: { total: 5, page, next: 2 } });
  const first = after(initialState(), welcome(), roomState(1, crowded)).state;
  assert.equal(readRoom(first).unlisted, 3);
  const asked = askOccupants(first);
  assert.equal(asked.after, 2);
  assert.equal(askOccupants(asked.state).after, null);
  const more = after(asked.state, {
    type: "occupants",
    page: [page[1], { id: 3, name: "Bob", kind: "player" }],
    next: 3,
  }).state;
  assert.deepEqual(
    readRoom(more).occupants.map(({ id }) => id),
    [1, 2, 3],
  );
  assert.equal(nextOccupants(more), 3);
  const left = after(more, { type: "presence", event: "left", who: "Bob", line: "", time });
  assert.equal(readRoom(left.state).occupants.length, 2);
  assert.deepEqual(left.lines, []);
});

test("a page that nobody asked for, or that came too late, is dropped", () => {
  const page = [{ id: 3, name: "Bob", kind: "player" }];
  const before = playing();
  assert.equal(after(before, { type: "occupants", page }).state, before);
});

test("a huge crowd is listed up to a limit", () => {
  const crowded = hall({ occupants: { total: 9999, page: [], next: 0 } });
  const asked = askOccupants(after(initialState(), welcome(), roomState(1, crowded)).state).state;
  const page = Array.from({ length: 900 }, (_, id) => ({ id, name: "X", kind: "player" }));
  const { state } = after(asked, { type: "occupants", page, next: 900 });
  assert.equal(readRoom(state).occupants.length, MAX_FURTHER_OCCUPANTS);
  assert.equal(nextOccupants(state), null);
  assert.equal(readRoom(state).unlisted, 9999 - MAX_FURTHER_OCCUPANTS);
});

test("words become lines of their kind", () => {
  const { lines } = after(
    playing(),
    text("Dust.", { style: "prose" }),
    { type: "chat", channel: "tell", from: "Bob", text: "hi", line: 'Bob tells you, "hi"', time },
    { type: "chat", channel: "newbie", from: "Bob", text: "hi", line: "[newbie] Bob: hi", time },
    { type: "presence", event: "left", who: "Bob", line: "Bob goes north.", time },
    { type: "system", text: "Soon.", level: "alert", time },
    { type: "error", code: "unknown_command", message: "What?", id: "p-1" },
  );
  assert.deepEqual(lines, [
    { kind: "text", text: "Dust.", style: "prose" },
    { kind: "chat", text: 'Bob tells you, "hi"', style: "tell" },
    { kind: "chat", text: "[newbie] Bob: hi", style: "newbie" },
    { kind: "presence", text: "Bob goes north." },
    { kind: "system", text: "Soon.", style: "alert" },
    { kind: "error", text: "What?" },
  ]);
});

test("an ack and an error settle the command they answer", () => {
  const { asks } = after(
    playing(),
    { type: "ack", id: "p-1" },
    { type: "error", code: "not_allowed", message: "No.", id: "p-2" },
    { type: "error", code: "rate_limited", message: "Slow down." },
  );
  assert.deepEqual(asks, [
    { kind: "settle", id: "p-1" },
    { kind: "settle", id: "p-2" },
  ]);
});

test("messages of a wrong shape are counted and do no harm", () => {
  const before = playing();
  const broken = [
    { type: "room.state", version: 1, time },
    { type: "room.state", version: 1, room: { occupants: 7, items: "x", exits: [] }, time },
    { type: "room.delta", time },
    { type: "text", time },
    { type: "chat", line: 7, time },
    { type: "char.state", time },
  ];
  const { state } = after(before, ...broken);
  assert.equal(state.seq, before.seq + broken.length);
  assert.deepEqual(readRoom(state).occupants, []);
  assert.deepEqual(readCharacter(state).inventory, []);
});
