// The audit trail as its readers and writers see it: what an entry says, its pages for an owner, and its export as CSV.
//
// Invariants: an entry is written by `Transaction.audit` in the transaction of what it reports, and names fields only. A
// reader continues after the number of the last entry read, and so misses none and sees none twice.

import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { formatInstant } from '../shared/clock.ts';
import { authorField } from '../shared/collections.ts';
import { csvText } from '../shared/csv.ts';
import { AppError, hasSystemCode } from '../shared/errors.ts';
import { problem } from '../shared/problems.ts';
import type { SignedInUser } from '../shared/protocol.ts';
import { ConfigError } from './config.ts';
import { invalid, type Reply } from './http.ts';
import type { Account, AuditEntry, RecordContent, Session, Store, StoredEntry } from './store.ts';

/** Who acts, as in `Caller`. */
export interface Actor {
  readonly user: Pick<SignedInUser, 'id' | 'email'>;
  readonly session: Pick<Session, 'sessionId'>;
  readonly from: { readonly peer: string; readonly requestId: string };
}

/** Who reads, as in `Caller`. */
export interface Reader {
  readonly user: Pick<SignedInUser, 'role'>;
  readonly account: Pick<Account, 'accountId' | 'epoch'>;
}

/** What an entry is about. */
export interface Subject {
  readonly collection: string;
  readonly record: string;
  readonly fields?: readonly string[];
}

const entryLimit = { default: 100, max: 1000 } as const;

export function entryOf({ user, session, from }: Actor, action: string, { collection, record, fields = [] }: Subject): AuditEntry {
  return {
    action, actor: user.id, email: user.email, session: session.sessionId, peer: from.peer, request: from.requestId,
    collection, record, fields,
  };
}

/** An entry about a command on the server's machine; without a subject it concerns the whole account. */
export function adminEntry(action: string, subject: Subject | null = null): AuditEntry {
  return {
    action, actor: 'admin', email: null, session: null, peer: null, request: null,
    collection: subject?.collection ?? null, record: subject?.record ?? null, fields: subject?.fields ?? [],
  };
}

/** The names of the published fields that differ, but for who wrote them, and `password` if the unpublished part does. */
export function changedFields(before: RecordContent | null, after: RecordContent): string[] {
  const [old, current] = [before?.payload ?? '{}', after.payload].map((payload) => JSON.parse(payload) as Record<string, unknown>);
  const names = [...new Set([...Object.keys(current ?? {}), ...Object.keys(old ?? {})])].filter((name) => name !== authorField);
  const changed = names.filter((name) => JSON.stringify(old?.[name]) !== JSON.stringify(current?.[name]));
  return (before?.secret ?? null) === after.secret ? changed : [...changed, 'password'];
}

/** A page of the account's trail, oldest first. Throws `invalid_request`, or `forbidden` for anyone but an owner. */
export async function auditPage(
  store: Store, { user: { role }, account: { accountId, epoch } }: Reader, query: ReadonlyMap<string, string>,
): Promise<Reply> {
  if (role !== 'owner') throw new AppError('forbidden', 'Only an owner of this account may see its audit trail.');
  const after = readCount(query, 'after', 0, 0);
  const limit = Math.min(readCount(query, 'limit', entryLimit.default, 1), entryLimit.max);
  const found = await store.auditEntries(accountId, after, limit + 1);
  return { status: 200, body: { success: true, epoch, hasMore: found.length > limit, entries: found.slice(0, limit).map(toWire) } };
}

/**
 * `node server.ts audit --csv`: writes the trail to `output` as fast as it is read. Also resolves if the reader goes away, as
 * `head` does. Throws `ConfigError` for other arguments, and if the output cannot take it all.
 */
export async function runAudit(store: Store, args: readonly string[], output: Writable): Promise<void> {
  if (args.length !== 1 || args[0] !== '--csv') throw new ConfigError('Usage: node server.ts audit --csv > <file>');
  try {
    await pipeline(Readable.from(auditCsv(store)), output, { end: false });
  } catch (error) {
    if (hasSystemCode(error, 'EPIPE')) return;
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    const reason = hasSystemCode(error, 'ENOSPC', 'EDQUOT') ? 'the disk is full' : String('code' in error ? error.code : error.message);
    throw new ConfigError(`The trail was not written completely: ${reason}.`, { cause: error });
  }
}

const csvColumns = [
  'account', 'number', 'at', 'action', 'actor', 'email', 'session', 'peer', 'request', 'collection', 'record', 'fields',
] as const;

/**
 * The trail of every account, oldest entries first, as CSV (RFC 4180, UTF-8 with a byte order mark) in pieces; no value can be
 * taken for a formula. Entries that are added meanwhile may be included.
 */
export async function* auditCsv(store: Pick<Store, 'listAccounts' | 'auditEntries'>): AsyncGenerator<string> {
  yield `\uFEFF${csvColumns.join(',')}\r\n`;
  for (const account of await store.listAccounts()) {
    for (let after = 0, isLast = false; !isLast;) {
      const entries = await store.auditEntries(account, after, entryLimit.max);
      const lines = entries.map((stored): string => {
        const values: Readonly<Record<string, unknown>> = { account, ...toWire(stored), fields: stored.entry.fields.join(' ') };
        return `${csvColumns.map((name) => csvText(String(values[name] ?? ''), { delimiter: ',' })).join(',')}\r\n`;
      });
      if (lines.length > 0) yield lines.join('');
      after = entries.at(-1)?.number ?? after;
      isLast = entries.length < entryLimit.max;
    }
  }
}

function toWire({ number, at, entry }: StoredEntry): { readonly number: number; readonly at: string } & AuditEntry {
  return { number, at: formatInstant(at), ...entry };
}

function readCount(query: ReadonlyMap<string, string>, name: string, otherwise: number, min: number): number {
  const text = query.get(name) ?? String(otherwise);
  if (!/^\d{1,15}$/.test(text) || Number(text) < min) throw invalid(name, problem('min', { min }));
  return Number(text);
}
