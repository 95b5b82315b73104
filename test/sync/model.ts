// What an account must hold according to the acknowledged writes: the newest version of every record, and every version
// ever written. Independent of cursors, pages and digests.

import assert from 'node:assert/strict';

import type { Client, Payload, Reply, WireChange, WireRecord } from '../client.ts';
import type { HeldRecord } from '../server/naive-cache.ts';

interface Version {
  readonly updatedAt: string;
  /** Null: deleted. */
  readonly payload: Payload | null;
}

export class Model {
  readonly #newest = new Map<string, Version>();
  readonly #all = new Map<string, Payload | null>();

  /** Adds an acknowledged write; acknowledgements may arrive in any order. */
  wrote(collection: string, reply: Reply): WireRecord {
    assert(reply.status === 200 || reply.status === 201, reply.text);
    return this.hold(collection, reply.body.record);
  }

  hold(collection: string, record: WireRecord): WireRecord {
    const payload = (record as Partial<WireRecord>).payload ?? null;
    const key = `${collection} ${record.id}`;
    const before = this.#newest.get(key);
    assert.notEqual(before?.updatedAt, record.updatedAt, 'two writes have the same instant');
    if (before === undefined || before.updatedAt < record.updatedAt) this.#newest.set(key, { updatedAt: record.updatedAt, payload });
    this.#all.set(`${key} ${record.updatedAt}`, payload);
    return record;
  }

  /** Adds a version that was read, because the write of another record made it. */
  saw(collection: string, record: WireRecord): WireRecord {
    return this.#newest.get(`${collection} ${record.id}`)?.updatedAt === record.updatedAt ? record : this.hold(collection, record);
  }

  /** Adds the records that exist before the first write. */
  async begin(client: Client): Promise<this> {
    const { changes } = await client.pullAll();
    for (const { collection, mongoId: id, updatedAt, payload = {} } of changes) this.hold(collection, { id, updatedAt, payload });
    return this;
  }

  /** The records of a collection that exist now. */
  present(collection: string): readonly WireRecord[] {
    return [...this.#newest].flatMap(([key, { updatedAt, payload }]) => {
      const [name, id = ''] = key.split(' ');
      return name === collection && payload !== null ? [{ id, updatedAt, payload }] : [];
    });
  }

  /** Asserts that a cache holds exactly the existing records in their current version. */
  assertHeldBy(records: ReadonlyMap<string, HeldRecord>, sees: (collection: string) => boolean = () => true): void {
    const present = [...this.#newest].filter(([key, { payload }]) => payload !== null && sees(key.split(' ')[0] ?? ''));
    const missed = present.filter(([key, { updatedAt }]) => records.get(key)?.updatedAt !== updatedAt);
    assert.deepEqual(missed.map(([key]) => key), [], 'missing or outdated');
    const keys = new Set(present.map(([key]) => key));
    assert.deepEqual([...records.keys()].filter((key) => !keys.has(key)), [], 'invented or not deleted');
    for (const [key, { payload }] of present) assert.deepEqual(JSON.parse(records.get(key)?.text ?? ''), payload, key);
  }

  /** Asserts that every received change was written exactly so. Call it once all writes are acknowledged. */
  assertWrote(changes: readonly WireChange[]): void {
    for (const { type, collection, mongoId, updatedAt, payload } of changes) {
      const key = `${collection} ${mongoId} ${updatedAt}`;
      assert(this.#all.has(key), `${type} of ${key} was never written`);
      assert.deepEqual(payload ?? null, this.#all.get(key), key);
    }
  }
}
