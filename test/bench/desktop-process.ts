// The benchmark's handle on a desktop in its own process, bundled as the program is.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { build } from 'esbuild';

import { targets } from '../../build.mjs';

/** `start` does nothing; its report says that the process has started. */
export type DesktopCommand = 'start' | 'sign in' | 'sign in and read' | 'pull' | 'settle' | 'read lists' | 'first page';

export interface DesktopReport {
  readonly tookMs: number;
  readonly changes: number;
  /** Read times of list pages, from when each was due. */
  readonly readsMs: readonly number[];
  readonly searchesMs: readonly number[];
  readonly summariesMs: readonly number[];
  /** The longest time for which the desktop's thread, which also answers the window, did nothing else meanwhile. */
  readonly longestBlockMs: number;
  readonly problem: string | null;
}

export interface DesktopProcess {
  readonly pid: number;
  /** The file of the cache. */
  readonly file: string;
  /** Runs one command and resolves to its report; throws if it failed. */
  tell(command: DesktopCommand): Promise<DesktopReport>;
  stop(): Promise<void>;
}

export interface DesktopOptions {
  readonly serverUrl: string;
  /** The database file; the session is stored beside it. */
  readonly file: string;
  readonly email: string;
  readonly password: string;
}

/** Bundles the desktop into a folder; returns the script to start. */
export async function bundleDesktop(folder: string): Promise<string> {
  const outfile = join(folder, 'desktop.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'desktop-entry.ts')],
    outfile, bundle: true, minify: true, platform: 'node', format: 'esm', target: targets.node, logLevel: 'silent',
  });
  return outfile;
}

export function startDesktop(script: string, { serverUrl, file, email, password }: DesktopOptions): DesktopProcess {
  const child = fork(script, [serverUrl, file, email, password]);
  const ended = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    pid: child.pid ?? 0,
    file,
    async tell(command) {
      child.send(command);
      const [report] = await Promise.race([
        once(child, 'message') as Promise<[DesktopReport]>,
        ended.then(() => { throw new Error(`the desktop ended with ${child.exitCode ?? child.signalCode}`); }),
      ]);
      if (report.problem !== null) throw new Error(`the desktop failed: ${report.problem}`);
      return report;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
      process.off('exit', kill);
    },
  };
}
