// One run through the program as a company uses it, in steps that each either pass with a figure, miss, or are not reached:
// over Electron itself before a release (electron-check.ts), and over the stand-in for Electron in every test run, so that it
// is not written blind (stand-in.test.ts).
//
// Invariants: the server is real, in its own process, behind a gate that can be shut. A step that a driver cannot reach is
// listed as such; it never counts as passed. A missed step does not keep the others from being tried.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';

import { startServerProcess, type ServerProcess } from '../../demo/server-process.ts';
import type { Outcome } from '../../shared/window/ipc.ts';
import { createClient, type Client } from '../client.ts';
import { openGate, type Gate } from '../network.ts';
import { customer } from '../server/samples.ts';
import type { Driver, Running } from './driver.ts';
import { shippedFuses } from './fuses.ts';
import { isAlive } from './processes.ts';

export interface Row {
  readonly step: string;
  readonly result: 'ok' | 'MISSED' | 'not reached';
  /** What was measured, or why it missed or was not reached. */
  readonly figure: string;
}

export interface ScenarioOptions {
  /** Created by the scenario's owner, who also removes it. */
  readonly dataFolder: string;
  readonly customers: number;
  /** Called with each row as soon as it is known. */
  readonly onRow?: (row: Row) => void;
}

interface Scene {
  readonly driver: Driver;
  readonly dataFolder: string;
  /** For the files that the person saves. */
  readonly folder: string;
  readonly customers: number;
  readonly server: ServerProcess;
  readonly gate: Gate;
  readonly colleague: Client;
  /** Throws if the program is not running. */
  readonly app: () => Running;
  startApp(): Promise<Running>;
  /** Closes the program and forgets it. */
  closeApp(): Promise<number | null>;
}

interface Step {
  readonly title: string;
  /** Resolves with the figure; throws on a miss. */
  run(scene: Scene): Promise<string>;
}

const email = 'owner@electron.test';
const password = 'correct horse battery staple';
const STEP_TIMEOUT_MS = 60_000;
/** How long after the start of closing the last process may still be ending. */
const LAST_PROCESS_MS = 10_000;
const MAX_MESSAGE_CHARS = 1000;
const pageUrl = 'app://invoify/index.html';
/** Preferences of the window, and what each must be. */
const preferences = {
  sandbox: true, contextIsolation: true, nodeIntegration: false, nodeIntegrationInWorker: false, nodeIntegrationInSubFrames: false,
  webSecurity: true, allowRunningInsecureContent: false, webviewTag: false,
} as const;
/** Log entries of what goes wrong. */
const troubles = /"event":"[^"]*(?:uncaught|unhandled|unexpected|failed|exited|crashing|unresponsive|cannot|refused|damaged| not )/;
/** Those that this run brings about: what the page is kept from loading, its closing while it loads, what is killed. */
const provoked = [
  /ERR_(?:BLOCKED_BY|ABORTED|FAILED)/, /"data process exited"/, /"reason":"killed","exitCode":-?\d+(?:,"service":"Invoify Data")?\}/,
];
/** The entries that each of these steps brings about, exactly once. */
const provokedBy = { 'a killed data process is started again': 'data process exited', 'a killed page is loaded again': 'renderer exited' };

const steps: readonly Step[] = [
  {
    title: 'starts and shows its page',
    async run({ startApp, dataFolder }) {
      const startMs = performance.now();
      const app = await startApp();
      assert.equal(app.url(), pageUrl);
      assert.equal(await app.windows(), 1);
      const info = valueOf(await app.api.app.getInfo());
      // Nothing further may happen in the folder of somebody's own Invoify.
      assert.equal(info.dataFolder, dataFolder, 'the program uses the folder of this run');
      return `${seconds(startMs)}; ${app.engine}, version ${info.version}`;
    },
  },
  {
    title: 'its window can be seen',
    async run({ app }) {
      const startMs = performance.now();
      while (!await app().isVisible()) await setTimeout(20);
      return `after ${seconds(startMs)}`;
    },
  },
  {
    title: 'signs in',
    async run({ app, gate }) {
      const startMs = performance.now();
      await app().signIn(gate.url, email, password);
      assert.equal((await app().api.sync.getStatus()).user?.email, email);
      return seconds(startMs);
    },
  },
  {
    title: 'makes the first sync',
    async run({ app, customers }) {
      const startMs = performance.now();
      await app().waitForState('up_to_date');
      assert.equal(valueOf(await app().api.data.counts())['customers'], customers);
      return `${customers} customers in ${seconds(startMs)}`;
    },
  },
  {
    title: 'reads offline, and comes back',
    async run({ app, gate, server, colleague, customers }) {
      await gate.close();
      assert.equal((await app().api.sync.pullFromServer()).outcome, 'failed');
      await app().waitForState('unreachable', 'offline');
      assert.equal(valueOf(await app().api.data.counts())['customers'], customers);
      const { id } = await colleague.create('customers', customer({ name: 'Written meanwhile' }));
      await gate.open(server.url);
      const startMs = performance.now();
      assert.equal((await app().api.sync.pullFromServer()).outcome, 'completed');
      assert.equal(valueOf(await app().api.data.getRecord({ collection: 'customers', id }))?.payload['name'], 'Written meanwhile');
      return `back in ${seconds(startMs)}`;
    },
  },
  {
    title: 'saves a list as CSV',
    async run({ app, folder, customers }) {
      const path = join(folder, 'Größe 1,5.csv');
      await app().chooseFile(path);
      const columns = [{ name: 'name', title: 'Name' }, { name: 'currency', title: 'Währung' }];
      const saved = valueOf(await app().api.app.exportCsv({ selection: { collection: 'customers' }, columns, locale: 'de-DE' }));
      assert.deepEqual(saved, { path, sizeBytes: statSync(path).size });
      const lines = readFileSync(path, 'utf8').trimEnd().split('\r\n');
      assert.match(lines[0] ?? '', /Name;Währung$/);
      assert.equal(lines.length, customers + 2);
      return bytes(saved.sizeBytes);
    },
  },
  {
    title: 'saves its page as PDF',
    async run({ app, folder }) {
      const path = join(folder, 'page.pdf');
      await app().chooseFile(path);
      const startMs = performance.now();
      assert.deepEqual(valueOf(await app().api.app.exportPdf({ name: 'page' })), { path, sizeBytes: statSync(path).size });
      assert.match(readFileSync(path, 'latin1'), /^%PDF-/);
      return `${bytes(statSync(path).size)} in ${seconds(startMs)}`;
    },
  },
  {
    title: 'the PDF has pages, and tags for screen readers',
    async run({ folder }) {
      const pdf = readFileSync(join(folder, 'page.pdf'), 'latin1');
      const pages = pdf.match(/\/Type \/Page\b/g)?.length ?? 0;
      assert(pages > 0, 'it has a page');
      assert(pdf.includes('/StructTreeRoot'), 'it has tags');
      return `${pages} pages`;
    },
  },
  {
    title: 'backs its data up',
    async run({ app, folder, customers }) {
      const path = join(folder, 'backup.sqlite');
      await app().chooseFile(path);
      const saved = valueOf(await app().api.app.backUp());
      assert.equal(saved?.path, path);
      const backup = new DatabaseSync(path, { readOnly: true });
      try {
        assert.deepEqual({ ...backup.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
      } finally {
        backup.close();
      }
      assert(readFileSync(path, 'latin1').includes('Written meanwhile'));
      return `${bytes(saved?.sizeBytes ?? 0)} for ${customers + 1} customers`;
    },
  },
  {
    title: 'a second start only shows the first one\'s window',
    async run({ app }) {
      const startMs = performance.now();
      assert.equal(await app().startAgain(), 0);
      assert.equal(await app().windows(), 1);
      assert.equal((await app().api.sync.getStatus()).user?.email, email);
      return `ended after ${seconds(startMs)}`;
    },
  },
  {
    title: 'a killed data process is started again',
    async run({ app, customers }) {
      const startMs = performance.now();
      const hasDied = app().waitForState('error');
      // The page watches once it has answered: the error does not last.
      await Promise.all([hasDied, app().api.sync.getStatus().then(() => app().killDataProcess())]);
      await app().waitForState('up_to_date');
      assert.equal(valueOf(await app().api.data.counts())['customers'], customers + 1);
      return `up to date after ${seconds(startMs)}`;
    },
  },
  {
    // By Chromium's source, Windows itself decides on some of them, so that none is a miss: docs/desktop.md.
    title: 'order of a date input\'s fields',
    async run({ app }) {
      const orders: string[] = [];
      for (const lang of ['de-DE', 'en-DE', 'en-US']) {
        const fields = await app().dateFields(lang);
        assert.deepEqual([...fields].sort(), ['day', 'month', 'year']);
        orders.push(`${lang} ${fields.join('/')}`);
      }
      return orders.join(', ');
    },
  },
  {
    title: 'memory of each process',
    async run({ app }) {
      const processes = await app().processes();
      for (const kind of ['main', 'renderer', 'data']) assert(processes.some((one) => one.kind === kind), `there is a ${kind} process`);
      return processes.map(({ kind, memoryBytes }) => `${kind} ${Math.round(memoryBytes / 1_000_000)} MB`).join(', ');
    },
  },
  {
    title: 'the page reports no error',
    run: async ({ app }) => nothing(app().problems()),
  },
  {
    title: 'the page finds nothing of Node',
    run: async ({ app }) => nothing(await app().namesOfNode()),
  },
  {
    title: 'the window has the strict preferences',
    async run({ app }) {
      const actual = await app().preferences();
      return nothing(Object.entries(preferences).filter(([name, wanted]) => (actual[name] ?? false) !== wanted).map(([name]) => name));
    },
  },
  {
    title: 'the page\'s process is in the system\'s sandbox',
    async run({ app }) {
      const renderers = (await app().processes()).filter(({ kind }) => kind === 'renderer');
      assert(renderers.length > 0);
      for (const { pid, commandLine } of renderers) {
        assert.doesNotMatch(commandLine, /--no-sandbox/);
        if (process.platform === 'linux') assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Seccomp:\s+2$/m);
      }
      return `${renderers.length} of ${renderers.length}`;
    },
  },
  {
    title: 'the executable\'s fuses let no other code run in it',
    async run({ driver }) {
      const fuses = await driver.fuses();
      for (const [name, wanted] of Object.entries(shippedFuses)) assert.equal(fuses[name], wanted, name);
      return `${Object.keys(shippedFuses).length} of ${Object.keys(fuses).length} are ours to set`;
    },
  },
  {
    title: 'the page gets no permission',
    run: async ({ app }) => nothing(await app().permissions()),
  },
  {
    title: 'the page cannot leave, open, embed or load anything',
    async run({ app, gate }) {
      const urls = [
        `${gate.url}/intruder`, 'http://127.0.0.1:9/', 'file:///etc/passwd', 'data:text/html,<h1>x</h1>', 'app://other/index.html',
      ];
      const achieved: string[] = [];
      for (const url of urls) achieved.push(...(await app().intrude(url)).map((what) => `${what} ${url}`));
      assert.equal(app().url(), pageUrl);
      assert.equal(await app().windows(), 1);
      return nothing(achieved);
    },
  },
  {
    title: 'a killed page is loaded again',
    async run({ app }) {
      const startMs = performance.now();
      await app().killPage();
      return `after ${seconds(startMs)}`;
    },
  },
  {
    title: 'closes, and leaves no process',
    async run({ app, closeApp }) {
      const before = await app().processes();
      const startMs = performance.now();
      assert.equal(await closeApp(), 0);
      const alive = (): string[] => before.filter(({ pid }) => isAlive(pid)).map(({ kind, pid }) => `${kind} ${pid}`);
      while (alive().length > 0 && performance.now() - startMs < LAST_PROCESS_MS) await setTimeout(20);
      return `${nothing(alive())} after ${seconds(startMs)}`;
    },
  },
  {
    title: 'starts again with the token kept',
    async run({ startApp, colleague }) {
      const { id } = await colleague.create('customers', customer({ name: 'Written at night' }));
      const startMs = performance.now();
      const app = await startApp();
      const { lacks } = valueOf(await app.api.app.getInfo());
      assert(!lacks.includes('token_storage'), 'the system can keep a token: on Linux this needs an unlocked keyring');
      await app.waitForState('up_to_date');
      assert.equal(valueOf(await app.api.data.getRecord({ collection: 'customers', id }))?.payload['name'], 'Written at night');
      return `up to date after ${seconds(startMs)}`;
    },
  },
  {
    title: 'signs out, and leaves no data',
    async run({ app, dataFolder }) {
      valueOf(await app().api.auth.signOut());
      assert.equal((await app().api.sync.getStatus()).user, null);
      assert(!existsSync(join(dataFolder, 'token.bin')));
      const counted = await app().api.data.counts();
      assert.equal(!counted.ok && counted.error.code, 'signed_out');
      return nothing(app().problems());
    },
  },
  {
    title: 'closes again',
    async run({ closeApp }) {
      assert.equal(await closeApp(), 0);
      return '';
    },
  },
  {
    title: 'logs nothing unexpected',
    async run({ driver, dataFolder }) {
      const folder = join(dataFolder, 'logs');
      const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'));
      for (const [step, event] of Object.entries(provokedBy)) {
        const ends = lines.filter((line) => line.includes(`"event":"${event}"`));
        assert.equal(ends.length, step in driver.unreached ? 0 : 1, `${event}, ${ends.length} times: ${ends.join('; ')}`);
      }
      const isProvoked = (line: string): boolean => provoked.some((pattern) => pattern.test(line));
      return `${nothing(lines.filter((line) => troubles.test(line) && !isProvoked(line)))}; ${lines.length} entries`;
    },
  },
  {
    title: 'leaves no secret in its folder',
    async run({ dataFolder }) {
      const files = filesIn(dataFolder);
      const secrets = [password, 'Written meanwhile'].flatMap((text) => [Buffer.from(text), Buffer.from(text, 'utf16le')]);
      const leaks = files.filter(({ path }) => secrets.some((secret) => readFileSync(join(dataFolder, path)).includes(secret)));
      nothing(leaks.map(({ path }) => path));
      return files.map(({ path, sizeBytes }) => `${path} ${sizeBytes}`).join(', ');
    },
  },
];

export const stepTitles = steps.map(({ title }) => title);

/** Runs every step and returns one row for each. Throws only if the server cannot be started. */
export async function runScenario(driver: Driver, { dataFolder, customers, onRow }: ScenarioOptions): Promise<readonly Row[]> {
  for (const title of Object.keys(driver.unreached)) assert(stepTitles.includes(title), `no step is called ${title}`);
  const folder = mkdtempSync(join(tmpdir(), 'invoify-scenario-'));
  const server = await startServerProcess({ env: { DATA_DIR: join(folder, 'server'), ADMIN_EMAIL: email, ADMIN_PASSWORD: password } });
  const gate = await openGate(server.url);
  let running: Running | null = null;
  try {
    const colleague = await createClient(() => server).login(email, password);
    for (let number = 1; number <= customers; number += 1) await colleague.create('customers', customer({ name: `Customer ${number}` }));
    mkdirSync(dataFolder, { recursive: true });
    // The steps at the form go by its English labels, whatever the system's language.
    writeFileSync(join(dataFolder, 'settings.json'), '{ "language": "en" }\n');
    const scene: Scene = {
      driver, dataFolder, folder, customers, server, gate, colleague,
      app() {
        assert(running, 'the program is running');
        return running;
      },
      startApp: async () => running = await driver.start(),
      async closeApp() {
        const exitCode = await scene.app().close();
        running = null;
        return exitCode;
      },
    };
    const rows: Row[] = [];
    for (const step of steps) {
      const row = await runStep(step, scene);
      rows.push(row);
      onRow?.(row);
    }
    return rows;
  } finally {
    await (running as Running | null)?.kill();
    await gate.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runStep({ title, run }: Step, scene: Scene): Promise<Row> {
  const reason = scene.driver.unreached[title];
  if (reason !== undefined) return { step: title, result: 'not reached', figure: reason };
  const ended = new AbortController();
  const timeout = async (): Promise<never> => {
    await setTimeout(STEP_TIMEOUT_MS, undefined, { signal: ended.signal });
    throw new Error(`not within ${STEP_TIMEOUT_MS / 1000} s`);
  };
  try {
    return { step: title, result: 'ok', figure: await Promise.race([run(scene), timeout()]) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { step: title, result: 'MISSED', figure: message.replaceAll(/\s+/g, ' ').slice(0, MAX_MESSAGE_CHARS) };
  } finally {
    ended.abort();
  }
}

/** The rows as a table in Markdown. */
export function formatTable(title: string, rows: readonly Row[]): string {
  const lines = rows.map(({ step, result, figure }) => `| ${step} | ${result} | ${figure.replaceAll('|', '\\|')} |`);
  return [`| ${title} | result | figure |`, '| --- | --- | --- |', ...lines].join('\n');
}

function valueOf<A>(outcome: Outcome<A>): A {
  if (!outcome.ok) assert.fail(`${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

/** The figure for an empty list; any entry is a miss. */
function nothing(found: readonly string[]): string {
  if (found.length > 0) throw new Error(found.join('; '));
  return 'none';
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(2)} s`;
}

function bytes(size: number): string {
  return `${size.toLocaleString('en')} bytes`;
}

function filesIn(folder: string): readonly { readonly path: string; readonly sizeBytes: number }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)).sort()
    .map((path) => ({ path: path.slice(folder.length + 1), sizeBytes: statSync(path).size }));
}
