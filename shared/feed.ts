// One page of the change feed, written and read as bytes: a payload never becomes text or objects.
//
// A payload is the same slice of UTF-8 from the server's database to the desktop's row, because its exact bytes are what
// the digest covers. To slice it without parsing, both ends rely on the layout of a page, which the protocol fixes:
//
//   {"success":true,"serverTime":"…","nonce":"…","count":2,"hasMore":false,"scope":"…","total":2,"digest":{…},"changes":[
//   {"type":"upsert","collection":"plans","mongoId":"…","updatedAt":"…","payload":{…}},
//   {"type":"delete","collection":"plans","mongoId":"…","updatedAt":"…"}
//   ]}
//
// Each line ends with one line feed, the last one too; a page without changes has an empty line in their place. JSON has
// no line feed inside a string, so a change ends where its line does.

import { isUtf8 } from 'node:buffer';

import { createInstantFormat, instantLength, parseInstant, type Instant } from './clock.ts';
import type { Digest } from './digest.ts';
import type { AppError } from './errors.ts';
import { isId, isObject } from './fields.ts';
import { badResponse } from './protocol.ts';

/** A record at its newest version, its payload JSON in UTF-8 without line feeds, or its tombstone, with `payload` null. */
export interface Change {
  readonly collection: string;
  readonly id: string;
  readonly at: Instant;
  readonly payload: Buffer | null;
}

/** A change as received: its instant as text, its payload the UTF-8 that was sent, a view into the page's bytes. */
export interface WireChange {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: Uint8Array | null;
}

export interface Page {
  readonly serverTime: string;
  /** As the request sent it; null if it sent none. */
  readonly nonce: string | null;
  readonly changes: readonly WireChange[];
  readonly hasMore: boolean;
  readonly scope: string;
  /** The number of records there are to pull; null unless the request had no cursor. */
  readonly total: number | null;
  /** Only with `hasMore: false`. */
  readonly digest: Digest | null;
}

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const CLOSING_BRACE = 0x7d;
const QUOTE = 0x22;
const SPACE = 0x20;

const changesStart = ',"changes":[';
const pageEnd = ']}\n';

/** Changes as JSON in UTF-8, one per line. `isFirst` if the page has none before them. */
export function writeChanges(changes: readonly Change[], isFirst: boolean): Buffer {
  return writeEach(changes, isFirst ? '' : ',\n', ',\n', '');
}

const upsertStart = '{"type":"upsert","collection":"';
const deleteStart = '{"type":"delete","collection":"';
const idStart = '","mongoId":"';
const instantStart = '","updatedAt":"';
const payloadStart = '","payload":';
const deleteEnd = '"}';
/** The size of an upsert without collection, id and payload, and of a delete without collection and id. */
const UPSERT_BYTES = upsertStart.length + idStart.length + instantStart.length + instantLength + payloadStart.length + 1;
const DELETE_BYTES = deleteStart.length + idStart.length + instantStart.length + instantLength + deleteEnd.length;

/** Changes as JSON in UTF-8: `first` goes before the first one, `between` before each other one, and `after` follows each. */
export function writeEach(changes: readonly Change[], first: string, between: string, after: string): Buffer {
  let sizeBytes = changes.length === 0 ? 0 : first.length + between.length * (changes.length - 1) + after.length * changes.length;
  for (const { collection, id, payload } of changes) {
    sizeBytes += collection.length + id.length + (payload === null ? DELETE_BYTES : UPSERT_BYTES + payload.length);
  }
  const bytes = Buffer.allocUnsafe(sizeBytes);
  const format = createInstantFormat();
  let before = first;
  let at = 0;
  // All but payloads is ASCII. What follows a payload is written with the beginning of the next line: calls take most of the time.
  for (const { collection, id, at: instant, payload } of changes) {
    const text = `${collection}${idStart}${id}${instantStart}${format(instant)}`;
    if (payload === null) at += bytes.write(`${before}${deleteStart}${text}${deleteEnd}`, at, 'latin1');
    else {
      at += bytes.write(`${before}${upsertStart}${text}${payloadStart}`, at, 'latin1');
      bytes.set(payload, at);
      at += payload.length;
    }
    before = `${payload === null ? '' : '}'}${after}${between}`;
  }
  bytes.write(before.slice(0, before.length - between.length), at, 'latin1');
  return bytes;
}

/** The size of a change on the wire, give or take a few bytes. */
export function changeSizeBytes({ payload }: Change): number {
  return UPSERT_BYTES + 40 + (payload?.length ?? 0);
}

/** What goes before and after a page's changes, which `writeChanges` writes batch by batch. */
export function pageFrame(page: Omit<Page, 'changes'>, count: number): { readonly head: string; readonly tail: string } {
  const { serverTime, nonce, hasMore, scope, total, digest } = page;
  const members = JSON.stringify({
    success: true, serverTime, ...(nonce !== null && { nonce }), count, hasMore, scope,
    ...(total !== null && { total }), ...(digest && { digest }),
  });
  return { head: `${members.slice(0, -1)}${changesStart}\n`, tail: `\n${pageEnd}` };
}

/**
 * Reads a page; throws `bad_response` if it is not laid out as above. Payloads are not validated, not even as JSON: SQLite
 * parses them, and one that is malformed must not stop the changes around it.
 */
export function readPage(bytes: Buffer): Page {
  if (!isUtf8(bytes)) throw badResponse('the page of changes is not UTF-8');
  const headEnd = bytes.indexOf(NEWLINE);
  const members = readFrame(bytes.toString('utf8', 0, Math.max(headEnd, 0)));
  const changes: WireChange[] = [];
  let at = headEnd + 1;
  for (let isLast = bytes[at] === NEWLINE; !isLast;) {
    const end = bytes.indexOf(NEWLINE, at);
    isLast = bytes[end - 1] !== COMMA;
    changes.push(readChange(bytes, at, isLast ? end : end - 1));
    at = end + 1;
  }
  if (changes.length === 0) at += 1;
  if (bytes.toString('latin1', at) !== pageEnd) throw badLayout();
  if (members['count'] !== changes.length) throw badResponse('count is not the number of changes');
  return toPage(members, changes);
}

/** For what is not laid out as above. */
export function badLayout(cause?: unknown): AppError {
  return badResponse('it is not laid out as the protocol says', cause);
}

/** The members on a page's first line. Those that are not known are for later clients. */
function readFrame(line: string): Record<string, unknown> {
  if (!line.endsWith(changesStart)) throw badLayout();
  try {
    return JSON.parse(`${line}]}`) as Record<string, unknown>;
  } catch (error) {
    throw badLayout(error);
  }
}

/** The change from `start` to before `end`, laid out as above. Throws `bad_response`. Its payload is a view into the bytes. */
export function readChange(bytes: Buffer, start: number, end: number): WireChange {
  const upsertStart = skipText(bytes, start, '{"type":"upsert","collection":"');
  const isUpsert = upsertStart >= 0;
  const nameStart = isUpsert ? upsertStart : skipText(bytes, start, '{"type":"delete","collection":"');
  const nameEnd = nameStart < 0 ? -1 : bytes.indexOf(QUOTE, nameStart);
  const idStart = skipText(bytes, nameEnd, '","mongoId":"');
  const idEnd = idStart < 0 ? -1 : bytes.indexOf(QUOTE, idStart);
  const instantStart = skipText(bytes, idEnd, '","updatedAt":"');
  const instantEnd = instantStart < 0 ? -1 : bytes.indexOf(QUOTE, instantStart);
  const headEnd = skipText(bytes, instantEnd, isUpsert ? '","payload":' : '"}');
  if (headEnd < 0 || headEnd > end) throw badLayout();
  // Decoded one by one: slices of one decoded head would each keep the whole head alive.
  const collection = bytes.toString('latin1', nameStart, nameEnd);
  const id = bytes.toString('latin1', idStart, idEnd);
  const updatedAt = bytes.toString('latin1', instantStart, instantEnd);
  if (!namePattern.test(collection) || !isId(id) || !instantPattern.test(updatedAt)) throw badLayout();
  if (!isUpsert) {
    if (headEnd !== end) throw badLayout();
    return { collection, id, updatedAt, payload: null };
  }
  if (bytes[end - 1] !== CLOSING_BRACE || bytes[headEnd] === SPACE) throw badLayout();
  return { collection, id, updatedAt, payload: bytes.subarray(headEnd, end - 1) };
}

const namePattern = /^[a-zA-Z]+$/;
const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** The index after the ASCII `text` at `start`; negative if it is not there or `start` is negative. */
function skipText(bytes: Buffer, start: number, text: string): number {
  if (start < 0) return -1;
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[start + index] !== text.charCodeAt(index)) return -1;
  }
  return start + text.length;
}

/** Throws `bad_response` if a member is missing or of the wrong kind. Those that are not known are for later clients. */
export function toPage(members: Record<string, unknown>, changes: readonly WireChange[]): Page {
  const { serverTime, nonce = null, hasMore, scope, total = null, digest = null } = members;
  if (typeof serverTime !== 'string' || parseInstant(serverTime) === null) throw badResponse('serverTime is missing');
  if (typeof hasMore !== 'boolean' || typeof scope !== 'string') throw badResponse('hasMore or scope is missing');
  if (nonce !== null && typeof nonce !== 'string') throw badResponse('the nonce is not text');
  if (total !== null && !isCount(total)) throw badResponse('total is not a number of records');
  if (digest !== null && !isDigest(digest)) throw badResponse('the digest is malformed');
  return { serverTime, nonce, changes, hasMore, scope, total, digest };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isDigest(value: unknown): value is Digest {
  return isObject(value) && Object.values(value).every((entry) =>
    isObject(entry) && Number.isSafeInteger(entry['count']) && Number.isSafeInteger(entry['sum']));
}
