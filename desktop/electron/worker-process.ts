// The main process's side of the data process (worker.ts, in an Electron utility process): calls in, outcomes and statuses
// out.
//
// Invariants: every call is answered, even if the process dies during it. A process that dies, or does not start, is
// started again, with exponential backoff if it dies soon after its start; meanwhile the status reports the failure. A
// crash loses nothing: the cache holds committed transactions, and the token is in the main process (vault.ts).
//
// Electron emits `exit` when the process announces it or has crashed: it may still be there for a moment, and its last
// messages and its standard error may be lost. What it must not lose is written by itself (worker.ts). A process that the
// system did not let start emits nothing at all.

import { utilityProcess, type UtilityProcess } from 'electron';

import { toOutcome, type Outcome, type Settings } from '../../shared/window/ipc.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import type { DeskOptions, SystemEvent } from '../desk.ts';
import type { Facts } from '../files/redact.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';
import type { DeskChannel, FromWorker, ToWorker, VaultRequest } from './worker.ts';

export interface DeskProcessDeps {
  readonly vault: TokenVault;
  /** Answers for the process while it is away. */
  readonly settings: () => Settings;
  /** Called with every new status. If it throws, that is logged. */
  readonly onStatus: (status: Status) => void;
  readonly monotonicMs: () => number;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly log: (event: string, facts?: Facts) => void;
}

export interface DeskProcess {
  /** The latest status, or that of a process that died; null until the first one. */
  readonly status: Status | null;
  /** Never rejects. */
  call(channel: DeskChannel, request: unknown): Promise<Outcome<unknown>>;
  handleSystemEvent(event: SystemEvent): void;
  /** Resolves when the process has closed everything and exits; kills it after 5 s, and waits no longer. */
  close(): Promise<void>;
}

/** After this long, the next crash counts as the first. */
const STABLE_AFTER_MS = 60_000;
/** The process that has ended needs a moment to let go of the cache. */
const RESTART_AFTER_MS = 100;
const MAX_BACKOFF_MS = 30_000;
const START_TIMEOUT_MS = 30_000;
const CLOSE_TIMEOUT_MS = 5000;
/** How much of the process's standard error is logged when it dies. */
const MAX_STDERR_CHARS = 1500;

const died = 'Invoify stopped reading its data unexpectedly. It restarts automatically, and nothing is lost.';
const outcomeUnknown = 'Invoify was interrupted before the server answered. The change may have been saved: check before you try again.';
const closing = 'Invoify is closing.';

/** Starts the process from the script `program`. Call it only once Electron is ready. */
export function startDeskProcess(program: string, options: DeskOptions, deps: DeskProcessDeps): DeskProcess {
  const pending = new Map<number, { readonly channel: DeskChannel; readonly resolve: (outcome: Outcome<unknown>) => void }>();
  let worker: UtilityProcess | null = null;
  let status: Status | null = null;
  let statusAtMs = deps.monotonicMs();
  let isClosed = false;
  let lastId = 0;
  let crashes = 0;
  let cancelStart = (): void => undefined;

  function start(): void {
    const startedMs = deps.monotonicMs();
    // Its requests use no page's session, so nothing is cached on disk; the system's proxy and certificates still apply.
    const started = utilityProcess.fork(program, [], { serviceName: 'Invoify Data', stdio: ['ignore', 'ignore', 'pipe'] });
    const lastStderr = collectStderr(started);
    worker = started;
    const cancelTimeout = deps.setTimer(() => ended(null), START_TIMEOUT_MS);
    started.once('spawn', () => {
      cancelTimeout();
      if (started !== worker) started.kill();
    });
    started.on('message', (message: FromWorker) => receive(started, message));
    // The report holds the environment, so it is not logged.
    started.on('error', (type, location) => deps.log('data process failed', { type, location }));
    started.once('exit', ended);
    post(started, { kind: 'open', options });

    function ended(code: number | null): void {
      if (started !== worker) return;
      worker = null;
      cancelTimeout();
      failPendingCalls();
      if (!isClosed) restart(code, lastStderr(), deps.monotonicMs() - startedMs);
    }
  }

  /** `code` is null if it did not even start. */
  function restart(code: number | null, stderr: string, uptimeMs: number): void {
    crashes = uptimeMs >= STABLE_AFTER_MS ? 1 : crashes + 1;
    const delayMs = crashes === 1 ? RESTART_AFTER_MS : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (crashes - 2));
    deps.log('data process exited', { code, uptimeMs: Math.round(uptimeMs), delayMs, stderr });
    cancelStart = deps.setTimer(start, delayMs);
    publish(crashedStatus(status, deps.monotonicMs() - statusAtMs));
  }

  function receive(from: UtilityProcess, message: FromWorker): void {
    switch (message.kind) {
      case 'answer':
        pending.get(message.id)?.resolve(message.outcome);
        pending.delete(message.id);
        break;
      case 'status':
        if (from === worker) publish(message.status);
        break;
      case 'log':
        deps.log(message.event, message.facts);
        break;
      case 'vault':
        void runVaultRequest(deps.vault, message.request, deps.log).then((outcome) => {
          if (from === worker) post(from, { kind: 'vault', id: message.id, outcome });
        });
        break;
    }
  }

  function publish(next: Status): void {
    status = next;
    statusAtMs = deps.monotonicMs();
    try {
      deps.onStatus(next);
    } catch (error) {
      deps.log('status not passed on', { error });
    }
  }

  function failPendingCalls(): void {
    const calls = [...pending.values()];
    pending.clear();
    for (const { channel, resolve } of calls) resolve(answerWithoutProcess(channel, true));
  }

  /** An answer without the process: a value if the channel has a sensible one, otherwise the error. */
  function answerWithoutProcess(channel: DeskChannel, wasSent: boolean): Outcome<unknown> {
    const isWrite = channel.startsWith('records.') || channel === 'auth.changePassword';
    const error = isClosed ? { code: 'cancelled', message: closing } as const
      : wasSent && isWrite ? { code: 'outcome_unknown', message: outcomeUnknown } as const
        : { code: 'internal', message: died } as const;
    switch (channel) {
      case 'sync.getStatus': return status ? { ok: true, value: status } : { ok: false, error };
      // The window asks once, at its start.
      case 'app.getSettings': return { ok: true, value: deps.settings() };
      case 'sync.getOnlineStatus': return { ok: true, value: false };
      case 'sync.pullFromServer': return { ok: true, value: { ...failedPull, error } satisfies SyncOutcome };
      default: return { ok: false, error };
    }
  }

  start();
  return {
    get status() { return status; },
    call(channel, request) {
      if (!worker || isClosed) return Promise.resolve(answerWithoutProcess(channel, false));
      const { promise, resolve } = Promise.withResolvers<Outcome<unknown>>();
      lastId += 1;
      pending.set(lastId, { channel, resolve });
      post(worker, { kind: 'call', id: lastId, channel, request });
      return promise;
    },
    handleSystemEvent(event) {
      if (worker && !isClosed) post(worker, { kind: 'systemEvent', event });
    },
    async close() {
      cancelStart();
      const closingWorker = worker;
      if (isClosed || !closingWorker) {
        isClosed = true;
        return;
      }
      isClosed = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      closingWorker.once('exit', () => resolve());
      const cancelTimeout = deps.setTimer(() => {
        deps.log('data process did not close in time and was killed', { wasRunning: closingWorker.kill() });
        resolve();
      }, CLOSE_TIMEOUT_MS);
      post(closingWorker, { kind: 'close' });
      await promise;
      cancelTimeout();
    },
  };
}

const failedPull = { outcome: 'failed', changes: 0, upserts: 0, deletes: 0, bytes: 0, durationMs: 0, rebuilt: null } as const;

/** The last known status, `agoMs` old, with the crash as its error. */
function crashedStatus(last: Status | null, agoMs: number): Status {
  const { lastSync = null } = last ?? {};
  return {
    initialized: last?.initialized ?? false,
    lastSync: lastSync && { ...lastSync, ageMs: lastSync.ageMs === null ? null : lastSync.ageMs + agoMs },
    isOnline: false,
    state: 'error',
    error: { code: 'internal', message: died },
    progress: null,
    partial: last?.partial ?? 0,
    cursor: last?.cursor ?? null,
    writes: last?.writes ?? 0,
    notice: last?.notice ?? null,
    user: last?.user ?? null,
    server: last?.server ?? null,
  };
}

function post(worker: UtilityProcess, message: ToWorker): void {
  worker.postMessage(message);
}

function runVaultRequest(vault: TokenVault, request: VaultRequest, log: DeskProcessDeps['log']): Promise<Outcome<StoredToken | null>> {
  return toOutcome(async () => {
    switch (request.operation) {
      case 'load': return vault.load();
      case 'save': await vault.save(request.stored); return null;
      case 'clear': await vault.clear(); return null;
    }
  }, (error) => log('vault failed', { operation: request.operation, error }));
}

/** Returns a function for the end of what the process has written to its standard error. */
function collectStderr({ stderr }: UtilityProcess): () => string {
  let end = '';
  stderr?.on('data', (chunk: Buffer) => end = `${end}${chunk.toString('utf8')}`.slice(-MAX_STDERR_CHARS));
  return () => end;
}
