// A desktop in its own process that kills itself. It pulls once, reports each step, and dies as if by a power cut once it has so many
// changes: nothing runs after that, not even the end of a transaction. Or it stops at each step until it may go on.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { systemHostDeps } from '../../desktop/system-deps.ts';
import { openHost, type HostDeps } from '../../desktop/host.ts';

export interface Job {
  readonly databaseFile: string;
  readonly serverUrl: string;
  readonly token: string;
  readonly pieceChanges: number;
  /** Counts the changes that were applied or kept; null: never. How many steps that takes depends on how they arrive. */
  readonly diesAfter: number | null;
  /** Waits at each step until it is sent a line. */
  readonly waitsAtSteps: boolean;
}

export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly outcome: string | null;
  readonly steps: readonly string[];
}

/** Runs a desktop to its end; `atStep` is called with the number of each step, where the process waits if the job says so. */
export async function runDesktop(job: Job, atStep: (step: number, child: ChildProcess) => void = () => {}): Promise<Ended> {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const steps: string[] = [];
  let outcome: string | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const output = JSON.parse(line) as { name?: string; outcome?: string };
    outcome = output.outcome ?? outcome;
    if (output.name === undefined) return;
    steps.push(output.name);
    atStep(steps.length, child);
    if (job.waitsAtSteps) child.stdin.write('\n');
  });
  const [, signal] = await once(child, 'close') as [number | null, NodeJS.Signals | null];
  return { signal, outcome, steps };
}

// Not awaited: a test file whose imports await at their top level cannot share a process (test/group.ts).
if (import.meta.main) void run(JSON.parse(process.argv[2] ?? '') as Job);

async function run({ databaseFile, serverUrl, token, pieceChanges, diesAfter, waitsAtSteps }: Job): Promise<void> {
  let steps = 0;
  const step = (name: string): void => {
    steps += 1;
    process.stdout.write(`${JSON.stringify({ step: steps, name })}\n`);
    if (waitsAtSteps) readSync(0, Buffer.alloc(1));
  };
  const system = systemHostDeps();
  await system.vault.save({ token, origin: serverUrl });
  const deps: HostDeps = {
    ...system,
    pieceChanges,
    log: () => undefined,
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
  host.onStatus(({ progress }) => {
    step(progress === null ? 'status' : `piece of ${progress.changes}`);
    if (diesAfter !== null && progress !== null && progress.changes >= diesAfter) process.kill(process.pid, 'SIGKILL');
  });
  const { outcome } = await host.pullFromServer();
  await host.close();
  process.stdout.write(`${JSON.stringify({ outcome })}\n`);
}
