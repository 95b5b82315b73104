// Retries: how long the waits are, what is retried, and what stops it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { backoffMs, MAX_ATTEMPTS, isTransient, withRetry } from '../../../desktop/sync/retry.ts';
import { AppError, desktopErrorCodes, wireErrorCodes, type ErrorCode } from '../../../shared/errors.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { createTimers } from '../../sync/timers.ts';

const offline = new AppError('offline', 'No answer.');
const never = new AbortController().signal;

function asking(retryAfterS: number): AppError {
  return new AppError('unavailable', 'Later.', { retryAfterS });
}

describe('a wait', () => {
  test('is a random part of a bound that doubles up to 30 seconds', () => {
    const bounds = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((failures) => backoffMs(failures, offline, 1));
    assert.deepEqual(bounds, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    assert.equal(backoffMs(3, offline, 0), 0);
    assert.equal(backoffMs(3, offline, 0.25), 500);
  });

  test('is at least as long as the server asks for', () => {
    assert.equal(backoffMs(1, asking(7), 0), 7000);
    assert.equal(backoffMs(6, asking(7), 0.9), 14_400);
    assert.equal(backoffMs(1, asking(0), 0.5), 250);
    assert.equal(backoffMs(1, asking(-5), 0.5), 250);
  });
});

describe('an attempt', () => {
  /** Retries an attempt that fails with these errors in turn and then succeeds. */
  async function run(errors: readonly unknown[]): Promise<{ result: unknown; pauses: readonly number[]; failures: ErrorCode[] }> {
    const timers = createTimers();
    const failures: ErrorCode[] = [];
    let tries = 0;
    const attempt = async (): Promise<string> => {
      const error = errors[tries];
      tries += 1;
      if (error !== undefined) throw error;
      return `done at ${tries}`;
    };
    const result = await withRetry(attempt, { ...timers, random: () => 0.5 }, never, ({ code }) => failures.push(code))
      .catch((error: unknown) => error);
    assert.equal(timers.pending, 0);
    return { result, pauses: timers.pauses, failures };
  }

  test('that succeeds is not repeated', async () => {
    assert.deepEqual(await run([]), { result: 'done at 1', pauses: [], failures: [] });
  });

  test('that fails with a transient error is repeated after a wait', async () => {
    const { result, pauses, failures } = await run([offline, asking(3), offline]);
    assert.equal(result, 'done at 4');
    assert.deepEqual(pauses, [250, 3000, 1000]);
    assert.deepEqual(failures, ['offline', 'unavailable', 'offline']);
  });

  test(`is made at most ${MAX_ATTEMPTS} times`, async () => {
    const { result, pauses, failures } = await run(Array.from({ length: 10 }, () => offline));
    assert.equal(result, offline);
    assert.deepEqual([pauses.length, failures.length], [MAX_ATTEMPTS - 1, MAX_ATTEMPTS]);
  });

  test('is not repeated if the server asks for a wait longer than the maximum backoff', async () => {
    const error = asking(31);
    assert.deepEqual(await run([error]), { result: error, pauses: [], failures: ['unavailable'] });
    assert.equal((await run([asking(29)])).result, 'done at 2');
  });

  test('is only repeated for codes that do not concern the request itself', async () => {
    const transient = ['too_many_requests', 'internal', 'unavailable', 'offline', 'outcome_unknown'];
    for (const code of [...wireErrorCodes, ...desktopErrorCodes]) {
      const error = new AppError(code, 'A sentence.');
      assert.equal(isTransient(error), transient.includes(code), code);
      assert.equal((await run([error])).result, transient.includes(code) ? 'done at 2' : error);
    }
    const defect = new TypeError('a defect');
    assert.deepEqual(await run([defect]), { result: defect, pauses: [], failures: [] });
  });
});

describe('an aborted signal', () => {
  test('ends a wait immediately and leaves no timer', async () => {
    const timers = createTimers();
    timers.hold(true);
    const stopping = new AbortController();
    const run = withRetry(async () => { throw offline; }, { ...timers, random: () => 0.5 }, stopping.signal, () => undefined);
    const ended = assertRejects(run, 'cancelled');
    while (timers.pending === 0) await Promise.resolve();
    stopping.abort();
    await ended;
    assert.equal(timers.pending, 0);
  });

  test('prevents a wait from starting', async () => {
    const timers = createTimers();
    const run = withRetry(async () => { throw offline; }, { ...timers, random: () => 0.5 }, AbortSignal.abort(), () => undefined);
    await assertRejects(run, 'cancelled');
    assert.deepEqual(timers.pauses, []);
  });
});
