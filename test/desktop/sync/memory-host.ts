// A host for the triggers that syncs with a server in memory: there or gone, with a database or without, and with a
// clock that moves when the test writes.

import type { TriggeredHost } from '../../../desktop/sync/triggers.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Request } from '../../../desktop/session/server-connection.ts';
import type { Status, SyncOutcome } from '../../../shared/window/views.ts';

interface Stream {
  readonly say: (text: string) => void;
  readonly cut: () => void;
}

export class MemoryHost implements TriggeredHost {
  isSignedIn = true;
  isOnline: boolean | null = null;
  isSyncing = false;
  /** What was asked of it, in order. */
  readonly asked: string[] = [];
  /** The server can be reached. */
  isServerThere = true;
  /** The server can answer a pull. */
  hasDatabase = true;
  /** The server gives streams. */
  hasStreams = true;
  /** While true a pull does not end by itself. */
  isHeld = false;
  serverTime = 1;
  #heldTime = 0;
  #endPull: ((wasAborted: boolean) => void) | null = null;
  readonly #streams = new Set<Stream>();
  readonly #listeners = new Set<() => void>();

  count(what: string): number {
    return this.asked.filter((asked) => asked === what).length;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Someone writes: the clock moves, and who listens hears it. */
  write(): void {
    this.serverTime += 1;
    for (const { say } of this.#streams) say(nudge(this.serverTime));
  }

  /** The server goes, and its streams with it. */
  leave(): void {
    this.isServerThere = false;
    for (const { cut } of [...this.#streams]) cut();
  }

  release(): void {
    this.isHeld = false;
    this.#endPull?.(false);
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
    this.asked.push('pull');
    const outcome = {} as SyncOutcome;
    if (this.isSyncing) return outcome;
    this.isSyncing = true;
    this.#emit();
    const wasAborted = await new Promise<boolean>((resolve) => {
      this.#endPull = resolve;
      if (!this.isHeld) resolve(false);
    });
    this.#endPull = null;
    if (!wasAborted) {
      this.#judge(this.isServerThere && this.hasDatabase);
      if (this.isOnline) this.#heldTime = this.serverTime;
    }
    this.isSyncing = false;
    this.#emit();
    return outcome;
  }

  async probe(): Promise<void> {
    this.asked.push('probe');
    this.#judge(this.isServerThere);
    if (!this.isServerThere) throw new AppError('offline', 'The server is gone.');
  }

  isBehind(serverTime: string): boolean {
    return Number(serverTime) > this.#heldTime;
  }

  async abortRequests(): Promise<void> {
    this.asked.push('abort');
    this.#endPull?.(true);
    for (const { cut } of [...this.#streams]) cut();
    while (this.isSyncing) await new Promise(setImmediate);
  }

  receive({ signal }: Request, take: (chunk: Uint8Array) => void): Promise<void> {
    this.asked.push('listen');
    return new Promise((resolve, reject) => {
      if (!this.isServerThere || !this.hasStreams) {
        reject(new AppError('offline', 'No stream can be had.'));
        return;
      }
      const stream: Stream = {
        say: (text) => take(Buffer.from(text)),
        cut: () => end(resolve),
      };
      const end = (done: () => void): void => {
        this.#streams.delete(stream);
        done();
      };
      this.#streams.add(stream);
      signal?.addEventListener('abort', () => end(() => reject(new AppError('cancelled', 'Stopped.'))), { once: true });
      stream.say(nudge(this.serverTime));
    });
  }

  #judge(isOnline: boolean): void {
    if (this.isOnline === isOnline) return;
    this.isOnline = isOnline;
    this.#emit();
  }

  #emit(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function nudge(serverTime: number): string {
  return `event: change\ndata: ${JSON.stringify({ serverTime: String(serverTime) })}\n\n`;
}
