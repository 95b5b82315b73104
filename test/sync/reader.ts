// A reader of the feed that goes a page at a time and holds every page against what the contract says of it.

import assert from 'node:assert/strict';

import { assertError, type Client, type Reply, type WireChange } from '../client.ts';
import { NaiveCache, withoutEmpty } from '../server/naive-cache.ts';
import type { Model } from './model.ts';

export class Reader {
  readonly copy = new NaiveCache();
  /** Every change that was ever given to it. */
  readonly received: WireChange[] = [];
  /** How often it had to begin again. */
  restarts = 0;
  cursor: string | null = null;
  readonly #client: Client;
  readonly #limit: () => number;

  constructor(client: Client, limit: number | (() => number)) {
    this.#client = client;
    this.#limit = typeof limit === 'number' ? () => limit : limit;
  }

  /** Pulls one page; true where there is more. After a cursor that ended, the next page is the first again. */
  async page(): Promise<boolean> {
    const since = this.cursor;
    const limit = this.#limit();
    const reply = await this.#client.pull(`?limit=${limit}${since === null ? '' : `&since=${since}`}`);
    if (reply.status === 410) {
      assertError(reply, 'resync_required');
      assert.notEqual(since, null, 'a pull without a cursor is always answered');
      this.cursor = null;
      this.restarts += 1;
      this.copy.records.clear();
      return true;
    }
    assert.equal(reply.status, 200, reply.text);
    checkPage(reply, since, limit);
    this.copy.apply(reply);
    this.received.push(...reply.body.changes);
    this.cursor = reply.body.serverTime;
    const { hasMore, digest } = reply.body;
    if (!hasMore) assert.deepEqual(this.copy.digest(), withoutEmpty(digest), `copy and server differ at ${this.cursor}`);
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
    assert(since !== null || type === 'upsert', 'a delete in an answer that needs none');
    last = updatedAt;
  }
  assert(last <= serverTime);
  assert.equal(digest === undefined, hasMore);
  if (hasMore) assert.deepEqual([count, last], [limit, serverTime]);
}

/** Asserts that a reader holds what the model says and was never given anything else. */
export function finish(model: Model, reader: Reader): void {
  model.assertHeldBy(reader.copy.records);
  model.assertWrote(reader.received);
}
