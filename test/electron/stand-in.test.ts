// The check of the real program (electron-check.ts), over the stand-in for Electron: what it cannot reach is named, and the
// rest passes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { formatTable, runScenario } from './scenario.ts';
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

test('the check fails where there is nothing to run', () => {
  const check = join(import.meta.dirname, 'electron-check.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [check, '--app', 'no-such-program']);
  assert.match(stderr.toString(), /There is no .*no-such-program\.\nNothing was checked\./);
  assert.deepEqual([status, stdout.toString()], [1, '']);
});
