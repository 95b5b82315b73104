// One page of the change feed, written and read as bytes without ever building a payload into text or objects.
//
// A payload is a slice of the same UTF-8 from the server's database to the desktop's row: its exact bytes are what the
// digest covers. The writer puts one change on a line; the reader accepts any JSON text of the same meaning, because
// line breaks are no part of the contract.

import { isUtf8 } from 'node:buffer';

import { formatInstant, parseInstant, type Instant } from './clock.ts';
import type { Digest } from './digest.ts';
import { isId, isObject } from './fields.ts';
import { badResponse } from './protocol.ts';

/** A record at its newest version, its payload in UTF-8, or, with `payload` null, its tombstone. */
export interface Change {
  readonly collection: string;
  readonly id: string;
  readonly at: Instant;
  readonly payload: Buffer | null;
}

/** A change as it arrived: its instant is text, its payload the UTF-8 that was sent, a view into the page's bytes. */
export interface WireChange {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: Uint8Array | null;
}

export interface Page {
  readonly serverTime: string;
  readonly changes: readonly WireChange[];
  readonly hasMore: boolean;
  readonly scope: string;
  /** With `hasMore: false` only. */
  readonly digest: Digest | null;
}

/** What stands before a change's payload, all of it ASCII; without a payload it is the whole change. */
function changeHead({ collection, id, at, payload }: Change): string {
  const members = `"collection":"${collection}","mongoId":"${id}","updatedAt":"${formatInstant(at)}"`;
  return payload === null ? `{"type":"delete",${members}}` : `{"type":"upsert",${members},"payload":`;
}

/** Stands between two changes of a page. */
const separator = ',\n';

/** Changes as JSON in UTF-8, one a line with `payload` last; `isFirst` where nothing of the page stands before them. */
export function writeChanges(changes: readonly Change[], isFirst: boolean): Buffer {
  const heads = changes.map((change, index) => (isFirst && index === 0 ? '' : separator) + changeHead(change));
  const sizeBytes = changes.reduce((sum, { payload }, index) =>
    sum + (heads[index]?.length ?? 0) + (payload === null ? 0 : payload.length + 1), 0);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const [index, { payload }] of changes.entries()) {
    at += bytes.write(heads[index] ?? '', at, 'latin1');
    if (payload === null) continue;
    at += payload.copy(bytes, at);
    bytes[at] = CLOSING_BRACE;
    at += 1;
  }
  return bytes;
}

/** What a change takes on the wire, to within a few bytes. */
export function changeSizeBytes({ payload }: Change): number {
  return HEAD_BYTES + (payload?.length ?? 0);
}

/** A head with names and an instant as long as ours. */
const HEAD_BYTES = 130;

/** What stands around a page's changes, which are written one after another by `writeChanges`. */
export function pageFrame(page: Omit<Page, 'changes'>, count: number): { readonly head: string; readonly tail: string } {
  const head = `{"success":true,"serverTime":"${page.serverTime}","count":${count},"hasMore":${page.hasMore}`;
  const digest = page.digest === null ? '' : `,"digest":${JSON.stringify(page.digest)}`;
  return { head: `${head},"scope":${JSON.stringify(page.scope)}${digest},"changes":[\n`, tail: '\n]}\n' };
}

/** Reads a page; throws `bad_response` where it is not one. Payloads are sliced and not checked: SQLite parses them. */
export function readPage(bytes: Buffer): Page {
  if (!isUtf8(bytes)) throw badResponse('the page of changes is not UTF-8');
  return readOurLayout(bytes) ?? readAnyLayout(bytes);
}

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * The quick way, ten times faster than scanning and without a copy of the page: what `pageFrame` and `writeChanges` lay
 * out, each change alone on its line, so its payload ends where the line does (JSON text has no line break inside a
 * string). Null where anything is laid out otherwise, or the changes are not as many as `count` says: two on one line
 * look like one.
 */
function readOurLayout(bytes: Buffer): Page | null {
  const headEnd = bytes.indexOf(NEWLINE);
  if (headEnd < 0 || bytes.toString('latin1', headEnd - 1, headEnd) !== '[') return null;
  const members = parseOrNull(`${bytes.toString('utf8', 0, headEnd)}]}`);
  if (!isObject(members) || !Array.isArray(members['changes'])) return null;
  const changes: WireChange[] = [];
  let at = headEnd + 1;
  for (let end = bytes.indexOf(NEWLINE, at); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
    const lineEnd = bytes[end - 1] === COMMA ? end - 1 : end;
    const change = end > at ? readLine(bytes, at, lineEnd) : null;
    if (change === null) break;
    changes.push(change);
    at = end + 1;
    if (lineEnd === end) break;
  }
  const hasNone = changes.length === 0 && bytes[at] === NEWLINE;
  if (bytes.toString('latin1', hasNone ? at + 1 : at) !== ']}\n' || members['count'] !== changes.length) return null;
  return toPage(members, changes);
}

/** One change as `writeChanges` writes it, or null where it is laid out otherwise. */
function readLine(bytes: Buffer, start: number, end: number): WireChange | null {
  const nameStart = skipText(bytes, start, '{"type":"upsert","collection":"');
  if (nameStart < 0) {
    const change = parseOrNull(bytes.toString('utf8', start, end));
    return isObject(change) ? deletionIn(change) : null;
  }
  const nameEnd = bytes.indexOf(QUOTE, nameStart);
  const idStart = skipText(bytes, nameEnd, '","mongoId":"');
  const idEnd = idStart < 0 ? -1 : bytes.indexOf(QUOTE, idStart);
  const instantStart = skipText(bytes, idEnd, '","updatedAt":"');
  const instantEnd = instantStart < 0 ? -1 : bytes.indexOf(QUOTE, instantStart);
  const payloadStart = skipText(bytes, instantEnd, '","payload":');
  if (payloadStart < 0 || payloadStart > end) return null;
  // Texts of their own: those that a pattern finds in a decoded head would each keep the whole head alive.
  const collection = bytes.toString('latin1', nameStart, nameEnd);
  const id = bytes.toString('latin1', idStart, idEnd);
  const updatedAt = bytes.toString('latin1', instantStart, instantEnd);
  const isWhole = namePattern.test(collection) && isId(id) && instantPattern.test(updatedAt)
    && bytes[payloadStart] === OPENING_BRACE && bytes[end - 1] === CLOSING_BRACE && bytes[end - 2] === CLOSING_BRACE;
  return isWhole ? { collection, id, updatedAt, payload: bytes.subarray(payloadStart, end - 1) } : null;
}

const namePattern = /^[a-zA-Z]+$/;
const instantPattern = /^[0-9T:.Z-]+$/;

/** The index after the ASCII `text` that stands at `start`; negative where another stands there, or where `start` is. */
function skipText(bytes: Buffer, start: number, text: string): number {
  if (start < 0) return -1;
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[start + index] !== text.charCodeAt(index)) return -1;
  }
  return start + text.length;
}

function deletionIn({ type, collection, mongoId: id, updatedAt, payload }: Record<string, unknown>): WireChange | null {
  const isWhole = type === 'delete' && typeof collection === 'string' && typeof id === 'string' && isId(id)
    && typeof updatedAt === 'string' && payload === undefined;
  return isWhole ? { collection, id, updatedAt, payload: null } : null;
}

/** Checks what stands around the changes. */
function toPage({ serverTime, hasMore, scope, digest = null }: Record<string, unknown>, changes: readonly WireChange[]): Page {
  if (typeof serverTime !== 'string' || parseInstant(serverTime) === null) throw badResponse('serverTime is missing');
  if (typeof hasMore !== 'boolean' || typeof scope !== 'string') throw badResponse('hasMore or scope is missing');
  if (digest !== null && !isDigest(digest)) throw badResponse('the digest is malformed');
  return { serverTime, changes, hasMore, scope, digest };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * A page in any layout. All of JSON's own characters are ASCII, and no byte of any other character looks like one: so
 * the page is scanned as one character a byte, in which an index is the byte's own, and only what is read is decoded.
 */
interface Source {
  readonly bytes: Buffer;
  /** The bytes, one character each. */
  readonly scan: string;
}

function readAnyLayout(bytes: Buffer): Page {
  const source = { bytes, scan: bytes.toString('latin1') };
  const { scan } = source;
  const members: Record<string, unknown> = {};
  const changes: WireChange[] = [];
  try {
    const end = readMembers(source, skipSpace(scan, 0), (key, start) => {
      if (key === 'changes') {
        members[key] = true;
        return readChanges(source, start, changes);
      }
      const valueEnd = skipValue(scan, start);
      if (frameMembers.includes(key)) members[key] = JSON.parse(decode(source, start, valueEnd));
      return valueEnd;
    });
    if (skipSpace(scan, end) !== scan.length) throw new SyntaxError('there is more after the page');
    if (!members['changes']) throw new SyntaxError('there are no changes');
  } catch (error) {
    throw badResponse('the page of changes is cut short or malformed', error);
  }
  if (members['count'] !== changes.length) throw badResponse('count is not the number of changes');
  return toPage(members, changes);
}

const frameMembers: readonly string[] = ['serverTime', 'count', 'hasMore', 'scope', 'digest'];

function decode({ bytes }: Source, start: number, end: number): string {
  return bytes.toString('utf8', start, end);
}

function readChanges(source: Source, start: number, changes: WireChange[]): number {
  const { scan } = source;
  let at = skipSpace(scan, expect(scan, start, '['));
  changes.length = 0;
  while (scan[at] !== ']') {
    at = skipSpace(scan, readElement(source, at, changes));
    if (scan[at] !== ',') break;
    at = skipSpace(scan, at + 1);
  }
  return expect(scan, at, ']');
}

function readElement(source: Source, start: number, changes: WireChange[]): number {
  const members = new Map<string, { start: number; end: number }>();
  const end = readMembers(source, start, (key, valueStart) => {
    const valueEnd = skipValue(source.scan, valueStart);
    members.set(key, { start: valueStart, end: valueEnd });
    return valueEnd;
  });
  changes.push(toChange(source, members));
  return end;
}

function toChange(source: Source, members: ReadonlyMap<string, { start: number; end: number }>): WireChange {
  const read = (name: string): unknown => {
    const place = members.get(name);
    return place ? JSON.parse(decode(source, place.start, place.end)) : null;
  };
  const type = read('type');
  const collection = read('collection');
  const id = read('mongoId');
  const updatedAt = read('updatedAt');
  const place = members.get('payload');
  const isWhole = typeof collection === 'string' && typeof id === 'string' && isId(id)
    && typeof updatedAt === 'string'
    && (type === 'upsert' ? place !== undefined && source.scan[place.start] === '{' : type === 'delete' && place === undefined);
  if (!isWhole) throw new SyntaxError(`not a change: ${[...members.keys()].join(', ')}`);
  return { collection, id, updatedAt, payload: place ? source.bytes.subarray(place.start, place.end) : null };
}

/** Walks the object at `start`; `visit` gets each key and where its value starts, and returns where it ends. */
function readMembers(source: Source, start: number, visit: (key: string, valueStart: number) => number): number {
  const { scan } = source;
  let at = skipSpace(scan, expect(scan, start, '{'));
  while (scan[at] !== '}') {
    const keyEnd = endOfString(scan, at);
    const valueStart = skipSpace(scan, expect(scan, skipSpace(scan, keyEnd), ':'));
    at = skipSpace(scan, visit(JSON.parse(decode(source, at, keyEnd)) as string, valueStart));
    if (scan[at] !== ',') break;
    at = skipSpace(scan, at + 1);
  }
  return expect(scan, at, '}');
}

/** The index after the value that starts at `start`. */
function skipValue(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
    } else {
      at += 1;
      if (code === OPENING_BRACE || code === 0x5b) depth += 1;
      else if (code === CLOSING_BRACE || code === 0x5d) depth -= 1;
      else if (depth === 0) at = endOfLiteral(text, at);
      else continue;
    }
    if (depth === 0) return at;
    if (depth < 0) break;
  }
  throw new SyntaxError('a value does not end');
}

function endOfLiteral(text: string, start: number): number {
  let at = start;
  while (at < text.length && !/[\s,\]}]/.test(text.charAt(at))) at += 1;
  return at;
}

/** The index after the string that opens at `start`: past the first quote that an even run of backslashes precedes. */
function endOfString(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) throw new SyntaxError(`a string was expected at ${start}`);
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) throw new SyntaxError('a string does not end');
    let before = quote - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((quote - before) % 2 === 1) return quote + 1;
  }
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at += 1;
  }
}

function expect(text: string, at: number, character: string): number {
  if (text[at] !== character) throw new SyntaxError(`${character} was expected at ${at}`);
  return at + 1;
}

function isDigest(value: unknown): value is Digest {
  return isObject(value) && Object.values(value).every((entry) =>
    isObject(entry) && Number.isSafeInteger(entry['count']) && Number.isSafeInteger(entry['sum']));
}
