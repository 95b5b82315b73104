// The three ways in which changes reach a cache (first sync, catch-up, rebuild), each prepared so that any number of desks
// can run it: the server's data does not change, and every desk starts from a copy of the same file.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

import { collections } from '../../shared/collections.ts';
import { openBooks, type Books } from './books.ts';
import { Desk, editDatabase, openDesk, type DeskOptions } from './desk.ts';
import { assertExact, assertSameRows } from './exact.ts';
import type { Site } from './site.ts';

export const phaseNames = ['first sync', 'catch-up', 'rebuild'] as const;
export type PhaseName = (typeof phaseNames)[number];

export const PAGE = 5;

export interface Phase {
  readonly name: PhaseName;
  readonly books: Books;
  /** The cache file that every desk starts from; undefined for a first sync. */
  readonly file: string | undefined;
  /** The rows readable before. */
  readonly before: ReturnType<Desk['rows']>;
  /** The number of pages it takes; a stream counts as one. */
  readonly pages: number;
  /** Opens a desk that is about to run the phase. */
  open(t: Pick<TestContext, 'after'>, options?: Partial<DeskOptions>): Promise<Desk>;
  /** Asserts what must hold for a cache after an interrupted run. */
  assertUndisturbed(desk: Desk): Promise<void>;
  /** Whether these rows are the phase's result. */
  isDone(rows: ReturnType<Desk['rows']>): boolean;
  /** Asserts that the cache is complete. */
  assertDone(desk: Desk): Promise<void>;
  remove(): void;
}

export async function preparePhase(
  name: PhaseName, site: Site, over: 'pages' | 'stream' = 'pages', planCount = 14,
): Promise<Phase> {
  const books = await openBooks(site);
  await books.addPlans(planCount);
  const folder = mkdtempSync(join(tmpdir(), 'invoify-phase-'));
  const file = name === 'first sync' ? undefined : join(folder, 'invoify.sqlite');
  const size = over === 'pages' ? { pageLimit: () => PAGE } : { pieceChanges: PAGE };
  const options = { url: site.server.url, token: books.owner.token, ...size };
  const before = file === undefined ? new Map() : await saveCache(options, file);
  if (file !== undefined) await changeRecords(books);
  if (name === 'rebuild' && file !== undefined) editDatabase(file, (db) => db.exec(`UPDATE state SET scope = 'another'`));

  const open: Phase['open'] = (t, more = {}) =>
    openDesk(t, { ...options, ...(file === undefined ? {} : { cacheFrom: file }), ...more });
  const pages = await countPages(open);
  return {
    name, books, file, before, pages, open,
    async assertUndisturbed(desk) {
      const rows = desk.rows();
      const { total } = await desk.host.data.listPage({ collection: 'plans' });
      assert.equal(total, [...rows.values()].filter(({ collection }) => collection === 'plans').length);
      if (name !== 'first sync') return assertSameRows(rows, before);
      for (const [key, { updatedAt }] of rows) {
        const [collection = '', id] = key.split(' ');
        assert(books.model.present(collection).some((record) => record.id === id && record.updatedAt === updatedAt), key);
      }
    },
    isDone(rows) {
      const present = collections.flatMap(({ name: collection }) =>
        books.model.present(collection).map(({ id, updatedAt }) => `${collection} ${id} ${updatedAt}`));
      const held = [...rows].map(([key, { updatedAt }]) => `${key} ${updatedAt}`);
      return present.length === held.length && new Set([...present, ...held]).size === held.length;
    },
    async assertDone(desk) {
      books.model.assertHeldBy(desk.rows());
      await assertExact(desk, books.owner.client);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Syncs a desk, saves its cache as `file` and returns its rows. */
async function saveCache(options: DeskOptions, file: string): Promise<ReturnType<Desk['rows']>> {
  const { runAfter, closing } = collectAfter();
  const desk = await openDesk({ after: closing }, options);
  await desk.sync();
  const rows = desk.rows();
  await desk.close();
  cpSync(desk.file, file);
  await runAfter();
  return rows;
}

/** Changes, deletes and adds records, so that the pages that follow contain all kinds of change. */
async function changeRecords(books: Books): Promise<void> {
  const plans = books.model.present('plans');
  for (const { id } of plans.slice(0, -7)) await books.change('plans', id);
  for (const { id } of plans.slice(-7, -4)) await books.remove('plans', id);
  for (const collection of ['customers', 'invoices']) {
    for (const { id } of books.model.present(collection)) await books.change(collection, id);
  }
  await books.addPlans(3);
}

async function countPages(open: Phase['open']): Promise<number> {
  const { runAfter, closing } = collectAfter();
  const desk = await open({ after: closing });
  desk.network.plan(null);
  await desk.sync();
  const pages = desk.network.pulls().length;
  await runAfter();
  return pages;
}

function collectAfter(): { closing: TestContext['after']; runAfter: () => Promise<void> } {
  const ends: (() => unknown)[] = [];
  return {
    closing: (end) => void ends.push(end as () => unknown),
    async runAfter() {
      for (const end of ends) await end();
    },
  };
}
