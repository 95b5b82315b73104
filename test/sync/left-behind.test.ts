// What a fault, a kill or another program leaves behind is mended by the next runs, and never does harm later.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';

import { AppError, errorCode } from '../../shared/errors.ts';
import { closeCache, openCache } from '../../desktop/cache/cache.ts';
import { alterText, faults, type Fault } from '../network.ts';
import { embedded } from '../server/harness.ts';
import { customer, plan } from '../server/samples.ts';
import { Desk, editDatabase, openDesk, type DeskOptions } from './desk.ts';
import { openSite, type Site } from './site.ts';
import { openSynced } from './synced.ts';

const PAGE = 5;
const inPages = { pageLimit: () => PAGE };

describe('what is left behind', () => {
  let site: Site;
  before(async () => {
    site = await openSite(embedded);
  });
  after(() => site.stop());

  /** A desk that is not open yet, with the cache and the log that a killed program leaves. */
  async function copyKilled(t: TestContext, file: string, token: string, options: Partial<DeskOptions> = {}): Promise<Desk> {
    const desk = new Desk({ url: site.server.url, ...options });
    t.after(() => desk.remove());
    await desk.storeToken(token);
    mkdirSync(dirname(desk.file), { recursive: true });
    for (const suffix of ['', '-wal']) copyFileSync(file + suffix, desk.file + suffix);
    return desk;
  }

  /** Copies a cache whose last commit, still in the log, damaged rows. */
  async function copyDamaged(
    t: TestContext, desk: Desk, sql: string, token: string, options: Partial<DeskOptions> = {},
  ): Promise<Desk> {
    await desk.close();
    const db = new DatabaseSync(desk.file);
    db.exec(sql);
    const copy = await copyKilled(t, desk.file, token, options);
    db.close();
    return copy;
  }

  const wrongRows = (desk: Desk): number => [...desk.rows().values()].filter(({ text }) => text.includes('WRONG')).length;

  test('anything in the lock file says nothing about the cache', async (t) => {
    const { desk } = await openSynced(t, site);
    await desk.close();
    writeFileSync(`${desk.file}.lock`, 'rubbish');
    await desk.open();
    await desk.sync();
    assert.deepEqual(readdirSync(dirname(desk.file)).filter((name) => name.includes('damaged')), []);
  });

  for (const refusal of ['tooManyRequests', 'internal'] as const) {
    test(`a write whose outcome is unknown keeps its key when a later try is answered ${refusal}`, async (t) => {
      const { desk } = await openSynced(t, site);
      const create = (): Promise<string> => desk.host.records.create('customers', { ...customer({ name: 'Twin' }) })
        .then(() => 'created', errorCode);
      const createOver = async (fault: Fault | null): Promise<string> => {
        desk.network.plan(({ method }) => (method === 'GET' ? null : fault));
        const outcome = await create();
        desk.network.plan(null);
        await desk.idle();
        await desk.sync();
        return outcome;
      };
      assert.equal(await createOver(faults.answerLost), 'outcome_unknown');
      assert.equal(await createOver(faults[refusal]), 'outcome_unknown');
      assert.equal(await createOver(null), 'created');
      await desk.idle();
      await desk.sync();
      assert.equal((await desk.host.data.listPage({ collection: 'customers', search: 'Twin' })).total, 1);
    });
  }

  test('a difference that a download has not cured is shown, although each run was cut', async (t) => {
    const { books, desk } = await openSynced(t, site, inPages);
    await books.addPlans(4 * PAGE);
    await desk.sync();
    await books.create('plans', plan({ name: 'Fresh' }));
    const wrong: Fault = ({ forward }) => alterText(forward(), (text) =>
      text.replace(/("plans":\{"count":\d+,"sum":)(\d+)/, (_all, head, sum) => `${head}${Number(sum) + 1}`));
    let downloads = 0;
    for (let run = 0; run < 6; run += 1) {
      let isCut = false;
      desk.network.plan(({ page, since }) => {
        if (page === null) return null;
        if (since === null) downloads += 1;
        // A download gets through only if it was begun by an earlier run.
        isCut ||= since === null;
        return isCut && since !== null ? faults.refused : wrong;
      });
      await desk.host.pullFromServer();
      await desk.idle();
    }
    assert.equal(downloads, 1);
    assert.equal((await desk.host.getStatus()).error?.code, 'digest_mismatch');
    assert.equal((await desk.host.data.listPage({ collection: 'plans', search: 'Fresh' })).total, 1);
  });

  test('a kept page that was damaged is received again', async (t) => {
    const { books, desk } = await openSynced(t, site, inPages);
    await books.addPlans(4 * PAGE);
    desk.network.plan(({ page }) => (page !== null && page >= 2 ? faults.refused : null));
    assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
    await desk.close();
    editDatabase(desk.file, (db) => {
      assert.equal(db.prepare(`UPDATE staged SET page = CAST('x' || substr(page, 2) AS BLOB) WHERE seq = 1`).run().changes, 1);
    });
    desk.network.plan(null);
    await desk.open();
    assert.equal((await desk.host.pullFromServer()).error?.code, 'cache_unusable');
    await desk.sync();
  });

  test('a proof that a log made due is not lost when opening fails once', async (t) => {
    const { books, desk } = await openSynced(t, site);
    let fails = true;
    const copy = await copyDamaged(t, desk, `UPDATE plans_a SET payload = replace(payload, '"name":"', '"name":"WRONG ')`,
      books.owner.token, {
        deps: {
          openCache(file) {
            const cache = openCache(file);
            if (!fails) return cache;
            fails = false;
            // As when the last connection cannot be opened: the others are closed, and with them goes the log.
            closeCache(cache);
            throw new AppError('cache_unusable', 'The data cannot be opened.', { cause: new Error('EMFILE') });
          },
        },
      });
    await copy.open();
    assert.equal(wrongRows(copy), 1);
    assert.equal((await copy.host.pullFromServer()).rebuilt, 'rows_damaged');
    assert.deepEqual([fails, wrongRows(copy)], [false, 0]);
  });

  for (const [when, damage] of [['go on if they are sound', null], ['are replaced if they are damaged', 'WRONG 1']] as const) {
    test(`the rows of a rebuild that was killed ${when}`, async (t) => {
      const { books, desk } = await openSynced(t, site, inPages);
      await books.addPlans(6 * PAGE);
      await desk.sync();
      await desk.idle();
      desk.network.plan(({ page }) => {
        if (page === 0) return faults.cursorEnded;
        return page !== null && page >= 5 ? faults.refused : null;
      });
      assert.equal((await desk.host.pullFromServer()).outcome, 'failed');
      const sql = damage === null ? 'UPDATE state SET last_sync_ms = last_sync_ms'
        : `UPDATE plans_b SET payload = replace(payload, 'Plan 1', '${damage}')`;
      const copy = await copyDamaged(t, desk, sql, books.owner.token, inPages);
      await copy.open();
      const { outcome } = await copy.host.pullFromServer();
      assert.deepEqual([outcome, wrongRows(copy)], ['completed', 0]);
      assert.equal(copy.network.pulls()[0]?.since === null, damage !== null, 'where the rebuild went on');
    });
  }

  test('a reset that was refused is not carried out later', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const second = await openDesk(t, { url: site.server.url, token: books.owner.token, beside: desk });
    await assert.rejects(second.host.resetLocalData(), { code: 'cache_busy' });
    const counts = await desk.host.data.counts();
    assert.deepEqual(await second.host.data.counts(), counts);
    await second.close();
    desk.network.plan(() => faults.refused);
    await desk.reopen();
    assert.deepEqual(await desk.host.data.counts(), counts);
  });
});
