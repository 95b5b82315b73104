// A chosen path never leads into the data folder, however it is written.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { requireOutsideDataFolder } from '../../../desktop/files/chosen-file.ts';
import { failsWith } from '../cache/fixtures.ts';

test('a path into the data folder is refused however it is written, and any other is accepted', (t) => {
  const { home, dataFolder, live } = makeHome(t);
  const refused = [
    live, `${live}-wal`, `${live}-shm`, `${live}.damaged-x`, dataFolder,
    join(dataFolder, 'settings.json'), join(dataFolder, 'new', 'file'), join(dataFolder, '..file'),
    join(home, 'other', '..', 'Invoify', 'database', 'invoify.sqlite'), join(home, 'INVOIFY', 'Database', 'Invoify.SQLite'),
    'relative.csv', '', `${home}/nul\0.csv`,
  ];
  for (const path of refused) failsWith('invalid_request', () => requireOutsideDataFolder(path, dataFolder));
  const accepted = ['list.csv', 'Invoify.csv', 'Invoify 2/database/invoify.sqlite', '..data', '..data/x.csv'];
  for (const name of accepted) requireOutsideDataFolder(join(home, name), dataFolder);
  requireOutsideDataFolder(join(home, 'list.csv'), join(home, 'not', 'there', 'yet'));
});

test('a path into the data folder through links is refused', (t) => {
  const { home, dataFolder, live } = makeHome(t);
  try {
    // On Windows anyone may create a junction to a folder, but a link to a file takes a privilege.
    symlinkSync(join(dataFolder, 'database'), join(home, 'link-to-folder'), 'junction');
    symlinkSync(join(home, 'link-to-folder'), join(home, 'link-to-link'), 'junction');
    if (process.platform !== 'win32') symlinkSync(live, join(home, 'link-to-file.sqlite'));
  } catch {
    return t.skip('links cannot be created here');
  }
  if (realpathSync.native(join(home, 'link-to-folder')).includes('link-to-folder')) {
    return t.skip('the system does not resolve links, as on wine');
  }
  const refused = [join(home, 'link-to-folder', 'invoify.sqlite-wal'), join(home, 'link-to-link', 'new.csv')];
  if (process.platform !== 'win32') refused.push(join(home, 'link-to-file.sqlite'));
  for (const path of refused) failsWith('invalid_request', () => requireOutsideDataFolder(path, dataFolder));
});

function makeHome(t: TestContext): { readonly home: string; readonly dataFolder: string; readonly live: string } {
  const home = mkdtempSync(join(tmpdir(), 'invoify-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const dataFolder = join(home, 'Invoify');
  mkdirSync(join(dataFolder, 'database'), { recursive: true });
  const live = join(dataFolder, 'database', 'invoify.sqlite');
  writeFileSync(live, '');
  return { home, dataFolder, live };
}
