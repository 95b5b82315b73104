// When a sync starts by itself, on a machine whose clocks, timers and sleep the test holds.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { createTriggers, type SystemEvent, type Triggers } from '../../../desktop/sync/triggers.ts';
import { Random } from '../../sync/random.ts';
import { seedsToTry } from '../../sync/seeds.ts';
import { Machine } from './machine.ts';
import { MemoryHost } from './memory-host.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Bench {
  readonly machine: Machine;
  readonly host: MemoryHost;
  readonly triggers: Triggers;
  /** What the host is asked while something happens. */
  during(happens: () => unknown): Promise<string[]>;
}

async function begin(t: TestContext, { host = new MemoryHost(), random = (): number => 0.5, minutes = 5 } = {}): Promise<Bench> {
  const machine = new Machine();
  const triggers = createTriggers(host, {
    nowMs: () => machine.wallMs, monotonicMs: () => machine.monotonicMs, setTimer: machine.setTimer, random, log: () => {},
  }, minutes);
  t.after(() => {
    triggers.close();
    assert.equal(machine.pending, 0, 'a timer outlives the triggers');
  });
  await machine.settle();
  return {
    machine, host, triggers,
    async during(happens) {
      const from = host.asked.length;
      await happens();
      await machine.settle();
      return host.asked.slice(from);
    },
  };
}

describe('at the start', () => {
  test('who is signed in syncs at once and then listens, with one timer', async (t) => {
    const { host, machine } = await begin(t);
    assert.deepEqual(host.asked, ['pull', 'listen']);
    assert.equal(machine.pending, 1);
  });

  test('nobody signed in: nothing is asked and no timer waits; a sign-in begins it', async (t) => {
    const host = new MemoryHost();
    host.isSignedIn = false;
    const { machine, during } = await begin(t, { host });
    assert.deepEqual(await during(() => machine.pass(HOUR_MS)), []);
    assert.equal(machine.mostPending, 0);
    host.isSignedIn = true;
    // The host pulls by itself after a sign-in.
    assert.deepEqual(await during(() => host.pullFromServer()), ['pull', 'listen']);
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });
});

describe('the interval', () => {
  test('syncs every 5 minutes', async (t) => {
    const { machine, during } = await begin(t);
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS - 1)), []);
    assert.deepEqual(await during(() => machine.pass(1)), ['pull']);
    assert.equal((await during(() => machine.pass(HOUR_MS))).length, 12);
    assert.equal(machine.mostPending, 1);
  });

  test('counts from the last sync, whoever asked for it', async (t) => {
    const { machine, host, during } = await begin(t);
    await machine.pass(4 * MINUTE_MS);
    await host.pullFromServer();
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS - 1)), []);
    assert.deepEqual(await during(() => machine.pass(1)), ['pull']);
  });

  test('can be set from 1 to 60 minutes, which counts at once', async (t) => {
    const { machine, triggers, during } = await begin(t);
    await machine.pass(2 * MINUTE_MS);
    assert.deepEqual(await during(() => {
      triggers.setInterval(1);
      return machine.pass(0);
    }), ['pull']);
    triggers.setInterval(60);
    assert.deepEqual(await during(() => machine.pass(HOUR_MS - 1)), []);
    assert.deepEqual(await during(() => machine.pass(1)), ['pull']);
  });

  test('waits while a long sync is under way, with no timer', async (t) => {
    const { machine, host, during } = await begin(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.equal(host.isSyncing, true);
    assert.equal(machine.pending, 0);
    assert.deepEqual(await during(() => machine.pass(HOUR_MS)), []);
    host.release();
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('ends with the session, and with closing', async (t) => {
    const { machine, host, triggers, during } = await begin(t);
    host.signOut();
    assert.equal(machine.pending, 0);
    await machine.settle();
    assert.equal(host.openStreams, 0);
    assert.deepEqual(await during(() => machine.pass(HOUR_MS)), []);
    triggers.close();
    host.isSignedIn = true;
    const events: readonly SystemEvent[] = ['resume', 'online', 'offline', 'suspend'];
    assert.deepEqual(await during(() => {
      for (const event of events) triggers.handleSystemEvent(event);
      triggers.setInterval(1);
      return machine.pass(HOUR_MS);
    }), []);
  });
});

describe('sleep and clocks', () => {
  test('before sleep every request is ended; on waking first what may be dead, then a sync at once', async (t) => {
    const { machine, host, triggers, during } = await begin(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.deepEqual(await during(() => triggers.handleSystemEvent('suspend')), ['abort']);
    assert.equal(host.isSyncing, false);
    assert.equal(host.openStreams, 0);
    host.isHeld = false;
    machine.sleep(8 * HOUR_MS, 'linux');
    assert.deepEqual(await during(() => triggers.handleSystemEvent('resume')), ['abort', 'pull', 'listen']);
  });

  for (const system of ['linux', 'windows'] as const) {
    test(`a sleep that nobody told is noticed within half a minute awake (clocks as on ${system})`, async (t) => {
      const { machine, during } = await begin(t);
      machine.sleep(3 * MINUTE_MS, system);
      assert.deepEqual((await during(() => machine.pass(30_000))).slice(0, 2), ['abort', 'pull']);
      assert.deepEqual(await during(() => machine.pass(4 * MINUTE_MS)), []);
    });
  }

  test('a wake that is never told does not stop it for ever', async (t) => {
    const { machine, triggers, during } = await begin(t);
    triggers.handleSystemEvent('suspend');
    assert.deepEqual(await during(() => machine.pass(30_000)), ['abort', 'pull', 'listen']);
  });

  test('a clock set back delays nothing', async (t) => {
    const { machine, during } = await begin(t);
    await machine.pass(2 * MINUTE_MS);
    machine.wallMs -= 30 * 24 * HOUR_MS;
    assert.deepEqual(await during(() => machine.pass(3 * MINUTE_MS)), ['pull']);
    assert.equal((await during(() => machine.pass(HOUR_MS))).length, 12);
  });

  test('a clock set forward costs one sync and no more', async (t) => {
    const { machine, host, during } = await begin(t);
    machine.wallMs += 30 * 24 * HOUR_MS;
    await machine.pass(30_000);
    assert.equal(host.count('pull'), 2);
    assert.equal((await during(() => machine.pass(HOUR_MS))).filter((asked) => asked === 'pull').length, 12);
  });

  test('a clock that is set again and again makes no storm', async (t) => {
    const { machine, host } = await begin(t);
    for (let minute = 0; minute < 60; minute += 1) {
      machine.wallMs += (minute % 2 === 0 ? 1 : -1) * 24 * HOUR_MS;
      await machine.pass(MINUTE_MS);
    }
    assert(host.count('pull') <= 62, `${host.count('pull')} pulls in an hour`);
    assert.equal(machine.mostPending, 1);
  });
});

describe('offline', () => {
  test('one small request asks for the server in growing intervals, and finds it with a sync at once', async (t) => {
    const { machine, host, during } = await begin(t);
    host.leave();
    const asked = await during(() => machine.pass(HOUR_MS));
    assert.deepEqual([...new Set(asked)], ['probe']);
    assert(asked.length < 260, `${asked.length} requests in an hour`);
    assert.equal(machine.pending, 1);
    assert.equal(machine.mostPending, 1);
    host.isServerThere = true;
    assert.deepEqual(await during(() => machine.pass(30_000)), ['probe', 'pull', 'listen']);
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('a server that is there and cannot answer is not stormed', async (t) => {
    const { machine, host, during } = await begin(t);
    host.hasDatabase = false;
    await machine.pass(5 * MINUTE_MS);
    const asked = await during(() => machine.pass(HOUR_MS));
    assert(asked.length < 750, `${asked.length} requests in an hour`);
    host.hasDatabase = true;
    await machine.pass(30_000);
    assert.equal(host.isOnline, true);
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('the system says that the network is back: a sync at once, and nothing of before is waited for', async (t) => {
    const { machine, host, triggers, during } = await begin(t);
    host.leave();
    await machine.pass(10 * MINUTE_MS);
    host.isServerThere = true;
    assert.deepEqual(await during(() => triggers.handleSystemEvent('online')), ['abort', 'pull', 'listen']);
  });

  test('the system says that a network is back that was not missed: a sync, and what runs goes on', async (t) => {
    const { machine, host, triggers, during } = await begin(t);
    assert.deepEqual(await during(() => triggers.handleSystemEvent('online')), ['pull']);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.deepEqual(await during(() => triggers.handleSystemEvent('online')), ['pull']);
    assert.equal(host.isSyncing, true);
    host.release();
  });

  test('the system says again and again that the network is gone: that is looked into, one request at a time', async (t) => {
    const { host, triggers, machine, during } = await begin(t);
    assert.deepEqual(await during(() => {
      for (let index = 0; index < 100; index += 1) triggers.handleSystemEvent('offline');
    }), ['probe']);
    assert.equal(host.isOnline, true);
    host.isServerThere = false;
    assert.deepEqual(await during(() => triggers.handleSystemEvent('offline')), ['probe']);
    assert.equal(host.isOnline, false);
    assert.equal(machine.pending, 1);
    assert.equal(host.openStreams, 0);
  });

  test('a first sync that found no server is repeated when it is there', async (t) => {
    const host = new MemoryHost();
    host.isServerThere = false;
    const { machine, during } = await begin(t, { host });
    assert.deepEqual(host.asked, ['pull']);
    host.isServerThere = true;
    assert.deepEqual(await during(() => machine.pass(1000)), ['probe', 'pull', 'listen']);
  });
});

describe('nudges', () => {
  test('a change at the server is pulled within a second', async (t) => {
    const { machine, host, during } = await begin(t);
    host.write();
    assert.deepEqual(await during(() => machine.pass(1000)), ['pull']);
    assert.deepEqual(await during(() => machine.pass(4 * MINUTE_MS)), []);
  });

  test('many changes in a moment are one pull', async (t) => {
    const { machine, host, during } = await begin(t);
    for (let index = 0; index < 100; index += 1) host.write();
    assert.deepEqual(await during(() => machine.pass(1000)), ['pull']);
    assert.equal(machine.mostPending, 1);
  });

  test('what the copy has already, such as one\'s own write, is not pulled again', async (t) => {
    const { machine, host, during } = await begin(t);
    host.write();
    assert.deepEqual(await during(async () => {
      await host.pullFromServer();
      await machine.pass(4 * MINUTE_MS);
    }), ['pull']);
  });

  test('a change during a sync is pulled after it', async (t) => {
    const { machine, host, during } = await begin(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    host.write();
    assert.deepEqual(await during(() => machine.pass(MINUTE_MS)), []);
    // The sync under way read the server before the change.
    const { serverTime } = host;
    host.serverTime -= 1;
    host.release();
    await machine.settle();
    host.serverTime = serverTime;
    assert.deepEqual(await during(() => machine.pass(1000)), ['pull']);
  });

  test('a stream that is cut makes the triggers look, and another is opened; the interval goes on', async (t) => {
    const { machine, host, during } = await begin(t);
    host.leave();
    host.isServerThere = true;
    assert.deepEqual((await during(() => machine.settle())), ['probe']);
    assert.deepEqual(await during(() => machine.pass(1000)), ['listen']);
    assert.deepEqual(await during(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('where streams cannot be had it gives them up after a few, stays online, and the interval goes on', async (t) => {
    const host = new MemoryHost();
    host.hasStreams = false;
    const { machine, during } = await begin(t, { host });
    await machine.pass(5 * MINUTE_MS - 1);
    assert.equal(host.count('listen'), 5);
    assert.equal(host.isOnline, true);
    assert.deepEqual(await during(() => machine.pass(HOUR_MS)), Array.from({ length: 12 }, () => 'pull'));
  });
});

for (const seed of seedsToTry(20)) {
  test(`whatever happens there is no storm, never a second timer, and the sync comes back (seed ${seed})`, async (t) => {
    const random = new Random(seed);
    const { machine, host, triggers } = await begin(t, { random: () => random.next() });
    const startMs = machine.monotonicMs;
    const events: [SystemEvent, ...SystemEvent[]] = ['suspend', 'resume', 'online', 'offline'];
    const steps: [() => unknown, ...(() => unknown)[]] = [
      () => triggers.handleSystemEvent(random.pick(events)),
      () => host.leave(),
      () => { host.isServerThere = true; },
      () => { host.hasDatabase = !host.hasDatabase; },
      () => host.write(),
      () => machine.sleep(random.integer(0, HOUR_MS), random.pick(['linux', 'windows'])),
      () => { machine.wallMs += random.integer(-HOUR_MS, HOUR_MS); },
      () => triggers.setInterval(random.integer(1, 60)),
      () => machine.pass(random.integer(0, MINUTE_MS)),
      () => machine.pass(random.integer(0, MINUTE_MS)),
    ];
    for (let step = 0; step < 300; step += 1) {
      await random.pick(steps)();
      await machine.settle();
      // A stream that was cut waits for its next try by a timer of its own.
      assert(machine.pending <= 2, `${machine.pending} timers after step ${step}`);
    }
    const seconds = (machine.monotonicMs - startMs) / 1000;
    assert(host.asked.length < 1000 + seconds, `${host.asked.length} requests in ${seconds} s and 300 steps`);

    Object.assign(host, { isServerThere: true, hasDatabase: true });
    await machine.pass(HOUR_MS);
    const before = host.count('pull');
    triggers.setInterval(60);
    await machine.pass(HOUR_MS);
    assert(host.count('pull') > before, 'no sync in an hour');
    assert.equal(host.isOnline, true);
    assert.equal(machine.pending, 1);
  });
}
