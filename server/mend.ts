// Mends what `verify` found: what can be known from the records themselves. Nothing is ever deleted but addresses that are nobody's
// and tombstones of records that exist.
//
// Each step is one of the account's writes, so servers may go on beside it, and a kill between two leaves an account that is as sound
// as before or sounder: the command is run again. The digest is corrected by a difference, which other writes do not change; if two
// commands correct it at once, the epoch shows it.

import { formatInstant, instantFromMs, type Instant } from '../shared/clock.ts';
import { findCollection, type Invoice } from '../shared/collections.ts';
import { addCrc, digestDifferences, emptyDigest, recordCrc, shiftDigest, subtractCrc } from '../shared/digest.ts';
import { AppError } from '../shared/errors.ts';
import type { JsonObject } from '../shared/fields.ts';
import { issuedStatus } from '../shared/invoice.ts';
import { isEpoch } from './account-file.ts';
import { adminEntry } from './audit.ts';
import { addressKey } from './auth.ts';
import { writtenBy } from './author.ts';
import { MAX_SKEW_MS } from './clock-check.ts';
import { initialCompany } from './company.ts';
import { isSeries } from './invoice-rules.ts';
import { newId, referencesOf, toContent } from './records.ts';
import { leastPausedMs } from './reply-age.ts';
import { newEpoch } from './store.ts';
import type { Account, Address, HeldRecord, Mending, Store, StoredRecord } from './store.ts';
import { isHorizon, isLaidOut, parsePayload, type Fault, type FaultKind, type Findings } from './verify.ts';

const action = 'verify';
/** Records that one transaction moves to another instant. */
const BATCH_SIZE = 200;
const MAX_SAFE_INSTANT = Number.MAX_SAFE_INTEGER as Instant;

/** The faults of a record that can be mended from its present state. */
const mendableKinds: readonly FaultKind[] = ['instant', 'layout', 'undeleted', 'references'];

/**
 * Gives records that no pull can bring, or would not bring again, the next instants of the account, and keeps the references that
 * their payloads have. Resolves to how many are mended.
 */
export async function mendRecords(store: Store, accountId: string, faults: readonly Fault[]): Promise<number> {
  const mendable = faults.flatMap(({ kind, record }) => (record && mendableKinds.includes(kind) ? [{ kind, record }] : []));
  if (mendable.length === 0) return 0;
  return store.mend(accountId, async (mending) => {
    let mended = 0;
    for (const faultsOfRecord of Map.groupBy(mendable, ({ record }) => `${record.collection} ${record.id}`).values()) {
      if (await mendRecord(mending, faultsOfRecord)) mended += 1;
    }
    return mended;
  });
}

interface RecordFault {
  readonly kind: FaultKind;
  readonly record: HeldRecord;
}

/**
 * Gives tombstones that share an instant the next ones of the account, and drops those without one, which no pull can bring. Resolves
 * to how many are mended.
 */
export async function mendTombstones(store: Store, accountId: string, faults: readonly Fault[]): Promise<number> {
  const found = faults.flatMap(({ kind, record }) => (kind === 'tombstone' && record ? [record] : []));
  if (found.length === 0) return 0;
  await store.mend(accountId, async (mending) => {
    let { clock } = mending.account;
    for (const record of found) {
      if (record.at === null) {
        mending.dropTombstone(record);
        continue;
      }
      clock = clock + 1 as Instant;
      mending.restamp(record, clock);
    }
    mending.setAccount({ clock });
    mending.audit(adminEntry(action));
  });
  return found.length;
}

async function mendRecord(mending: Mending, faults: readonly RecordFault[]): Promise<boolean> {
  const [found] = faults;
  const collection = found && findCollection(found.record.collection);
  const held = collection ? await mending.held(collection.name, found.record.id) : null;
  const payload = held && parsePayload(held.payload ?? '');
  if (!collection || !held || !payload) return false;
  const references = referencesOf(collection, payload).map(([, , id]) => id);
  const tombstones = faults.filter(({ kind }) => kind === 'undeleted');
  // Somebody may have saved the record since it was found.
  const isAlone = !faults.some(({ kind, record }) => kind === 'instant' && record.at === held.at);
  if (tombstones.length === 0 && isAlone && isLaidOut(held.payload ?? '')) {
    if (held.at !== null) mending.keep({ ...held, at: held.at, payload: held.payload ?? '', references });
    return true;
  }
  const content = { payload: JSON.stringify(writtenBy(null, payload)), secret: held.secret, references };
  // Without an instant it is not in the digest.
  const previous: StoredRecord | null = held.at === null ? null : { ...held, at: held.at, payload: held.payload ?? '' };
  mending.put(collection.name, held.id, content, previous);
  for (const { record } of tombstones) mending.dropTombstone(record);
  mending.audit(adminEntry(action, { collection: collection.name, record: held.id }));
  return true;
}

/**
 * Corrects what is kept beside the records. If the digest was wrong, the account gets a new epoch: which record somebody changed
 * cannot be known, so every desktop pulls everything again, once. Throws `conflict` if another command has done so since the records
 * were read, or if an address is somebody else's.
 */
export async function mendAccount(store: Store, findings: Findings): Promise<void> {
  const { account, digest, newest, issued, misfiled, lastEntry, missing, stray } = findings;
  const { accountId } = account;
  const wrong = digestDifferences(account.digest, digest);
  await store.mend(accountId, async (mending) => {
    const now = mending.account;
    if (now.epoch !== account.epoch) {
      throw new AppError('conflict', `The account ${accountId} was given a new epoch meanwhile: run the command again.`);
    }
    const corrected = wrong.map((name) => [
      name, shiftDigest(now.digest[name] ?? emptyDigest, account.digest[name] ?? emptyDigest, digest[name] ?? emptyDigest),
    ]);
    const kept = Object.entries(now.numbers).filter(([series, count]) => isSeries(series, count));
    const numbers = Object.entries(issued).map(([series, count]) => [series, Math.max(count, Object.fromEntries(kept)[series] ?? 0)]);
    const clock = Math.max(now.clock, newest) as Instant;
    mending.setAccount({
      digest: { ...now.digest, ...Object.fromEntries(corrected) },
      clock,
      // Its old value is not known, and no cursor may go on that could have missed a deletion.
      horizon: isHorizon(now.horizon, clock) ? now.horizon : clock,
      audited: Math.max(now.audited, lastEntry),
      numbers: Object.fromEntries([...kept, ...numbers]),
      ...(wrong.length > 0 || !isEpoch(now.epoch) ? { epoch: newEpoch() } : {}),
    });
    if (misfiled > 0) mending.refileReferences();
    for (const { email, userId } of stray) if (await addressOf(mending, userId) !== email) mending.releaseAddress(email);
    mending.audit(adminEntry(action));
  });
  for (const address of missing) await claimAddress(store, accountId, address);
}

/** Adds the missing records to the collections that have exactly one; returns how many. */
export async function addMissingSingles(store: Store, { account, singles }: Findings): Promise<number> {
  const missing = [...singles].filter(([, ids]) => ids.length === 0).flatMap(([name]) => findCollection(name) ?? []);
  for (const collection of missing) {
    await store.mend(account.accountId, async (mending) => {
      if ((await mending.list(collection.name)).length > 0) return;
      const id = newId(mending.account.clock / 1000);
      mending.put(collection.name, id, toContent(collection, initialCompany(), null), null);
      mending.audit(adminEntry(action, { collection: collection.name, record: id }));
    });
  }
  return missing.length;
}

/**
 * Corrects what invoices say was credited, and their status with it, by the difference that was found. An invoice whose credit notes
 * come to more than its total is left alone: nothing shows what is right. Returns how many are corrected.
 */
export async function mendCredits(store: Store, { account, credits }: Findings): Promise<number> {
  let mended = 0;
  for (const { id, notedMinor, issuedMinor } of credits) {
    await store.mend(account.accountId, async (mending) => {
      const previous = await mending.get('invoices', id);
      const collection = findCollection('invoices');
      const invoice = previous && parsePayload(previous.payload) as JsonObject & Invoice | null;
      if (!collection || !previous || !invoice) return;
      const creditedMinor = Number(invoice.creditedMinor) + issuedMinor - notedMinor;
      if (!(creditedMinor >= 0 && creditedMinor <= invoice.totalMinor)) return;
      const isIssued = invoice.status === 'open' || invoice.status === 'paid';
      const status = isIssued ? issuedStatus({ ...invoice, creditedMinor }) : invoice.status;
      mending.put('invoices', id, toContent(collection, { ...invoice, creditedMinor, status }, previous.secret), previous);
      mending.audit(adminEntry(action, { collection: 'invoices', record: id }));
      mended += 1;
    });
  }
  return mended;
}

/** One by one, so that an address that somebody else has does not keep the others from being claimed. */
async function claimAddress(store: Store, accountId: string, { email, userId }: Address): Promise<void> {
  try {
    await store.mend(accountId, async (mending) => {
      if (await addressOf(mending, userId) === email) mending.claimAddress(email, userId);
    });
  } catch (error) {
    // It is found again, and reported as what remains.
    if (!(error instanceof AppError && error.code === 'conflict')) throw error;
  }
}

async function addressOf(mending: Mending, userId: string): Promise<string | null> {
  const held = await mending.held('users', userId);
  const email = held && parsePayload(held.payload ?? '')?.['email'];
  return typeof email === 'string' ? addressKey(email) : null;
}

/** What `catchUp` found. */
export interface CaughtUp {
  /** The clock before and after. */
  readonly before: Instant;
  readonly after: Instant;
  /** The number of the newest audit entry, if the account is behind it. */
  readonly lastEntry: number | null;
  /** The members that could not be read. */
  readonly unreadable: readonly (keyof Account)[];
}

/**
 * Sets an account's clock to the newest change and the trail's number to the newest entry if they are behind, because no two
 * writes may have the same stamp or number, and replaces members that cannot be read by ones that can be corrected. `nowMs` is
 * taken as correct.
 */
export async function catchUp(store: Store, accountId: string, nowMs: number): Promise<CaughtUp> {
  return store.mend(accountId, async (mending) => {
    const { account, unreadable } = mending;
    const before = account.clock;
    const after = Math.max(before, await mending.newestUpTo(MAX_SAFE_INSTANT)) as Instant;
    const audited = Math.max(account.audited, await mending.lastEntry());
    if (after > before || audited > account.audited || unreadable.length > 0) {
      const pausedMs = unreadable.includes('pausedMs') ? leastPausedMs(nowMs, await mending.newestReplyMs()) : account.pausedMs;
      mending.setAccount({ clock: after, audited, pausedMs });
    }
    return { before, after, lastEntry: audited > account.audited ? audited : null, unreadable };
  });
}

/**
 * Brings an account that a wrong clock has stamped ahead back to the present: those changes keep their order, with instants from
 * now on. `nowMs` is taken as correct. Resolves to how many were moved. Every step renews the epoch, because cursors may lie among
 * the instants that are no longer there; a kill leaves the rest for the next time.
 */
export async function bringBack(store: Store, accountId: string, nowMs: number): Promise<number> {
  const limit = instantFromMs(nowMs + MAX_SKEW_MS);
  await store.acceptClock();
  let step: Step = { after: limit, last: null, moved: 0, isDone: false };
  while (!step.isDone) {
    const before = step;
    step = await store.mend(accountId, (mending) => moveBatch(mending, before, limit, nowMs));
  }
  // The accepted instant must come back to the present, too.
  await store.acceptClock();
  return step.moved;
}

interface Step {
  /** The old instant of the last change that was moved; all new ones are before it. */
  readonly after: Instant;
  /** Its new instant; null before the first. */
  readonly last: Instant | null;
  readonly moved: number;
  readonly isDone: boolean;
}

async function moveBatch(mending: Mending, { after, last, moved }: Step, limit: Instant, nowMs: number): Promise<Step> {
  const { account } = mending;
  let at = last ?? Math.max(instantFromMs(nowMs), await mending.newestUpTo(limit)) as Instant;
  const ahead = await mending.heldAfter(after, BATCH_SIZE);
  const newest = ahead.at(-1)?.at ?? null;
  if (newest === null) {
    // The kept replies stay as old as they were; if none was kept under the wrong clock, none may now be older than the newest was.
    const movedMs = Math.floor((account.clock - at) / 1000);
    const pausedMs = Math.max(account.pausedMs - movedMs, leastPausedMs(at / 1000, await mending.newestReplyMs()));
    mending.setAccount({ clock: at, horizon: Math.min(account.horizon, at) as Instant, pausedMs, epoch: newEpoch() });
    mending.audit(adminEntry(action));
    return { after, last: at, moved, isDone: true };
  }
  const digest = { ...account.digest };
  for (const record of ahead) {
    const { collection, id, at: old, payload } = record;
    if (old === null) continue;
    at = at + 1 as Instant;
    mending.restamp(record, at);
    if (payload === null) continue;
    const rest = subtractCrc(digest[collection] ?? emptyDigest, recordCrc(id, formatInstant(old), payload));
    digest[collection] = addCrc(rest, recordCrc(id, formatInstant(at), payload));
  }
  mending.setAccount({ digest, clock: Math.max(account.clock, newest) as Instant, epoch: newEpoch() });
  return { after: newest, last: at, moved: moved + ahead.length, isDone: false };
}
