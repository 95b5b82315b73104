// A desktop in a process of its own, told over a channel what to do; what it did, and how long it took, goes back.
//
//   node desktop-entry.ts <server URL> <database file> <e-mail> <password>

import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';

import { openHost, type Host } from '../../desktop/host.ts';
import { systemHostDeps } from '../../desktop/system-deps.ts';
import type { DesktopCommand, DesktopReport } from './desktop-process.ts';

const [serverUrl = '', databaseFile = '', email = '', password = ''] = process.argv.slice(2);
const host = await openHost({ databaseFile, serverUrl }, systemHostDeps());

process.on('message', (command: DesktopCommand) => {
  void run(host, command).then((report) => process.send?.(report));
});
process.on('disconnect', () => void host.close());

async function run(desktop: Host, command: DesktopCommand): Promise<DesktopReport> {
  if (command === 'sign in') await desktop.signIn(email, password);
  const startedMs = performance.now();
  if (command === 'settle') {
    await settled();
    return { tookMs: performance.now() - startedMs, changes: 0, bytes: 0, problem: null };
  }
  const { outcome, changes, bytes, error } = await desktop.pullFromServer();
  const problem = outcome === 'completed' ? null : error?.message ?? outcome;
  return { tookMs: performance.now() - startedMs, changes, bytes, problem };
}

/** Resolves when the work that follows a first sync is done: indexes built, rows read back and proved. */
async function settled(): Promise<void> {
  const db = new DatabaseSync(databaseFile, { readOnly: true, timeout: 5000 });
  const select = db.prepare('SELECT last_verified_ms FROM state');
  while (select.get()?.['last_verified_ms'] === null) await sleep(20);
  db.close();
}
