// Pulls from server process to desktop process: a first sync, one with 1% changed, and one with nothing changed.

import { collections } from '../../shared/collections.ts';
import { formatInstant } from '../../shared/clock.ts';
import type { ServerProcess } from '../../demo/server-process.ts';
import { signIn } from '../../demo/colleague.ts';
import { toContent } from '../../server/records.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { CompanyServer } from './company-server.ts';
import type { DesktopProcess } from './desktop-process.ts';
import { median, peakMemoryMb, percentile, processorTimeMs } from './figures.ts';

export interface FirstSync {
  readonly recordsPerSecond: number;
  readonly serverCpuMs: number | null;
  readonly desktopCpuMs: number | null;
  /** After the sync: until the lists' indexes are built and the rows are read back and verified. */
  readonly settledMs: number;
  readonly serverPeakMb: number | null;
  readonly desktopPeakMb: number | null;
}

/** First syncs, each with a new server and a new desktop process; medians of `runs`, and the highest peaks. */
export async function measureFirstSync(company: CompanyServer, runs: number): Promise<FirstSync> {
  const all: FirstSync[] = [];
  for (let run = 0; run < runs; run += 1) {
    all.push(await withDesktop(company, async (server, desktop, cost) => ({
      ...cost,
      settledMs: (await desktop.tell('settle')).tookMs,
      serverPeakMb: peakMemoryMb(server.child.pid ?? 0),
      desktopPeakMb: peakMemoryMb(desktop.pid),
    })));
  }
  const largest = (peaks: readonly (number | null)[]): number | null => peaks.includes(null) ? null : Math.max(...peaks.map(Number));
  const middle = (times: readonly (number | null)[]): number | null => times.includes(null) ? null : median(times.map(Number));
  return {
    recordsPerSecond: median(all.map((one) => one.recordsPerSecond)),
    serverCpuMs: middle(all.map((one) => one.serverCpuMs)),
    desktopCpuMs: middle(all.map((one) => one.desktopCpuMs)),
    settledMs: median(all.map((one) => one.settledMs)),
    serverPeakMb: largest(all.map((one) => one.serverPeakMb)),
    desktopPeakMb: largest(all.map((one) => one.desktopPeakMb)),
  };
}

type SyncCost = Pick<FirstSync, 'recordsPerSecond' | 'serverCpuMs' | 'desktopCpuMs'>;

/** Runs `use` with a server, a desktop that has just completed its first sync, and what that sync cost. */
export async function withDesktop<T>(
  company: CompanyServer, use: (server: ServerProcess, desktop: DesktopProcess, cost: SyncCost) => Promise<T>,
): Promise<T> {
  const server = await company.startServer();
  const desktop = company.startDesktop(server);
  try {
    const pids = [server.child.pid ?? 0, desktop.pid] as const;
    const before = pids.map(processorTimeMs);
    const { changes, tookMs } = await desktop.tell('sign in');
    const [serverCpuMs = null, desktopCpuMs = null] = pids.map(processorTimeMs).map((ms, index) => {
      const beforeMs = before[index] ?? null;
      return ms === null || beforeMs === null ? null : ms - beforeMs;
    });
    if (changes !== company.records) throw new Error(`a first sync brought ${changes} records instead of ${company.records}`);
    return await use(server, desktop, { recordsPerSecond: changes / tookMs * 1000, serverCpuMs, desktopCpuMs });
  } finally {
    await desktop.stop();
    await server.stop();
  }
}

export interface ReadsMeanwhile {
  readonly count: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Reads of list pages during a first sync, on the thread that writes it. */
export async function measureReadsMeanwhile(company: CompanyServer): Promise<ReadsMeanwhile> {
  const server = await company.startServer();
  const desktop = company.startDesktop(server);
  try {
    const { readsMs } = await desktop.tell('sign in and read');
    return { count: readsMs.length, medianMs: median(readsMs), p99Ms: percentile(readsMs, 0.99) };
  } finally {
    await desktop.stop();
    await server.stop();
  }
}

export interface Changed {
  readonly changes: number;
  readonly tookMs: number;
}

/** One pull after 1% of the invoices, spread over the account, was changed; the median of `runs`. */
export async function measureChanged(company: CompanyServer, desktop: DesktopProcess, runs: number): Promise<Changed> {
  const took: number[] = [];
  let changes = 0;
  for (let run = 0; run < runs; run += 1) {
    changes = await changeInvoices(company, run);
    const report = await desktop.tell('pull');
    if (report.changes !== changes) throw new Error(`a pull brought ${report.changes} changes instead of ${changes}`);
    took.push(report.tookMs);
  }
  return { changes, tookMs: median(took) };
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
        const payload = { ...JSON.parse(record.payload) as JsonObject, notes: `Geändert ${offset}` };
        transaction.put('invoices', record.id, toContent(invoices, payload, null), record);
      }
      return some.length;
    });
  } finally {
    await store.close();
  }
}

export interface Unchanged {
  /** A pull by the desktop, which also records the attempt durably. */
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
  const { email = '' } = company.stage.company.users[0] ?? {};
  const owner = await signIn(server.url, email, company.stage.password);
  const store = await company.venue.openStore();
  const clock = formatInstant(await store.latestClock(company.stage.company.accountId));
  await store.close();
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
