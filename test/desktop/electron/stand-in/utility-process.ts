// Electron's utility processes as real Node processes: they share nothing, exchange structured clones, and can be killed.

import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

import type { App } from './app.ts';

const register = new URL('./utility-register.ts', import.meta.url).href;

/** Messages to the process: the program's own in `data`, and controls for the stand-in. */
export type ToStandIn = { readonly isOnline: boolean } | { readonly passMs: number } | { readonly data: unknown };

interface ForkOptions {
  readonly serviceName?: string;
  readonly stdio?: readonly ('ignore' | 'pipe')[];
}

export class StandInUtilityProcess extends EventEmitter {
  readonly child: ChildProcess;
  readonly program: string;
  readonly stderr: Readable | null;

  constructor(app: App, program: string, args: readonly string[], { serviceName = 'Node Utility Process', stdio }: ForkOptions) {
    super();
    assert(app.isReady(), 'utilityProcess.fork can be called when the app is ready');
    assert.equal(stdio?.[0], 'ignore', 'a utility process has no standard input');
    this.program = program;
    this.child = fork(program, [...args], {
      execArgv: ['--import', register],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', stdio?.[2] ?? 'inherit', 'ipc'],
    });
    this.stderr = this.child.stderr;
    this.child.on('message', (message) => this.emit('message', message));
    this.child.once('close', (code, signal) => {
      const reason = signal ? 'killed' : 'abnormal-exit';
      app.emit('child-process-gone', {}, { type: 'Utility', reason, exitCode: code ?? 1, serviceName });
      this.emit('exit', code ?? 1);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  postMessage(data: unknown): void {
    // A message to a process that has exited is dropped, as with a closed port.
    if (this.child.connected) this.child.send({ data } satisfies ToStandIn, () => undefined);
  }

  kill(): boolean {
    return this.child.kill();
  }

  /** Sets what the process's `net.isOnline()` returns. */
  setOnline(isOnline: boolean): void {
    this.child.send({ isOnline } satisfies ToStandIn);
  }

  /** Advances the process's clock. */
  pass(passMs: number): void {
    this.child.send({ passMs } satisfies ToStandIn);
  }
}

export class UtilityProcesses {
  readonly #app: App;
  /** Oldest first, including exited ones. */
  readonly all: StandInUtilityProcess[] = [];

  constructor(app: App) {
    this.#app = app;
  }

  readonly fork = (program: string, args: readonly string[] = [], options: ForkOptions = {}): StandInUtilityProcess => {
    const started = new StandInUtilityProcess(this.#app, program, args, options);
    this.all.push(started);
    return started;
  };

  get last(): StandInUtilityProcess {
    const last = this.all.at(-1);
    assert(last, 'a process was started');
    return last;
  }
}
