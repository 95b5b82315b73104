// Pulls from server process to desktop process: a first sync, one with 1% changed, and one with nothing changed; each also
// over a slow line.

import { rmSync } from 'node:fs';
import { dirname } from 'node:path';

import { collections } from '../../shared/collections.ts';
import { formatInstant } from '../../shared/clock.ts';
import type { ServerProcess } from '../../demo/server-process.ts';
import { signIn } from '../../demo/colleague.ts';
import { toContent } from '../../server/records.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { CompanyServer } from './company-server.ts';
import type { DesktopProcess } from './desktop-process.ts';
import { median, peakMemoryMb, processorTimeMs } from './figures.ts';
import { openLink, type LineSpeed, type Link } from './link.ts';

export interface FirstSync {
  readonly records: number;
  /** Until the last row is committed and proved against the server's digest. */
  readonly rowsMs: number;
  /** Until the lists' indexes are built, too, and the rows are read back and verified. */
  readonly settledMs: number;
  readonly serverCpuMs: number | null;
  readonly desktopCpuMs: number | null;
  readonly serverPeakMb: number | null;
  readonly desktopPeakMb: number | null;
  readonly longestBlockMs: number;
  /** Bytes on the line, from server to client, until the last row; null without a line of our own. */
  readonly lineBytes: number | null;
}

/** A first sync with a new server and a new desktop process, whose cache is removed again. */
export async function measureFirstSync(company: CompanyServer, speed: LineSpeed | null = null): Promise<FirstSync> {
  const { cost, file } = await withDesktop(company, speed, async ({ cost, desktop }) => ({ cost, file: desktop.file }));
  rmSync(dirname(file), { recursive: true, force: true });
  return cost;
}

/** Medians of several first syncs; of the peaks of memory, the largest. */
export function summarize(all: readonly FirstSync[]): FirstSync {
  const values = (key: keyof FirstSync): readonly (number | null)[] => all.map((one) => one[key]);
  const largest = (key: keyof FirstSync): number | null => values(key).includes(null) ? null : Math.max(...values(key).map(Number));
  const middle = (key: keyof FirstSync): number | null => values(key).includes(null) ? null : median(values(key).map(Number));
  return {
    records: Number(middle('records')), rowsMs: Number(middle('rowsMs')), settledMs: Number(middle('settledMs')),
    serverCpuMs: middle('serverCpuMs'), desktopCpuMs: middle('desktopCpuMs'),
    serverPeakMb: largest('serverPeakMb'), desktopPeakMb: largest('desktopPeakMb'),
    longestBlockMs: Number(middle('longestBlockMs')), lineBytes: middle('lineBytes'),
  };
}

export interface Synced {
  readonly server: ServerProcess;
  readonly desktop: DesktopProcess;
  readonly link: Link | null;
  readonly cost: FirstSync;
}

/** Runs `use` with a server, a desktop that has completed its first sync and what follows it, and what that cost. */
export async function withDesktop<T>(
  company: CompanyServer, speed: LineSpeed | null, use: (synced: Synced) => Promise<T>,
): Promise<T> {
  const server = await company.startServer({ isRemote: speed !== null });
  const link = speed && await openLink(server.url, speed);
  const desktop = company.startDesktop(link?.url ?? server.url);
  try {
    const pids = [server.child.pid ?? 0, desktop.pid] as const;
    await desktop.tell('start');
    const before = pids.map(processorTimeMs);
    const first = await desktop.tell('sign in');
    const lineBytes = link && link.downBytes;
    // Writes that were measured before have made it larger.
    if (first.changes < company.records) throw new Error(`a first sync brought ${first.changes} records instead of ${company.records}`);
    const rest = await desktop.tell('settle');
    const [serverCpuMs = null, desktopCpuMs = null] = pids.map(processorTimeMs).map((ms, index) => {
      const beforeMs = before[index] ?? null;
      return ms === null || beforeMs === null ? null : ms - beforeMs;
    });
    return await use({
      server, desktop, link,
      cost: {
        records: first.changes, rowsMs: first.tookMs, settledMs: first.tookMs + rest.tookMs, serverCpuMs, desktopCpuMs,
        serverPeakMb: peakMemoryMb(server.child.pid ?? 0), desktopPeakMb: peakMemoryMb(desktop.pid),
        longestBlockMs: Math.max(first.longestBlockMs, rest.longestBlockMs), lineBytes,
      },
    });
  } finally {
    await desktop.stop();
    await link?.close();
    await server.stop();
  }
}

/** Reads of list pages during a first sync, on the thread that writes it: their times. */
export async function measureReadsMeanwhile(company: CompanyServer): Promise<readonly number[]> {
  const server = await company.startServer();
  const desktop = company.startDesktop(server.url);
  try {
    return (await desktop.tell('sign in and read')).readsMs;
  } finally {
    await desktop.stop();
    await server.stop();
  }
}

export interface Changed {
  readonly changes: number;
  readonly tookMs: number;
  readonly longestBlockMs: number;
}

/** One pull after 1% of the invoices, spread over the account, was changed; the median of `runs`. */
export async function measureChanged(company: CompanyServer, desktop: DesktopProcess, runs: number): Promise<Changed> {
  const took: number[] = [];
  const blocks: number[] = [];
  let changes = 0;
  for (let run = 0; run < runs; run += 1) {
    changes = await changeInvoices(company, run);
    const report = await desktop.tell('pull');
    if (report.changes !== changes) throw new Error(`a pull brought ${report.changes} changes instead of ${changes}`);
    took.push(report.tookMs);
    blocks.push(report.longestBlockMs);
  }
  return { changes, tookMs: median(took), longestBlockMs: median(blocks) };
}

/** Changes the note of every hundredth invoice, starting at `offset`; resolves to how many. */
async function changeInvoices({ venue, stage }: CompanyServer, offset: number): Promise<number> {
  const invoices = collections.find(({ name }) => name === 'invoices');
  if (!invoices) throw new Error('there is no collection of invoices');
  const store = await venue.openStore();
  try {
    return await store.write(stage.company.accountId, async (transaction) => {
      const all = await transaction.list('invoices');
      const some = all.filter((_, index) => index % 100 === offset);
      for (const record of some) {
        const payload = { ...JSON.parse(record.payload) as JsonObject, internalNote: `Geändert ${offset} ${Date.now()}` };
        transaction.put('invoices', record.id, toContent(invoices, payload, null), record);
      }
      return some.length;
    });
  } finally {
    await store.close();
  }
}

export interface Unchanged {
  /** A pull by the desktop. */
  readonly pullMs: number;
  readonly requestMs: number;
  /** A request without any work: GET /api/health. */
  readonly healthMs: number;
  /** Database queries per poll: statement or command to count. */
  readonly reads: Readonly<Record<string, number>>;
}

const POLLS = 300;

/** Polls of an account in which nothing changes. `readCounts` returns the database queries so far. */
export async function measureUnchanged(
  company: CompanyServer, server: ServerProcess, desktop: DesktopProcess, readCounts: () => Promise<Readonly<Record<string, number>>>,
): Promise<Unchanged> {
  const clock = await latestClock(company);
  const owner = await signIn(server.url, company.stage.company.users[0]?.email ?? '', company.stage.password);
  const poll = (): Promise<unknown> => owner.digest(clock);
  await medianMs(poll);
  const before = await readCounts();
  const requestMs = await medianMs(poll);
  const after = await readCounts();
  const reads = Object.entries(after).map(([what, count]) => [what, (count - (before[what] ?? 0)) / POLLS] as const);
  return {
    requestMs,
    healthMs: await medianMs(async () => (await fetch(`${server.url}/api/health`)).json()),
    pullMs: median(await repeat(100, async () => (await desktop.tell('pull')).tookMs)),
    // Occasional other queries do not belong to the polls.
    reads: Object.fromEntries(reads.filter(([, perPoll]) => perPoll >= 0.5)),
  };
}

async function latestClock({ venue, stage }: CompanyServer): Promise<string> {
  const store = await venue.openStore();
  try {
    return formatInstant(await store.latestClock(stage.company.accountId));
  } finally {
    await store.close();
  }
}

async function medianMs(ask: () => Promise<unknown>): Promise<number> {
  return median(await repeat(POLLS, async () => {
    const startedMs = performance.now();
    await ask();
    return performance.now() - startedMs;
  }));
}

async function repeat<T>(times: number, act: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let time = 0; time < times; time += 1) results.push(await act());
  return results;
}

/** From the start of the desktop's process, with a cache that is there and no server, until the first page of a list. */
export async function measureColdStart(company: CompanyServer, cacheFile: string, runs: number): Promise<number> {
  return median(await repeat(runs, async () => {
    const startedMs = performance.now();
    // Nobody listens there.
    const desktop = company.startDesktop('http://127.0.0.1:9', cacheFile);
    try {
      const { changes } = await desktop.tell('first page');
      if (changes === 0) throw new Error('the first page is empty');
      return performance.now() - startedMs;
    } finally {
      await desktop.stop();
    }
  }));
}
