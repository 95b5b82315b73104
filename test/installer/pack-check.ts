// Builds a complete installer around stand-ins and checks the result: `npm run pack:check`.
//
// Real: the bundles, the packed files, the executable's resources and fuses, the installer script with our additions, the
// uninstaller. Stand-ins: Electron itself and the NSIS plugins.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';

import asar from '@electron/asar';

import { appId } from '../../desktop/installer/installer.ts';
import { startApp } from '../desktop/electron/stand-in/start.ts';
import { readFuses, shippedFuses } from '../electron/fuses.ts';
import { buildInstaller } from './build.ts';
import { executionLevel, readExecutable, textResource, versionStrings, type Executable } from './executable.ts';
import { readNsisFile, type NsisFile } from './nsis-file.ts';
import { missingPrograms, root } from './tools.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
/** Besides the window's scripts, whose names contain hashes of their contents. */
const packed = ['main.js', 'package.json', 'preload.cjs', 'window', 'window/index.html', 'window/tokens.css', 'worker.js'];
const installed = [
  'Invoify.exe', 'LICENSE.electron.txt', 'LICENSE.txt', 'LICENSES.chromium.html', 'locales/de.pak', 'locales/en-US.pak',
  'locales/fr.pak', 'resources/app.asar', 'resources/architecture.txt', 'third-party-notices.txt',
];

const missing = missingPrograms();
if (missing && process.env['CI']) throw new Error(missing);

describe('the installer', { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-package-'));
  let setup: NsisFile;
  let setupProgram: Executable;
  let program: Executable;
  let programBytes: Buffer;
  let unpacked: string;
  let archive: string;
  let uninstaller: Buffer;

  before(async () => {
    const built = await buildInstaller(version);
    unpacked = built.unpacked;
    archive = join(unpacked, 'resources', 'app.asar');
    programBytes = readFileSync(join(unpacked, 'Invoify.exe'));
    program = readExecutable(programBytes);
    const bytes = readFileSync(built.setup);
    setup = readNsisFile(bytes);
    setupProgram = readExecutable(setup.program);
    uninstaller = setup.blocks.find((block, at) => at > 0 && isInstaller(block)) ?? Buffer.alloc(0);
    asar.extractAll(archive, folder);
    const names = asar.listPackage(archive, { isPack: false });
    const sizes = names.map((name) => statSync(join(folder, name))).filter((stats) => stats.isFile()).map(({ size }) => size);
    console.log(`packed: ${sizes.length} files, ${sizes.reduce((sum, size) => sum + size, 0)} bytes; `
      + `app.asar ${statSync(archive).size} bytes; installer for x64 and arm64, uncompressed, ${bytes.length} bytes`);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('has version information in every executable', () => {
    for (const executable of [setupProgram, program, readExecutable(uninstaller)]) {
      const { ProductName, ProductVersion, FileDescription, LegalCopyright } = versionStrings(executable);
      assert.equal(ProductName, 'Invoify');
      assert(ProductVersion?.startsWith(version), `version ${ProductVersion}`);
      assert.match(FileDescription ?? '', /./);
      assert.equal(LegalCopyright, 'Copyright © 2026 The Invoify authors');
    }
    assert.equal(versionStrings(program)['FileDescription'], 'Invoify');
  });

  test('carries the product\'s icon', () => {
    const icon = readFileSync(join(root, 'desktop', 'installer', 'icon.ico'));
    const picture = icon.subarray(icon.readUInt32LE(6 + 12), icon.readUInt32LE(6 + 12) + icon.readUInt32LE(6 + 8));
    for (const bytes of [setup.program, programBytes, uninstaller]) assert(bytes.includes(picture));
  });

  test('needs no administrator rights, nor does its uninstaller', () => {
    assert.equal(executionLevel(setupProgram), 'asInvoker');
    assert.equal(executionLevel(readExecutable(uninstaller)), 'asInvoker');
    assert.equal(executionLevel(program), 'asInvoker');
    assert(!filesIn(unpacked).some((name) => name.includes('elevate')));
  });

  test('contains the program for both architectures', () => {
    const archives = setup.blocks.filter((block) => block.subarray(0, 6).equals(Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])));
    const markers = ['x64', 'arm64'].map((arch) => Buffer.from(`${arch}\n`));
    assert.deepEqual(archives.map((block) => markers.map((marker) => block.includes(marker)).join()).sort(), ['false,true', 'true,false']);
    assert.deepEqual(filesIn(unpacked), installed);
  });

  test('has an uninstaller that offers to delete local data, in both languages', () => {
    const [script] = readNsisFile(uninstaller).blocks;
    for (const text of [
      'Data on this computer: database, settings, logs', 'Daten auf diesem Computer: Datenbank, Einstellungen, Protokolle',
    ]) {
      assert(script?.includes(Buffer.from(text, 'utf16le')), text);
    }
  });

  test('gives the Start menu shortcut the program\'s AppUserModelID', () => {
    const [script] = setup.blocks;
    assert(script?.includes(Buffer.from(appId, 'utf16le')));
  });

  test('includes the licence of everything in it', () => {
    const notices = readFileSync(join(unpacked, 'third-party-notices.txt'), 'utf8');
    for (const name of ['lit', 'lit-html', 'lit-element', '@lit/reactive-element']) {
      assert.match(notices, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(BSD-3-Clause\\)$`, 'm'));
    }
    assert.equal(notices.match(/Redistribution and use in source and binary forms/g)?.length, 4);
    assert.doesNotMatch(notices, /mongodb|electron-builder/);
    assert.equal(readFileSync(join(unpacked, 'LICENSE.txt'), 'utf8'), readFileSync(join(root, 'LICENSE'), 'utf8'));
  });

  test('packs only the program', () => {
    const names = asar.listPackage(archive, { isPack: false }).map((name) => name.slice(1));
    const scripts = scriptsOf('window.js', join(folder, 'window')).map((name) => `window/${name}`);
    assert(scripts.length > 1, 'the window loads some scripts later');
    assert.deepEqual(names.sort(), [...packed, ...scripts].sort());
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const { description, ...rest } = manifest as Readonly<Record<string, unknown>>;
    assert.equal(typeof description, 'string');
    assert.deepEqual(rest, {
      name: 'invoify', productName: 'Invoify', version, author: 'The Invoify authors', license: 'MIT', type: 'module', main: 'main.js',
    });
  });

  test('packs no path of the build machine and no source maps', () => {
    for (const name of filesIn(folder)) {
      const text = readFileSync(join(folder, name), 'utf8');
      assert(!text.includes(root), `${name} names ${root}`);
      assert.doesNotMatch(text, /sourceMappingURL/, name);
    }
  });

  test('has the fuses set so that no other code can run in it', async () => {
    assert.deepEqual(await readFuses(join(unpacked, 'Invoify.exe')), { ...shippedFuses, wasmTrapHandlers: true });
  });

  test('has the hash of app.asar in the executable', () => {
    const integrity: unknown = JSON.parse(textResource(program, 'INTEGRITY') ?? 'null');
    const value = createHash('sha256').update(asar.getRawHeader(archive).headerString).digest('hex');
    assert.deepEqual(integrity, [{ file: 'resources\\app.asar', alg: 'SHA256', value }]);
  });

  test('packs a program that starts, shows its page and opens the cache', async (t) => {
    const app = await startApp(t, { folder });
    assert.equal(app.contents.getURL(), 'app://invoify/index.html');
    const status = await app.electron.sync.getStatus();
    assert.equal(status.lastSync, null);
    assert.equal(app.controls.app.userModelId, appId);
    assert.deepEqual(readdirSync(join(app.dataFolder, 'database')).filter((name) => name === 'invoify.sqlite'), ['invoify.sqlite']);
    await app.quit();
  });

  test('packs a preload that requires only electron', () => {
    const required = [...readFileSync(join(folder, 'preload.cjs'), 'utf8').matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name);
    assert.deepEqual(required, ['electron']);
  });
});

function isInstaller(block: Buffer): boolean {
  return block.subarray(0, 2).toString('latin1') === 'MZ' && block.includes('NullsoftInst');
}

/** A bundled script and every script that it imports, statically or dynamically. Throws if one is missing. */
function scriptsOf(entry: string, folder: string): string[] {
  const scripts = new Set([entry]);
  for (const name of scripts) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, script = ''] of text.matchAll(/\b(?:from|import\(?)\s*"\.\/([\w-]+\.js)"/g)) scripts.add(script);
  }
  return [...scripts];
}

/** Every file in a folder and its subfolders, sorted, with forward slashes. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
