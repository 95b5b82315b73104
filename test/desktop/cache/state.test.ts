// The cache's state: fields change independently, and the last 200 sync attempts are kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listAttempts, readState, recordAttempt, saveState, type StateChange } from '../../../desktop/cache/cache.ts';
import type { Attempt } from '../../../shared/window/views.ts';
import { failsWith, recordId, temporaryCache } from './fixtures.ts';

test('each field of the state can be set and cleared independently', (t) => {
  const { writer, reader } = temporaryCache(t);
  const user = { id: recordId(1), email: 'a@b.test', name: 'Ä', role: 'viewer', accountId: recordId(2) } as const;
  const changes: readonly StateChange[] = [
    { serverOrigin: 'https://a.test' }, { accountId: recordId(2) }, { userId: recordId(1) }, { user }, { scope: 's' }, { cursor: 'c' },
    { isInitialComplete: true }, { lastSyncMs: 1_700_000_000_123 }, { lastVerifiedMs: 1 },
    { rebuild: { reason: 'r', scope: null, cursor: 'x' } },
    { serverOrigin: null, user: null, isInitialComplete: false, rebuild: null }, {},
  ];
  let expected = readState(reader);
  for (const change of changes) {
    saveState(writer, change);
    expected = { ...expected, ...change };
    assert.deepEqual(readState(reader), expected);
  }
});

test('a malformed state makes the cache unusable', (t) => {
  const { writer, reader } = temporaryCache(t);
  for (const user of ['nonsense', '{}', '[]', '{"id":5}']) {
    writer.db.prepare('UPDATE state SET user = ?').run(user);
    failsWith('cache_unusable', () => readState(reader));
  }
  writer.db.exec('DELETE FROM state');
  failsWith('cache_unusable', () => readState(reader));
});

test('sync attempts are listed newest first, and only the last 200 are kept', (t) => {
  const { writer, reader } = temporaryCache(t);
  assert.deepEqual(listAttempts(reader), []);
  const attempt = (index: number): Attempt => ({
    startedMs: 1_700_000_000_000 + index, durationMs: index, changes: index, bytes: index * 1000,
    outcome: index % 2 === 0 ? 'completed' : 'failed', code: index % 2 === 0 ? null : 'offline', detail: index % 2 === 0 ? null : 'why',
    ...(index % 4 === 1 && { kind: 'refused' }),
  });
  for (let index = 1; index <= 205; index += 1) recordAttempt(writer, attempt(index));
  const durable = 2;
  assert.equal(writer.db.prepare('PRAGMA synchronous').get()?.['synchronous'], durable, 'the next commit waits for the disk');
  const kept = listAttempts(reader);
  assert.equal(kept.length, 200);
  assert.equal(listAttempts(reader, 1000).length, 200);
  assert.deepEqual([kept[0], kept[199]], [attempt(205), attempt(6)]);
  assert.deepEqual(listAttempts(reader, 2), [attempt(205), attempt(204)]);
});
