// A desktop in a process of its own that syncs by itself, in real time, until its input ends: what can be stopped, and what a
// failing disk can be put under. Its cache is judged from outside.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { openHost } from '../../desktop/host.ts';
import { createTriggers } from '../../desktop/sync/triggers.ts';
import { systemHostDeps } from '../../desktop/system-deps.ts';
import type { Status } from '../../shared/window/views.ts';

export interface LiveOptions {
  readonly databaseFile: string;
  readonly serverUrl: string;
  readonly token: string;
}

export interface LiveDesktop {
  readonly child: ChildProcess;
  /** The statuses so far. */
  readonly statuses: readonly Status[];
  /** Ends it as a person would; resolves to its exit code. */
  close(): Promise<number | null>;
}

/** Starts one; resolves with its first status. */
export async function startLiveDesktop(options: LiveOptions): Promise<LiveDesktop> {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'ignore'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const statuses: Status[] = [];
  const started = Promise.withResolvers<void>();
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      statuses.push(JSON.parse(line) as Status);
      started.resolve();
    }
  });
  void closed.then(() => started.reject(new Error('the desktop ended before its first status')));
  await started.promise;
  return {
    child, statuses,
    async close() {
      child.stdin.end();
      return (await closed)[0];
    },
  };
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '') as LiveOptions);

async function run({ databaseFile, serverUrl, token }: LiveOptions): Promise<void> {
  const deps = { ...systemHostDeps(), log: () => undefined };
  await deps.vault.save({ token, origin: serverUrl });
  const host = await openHost({ databaseFile, serverUrl }, deps);
  const report = (status: Status): void => void process.stdout.write(`${JSON.stringify(status)}\n`);
  host.onStatus(report);
  report(await host.getStatus());
  const triggers = createTriggers(host, deps, 1);
  process.stdin.resume();
  await once(process.stdin, 'end');
  triggers.close();
  await host.close();
}
