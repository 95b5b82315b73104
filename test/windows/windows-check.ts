// Finds what Linux hides: runs the desktop's tests with Node for Windows, and installs, updates and uninstalls. Run it before
// a release with `npm run test:windows`, on Windows or, through wine, on Linux (test/windows/wine.sh).
//
// Invariants: on Windows, the installer tests are skipped if Invoify or its data is already on the computer.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { buildInstaller } from '../installer/build.ts';
import { missingPrograms, root } from '../installer/tools.ts';
import { Installation } from './installation.ts';
import { missingSession, openSession, type WindowsSession } from './session.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
/** A few random histories are enough to find differences on Windows. */
const variables = { SYNC_SEEDS: '3' };
const files = globSync(['test/desktop/**/*.test.ts', 'test/sync/*.test.ts', 'test/shared/**/*.test.ts'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/')).filter((path) => !path.endsWith('-mongodb.test.ts'))
  // These bundle the program with esbuild, and a node_modules installed on Linux has esbuild for Linux only.
  .filter((path) => process.platform === 'win32' || !/^test\/desktop\/electron\/(?!vault)/.test(path)).sort();

const missing = missingSession();
if (missing) throw new Error(missing);

let session: WindowsSession;
before(async () => {
  session = await openSession(variables);
});
after(() => session.close());

describe('Node for Windows', () => {
  test('is the version that runs everything else', async () => {
    const { output } = await session.run(session.node, ['-p', 'process.platform + process.version'], 30);
    assert.equal(output.trim(), `win32${process.version}`);
  });

  for (const file of files) {
    test(file, async (t) => {
      const args = ['--test', '--test-reporter=spec', '--test-timeout=120000', file];
      const { exitCode, output, seconds } = await session.run(session.node, args, 240);
      const count = (what: string): string => new RegExp(`^ℹ ${what} (\\d+)`, 'm').exec(output)?.[1] ?? '?';
      t.diagnostic(`${file}: ${count('pass')} pass, ${count('fail')} fail, ${count('skipped')} skipped, ${seconds.toFixed(1)} s`);
      assert.equal(exitCode, 0, output);
    });
  }
});

describe('the installer', () => {
  let installation: Installation;
  let setup: string;

  before(async () => {
    installation = new Installation(session);
    if (session.isWine) {
      const missingTools = missingPrograms();
      if (missingTools) throw new Error(missingTools);
      setup = session.toWindows((await buildInstaller(version)).setup);
    } else {
      setup = join(root, 'release', `Invoify Setup ${version}.exe`);
    }
  });

  /** Why the installer must not or cannot run here; null if it can. */
  async function reasonToSkip(): Promise<string | null> {
    if (session.isWine) return null;
    if (!existsSync(setup)) return `${setup} is missing: build it with \`npm run dist\`.`;
    return await installation.isInstalled() || await installation.hasData() ? 'Invoify or its data is on this computer.' : null;
  }

  test('installs silently for the current user, updates, uninstalls, and leaves the user\'s data', async (t) => {
    const reason = await reasonToSkip();
    if (reason) return t.skip(reason);
    const installed = await installation.install(setup, []);
    t.diagnostic(`installed in ${installed.seconds.toFixed(1)} s`);
    assert.equal(installed.exitCode, 0, installed.output);
    const entry = await installation.registryEntry();
    assert.match(entry, new RegExp(`DisplayName\\s+REG_SZ\\s+Invoify ${version}`));
    assert.match(entry, /DisplayVersion\s+REG_SZ\s+\d/);
    assert.match(entry, /QuietUninstallString\s+REG_SZ\s+".*\\Uninstall Invoify\.exe" \/currentuser \/S/);
    assert.deepEqual(await installation.files(), { program: true, archive: true, uninstaller: true, startMenu: true, keptSetup: false });
    if (session.isWine) {
      // The stand-in for Electron is Node.
      const { output } = await installation.runProgram(['-p', '6 * 7']);
      assert.equal(output.trim(), '42');
    }

    await installation.writeData();
    const updated = await installation.install(setup, ['--updated']);
    t.diagnostic(`updated in ${updated.seconds.toFixed(1)} s`);
    assert.equal(updated.exitCode, 0, updated.output);
    assert.deepEqual([(await installation.files()).program, await installation.hasData()], [true, true]);

    t.diagnostic(`uninstalled in ${(await installation.uninstall([])).toFixed(1)} s`);
    const gone = { program: false, archive: false, uninstaller: false, startMenu: false, keptSetup: false };
    assert.deepEqual(await installation.files(), gone);
    assert.equal(await installation.isInstalled(), false);
    assert.equal(await installation.hasData(), true, 'the data is kept');
    await installation.removeData();
  });

  test('creates a subfolder in a folder with other files, and deletes its data on request', async (t) => {
    const reason = await reasonToSkip();
    if (reason) return t.skip(reason);
    await installation.writeOtherFile();
    const installed = await installation.install(setup, [`/D=${installation.otherFolder}`]);
    assert.equal(installed.exitCode, 0, installed.output);
    assert.equal(await installation.folder(), `${installation.otherFolder}\\Invoify`);
    await installation.writeData();
    await installation.uninstall(['--delete-app-data']);
    assert.equal(await installation.hasOtherFile(), true, 'other files in the folder are kept');
    assert.deepEqual([await installation.isInstalled(), await installation.hasData()], [false, false]);
    await installation.removeOtherFile();
  });
});
