// What Linux hides: the desktop's tests under Windows' own Node, and the installer there and back. `npm run test:windows`,
// on Windows or, through wine, on Linux (test/windows/wine.sh). Too heavy for every change; meant for before a release.
//
// What always holds: on a person's Windows the installer is left out where Invoify, or its data, is there already.

import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { buildInstaller } from '../installer/build.ts';
import { missingPrograms, root } from '../installer/tools.ts';
import { Installation } from './installation.ts';
import { missingSession, openSession, type WindowsSession } from './session.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
/** Of the random histories a few are enough to see what Windows changes, and MongoDB is not its matter. */
const variables = { SYNC_SEEDS: '3' };
const files = globSync(['test/desktop/**/*.test.ts', 'test/sync/*.test.ts', 'test/shared/**/*.test.ts'], { cwd: root })
  .map((path) => path.replaceAll('\\', '/')).filter((path) => !path.endsWith('-mongodb.test.ts'))
  // These bundle the program first, and what npm installed on Linux bundles under Linux only.
  .filter((path) => process.platform === 'win32' || !/^test\/desktop\/electron\/(?!vault)/.test(path)).sort();

const missing = missingSession();
if (missing) throw new Error(missing);

let session: WindowsSession;
before(async () => {
  session = await openSession(variables);
});
after(() => session.close());

describe('under Windows\' Node', () => {
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
  let at: Installation;
  let setup: string;

  before(async () => {
    at = new Installation(session);
    if (session.isWine) {
      const missingTools = missingPrograms();
      if (missingTools) throw new Error(missingTools);
      setup = session.toWindows((await buildInstaller(version)).setup);
    } else {
      setup = join(root, 'release', `Invoify Setup ${version}.exe`);
    }
  });

  /** Why this machine's person must not be disturbed, or what is missing. */
  async function reasonToSkip(): Promise<string | null> {
    if (session.isWine) return null;
    if (!existsSync(setup)) return `There is no ${setup}: \`npm run dist\` makes it.`;
    return await at.isThere() || await at.hasData() ? 'Invoify, or its data, is on this computer.' : null;
  }

  test('installs silently for one person, starts, updates and goes, and leaves that person\'s data', async (t) => {
    const reason = await reasonToSkip();
    if (reason) return t.skip(reason);
    const installed = await at.install(setup, []);
    t.diagnostic(`installed in ${installed.seconds.toFixed(1)} s`);
    assert.equal(installed.exitCode, 0, installed.output);
    const entry = await at.registryEntry();
    assert.match(entry, new RegExp(`DisplayName\\s+REG_SZ\\s+Invoify ${version}`));
    assert.match(entry, /DisplayVersion\s+REG_SZ\s+\d/);
    assert.match(entry, /QuietUninstallString\s+REG_SZ\s+".*\\Uninstall Invoify\.exe" \/currentuser \/S/);
    assert.deepEqual(await at.files(), { program: true, archive: true, uninstaller: true, startMenu: true, keptSetup: false });
    if (session.isWine) {
      // The stand-in for Electron is Node.
      const { output } = await at.runProgram(['-p', '6 * 7']);
      assert.equal(output.trim(), '42');
    }

    await at.writeData();
    const updated = await at.install(setup, ['--updated']);
    t.diagnostic(`updated in ${updated.seconds.toFixed(1)} s`);
    assert.equal(updated.exitCode, 0, updated.output);
    assert.deepEqual([(await at.files()).program, await at.hasData()], [true, true]);

    t.diagnostic(`uninstalled in ${(await at.uninstall([])).toFixed(1)} s`);
    assert.deepEqual(await at.files(), { program: false, archive: false, uninstaller: false, startMenu: false, keptSetup: false });
    assert.equal(await at.isThere(), false);
    assert.equal(await at.hasData(), true, 'the data stays');
    await at.removeData();
  });

  test('takes a folder of its own in one that holds other files, and removes its data where that is asked for', async (t) => {
    const reason = await reasonToSkip();
    if (reason) return t.skip(reason);
    await at.putOtherFile();
    const installed = await at.install(setup, [`/D=${at.otherFolder}`]);
    assert.equal(installed.exitCode, 0, installed.output);
    assert.equal(await at.folder(), `${at.otherFolder}\\Invoify`);
    await at.writeData();
    await at.uninstall(['--delete-app-data']);
    assert.equal(await at.hasOtherFile(), true, 'what else is in the folder stays');
    assert.deepEqual([await at.isThere(), await at.hasData()], [false, false]);
    await at.removeOtherFile();
  });
});
