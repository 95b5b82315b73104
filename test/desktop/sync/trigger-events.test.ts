// What events of the operating system do to syncs that have failed, or that have just begun.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { createTriggers, type SystemEvent, type Triggers } from '../../../desktop/sync/triggers.ts';
import { Machine } from './machine.ts';
import { MemoryHost } from './memory-host.ts';

async function start(t: TestContext): Promise<{ machine: Machine; host: MemoryHost; triggers: Triggers }> {
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
