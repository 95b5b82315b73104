// A desktop in its own process. It receives commands over a channel and reports what it did and how long it took. It asks
// only what desktop/host.ts offers, and the cache whether its indexes are built.
//
//   node desktop-entry.ts <server URL> <database file> <e-mail> <password>

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { isBuilt, readState } from '../../desktop/cache/cache.ts';
import { openHost, type Host } from '../../desktop/host.ts';
import type { StoredToken, TokenVault } from '../../desktop/session/token-vault.ts';
import { systemHostDeps } from '../../desktop/system-deps.ts';
import { collections, type Collection } from '../../shared/collections.ts';
import { keepHeapSmall } from '../../shared/heap.ts';
import type { Filter, ListQuery } from '../../shared/window/views.ts';
import type { DesktopCommand, DesktopReport } from './desktop-process.ts';

keepHeapSmall();
const [serverUrl = '', databaseFile = '', email = '', password = ''] = process.argv.slice(2);
const deps = systemHostDeps();
const host = await openHost({ databaseFile, serverUrl }, {
  ...deps, vault: fileVault(`${databaseFile}.token`), log: (event, facts) => facts?.['error'] && deps.log(event, facts),
});

process.on('message', (command: DesktopCommand) => {
  void report(host, command).then((done) => process.send?.(done), (error: unknown) => {
    process.send?.({ ...nothing, problem: error instanceof Error ? error.message : String(error) });
  });
});
process.on('disconnect', () => void host.close());

const nothing: DesktopReport = {
  tookMs: 0, changes: 0, readsMs: [], searchesMs: [], summariesMs: [], longestBlockMs: 0, problem: null,
};

/** Between looks at the event loop. */
const RESOLUTION_MS = 1;

async function report(desktop: Host, command: DesktopCommand): Promise<DesktopReport> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  // Signing in waits for the server's slow hash, which is no part of a sync.
  if (command.startsWith('sign in')) await desktop.signIn(email, password);
  delay.enable();
  const startedMs = performance.now();
  const done = await run(desktop, command);
  const tookMs = performance.now() - startedMs;
  delay.disable();
  return { ...nothing, ...done, tookMs, longestBlockMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS) };
}

async function run(desktop: Host, command: DesktopCommand): Promise<Partial<DesktopReport>> {
  if (command === 'start') return {};
  if (command === 'settle') {
    await settled(desktop);
    return {};
  }
  if (command === 'first page') {
    const { rows } = await desktop.data.listPage({ collection: 'invoices' });
    return { changes: rows.length };
  }
  if (command === 'read lists') return readLists(desktop);
  const pulling = new AbortController();
  const reading = command === 'sign in and read' ? readPages(desktop, pulling.signal) : [];
  const { outcome, changes, error } = await desktop.pullFromServer();
  pulling.abort();
  return { changes, readsMs: await reading, problem: outcome === 'completed' ? null : error?.message ?? outcome };
}

const READ_EVERY_MS = 20;

/** Reads invoice pages as a scrolling user does, until stopped. A read's time counts from when it was due. */
async function readPages(desktop: Host, signal: AbortSignal): Promise<readonly number[]> {
  const tookMs: number[] = [];
  for (let dueMs = performance.now(), turn = 0; !signal.aborted; turn += 1) {
    const sort = turn % 2 === 0 ? { column: 'issueDate', descending: true } : { column: 'customerName', descending: false };
    await desktop.data.listPage({ collection: 'invoices', sort, offset: turn % 40 * 50, limit: 100 });
    const doneMs = performance.now();
    tookMs.push(doneMs - dueMs);
    dueMs = Math.max(dueMs + READ_EVERY_MS, doneMs);
    await sleep(dueMs - doneMs);
  }
  return tookMs;
}

const searches = ['2024', 'consult', 'INV', 'meyer', 'plan', 'a', 'gmbh', 'support', '0042', 'müller', 'no such word'] as const;

/** Every list by every sort, alone and with each filter, first, middle and last page; searches; the summary. */
async function readLists(desktop: Host): Promise<Partial<DesktopReport>> {
  const [readsMs, searchesMs, summariesMs]: [number[], number[], number[]] = [[], [], []];
  const timed = async <T>(times: number[], ask: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const answer = await ask();
    times.push(performance.now() - startedMs);
    return answer;
  };
  for (const collection of collections) {
    for (const query of await queriesOf(desktop, collection)) {
      const { total } = await timed(readsMs, () => desktop.data.listPage(query));
      for (const offset of [total / 2, total - 100].map((at) => Math.max(0, Math.floor(at)))) {
        await timed(readsMs, () => desktop.data.listPage({ ...query, offset }));
      }
    }
  }
  for (const search of [...searches, ...searches]) {
    for (const collection of ['customers', 'invoices']) await timed(searchesMs, () => desktop.data.listPage({ collection, search }));
  }
  for (let turn = 0; turn < 20; turn += 1) await timed(summariesMs, () => desktop.data.summary('2026-06-01'));
  return { readsMs, searchesMs, summariesMs };
}

async function queriesOf(desktop: Host, { name, columns }: Collection): Promise<readonly ListQuery[]> {
  const { rows } = await desktop.data.listPage({ collection: name, limit: 500 });
  const filters: Record<string, Filter>[] = [{}];
  for (const { name: column, difference } of columns.filter((one) => one.filtered)) {
    const values = new Set(rows.map((row) => row.columns[column] ?? null).filter((value) => value !== null));
    // As the window asks: an amount is never one of a choice.
    for (const value of difference ? [{ from: 1 }] : [...values].slice(0, 4)) filters.push({ [column]: value });
  }
  return columns.filter((column) => column.sorted).flatMap(({ name: column }) => [false, true].flatMap((descending) =>
    filters.map((filter) => ({ collection: name, sort: { column, descending }, filters: filter }))));
}

/** Resolves once the work after a first sync is done: rows proved, indexes and full-text indexes built. */
async function settled(desktop: Host): Promise<void> {
  const isDone = (): boolean => {
    const { generation, lastVerifiedMs } = readState(desktop.data.reader);
    return lastVerifiedMs !== null && isBuilt(desktop.data.reader, generation);
  };
  while (!isDone()) await sleep(10);
}

/** The session in a file, so that the next start finds it. */
function fileVault(path: string): TokenVault {
  return {
    async load() {
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as StoredToken;
      } catch {
        return null;
      }
    },
    async save(stored) {
      writeFileSync(path, JSON.stringify(stored), { mode: 0o600 });
    },
    async clear() {
      rmSync(path, { force: true });
    },
  };
}
