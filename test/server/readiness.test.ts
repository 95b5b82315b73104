// Readiness: a flood of questions costs one write, each check is bounded in time, and room and damage are told in a sentence.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';

import { createReadiness, type Readiness } from '../../server/readiness.ts';
import { AppError } from '../../shared/errors.ts';

const GIB = 1024 ** 3;

interface Fixture {
  readonly readiness: Readiness;
  readonly clock: { ms: number };
  /** How many writes have begun. */
  readonly writes: () => number;
}

function open(t: TestContext, parts: {
  readonly checkWrites?: () => Promise<void>; readonly freeBytes?: () => Promise<number | null>; readonly inspect?: () => Promise<void>;
} = {}): Fixture {
  const clock = { ms: 0 };
  let writes = 0;
  const done = async (): Promise<void> => {};
  const { checkWrites = done, freeBytes = async () => 100 * GIB, inspect = done } = parts;
  const store = {
    check: done,
    checkClock: done,
    freeBytes,
    inspect,
    checkWrites() {
      writes += 1;
      return checkWrites();
    },
  };
  const readiness = createReadiness({ store, log: () => {}, monotonicMs: () => clock.ms });
  t.after(() => readiness.stop());
  return { readiness, clock, writes: () => writes };
}

async function ask({ readiness }: Fixture): Promise<{ status: number; checks: Readonly<Record<string, string>> }> {
  const { status, body } = await readiness.reply();
  return { status, checks: (body as { checks: Record<string, string> }).checks };
}

test('many who ask at once or within a second share one write', async (t) => {
  const fixture = open(t);
  await Promise.all(Array.from({ length: 100 }, () => ask(fixture)));
  assert.equal(fixture.writes(), 1);
  fixture.clock.ms += 999;
  await ask(fixture);
  assert.equal(fixture.writes(), 1);
  fixture.clock.ms += 1;
  assert.equal((await ask(fixture)).status, 200);
  assert.equal(fixture.writes(), 2);
});

test('a write that hangs is not begun again, and the answer comes after three seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const fixture = open(t, { checkWrites: () => new Promise(() => {}) });
  const answers = Promise.all([ask(fixture), ask(fixture)]);
  await new Promise(setImmediate);
  t.mock.timers.tick(3000);
  for (const { status, checks } of await answers) {
    assert.equal(status, 503);
    assert.deepEqual({ ...checks, writes: '' }, { reads: 'ok', writes: '', disk: 'ok', clock: 'ok', integrity: 'ok' });
    assert.match(checks['writes'] ?? '', /3 seconds/);
  }
  assert.equal(fixture.writes(), 1);
});

test('a failed write is tried again by the next who asks', async (t) => {
  let isFull = true;
  const fixture = open(t, {
    async checkWrites() {
      if (isFull) throw new AppError('unavailable', 'The database is on a full disk.');
    },
  });
  assert.deepEqual((await ask(fixture)).checks['writes'], 'The database is on a full disk.');
  isFull = false;
  assert.equal((await ask(fixture)).status, 200);
});

test('a disk is said to be nearly full below a gibibyte, and is not ready below 64 MiB', async (t) => {
  for (const [freeBytes, status, line] of [
    [null, 200, /^ok$/], [GIB, 200, /^ok$/], [GIB - 1, 200, /nearly full: 1023 MiB/], [64 * 1024 ** 2, 200, /nearly full: 64 MiB/],
    [64 * 1024 ** 2 - 1, 503, /nearly full: 63 MiB/],
  ] as const) {
    const answer = await ask(open(t, { freeBytes: async () => freeBytes }));
    assert.equal(answer.status, status, String(freeBytes));
    assert.match(answer.checks['disk'] ?? '', line);
  }
});

test('damage that an inspection found is reported until one finds none', async (t) => {
  let isDamaged = true;
  const fixture = open(t, {
    async inspect() {
      if (isDamaged) throw new AppError('unavailable', 'The database is damaged.');
    },
  });
  assert.equal((await ask(fixture)).status, 200);
  await fixture.readiness.inspect();
  assert.deepEqual((await ask(fixture)).checks['integrity'], 'The database is damaged.');
  isDamaged = false;
  await fixture.readiness.inspect();
  assert.equal((await ask(fixture)).status, 200);
});

test('the first inspection begins a minute after the start, and then there is one a day', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let inspections = 0;
  const { readiness } = open(t, { inspect: async () => { inspections += 1; } });
  t.mock.timers.tick(59_999);
  assert.equal(inspections, 0);
  t.mock.timers.tick(1);
  assert.equal(inspections, 1);
  t.mock.timers.tick(24 * 3_600_000);
  assert.equal(inspections, 2);
  readiness.stop();
  t.mock.timers.tick(24 * 3_600_000);
  assert.equal(inspections, 2);
});
