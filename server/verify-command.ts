// `node server.ts verify [--fix] [<account>]`: reports what is wrong in the database, account by account, and mends what can be mended.

import { formatInstant, instantFromMs } from '../shared/clock.ts';
import { ConfigError } from './config.ts';
import { addMissingSingles, bringBack, catchUp, mendAccount, mendCredits, mendRecords, mendTombstones } from './mend.ts';
import type { Store } from './store.ts';
import { accountFaults, inspectHoldings, isFarAhead, type Fault, type FaultKind } from './verify.ts';

export interface VerifyOptions {
  readonly fixes: boolean;
  /** Null: all accounts. */
  readonly account: string | null;
}

export interface VerifyDeps {
  readonly nowMs: () => number;
  /** Prints text that ends a line. */
  readonly write: (line: string) => void;
}

const everyDesktop = 'Every desktop pulls everything again, once.';
/** How many problems of one kind are listed per account; the rest are counted. */
const MAX_LISTED = 20;

/** What `mendAccount` corrects, by the kind of fault. */
const corrections: Partial<Record<FaultKind, string>> = {
  digest: 'the digest', epoch: 'the epoch', clock: 'the clock', horizon: 'the horizon', series: 'the series of invoice numbers',
  trail: 'the number of the newest audit entry', index: 'the index of references', address: 'the sign-in addresses that are free',
};

/** Throws `ConfigError` if the words are not the command's. */
export function parseVerify(args: readonly string[]): VerifyOptions {
  const words = args.filter((word) => word !== '--fix');
  if (words.length > 1 || words.some((word) => word.startsWith('-')) || args.length - words.length > 1) {
    throw new ConfigError('Usage: node server.ts verify [--fix] [<account>]');
  }
  return { fixes: args.includes('--fix'), account: words[0] ?? null };
}

/**
 * Resolves to the exit code: 0 if nothing is wrong, or nothing any more; otherwise 1. Throws `ConfigError` for an unknown account, and
 * `conflict` if two commands mend one account at once.
 */
export async function runVerify(store: Store, { fixes, account }: VerifyOptions, deps: VerifyDeps): Promise<number> {
  const { write } = deps;
  const known = await store.listAccounts();
  const unfinished = (await store.listImports()).filter((accountId) => account === null || accountId === account);
  const allOrphans = await store.listOrphans();
  const orphans = allOrphans.filter(({ accountId }) => account === null || accountId === account);
  const all = [...known, ...unfinished, ...orphans.map(({ accountId }) => accountId)];
  if (account !== null && !all.includes(account)) throw new ConfigError(`There is no account ${account}.`);
  const accounts = account === null ? known : known.filter((accountId) => accountId === account);
  if (account === null && all.length === 0) write('There is no account in this database.\n');
  // First of all, because everything else is stamped by the clocks; the embedded database stamps nothing as long as one is ahead.
  if (fixes) for (const accountId of accounts) await mendClock(store, accountId, deps);
  let remaining = 0;
  for (const accountId of accounts) {
    const { found, isMended } = await verifyAccount(store, accountId, fixes, allOrphans.length > 0, deps);
    if (found > 0 && isMended) {
      write(`${accountId}: Looking again.\n`);
      remaining += (await verifyAccount(store, accountId, false, false, deps)).found;
    } else remaining += found;
  }
  for (const accountId of unfinished) {
    write(`${accountId}: An import of this account has not finished, and nobody can sign in to it. Repeat it.\n`);
  }
  for (const { accountId, records } of orphans) {
    const what = records > 0 ? `${count(records, 'record')} ${records === 1 ? 'is' : 'are'}` : 'Entries beside the records are';
    write(`${accountId}: ${what} kept for an account that does not exist.\n`);
  }
  return remaining + unfinished.length + orphans.length === 0 ? 0 : 1;
}

async function mendClock(store: Store, accountId: string, { nowMs, write }: VerifyDeps): Promise<void> {
  const now = nowMs();
  const { before, after, lastEntry, unreadable } = await catchUp(store, accountId, now);
  if (unreadable.length > 0) write(`${accountId}: The account's ${unreadable.join(', ')} cannot be read, and is made anew.\n`);
  if (lastEntry !== null) write(`${accountId}: Set the number of the newest audit entry to ${lastEntry}.\n`);
  const isBehind = after > before && !unreadable.includes('clock');
  if (isBehind) write(`${accountId}: Set the clock from ${formatInstant(before)} to the newest change, ${formatInstant(after)}.\n`);
  if (!isFarAhead(after, now)) return;
  write(`${accountId}: The clock shows ${formatInstant(after)}, which is after now, ${formatInstant(instantFromMs(now))}.\n`);
  const moved = await bringBack(store, accountId, now);
  const what = moved > 0 ? `Stamped ${count(moved, 'change')} anew, from now on and in their order` : 'Set the clock back to now';
  write(`${accountId}: ${what}. ${everyDesktop}\n`);
}

/**
 * Reports what is wrong in an account, and mends it if asked to; resolves to how much was wrong. An account without records is not
 * mended if there are orphans: they may be its own, under another key.
 */
async function verifyAccount(
  store: Store, accountId: string, fixes: boolean, hasOrphans: boolean, { nowMs, write }: VerifyDeps,
): Promise<{ readonly found: number; readonly isMended: boolean }> {
  const counts = new Map<FaultKind, number>();
  let mended = 0;
  const report = ({ kind, text }: Fault): void => {
    const found = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, found);
    if (found <= MAX_LISTED) write(`${accountId}: ${text}.\n`);
  };
  const findings = await store.readHoldings(accountId, (holdings) => inspectHoldings(holdings, async (faults) => {
    faults.forEach(report);
    if (fixes) mended += await mendRecords(store, accountId, faults) + await mendTombstones(store, accountId, faults);
  }));
  const ofAccount = accountFaults(findings, nowMs());
  ofAccount.forEach(report);
  for (const [kind, found] of counts) if (found > MAX_LISTED) write(`${accountId}: … and ${found - MAX_LISTED} more (${kind}).\n`);
  const total = [...counts.values()].reduce((sum, found) => sum + found, 0);
  write(`${accountId}: ${total === 0 ? 'Nothing is wrong' : count(total, 'problem')} in ${count(findings.recordCount, 'record')}.\n`);
  if (!fixes || total === 0) return { found: total, isMended: false };
  if (hasOrphans && findings.recordCount === 0) {
    write(`${accountId}: Not mended: it has no records, and there are records without an account, which may be its own.\n`);
    return { found: total, isMended: false };
  }
  if (ofAccount.length > 0) await mendAccount(store, findings);
  mended += await addMissingSingles(store, findings) + await mendCredits(store, findings);
  if (mended > 0) write(`${accountId}: Mended ${count(mended, 'record')}.\n`);
  const corrected = [...new Set(ofAccount.flatMap(({ kind }) => corrections[kind] ?? []))];
  const renews = ofAccount.some(({ kind }) => kind === 'digest' || kind === 'epoch');
  if (corrected.length > 0) write(`${accountId}: Corrected ${corrected.join(', ')}.${renews ? ` ${everyDesktop}` : ''}\n`);
  return { found: total, isMended: true };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
