// The sync as a state machine: whatever happens in whatever order, nothing that a person sees goes back or contradicts itself, and one
// pull without a fault ends exact.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import fc from 'fast-check';

import { STALE_AFTER_MS } from '../../../shared/window/stale.ts';
import type { SyncState } from '../../../shared/window/views.ts';
import { faults } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { openBooks, type Books } from '../../sync/books.ts';
import { Desk } from '../../sync/desk.ts';
import { assertExact, assertSameRows } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

/** What people see after a pull in which nothing but this was answered from some page on. */
const states = {
  refused: 'unreachable', answerLost: 'unreachable', resetInBody: 'unreachable', internal: 'error', unavailable: 'error',
  badGateway: 'error', truncated: 'error', empty: 'error', garbage: 'error', captivePortal: 'error', cursorEnded: 'error',
  upgradeRequired: 'update_required',
} as const satisfies Partial<Record<keyof typeof faults, SyncState>>;
const faultNames = Object.keys(states) as (keyof typeof states)[];

const page = fc.nat(3);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pull'), fault: fc.constantFrom(...faultNames), page, isOnce: fc.boolean() }) },
  fc.record({ kind: fc.constant('cancel'), page }), fc.record({ kind: fc.constantFrom('sync', 'add', 'remove', 'change', 'reopen') }),
  fc.record({ kind: fc.constant('wait'), minutes: fc.integer({ min: 1, max: 40 }) }),
);

class Run {
  readonly desk: Desk;
  readonly #books: Books;
  #isComplete = false;
  #cursor = '';
  #lastSync = '';
  #rows: ReturnType<Desk['rows']> = new Map();

  constructor(desk: Desk, books: Books) {
    this.desk = desk;
    this.#books = books;
  }

  async do(next: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
    const { desk } = this;
    const [plan] = this.#books.model.present('plans');
    if (next.kind === 'add') await this.#books.addPlans(2);
    if (next.kind === 'remove' && plan) await this.#books.remove('plans', plan.id);
    if (next.kind === 'change' && plan) await this.#books.change('plans', plan.id);
    if (next.kind === 'reopen') await desk.reopen();
    if (next.kind === 'sync') await this.sync();
    if ('minutes' in next) for (const clock of ['ms', 'monotonicMs'] as const) desk.clock[clock] += next.minutes * 60_000;
    if ('fault' in next) await this.#pull(next);
    else if ('page' in next) await this.#cancel(next.page);
    await this.#look();
  }

  /** A pull without a fault. */
  async sync(): Promise<void> {
    this.desk.network.plan(null);
    await this.desk.sync();
    await this.#completed();
  }

  async #pull({ fault, page: from, isOnce }: { fault: keyof typeof states; page: number; isOnce: boolean }): Promise<void> {
    this.desk.network.plan(({ page: at }) => at !== null && (isOnce ? at === from : at >= from) ? faults[fault] : null);
    const { outcome } = await this.desk.host.pullFromServer();
    if (outcome === 'completed') return this.#completed();
    assert.equal(outcome, 'failed');
    assert.equal((await this.desk.host.getStatus()).state, states[fault]);
  }

  async #cancel(from: number): Promise<void> {
    const { host, network } = this.desk;
    network.plan(({ page: at }) => at === from ? faults.silent : null);
    let isOver = false;
    const run = host.pullFromServer().finally(() => { isOver = true; });
    while (!isOver && network.pulls().length <= from) await nextTurn();
    await host.cancelPull();
    const { outcome } = await run;
    if (outcome === 'completed') return this.#completed();
    assert.equal(outcome, 'cancelled');
  }

  async #completed(): Promise<void> {
    const { state, error } = await this.desk.host.getStatus();
    assert.deepEqual([state, error], ['up_to_date', null]);
    await assertExact(this.desk, this.#books.owner.client);
    this.#isComplete = true;
    this.#rows = this.desk.rows();
  }

  /** Nothing has gone back, and only a pull that has completed changes what is readable; until the first has, there is more each time. */
  async #look(): Promise<void> {
    await this.desk.idle();
    const { state, cursor, lastSync, initialized } = await this.desk.host.getStatus();
    assert(initialized);
    assert((cursor ?? '') >= this.#cursor && (lastSync?.timestamp ?? '') >= this.#lastSync, 'the cursor or the last sync went back');
    assert.equal(lastSync !== null, this.#isComplete);
    assert(state !== 'up_to_date' || (lastSync?.ageMs ?? Infinity) <= STALE_AFTER_MS);
    assert(state !== 'never_synced' || !this.#isComplete);
    assert.deepEqual(this.desk.contradictions, []);
    const rows = this.desk.rows();
    if (this.#isComplete) assertSameRows(rows, this.#rows);
    else for (const key of this.#rows.keys()) assert(rows.has(key), key);
    [this.#cursor, this.#lastSync, this.#rows] = [cursor ?? '', lastSync?.timestamp ?? '', rows];
  }
}

test('faults, restarts, writes and cancelled pulls in any order leave what was readable, and one pull then ends exact', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 9 }), async (steps) => {
    const books = await openBooks(site);
    await books.addPlans(7);
    const desk = new Desk({ url: site.server.url, pageLimit: () => 3 });
    try {
      await desk.storeToken(books.owner.token);
      await desk.open();
      const run = new Run(desk, books);
      for (const next of steps) await run.do(next);
      await run.sync();
    } finally {
      await desk.remove();
    }
  }), { numRuns: 12 });
});
