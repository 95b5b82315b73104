// The programs that an installer is made with and that npm does not bring: where each is downloaded from, and how to
// provide it where that is not possible.

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface NeededTool {
  readonly what: string;
  /** Where electron-builder fetches it, or a sentence where it does not. */
  readonly from: string;
  readonly provide: string;
  /** The environment or the machine provides it already. */
  readonly isProvided: boolean;
}

export interface Machine {
  readonly archs: readonly string[];
  readonly electronVersion: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly arch: string;
}

/** What a build on this machine needs. The names and places are those of electron-builder 26. */
export function neededTools({ archs, electronVersion, env, platform, arch }: Machine): readonly NeededTool[] {
  const ownElectron = env['ELECTRON_OVERRIDE_DIST_PATH'];
  const electronSite = env['ELECTRON_MIRROR'] ?? 'https://github.com/electron/electron/releases/download/';
  const toolSite = env['ELECTRON_BUILDER_BINARIES_MIRROR']
    ?? 'https://github.com/electron-userland/electron-builder-binaries/releases/download/';
  const system = platform === 'win32' ? 'win' : platform;
  const processor = platform === 'darwin' && arch === 'x64' ? 'x86_64' : arch;
  const mirror = 'or ELECTRON_BUILDER_BINARIES_MIRROR to a copy of that site';
  const tools: NeededTool[] = archs.map((target) => {
    const zip = `electron-v${electronVersion}-win32-${target}.zip`;
    return {
      what: `Electron ${electronVersion} for Windows on ${target}`,
      from: `${electronSite}v${electronVersion}/${zip}`,
      provide: `set ELECTRON_OVERRIDE_DIST_PATH to a folder that holds ${zip}, or ELECTRON_MIRROR to a copy of that site`,
      isProvided: ownElectron !== undefined && (existsSync(join(ownElectron, zip))
        || (archs.length === 1 && existsSync(join(ownElectron, 'electron.exe')))),
    };
  });
  tools.push({
    what: 'NSIS, the installer\'s compiler',
    from: `${toolSite}nsis-3.0.4.1/nsis-3.0.4.1.7z`,
    provide: `set ELECTRON_BUILDER_NSIS_DIR to that archive unpacked, ${mirror}`,
    isProvided: Boolean(env['ELECTRON_BUILDER_NSIS_DIR']),
  }, {
    what: 'NSIS plugins that electron-builder uses',
    from: `${toolSite}nsis-resources-3.4.1/nsis-resources-3.4.1.7z`,
    provide: `set ELECTRON_BUILDER_NSIS_RESOURCES_DIR to that archive unpacked, ${mirror}`,
    isProvided: Boolean(env['ELECTRON_BUILDER_NSIS_RESOURCES_DIR']),
  }, {
    what: '7-Zip for this machine',
    from: `${toolSite}7zip@1.0.0/7zip-${system}-${processor}.tar.gz`,
    provide: `set ELECTRON_BUILDER_7ZIP_PATH to the program 7za, ${mirror}`,
    isProvided: Boolean(env['ELECTRON_BUILDER_7ZIP_PATH']),
  });
  if (platform === 'linux') {
    tools.push({
      what: 'wine, which runs the half-built installer once to write its uninstaller',
      from: 'this system\'s packages, such as `apt-get install wine`',
      provide: 'build on Windows, where it is not needed',
      isProvided: (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'wine'))),
    });
  }
  return tools;
}

/** Those that are neither provided nor can be downloaded now; one that was downloaded before may still be in a cache. */
export async function unavailable(tools: readonly NeededTool[]): Promise<readonly NeededTool[]> {
  const found = await Promise.all(tools.map(async ({ isProvided, from }) => isProvided || await canDownload(from)));
  return tools.filter((_, at) => !found[at]);
}

async function canDownload(from: string): Promise<boolean> {
  if (!URL.canParse(from)) return false;
  return fetch(from, { method: 'HEAD', signal: AbortSignal.timeout(20_000) }).then(({ ok }) => ok, () => false);
}
