// A file to write to leads to none of our own, whichever way it is named.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { requireForeignFile } from '../../desktop/chosen-file.ts';
import { failsWith } from './cache-fixtures.ts';

test('a chosen file is refused where it leads into our folder, by any name, and taken everywhere else', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'invoify-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const ours = join(home, 'Invoify');
  mkdirSync(join(ours, 'database'), { recursive: true });
  const live = join(ours, 'database', 'invoify.sqlite');
  writeFileSync(live, '');
  symlinkSync(live, join(home, 'link-to-file.sqlite'));
  symlinkSync(join(ours, 'database'), join(home, 'link-to-folder'));
  symlinkSync(join(home, 'link-to-folder'), join(home, 'link-to-link'));
  const refused = [
    live, `${live}-wal`, `${live}-shm`, `${live}.damaged-x`, ours, join(ours, 'settings.json'), join(ours, 'new', 'file'), join(ours, '..file'),
    join(home, 'other', '..', 'Invoify', 'database', 'invoify.sqlite'), join(home, 'INVOIFY', 'Database', 'Invoify.SQLite'),
    join(home, 'link-to-file.sqlite'), join(home, 'link-to-folder', 'invoify.sqlite-wal'), join(home, 'link-to-link', 'new.csv'),
    'relative.csv', '', `${home}/nul\0.csv`,
  ];
  for (const path of refused) failsWith('invalid_request', () => requireForeignFile(path, ours));
  const taken = ['list.csv', 'Invoify.csv', 'Invoify 2/database/invoify.sqlite', '..data', '..data/x.csv'];
  for (const name of taken) requireForeignFile(join(home, name), ours);
  requireForeignFile(join(home, 'list.csv'), join(home, 'not', 'there', 'yet'));
});
