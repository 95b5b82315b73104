// What an exact cache is: the same records as a full pull from the server, byte for byte, and the same digest: as stored
// by the server, as stored by the desktop, and as computed from the rows.

import assert from 'node:assert/strict';

import type { Client } from '../client.ts';
import { NaiveCache, withoutEmpty } from '../server/naive-cache.ts';
import type { Desk } from './desk.ts';

/** Asserts that a desk's cache is exact; `client` must have the same role as the desk's user. */
export async function assertExact(desk: Desk, client: Client): Promise<void> {
  const served = new NaiveCache();
  const { pages, last } = await client.pullAll('limit=5000');
  for (const page of pages) served.apply(page);
  const rows = desk.rows();
  assertSameRows(rows, served.records);
  const held = new NaiveCache();
  for (const [key, record] of rows) held.records.set(key, record);
  assert.deepEqual(held.digest(), withoutEmpty(last.body.digest));
  assert.deepEqual(withoutEmpty(await desk.host.data.digest()), withoutEmpty(last.body.digest));
}

/** Asserts that two sets of rows are equal; says which differ. */
export function assertSameRows(actual: ReturnType<Desk['rows']>, expected: ReturnType<Desk['rows']>): void {
  const differing = [...new Set([...actual.keys(), ...expected.keys()])].filter((key) => {
    const [left, right] = [actual.get(key), expected.get(key)];
    return left?.updatedAt !== right?.updatedAt || left?.text !== right?.text;
  });
  const [first = ''] = differing;
  const example = JSON.stringify([actual.get(first), expected.get(first)]);
  assert.equal(differing.length, 0, `${differing.length} rows differ, the first is ${example}`);
}
