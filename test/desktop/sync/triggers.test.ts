// When syncs start automatically, on a simulated machine with clocks, timers and sleep.

import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { createTriggers, type SystemEvent, type Triggers } from '../../../desktop/sync/triggers.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { Random } from '../../sync/random.ts';
import { seedsToTry } from '../../sync/seeds.ts';
import { Machine } from './machine.ts';
import { MemoryHost } from './memory-host.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

interface Fixture {
  readonly machine: Machine;
  readonly host: MemoryHost;
  readonly triggers: Triggers;
  /** The calls to the host during an action. */
  callsDuring(action: () => unknown): Promise<string[]>;
}

async function start(t: TestContext, { host = new MemoryHost(), random = (): number => 0.5, minutes = 5 } = {}): Promise<Fixture> {
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
    async callsDuring(action) {
      const from = host.calls.length;
      await action();
      await machine.settle();
      return host.calls.slice(from);
    },
  };
}

describe('at the start', () => {
  test('a signed-in desktop pulls immediately and then listens, with one timer', async (t) => {
    const { host, machine } = await start(t);
    assert.deepEqual(host.calls, ['pull', 'listen']);
    assert.equal(machine.pending, 1);
  });

  test('a signed-out desktop sends nothing and sets no timer until someone signs in', async (t) => {
    const host = new MemoryHost();
    host.isSignedIn = false;
    const { machine, callsDuring } = await start(t, { host });
    assert.deepEqual(await callsDuring(() => machine.pass(HOUR_MS)), []);
    assert.equal(machine.maxPending, 0);
    host.isSignedIn = true;
    // The host itself pulls after a sign-in.
    assert.deepEqual(await callsDuring(() => host.pullFromServer()), ['pull', 'listen']);
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });
});

describe('the interval', () => {
  test('triggers a sync every 5 minutes', async (t) => {
    const { machine, callsDuring } = await start(t);
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS - 1)), []);
    assert.deepEqual(await callsDuring(() => machine.pass(1)), ['pull']);
    assert.equal((await callsDuring(() => machine.pass(HOUR_MS))).length, 12);
    assert.equal(machine.maxPending, 1);
  });

  test('counts from the last sync, however that was started', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    await machine.pass(4 * MINUTE_MS);
    await host.pullFromServer();
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS - 1)), []);
    assert.deepEqual(await callsDuring(() => machine.pass(1)), ['pull']);
  });

  test('can be set from 1 to 60 minutes and takes effect immediately', async (t) => {
    const { machine, triggers, callsDuring } = await start(t);
    await machine.pass(2 * MINUTE_MS);
    assert.deepEqual(await callsDuring(() => {
      triggers.setInterval(1);
      return machine.pass(0);
    }), ['pull']);
    triggers.setInterval(60);
    assert.deepEqual(await callsDuring(() => machine.pass(HOUR_MS - 1)), []);
    assert.deepEqual(await callsDuring(() => machine.pass(1)), ['pull']);
  });

  test('sets no timer during a long sync', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.equal(host.isSyncing, true);
    assert.equal(machine.pending, 0);
    assert.deepEqual(await callsDuring(() => machine.pass(HOUR_MS)), []);
    host.release();
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('stops when the user signs out and when the triggers are closed', async (t) => {
    const { machine, host, triggers, callsDuring } = await start(t);
    host.signOut();
    assert.equal(machine.pending, 0);
    await machine.settle();
    assert.equal(host.openStreams, 0);
    assert.deepEqual(await callsDuring(() => machine.pass(HOUR_MS)), []);
    triggers.close();
    host.isSignedIn = true;
    const events: readonly SystemEvent[] = ['resume', 'online', 'offline', 'suspend'];
    assert.deepEqual(await callsDuring(() => {
      for (const event of events) triggers.handleSystemEvent(event);
      triggers.setInterval(1);
      return machine.pass(HOUR_MS);
    }), []);
  });
});

describe('sleep and clocks', () => {
  test('all requests are aborted before sleep, and again on waking, followed by a sync', async (t) => {
    const { machine, host, triggers, callsDuring } = await start(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('suspend')), ['abort']);
    assert.equal(host.isSyncing, false);
    assert.equal(host.openStreams, 0);
    host.isHeld = false;
    machine.sleep(8 * HOUR_MS, 'linux');
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('resume')), ['abort', 'pull', 'listen']);
  });

  for (const system of ['linux', 'windows'] as const) {
    test(`a sleep without a system event is noticed within 30 seconds of waking (clocks as on ${system})`, async (t) => {
      const { machine, callsDuring } = await start(t);
      machine.sleep(3 * MINUTE_MS, system);
      assert.deepEqual((await callsDuring(() => machine.pass(30_000))).slice(0, 2), ['abort', 'pull']);
      assert.deepEqual(await callsDuring(() => machine.pass(4 * MINUTE_MS)), []);
    });
  }

  test('a missing resume event does not stop syncing forever', async (t) => {
    const { machine, triggers, callsDuring } = await start(t);
    triggers.handleSystemEvent('suspend');
    assert.deepEqual(await callsDuring(() => machine.pass(30_000)), ['abort', 'pull', 'listen']);
  });

  test('a clock set back delays no sync', async (t) => {
    const { machine, callsDuring } = await start(t);
    await machine.pass(2 * MINUTE_MS);
    machine.wallMs -= 30 * 24 * HOUR_MS;
    assert.deepEqual(await callsDuring(() => machine.pass(3 * MINUTE_MS)), ['pull']);
    assert.equal((await callsDuring(() => machine.pass(HOUR_MS))).length, 12);
  });

  test('a clock set forward costs exactly one sync', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    machine.wallMs += 30 * 24 * HOUR_MS;
    await machine.pass(30_000);
    assert.equal(host.count('pull'), 2);
    assert.equal((await callsDuring(() => machine.pass(HOUR_MS))).filter((call) => call === 'pull').length, 12);
  });

  test('a clock that is set repeatedly does not cause a flood of syncs', async (t) => {
    const { machine, host } = await start(t);
    for (let minute = 0; minute < 60; minute += 1) {
      machine.wallMs += (minute % 2 === 0 ? 1 : -1) * 24 * HOUR_MS;
      await machine.pass(MINUTE_MS);
    }
    assert(host.count('pull') <= 62, `${host.count('pull')} pulls in an hour`);
    assert.equal(machine.maxPending, 1);
  });
});

describe('offline', () => {
  test('the server is probed at growing intervals, and once it answers a sync follows immediately', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.disconnect();
    const calls = await callsDuring(() => machine.pass(HOUR_MS));
    assert.deepEqual([...new Set(calls)], ['probe']);
    assert(calls.length < 260, `${calls.length} requests in an hour`);
    assert.equal(machine.pending, 1);
    assert.equal(machine.maxPending, 1);
    host.isReachable = true;
    assert.deepEqual(await callsDuring(() => machine.pass(30_000)), ['probe', 'pull', 'listen']);
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('a server that is reachable but cannot answer pulls is not flooded', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.hasDatabase = false;
    await machine.pass(5 * MINUTE_MS);
    const calls = await callsDuring(() => machine.pass(HOUR_MS));
    assert(calls.length < 750, `${calls.length} requests in an hour`);
    host.hasDatabase = true;
    await machine.pass(30_000);
    assert.equal(host.isOnline, true);
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('when the network returns, old requests are aborted and a sync starts immediately', async (t) => {
    const { machine, host, triggers, callsDuring } = await start(t);
    host.disconnect();
    await machine.pass(10 * MINUTE_MS);
    host.isReachable = true;
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('online')), ['abort', 'pull', 'listen']);
  });

  test('an online event while online starts a sync and does not abort the current one', async (t) => {
    const { machine, host, triggers, callsDuring } = await start(t);
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('online')), ['pull']);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('online')), ['pull']);
    assert.equal(host.isSyncing, true);
    host.release();
  });

  test('repeated offline events cause one probe at a time', async (t) => {
    const { host, triggers, machine, callsDuring } = await start(t);
    assert.deepEqual(await callsDuring(() => {
      for (let index = 0; index < 100; index += 1) triggers.handleSystemEvent('offline');
    }), ['probe']);
    assert.equal(host.isOnline, true);
    host.isReachable = false;
    assert.deepEqual(await callsDuring(() => triggers.handleSystemEvent('offline')), ['probe']);
    assert.equal(host.isOnline, false);
    assert.equal(machine.pending, 1);
    assert.equal(host.openStreams, 0);
  });

  test('a first sync that did not reach the server is repeated once it answers', async (t) => {
    const host = new MemoryHost();
    host.isReachable = false;
    const { machine, callsDuring } = await start(t, { host });
    assert.deepEqual(host.calls, ['pull']);
    host.isReachable = true;
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['probe', 'pull', 'listen']);
  });
});

describe('nudges', () => {
  test('a change at the server is pulled within a second', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.write();
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['pull']);
    assert.deepEqual(await callsDuring(() => machine.pass(4 * MINUTE_MS)), []);
  });

  test('many changes in quick succession cause one pull', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    for (let index = 0; index < 100; index += 1) host.write();
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['pull']);
    assert.equal(machine.maxPending, 1);
  });

  test('a change that the cache already has, such as the desktop\'s own write, is not pulled again', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.write();
    assert.deepEqual(await callsDuring(async () => {
      await host.pullFromServer();
      await machine.pass(4 * MINUTE_MS);
    }), ['pull']);
  });

  test('a change during a sync is pulled afterwards', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.isHeld = true;
    await machine.pass(5 * MINUTE_MS);
    host.write();
    assert.deepEqual(await callsDuring(() => machine.pass(MINUTE_MS)), []);
    // The current sync read the server before the change.
    const { serverTime } = host;
    host.serverTime -= 1;
    host.release();
    await machine.settle();
    host.serverTime = serverTime;
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['pull']);
  });

  test('a cut stream causes a probe and is reopened, and the interval continues', async (t) => {
    const { machine, host, callsDuring } = await start(t);
    host.disconnect();
    host.isReachable = true;
    assert.deepEqual((await callsDuring(() => machine.settle())), ['probe']);
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['listen']);
    assert.deepEqual(await callsDuring(() => machine.pass(5 * MINUTE_MS)), ['pull']);
  });

  test('without streams the triggers ask for one less and less often, stay online, and the interval continues', async (t) => {
    const host = new MemoryHost();
    host.hasStreams = false;
    const { machine, callsDuring } = await start(t, { host });
    await machine.pass(HOUR_MS);
    assert.equal(host.isOnline, true);
    const calls = await callsDuring(() => machine.pass(HOUR_MS));
    assert.equal(calls.filter((call) => call === 'pull').length, 12);
    assert(calls.length < 12 + 2 * 26, `${calls.length} requests in an hour`);
    host.hasStreams = true;
    await machine.pass(5 * MINUTE_MS);
    host.write();
    assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['pull']);
  });
});

describe('a failed sync', () => {
  async function fail(
    t: TestContext, code: ErrorCode, retryAfterS?: number, random?: () => number,
  ): Promise<Fixture & { pullTimesS(ms: number): Promise<number[]> }> {
    const fixture = await start(t, random ? { random } : {});
    fixture.host.failure = { code, message: 'The test says so.', ...(retryAfterS !== undefined && { retryAfterS }) };
    await fixture.host.pullFromServer();
    return {
      ...fixture,
      async pullTimesS(ms) {
        const times: number[] = [];
        for (let second = 1; second <= ms / 1000; second += 1) {
          const calls = await fixture.callsDuring(() => fixture.machine.pass(1000));
          times.push(...calls.filter((call) => call === 'pull').map(() => second));
        }
        return times;
      },
    };
  }

  const byItself: readonly ErrorCode[] = [
    'bad_response', 'internal', 'too_many_requests', 'resync_required', 'cache_busy', 'cache_unusable', 'invalid_request', 'not_found',
  ];
  for (const code of byItself) {
    test(`is tried again after 1 second, then every 25 seconds at the latest: ${code}`, async (t) => {
      const { pullTimesS } = await fail(t, code, undefined, () => 0.999_999);
      assert.deepEqual(await pullTimesS(5 * MINUTE_MS), [1, 3, 7, 15, 31, 56, 81, 106, 131, 156, 181, 206, 231, 256, 281]);
    });
  }

  test('is tried again after at least half of each pause', async (t) => {
    const { pullTimesS } = await fail(t, 'internal', undefined, () => 0);
    assert.deepEqual(await pullTimesS(MINUTE_MS), [1, 2, 4, 8, 16, 28, 41, 53]);
  });

  test('is tried again immediately once it may succeed, and the pauses begin anew after that', async (t) => {
    const { host, machine, pullTimesS, callsDuring } = await fail(t, 'internal');
    await pullTimesS(20_000);
    host.failure = null;
    assert.equal((await pullTimesS(30_000)).length, 1);
    assert.deepEqual(await callsDuring(() => machine.pass(4 * MINUTE_MS)), []);
    host.failure = { code: 'internal', message: 'Again.' };
    await host.pullFromServer();
    assert.deepEqual(await pullTimesS(2000), [1]);
  });

  const byPerson: readonly ErrorCode[] = [
    'unauthorized', 'session_refused', 'account_changed', 'forbidden', 'upgrade_required', 'server_outdated', 'digest_mismatch',
  ];
  for (const code of byPerson) {
    test(`is left to the interval and to nudges: ${code}`, async (t) => {
      const { host, machine, pullTimesS, callsDuring } = await fail(t, code);
      assert.deepEqual(await pullTimesS(10 * MINUTE_MS), [300, 600]);
      host.write();
      assert.deepEqual(await callsDuring(() => machine.pass(1000)), ['pull']);
    });
  }

  test('is tried again twice a minute while the disk is full', async (t) => {
    const { pullTimesS } = await fail(t, 'disk_full');
    assert.deepEqual(await pullTimesS(2 * MINUTE_MS), [30, 60, 90, 120]);
  });

  test('is not tried again before the server wants it, nor because of nudges', async (t) => {
    const { host, machine, pullTimesS, callsDuring } = await fail(t, 'too_many_requests', 400);
    assert.deepEqual(await pullTimesS(100_000), []);
    host.write();
    assert.deepEqual(await callsDuring(() => machine.pass(10_000)), []);
    assert.deepEqual(await pullTimesS(300_000), [290]);
  });

  test('is not tried again after a person has cancelled the next one', async (t) => {
    const { host, machine, callsDuring } = await fail(t, 'internal');
    host.isHeld = true;
    await machine.pass(1000);
    assert.equal(host.isSyncing, true);
    await host.abortRequests();
    host.isHeld = false;
    assert(!(await callsDuring(() => machine.pass(4 * MINUTE_MS))).includes('pull'));
  });

  test('is tried again as soon as a server answers that was lost meanwhile', async (t) => {
    const { host, machine, callsDuring } = await fail(t, 'internal', 300);
    host.disconnect();
    assert.deepEqual(await callsDuring(() => machine.settle()), ['probe']);
    host.isReachable = true;
    host.failure = null;
    assert.deepEqual((await callsDuring(() => machine.pass(1000))).slice(0, 2), ['probe', 'pull']);
  });

  test('is tried again if another request finds the server first', async (t) => {
    const host = new MemoryHost();
    host.isReachable = false;
    const { machine, callsDuring } = await start(t, { host });
    await machine.pass(HOUR_MS);
    host.isReachable = true;
    // Such as a person's write.
    assert.deepEqual((await callsDuring(() => host.probe()))[0], 'probe');
    assert.deepEqual(await callsDuring(() => machine.pass(30_000)), ['pull']);
  });
});

for (const seed of seedsToTry(20)) {
  test(`random events cause no flood of requests and no second timer, and syncing recovers (seed ${seed})`, async (t) => {
    const random = new Random(seed);
    const { machine, host, triggers } = await start(t, { random: () => random.next() });
    const startMs = machine.monotonicMs;
    const events: [SystemEvent, ...SystemEvent[]] = ['suspend', 'resume', 'online', 'offline'];
    const steps: [() => unknown, ...(() => unknown)[]] = [
      () => triggers.handleSystemEvent(random.pick(events)),
      () => host.disconnect(),
      () => { host.isReachable = true; },
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
      // A cut stream has a timer of its own until it is reopened.
      assert(machine.pending <= 2, `${machine.pending} timers after step ${step}`);
    }
    const seconds = (machine.monotonicMs - startMs) / 1000;
    assert(host.calls.length < 1000 + seconds, `${host.calls.length} requests in ${seconds} s and 300 steps`);

    Object.assign(host, { isReachable: true, hasDatabase: true });
    await machine.pass(HOUR_MS);
    const before = host.count('pull');
    triggers.setInterval(60);
    await machine.pass(HOUR_MS);
    assert(host.count('pull') > before, 'no sync in an hour');
    assert.equal(host.isOnline, true);
    assert.equal(machine.pending, 1);
  });
}
