// Who can use the desktop's own files on Linux and macOS, whatever the umask and whatever an older version left.

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { closeCache, openCache } from '../../../desktop/cache/cache.ts';
import { openLog } from '../../../desktop/files/log.ts';
import { openSettings } from '../../../desktop/files/settings.ts';
import { openDesk } from '../../../desktop/desk.ts';
import { systemDeskDeps } from '../../../desktop/system-deps.ts';

/** Opens all that a desktop keeps in its folder, and closes it again; returns the mode of each path while it was open. */
async function useFolder(dataFolder: string): Promise<ReadonlyMap<string, string>> {
  const deps = { ...systemDeskDeps(), log: openLog({ folder: join(dataFolder, 'logs') }, Date.now) };
  deps.log('started');
  const desk = await openDesk({ dataFolder, version: '0.1.0' }, deps);
  await openSettings(join(dataFolder, 'settings.json'), deps).save({ theme: 'dark' });
  await desk.close();
  const cache = openCache(join(dataFolder, 'database', 'invoify.sqlite'));
  const modes = readdirSync(dataFolder, { recursive: true, encoding: 'utf8' })
    .map((path) => [path, (statSync(join(dataFolder, path)).mode & 0o777).toString(8)] as const);
  closeCache(cache);
  return new Map([['', (statSync(dataFolder).mode & 0o777).toString(8)], ...modes]);
}

function newHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'invoify-private-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const expected = new Map([
  ['', '700'], ['database', '700'], ['database/invoify.sqlite', '600'], ['database/invoify.sqlite-shm', '600'],
  ['database/invoify.sqlite-wal', '600'], ['database/invoify.sqlite.lock', '600'], ['logs', '700'], ['logs/invoify.log', '600'],
  ['settings.json', '600'],
]);

describe("the desktop's files", { skip: process.platform === 'win32' ? 'Windows has no modes' : false }, () => {
  test('can be used by nobody else with a umask of 0', async (t) => {
    const previous = process.umask(0);
    t.after(() => void process.umask(previous));
    const modes = await useFolder(join(newHome(t), 'Invoify'));
    assert.deepEqual(new Map([...modes].sort()), new Map([...expected].sort()));
  });

  test('that an older version left open to others are tightened', async (t) => {
    const dataFolder = join(newHome(t), 'Invoify');
    await useFolder(dataFolder);
    writeFileSync(join(dataFolder, 'logs', 'invoify.1.log'), '');
    for (const path of ['', ...readdirSync(dataFolder, { recursive: true, encoding: 'utf8' })]) {
      chmodSync(join(dataFolder, path), statSync(join(dataFolder, path)).isDirectory() ? 0o755 : 0o644);
    }
    const modes = await useFolder(dataFolder);
    assert.deepEqual(new Map([...modes].sort()), new Map([...expected, ['logs/invoify.1.log', '600']].sort() as [string, string][]));
  });

  test('are private in a folder that was there before and is left open to others', async (t) => {
    const dataFolder = newHome(t);
    chmodSync(dataFolder, 0o755);
    for (const _ of ['first start', 'later start']) {
      const modes = await useFolder(dataFolder);
      assert.deepEqual(new Map([...modes].sort()), new Map([...expected, ['', '755']].sort() as [string, string][]));
    }
  });
});
