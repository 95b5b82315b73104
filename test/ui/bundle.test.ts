// The window as build.mjs bundles it: small before its first screen, and made of nothing but its own files.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { bundleProgram, maxScriptBytes } from '../../build.mjs';

describe('the window\'s bundle', () => {
  test('loads a small script before its first screen, and each chunk from beside it', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-bundle-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const scriptBytes = await bundleProgram(folder);
    assert(scriptBytes <= maxScriptBytes, `${scriptBytes} bytes`);

    const files = readdirSync(join(folder, 'window'));
    const scripts = files.filter((name) => name.endsWith('.js')).map((name) => readFileSync(join(folder, 'window', name), 'utf8'));
    assert(scripts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) > scriptBytes, 'what is drawn later comes later');
    const imported = scripts.flatMap((text) => [...text.matchAll(/\b(?:from|import)\(?"([^"\s]+\.js)"/g)].map((match) => match[1] ?? ''));
    assert(imported.length > 10);
    assert.deepEqual(imported.filter((name) => !name.startsWith('./') || !files.includes(name.slice(2))), []);
  });
});
