// A feed reader that pulls one page at a time and checks every page against the wire contract.

import assert from 'node:assert/strict';

import { assertError, type Client, type Reply, type WireChange } from '../client.ts';
import { NaiveCache, withoutEmpty } from '../server/naive-cache.ts';
import type { Model } from './model.ts';

export class Reader {
  readonly cache = new NaiveCache();
  /** Every change ever received. */
  readonly received: WireChange[] = [];
  /** How often it had to restart. */
  restarts = 0;
  cursor: string | null = null;
  readonly #client: Client;
  readonly #limit: () => number;

  constructor(client: Client, limit: number | (() => number)) {
    this.#client = client;
    this.#limit = typeof limit === 'number' ? () => limit : limit;
  }

  /** Pulls one page; true if there are more. After an expired cursor the next page is the first one again. */
  async page(): Promise<boolean> {
    const since = this.cursor;
    const limit = this.#limit();
    const reply = await this.#client.pull(`?limit=${limit}${since === null ? '' : `&since=${since}`}`);
    if (reply.status === 410) {
      assertError(reply, 'resync_required');
      assert.notEqual(since, null, 'a pull without a cursor is always answered');
      this.cursor = null;
      this.restarts += 1;
      this.cache.records.clear();
      return true;
    }
    assert.equal(reply.status, 200, reply.text);
    checkPage(reply, since, limit);
    this.cache.apply(reply);
    this.received.push(...reply.body.changes);
    this.cursor = reply.body.serverTime;
    const { hasMore, digest } = reply.body;
    if (!hasMore) assert.deepEqual(this.cache.digest(), withoutEmpty(digest), `cache and server differ at ${this.cursor}`);
    return hasMore;
  }

  /** Pulls until there is no more; `between` runs after each page that is not the last. */
  async catchUp(between: () => Promise<unknown> = async () => undefined): Promise<void> {
    while (await this.page()) await between();
  }
}

function checkPage({ body: { changes, count, hasMore, serverTime, digest } }: Reply, since: string | null, limit: number): void {
  assert.equal(count, changes.length);
  assert(count <= limit, `${count} changes in a page of ${limit}`);
  assert(since === null || serverTime >= since, 'the cursor went back');
  let last = since ?? '';
  for (const { updatedAt, type } of changes) {
    assert(updatedAt > last, `${updatedAt} does not come after ${last}`);
    assert(since !== null || type === 'upsert', 'a delete in a first pull');
    last = updatedAt;
  }
  assert(last <= serverTime);
  assert.equal(digest === undefined, hasMore);
  if (hasMore) assert.deepEqual([count, last], [limit, serverTime]);
}

/** Asserts that a reader holds the model's records and never received anything else. */
export function finish(model: Model, reader: Reader): void {
  model.assertHeldBy(reader.cache.records);
  model.assertWrote(reader.received);
}
