// A desktop in its own process. It receives commands over a channel and reports what it did and how long it took.
//
//   node desktop-entry.ts <server URL> <database file> <e-mail> <password>

import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

import { openHost, type Host } from '../../desktop/host.ts';
import { systemHostDeps } from '../../desktop/system-deps.ts';
import { keepHeapSmall } from '../../shared/heap.ts';
import type { DesktopCommand, DesktopReport } from './desktop-process.ts';

keepHeapSmall();
const [serverUrl = '', databaseFile = '', email = '', password = ''] = process.argv.slice(2);
const host = await openHost({ databaseFile, serverUrl }, systemHostDeps());

process.on('message', (command: DesktopCommand) => {
  void run(host, command).then((report) => process.send?.(report));
});
process.on('disconnect', () => void host.close());

async function run(desktop: Host, command: DesktopCommand): Promise<DesktopReport> {
  if (command.startsWith('sign in')) await desktop.signIn(email, password);
  const startedMs = performance.now();
  if (command === 'settle') {
    await settled();
    return { tookMs: performance.now() - startedMs, changes: 0, bytes: 0, readsMs: [], problem: null };
  }
  const pulling = new AbortController();
  const reading = command === 'sign in and read' ? readPages(desktop, pulling.signal) : [];
  const { outcome, changes, bytes, error } = await desktop.pullFromServer();
  const tookMs = performance.now() - startedMs;
  pulling.abort();
  const problem = outcome === 'completed' ? null : error?.message ?? outcome;
  return { tookMs, changes, bytes, readsMs: await reading, problem };
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

/** Resolves once the work after a first sync is done: indexes built, rows read back and verified. */
async function settled(): Promise<void> {
  const db = new DatabaseSync(databaseFile, { readOnly: true, timeout: 5000 });
  const select = db.prepare('SELECT last_verified_ms FROM state');
  while (select.get()?.['last_verified_ms'] === null) await sleep(20);
  db.close();
}
