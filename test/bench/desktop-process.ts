// The benchmark's handle on a desktop in its own process.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export type DesktopCommand = 'sign in' | 'sign in and read' | 'pull' | 'settle';

export interface DesktopReport {
  readonly tookMs: number;
  readonly changes: number;
  readonly bytes: number;
  /** Read times of the list pages read meanwhile, from when each was due. */
  readonly readsMs: readonly number[];
  readonly problem: string | null;
}

export interface DesktopProcess {
  readonly pid: number;
  /** Runs one command and resolves to its report; throws if it failed. */
  tell(command: DesktopCommand): Promise<DesktopReport>;
  stop(): Promise<void>;
}

export function startDesktop(serverUrl: string, databaseFile: string, email: string, password: string): DesktopProcess {
  const child = fork(join(import.meta.dirname, 'desktop-entry.ts'), [serverUrl, databaseFile, email, password]);
  const ended = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    pid: child.pid ?? 0,
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
      child.disconnect();
      await ended;
      process.off('exit', kill);
    },
  };
}
