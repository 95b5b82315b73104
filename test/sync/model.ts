// What an account must hold, by the answers its writers got: the newest version of every record, and every version
// there ever was. It knows nothing of cursors, pages or digests.

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

  /** Takes in an acknowledged write; writers may be told in any order. */
  wrote(collection: string, reply: Reply): WireRecord {
    assert(reply.status === 200 || reply.status === 201, reply.text);
    return this.hold(collection, reply.body.record);
  }

  hold(collection: string, record: WireRecord): WireRecord {
    const payload = (record as Partial<WireRecord>).payload ?? null;
    const key = `${collection} ${record.id}`;
    const before = this.#newest.get(key);
    assert.notEqual(before?.updatedAt, record.updatedAt, 'two writes have one instant');
    if (before === undefined || before.updatedAt < record.updatedAt) this.#newest.set(key, { updatedAt: record.updatedAt, payload });
    this.#all.set(`${key} ${record.updatedAt}`, payload);
    return record;
  }

  /** Takes in records that were there before the first write. */
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

  /** Asserts that a copy holds every record that exists, as it is now, and nothing else. */
  assertHeldBy(records: ReadonlyMap<string, HeldRecord>, sees: (collection: string) => boolean = () => true): void {
    const present = [...this.#newest].filter(([key, { payload }]) => payload !== null && sees(key.split(' ')[0] ?? ''));
    const missed = present.filter(([key, { updatedAt }]) => records.get(key)?.updatedAt !== updatedAt);
    assert.deepEqual(missed.map(([key]) => key), [], 'missed, or held in an old version');
    const keys = new Set(present.map(([key]) => key));
    assert.deepEqual([...records.keys()].filter((key) => !keys.has(key)), [], 'invented, or not deleted');
    for (const [key, { payload }] of present) assert.deepEqual(JSON.parse(records.get(key)?.text ?? ''), payload, key);
  }

  /** Asserts that everything a reader was given was once written so. Call it when every writer has been told. */
  assertWrote(changes: readonly WireChange[]): void {
    for (const { type, collection, mongoId, updatedAt, payload } of changes) {
      const key = `${collection} ${mongoId} ${updatedAt}`;
      assert(this.#all.has(key), `${type} of ${key} was never written`);
      assert.deepEqual(payload ?? null, this.#all.get(key), key);
    }
  }
}
