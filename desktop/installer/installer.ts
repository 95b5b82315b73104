// Makes `release/Invoify Setup x.y.z.exe` of dist/, with electron-builder.
//
// What always holds: one installer for x64 and arm64, for one person, without an administrator; everything Electron offers
// to run other code with is off; a build that was told how to sign is signed, or fails. The tests build theirs with this
// configuration (test/installer/build.ts).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Platform, archFromString, build, type Configuration } from 'electron-builder';

import { neededTools, unavailable } from './needed-tools.ts';
import { signing } from './signing.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Arch = 'x64' | 'arm64';

/** Also in the Start menu's entry, by which Windows groups the program's windows on its taskbar. */
export const appId = 'app.invoify.desktop';

/** What electron-builder is told. */
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
    // dist/ holds everything: no modules are rebuilt or collected, least of all the server's.
    beforeBuild: () => Promise.resolve(false),
    files: ['package.json', 'main.js', 'worker.js', 'preload.cjs', 'window/**/*', '!**/*.map'],
    extraFiles: [{ from: 'dist/third-party-notices.txt', to: 'third-party-notices.txt' }, { from: 'LICENSE', to: 'LICENSE.txt' }],
    asar: true,
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
      // Only what installs for all needs the helper.
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
 * Builds the installer for the processors that `args` name (`--x64`, `--arm64`; both without any) and returns the exit
 * code. Where it fails, says which of the programs it needs cannot be had from here, and how to provide them.
 */
export async function makeInstaller(root: string, args: readonly string[], env: Environment): Promise<0 | 1> {
  const all: readonly Arch[] = ['x64', 'arm64'];
  const unknown = args.filter((arg) => !all.some((arch) => arg === `--${arch}`));
  if (unknown.length > 0) {
    console.error(`Unknown: ${unknown.join(' ')}. \`npm run dist\` takes --x64 and --arm64.`);
    return 1;
  }
  const asked = all.filter((arch) => args.includes(`--${arch}`));
  const archs = asked.length > 0 ? asked : all;
  const config = await installerConfig(root, env);
  const { platform, arch } = process;
  const tools = neededTools({ archs, electronVersion: String(config.electronVersion), env, platform, arch });
  try {
    await build({ projectDir: root, config, targets: Platform.WINDOWS.createTarget('nsis', ...archs.map(archFromString)) });
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    const missing = await unavailable(tools);
    if (missing.length > 0) {
      console.error('\nThe installer is made of programs that are downloaded once. From here these cannot be had:\n');
      for (const { what, from, provide } of missing) console.error(`  ${what}\n    from     ${from}\n    or else  ${provide}\n`);
    }
    return 1;
  }
}
