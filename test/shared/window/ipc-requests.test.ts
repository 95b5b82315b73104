// Requests from the window: what is taken, to the letter of each bound, and what structured cloning allows and no request may hold.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { AppError } from '../../../shared/errors.ts';
import type { Channel } from '../../../shared/window/ipc.ts';
import { requestParsers } from '../../../shared/window/ipc-requests.ts';

function isTaken(channel: Channel, request: unknown): boolean {
  try {
    requestParsers[channel](request);
    return true;
  } catch (error) {
    assert(error instanceof AppError && error.code === 'invalid_request', String(error));
    return false;
  }
}

describe('a request', () => {
  test('with fields of a record has plain values only, at most 64 levels deep', () => {
    const takes = (fields: unknown): boolean => isTaken('records.create', { collection: 'plans', fields });
    const nested = (levels: number): object => levels === 0 ? {} : { a: nested(levels - 1) };
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const fields of [{}, { a: [1, 'x', true, null, { b: [] }] }, Object.assign(Object.create(null), { a: 1 }), nested(64)]) {
      assert(takes(fields), JSON.stringify(fields));
    }
    for (const fields of [
      [], null, new Map([['a', 1]]), new Date(0), cycle, nested(65), { a: NaN }, { a: Infinity }, { a: undefined }, { a: 1n },
      { a: new Set([1]) }, { a: [new Date(0)] },
    ]) assert(!takes(fields), String(Object.keys(fields ?? {})));
  });

  test('has its own members, not inherited ones', () => {
    assert(isTaken('data.getRecord', { collection: 'plans', id: 'a' }));
    assert(!isTaken('data.getRecord', Object.create({ collection: 'plans', id: 'a' })));
  });

  test('has names and ids without a path in them', () => {
    for (const id of ['a', 'A-1_b', 'x'.repeat(100)]) assert(isTaken('auth.endSession', { id }), id);
    for (const id of ['', '../a', 'a/b', 'a b', 'a\n', 'x'.repeat(101), 7]) assert(!isTaken('auth.endSession', { id }), String(id));
  });

  test('is within its bounds, to the last one', () => {
    assert(isTaken('sync.setAuthToken', { token: 'x'.repeat(8192) }));
    assert(!isTaken('sync.setAuthToken', { token: 'x'.repeat(8193) }));
    const takes = (syncEveryMinutes: number): boolean => isTaken('app.saveSettings', { syncEveryMinutes });
    assert.deepEqual([0, 1, 60, 61, 1.5].map(takes), [false, true, true, false, false]);
    const table = (titles: number, width: number): object =>
      ({ name: 'x', titles: Array(titles).fill('t'), rows: [Array(width).fill(null)], locale: 'de' });
    const tables = [table(1, 1), table(1000, 1000), table(0, 0), table(1001, 1001), table(2, 1)];
    assert.deepEqual(tables.map((csv) => isTaken('app.exportCsv', csv)), [true, true, false, false, false]);
  });

  test('cannot set the server, which only a sign-in does', () => {
    assert.deepEqual(requestParsers['app.saveSettings']({ server: 'https://evil.example', theme: 'dark' }), { theme: 'dark' });
  });
});
