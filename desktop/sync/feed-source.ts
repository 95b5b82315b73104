// Where a pull gets the feed from, piece by piece: out of one streamed answer, or, where streams do not get through, in pages.
//
// Invariants: a piece is received while the one before it is applied, and nothing beyond it, so memory stays flat however slowly
// they are applied. Every piece could be the last one to arrive: a stream that is cut gives what has arrived, and the next one
// goes on from there. Nothing counts that does not bear the nonce of its request.

import { parseInstant, type Instant } from '../../shared/clock.ts';
import { AppError, errorCode } from '../../shared/errors.ts';
import { readPage, type Page } from '../../shared/feed.ts';
import { StreamReader, streamType, type StreamPiece } from '../../shared/feed-stream.ts';
import { releaseBuffer } from '../../shared/heap.ts';
import { badResponse } from '../../shared/protocol.ts';
import { failure } from '../session/connection-failure.ts';
import type { Request, StreamRequest } from '../session/server-connection.ts';
import { PageSize } from './page-size.ts';
import { withRetry, type RetryDeps } from './retry.ts';

/** A piece holds this much, or what has arrived in this time: then a slow line, too, soon has something to show. */
const PIECE_CHANGES = 5000;
const PIECE_BYTES = 2 * 1024 * 1024;
const PIECE_MS = 1000;
/** How long lines are read before others on this thread have their turn. A fast network brings a whole piece at once. */
const READ_MS = 4;
/** The first piece of a download is smaller, to show something soon. A catch-up is best applied in one piece. */
const FIRST_CHANGES = 500;
/** How long pages are asked for once streams do not get through. */
const PAGES_MS = 3_600_000;
/** A stream of several pieces that begins after this time and then arrives far faster was kept until it was complete. */
const HELD_MS = 5000;

export interface FeedDeps extends RetryDeps {
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
  readonly yieldToEventLoop: () => Promise<void>;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
  /** A new text of up to 64 letters, digits and hyphens. */
  readonly newId: () => string;
  /** Fixed number of changes per piece, for tests. */
  readonly pieceChanges?: number | undefined;
  /** The same in pages, and no streams, for tests. */
  readonly pageLimit?: number | undefined;
}

export interface FeedHost {
  /** Sends a request with the token. */
  send(request: Request): Promise<Buffer>;
  /** The same for an answer that arrives as a stream; resolves to whether it did. `onChunk` holds it up until it has settled. */
  stream(request: StreamRequest, onChunk: (chunk: Uint8Array) => Promise<void>): Promise<boolean>;
  /** The server that it sends to. */
  origin(): string;
  /** The latest instant that the server has named, other than in a pull. */
  knownInstant(): Instant | null;
  /** A request has failed, and is repeated after a while. */
  onRetry(): void;
}

/** A page, or as much of a stream. */
export interface ReceivedPiece {
  readonly page: Page;
  /** The page as it arrived, or the stream's lines of changes. */
  readonly bytes: Buffer;
  /** Whether it ends a pull before an instant that the server had named when it was requested. */
  readonly isStale: boolean;
  /** Frees its memory; its payloads must not be read afterwards. */
  readonly release: () => void;
}

/** Keeps from run to run what it has learned of the connection. */
export class FeedSource {
  readonly #host: FeedHost;
  readonly #deps: FeedDeps;
  readonly #pageSize = new PageSize();
  #stream: OpenStream | null = null;
  /** How many streams in a row were cut before they had brought anything. */
  #fruitless = 0;
  /** Where, and since when, streams do not get through. */
  #pagesOnly: { readonly origin: string; readonly sinceMs: number } | null = null;

  constructor(host: FeedHost, deps: FeedDeps) {
    this.#host = host;
    this.#deps = deps;
  }

  startRun(): void {
    this.#pageSize.startRun();
  }

  /**
   * The piece after a cursor, or the first one for null. The pieces of one pull are asked for one after the other, with the same
   * signal, each after the cursor of the one before. Retries, then throws the request's error.
   */
  fetch(since: string | null, signal: AbortSignal): Promise<ReceivedPiece> {
    const attempt = async (): Promise<ReceivedPiece> =>
      (this.#mayStream() ? await this.#nextPiece(since, signal) : null) ?? this.#fetchPage(since, signal);
    return withRetry(attempt, this.#deps, signal, () => this.#host.onRetry());
  }

  /** Whether a stream is worth a try. */
  #mayStream(): boolean {
    if (this.#deps.pageLimit !== undefined) return false;
    const pages = this.#pagesOnly;
    return !pages || pages.origin !== this.#host.origin() || this.#deps.monotonicMs() - pages.sinceMs >= PAGES_MS;
  }

  /** Null if the server's answer is not a stream. */
  async #nextPiece(since: string | null, signal: AbortSignal): Promise<ReceivedPiece | null> {
    for (;;) {
      if (this.#stream?.signal !== signal) this.#stream = this.#openStream(since, signal);
      const stream = this.#stream;
      try {
        const piece = await stream.next();
        this.#fruitless = 0;
        if (!piece?.page.hasMore) this.#endStream(stream);
        if (piece) return this.#receive(piece, stream);
      } catch (error) {
        this.#stream = null;
        if (stream.hasBroughtSome || !isCut(error)) throw error;
        this.#fruitless += 1;
        const isNone = errorCode(error) === 'bad_response';
        if (isNone || this.#fruitless > 1) this.#usePages(error);
        if (!isNone) throw error;
        return null;
      }
    }
  }

  #openStream(since: string | null, signal: AbortSignal): OpenStream {
    const nonce = this.#newNonce();
    const query = new URLSearchParams({ nonce, ...(since === null ? {} : { since }) });
    const request = { path: `/api/sync/pull?${query}`, headers: { accept: streamType } };
    return new OpenStream(request, signal, { since, nonce, knownInstant: this.#host.knownInstant() }, this.#host, this.#deps);
  }

  #endStream(stream: OpenStream): void {
    this.#stream = null;
    if (stream.wasHeld) this.#usePages(new Error('a stream was kept until it was complete'));
  }

  #usePages(error: unknown): void {
    this.#deps.log('pulling in pages', { error });
    this.#pagesOnly = { origin: this.#host.origin(), sinceMs: this.#deps.monotonicMs() };
    this.#fruitless = 0;
  }

  async #fetchPage(since: string | null, signal: AbortSignal): Promise<ReceivedPiece> {
    const nonce = this.#newNonce();
    const limit = this.#deps.pageLimit ?? this.#pageSize.changes;
    const query = new URLSearchParams({ limit: String(limit), nonce, ...(since === null ? {} : { since }) });
    const sent = { since, nonce, knownInstant: this.#host.knownInstant() };
    const requestedMs = this.#deps.monotonicMs();
    try {
      const bytes = await this.#host.send({ path: `/api/sync/pull?${query}`, signal });
      const received = this.#receive({ page: readPage(bytes), bytes, release: () => releaseBuffer(bytes) }, { sent });
      this.#pageSize.onArrival(this.#deps.monotonicMs() - requestedMs);
      return received;
    } catch (error) {
      if (isCut(error)) this.#pageSize.onCut();
      throw error;
    }
  }

  /** It need not be as long as an id: it only tells this request's answer from one that something has remembered. */
  #newNonce(): string {
    return this.#deps.newId().slice(-12);
  }

  #receive({ page, bytes, release }: StreamPiece, { sent }: { readonly sent: SentPull }): ReceivedPiece {
    const { since, nonce, knownInstant } = sent;
    if (page.nonce !== nonce) throw failure('bad_response', 'replayed', this.#host.origin());
    const isStale = !page.hasMore && (parseInstant(page.serverTime) ?? -Infinity) < (knownInstant ?? -Infinity);
    return { page: since === null ? page : { ...page, total: null }, bytes, isStale, release };
  }
}

/** What a request asks for, and what was known when it was sent. */
interface SentPull {
  readonly since: string | null;
  readonly nonce: string;
  readonly knownInstant: Instant | null;
}

/** One streamed answer. It is received only as far as the next piece, and until the signal aborts. */
class OpenStream {
  readonly signal: AbortSignal;
  readonly sent: SentPull;
  readonly #host: Pick<FeedHost, 'stream' | 'origin'>;
  readonly #deps: FeedDeps;
  readonly #reader: StreamReader;
  #wanted = Promise.withResolvers<StreamPiece | null>();
  #asked = Promise.withResolvers<void>();
  #pieces = 0;
  readonly #requestedMs: number;
  /** When its first byte arrived, and its last. */
  #beganMs: number | null = null;
  #endedMs = 0;
  #pieceBeganMs = 0;
  /** When others last had their turn, as far as is known here. */
  #yieldedMs = 0;

  /** Sends the request; `next` must be called in the same turn. */
  constructor(request: StreamRequest, signal: AbortSignal, sent: SentPull, host: FeedHost, deps: FeedDeps) {
    this.signal = signal;
    this.sent = sent;
    this.#host = host;
    this.#deps = deps;
    const changes = deps.pieceChanges ?? PIECE_CHANGES;
    const firstChanges = sent.since === null ? Math.min(changes, FIRST_CHANGES) : changes;
    this.#reader = new StreamReader({ changes, firstChanges, sizeBytes: PIECE_BYTES });
    this.#requestedMs = deps.monotonicMs();
    // Lets whatever waits for a piece to be asked for find that the request has ended.
    signal.addEventListener('abort', () => this.#asked.resolve(), { once: true });
    void this.#run(request);
  }

  /** Whether it has brought a piece. */
  get hasBroughtSome(): boolean {
    return this.#pieces > 0;
  }

  /** Whether it seems that it was kept somewhere until it was complete. */
  get wasHeld(): boolean {
    const beganMs = this.#beganMs ?? this.#endedMs;
    const silentMs = beganMs - this.#requestedMs;
    return this.#pieces > 1 && silentMs > HELD_MS && this.#endedMs - beganMs < silentMs / 4;
  }

  /**
   * The next piece. Null if it has ended although there are more changes. Rejects with the request's error, or `bad_response`;
   * call it only again when it has resolved to a piece that has more after it.
   */
  next(): Promise<StreamPiece | null> {
    this.#wanted = Promise.withResolvers();
    this.#asked.resolve();
    this.#asked = Promise.withResolvers();
    return this.#wanted.promise;
  }

  async #run(request: StreamRequest): Promise<void> {
    const ended = await this.#receive(request).then(() => null, (error: unknown) => ({ error }));
    this.#endedMs = this.#deps.monotonicMs();
    try {
      if (ended === null) return this.#give(this.#reader.end());
      const rest = errorCode(ended.error) === 'offline' ? this.#reader.flush() : null;
      if (rest) await this.#put(rest);
      this.#wanted.reject(ended.error);
    } catch (error) {
      this.#wanted.reject(error);
    }
  }

  /** Rejects with why the stream cannot be read, or why it did not arrive completely. */
  async #receive(request: StreamRequest): Promise<void> {
    const unreadable = new AbortController();
    const signal = AbortSignal.any([this.signal, unreadable.signal]);
    let isStream: boolean;
    try {
      isStream = await this.#host.stream({ ...request, signal }, async (chunk) => {
        if (signal.aborted) return;
        // It is not the request that fails.
        await this.#read(chunk).catch((error: unknown) => unreadable.abort(error));
      });
    } catch (error) {
      unreadable.signal.throwIfAborted();
      throw error;
    }
    unreadable.signal.throwIfAborted();
    if (!isStream) throw badResponse('it is not a stream of changes');
    if (!this.#reader.hasEnd) throw failure('offline', 'interrupted', this.#host.origin());
  }

  async #read(chunk: Uint8Array): Promise<void> {
    const nowMs = this.#deps.monotonicMs();
    if (this.#beganMs === null) this.#beganMs = this.#pieceBeganMs = nowMs;
    if (nowMs - this.#yieldedMs > READ_MS) {
      await this.#deps.yieldToEventLoop();
      this.#yieldedMs = this.#deps.monotonicMs();
    }
    for (const piece of this.#reader.read(chunk)) await this.#put(piece);
    if (nowMs - this.#pieceBeganMs < PIECE_MS) return;
    const piece = this.#reader.flush();
    if (piece) await this.#put(piece);
  }

  /** Resolves once the piece after it is asked for. */
  async #put(piece: StreamPiece): Promise<void> {
    const { promise } = this.#asked;
    this.#give(piece);
    await promise;
    this.#pieceBeganMs = this.#deps.monotonicMs();
  }

  #give(piece: StreamPiece | null): void {
    if (piece) this.#pieces += 1;
    this.#wanted.resolve(piece);
  }
}

/** Whether an answer began, or may have begun, and did not arrive completely. */
function isCut(error: unknown): boolean {
  if (!(error instanceof AppError)) return false;
  const { code, details: { kind } } = error;
  if (code === 'bad_response') return kind === undefined;
  return code === 'offline' && kind !== undefined && ['interrupted', 'timed_out', 'broken_encoding'].includes(kind);
}
