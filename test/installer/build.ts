// Builds an installer for the tests: the real bundles and configuration around a stand-in for Electron. Its file name says
// that it is for tests only.

import { mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { Arch, Platform, build } from 'electron-builder';

import { bundleProgram } from '../../build.mjs';
import { installerConfig } from '../../desktop/installer/installer.ts';
import { makeStandInElectron } from './stand-in-electron.ts';
import { prepareTools, root, toolFolder } from './tools.ts';

export interface BuiltInstaller {
  readonly setup: string;
  /** The packed folder. */
  readonly unpacked: string;
  /** The 7-Zip program, to read archives with. */
  readonly sevenZip: string;
}

/** Bundles, packs and compiles; rejects if any step fails. Sets environment variables of this process for electron-builder. */
export async function buildInstaller(version: string): Promise<BuiltInstaller> {
  const tools = await prepareTools();
  const output = join(toolFolder, 'installer');
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  await bundleProgram(join(root, 'dist'));
  const electron = async (arch: string): Promise<string> => makeStandInElectron(join(toolFolder, `electron-${arch}`), tools.node, arch);
  process.env['ELECTRON_BUILDER_NSIS_DIR'] = tools.nsisFolder;
  process.env['ELECTRON_BUILDER_NSIS_RESOURCES_DIR'] = tools.pluginFolder;
  process.env['ELECTRON_BUILDER_7ZIP_PATH'] = tools.sevenZip;
  process.env['PATH'] = `${join(import.meta.dirname, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  const config = await installerConfig(root, {});
  await build({
    projectDir: root,
    config: {
      ...config,
      electronDist: ({ arch }) => electron(arch),
      compression: 'store',
      extraMetadata: { version },
      directories: { ...config.directories, output },
      nsis: { ...config.nsis, artifactName: '${productName} ${version} FOR TESTS ONLY.${ext}' },
    },
    targets: Platform.WINDOWS.createTarget('nsis', Arch.x64, Arch.arm64),
  });
  return { setup: join(output, `Invoify ${version} FOR TESTS ONLY.exe`), unpacked: join(output, 'win-unpacked'), sevenZip: tools.sevenZip };
}
