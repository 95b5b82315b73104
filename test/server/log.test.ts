// The log: what is logged of failed requests, and how often.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../shared/errors.ts';
import { ClientGone } from '../../server/http.ts';
import { createFailureLog, createLog } from '../../server/log.ts';

interface Line {
  readonly level: string;
  readonly event: string;
  readonly requestId: string;
  readonly code: string;
  readonly repeats?: number;
  readonly error: { readonly message: string; readonly stack?: string[]; readonly cause?: { readonly message: string } };
}

function openLog() {
  const clock = { ms: 0 };
  const texts: string[] = [];
  const logFailure = createFailureLog(createLog('info', (text) => void texts.push(text), () => clock.ms), () => clock.ms);
  return {
    clock, texts,
    fail: (error: unknown, requestId = 'r') => logFailure(error, { requestId }),
    lines: () => texts.map((text) => JSON.parse(text) as Line),
  };
}

const noPrimary = (): AppError => new AppError('unavailable', 'The database does not answer.', { cause: new Error('no primary') });

describe('the log of failed requests', () => {
  test('has one line without a stack for many requests that fail while a primary is elected', () => {
    const { clock, texts, fail, lines } = openLog();
    for (let request = 0; request < 50; request += 1) {
      clock.ms += 100;
      fail(noPrimary(), `request-${request}`);
    }
    const [line, ...others] = lines();
    assert.deepEqual(others, []);
    assert.deepEqual([line?.level, line?.event, line?.code, line?.requestId], ['warn', 'request failed', 'unavailable', 'request-0']);
    assert.equal(line?.error.cause?.message, 'no primary');
    assert.doesNotMatch(texts[0] ?? '', /stack|\.ts:\d|\n./);
  });

  test('says after a while how often the same failure was repeated, also when the clock steps back', () => {
    const { clock, fail, lines } = openLog();
    clock.ms = 1_000_000;
    for (const ms of [0, 1, 9999, 10_000, 10_001, -990_000]) {
      clock.ms = 1_000_000 + ms;
      fail(noPrimary());
    }
    assert.deepEqual(lines().map(({ repeats }) => repeats), [undefined, 2, 1]);
  });

  test('has every other reason at once, and a defect as an error each time, the first time with its stack', () => {
    const { fail, lines } = openLog();
    fail(noPrimary());
    fail(new AppError('unavailable', 'The disk of the database is full. Free some space on it.'));
    fail(new AppError('conflict', 'This is an ordinary answer.'));
    for (const request of ['one', 'two']) fail(new TypeError('a defect', { cause: new Error('deeper') }), request);
    assert.deepEqual(lines().map(({ level }) => level), ['warn', 'warn', 'error', 'error']);
    const [one, two] = lines().slice(2);
    assert.match(one?.error.stack?.join() ?? '', /log\.test\.ts/);
    const withoutStack = { name: 'TypeError', message: 'a defect', cause: { name: 'Error', message: 'deeper' } };
    assert.deepEqual([two?.requestId, two?.error], ['two', withoutStack]);
  });

  test('has a client\'s abort at debug level only, without a stack', () => {
    const { fail, lines } = openLog();
    fail(new ClientGone('the client cut its connection'));
    assert.deepEqual(lines(), []);
  });
});
