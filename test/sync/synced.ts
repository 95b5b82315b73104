// A desktop that is up to date with an account of its own: where most tests of a desktop begin.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { openBooks, type Books } from './books.ts';
import { openDesk, type Desk, type DeskOptions } from './desk.ts';
import type { Site } from './site.ts';

export interface Synced {
  readonly books: Books;
  readonly desk: Desk;
}

/** Signed in as the owner. Maintenance may still be at work: see `Desk.idle`. */
export async function openSynced(t: TestContext, site: Site, options: Partial<DeskOptions> = {}): Promise<Synced> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, ...options });
  await desk.sync();
  return { books, desk };
}

/** The first record of a collection, as the desk's list shows it. */
export async function firstRow(desk: Desk, collection: string): Promise<{ readonly id: string; readonly updatedAt: string }> {
  const { rows: [row] } = await desk.host.data.listPage({ collection });
  assert(row);
  return row;
}
