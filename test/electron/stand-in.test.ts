// The check of the real program (electron-check.ts), over the stand-in for Electron: what it cannot reach is named, and the
// rest passes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { formatTable, runScenario, stepTitles } from './scenario.ts';
import type { Driver } from './driver.ts';
import { createStandInDriver } from './stand-in-app.ts';

test('the program passes every step of its check that a stand-in for Electron can reach', async (t) => {
  const dataFolder = join(mkdtempSync(join(tmpdir(), 'invoify-electron-check-')), 'Invoify');
  const driver = createStandInDriver(t, dataFolder);
  const rows = await runScenario(driver, { dataFolder, customers: 5 });
  const table = formatTable(driver.title, rows);
  t.diagnostic(table);
  assert(rows.every(({ result }) => result !== 'MISSED'), table);
  assert.deepEqual(rows.filter(({ result }) => result === 'not reached').map(({ step }) => step), Object.keys(driver.unreached));
});

test('the check misses a data process that crashes by itself', async (t) => {
  const dataFolder = join(mkdtempSync(join(tmpdir(), 'invoify-electron-check-')), 'Invoify');
  const standIn = createStandInDriver(t, dataFolder);
  const reached = ['starts and shows its page', 'closes, and leaves no process', 'logs nothing unexpected'];
  const driver: Driver = {
    ...standIn,
    unreached: Object.fromEntries(stepTitles.filter((title) => !reached.includes(title)).map((title) => [title, 'not tried'])),
    async start() {
      const app = await standIn.start();
      for (let crashes = 0; crashes < 2; crashes += 1) {
        await app.waitForState('never_synced');
        const [data] = await app.processes();
        assert(data);
        await Promise.all([app.waitForState('error'), process.kill(data.pid, 'SIGSEGV')]);
      }
      await app.waitForState('never_synced');
      return app;
    },
  };
  const rows = await runScenario(driver, { dataFolder, customers: 0 });
  assert.deepEqual(rows.filter(({ result }) => result !== 'not reached').map(({ result }) => result), ['ok', 'ok', 'MISSED']);
  assert.match(rows.find(({ result }) => result === 'MISSED')?.figure ?? '', /data process exited, 2 times/);
});

test('the check fails where there is nothing to run', () => {
  const check = join(import.meta.dirname, 'electron-check.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [check, '--app', 'no-such-program']);
  assert.match(stderr.toString(), /There is no .*no-such-program\.\nNothing was checked\./);
  assert.deepEqual([status, stdout.toString()], [1, '']);
});
