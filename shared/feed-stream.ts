// The change feed as one stream of lines, written and read as bytes: a payload never becomes text or objects.
//
// Every line is one JSON value without white space between its tokens, with its members in this order, and ends with one line
// feed, the last one too. A change has the layout of a page's line (feed.ts), without the comma:
//
//   {"type":"start","total":2,"scope":"…","nonce":"…"}
//   {"type":"upsert","collection":"plans","mongoId":"…","updatedAt":"…","payload":{…}}
//   {"type":"delete","collection":"plans","mongoId":"…","updatedAt":"…"}
//   {"type":"end","serverTime":"…","count":2,"scope":"…","digest":{…}}
//
// `nonce` is there if the request has one. A stream that ends although there are more changes, at its `limit` or because they are
// made faster than they are taken, has `"hasMore":true` between `count` and `scope`, no `digest`, and as its `serverTime` the
// `updatedAt` of its last change. A stream without an end line was cut: each of its complete lines is good, and `updatedAt` of the
// last of them is a cursor.

import { isUtf8 } from 'node:buffer';

import { EPOCH, formatInstant } from './clock.ts';
import type { Digest } from './digest.ts';
import type { AppError } from './errors.ts';
import { badLayout, readChange, toPage, writeEach, type Change, type Page, type WireChange } from './feed.ts';
import { releaseBuffer } from './heap.ts';
import { badResponse } from './protocol.ts';

/** The type of a stream, in `Accept` and `Content-Type`. */
export const streamType = 'application/x-ndjson';

export interface StreamStart {
  /** How many changes are to come, as of the stream's beginning. */
  readonly total: number;
  readonly scope: string;
  /** As the request sent it; null if it sent none. */
  readonly nonce: string | null;
}

export interface StreamEnd {
  readonly serverTime: string;
  /** The number of changes in the stream. */
  readonly count: number;
  readonly scope: string;
  /** Null if there are more changes than the stream has. */
  readonly digest: Digest | null;
}

export function writeStart({ total, scope, nonce }: StreamStart): Buffer {
  return writeLine({ type: 'start', total, scope, ...(nonce !== null && { nonce }) });
}

/** Changes as lines of a stream. */
export function writeChangeLines(changes: readonly Change[]): Buffer {
  return writeEach(changes, '', '', '\n');
}

export function writeEnd({ serverTime, count, scope, digest }: StreamEnd): Buffer {
  return writeLine({ type: 'end', serverTime, count, ...(digest === null && { hasMore: true }), scope, ...(digest && { digest }) });
}

function writeLine(members: object): Buffer {
  return Buffer.from(`${JSON.stringify(members)}\n`);
}

/** How much one piece of a stream may hold: it ends with the last line that it has room for. */
export interface PieceLimits {
  readonly changes: number;
  readonly sizeBytes: number;
  /** In the first piece; default: `changes`. */
  readonly firstChanges?: number;
}

/** A part of a stream. */
export interface StreamPiece {
  /**
   * Its changes as a page: `hasMore` with the last change's instant as `serverTime`, except for the last one, which has what the
   * end line says. `total` is that of the start line, in the first piece only.
   */
  readonly page: Page;
  /** The lines of its changes as they came: see `readLines`. */
  readonly bytes: Buffer;
  /** Frees its memory; neither its bytes nor its payloads may be read afterwards. */
  readonly release: () => void;
}

const NEWLINE = 0x0a;
const LETTER_E = 0x65;
/** Where the letter is that tells an end line from any change. */
const TYPE_AT = '{"type":"'.length;
/** Far above any record; bounds the memory that a broken server can use. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** Reads the lines of changes that a `StreamPiece` has as its bytes. Throws `bad_response`. */
export function readLines(bytes: Buffer): readonly WireChange[] {
  if (!isUtf8(bytes)) throw notUtf8();
  const changes: WireChange[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    changes.push(readChange(bytes, start, end));
    start = end + 1;
  }
  return changes;
}

/**
 * Reads a stream whose bytes arrive cut anywhere, and cuts it into pieces. It holds the bytes of one piece, or of one line if that
 * is longer. All methods throw `bad_response` if the stream is not laid out as above, its changes are not in the order of their
 * instants, or not as many as it says, or if a line is longer than 16 MiB; nothing can be read after that. Payloads are not
 * validated, as those of pages are not.
 */
export class StreamReader {
  readonly #limits: PieceLimits;
  #buffer: Buffer;
  #filled = 0;
  /** Where the line begins that has not been read. */
  #lineStart = 0;
  /** Where the first of `#changes` begins, and the last one ends. */
  #from = 0;
  #to = 0;
  #changes: WireChange[] = [];
  #count = 0;
  #lastInstant = '';
  #start: Page | null = null;
  #hasCut = false;
  #end: Record<string, unknown> | null = null;
  /** Of a piece that was released: allocating one for every piece would make V8 collect garbage far more often. */
  #spare: Buffer | null = null;

  constructor(limits: PieceLimits) {
    this.#limits = limits;
    this.#buffer = Buffer.allocUnsafeSlow(limits.sizeBytes);
  }

  /** Takes the next bytes, and yields every piece that they fill. */
  *read(chunk: Uint8Array): Generator<StreamPiece> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.#buffer.length - this.#filled);
      const searchedTo = this.#filled;
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      let arrived = this.#buffer.subarray(0, this.#filled);
      for (let end = arrived.indexOf(NEWLINE, searchedTo); end >= 0; end = arrived.indexOf(NEWLINE, this.#lineStart)) {
        this.#readLine(end);
        this.#lineStart = end + 1;
        if (this.#changes.length < this.#maxChanges) continue;
        yield this.#cut();
        arrived = this.#buffer.subarray(0, this.#filled);
      }
      if (this.#filled < this.#buffer.length) continue;
      if (this.#changes.length > 0) yield this.#cut();
      else this.#makeRoom();
    }
  }

  /** The changes that have arrived since the last piece, as a piece; null if there are none. */
  flush(): StreamPiece | null {
    return this.#changes.length === 0 ? null : this.#cut();
  }

  /** Whether the end line has arrived. A stream that ends without it was cut. */
  get hasEnd(): boolean {
    return this.#end !== null;
  }

  /** The last piece of a stream that has its end. Null if there are more changes, but none since the piece before. */
  end(): StreamPiece | null {
    if (this.#end === null || this.#filled > this.#lineStart) throw badLayout();
    if (this.#end['hasMore'] === true && this.#changes.length === 0) return null;
    const piece = this.#cut();
    for (const buffer of [this.#buffer, this.#spare]) if (buffer) releaseBuffer(buffer);
    const { nonce, total, changes } = piece.page;
    return { ...piece, page: toPage({ hasMore: false, ...this.#end, nonce, total }, changes) };
  }

  get #maxChanges(): number {
    const { changes, firstChanges = changes } = this.#limits;
    return this.#hasCut ? changes : firstChanges;
  }

  /** Reads the line from `#lineStart` to before `end`. */
  #readLine(end: number): void {
    if (this.#end !== null) throw badResponse('something follows its end');
    if (this.#start === null) {
      this.#start = toPage({ ...this.#readMembers('start', end), serverTime: formatInstant(EPOCH), hasMore: true }, []);
      if (this.#start.total === null) throw badResponse('it does not say how many changes are to come');
      return;
    }
    if (this.#buffer[this.#lineStart + TYPE_AT] === LETTER_E) {
      this.#end = this.#readMembers('end', end);
      if (this.#end['count'] !== this.#count) throw badResponse('count is not the number of changes');
      if (this.#end['scope'] !== this.#start.scope) throw badResponse('it ends with another scope than it began with');
      if (this.#end['hasMore'] === true && this.#count === 0) throw badResponse('it has more changes, but none of them');
      return;
    }
    const change = readChange(this.#buffer, this.#lineStart, end);
    // As text: all instants are written alike.
    if (change.updatedAt <= this.#lastInstant) throw badResponse('its changes are not in the order of their instants');
    this.#lastInstant = change.updatedAt;
    if (this.#changes.length === 0) this.#from = this.#lineStart;
    this.#to = end + 1;
    this.#changes.push(change);
    this.#count += 1;
  }

  #readMembers(type: 'start' | 'end', end: number): Record<string, unknown> {
    const line = this.#buffer.subarray(this.#lineStart, end);
    const text = line.toString('utf8');
    if (!isUtf8(line) || !text.startsWith(`{"type":"${type}",`)) throw badLayout();
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw badLayout(error);
    }
  }

  /** What has been read since the last piece. What follows it moves to a new buffer. */
  #cut(): StreamPiece {
    const [buffer, changes, start] = [this.#buffer, this.#changes, this.#start];
    const bytes = changes.length === 0 ? Buffer.alloc(0) : buffer.subarray(this.#from, this.#to);
    if (!isUtf8(bytes)) throw notUtf8();
    if (start === null) throw badLayout();
    const page: Page = { ...start, serverTime: this.#lastInstant, changes, total: this.#hasCut ? null : start.total };
    this.#hasCut = true;
    this.#changes = [];
    this.#moveTo(this.#takeBuffer(this.#filled - this.#lineStart));
    return { page, bytes, release: () => this.#release(buffer) };
  }

  #takeBuffer(sizeBytes: number): Buffer {
    const spare = this.#spare;
    this.#spare = null;
    return spare && spare.length >= sizeBytes ? spare : Buffer.allocUnsafeSlow(Math.max(this.#limits.sizeBytes, sizeBytes));
  }

  #release(buffer: Buffer): void {
    if (this.#end === null && this.#spare === null && buffer.length <= this.#limits.sizeBytes) this.#spare = buffer;
    else releaseBuffer(buffer);
  }

  #makeRoom(): void {
    if (this.#lineStart > 0) return this.#moveTo(this.#buffer);
    if (this.#filled >= MAX_LINE_BYTES) throw badResponse('one of its lines is too long');
    this.#moveTo(Buffer.allocUnsafeSlow(Math.min(2 * this.#filled, MAX_LINE_BYTES)));
  }

  /** Goes on in this buffer with what has not been read. */
  #moveTo(buffer: Buffer): void {
    this.#buffer.copy(buffer, 0, this.#lineStart, this.#filled);
    this.#filled -= this.#lineStart;
    this.#lineStart = 0;
    this.#buffer = buffer;
  }
}

function notUtf8(): AppError {
  return badResponse('the changes are not UTF-8');
}
