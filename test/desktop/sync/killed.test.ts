// A desktop that is killed at any moment of a sync and restarted still has its data, and the next sync makes it exact.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';

import { digestDifferences } from '../../../shared/digest.ts';
import { stores } from '../../server/harness.ts';
import { NaiveCache } from '../../server/naive-cache.ts';
import { copyDatabase, Desk, editDatabase } from '../../sync/desk.ts';
import type { Job } from '../../sync/desktop-process.ts';
import { assertSameRows } from '../../sync/exact.ts';
import { PAGE, phaseNames, preparePhase, type Phase } from '../../sync/phases.ts';
import { Random } from '../../sync/random.ts';
import { openSite, type Site } from '../../sync/site.ts';

const program = join(import.meta.dirname, '..', '..', 'sync', 'desktop-process.ts');
const CONCURRENCY = 2;
/** Windows has no signals: a process that kills itself there just ends. */
const killedBy = process.platform === 'win32' ? null : 'SIGKILL';

for (const name of phaseNames) {
  describe(`a ${name}`, () => {
    let site: Site;
    let phase: Phase;
    before(async () => {
      const [embedded] = stores;
      assert(embedded);
      site = await openSite(embedded);
      phase = await preparePhase(name, site);
    });
    after(async () => {
      phase.remove();
      await site.stop();
    });

    test('can be killed at any of its steps', async () => {
      const complete = await withDesk(site, phase, (_desk, job) => runProcess(job));
      assert.equal(complete.outcome, 'completed');
      const remaining = stepsToDieAt(complete.steps);
      assert(remaining.length > 4 * phase.pages, 'request, answer, yield and status, for every page');
      let killed = 0;
      await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
        for (let dieAtStep = remaining.shift(); dieAtStep !== undefined; dieAtStep = remaining.shift()) {
          const deadly = { dieAtStep };
          await withDesk(site, phase, async (desk, job) => {
            const { signal, outcome, steps } = await runProcess({ ...job, ...deadly });
            // The number of steps varies slightly between runs, so a run may end before its last one.
            if (outcome === null) killed += 1;
            else assert(steps.length < deadly.dieAtStep, `it survived step ${deadly.dieAtStep}`);
            assert.equal(signal, outcome === null ? killedBy : null, `at step ${deadly.dieAtStep}`);
            await assertRecovers(phase, desk);
          });
        }
      }));
      assert(killed > 4 * phase.pages, `${killed} were killed`);
    });

    test('keeps the pages that it has received when it is killed', async (t) => {
      const desk = await phase.open(t);
      await desk.close();
      const job = jobOf(site, phase, desk);
      const { steps } = await withDesk(site, phase, (_desk, complete) => runProcess(complete));
      const answers = steps.flatMap((step, index) => step === 'answer' ? [index + 1] : []);
      // By the time the last page has arrived, the one before it has been kept.
      await runProcess({ ...job, dieAtStep: answers.at(-1) ?? 0 });
      await desk.open();
      await desk.sync();
      assert(desk.network.pulls().length <= 2, `${desk.network.pulls().length} of ${phase.pages} pages were requested again`);
      await phase.assertDone(desk);
    });

    test('can be killed from outside at any moment', async () => {
      const random = new Random(phase.pages);
      for (let round = 0; round < 5; round += 1) {
        const steps = random.integer(5, 60);
        await withDesk(site, phase, async (desk, job) => {
          await runProcess({ ...job, pageLimit: 1 }, steps);
          await assertRecovers(phase, desk);
        });
      }
    });
  });
}

/** All steps except those at which nothing has changed: clock reads for a status, and most of several yields in a row. */
function stepsToDieAt(steps: readonly string[]): number[] {
  return steps.flatMap((step, index) => {
    const [before, next = ''] = [steps[index - 1], steps[index + 1]];
    const isIdle = step === 'clock' ? /^(page|status)/.test(next)
      : step === 'yieldToEventLoop' && before === step && next === step && index % 6 > 0;
    return isIdle ? [] : [index + 1];
  });
}

/** Calls `run` with a desk that is not open yet, in the state before a run of the phase. */
async function withDesk<T>(site: Site, phase: Phase, run: (desk: Desk, job: Job) => Promise<T>): Promise<T> {
  const { owner } = phase.books;
  const desk = new Desk({ url: site.server.url, pageLimit: () => PAGE });
  try {
    await desk.storeToken(owner.token);
    if (phase.file !== undefined) copyDatabase(phase.file, desk.file);
    return await run(desk, jobOf(site, phase, desk));
  } finally {
    await desk.remove();
  }
}

function jobOf(site: Site, { books: { owner } }: Phase, desk: Desk): Job {
  return { databaseFile: desk.file, serverUrl: site.server.url, token: owner.token, pageLimit: PAGE, dieAtStep: null };
}

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly outcome: string | null;
  readonly steps: readonly string[];
}

/** Runs a desktop to completion, or kills it after it has printed this many steps. */
async function runProcess(job: Job, killAfterSteps = Infinity): Promise<Ended> {
  const child = spawn(process.execPath, [program, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const steps: string[] = [];
  let outcome: string | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const output = JSON.parse(line) as { name?: string; outcome?: string };
    if (output.name !== undefined) steps.push(output.name);
    outcome = output.outcome ?? outcome;
    if (steps.length === killAfterSteps) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  return { signal, outcome, steps };
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
  assert.equal((await desk.host.getStatus()).state, 'up_to_date');
  assert.deepEqual(desk.contradictions, []);
}

/** All rows up to the cursor are there, and none after it. */
function assertUpToCursor(phase: Phase, desk: Desk, rows: ReturnType<Desk['rows']>): void {
  let cursor = '';
  editDatabase(desk.file, (db) => { cursor = String(db.prepare('SELECT cursor FROM state').get()?.['cursor'] ?? ''); });
  const expected = ['users', 'plans', 'customers', 'invoices'].flatMap((collection) =>
    phase.books.model.present(collection).filter(({ updatedAt }) => updatedAt <= cursor).map(({ id }) => `${collection} ${id}`));
  assert.deepEqual(new Set(rows.keys()), new Set(expected));
}
