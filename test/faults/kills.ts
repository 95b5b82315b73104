// `kill -9` of the desktop at random moments of a first sync, a catch-up and a rebuild, several times in a row.
//
// Invariants: whatever a kill leaves is consistent and as readable as before; each phase ends exact, by the desktop's own triggers.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import { digestDifferences } from '../../shared/digest.ts';
import { embedded } from '../server/harness.ts';
import { NaiveCache } from '../server/naive-cache.ts';
import { copyDatabase, Desk, editDatabase } from '../sync/desk.ts';
import { runDesktop, type Job } from '../sync/desktop-process.ts';
import { phaseNames, preparePhase, type Phase } from '../sync/phases.ts';
import type { Random } from '../sync/random.ts';
import { openSite, type Site } from '../sync/site.ts';
import type { Scenario, Try } from './lab.ts';
import { recoverAlone } from './unattended.ts';

const PLANS = 120;

export const desktopKills: Scenario = {
  name: 'desktop-kill',
  about: '`kill -9` of the desktop in a first sync, a catch-up or a rebuild',
  tries: 220,
  async open() {
    const site = await openSite(embedded);
    const phases: Phase[] = [];
    for (const name of phaseNames) phases.push(await preparePhase(name, site, 'stream', PLANS));
    return {
      run: (attempt) => killOften(attempt, site, attempt.random.pick(phases) ?? assert.fail()),
      async close() {
        for (const phase of phases) phase.remove();
        await site.stop();
      },
    };
  },
};

async function killOften(attempt: Try, site: Site, phase: Phase): Promise<void> {
  const { random } = attempt;
  const { server: { url } } = site;
  const { owner } = phase.books;
  const pieceChanges = random.integer(1, 40);
  const desk = new Desk({ url, pieceChanges });
  attempt.after(() => desk.remove());
  await desk.storeToken(owner.token);
  if (phase.file !== undefined) copyDatabase(phase.file, desk.file);
  const job: Job = { databaseFile: desk.file, serverUrl: url, token: owner.token, pieceChanges, diesAfter: null, waitsAtSteps: false };
  for (let rounds = random.integer(2, 4); rounds > 0; rounds -= 1) {
    const before = readState(desk);
    if (await killOnce(random, job)) attempt.count(`kills in a ${phase.name}`);
    const after = readState(desk);
    assert(after.cursor >= before.cursor && after.lastSyncMs >= before.lastSyncMs, `${JSON.stringify(before)} ${JSON.stringify(after)}`);
  }

  await desk.open();
  const rows = desk.rows();
  if (!phase.isDone(rows)) await phase.assertUndisturbed(desk);
  const held = new NaiveCache();
  for (const [key, record] of rows) held.records.set(key, record);
  assert.deepEqual(digestDifferences(await desk.host.data.digest(), held.digest()), [], 'the digest is not that of the rows');
  const rebuilds = await recoverAlone(attempt, desk, phase.isDone, (readable) => {
    const isWhole = readable.size === phase.before.size || phase.isDone(readable);
    assert(phase.name === 'first sync' || isWhole, `${readable.size} rows could be read, which are neither those before nor those after`);
  });
  assert(rebuilds.length <= 1, rebuilds.join(' '));
  await phase.assertDone(desk);
}

/** Starts a desktop that pulls, and kills it at a random moment. Returns whether it was still running. */
export async function killOnce(random: Random, job: Job): Promise<boolean> {
  // Steps are reported at the borders of what it does; the delay reaches into it.
  const [last, delayMs] = [random.integer(1, random.pick([4, 30, 150] as const)), random.pick([0, 0, 1, 3, 8] as const)];
  const { signal } = await runDesktop(job, (step, child) => {
    if (step !== last) return;
    if (delayMs === 0) child.kill('SIGKILL');
    else setTimeout(() => child.kill('SIGKILL'), delayMs);
  });
  return signal === 'SIGKILL';
}

/** What a kill may never move back. */
export function readState(desk: Desk): { cursor: string; lastSyncMs: number } {
  let [cursor, lastSyncMs] = ['', 0];
  if (existsSync(desk.file)) {
    editDatabase(desk.file, (db) => {
      const isMade = db.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'state'`).get() !== undefined;
      const state = isMade ? db.prepare('SELECT cursor, last_sync_ms FROM state').get() : undefined;
      [cursor, lastSyncMs] = [String(state?.['cursor'] ?? ''), Number(state?.['last_sync_ms'] ?? 0)];
    });
  }
  return { cursor, lastSyncMs };
}
