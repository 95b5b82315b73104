// Builds `release/Invoify Setup x.y.z.exe` from dist/ with electron-builder.
//
// Invariants: one installer for x64 and arm64, per user, without administrator rights; every Electron fuse that would let
// other code run is off; if signing is configured, the build signs everything or fails. The tests build their installer
// with this configuration (test/installer/build.ts).

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { Platform, archFromString, build, type Configuration } from 'electron-builder';

import { signing } from './signing.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Arch = 'x64' | 'arm64';

/** The AppUserModelID, also set in the Start menu shortcut: Windows groups taskbar buttons by it. */
export const appId = 'app.invoify.desktop';

/** The configuration for electron-builder. */
export async function installerConfig(root: string, env: Environment): Promise<Configuration> {
  const manifest: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { electron } = (manifest as { readonly devDependencies: { readonly electron: string } }).devDependencies;
  const { win, forceCodeSigning } = signing(env);
  return {
    appId,
    productName: 'Invoify',
    copyright: 'Copyright © 2026 The Invoify authors',
    electronVersion: electron,
    ...(env['ELECTRON_OVERRIDE_DIST_PATH'] ? { electronDist: env['ELECTRON_OVERRIDE_DIST_PATH'] } : {}),
    directories: { app: 'dist', output: 'release', buildResources: 'desktop/installer' },
    // dist/ is complete: false keeps electron-builder from rebuilding or collecting node_modules.
    beforeBuild: () => Promise.resolve(false),
    files: ['package.json', 'main.js', 'worker.js', 'preload.cjs', 'window/**/*', '!**/*.map'],
    extraFiles: [{ from: 'dist/third-party-notices.txt', to: 'third-party-notices.txt' }, { from: 'LICENSE', to: 'LICENSE.txt' }],
    asar: true,
    // The ninth, WebAssembly's trap handlers, stays on: off only makes WebAssembly slower, and electron-builder cannot set it.
    electronFuses: {
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    },
    win: { icon: 'desktop/installer/icon.ico', ...win },
    forceCodeSigning,
    nsis: {
      artifactName: '${productName} Setup ${version}.${ext}',
      oneClick: false,
      perMachine: false,
      allowElevation: false,
      // Only per-machine installation needs it.
      packElevateHelper: false,
      allowToChangeInstallationDirectory: true,
      removeDefaultUninstallWelcomePage: true,
      deleteAppDataOnUninstall: false,
      installerLanguages: ['en_US', 'de_DE'],
      warningsAsErrors: true,
      differentialPackage: false,
    },
    publish: null,
  };
}

/**
 * Builds the installer for the architectures in `args` (`--x64`, `--arm64`; both by default) and returns the exit code. If
 * the build fails, prints which of the required tools cannot be downloaded, and how to provide them.
 */
export async function makeInstaller(root: string, args: readonly string[], env: Environment): Promise<0 | 1> {
  const all: readonly Arch[] = ['x64', 'arm64'];
  const unknownArgs = args.filter((arg) => !all.some((arch) => arg === `--${arch}`));
  if (unknownArgs.length > 0) {
    console.error(`Unknown arguments: ${unknownArgs.join(' ')}. \`npm run dist\` accepts --x64 and --arm64.`);
    return 1;
  }
  const requested = all.filter((arch) => args.includes(`--${arch}`));
  const archs = requested.length > 0 ? requested : all;
  const config = await installerConfig(root, env);
  const { platform, arch } = process;
  const tools = neededTools({ archs, electronVersion: String(config.electronVersion), env, platform, arch });
  try {
    await build({ projectDir: root, config, targets: Platform.WINDOWS.createTarget('nsis', ...archs.map(archFromString)) });
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    const missing = await findUnavailable(tools);
    if (missing.length > 0) {
      console.error('\nThe build needs tools that are downloaded once. These cannot be downloaded from here:\n');
      for (const { what, from, provide } of missing) console.error(`  ${what}\n    from     ${from}\n    or       ${provide}\n`);
    }
    return 1;
  }
}

/** A tool that the build needs and npm does not install. */
interface NeededTool {
  readonly what: string;
  /** The URL that electron-builder downloads it from, or where else to get it. */
  readonly from: string;
  readonly provide: string;
  /** Whether the environment or the machine already provides it. */
  readonly isProvided: boolean;
}

interface Machine {
  readonly archs: readonly string[];
  readonly electronVersion: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly arch: string;
}

/** The tools for a build on this machine, with the names and URLs of electron-builder 26. */
function neededTools({ archs, electronVersion, env, platform, arch }: Machine): readonly NeededTool[] {
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
      what: 'wine, which runs the unfinished installer once to write its uninstaller',
      from: 'this system\'s package manager, such as `apt-get install wine`',
      provide: 'build on Windows, which does not need it',
      isProvided: (env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'wine'))),
    });
  }
  return tools;
}

/** The tools that are neither provided nor downloadable now; electron-builder may still have one in its own cache. */
async function findUnavailable(tools: readonly NeededTool[]): Promise<readonly NeededTool[]> {
  const isAvailable = await Promise.all(tools.map(async ({ isProvided, from }) => isProvided || await canDownload(from)));
  return tools.filter((_, at) => !isAvailable[at]);
}

async function canDownload(from: string): Promise<boolean> {
  if (!URL.canParse(from)) return false;
  return fetch(from, { method: 'HEAD', signal: AbortSignal.timeout(20_000) }).then(({ ok }) => ok, () => false);
}
