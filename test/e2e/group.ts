// Runs browser tests in one process, with one browser.
//
// Not by test/group.ts, which cannot load the bundler: each of these files is one suite already, with all its hooks.

import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';

import { findChromium } from '../chromium.ts';
import { shared, startChromium } from './harness.ts';

const root = join(import.meta.dirname, '..');

/** Defines the suites of the test files that match a pattern, relative to test/. */
export async function browserGroup(...patterns: readonly string[]): Promise<void> {
  before(async () => {
    if (findChromium().found !== null) shared.browser = await startChromium();
  });
  after(() => shared.browser?.close());
  for (const file of globSync([...patterns], { cwd: root }).sort()) await import(pathToFileURL(join(root, file)).href);
}
