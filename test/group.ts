// Runs the test files of a folder in one process, which costs a quarter less: what they test is compiled once, and fast from the
// second file on. Each file remains a suite of its own, with its own hooks; and each can still be run by itself.
//
// A file has a process to itself, and stays out of the groups, if it measures its process's memory, or if it, or what it imports
// (like the bundler), awaits at its top level.
// test/rules.test.ts asserts that `npm test` runs every file once.

import { globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe } from 'node:test';

// Its hook ends what all files of this process share, so it must not belong to the first file that imports it.
import './server/harness.ts';

const require = createRequire(import.meta.url);

/** Defines a suite for each test file that matches a pattern, relative to test/. */
export function group(...patterns: readonly string[]): void {
  for (const file of globSync([...patterns], { cwd: import.meta.dirname }).sort()) {
    // Not by `import()`: only what is defined before `describe` returns belongs to its suite.
    describe(`test/${file.replaceAll('\\', '/')}`, () => require(join(import.meta.dirname, file)));
  }
}
