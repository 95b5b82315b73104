// The gate before a release: runs the program with Electron itself and prints what was found as one table.
//
//   npm run test:electron                                    the program as it is now, unpackaged
//   npm run test:electron -- --program dist                  the one in this folder, unpackaged
//   npm run test:electron -- --app "…\Invoify\Invoify.exe"   the packaged or installed one
//
// Both are needed: unpackaged reaches the dialogs and the window's preferences, packaged the fuses. On Linux it needs a
// display, such as Xvfb's, and for keeping the token an unlocked keyring.
//
// Invariants: it uses a data folder of its own, and stops before signing in if the program does not. It exits with 0 only if
// the program was started and no step missed; where there is no Electron it says where to get it, and exits with 1, since a
// gate that has not run must not count as passed.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';


const root = join(import.meta.dirname, '..', '..');
const { values } = parseArgs({ options: { app: { type: 'string' }, program: { type: 'string' } } });

const folder = mkdtempSync(join(tmpdir(), 'invoify-electron-'));
try {
  process.exitCode = await check();
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function check(): Promise<number> {
  const executable = values.app === undefined ? findElectron() : resolve(values.app);
  const problem = executable === null ? missingElectron() : missingForStart(executable);
  if (executable === null || problem !== null) {
    console.error(`${problem}\nNothing was checked.`);
    return 1;
  }
  const [{ createRealDriver }, { formatTable, runScenario }] = await Promise.all([import('./real-app.ts'), import('./scenario.ts')]);
  const dataFolder = join(folder, 'Invoify');
  const driver = createRealDriver({ executable, program: values.app === undefined ? await findProgram() : null, dataFolder });
  const rows = await runScenario(driver, {
    dataFolder,
    customers: 200,
    onRow: ({ step, result }) => console.error(`${result.padEnd(11)} ${step}`),
  });
  console.log(formatTable(driver.title, rows));
  const missed = rows.filter(({ result }) => result === 'MISSED').length;
  const unreached = rows.filter(({ result }) => result === 'not reached').length;
  console.log(`\n${rows.length - missed - unreached} steps passed, ${missed} missed, ${unreached} were not reached.`);
  return missed === 0 ? 0 : 1;
}

/** The executable of the Electron to use, or null. Never downloads one. */
function findElectron(): string | null {
  const name = process.platform === 'win32' ? 'electron.exe' : 'electron';
  const { ELECTRON_PATH: path, ELECTRON_OVERRIDE_DIST_PATH: dist } = process.env;
  return [path, dist && join(dist, name), join(root, 'node_modules', 'electron', 'dist', name)]
    .find((candidate) => candidate !== undefined && candidate !== '' && existsSync(candidate)) ?? null;
}

function missingElectron(): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { devDependencies: { electron: string } };
  return `There is no Electron on this computer: \`npx install-electron --no\` downloads ${manifest.devDependencies.electron} from its `
    + 'releases on GitHub. Or set ELECTRON_OVERRIDE_DIST_PATH to the folder of an unpacked release, ELECTRON_PATH to its executable, '
    + 'or name the packaged program with --app.';
}

/** Why the program cannot be started here; null if it can. */
function missingForStart(executable: string): string | null {
  if (!existsSync(executable)) return `There is no ${executable}.`;
  if (!['linux', 'win32'].includes(process.platform)) return 'This check runs on Windows and Linux.';
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) {
    return 'There is no display: start this with `xvfb-run npm run test:electron`.';
  }
  return null;
}

async function findProgram(): Promise<string> {
  if (values.program !== undefined) return resolve(values.program);
  const { bundleProgram } = await import('../../build.mjs');
  const program = join(folder, 'program');
  await bundleProgram(program);
  return program;
}
