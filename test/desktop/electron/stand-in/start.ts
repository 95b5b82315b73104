// Starts the program on a stand-in for Electron, and drives it as its page, its user and the system do.

import './hooks.ts';

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';

import type { Command, Outcome, WindowApi } from '../../../../shared/window/ipc.ts';
import type { Status } from '../../../../shared/window/views.ts';
import { bundleProgram, type Program } from './bundle.ts';
import type { Controls } from './create.ts';
import type { StandInUtilityProcess } from './utility-process.ts';
import type { StandInContents, StandInWindow } from './windows.ts';

export interface RunningApp {
  readonly controls: Controls;
  readonly dataFolder: string;
  readonly window: StandInWindow;
  readonly contents: StandInContents;
  /** The page's `window.electron`. */
  readonly electron: WindowApi;
  /** Every status that the page received, oldest first. */
  readonly statuses: readonly Status[];
  readonly commands: readonly Command[];
  readonly worker: StandInUtilityProcess;
  /** Returns the value of a call's outcome; fails the test on an error. */
  ask<A>(outcome: Promise<Outcome<A>>): Promise<A>;
  /** Resolves with the first status that matches, the current one included. */
  until(matches: (status: Status) => boolean): Promise<Status>;
  /** The log's entries. */
  log(): readonly Readonly<Record<string, unknown>>[];
  quit(): Promise<void>;
}

export interface StartOptions {
  /** The home folder of an earlier run. */
  readonly home?: string;
  /** Written into the data folder before the start. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Changes the stand-in before the program starts. */
  readonly arrange?: (controls: Controls) => void;
  /** The folder of a bundled program; by default it is bundled from the sources. */
  readonly folder?: string;
}

let program: Promise<Program> | null = null;
let count = 0;

after(async () => (await program)?.remove());

/** Loads the program's entry; Electron is not ready yet. */
export async function loadApp(t: TestContext, { home, files = {}, arrange, folder }: StartOptions = {}): Promise<Controls> {
  const { main } = folder === undefined ? await (program ??= bundleProgram()) : { main: join(folder, 'main.js') };
  count += 1;
  const mark = `?app=${process.pid}-${count}`;
  if (home !== undefined) process.env['STAND_IN_HOME'] = home;
  const { controls } = await import(`./electron.ts${mark}`) as { controls: Controls };
  delete process.env['STAND_IN_HOME'];
  const dataFolder = join(controls.home, 'Invoify');
  mkdirSync(dataFolder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dataFolder, name), content);
  arrange?.(controls);
  const others = process.listeners('unhandledRejection');
  t.after(async () => {
    process.removeAllListeners('uncaughtExceptionMonitor');
    for (const listener of process.listeners('unhandledRejection')) {
      if (!others.includes(listener)) process.off('unhandledRejection', listener);
    }
    // The program would restart a killed data process, so it quits first.
    if (controls.app.isReady() && !controls.app.hasEnded) {
      controls.app.quit();
      await controls.app.ended;
    }
    for (const { child } of controls.processes.all) {
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    }
    rmSync(controls.home, { recursive: true, force: true, maxRetries: 5 });
  });
  await import(`${pathToFileURL(main).href}${mark}`);
  return controls;
}

/** Starts the program and waits for its page to load. */
export async function startApp(t: TestContext, options: StartOptions = {}): Promise<RunningApp> {
  const controls = await loadApp(t, options);
  const { promise: isShown, resolve } = Promise.withResolvers<void>();
  controls.app.once('web-contents-created', (_event, contents: StandInContents) => contents.once('did-finish-load', () => resolve()));
  controls.app.becomeReady();
  await isShown;
  const [window] = controls.windows;
  assert(window);
  return runningApp(controls, window);
}

function runningApp(controls: Controls, window: StandInWindow): RunningApp {
  const dataFolder = join(controls.home, 'Invoify');
  const statuses: Status[] = [];
  const commands: Command[] = [];
  const api = (): WindowApi => window.webContents.page.exposed.get('electron') as WindowApi;
  api().sync.onStatus((status) => void statuses.push(status));
  api().app.onCommand((command) => void commands.push(command));
  return {
    controls, dataFolder, window, statuses, commands,
    contents: window.webContents,
    get electron() { return api(); },
    get worker() { return controls.processes.last; },
    async ask(outcome) {
      const answer = await outcome;
      if (!answer.ok) assert.fail(`${answer.error.code}: ${answer.error.message}`);
      return answer.value;
    },
    until: (matches) => until(api(), matches),
    log() {
      const folder = join(dataFolder, 'logs');
      const names = existsSync(folder) ? readdirSync(folder).sort().reverse() : [];
      return names.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async quit() {
      controls.app.quit();
      await controls.app.ended;
    },
  };
}

async function until({ sync }: WindowApi, matches: (status: Status) => boolean): Promise<Status> {
  const { promise, resolve } = Promise.withResolvers<Status>();
  const check = (status: Status): void => {
    if (matches(status)) resolve(status);
  };
  const stop = sync.onStatus(check);
  await sync.getStatus().then(check, () => undefined);
  try {
    return await promise;
  } finally {
    stop();
  }
}
