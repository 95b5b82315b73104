// A desktop that is killed at any moment of a sync and restarted still has its data, and the next sync makes it exact.
//
// What a kill leaves is what the files hold at that moment. So one process that waits at each of its steps, while its files
// are copied, stands for as many that are killed there; others are really killed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { collections } from '../../../shared/collections.ts';
import { digestDifferences } from '../../../shared/digest.ts';
import { embedded } from '../../server/harness.ts';
import { NaiveCache } from '../../server/naive-cache.ts';
import { copyDatabase, Desk, editDatabase } from '../../sync/desk.ts';
import { runDesktop, type Job } from '../../sync/desktop-process.ts';
import { assertSameRows } from '../../sync/exact.ts';
import { PAGE, phaseNames, preparePhase, type Phase } from '../../sync/phases.ts';
import { Random } from '../../sync/random.ts';
import { amount } from '../../sync/seeds.ts';
import { openSite, type Site } from '../../sync/site.ts';

/** Windows has no signals: a process that kills itself there just ends. */
const killedBy = process.platform === 'win32' ? null : 'SIGKILL';

for (const name of phaseNames) {
  describe(`a ${name}`, () => {
    let site: Site;
    let phase: Phase;
    before(async () => {
      site = await openSite(embedded);
      phase = await preparePhase(name, site, 'stream');
    });
    after(async () => {
      phase.remove();
      await site.stop();
    });

    /** The steps of a whole run, and the different states of the files at them. */
    let steps: readonly string[] = [];
    /** How many changes had been received whenever a piece had just been applied or kept. */
    const pieces = (): number[] => [...new Set(steps)].flatMap((step) => /^piece of [1-9]/.test(step) ? [Number(step.slice(9))] : []);
    const left = new Map<string, Files>();
    before(() => withDesk(site, phase, async (desk, job) => {
      const ended = await runDesktop({ ...job, waitsAtSteps: true }, () => {
        const files = filesIn(dirname(desk.file));
        left.set(digestOf(files), files);
      });
      assert.equal(ended.outcome, 'completed');
      steps = ended.steps;
    }));

    test('can be killed at any of its steps', async () => {
      assert(steps.length > 3 * pieces().length, 'clock, yield and status, for every piece');
      assert(left.size >= pieces().length, `${left.size} different states were left`);
      for (const files of left.values()) {
        await withDesk(site, phase, async (desk) => {
          putFiles(dirname(desk.file), files);
          await assertRecovers(phase, desk);
        });
      }
    });

    test('keeps the pieces that it has received when it is killed', async (t) => {
      const desk = await phase.open(t);
      await desk.close();
      const { signal } = await runDesktop({ ...jobOf(site, phase, desk), diesAfter: (pieces().at(-1) ?? 0) - PAGE });
      assert.equal(signal, killedBy);
      await desk.open();
      const { changes } = await desk.sync();
      assert(changes <= PAGE, `${changes} changes were sent again`);
      await phase.assertDone(desk);
    });

    test('can be killed from outside at any moment', async () => {
      const random = new Random(phase.name.length);
      for (let round = 0; round < amount(2, 10); round += 1) {
        const last = random.integer(5, 60);
        await withDesk(site, phase, async (desk, job) => {
          await runDesktop({ ...job, pieceChanges: 1 }, (step, child) => {
            if (step === last) child.kill('SIGKILL');
          });
          await assertRecovers(phase, desk);
        });
      }
    });
  });
}

/** Calls `run` with a desk that is not open yet, in the state before a run of the phase. */
async function withDesk<T>(site: Site, phase: Phase, run: (desk: Desk, job: Job) => Promise<T>): Promise<T> {
  const { owner } = phase.books;
  const desk = new Desk({ url: site.server.url, pieceChanges: PAGE });
  try {
    await desk.storeToken(owner.token);
    if (phase.file !== undefined) copyDatabase(phase.file, desk.file);
    return await run(desk, jobOf(site, phase, desk));
  } finally {
    await desk.remove();
  }
}

function jobOf(site: Site, { books: { owner } }: Phase, desk: Desk): Job {
  const { server: { url: serverUrl } } = site;
  return { databaseFile: desk.file, serverUrl, token: owner.token, pieceChanges: PAGE, diesAfter: null, waitsAtSteps: false };
}

/** A cache's files by name, as a kill would leave them: without the index of the log, which the first to open it makes anew. */
type Files = ReadonlyMap<string, Buffer>;

function filesIn(folder: string): Files {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.endsWith('-shm')) : [];
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

function putFiles(folder: string, files: Files): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
}

function digestOf(files: Files): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length} `).update(bytes);
  return hash.digest('hex');
}

/** The data that was left is consistent, and the next run makes it exact. */
async function assertRecovers(phase: Phase, desk: Desk): Promise<void> {
  await desk.open();
  const rows = desk.rows();
  if (phase.name === 'first sync') assertUpToCursor(phase, desk, rows);
  else if (!phase.isDone(rows)) assertSameRows(rows, phase.before);
  const held = new NaiveCache();
  for (const [key, record] of rows) held.records.set(key, record);
  assert.deepEqual(digestDifferences(await desk.host.data.digest(), held.digest()), [], 'the digest matches the rows');
  await desk.sync();
  await phase.assertDone(desk);
  // A rebuild for another role is followed by a look at who the user is.
  await desk.idle();
  assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  assert.deepEqual(desk.contradictions, []);
}

/** All rows up to the cursor are there, and none after it. */
function assertUpToCursor(phase: Phase, desk: Desk, rows: ReturnType<Desk['rows']>): void {
  let cursor = '';
  editDatabase(desk.file, (db) => { cursor = String(db.prepare('SELECT cursor FROM state').get()?.['cursor'] ?? ''); });
  const expected = collections.flatMap(({ name }) =>
    phase.books.model.present(name).filter(({ updatedAt }) => updatedAt <= cursor).map(({ id }) => `${name} ${id}`));
  assert.deepEqual(new Set(rows.keys()), new Set(expected));
}
