// A file to write to leads to none of our own, whichever way it is named.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { requireOutsideDataFolder } from '../../../desktop/files/chosen-file.ts';
import { failsWith } from '../cache/fixtures.ts';

test('a chosen file is refused where it leads into our folder, by any name, and taken everywhere else', (t) => {
  const { home, ours, live } = makeHome(t);
  const refused = [
    live, `${live}-wal`, `${live}-shm`, `${live}.damaged-x`, ours,
    join(ours, 'settings.json'), join(ours, 'new', 'file'), join(ours, '..file'),
    join(home, 'other', '..', 'Invoify', 'database', 'invoify.sqlite'), join(home, 'INVOIFY', 'Database', 'Invoify.SQLite'),
    'relative.csv', '', `${home}/nul\0.csv`,
  ];
  for (const path of refused) failsWith('invalid_request', () => requireOutsideDataFolder(path, ours));
  const taken = ['list.csv', 'Invoify.csv', 'Invoify 2/database/invoify.sqlite', '..data', '..data/x.csv'];
  for (const name of taken) requireOutsideDataFolder(join(home, name), ours);
  requireOutsideDataFolder(join(home, 'list.csv'), join(home, 'not', 'there', 'yet'));
});

test('a chosen file is refused where it leads into our folder through links', (t) => {
  const { home, ours, live } = makeHome(t);
  try {
    // On Windows a junction is the link to a folder that anyone may make; one to a file takes a right that few have.
    symlinkSync(join(ours, 'database'), join(home, 'link-to-folder'), 'junction');
    symlinkSync(join(home, 'link-to-folder'), join(home, 'link-to-link'), 'junction');
    if (process.platform !== 'win32') symlinkSync(live, join(home, 'link-to-file.sqlite'));
  } catch {
    return t.skip('no links can be made here');
  }
  if (realpathSync.native(join(home, 'link-to-folder')).includes('link-to-folder')) {
    return t.skip('the system does not say where a link leads, as wine does not');
  }
  const refused = [join(home, 'link-to-folder', 'invoify.sqlite-wal'), join(home, 'link-to-link', 'new.csv')];
  if (process.platform !== 'win32') refused.push(join(home, 'link-to-file.sqlite'));
  for (const path of refused) failsWith('invalid_request', () => requireOutsideDataFolder(path, ours));
});

function makeHome(t: TestContext): { readonly home: string; readonly ours: string; readonly live: string } {
  const home = mkdtempSync(join(tmpdir(), 'invoify-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const ours = join(home, 'Invoify');
  mkdirSync(join(ours, 'database'), { recursive: true });
  const live = join(ours, 'database', 'invoify.sqlite');
  writeFileSync(live, '');
  return { home, ours, live };
}
