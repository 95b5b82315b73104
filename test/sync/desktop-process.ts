// A desktop in its own process that kills itself. It pulls once, reports each step, and at the given step dies as if by a
// power cut: nothing runs after that, not even the end of a transaction. Or it stops at each step until it may go on.

import { readSync } from 'node:fs';

import { systemHostDeps } from '../../desktop/system-deps.ts';
import { openHost, type HostDeps } from '../../desktop/host.ts';

export interface Job {
  readonly databaseFile: string;
  readonly serverUrl: string;
  readonly token: string;
  readonly pieceChanges: number;
  /** Counts the host's calls to its deps, from 1; null: never. */
  readonly dieAtStep: number | null;
  /** Waits at each step until it is sent a line. */
  readonly waitsAtSteps: boolean;
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? '') as Job);

async function run({ databaseFile, serverUrl, token, pieceChanges, dieAtStep, waitsAtSteps }: Job): Promise<void> {
  let steps = 0;
  const step = (name: string): void => {
    steps += 1;
    process.stdout.write(`${JSON.stringify({ step: steps, name })}\n`);
    if (steps === dieAtStep) process.kill(process.pid, 'SIGKILL');
    if (waitsAtSteps) readSync(0, Buffer.alloc(1));
  };
  const system = systemHostDeps();
  await system.vault.save({ token, origin: serverUrl });
  const deps: HostDeps = {
    ...system,
    pieceChanges,
    async fetch(input, init) {
      step('ask');
      const response = await fetch(input, init);
      step('answer');
      return response;
    },
    nowMs() {
      step('clock');
      return Date.now();
    },
    yieldToEventLoop() {
      step('yieldToEventLoop');
      return system.yieldToEventLoop();
    },
  };
  const host = await openHost({ databaseFile, serverUrl }, deps);
  host.onStatus(({ progress }) => step(progress === null ? 'status' : `piece of ${progress.changes}`));
  const { outcome } = await host.pullFromServer();
  await host.close();
  process.stdout.write(`${JSON.stringify({ outcome })}\n`);
}
