// The program as bundled by build.mjs: a small first script that loads only its own files, and the same bytes in any folder.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { bundleProgram, maxScriptBytes, targets } from '../../build.mjs';

const root = join(import.meta.dirname, '..', '..');

describe('the program\'s bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-bundle-'));
  const program = join(folder, 'program');
  let scriptBytes = 0;
  before(async () => {
    scriptBytes = await bundleProgram(program);
  });
  after(() => rmSync(folder, { recursive: true }));

  test('has a small first script, and imports only chunks in its own folder', () => {
    assert(scriptBytes <= maxScriptBytes, `${scriptBytes} bytes`);

    const files = readdirSync(join(program, 'window'));
    const scripts = files.filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(program, 'window', name), 'utf8'));
    assert(scripts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > scriptBytes, 'later screens are in chunks of their own');
    const imported = scripts.flatMap((text) => [...text.matchAll(/\b(?:from|import)\(?"([^"\s]+\.js)"/g)].map((match) => match[1] ?? ''));
    assert(imported.length > 10);
    assert.deepEqual(imported.filter((name) => !name.startsWith('./') || !files.includes(name.slice(2))), []);
  });

  test('has the same bytes when it is built in another folder, in another time zone and language', () => {
    const copy = join(folder, 'Invoify – Übersetzung');
    for (const name of ['build.mjs', 'package.json', 'tsconfig.json', 'desktop', 'ui', 'shared']) {
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    // What is bundled is copied, because a bundle names its sources; the program that bundles it is not.
    for (const name of ['lit', 'lit-html', 'lit-element', '@lit', '@lit-labs']) {
      cpSync(join(root, 'node_modules', name), join(copy, 'node_modules', name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules', 'esbuild'), join(copy, 'node_modules', 'esbuild'), 'junction');
    execFileSync(process.execPath, ['build.mjs'], {
      cwd: copy, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TZ: 'Asia/Kathmandu', LC_ALL: 'de_DE.UTF-8' },
    });
    const names = filesIn(program);
    assert(names.includes('main.js') && names.includes('main.js.map'));
    assert.deepEqual(filesIn(join(copy, 'dist')), names);
    const differing = names.filter((name) => !readFileSync(join(program, name)).equals(readFileSync(join(copy, 'dist', name))));
    assert.deepEqual(differing, []);
  });
});

test('the syntax that is kept is what this Electron carries: look up the Chromium and the Node of a new one', () => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: { electron: string } };
  assert.equal(targets.electron, Number.parseInt(devDependencies.electron));
});

/** The paths of all files, relative to `folder` and sorted. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}
