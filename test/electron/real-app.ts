// Runs the program with Electron itself, through Playwright.
//
// An unpackaged program is started by Playwright's launcher for Electron, which attaches to Node's inspector in the main
// process: dialogs can be answered there, and preferences read. The packaged program has the fuse for that inspector off, so
// the launcher would wait for it in vain; it is started as a person would, with Chromium's port for debugging its pages.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

import { _electron, chromium, type ElectronApplication, type Page } from 'playwright-core';

import { waitForState, windowApi } from '../e2e/page.ts';
import type { Driver, Running } from './driver.ts';
import { readFuses } from './fuses.ts';
import { listProcesses } from './processes.ts';

export interface RealOptions {
  readonly executable: string;
  /** The folder of the unpackaged program; null if the executable is the packaged one. */
  readonly program: string | null;
  /** Named Invoify. */
  readonly dataFolder: string;
}

interface Launched {
  readonly page: Page;
  /** Electron's own process, or a shell around it. */
  readonly child: ChildProcess;
  readonly main: ElectronApplication | null;
  /** Asks the program's window to close. */
  close(): Promise<void>;
}

const noMainProcess = 'needs the main process, whose inspector is off in the packaged program: run it unpackaged as well';
const START_TIMEOUT_MS = 60_000;
/** How long a page is watched after it has tried something that nothing must come of. */
const WATCH_MS = 300;
/** Chromium has no sandbox for root on Linux. */
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

export function createRealDriver({ executable, program, dataFolder }: RealOptions): Driver {
  const { ELECTRON_RUN_AS_NODE: _node, NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _runner, ...inherited } = process.env;
  const env = { ...inherited, INVOIFY_DATA: dataFolder, XDG_CONFIG_HOME: dirname(dataFolder) } as Record<string, string>;
  const args = [...isRoot ? ['--no-sandbox'] : [], ...program === null ? [] : [program]];
  const sandbox = 'the page\'s process is in the system\'s sandbox';
  return {
    title: `${program === null ? 'Packaged' : 'Unpackaged'}: ${executable}`,
    unreached: {
      ...isRoot && { [sandbox]: 'Chromium has none for root on Linux' },
      ...program === null ? {
        'its window can be seen': noMainProcess,
        'saves a list as CSV': noMainProcess,
        'saves its page as PDF': noMainProcess,
        'the PDF has pages, and tags for screen readers': noMainProcess,
        'backs its data up': noMainProcess,
        'the window has the strict preferences': noMainProcess,
      } : { 'the executable\'s fuses let no other code run in it': 'only the packaged program has its fuses set: run it with --app' },
    },
    fuses: () => readFuses(executable),
    async start() {
      const launched = program === null ? await launchPackaged(executable, args, env) : await launchUnpackaged(executable, args, env);
      return drive(launched, () => spawn(executable, args, { env, stdio: 'ignore' }));
    },
  };
}

async function launchUnpackaged(executablePath: string, args: string[], env: Record<string, string>): Promise<Launched> {
  const main = await _electron.launch({ executablePath, args, env, chromiumSandbox: !isRoot, timeout: START_TIMEOUT_MS });
  return {
    main,
    child: main.process(),
    page: await main.firstWindow({ timeout: START_TIMEOUT_MS }),
    close: () => main.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().forEach((window) => window.close())),
  };
}

async function launchPackaged(executable: string, args: string[], env: Record<string, string>): Promise<Launched> {
  const child = spawn(executable, [...args, '--remote-debugging-port=0'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    // Playwright's defaults include downloads to a folder of its own, which Electron refuses to arrange.
    const browser = await chromium.connectOverCDP(await debuggingAddress(child), { noDefaults: true, timeout: START_TIMEOUT_MS });
    const [context] = browser.contexts();
    assert(context, 'the program has pages');
    return {
      main: null,
      child,
      page: context.pages()[0] ?? await context.waitForEvent('page', { timeout: START_TIMEOUT_MS }),
      // Windows closes the program's windows, and Linux asks it to quit.
      async close() {
        if (process.platform === 'win32') await once(spawn('taskkill', ['/PID', String(child.pid)], { stdio: 'ignore' }), 'exit');
        else child.kill('SIGTERM');
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** Resolves with the address that Chromium prints; rejects if the program ends first. */
async function debuggingAddress(child: ChildProcess): Promise<string> {
  assert(child.stderr);
  let end = '';
  for await (const line of createInterface({ input: child.stderr })) {
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address !== undefined) {
      child.stderr.resume();
      return address;
    }
    end = `${end} ${line}`.slice(-500);
  }
  throw new Error(`the program ended with ${child.exitCode ?? child.signalCode} before it listened.${end}`);
}

async function drive({ page, child, main, close }: Launched, startAnother: () => ChildProcess): Promise<Running> {
  const problems: string[] = [];
  page.on('console', (message) => {
    // Unpackaged, Electron warns of any Blink feature; ours draws date inputs in their language (desktop/electron/window.ts).
    const isExpected = message.text().includes('Electron Security Warning (enableBlinkFeatures)');
    if (['error', 'warning'].includes(message.type()) && !isExpected) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('crash', () => problems.push('the page crashed'));
  await page.waitForFunction(() => 'electron' in window && document.readyState === 'complete', null, { timeout: START_TIMEOUT_MS });
  const { pid } = child;
  assert(pid !== undefined);
  const ended = child.exitCode === null ? once(child, 'exit').then(([code]) => code as number | null) : Promise.resolve(child.exitCode);
  const requireMain = (): ElectronApplication => {
    assert(main, noMainProcess);
    return main;
  };
  return {
    api: windowApi(page),
    engine: await page.evaluate(() => /Electron\/\S+/.exec(navigator.userAgent)?.[0] ?? navigator.userAgent),
    windows: async () => page.context().pages().length,
    url: () => page.url(),
    isVisible: () => requireMain().evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().every((window) => window.isVisible())),
    async dateFields(lang) {
      const session = await page.context().newCDPSession(page);
      await page.evaluate((of) => document.body.insertAdjacentHTML('beforeend', `<input type="date" lang="${of}">`), lang);
      const { root } = await session.send('DOM.getDocument', { depth: -1, pierce: true });
      await page.evaluate(() => document.querySelector('body > input')?.remove());
      await session.detach();
      // The last one of the document; only Chromium's own view shows what is in it.
      return [...JSON.stringify(root).matchAll(/-webkit-datetime-edit-(year|month|day)-field/g)].map(([, name = '']) => name).slice(-3);
    },
    waitForState: (...states) => waitForState(page, ...states),
    async signIn(server, email, password) {
      await page.getByLabel('Server address').fill(server);
      await page.getByLabel('E-mail').fill(email);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await waitForState(page, 'first_sync', 'syncing', 'up_to_date');
    },
    chooseFile: (path) => requireMain().evaluate(({ dialog }, filePath) => {
      dialog.showSaveDialog = async () => ({ canceled: false, filePath });
    }, path),
    async startAgain() {
      const another = startAnother();
      try {
        const [code] = await once(another, 'exit', { signal: AbortSignal.timeout(START_TIMEOUT_MS / 2) }) as [number | null];
        return code;
      } finally {
        another.kill('SIGKILL');
      }
    },
    processes: () => listProcesses(pid),
    killDataProcess: async () => void await killOne(pid, 'data'),
    async killPage() {
      const killed = await killOne(pid, 'renderer');
      while (!(await listProcesses(pid)).some((one) => one.kind === 'renderer' && one.pid !== killed)) await setTimeout(50);
    },
    namesOfNode: () => page.evaluate(() =>
      ['require', 'process', 'module', 'global', 'Buffer', '__dirname', 'setImmediate'].filter((name) => name in globalThis)),
    preferences: () => requireMain().evaluate(({ webContents }) => {
      const [contents] = webContents.getAllWebContents() as unknown as readonly { getLastWebPreferences(): object }[];
      return { ...contents?.getLastWebPreferences() } as Record<string, unknown>;
    }),
    permissions: () => page.evaluate(permissionsOfPage),
    async intrude(url) {
      const before = page.context().pages().length;
      const achieved = await page.evaluate(intrudeInPage, [url, WATCH_MS] as const);
      if (page.context().pages().length > before) achieved.push('opens');
      // What was kept out of a frame left Chromium's error page there.
      if (page.frames().slice(1).some((frame) => frame.url() === url)) achieved.push('embeds');
      await page.evaluate(() => document.querySelector('iframe')?.remove());
      return achieved;
    },
    problems: () => problems,
    async close() {
      await close();
      return ended;
    },
    async kill() {
      for (const one of await listProcesses(pid)) {
        try {
          process.kill(one.pid, 'SIGKILL');
        } catch {
          // It ended with another.
        }
      }
      await ended;
    },
  };
}

/** Kills the process of this kind in the program with the process `pid`, and returns its own id. */
async function killOne(pid: number, kind: string): Promise<number> {
  const found = (await listProcesses(pid)).find((one) => one.kind === kind);
  assert(found, `there is a ${kind} process`);
  process.kill(found.pid, 'SIGKILL');
  return found.pid;
}

/** Runs in the page. */
async function permissionsOfPage(): Promise<string[]> {
  const granted: string[] = [];
  for (const name of ['notifications', 'geolocation', 'camera', 'microphone', 'clipboard-read', 'midi'] as const) {
    const { state } = await navigator.permissions.query({ name: name as PermissionName });
    if (state !== 'denied') granted.push(`${name} is ${state}`);
  }
  if (await Notification.requestPermission() !== 'denied') granted.push('notifications');
  if (await new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(() => resolve(true), ({ code }) => resolve(code !== 1));
  })) granted.push('geolocation');
  for (const [what, ask] of [
    ['microphone', () => navigator.mediaDevices.getUserMedia({ audio: true })],
    ['screen', () => navigator.mediaDevices.getDisplayMedia()],
    ['clipboard', () => navigator.clipboard.readText()],
  ] as const) {
    if (await ask().then(() => true, () => false)) granted.push(what);
  }
  return granted;
}

/** Runs in the page, which is still there afterwards only if it could not leave. */
async function intrudeInPage([url, watchMs]: readonly [string, number]): Promise<string[]> {
  const achieved: string[] = [];
  if (window.open(url)) achieved.push('opens');
  await fetch(url).then(() => achieved.push('fetches'), () => undefined);
  const image = new Image();
  image.addEventListener('load', () => achieved.push('shows'));
  image.src = url;
  const frame = document.createElement('iframe');
  frame.src = url;
  document.body.append(frame);
  location.href = url;
  await new Promise((resolve) => { globalThis.setTimeout(resolve, watchMs); });
  return achieved;
}
