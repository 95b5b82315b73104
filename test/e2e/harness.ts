// The environment of the end-to-end tests: a real server in its own process with the sample company's data, the real
// preview, and a real Chromium.
//
//   describeWindow('the invoice list', { invoices: 300 }, (env) => {
//     test('shows the newest first', async (t) => {
//       const page = await env().openWindow(t);                    // new, on the file's desktop; otherwise, for 1.3 s of CPU more:
//       const desktop = await env().openSynced(t);                 // its own data folder and preview, signed in
//       const other = await desktop.openPage(t, { lang: 'de-DE' }); // fails the test on console errors and warnings
//       await env().stopServer();                                  // … startServer(), endSessions(), gate.holdAfter()
//       const status = await waitForState(page, 'unreachable');
//       const list = await windowApi(page).data.listPage({ collection: 'invoices' });
//     });
//   });
//
// Every `describeWindow` starts one server and company: use one per file, and keep the company small. Without a Chromium the
// tests are skipped with a message, or fail if CI=true (test/chromium.ts).

import assert from 'node:assert/strict';
import { after, afterEach, before, describe } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { bundlePreview } from '../../build.mjs';
import type { SampleUser } from '../../demo/company.ts';
import type { ServerProcess } from '../../demo/server-process.ts';
import { openVenue, setStage, type Stage } from '../../demo/stage.ts';
import { createPasswords } from '../../server/passwords.ts';
import { findChromium, launchChromium } from '../chromium.ts';
import { createClient, type Client } from '../client.ts';
import { openGate, type Gate } from '../network.ts';
import { cheapest } from '../server/samples.ts';
import { startDesktop, type Desktop, type DesktopOptions, type WindowOptions } from './desktop.ts';
import type { CleanupScope } from './page.ts';
import { today } from './user-actions.ts';

export { signIn, waitForState, windowApi, type CleanupScope, type PageOptions } from './page.ts';
export type { Desktop } from './desktop.ts';

export interface EnvOptions {
  /** Default 200. */
  readonly invoices?: number;
  /** Default 20. */
  readonly customers?: number;
}

export interface Env {
  /** The server's address as users enter it. */
  readonly url: string;
  readonly stage: Stage;
  readonly owner: SampleUser;
  readonly editor: SampleUser;
  readonly viewer: SampleUser;
  /** The same for all users. */
  readonly password: string;
  readonly gate: Gate;
  readonly browser: Browser;
  /** A new desktop with its own data folder, until the test ends. */
  openDesktop(t: CleanupScope, options?: DesktopOptions): Promise<Desktop>;
  /** The same, signed in and up to date before it has a page, which costs half as much as to watch the first sync in one. */
  openSynced(t: CleanupScope, who?: SampleUser, options?: DesktopOptions): Promise<Desktop>;
  /** This user's desktop for all tests of the file, signed in and up to date whatever the last test did to its server or session. */
  sharedDesktop(who?: SampleUser): Promise<Desktop>;
  /** The window of that desktop; `Desktop.openWindow` says what it shares. */
  openWindow(t: CleanupScope, options?: WindowOptions & { readonly who?: SampleUser }): Promise<Page>;
  /** A second client that changes records through the server's API. */
  colleague(who?: SampleUser): Promise<Client>;
  /** Shuts the server down. Does nothing if it is stopped. */
  stopServer(): Promise<void>;
  /** Restarts the server at the same address. Does nothing if it is running. */
  startServer(): Promise<void>;
  /** Ends all sessions of a user by changing the password (to the same one). */
  endSessions(who?: SampleUser): Promise<void>;
  close(): Promise<void>;
}

/** What group.ts shares among the files of its process. */
export const shared: { browser?: Browser } = {};

/** The window's files, bundled once in a process. */
let bundled: ReturnType<typeof bundlePreview> | null = null;

/** A `describe` with its own environment, whose server is running and unhindered at the start of each test. */
export function describeWindow(title: string, options: EnvOptions, tests: (env: () => Env) => void): void {
  const program = findChromium();
  describe(title, { skip: program.missing ?? false }, () => {
    let env: Env | null = null;
    before(async () => {
      env = await startEnv(options, shared.browser);
    });
    afterEach(async () => {
      env?.gate.release();
      env?.gate.plan(null);
      await env?.startServer();
    });
    after(async () => env?.close());
    tests(() => {
      assert(env, 'the environment exists while tests run');
      return env;
    });
  });
}

/** Throws if there is none. The caller closes it. */
export function startChromium(): Promise<Browser> {
  const program = findChromium();
  if (program.missing !== null) throw new Error(program.missing);
  return launchChromium(program.found);
}

/** Starts a Chromium, and ends it on `close`, unless one is given. Throws if there is none. */
export async function startEnv({ invoices = 200, customers = 20 }: EnvOptions = {}, running?: Browser): Promise<Env> {
  const venue = await openVenue(undefined, 'window');
  const [stage, browser, files] = await Promise.all([
    setStage(venue, { today: today(), invoices, customers }, () => {}, createPasswords(cheapest)),
    running ?? startChromium(), bundled ??= bundlePreview({ minify: false }),
  ]);
  let server: ServerProcess | null = await stage.startServer();
  const gate = await openGate(server.url);
  const [owner, editor, viewer] = stage.company.users;
  assert(owner && editor && viewer, 'the sample company has a user of each role');
  const shared = new Map<SampleUser, Desktop>();
  const ends: (() => void | Promise<void>)[] = [];

  const env: Env = {
    url: gate.url,
    stage,
    owner,
    editor,
    viewer,
    password: stage.password,
    gate,
    browser,
    openDesktop: (t, options) => startDesktop(t, { browser, files, folder: venue.folder }, options),
    async openSynced(t, who = owner, options = {}) {
      const desktop = await env.openDesktop(t, options);
      await desktop.signIn(gate.url, who.email, stage.password);
      return desktop;
    },
    async sharedDesktop(who = owner) {
      const desktop = shared.get(who) ?? await env.openDesktop({ after: (end) => void ends.push(end) });
      const isSynced = shared.has(who) && await desktop.pull();
      shared.set(who, desktop);
      if (!isSynced) await desktop.signIn(gate.url, who.email, stage.password);
      return desktop;
    },
    async openWindow(t, { who = owner, ...options } = {}) {
      return (await env.sharedDesktop(who)).openWindow(t, options);
    },
    colleague: (who = owner) => createClient(requireServer).login(who.email, stage.password),
    async stopServer() {
      const stopping = server;
      server = null;
      if (!stopping) return;
      await gate.close();
      await stopping.stop();
    },
    async startServer() {
      if (server) return;
      server = await stage.startServer();
      await gate.open(server.url);
    },
    async endSessions(who = owner) {
      const { userId } = await env.colleague(who);
      const administrator = await env.colleague(owner);
      await administrator.change('users', await administrator.read('users', userId), { password: stage.password });
    },
    async close() {
      for (const end of ends) await end();
      if (browser !== running) await browser.close();
      await env.stopServer();
      await venue.remove(false);
    },
  };
  return env;

  function requireServer(): ServerProcess {
    assert(server, 'the server is running');
    return server;
  }
}
