// A real Chromium for the tests that drive the window: found, or said to be missing.
//
// Looked for, in this order: CHROMIUM (a program), and on the PATH chromium, chromium-browser and google-chrome. Where
// there is none a test is skipped with a sentence that says so; with CI=true that is an error instead.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium, type Browser } from 'playwright-core';

import type { Found } from './mongod.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const NOTHING_FOUND = 'No Chromium to test with: set CHROMIUM to one, or run .ci/chromium.sh, which installs it.';

const options = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** The program, or why there is none. With CI=true it throws instead. */
export function findChromium(): Found<string> {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') {
    return isProgram(named) ? { found: named, missing: null } : missing(`CHROMIUM names ${named}, which cannot be run.`);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const program = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  return program === undefined ? missing(NOTHING_FOUND) : { found: program, missing: null };
}

/** Starts it without a window. Whoever starts it closes it; it ends at the latest with this process. */
export function launchChromium(program: string): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: options });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(sentence: string): Found<string> {
  if (process.env['CI'] === 'true') throw new Error(`${sentence} CI=true does not allow to skip the tests that need it.`);
  return { found: null, missing: sentence };
}
