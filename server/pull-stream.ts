// A pull as a stream: the change feed in one answer of any length.
//
// It is made of pieces, each read as the next page would be: from a snapshot of its own, after the last change of the piece
// before, for a caller who is looked up again. A snapshot is read for as long as the client takes what is read and nobody else waits
// for a turn to read, and what is read next waits while one part is sent. So a client that does not read holds two parts and no
// snapshot, and a stream does not outlive its session or what the session may see. One that fails in the middle is cut: the
// connection is closed without an end line.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { formatInstant, type Instant } from '../shared/clock.ts';
import { countRecords } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import { streamType, writeChangeLines, writeEnd, writeStart } from '../shared/feed-stream.ts';
import type { Visit } from './admission.ts';
import type { Caller } from './auth.ts';
import { createEncoder, negotiateEncoding } from './compression.ts';
import { ClientGone, endConnection, type Reply } from './http.ts';
import { digestFor, namesOf, readBatches, readFrom, scopeOf, type PullQuery } from './pull.ts';
import { sendChunks } from './sending.ts';
import type { Store } from './store.ts';

/** The most changes of one snapshot, and what one brings although others wait. */
const SNAPSHOT_CHANGES = 20_000;
const SHARE_BYTES = 1024 * 1024;
/** How long a snapshot waits for the client to take what was read, and a compressor for the next part. */
const MAX_PAUSE_MS = 100;
/** A stream up to this size is sent as an ordinary answer. */
const SHORT_BYTES = 512 * 1024;
/** Roughly the size of a part, which is a batch of the store. */
const PART_BYTES = 256 * 1024;

/** A part of a stream, of one or more lines. */
interface Part {
  readonly chunks: readonly Buffer[];
  /** How many changes it has. */
  readonly count: number;
  readonly isLast: boolean;
  /** The account's clock if this is the end of the changes. */
  readonly end: Instant | null;
}

export interface StreamDeps {
  readonly store: Store;
  /** The caller as of now; throws `unauthorized`. */
  readonly identify: () => Promise<Caller>;
  readonly visit: Pick<Visit, 'continuePull' | 'hasRoom' | 'isAwaited' | 'holdAnswer' | 'answerBuilt'>;
  /** Called when this many changes have left this process, and if they were the last ones, with the account's clock. */
  readonly onSent: (count: number, end: Instant | null) => void;
  /** Fewer in tests only. */
  readonly pieceChanges?: number;
  readonly shortBytes?: number;
}

/** A stream that does not end with its first part. */
export interface StreamReply {
  readonly first: Part;
  readonly rest: ReadableStreamDefaultReader<Part>;
  readonly unsent: UnsentBytes;
  readonly onSent: StreamDeps['onSent'];
}

/** What a stream has built and not sent. */
class UnsentBytes {
  readonly #hold: (sizeBytes: number) => void;
  #sizeBytes = 0;

  constructor(hold: (sizeBytes: number) => void) {
    this.#hold = hold;
  }

  /** Throws `unavailable` if that is too much. */
  change(byBytes: number): void {
    this.#sizeBytes += byBytes;
    this.#hold(this.#sizeBytes);
  }
}

async function isWithin(ms: number, event: Promise<unknown>): Promise<boolean> {
  return Promise.race([event.then(() => true), sleep(ms, false, { ref: false })]);
}

/** Gathers chunks, and hands them over in parts: one that waits to be taken, while the next one is gathered. */
class Outlet {
  readonly #unsent: UnsentBytes;
  readonly #writer: WritableStreamDefaultWriter<Part>;
  #chunks: Buffer[] = [];
  #count = 0;
  /** Resolves once the part before has been taken; rejects if nobody takes any more. */
  #taken: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor(unsent: UnsentBytes, writer: WritableStreamDefaultWriter<Part>) {
    this.#unsent = unsent;
    this.#writer = writer;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0;
  }

  add(chunk: Buffer, count: number): void {
    this.#unsent.change(chunk.length);
    this.#chunks.push(chunk);
    this.#count += count;
  }

  begin(start: Buffer): void {
    this.#unsent.change(start.length);
    this.#chunks.unshift(start);
  }

  /** Whether the part before is taken within `ms`. */
  async isFree(ms: number): Promise<boolean> {
    if (!this.#isWaiting) return true;
    return isWithin(ms, this.#taken);
  }

  /** Hands over what was gathered, after the part before. */
  async put(end: Pick<Part, 'isLast' | 'end'> = { isLast: false, end: null }): Promise<void> {
    await this.#taken;
    this.#isWaiting = true;
    this.#taken = this.#writer.write({ chunks: this.#chunks, count: this.#count, ...end }).then(() => { this.#isWaiting = false; });
    // Thrown by the next call.
    this.#taken.catch(() => {});
    this.#chunks = [];
    this.#count = 0;
  }
}

/** Begins a stream for a caller whose turn has come. Throws as `pullPage` does if it cannot begin. */
export async function pullStream(deps: StreamDeps, caller: Caller, query: PullQuery): Promise<Reply | StreamReply> {
  const { visit, onSent } = deps;
  const unsent = new UnsentBytes((sizeBytes) => visit.holdAnswer(sizeBytes));
  const { writable, readable } = new TransformStream<Part, Part>();
  const [writer, rest] = [writable.getWriter(), readable.getReader()];
  buildStream(deps, caller, query, new Outlet(unsent, writer)).catch((error: unknown) => writer.abort(error)).catch(() => {});
  const { value: first } = await rest.read();
  if (!first) throw new Error('a stream has at least one part');
  if (!first.isLast) return { first, rest, unsent, onSent };
  const { chunks, count, end } = first;
  return { status: 200, headers: { 'Content-Type': streamType, 'Vary': vary }, body: chunks, onSent: () => onSent(count, end) };
}

const vary = 'Accept, Accept-Encoding';

async function buildStream(deps: StreamDeps, caller: Caller, query: PullQuery, outlet: Outlet): Promise<void> {
  const { store, identify, visit, pieceChanges = SNAPSHOT_CHANGES, shortBytes = SHORT_BYTES } = deps;
  let { since } = query;
  let count = 0;
  let begun: { readonly scope: string; readonly clock: Instant } | null = null;
  for (let current = caller; ; current = await identify()) {
    const { role } = current.user;
    const limit = Math.min(query.limit - count, pieceChanges);
    // What was deleted before the first snapshot is not among what this stream has brought.
    const tombstonesAfter = query.since ?? begun?.clock ?? null;
    const { found: piece } = await readFrom(store, current, since, async (snapshot) => {
      const { account } = snapshot;
      const scope = scopeOf(account, role);
      if (begun !== null && begun.scope !== scope) {
        throw new AppError('conflict', 'What this session may see has changed during the pull. Pull again.');
      }
      let isBegun = begun !== null;
      const begin = (total: number): void => {
        isBegun = true;
        outlet.begin(writeStart({ total: Math.min(total, query.limit), scope, nonce: query.nonce }));
      };
      const totalOf = async (): Promise<number> => since === null ? countRecords(digestFor(account, role))
        : snapshot.count(since, namesOf(role));
      const found = await readBatches(snapshot, role, { since, tombstonesAfter, limit, maxBytes: Infinity }, async (batch, sizeBytes) => {
        outlet.add(writeChangeLines(batch), batch.length);
        if (!isBegun && sizeBytes < shortBytes) return true;
        if (!isBegun) begin(await totalOf());
        if (!await outlet.isFree(MAX_PAUSE_MS)) return false;
        await outlet.put();
        return visit.hasRoom(PART_BYTES) && !(sizeBytes >= SHARE_BYTES && visit.isAwaited());
      });
      if (!isBegun) begin(found.hasMore || since === null ? await totalOf() : found.count);
      return { account, scope, ...found };
    });
    const { account, scope, hasMore, last } = piece;
    count += piece.count;
    // Writers can be faster than the client reads. What they have added since the beginning gets one piece.
    const isLast = !hasMore || count === query.limit || (begun !== null && since !== null && since >= begun.clock);
    since = last;
    begun ??= { scope, clock: account.clock };
    if (isLast) {
      const serverTime = formatInstant(hasMore ? last : account.clock);
      outlet.add(writeEnd({ serverTime, count, scope, digest: hasMore ? null : digestFor(account, role) }), 0);
    }
    visit.answerBuilt();
    if (!outlet.isEmpty) await outlet.put({ isLast, end: hasMore ? null : account.clock });
    if (isLast) return;
    await visit.continuePull(PART_BYTES);
  }
}

/**
 * Sends a stream part by part. Resolves also if the client has gone; rejects with what kept the next part from being
 * built, and then the connection is to be closed.
 */
export async function sendPieces(
  request: IncomingMessage, response: ServerResponse, { first, rest, unsent, onSent }: StreamReply,
  { mayCompress, isLast }: { mayCompress: boolean; isLast: boolean },
): Promise<void> {
  const encoding = mayCompress ? negotiateEncoding(request.headers['accept-encoding'] ?? '') : 'identity';
  const endsConnection = isLast || !request.complete;
  response.writeHead(200, {
    'Content-Type': streamType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // A proxy that keeps a long answer until it is complete keeps the client waiting for nothing.
    'X-Accel-Buffering': 'no',
    'Vary': vary,
    ...(encoding === 'identity' ? {} : { 'Content-Encoding': encoding }),
    ...(endsConnection ? { 'Connection': 'close' } : {}),
  });
  if (request.method !== 'HEAD') {
    const encoder = encoding === 'identity' ? null : createEncoder(encoding);
    try {
      for (let part: Part | undefined = first; part;) {
        for (const chunk of part.chunks) {
          const { length } = chunk;
          if (!await sendChunks(response, encoder ? await encoder.encode(chunk) : [chunk])) return;
          unsent.change(-length);
        }
        if (part.isLast && encoder && !await sendChunks(response, await encoder.finish())) return;
        onSent(part.count, part.end);
        if (part.isLast) break;
        const next = rest.read();
        // Thrown below.
        next.catch(() => {});
        // The line would be silent while the compressor keeps what the client could read.
        if (encoder && !await isWithin(MAX_PAUSE_MS, next) && !await sendChunks(response, await encoder.flush())) return;
        part = (await next).value;
      }
    } finally {
      encoder?.close();
      // Ends what is still being built.
      void rest.cancel(new ClientGone('nobody takes the stream any more')).catch(() => {});
    }
  } else {
    response.flushHeaders();
    void rest.cancel(new ClientGone('HEAD')).catch(() => {});
  }
  if (endsConnection) endConnection(request, response);
  else response.end();
}
