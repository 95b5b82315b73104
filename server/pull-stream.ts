// A pull as a stream: the change feed in one answer of any length.
//
// It is made of pieces, each read as the next page would be: from a snapshot of its own, after the last change of the piece
// before, for a caller who is looked up again. The next piece is read while one is sent. So a client that does not read holds two
// pieces and no snapshot, and a stream does not outlive its session or what the session may see. One that fails in the middle
// is cut: the connection is closed without an end line.

import type { IncomingMessage, ServerResponse } from 'node:http';

import { formatInstant, type Instant } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import { streamType, writeChangeLines, writeEnd, writeStart } from '../shared/feed-stream.ts';
import type { Visit } from './admission.ts';
import type { Caller } from './auth.ts';
import { createEncoder, negotiateEncoding } from './compression.ts';
import { endConnection, type Reply } from './http.ts';
import { digestFor, readPiece, scopeOf, type PullQuery } from './pull.ts';
import { sendChunks } from './sending.ts';
import type { Store } from './store.ts';

/** The most of one piece. It is read and written without anybody waiting for long, and is worth the reads that it begins with. */
const PIECE_CHANGES = 2000;
const PIECE_BYTES = 1024 * 1024;

interface StreamPiece {
  /** Its lines as bytes. */
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
  readonly visit: Pick<Visit, 'continuePull' | 'holdAnswer' | 'answerBuilt'>;
  /** Called when so many changes have left this process, and if they were the last ones, with the account's clock. */
  readonly onSent: (count: number, end: Instant | null) => void;
}

/** A stream of more than one piece. */
export interface StreamReply {
  readonly first: StreamPiece;
  readonly rest: AsyncGenerator<StreamPiece>;
  readonly unsent: UnsentBytes;
  readonly onSent: StreamDeps['onSent'];
}

/** What a stream holds: pieces that are built and not sent, and the one that is being built. */
class UnsentBytes {
  readonly #hold: (sizeBytes: number) => void;
  #builtBytes = 0;
  #growingBytes = 0;

  constructor(hold: (sizeBytes: number) => void) {
    this.#hold = hold;
  }

  /** Throws `unavailable` if that is too much. */
  grow(sizeBytes: number): void {
    this.#growingBytes = sizeBytes;
    this.#hold(this.#builtBytes + sizeBytes);
  }

  built(chunks: readonly Buffer[]): void {
    this.#builtBytes += chunks.reduce((sum, { length }) => sum + length, 0);
    this.grow(0);
  }

  sent(sizeBytes: number): void {
    this.#builtBytes -= sizeBytes;
    this.#hold(this.#builtBytes + this.#growingBytes);
  }
}

/** Builds the first piece of a stream for a caller whose turn has come; a stream that is no longer becomes an ordinary reply. Throws
 * as `pullPage`. */
export async function pullStream(deps: StreamDeps, caller: Caller, query: PullQuery): Promise<Reply | StreamReply> {
  const { visit, onSent } = deps;
  const unsent = new UnsentBytes((sizeBytes) => visit.holdAnswer(sizeBytes));
  const rest = buildPieces(deps, unsent, caller, query);
  const { value: first } = await rest.next();
  if (!first) throw new Error('a stream has at least one piece');
  if (!first.isLast) return { first, rest, unsent, onSent };
  const { chunks, count, end } = first;
  return { status: 200, headers: { 'Content-Type': streamType, 'Vary': vary }, body: chunks, onSent: () => onSent(count, end) };
}

const vary = 'Accept, Accept-Encoding';

/** Each piece is built when it is asked for. */
async function* buildPieces(
  { store, identify, visit }: StreamDeps, unsent: UnsentBytes, caller: Caller, query: PullQuery,
): AsyncGenerator<StreamPiece> {
  let { since } = query;
  let count = 0;
  let begun: { readonly scope: string; readonly clock: Instant } | null = null;
  for (let current = caller; ; await visit.continuePull(), current = await identify()) {
    const limit = Math.min(query.limit - count, PIECE_CHANGES);
    const range = { since, limit, maxBytes: PIECE_BYTES, write: writeChangeLines };
    const piece = await readPiece(store, current, range, (sizeBytes) => unsent.grow(sizeBytes), begun === null);
    const { account, hasMore, last } = piece;
    const scope = scopeOf(account, current.user.role);
    const chunks = [...piece.chunks];
    if (begun === null) chunks.unshift(writeStart({ total: Math.min(piece.total, query.limit), scope, nonce: query.nonce }));
    else if (begun.scope !== scope) throw new AppError('conflict', 'What this session may see has changed during the pull. Pull again.');
    // Writers can be faster than the client reads. What they have added since the beginning gets one piece.
    const isOverdue = begun !== null && since !== null && since >= begun.clock;
    const isLast = !hasMore || count + piece.count === query.limit || isOverdue;
    begun ??= { scope, clock: account.clock };
    count += piece.count;
    since = last;
    if (isLast) {
      const serverTime = formatInstant(hasMore ? last : account.clock);
      chunks.push(writeEnd({ serverTime, count, scope, digest: hasMore ? null : digestFor(account, current.user.role) }));
    }
    unsent.built(chunks);
    visit.answerBuilt();
    yield { chunks, count: piece.count, isLast, end: hasMore ? null : account.clock };
    if (isLast) return;
  }
}

/**
 * Sends a stream piece by piece. Resolves also if the client has gone; rejects with what kept the next piece from being
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
      for (let piece: StreamPiece | undefined = first; piece; ) {
        const next: Promise<IteratorResult<StreamPiece, undefined>> | null = piece.isLast ? null : rest.next();
        // Awaited once this piece is sent.
        next?.catch(() => {});
        for (const chunk of piece.chunks) {
          const { length } = chunk;
          if (!await sendChunks(response, encoder ? await encoder.encode(chunk) : [chunk])) return;
          unsent.sent(length);
        }
        if (piece.isLast && encoder && !await sendChunks(response, await encoder.finish())) return;
        onSent(piece.count, piece.end);
        piece = (await next)?.value;
      }
    } finally {
      encoder?.close();
    }
  }
  if (endsConnection) endConnection(request, response);
  else response.end();
}
