// A fake host for the triggers with a server in memory, which can be unreachable or lack its database, and whose clock
// moves when the test writes.

import type { TriggeredHost } from '../../../desktop/sync/triggers.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Request } from '../../../desktop/session/server-connection.ts';
import type { Status, SyncError, SyncOutcome } from '../../../shared/window/views.ts';

interface Stream {
  readonly send: (text: string) => void;
  readonly cut: () => void;
}

export class MemoryHost implements TriggeredHost {
  isSignedIn = true;
  isOnline: boolean | null = null;
  isSyncing = false;
  lastOutcome: SyncOutcome | null = null;
  /** The calls so far, in order. */
  readonly calls: string[] = [];
  /** The server can be reached. */
  isReachable = true;
  /** The server can answer a pull. */
  hasDatabase = true;
  /** Why pulls that reach the server fail. */
  failure: SyncError | null = null;
  /** The server offers event streams. */
  hasStreams = true;
  /** While true, a pull does not end until `release`. */
  isHeld = false;
  /** While true, a probe is not answered until `answerProbe`. */
  isProbeHeld = false;
  serverTime = 1;
  #cursor = 0;
  #answerProbe: ((error: AppError | null) => void) | null = null;
  #endPull: ((wasAborted: boolean) => void) | null = null;
  readonly #streams = new Set<Stream>();
  readonly #listeners = new Set<() => void>();

  count(name: string): number {
    return this.calls.filter((call) => call === name).length;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Someone writes: the clock moves and a nudge is sent. */
  write(): void {
    this.serverTime += 1;
    for (const { send } of this.#streams) send(nudge(this.serverTime));
  }

  /** The server becomes unreachable, and its streams are cut. */
  disconnect(): void {
    this.isReachable = false;
    for (const { cut } of [...this.#streams]) cut();
  }

  release(): void {
    this.isHeld = false;
    this.#endPull?.(false);
  }

  answerProbe(): void {
    this.#answerProbe?.(null);
  }

  signOut(): void {
    this.isSignedIn = false;
    this.#emit();
  }

  onStatus(listener: (status: Status) => void): () => void {
    // The triggers read what they need from the host itself.
    const call = (): void => listener({} as Status);
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  async pullFromServer(): Promise<SyncOutcome> {
    this.calls.push('pull');
    if (this.isSyncing) return outcomeOf('cancelled', null);
    this.isSyncing = true;
    this.#emit();
    const wasAborted = await new Promise<boolean>((resolve) => {
      this.#endPull = resolve;
      if (!this.isHeld) resolve(false);
    });
    this.#endPull = null;
    const outcome = this.lastOutcome = wasAborted ? outcomeOf('cancelled', null) : this.#pull();
    this.isSyncing = false;
    this.#emit();
    return outcome;
  }

  #pull(): SyncOutcome {
    this.#setOnline(this.isReachable && this.hasDatabase);
    const error = this.isOnline ? this.failure : { code: 'offline', message: 'The server is unreachable.' } as const;
    if (error) return outcomeOf('failed', error);
    this.#cursor = this.serverTime;
    return outcomeOf('completed', null);
  }

  async probe(signal?: AbortSignal): Promise<void> {
    this.calls.push('probe');
    const failure = await new Promise<AppError | null>((resolve) => {
      this.#answerProbe = resolve;
      signal?.addEventListener('abort', () => resolve(new AppError('cancelled', 'Cancelled.')), { once: true });
      if (!this.isProbeHeld) resolve(null);
    });
    if (failure) throw failure;
    this.#setOnline(this.isReachable);
    if (!this.isReachable) throw new AppError('offline', 'The server is unreachable.');
  }

  isBehind(serverTime: string): boolean {
    return Number(serverTime) > this.#cursor;
  }

  noteInstant(): void {}

  async abortRequests(): Promise<void> {
    this.calls.push('abort');
    this.#endPull?.(true);
    this.#answerProbe?.(new AppError('offline', 'The connection was interrupted.'));
    for (const { cut } of [...this.#streams]) cut();
    while (this.isSyncing) await new Promise(setImmediate);
  }

  receive({ signal }: Request, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    this.calls.push('listen');
    return new Promise((resolve, reject) => {
      if (!this.isReachable || !this.hasStreams) {
        reject(new AppError('offline', 'No stream is available.'));
        return;
      }
      const stream: Stream = {
        send: (text) => onChunk(Buffer.from(text)),
        cut: () => end(resolve),
      };
      const end = (done: () => void): void => {
        this.#streams.delete(stream);
        done();
      };
      this.#streams.add(stream);
      signal?.addEventListener('abort', () => end(() => reject(new AppError('cancelled', 'Cancelled.'))), { once: true });
      stream.send(nudge(this.serverTime));
    });
  }

  #setOnline(isOnline: boolean): void {
    if (this.isOnline === isOnline) return;
    this.isOnline = isOnline;
    this.#emit();
  }

  #emit(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function outcomeOf(outcome: SyncOutcome['outcome'], error: SyncError | null): SyncOutcome {
  return { outcome, error, changes: 0, upserts: 0, deletes: 0, bytes: 0, durationMs: 0, rebuilt: null };
}

function nudge(serverTime: number): string {
  return `event: change\ndata: ${JSON.stringify({ serverTime: String(serverTime) })}\n\n`;
}
