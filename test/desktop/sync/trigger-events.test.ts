// What becomes of syncs, probes and streams that have failed, or have just begun, when something comes in between: an event of
// the operating system, another request, a sign-out or the end of the triggers.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { createTriggers, type SystemEvent, type Triggers } from '../../../desktop/sync/triggers.ts';
import { Machine } from './machine.ts';
import { MemoryHost } from './memory-host.ts';

interface Fixture {
  readonly machine: Machine;
  readonly host: MemoryHost;
  readonly triggers: Triggers;
}

async function start(t: TestContext): Promise<Fixture> {
  const [machine, host] = [new Machine(), new MemoryHost()];
  const triggers = createTriggers(host, {
    nowMs: () => machine.wallMs, monotonicMs: () => machine.monotonicMs, setTimer: machine.setTimer, random: () => 0.5, log: () => {},
  }, 5);
  t.after(() => triggers.close());
  await machine.settle();
  return { machine, host, triggers };
}

for (const events of [['online'], ['suspend', 'resume']] as readonly (readonly SystemEvent[])[]) {
  test(`a sync that fails again after ${events.at(-1)} is tried again soon, however often it has failed before`, async (t) => {
    const { machine, host, triggers } = await start(t);
    host.failure = { code: 'internal', message: 'The server failed.' };
    await machine.pass(30 * 60_000);
    const before = host.count('pull');
    await machine.pass(10_000);
    assert(host.count('pull') - before <= 1, 'the pauses have grown');
    for (const event of events) triggers.handleSystemEvent(event);
    await machine.settle();
    const tried = host.count('pull');
    await machine.pass(1000);
    assert.equal(host.count('pull'), tried + 1);
  });
}

test('a machine that falls asleep again while it wakes syncs only once it is awake', async (t) => {
  const { machine, host, triggers } = await start(t);
  host.isHeld = true;
  void host.pullFromServer();
  const before = host.count('pull');
  triggers.handleSystemEvent('resume');
  triggers.handleSystemEvent('suspend');
  host.isHeld = false;
  await machine.settle();
  assert.equal(host.count('pull'), before);
  triggers.handleSystemEvent('resume');
  await machine.settle();
  assert.equal(host.count('pull'), before + 1);
});

for (const [what, end] of [
  ['the triggers are closed', ({ triggers }) => triggers.close()], ['the user signs out', ({ host }) => host.signOut()],
] as readonly (readonly [string, (fixture: Fixture) => void])[]) {
  test(`a machine that wakes does not sync if ${what} meanwhile`, async (t) => {
    const fixture = await start(t);
    const { machine, host, triggers } = fixture;
    const before = host.count('pull');
    triggers.handleSystemEvent('resume');
    end(fixture);
    await machine.settle();
    assert.equal(host.count('abort'), 1);
    assert.equal(host.count('pull'), before);
    assert.equal(host.openStreams, 0);
  });
}

test('closing the triggers ends the stream', async (t) => {
  const { machine, host, triggers } = await start(t);
  assert.equal(host.openStreams, 1);
  triggers.close();
  await machine.settle();
  assert.equal(host.openStreams, 0);
});

/** Takes the server away and holds a probe on its way there. */
async function holdProbe({ machine, host }: Fixture): Promise<void> {
  host.disconnect();
  await machine.settle();
  host.isProbeHeld = true;
  const before = host.count('probe');
  await machine.pass(30_000);
  assert.equal(host.count('probe'), before + 1);
}

test('a probe that the network\'s return cuts short does not lengthen the pauses', async (t) => {
  const fixture = await start(t);
  const { machine, host, triggers } = fixture;
  await holdProbe(fixture);
  triggers.handleSystemEvent('online');
  await machine.settle();
  assert.deepEqual(host.calls.slice(-2), ['abort', 'pull']);
  // Half of the first bound.
  await machine.pass(250);
  assert.equal(host.calls.at(-1), 'probe');
});

test('a probe that is answered after the triggers were closed starts no sync', async (t) => {
  const fixture = await start(t);
  const { machine, host, triggers } = fixture;
  await holdProbe(fixture);
  const before = host.count('pull');
  triggers.close();
  host.isReachable = true;
  host.answerProbe();
  await machine.settle();
  assert.equal(host.count('pull'), before);
});

test('a server that another request loses is probed at once, however long a failed sync was to wait', async (t) => {
  const { machine, host } = await start(t);
  host.failure = { code: 'too_many_requests', message: 'The server is busy.', retryAfterS: 300 };
  await host.pullFromServer();
  host.isReachable = false;
  // Such as a person's write.
  await assert.rejects(host.probe(), { code: 'offline' });
  await machine.pass(0);
  assert.equal(host.count('probe'), 2);
});
