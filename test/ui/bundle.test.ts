// The window as bundled by build.mjs: a small first script that loads only its own files.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { bundleProgram, maxScriptBytes } from '../../build.mjs';

describe('the window\'s bundle', () => {
  test('has a small first script, and imports only chunks in its own folder', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-bundle-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const scriptBytes = await bundleProgram(folder);
    assert(scriptBytes <= maxScriptBytes, `${scriptBytes} bytes`);

    const files = readdirSync(join(folder, 'window'));
    const scripts = files.filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(folder, 'window', name), 'utf8'));
    assert(scripts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > scriptBytes, 'later screens are in chunks of their own');
    const imported = scripts.flatMap((text) => [...text.matchAll(/\b(?:from|import)\(?"([^"\s]+\.js)"/g)].map((match) => match[1] ?? ''));
    assert(imported.length > 10);
    assert.deepEqual(imported.filter((name) => !name.startsWith('./') || !files.includes(name.slice(2))), []);
  });
});
