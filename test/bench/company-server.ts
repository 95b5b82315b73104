// A database with the sample company, and servers and desktops on it, for one store and size.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { startServerProcess, type ServerProcess } from '../../demo/server-process.ts';
import { openVenue, setStage, type Stage, type Venue } from '../../demo/stage.ts';
import { bundleDesktop, startDesktop, type DesktopProcess } from './desktop-process.ts';

export const customerCount = 1500;
const probe = pathToFileURL(join(import.meta.dirname, 'probe.ts')).href;

export interface CompanyServer {
  readonly store: 'embedded' | 'MongoDB';
  readonly venue: Venue;
  readonly stage: Stage;
  /** The number of records the owner sees. */
  readonly records: number;
  /** For desktops on this machine, or, as behind a proxy, on another one: only what leaves the machine is compressed. */
  startServer(options?: { readonly isRemote?: boolean }): Promise<ServerProcess>;
  /** A desktop of the owner with an empty cache in its own folder, or with the cache and the session of another. */
  startDesktop(serverUrl: string, file?: string): DesktopProcess;
  remove(): Promise<void>;
}

export async function foundCompany(mongodbUrl: string | null, invoices: number): Promise<CompanyServer> {
  const venue = await openVenue(mongodbUrl ?? undefined, 'bench');
  const stage = await setStage(venue, { today: new Date().toISOString().slice(0, 10), customers: customerCount, invoices }, () => {});
  const script = await bundleDesktop(venue.folder);
  let desktops = 0;
  return {
    store: mongodbUrl === null ? 'embedded' : 'MongoDB',
    venue,
    stage,
    records: Object.values(stage.company.counts).reduce((sum, count) => sum + count, 0),
    startServer: ({ isRemote = false } = {}) => startServerProcess({
      env: { ...venue.env, TRUST_PROXY: isRemote ? '1' : '' }, nodeOptions: ['--import', probe], hasChannel: true,
    }),
    startDesktop(serverUrl, file) {
      desktops += 1;
      return startDesktop(script, {
        serverUrl, file: file ?? join(venue.folder, `desktop-${desktops}`, 'invoify.sqlite'),
        email: stage.company.users[0]?.email ?? '', password: stage.password,
      });
    },
    remove: () => venue.remove(false),
  };
}
