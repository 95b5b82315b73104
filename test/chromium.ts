// Finds and starts a real Chromium for the tests that drive the window.
//
// Search order: CHROMIUM (a program), then chromium-headless-shell (the same engine without a browser around it, which takes
// a fifth less time), chromium, chromium-browser and google-chrome on the PATH. Without one the tests are skipped with a
// message; with CI=true that is an error instead.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium, type Browser } from 'playwright-core';

import type { Found } from './mongod.ts';

const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'];
const NOTHING_FOUND = 'No Chromium to test with: set CHROMIUM to one, or run .ci/chromium.sh, which installs it.';

const options = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--lang=en-US',
  // The pages of a context share a process, whatever the port of each one's preview.
  '--process-per-site',
  // As under Electron (desktop/electron/window.ts).
  '--enable-blink-features=LangAttributeAwareFormControlUI',
];

/** The program, or the reason why it is missing. With CI=true a missing one throws. */
export function findChromium(): Found<string> {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') {
    return isProgram(named) ? { found: named, missing: null } : missing(`CHROMIUM names ${named}, which cannot be run.`);
  }
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const program = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
  return program === undefined ? missing(NOTHING_FOUND) : { found: program, missing: null };
}

/** Starts it headless. The caller closes it; it also ends with this process. */
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
  if (process.env['CI'] === 'true') throw new Error(`${sentence} With CI=true the tests that need it must not be skipped.`);
  return { found: null, missing: sentence };
}
