// The table of variables in docs/hosting.md, held against server/config.ts.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { readConfig } from '../../server/config.ts';

const root = join(import.meta.dirname, '..', '..');

/** The variables of the table with their defaults; null if the column has none, or a sentence. */
function readTable(): Map<string, string | null> {
  const page = readFileSync(join(root, 'docs', 'hosting.md'), 'utf8');
  const [, table = ''] = /^\| variable \| default \| meaning \|\n\| --- .*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  return new Map(table.trimEnd().split('\n').flatMap((row) => {
    const [, names = '', defaults = ''] = row.split('|').map((cell) => cell.trim());
    const values = defaults.split(', ');
    return names.split(', ').map((name, index) => [name.replaceAll('`', ''), /^`(.*)`$/.exec(values[index] ?? '')?.[1] ?? null] as const);
  }));
}

/** The names that the configuration looks up, with the embedded database and with MongoDB. */
function readNames(): string[] {
  const names = new Set<string>();
  for (const env of [{}, { MONGODB_URL: 'mongodb://127.0.0.1/', JWT_SECRET: 'x'.repeat(32) }]) {
    readConfig(new Proxy<Record<string, string | undefined>>(env, {
      get(target, name) {
        names.add(String(name));
        return target[String(name)];
      },
    }));
  }
  return [...names].sort();
}

describe('the table of variables in docs/hosting.md', () => {
  test('has every variable that the server reads, and no other', () => {
    const documented = [...readTable().keys()].sort();
    assert.ok(documented.includes('PORT'), 'the table was not found');
    const read = readNames();
    assert.deepEqual(read.filter((name) => !documented.includes(name)), [],
      'server/config.ts reads these variables: add a row for each to the table in docs/hosting.md');
    assert.deepEqual(documented.filter((name) => !read.includes(name)), [],
      'server/config.ts does not read these variables: remove their rows from the table in docs/hosting.md');
  });

  test('states the defaults of the code', () => {
    for (const [name, value] of readTable()) {
      if (value === null) continue;
      assert.deepEqual(readConfig({ [name]: value }), readConfig({}), `the default of ${name} in docs/hosting.md is not the code's`);
    }
  });

  test('is complete: only server/config.ts knows the environment', () => {
    const sources = ['server.ts', ...readdirSync(join(root, 'server'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts')).map((path) => join('server', path))];
    const readers = sources.filter((path) => /process\.env(?!\);)/.test(readFileSync(join(root, path), 'utf8')));
    assert.deepEqual(readers, [], 'these files read the environment themselves: read it in server/config.ts');
  });
});
