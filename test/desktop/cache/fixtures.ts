// Fixtures for the cache tests: temporary folders and caches, changes as a server would send them, and assertions.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { applyChanges, buildNext, closeCache, openCache, type Cache, type CacheDeps } from '../../../desktop/cache/cache.ts';
import { formatInstant, type Instant } from '../../../shared/clock.ts';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import type { WireChange } from '../../../shared/feed.ts';
import type { JsonObject } from '../../../shared/fields.ts';

const cleanUps = new WeakMap<TestContext, (() => void)[]>();

/** Runs `run` after the test, in reverse order of registration: files close before their folder is deleted. */
export function cleanUp(t: TestContext, run: () => void): void {
  const stack = cleanUps.get(t) ?? [];
  if (stack.length === 0) {
    cleanUps.set(t, stack);
    t.after(() => {
      for (const next of stack.splice(0).reverse()) next();
    });
  }
  stack.push(run);
}

/** A path for a cache in a folder that is deleted after the test. */
export function temporaryPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-cache-'));
  cleanUp(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return join(folder, 'database', 'invoify.sqlite');
}

/** A cache that is closed after the test, before its folder is deleted. */
export function temporaryCache(t: TestContext, deps: CacheDeps = {}, path = temporaryPath(t)): Cache {
  const cache = openCache(path, { busyTimeoutMs: 50, ...deps });
  cleanUp(t, () => closeCache(cache));
  return cache;
}

export function instant(second: number): string {
  return formatInstant((1_700_000_000_000_000 + second * 1_000_000) as Instant);
}

export function recordId(number: number): string {
  return number.toString(16).padStart(24, '0');
}

export function upsert(collection: string, number: number, payload: JsonObject, second = number): WireChange {
  return { collection, id: recordId(number), updatedAt: instant(second), payload: Buffer.from(JSON.stringify(payload)) };
}

export function tombstone(collection: string, number: number, second: number): WireChange {
  return { collection, id: recordId(number), updatedAt: instant(second), payload: null };
}

/** An invoice with the fields that its list needs; `overrides` replaces some. */
export function invoice(number: number, overrides: JsonObject = {}): JsonObject {
  return {
    number: `INV-2025-${String(number).padStart(5, '0')}`,
    customerId: recordId(1000 + (number % 7)),
    customerName: `Customer ${number % 7}`,
    kind: 'invoice',
    status: 'open',
    issueDate: '2025-01-15',
    dueDate: '2025-02-14',
    currency: 'EUR',
    lines: [],
    totalMinor: 1000 + number,
    paidMinor: 0,
    creditedMinor: 0,
    payments: [],
    ...overrides,
  };
}

/** Applies changes to generation a and builds its indexes. */
export function fill(cache: Cache, changes: readonly WireChange[]): void {
  applyChanges(cache.writer, 'a', changes);
  buildAll(cache);
}

export function buildAll(cache: Cache, generation: 'a' | 'b' = 'a'): void {
  while (!buildNext(cache.writer, generation));
}

/** Asserts that `run` throws an AppError with this code and a full sentence as its message, and returns the error. */
export function failsWith(code: ErrorCode, run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^[A-Z].*\.$/s);
    return error;
  }
  assert.fail(`expected ${code}`);
}
