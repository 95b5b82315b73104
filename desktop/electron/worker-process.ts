// The desk in Electron's utility process, as the main process sees it: calls in, outcomes and statuses out.
//
// What always holds: every call is answered, also when the process dies under it; a process that died is started again,
// with growing pauses where it dies at once; until then the status says what happened. Nothing is lost by it: what is in
// the database is committed, and the token is here (vault.ts).

import { utilityProcess, type UtilityProcess } from 'electron';

import { toOutcome, type Outcome } from '../../shared/window/ipc.ts';
import type { Status, SyncOutcome } from '../../shared/window/views.ts';
import type { DeskOptions, SystemEvent } from '../desk.ts';
import type { Facts } from '../files/redact.ts';
import type { StoredToken, TokenVault } from '../session/token-vault.ts';
import type { DeskChannel, FromWorker, ToWorker, VaultQuestion } from './worker-messages.ts';

export interface DeskProcessDeps {
  readonly vault: TokenVault;
  readonly monotonicMs: () => number;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly log: (event: string, facts?: Facts) => void;
}

export interface DeskProcess {
  /** What was told last, or what became of the process; null until it has told anything. */
  readonly status: Status | null;
  /** Never rejects. */
  call(channel: DeskChannel, request: unknown): Promise<Outcome<unknown>>;
  onStatus(listener: (status: Status) => void): () => void;
  notice(event: SystemEvent): void;
  /** Resolves when the process has closed what it had open and is gone. */
  close(): Promise<void>;
}

/** A process that lived this long did not die of starting. */
const STEADY_MS = 60_000;
const MAX_PAUSE_MS = 30_000;
/** It closes a database and ends requests; longer than this it hangs. */
const CLOSE_WITHIN_MS = 5000;
/** So much of what it wrote before it died goes to the log. */
const LAST_WORDS_CHARS = 1500;

const died = 'The part of Invoify that holds the data stopped. It is started again by itself; nothing is lost.';
const unknownEnd = 'Invoify was interrupted before the server had answered. It may be saved: look before you try again.';
const closing = 'Invoify is closing.';

/** Starts the process, whose program is `program`. To be used only when Electron is ready. */
export function startDeskProcess(program: string, options: DeskOptions, deps: DeskProcessDeps): DeskProcess {
  const listeners = new Set<(status: Status) => void>();
  const waiting = new Map<number, { readonly channel: DeskChannel; readonly resolve: (outcome: Outcome<unknown>) => void }>();
  let worker: UtilityProcess | null = null;
  let status: Status | null = null;
  let isClosed = false;
  let lastId = 0;
  let deaths = 0;
  let cancelStart = (): void => undefined;

  function start(): void {
    const startedMs = deps.monotonicMs();
    // Without a session of a page its requests leave no cache on the disk; the system's proxy and certificates count all the same.
    const started = utilityProcess.fork(program, [], { serviceName: 'Invoify Data', stdio: ['ignore', 'ignore', 'pipe'] });
    const lastWords = keepEnd(started);
    worker = started;
    started.on('message', (message: FromWorker) => hear(started, message));
    started.once('exit', (code) => {
      worker = null;
      if (!isClosed) restart(code, lastWords(), deps.monotonicMs() - startedMs);
      settleAll();
    });
    post(started, { kind: 'open', options });
  }

  function restart(code: number, words: string, livedMs: number): void {
    deaths = livedMs >= STEADY_MS ? 1 : deaths + 1;
    const pauseMs = deaths === 1 ? 0 : Math.min(MAX_PAUSE_MS, 1000 * 2 ** (deaths - 2));
    deps.log('the data process ended', { code, livedMs: Math.round(livedMs), pauseMs, words });
    tell(stopped(status));
    cancelStart = deps.setTimer(start, pauseMs);
  }

  function hear(from: UtilityProcess, message: FromWorker): void {
    switch (message.kind) {
      case 'answer':
        waiting.get(message.id)?.resolve(message.outcome);
        waiting.delete(message.id);
        break;
      case 'status':
        if (from === worker) tell(message.status);
        break;
      case 'log':
        deps.log(message.event, message.facts);
        break;
      case 'vault':
        void askVault(deps.vault, message.question, deps.log).then((outcome) => {
          if (from === worker) post(from, { kind: 'vault', id: message.id, outcome });
        });
        break;
    }
  }

  function tell(news: Status): void {
    status = news;
    for (const listener of listeners) listener(news);
  }

  function settleAll(): void {
    const unanswered = [...waiting.values()];
    waiting.clear();
    for (const { channel, resolve } of unanswered) resolve(withoutDesk(channel, true));
  }

  /** What to answer where there is no process: a value that the call may have, or the error. */
  function withoutDesk(channel: DeskChannel, wasSent: boolean): Outcome<unknown> {
    const error = isClosed ? { code: 'cancelled', message: closing } as const
      : wasSent && channel.startsWith('records.') ? { code: 'outcome_unknown', message: unknownEnd } as const
        : { code: 'internal', message: died } as const;
    switch (channel) {
      case 'sync.getStatus': return status ? { ok: true, value: status } : { ok: false, error };
      case 'sync.getOnlineStatus': return { ok: true, value: false };
      case 'sync.pullFromServer': return { ok: true, value: { ...nothingPulled, error } satisfies SyncOutcome };
      default: return { ok: false, error };
    }
  }

  start();
  return {
    get status() { return status; },
    call(channel, request) {
      if (!worker || isClosed) return Promise.resolve(withoutDesk(channel, false));
      const { promise, resolve } = Promise.withResolvers<Outcome<unknown>>();
      lastId += 1;
      waiting.set(lastId, { channel, resolve });
      post(worker, { kind: 'call', id: lastId, channel, request });
      return promise;
    },
    onStatus(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    notice(event) {
      if (worker && !isClosed) post(worker, { kind: 'notice', event });
    },
    async close() {
      cancelStart();
      const ending = worker;
      if (isClosed || !ending) {
        isClosed = true;
        return;
      }
      isClosed = true;
      const ended = new Promise<void>((resolve) => void ending.once('exit', () => resolve()));
      const cancel = deps.setTimer(() => {
        deps.log('the data process does not close, so it is ended');
        ending.kill();
      }, CLOSE_WITHIN_MS);
      post(ending, { kind: 'close' });
      await ended;
      cancel();
    },
  };
}

const nothingPulled = { outcome: 'failed', changes: 0, upserts: 0, deletes: 0, bytes: 0, durationMs: 0, rebuilt: null } as const;

/** The status of a desk that is not there: what was known of it, and that it stopped. */
function stopped(last: Status | null): Status {
  return {
    initialized: last?.initialized ?? false,
    lastSync: last?.lastSync ?? null,
    isOnline: false,
    state: 'error',
    error: { code: 'internal', message: died },
    progress: null,
    partial: last?.partial ?? 0,
    notice: last?.notice ?? null,
    user: last?.user ?? null,
    server: last?.server ?? null,
  };
}

function post(worker: UtilityProcess, message: ToWorker): void {
  worker.postMessage(message);
}

function askVault(vault: TokenVault, question: VaultQuestion, log: DeskProcessDeps['log']): Promise<Outcome<StoredToken | null>> {
  return toOutcome(async () => {
    switch (question.ask) {
      case 'load': return vault.load();
      case 'save': await vault.save(question.kept); return null;
      case 'clear': await vault.clear(); return null;
    }
  }, (error) => log('the vault failed', { ask: question.ask, error }));
}

/** What a process wrote last to its standard error. */
function keepEnd({ stderr }: UtilityProcess): () => string {
  let end = '';
  stderr?.on('data', (chunk: Buffer) => end = `${end}${chunk.toString('utf8')}`.slice(-LAST_WORDS_CHARS));
  return () => end;
}
