// A database with the sample company, and servers and desktops on it, for one store and size.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { startServerProcess, type ServerProcess } from '../../demo/server-process.ts';
import { openVenue, setStage, type Stage, type Venue } from '../../demo/stage.ts';
import { EPOCH, formatInstant } from '../../shared/clock.ts';
import { collections } from '../../shared/collections.ts';
import type { WireChange } from '../../shared/feed.ts';
import { startDesktop, type DesktopProcess } from './desktop-process.ts';

export const customerCount = 1500;
const probe = pathToFileURL(join(import.meta.dirname, 'probe.ts')).href;

export interface CompanyServer {
  readonly store: 'embedded' | 'MongoDB';
  readonly venue: Venue;
  readonly stage: Stage;
  /** The number of records the owner sees. */
  readonly records: number;
  startServer(): Promise<ServerProcess>;
  /** A desktop with an empty cache in its own folder, signed in as the owner. */
  startDesktop(server: ServerProcess): DesktopProcess;
  remove(): Promise<void>;
}

export async function foundCompany(mongodbUrl: string | null, invoices: number): Promise<CompanyServer> {
  const venue = await openVenue(mongodbUrl ?? undefined, 'bench');
  const stage = await setStage(venue, { today: new Date().toISOString().slice(0, 10), customers: customerCount, invoices }, () => {});
  let desktops = 0;
  return {
    store: mongodbUrl === null ? 'embedded' : 'MongoDB',
    venue,
    stage,
    records: Object.values(stage.company.counts).reduce((sum, count) => sum + count, 0),
    startServer: () => startServerProcess({ env: venue.env, nodeOptions: ['--import', probe], hasChannel: true }),
    startDesktop(server) {
      desktops += 1;
      const file = join(venue.folder, `desktop-${desktops}`, 'invoify.sqlite');
      return startDesktop(server.url, file, stage.company.users[0]?.email ?? '', stage.password);
    },
    remove: () => venue.remove(false),
  };
}

/** All pages of a first sync, as sent. */
export async function readFeed({ venue, stage }: CompanyServer): Promise<readonly WireChange[]> {
  const store = await venue.openStore();
  const all: WireChange[] = [];
  try {
    await store.snapshot(stage.company.accountId, async (snapshot) => {
      const range = { after: EPOCH, collections: collections.map(({ name }) => name), withTombstones: false, limit: 10_000_000 };
      for await (const batch of snapshot.changes(range)) {
        for (const { collection, id, at, payload } of batch) {
        all.push({ collection, id, updatedAt: formatInstant(at), payload });
      }
      }
    });
    return all;
  } finally {
    await store.close();
  }
}
