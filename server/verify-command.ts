// `node server.ts verify [--fix] [<account>]`: reports what is wrong in the database, account by account, and mends what can be mended.

import { ConfigError } from './config.ts';
import type { Store } from './store.ts';
import { accountFaults, inspectHoldings, type Fault, type FaultKind } from './verify.ts';

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

/** Of one kind and account, as many are listed; the rest is counted. */
const MAX_LISTED = 20;

/** Throws `ConfigError` if the words are not the command's. */
export function parseVerify(args: readonly string[]): VerifyOptions {
  const words = args.filter((word) => word !== '--fix');
  if (words.length > 1 || words.some((word) => word.startsWith('-')) || args.length - words.length > 1) {
    throw new ConfigError('Usage: node server.ts verify [--fix] [<account>]');
  }
  return { fixes: args.includes('--fix'), account: words[0] ?? null };
}

/** Resolves to the exit code: 0 if nothing is wrong, or nothing any more; otherwise 1. Throws `ConfigError` for an unknown account. */
export async function runVerify(store: Store, { account }: VerifyOptions, { nowMs, write }: VerifyDeps): Promise<number> {
  const known = await store.listAccounts();
  if (account !== null && !known.includes(account)) throw new ConfigError(`There is no account ${account}.`);
  let total = 0;
  for (const accountId of account === null ? known : [account]) total += await verifyAccount(store, accountId, nowMs, write);
  return total === 0 ? 0 : 1;
}

/** Reports what is wrong in an account; resolves to how much it is. */
async function verifyAccount(store: Store, accountId: string, nowMs: () => number, write: (line: string) => void): Promise<number> {
  const counts = new Map<FaultKind, number>();
  const report = ({ kind, text }: Fault): void => {
    const found = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, found);
    if (found <= MAX_LISTED) write(`${accountId}: ${text}.\n`);
  };
  const findings = await store.readHoldings(accountId, (holdings) => inspectHoldings(holdings, async (faults) => faults.forEach(report)));
  accountFaults(findings, nowMs()).forEach(report);
  for (const [kind, found] of counts) if (found > MAX_LISTED) write(`${accountId}: … and ${found - MAX_LISTED} more (${kind}).\n`);
  const total = [...counts.values()].reduce((sum, found) => sum + found, 0);
  write(`${accountId}: ${total === 0 ? 'Nothing is wrong' : count(total, 'problem')} in ${count(findings.recordCount, 'record')}.\n`);
  return total;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
