import assert from "node:assert/strict";
import test from "node:test";

import { CLOSE_WITHIN, Connection, WELCOME_WITHIN } from "../../mudserver/gateway/static/connection.js";
import { STABLE_AFTER } from "../../mudserver/gateway/static/policy.js";

class FakeClock {
  time = 1000;
  calls = [];
  now = () => this.time;
  after = (seconds, call) => {
    const entry = { at: this.time + seconds, call };
    this.calls.push(entry);
    return () => {
      this.calls = this.calls.filter((other) => other !== entry);
    };
  };

  /** Let time pass, calling what falls due in its order. */
  advance(seconds) {
    const until = this.time + seconds;
    for (;;) {
      const due = this.calls.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.calls = this.calls.filter((other) => other !== due);
      this.time = due.at;
      due.call();
    }
    this.time = until;
  }
}

class FakeSocket {
  sent = [];
  closed = false;
  send(data) {
    this.sent.push(JSON.parse(data));
  }
  close() {
    this.closed = true;
  }
  accept(welcome = {}) {
    this.onopen();
    this.tell({ type: "welcome", session: "s", resume: "r", heartbeat: 25, ...welcome });
  }
  tell(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  end(code) {
    this.onclose({ code });
  }
}

class FakeApi {
  account = "Ann";
  tickets = 0;
  /** Answers to give instead of a ticket, in order. */
  refusals = [];
  who = { ok: true, value: { account: "Ann" } };
  async ticket() {
    this.tickets += 1;
    return this.refusals.shift() ?? { ok: true, value: { ticket: `t${this.tickets}` } };
  }
  async session() {
    return this.who;
  }
  credentials(ticket) {
    return { ticket, csrf: "c" };
  }
}

const refusal = (kind, retryAfter = null) => ({ ok: false, problem: { kind, retryAfter } });

/** Let promises that are already resolved be noticed. */
const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await null;
};

function scene({ resume = null, random = 0 } = {}) {
  const stage = {
    clock: new FakeClock(),
    api: new FakeApi(),
    sockets: [],
    statuses: [],
    messages: [],
    endings: [],
    resume,
    get socket() {
      return stage.sockets.at(-1);
    },
    get phase() {
      return stage.statuses.at(-1)?.phase;
    },
  };
  stage.connection = new Connection(
    {
      api: stage.api,
      open: () => {
        stage.sockets.push(new FakeSocket());
        return stage.socket;
      },
      clock: stage.clock,
      random: () => random,
    },
    {
      status: (status) => stage.statuses.push(status),
      message: (message) => stage.messages.push(message),
      ended: (ending) => stage.endings.push(ending),
      resume: () => stage.resume,
    },
  );
  return stage;
}

async function connected(options) {
  const stage = scene(options);
  stage.connection.start("t0");
  stage.socket.accept();
  return stage;
}

test("a ticket at hand opens the socket at once, and hello is the first message", () => {
  const stage = scene();
  stage.connection.start("t0");
  assert.equal(stage.phase, "connecting");
  stage.socket.accept();
  assert.deepEqual(stage.socket.sent, [{ type: "hello", ticket: "t0", csrf: "c" }]);
  assert.equal(stage.phase, "connected");
  assert.equal(stage.api.tickets, 0);
});

test("without one, a ticket is fetched first", async () => {
  const stage = scene();
  stage.connection.start();
  assert.equal(stage.sockets.length, 0);
  await settle();
  stage.socket.accept();
  assert.equal(stage.socket.sent[0].ticket, "t1");
});

test("a lost connection comes back with a new ticket and the resume secret", async () => {
  const stage = await connected();
  stage.resume = { session: "s", secret: "r", seq: 9 };
  stage.socket.end(1006);
  assert.equal(stage.phase, "waiting");
  assert.equal(stage.statuses.at(-1).until, stage.clock.now() + 0.5);
  stage.clock.advance(0.5);
  await settle();
  stage.socket.accept();
  assert.equal(stage.sockets.length, 2);
  assert.deepEqual(stage.socket.sent[0], {
    type: "hello",
    ticket: "t1",
    csrf: "c",
    resume: { session: "s", secret: "r", seq: 9 },
  });
  assert.equal(stage.phase, "connected");
});

test("tries that fail wait longer and longer", async () => {
  const stage = scene({ random: 1 });
  stage.api.refusals = Array.from({ length: 4 }, () => refusal("network"));
  stage.connection.start();
  const waits = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    await settle();
    waits.push(stage.statuses.at(-1).until - stage.clock.now());
    stage.clock.advance(waits.at(-1));
  }
  assert.deepEqual(waits, [1, 2, 4, 8]);
});

test("a connection that held makes the waits short again; one that did not, doesn't", async () => {
  const stage = await connected({ random: 1 });
  const loseAfter = async (seconds) => {
    stage.clock.advance(seconds);
    stage.socket.end(1006);
    const wait = stage.statuses.at(-1).until - stage.clock.now();
    stage.clock.advance(wait);
    await settle();
    stage.socket.accept();
    return wait;
  };
  assert.equal(await loseAfter(STABLE_AFTER), 1);
  assert.equal(await loseAfter(1), 2);
  assert.equal(await loseAfter(1), 4);
  assert.equal(await loseAfter(STABLE_AFTER), 1);
});

test("the server's wish when to come back is kept, whichever way it was told", async () => {
  const closing = await connected();
  closing.socket.tell({ type: "closing", code: 3001, reason: "restart", reconnect_after: 7 });
  closing.socket.end(3001);
  assert.equal(closing.statuses.at(-1).until, closing.clock.now() + 7.5);
  const refused = scene();
  refused.api.refusals = [refusal("wait", 9)];
  refused.connection.start();
  await settle();
  assert.equal(refused.statuses.at(-1).until, refused.clock.now() + 9.5);
});

test("a close frame that got lost is replaced by the word before it", async () => {
  const stage = await connected();
  stage.socket.tell({ type: "closing", code: 3510, reason: "elsewhere" });
  stage.socket.end(1006);
  assert.equal(stage.endings[0].kind, "again");
});

test("codes that forbid it are not followed by another try", async () => {
  const kinds = { 1000: "left", 3500: "form", 3503: "again", 3507: "form", 3510: "again" };
  for (const [code, kind] of Object.entries(kinds)) {
    const stage = await connected();
    stage.socket.end(Number(code));
    stage.clock.advance(3600);
    await settle();
    assert.equal(stage.sockets.length, 1, code);
    assert.equal(stage.endings[0].kind, kind);
  }
});

test("why one was sent out is told", async () => {
  const stage = await connected();
  stage.socket.tell({ type: "closing", code: 3503, reason: "Shouting after midnight." });
  stage.socket.end(3503);
  assert.match(stage.endings[0].reason, /Shouting after midnight/);
});

test("an expired session leads to the form once the ticket is refused", async () => {
  const stage = await connected();
  stage.api.refusals = [refusal("unauthorised")];
  stage.socket.end(3005);
  stage.clock.advance(1);
  await settle();
  assert.deepEqual(
    stage.endings.map(({ kind }) => kind),
    ["expired"],
  );
  assert.equal(stage.phase, "idle");
});

test("a refused CSRF token is renewed for the same account only", async () => {
  const same = scene();
  same.api.refusals = [refusal("forbidden")];
  same.connection.start();
  await settle();
  assert.equal(same.sockets.length, 1);
  const other = scene();
  other.api.refusals = [refusal("forbidden")];
  other.api.who = { ok: true, value: { account: "Bob" } };
  other.connection.start();
  await settle();
  assert.equal(other.sockets.length, 0);
  assert.match(other.endings[0].reason, /Bob/);
  const stubborn = scene();
  stubborn.api.refusals = [refusal("forbidden"), refusal("forbidden")];
  stubborn.connection.start();
  await settle();
  assert.equal(stubborn.phase, "waiting");
});

test("a server that never says welcome counts as lost", async () => {
  const stage = scene();
  stage.connection.start("t0");
  stage.socket.onopen();
  stage.clock.advance(WELCOME_WITHIN);
  assert.equal(stage.phase, "waiting");
  assert.equal(stage.sockets[0].closed, true);
});

test("a silent server is asked, and left when it does not answer", async () => {
  const stage = await connected();
  stage.clock.advance(50);
  assert.deepEqual(stage.socket.sent.at(-1), { type: "ping" });
  stage.socket.tell({ type: "pong" });
  stage.clock.advance(45);
  assert.equal(stage.phase, "connected");
  stage.clock.advance(20);
  assert.equal(stage.sockets[0].closed, true);
  assert.notEqual(stage.phase, "connected");
});

test("an expiring session is refreshed with a new ticket, in a second try too", async () => {
  const stage = await connected();
  stage.api.refusals = [refusal("unavailable")];
  stage.socket.tell({ type: "expiring", in: 60 });
  await settle();
  stage.clock.advance(5);
  await settle();
  assert.deepEqual(stage.socket.sent.at(-1), { type: "refresh", ticket: "t2" });
});

test("leaving says bye, and ends even if the server does not", async () => {
  const stage = await connected();
  stage.connection.leave();
  assert.deepEqual(stage.socket.sent.at(-1), { type: "bye" });
  stage.clock.advance(CLOSE_WITHIN);
  assert.deepEqual(
    stage.endings.map(({ kind }) => kind),
    ["left"],
  );
});

test("leaving while waiting to come back just stops", async () => {
  const stage = await connected();
  stage.socket.end(1006);
  stage.connection.leave();
  stage.clock.advance(60);
  await settle();
  assert.equal(stage.sockets.length, 1);
  assert.equal(stage.endings.length, 1);
});

test("the wait can be cut short", async () => {
  const stage = await connected({ random: 1 });
  stage.socket.end(1006);
  stage.connection.retryNow();
  await settle();
  assert.equal(stage.sockets.length, 2);
  stage.clock.advance(1);
  await settle();
  assert.equal(stage.sockets.length, 2);
});

test("stopping lets no late answer through, and leaves no timer", async () => {
  const stage = scene();
  stage.connection.start();
  stage.connection.stop();
  await settle();
  assert.equal(stage.sockets.length, 0);
  const live = await connected();
  live.connection.stop();
  assert.deepEqual(live.clock.calls, []);
  assert.equal(live.connection.send({ type: "ping" }), false);
});

test("a socket that was given up is not listened to any more", async () => {
  const stage = await connected();
  const [old] = stage.sockets;
  stage.clock.advance(65);
  stage.connection.retryNow();
  await settle();
  stage.socket.accept();
  old.onmessage?.({ data: '{"type": "text", "text": "late"}' });
  old.onclose?.({ code: 1000 });
  assert.equal(stage.phase, "connected");
  assert.deepEqual(stage.endings, []);
  assert.equal(stage.messages.at(-1).type, "welcome");
});

test("what is no message is passed over", async () => {
  const stage = await connected();
  const before = stage.messages.length;
  for (const data of ["{", "7", "null", "[]", '{"type": 7}']) stage.socket.onmessage({ data });
  assert.equal(stage.messages.length, before);
  assert.equal(stage.phase, "connected");
});
