// The window in a real browser, which all files share. First of the groups, because it takes the longest.
//
// Not by `group`, which cannot load the bundler: each of these files is one suite already, with all its hooks.

import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';

import { findChromium } from '../chromium.ts';
import { shared, startChromium } from '../e2e/harness.ts';

const root = join(import.meta.dirname, '..');

before(async () => {
  if (findChromium().found !== null) shared.browser = await startChromium();
});
after(() => shared.browser?.close());

for (const file of globSync('e2e/*.test.ts', { cwd: root }).sort()) await import(pathToFileURL(join(root, file)).href);
