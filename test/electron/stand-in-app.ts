// Runs the program on the stand-in for Electron, as far as that reaches: it has the real processes and the real network, but
// no Chromium, so no page, no picture and no sandbox.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { dirname } from 'node:path';
import type { TestContext } from 'node:test';

import type { Status } from '../../shared/window/views.ts';
import { loadApp, startApp, type RunningApp } from '../desktop/electron/stand-in/start.ts';
import type { Driver, Running } from './driver.ts';

/** `dataFolder` is named Invoify; its parent is removed when the test ends. */
export function createStandInDriver(t: TestContext, dataFolder: string): Driver {
  const home = dirname(dataFolder);
  let last: RunningApp | null = null;
  return {
    title: 'Stand-in for Electron',
    unreached: {
      'the PDF has pages, and tags for screen readers': 'Chromium writes it',
      'order of a date input\'s fields': 'there is no page',
      'memory of each process': 'the processes are Node\'s',
      'the page reports no error': 'there is no page',
      'the page\'s process is in the system\'s sandbox': 'there is no Chromium',
      'the executable\'s fuses let no other code run in it': 'there is no executable; test/installer checks the packed one',
    },
    fuses: () => Promise.reject(new Error('there is no executable')),
    async start() {
      const before = last;
      const app = await startApp(t, {
        home, arrange: ({ system }) => before && system.safeStorage.useKeysOf(before.controls.system.safeStorage),
      });
      last = app;
      return drive(t, home, app);
    },
  };
}

function drive(t: TestContext, home: string, app: RunningApp): Running {
  const { controls, contents, electron, window } = app;
  return {
    api: electron,
    engine: 'stand-in',
    windows: async () => controls.windows.length,
    url: () => contents.getURL(),
    isVisible: async () => window.isVisible(),
    dateFields: () => Promise.reject(new Error('there is no page')),
    waitForState: (...states) => app.until(({ state }: Status) => states.includes(state)),
    async signIn(server, email, password) {
      await app.ask(electron.auth.signIn({ server, email, password }));
    },
    async chooseFile(path) {
      controls.system.person.save = async () => path;
    },
    async startAgain() {
      const second = await loadApp(t, { home });
      second.app.becomeReady();
      await second.app.ended;
      assert.equal(second.processes.all.length, 0, 'it starts no data process');
      assert.equal(window.focusCount, 1);
      return second.app.exitCode;
    },
    processes: async () => controls.processes.all.filter(({ child }) => child.exitCode === null && child.signalCode === null)
      .map(({ child }) => ({ pid: child.pid ?? 0, kind: 'data', memoryBytes: 0, commandLine: '' })),
    async killDataProcess() {
      app.worker.child.kill('SIGKILL');
    },
    async killPage() {
      const isLoaded = once(contents, 'did-finish-load');
      contents.crash('killed');
      await isLoaded;
    },
    namesOfNode: async () => [...contents.page.exposed.keys()].filter((name) => name !== 'electron'),
    preferences: async () => window.options.webPreferences,
    permissions: async () => ['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'hid', 'usb'].filter((name) => {
      const { asked, checked, device } = contents.session.grants(contents, name);
      return asked || checked || device;
    }),
    async intrude(url) {
      const isLoaded = await contents.session.load(url).then(({ ok }) => ok, () => false);
      return [
        contents.open(url) && 'opens', contents.navigateFrame(url) && 'embeds', contents.navigate(url) && 'leaves to', isLoaded && 'loads',
      ].filter((what) => what !== false);
    },
    problems: () => [],
    async close() {
      window.close();
      await controls.app.ended;
      const { child } = app.worker;
      return child.exitCode ?? (await once(child, 'exit'))[0] as number | null;
    },
    async kill() {
      await app.quit();
    },
  };
}
