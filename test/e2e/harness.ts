// The whole product in one process tree, for tests that look at it through the window: a real server in a process of
// its own with the sample company in it, the real preview, and a real Chromium.
//
//   describeWindow('the invoice list', { invoices: 300 }, (scene) => {
//     test('shows the newest first', async (t) => {
//       const desktop = await scene().openDesktop(t);              // a data folder and a preview of its own
//       const page = await desktop.openPage(t, { lang: 'de-DE' }); // fails the test if its console says anything
//       await signIn(page, scene());                               // through window.electron, until all is here
//       await scene().stopServer();                                // … startServer(), endSessions(), gate.holdAfter()
//       const status = await untilState(page, 'unreachable');
//       const list = await windowApi(page).data.listPage({ collection: 'invoices' });
//     });
//   });
//
// One server, company and Chromium per `describeWindow`: keep to one of them per file, and the company small. What a
// test needs and the machine lacks is said and skipped, or fails with CI=true (test/chromium.ts).

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe } from 'node:test';

import type { Browser } from 'playwright-core';

import { bundlePreview } from '../../build.mjs';
import { signIn as signInColleague, type Colleague } from '../../demo/colleague.ts';
import type { SampleUser } from '../../demo/company.ts';
import type { ServerProcess } from '../../demo/server-process.ts';
import { openVenue, setStage, type Stage } from '../../demo/stage.ts';
import { parseLoginAnswer } from '../../shared/protocol.ts';
import { findChromium, launchChromium } from '../chromium.ts';
import { startDesktop, type Desktop, type DesktopOptions } from './desktop.ts';
import { openGate, type Gate } from './gate.ts';

export { signIn, untilState, windowApi, type PageOptions } from './page.ts';
export type { Desktop } from './desktop.ts';

export interface SceneOptions {
  /** 200 where absent. */
  readonly invoices?: number;
  /** 20 where absent. */
  readonly customers?: number;
}

/** What has an `after`: a test, or a script that ends by itself. */
export interface Ending {
  after(run: () => void | Promise<void>): void;
}

export interface Scene {
  /** The server's address as people type it. */
  readonly url: string;
  readonly stage: Stage;
  readonly owner: SampleUser;
  readonly editor: SampleUser;
  readonly viewer: SampleUser;
  /** Everybody's. */
  readonly password: string;
  readonly gate: Gate;
  readonly browser: Browser;
  /** A data folder and a preview of their own, until the test ends. */
  openDesktop(t: Ending, options?: DesktopOptions): Promise<Desktop>;
  /** Another client, which changes records through the server's API. */
  colleague(who?: SampleUser): Promise<Colleague>;
  /** Ends the server as an administrator would; at once where it is stopped. */
  stopServer(): Promise<void>;
  /** Starts it again at the same address; at once where it runs. */
  startServer(): Promise<void>;
  /** Ends all sessions of this person on the server, as a changed password does. */
  endSessions(who?: SampleUser): Promise<void>;
  close(): Promise<void>;
}

/** A `describe` with a scene of its own, whose server runs and answers freely at the start of each test. */
export function describeWindow(title: string, options: SceneOptions, tests: (scene: () => Scene) => void): void {
  const program = findChromium();
  describe(title, { skip: program.missing ?? false }, () => {
    let scene: Scene | null = null;
    before(async () => {
      scene = await openScene(options);
    });
    afterEach(async () => {
      scene?.gate.release();
      scene?.gate.alter(null);
      await scene?.startServer();
    });
    after(async () => scene?.close());
    tests(() => {
      assert(scene, 'the scene is there while tests run');
      return scene;
    });
  });
}

/** Throws where there is no Chromium. */
export async function openScene({ invoices = 200, customers = 20 }: SceneOptions = {}): Promise<Scene> {
  const program = findChromium();
  if (program.missing !== null) throw new Error(program.missing);
  const venue = await openVenue(undefined, 'window');
  const today = new Date().toISOString().slice(0, 10);
  const [stage, browser, files] = await Promise.all([
    setStage(venue, { today, invoices, customers }, () => {}), launchChromium(program.found), bundlePreview({ minify: false }),
  ]);
  let server: ServerProcess | null = await stage.startServer();
  const gate = await openGate(server.url);
  const [owner, editor, viewer] = stage.company.users;
  assert(owner && editor && viewer, 'the sample company has one of each role');

  const scene: Scene = {
    url: gate.url,
    stage,
    owner,
    editor,
    viewer,
    password: stage.password,
    gate,
    browser,
    openDesktop: (t, options) => startDesktop(t, { browser, files, folder: venue.folder }, options),
    colleague: (who = owner) => signInColleague(requireServer().url, who.email, stage.password),
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
      const { url } = requireServer();
      const login = await fetch(`${url}/api/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email: who.email, password: stage.password }),
      });
      const { user } = parseLoginAnswer(await login.json());
      const administrator = await scene.colleague(owner);
      await administrator.change('users', await administrator.read('users', user.id), { password: stage.password });
    },
    async close() {
      await browser.close();
      await scene.stopServer();
      await venue.remove(false);
    },
  };
  return scene;

  function requireServer(): ServerProcess {
    assert(server, 'the server runs');
    return server;
  }
}

/** A folder of its own, removed when the test ends. */
export function temporaryFolder(t: Ending, inside = tmpdir()): string {
  mkdirSync(inside, { recursive: true });
  const folder = mkdtempSync(join(inside, 'invoify-desktop-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
