// An account as a file: NDJSON in UTF-8, made by `node server.ts export` and read by `import`.
//
//   {"type":"account","version":2,"accountId":"…","exportedAt":"…","clock":"…","horizon":"…","digest":{…},…}
//   {"type":"record","collection":"users","id":"…","at":"…","payload":"{…}","secret":"{…}","references":[]}      oldest first,
//   {"type":"tombstone","collection":"plans","id":"…","at":"…"}                                                  both together
//   {"type":"address","email":"…","userId":"…"}
//   {"type":"reply","key":"…","body":"…","keptAtMs":…}
//   {"type":"audit","number":1,"at":"…","entry":{…}}
//   {"type":"end","records":1,"tombstones":1,"addresses":1,"replies":1,"entries":1,"sha256":"…"}
//
// Payloads are text within the JSON, because the digest covers their exact bytes. The last line has the SHA-256 of all bytes before it,
// so a file that was cut or changed is detected. The kinds of lines come in this order. A file holds password hashes.

import { formatInstant, parseInstant, type Instant } from '../shared/clock.ts';
import type { Digest } from '../shared/digest.ts';
import { isObject } from '../shared/fields.ts';
import type { Account, Address, AuditEntry, HeldRecord, StoredEntry, StoredReply } from './store.ts';

/** Version 1 had the records of protocol 1. */
export const formatVersion = 2;

export interface Counts {
  readonly records: number;
  readonly tombstones: number;
  readonly addresses: number;
  readonly replies: number;
  readonly entries: number;
}

export const noCounts: Counts = { records: 0, tombstones: 0, addresses: 0, replies: 0, entries: 0 };

/** An account as its first line has it. `epoch` is null unless the account was moved with `--move`. */
export type FileAccount = Omit<Account, 'epoch'> & { readonly epoch: string | null };

export type FileLine =
  | { readonly type: 'account'; readonly account: FileAccount }
  | { readonly type: 'record' | 'tombstone'; readonly record: HeldRecord & { readonly at: Instant } }
  | { readonly type: 'address'; readonly address: Address }
  | { readonly type: 'reply'; readonly reply: StoredReply }
  | { readonly type: 'audit'; readonly entry: StoredEntry }
  | { readonly type: 'end'; readonly counts: Counts; readonly sha256: string };

export function accountLine({ clock, horizon, ...account }: FileAccount, exportedAt: Instant): string {
  return toLine('account', {
    version: formatVersion, exportedAt: formatInstant(exportedAt), clock: formatInstant(clock), horizon: formatInstant(horizon), ...account,
  });
}

export function recordLine({ collection, id, at, payload, secret, references }: HeldRecord & { readonly at: Instant }): string {
  const key = { collection, id, at: formatInstant(at) };
  return payload === null ? toLine('tombstone', key) : toLine('record', { ...key, payload, secret, references });
}

export function addressLine(address: Address): string {
  return toLine('address', address);
}

/** Without the fingerprint, which is made with a secret of the database. */
export function replyLine({ key, body, keptAtMs }: StoredReply): string {
  return toLine('reply', { key, body, keptAtMs });
}

export function entryLine({ number, at, entry }: StoredEntry): string {
  return toLine('audit', { number, at: formatInstant(at), entry });
}

export function endLine(counts: Counts, sha256: string): string {
  return toLine('end', { ...counts, sha256 });
}

function toLine(type: FileLine['type'], members: object): string {
  return `${JSON.stringify({ type, ...members })}\n`;
}

/** Parses a line; returns what is wrong as text if it does not have the form above. Its content is not checked against anything else. */
export function parseLine(text: string): FileLine | string {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (!isObject(line)) return 'it is not an object';
  switch (line['type']) {
    case 'account': return parseAccount(line);
    case 'record': return parseRecord(line);
    case 'tombstone': return parseTombstone(line);
    case 'address': return parseAddress(line);
    case 'reply': return parseReply(line);
    case 'audit': return parseEntry(line);
    case 'end': return parseEnd(line);
    default: return 'its type is not known';
  }
}

function parseAccount(line: Record<string, unknown>): FileLine | string {
  const { version, accountId, digest, numbers, epoch, pausedMs, audited } = line;
  if (version === 1) return 'it is of version 1 of the format: import it with the server version that wrote it, and upgrade that database';
  if (version !== formatVersion) return `it is of version ${String(version)} of the format, and this server reads version ${formatVersion}`;
  const clock = instantOf(line['clock']);
  const horizon = instantOf(line['horizon']);
  const isComplete = typeof accountId === 'string' && /^[0-9a-f]{24}$/.test(accountId) && clock !== null && horizon !== null
    && (epoch === null || (typeof epoch === 'string' && isEpoch(epoch)))
    && isDigest(digest) && isNumbers(numbers) && Number.isSafeInteger(pausedMs) && isCount(audited);
  if (!isComplete) return incomplete;
  return { type: 'account', account: {
    accountId, clock, horizon, digest, numbers, epoch, pausedMs: Number(pausedMs), audited: Number(audited),
  } };
}

function parseRecord({ collection, id, at, payload, secret, references }: Record<string, unknown>): FileLine | string {
  const instant = instantOf(at);
  const isComplete = typeof collection === 'string' && typeof id === 'string' && instant !== null && typeof payload === 'string'
    && isTextOrNull(secret) && isTexts(references);
  return isComplete ? { type: 'record', record: { collection, id, at: instant, payload, secret, references } } : incomplete;
}

function parseTombstone({ collection, id, at }: Record<string, unknown>): FileLine | string {
  const instant = instantOf(at);
  const isComplete = typeof collection === 'string' && typeof id === 'string' && instant !== null;
  const unused = { payload: null, secret: null, references: [] };
  return isComplete ? { type: 'tombstone', record: { collection, id, at: instant, ...unused } } : incomplete;
}

function parseAddress({ email, userId }: Record<string, unknown>): FileLine | string {
  return typeof email === 'string' && typeof userId === 'string' ? { type: 'address', address: { email, userId } } : incomplete;
}

function parseReply({ key, body, keptAtMs }: Record<string, unknown>): FileLine | string {
  const isComplete = typeof key === 'string' && typeof body === 'string' && typeof keptAtMs === 'number';
  return isComplete ? { type: 'reply', reply: { key, fingerprint: '', body, keptAtMs } } : incomplete;
}

function parseEntry({ number, at, entry }: Record<string, unknown>): FileLine | string {
  const instant = instantOf(at);
  return isCount(number) && instant !== null && isEntry(entry) ? { type: 'audit', entry: { number, at: instant, entry } } : incomplete;
}

function parseEnd(line: Record<string, unknown>): FileLine | string {
  const { records, tombstones, addresses, replies, entries, sha256 } = line;
  const isComplete = isCount(records) && isCount(tombstones) && isCount(addresses) && isCount(replies) && isCount(entries)
    && typeof sha256 === 'string';
  return isComplete ? { type: 'end', counts: { records, tombstones, addresses, replies, entries }, sha256 } : incomplete;
}

const incomplete = 'a member is missing or malformed';

function instantOf(value: unknown): Instant | null {
  const instant = typeof value === 'string' ? parseInstant(value) : null;
  // Only the form that is written here, so that the text stays the same.
  return instant !== null && instant >= 0 && formatInstant(instant) === value ? instant : null;
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isEpoch(text: string): boolean {
  return /^[\w-]{8,64}$/.test(text);
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return isObject(value) && Object.values(value).every(isCount);
}

export function isDigest(value: unknown): value is Digest {
  return isObject(value) && Object.values(value).every((entry) => isObject(entry) && isCount(entry['count']) && isCount(entry['sum']));
}

function isEntry(value: unknown): value is AuditEntry {
  if (!isObject(value) || !isTexts(value['fields'])) return false;
  if (['action', 'actor'].some((name) => typeof value[name] !== 'string')) return false;
  return ['email', 'session', 'peer', 'request', 'collection', 'record'].every((name) => isTextOrNull(value[name]));
}
