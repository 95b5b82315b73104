// Electron's utility processes as real Node processes: they share nothing, exchange structured clones, and can be killed.
//
// As strict as lib/browser/api/utility-process.ts and electron_api_utility_process.cc in Electron's source: rejections end
// nothing; `exit` comes as soon as the process says that it exits, before it is gone, and takes the listeners of its
// standard error with it; an `error` that nobody hears throws; before `spawn` there is no pid and nothing to kill.

import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { constants } from 'node:os';
import { PassThrough } from 'node:stream';

import type { App } from './app.ts';

const register = new URL('./utility-register.ts', import.meta.url).href;

/** Messages to the process: the program's own in `data`, and controls for the stand-in. */
export type ToStandIn = { readonly isOnline: boolean } | { readonly passMs: number } | { readonly data: unknown };
/** Messages from the process: the program's own in `data`, and the word that it exits. */
export type FromStandIn = { readonly exitCode: number } | { readonly data: unknown };

export class StandInUtilityProcess extends EventEmitter
  implements Pick<Electron.UtilityProcess, 'pid' | 'stderr' | 'postMessage' | 'kill'> {
  readonly child: ChildProcess;
  readonly program: string;
  stderr: PassThrough | null = null;
  /** Null until `exit`. */
  exitCode: number | null = null;
  readonly #app: App;
  readonly #isSpawned: Promise<void>;
  #isRunning = false;
  #hasExited = false;
  #isKilled = false;

  /** The system lets the process start when `isAllowed` resolves. */
  constructor(
    app: App, program: string, args: readonly string[], { serviceName = 'Node Utility Process', stdio }: Electron.ForkOptions,
    isAllowed: Promise<void>,
  ) {
    super();
    assert(app.isReady(), 'utilityProcess.fork can be called when the app is ready');
    assert(Array.isArray(stdio) && stdio[0] === 'ignore', 'a utility process has no standard input');
    this.#app = app;
    this.program = program;
    this.child = fork(program, [...args], {
      execArgv: ['--unhandled-rejections=warn-with-error-code', '--import', register],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', stdio[2] ?? 'inherit', 'ipc'],
    });
    this.stderr = this.child.stderr?.pipe(new PassThrough()) ?? null;
    this.#isSpawned = Promise.all([once(this.child, 'spawn'), isAllowed]).then(() => {
      if (this.#hasExited) return;
      this.#isRunning = true;
      this.emit('spawn');
    });
    this.child.on('message', (message: FromStandIn) => {
      if ('exitCode' in message) this.#exit(message.exitCode);
      else this.receive(message.data);
    });
    this.child.once('exit', (code, signal) => {
      const exitCode = code ?? (this.#isKilled || signal === null ? 0 : constants.signals[signal]);
      this.#exit(exitCode);
      if (exitCode === 0 || app.hasEnded) return;
      const reason = signal === null ? 'abnormal-exit' : signal === 'SIGKILL' || signal === 'SIGTERM' ? 'killed' : 'crashed';
      app.emit('child-process-gone', {}, {
        type: 'Utility', reason, exitCode, serviceName: 'node.mojom.NodeService', name: serviceName,
      } satisfies Electron.Details);
    });
  }

  get pid(): number | undefined {
    return this.#isRunning ? this.child.pid : undefined;
  }

  /** Waits for a process that starts; is dropped once it has exited, as with a closed port. */
  postMessage(data: unknown): void {
    void this.#isSpawned.then(() => {
      if (!this.#hasExited && this.child.connected) this.child.send({ data } satisfies ToStandIn, () => undefined);
    });
  }

  /** As on Windows, where the process has no say in it, and has exited with 0 then. */
  kill(): boolean {
    if (!this.#isRunning) return false;
    this.#isKilled = true;
    return this.child.kill('SIGKILL');
  }

  /** The process exits; nothing reaches a program that has ended itself. */
  #exit(code: number): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#isRunning = false;
    this.exitCode = code;
    if (!this.#app.hasEnded) this.emit('exit', code);
    this.stderr?.removeAllListeners();
    this.stderr = null;
  }

  /** Its program has ended. */
  end(): void {
    if (!this.#hasExited) this.child.kill('SIGKILL');
  }

  // ------------------------------------------------------------------------------------------------------- for tests

  /** Passes a message on to the program, as if it came from the process. The pipe of messages is one of its own. */
  receive(data: unknown): void {
    this.emit('message', data);
  }

  /** V8 cannot go on: Electron passes on where, with a report that holds the environment, and the process crashes. */
  failFatally(location: string, report: string): void {
    this.emit('error', 'FatalError', location, report);
    this.child.kill(process.platform === 'win32' ? 'SIGKILL' : 'SIGSEGV');
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
  /** New processes start when it resolves: a virus scanner may hold them up, a policy may never let them start. */
  isAllowed: Promise<void> = Promise.resolve();

  constructor(app: App) {
    this.#app = app;
    void app.ended.then(() => this.all.forEach((one) => one.end()));
  }

  readonly fork = (...[program, args = [], options = {}]: Parameters<typeof Electron.UtilityProcess.fork>): StandInUtilityProcess => {
    const started = new StandInUtilityProcess(this.#app, program, args, options, this.isAllowed);
    this.all.push(started);
    return started;
  };

  get last(): StandInUtilityProcess {
    const last = this.all.at(-1);
    assert(last, 'a process was started');
    return last;
  }
}
