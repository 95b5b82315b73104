// Electron's utility processes as real processes of Node: they share nothing, speak by structured clone, and can be killed.

import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

import type { App } from './app.ts';

const register = new URL('./utility-register.ts', import.meta.url).href;

/** What the stand-in tells its process beside the program's messages. */
export type ToStandIn = { readonly isOnline: boolean } | { readonly passMs: number } | { readonly data: unknown };

interface ForkOptions {
  readonly serviceName?: string;
  readonly stdio?: readonly ('ignore' | 'pipe')[];
}

export class StandInUtilityProcess extends EventEmitter {
  readonly child: ChildProcess;
  readonly program: string;
  readonly stderr: Readable | null;

  constructor(app: App, program: string, words: readonly string[], { serviceName = 'Node Utility Process', stdio }: ForkOptions) {
    super();
    assert(app.isReady(), 'utilityProcess.fork can be called when the app is ready');
    assert.equal(stdio?.[0], 'ignore', 'a utility process has no standard input');
    this.program = program;
    this.child = fork(program, [...words], {
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
    // What is posted to a process that has ended goes nowhere, as with a port that is closed.
    if (this.child.connected) this.child.send({ data } satisfies ToStandIn, () => undefined);
  }

  kill(): boolean {
    return this.child.kill();
  }

  /** What its `net.isOnline()` says from now on. */
  setOnline(isOnline: boolean): void {
    this.child.send({ isOnline } satisfies ToStandIn);
  }

  /** Lets time pass at once. */
  pass(passMs: number): void {
    this.child.send({ passMs } satisfies ToStandIn);
  }
}

export class UtilityProcesses {
  readonly #app: App;
  /** Oldest first, the ended ones, too. */
  readonly all: StandInUtilityProcess[] = [];

  constructor(app: App) {
    this.#app = app;
  }

  readonly fork = (program: string, words: readonly string[] = [], options: ForkOptions = {}): StandInUtilityProcess => {
    const started = new StandInUtilityProcess(this.#app, program, words, options);
    this.all.push(started);
    return started;
  };

  get last(): StandInUtilityProcess {
    const last = this.all.at(-1);
    assert(last, 'a process was started');
    return last;
  }
}
