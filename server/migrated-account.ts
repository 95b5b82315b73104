// What becomes of an account whose records are converted by migrate-payload.ts: it gets its company, and what is kept beside the records
// is made anew from them.
//
// Invariants: instants stay, so the epoch is a new one, for whoever holds the old payloads; the company has the account's next instant.
// Numbers of any prefix make series now, including those that other programs gave.

import { EPOCH, formatInstant, type Instant } from '../shared/clock.ts';
import { findCollection } from '../shared/collections.ts';
import { addCrc, emptyDigest, recordCrc, type CollectionDigest } from '../shared/digest.ts';
import { isId } from '../shared/fields.ts';
import { issuedNumber } from './invoice-rules.ts';
import { firstCompany } from './migrate-payload.ts';
import { newId } from './records.ts';
import { newEpoch } from './store.ts';
import type { Account, HeldRecord, StoredRecord } from './store.ts';
import { parsePayload } from './verify.ts';

export interface Migration extends Pick<Account, 'clock' | 'digest' | 'numbers' | 'epoch'> {
  readonly company: StoredRecord;
}

export class MigratedAccount {
  readonly #digest: Record<string, CollectionDigest> = {};
  readonly #issued = new Map<string, number>();
  #newest = EPOCH;

  /** Notes a record with its new payload, or a tombstone. */
  add({ collection, id, at }: HeldRecord, payload: string | null): void {
    if (at !== null && at > this.#newest) this.#newest = at;
    // The digest does not count these either.
    if (payload === null || at === null || !findCollection(collection) || !isId(id)) return;
    this.#digest[collection] = addCrc(this.#digest[collection] ?? emptyDigest, recordCrc(id, formatInstant(at), payload));
    const number = collection === 'invoices' ? issuedNumber(parsePayload(payload) ?? {}) : null;
    if (number) this.#issued.set(number.series, Math.max(number.count, this.#issued.get(number.series) ?? 0));
  }

  /** What changes in the account once all of its records are noted. */
  finish(account: Account): Migration {
    const at = Math.max(account.clock, this.#newest) + 1 as Instant;
    const company = { collection: 'company', id: newId(at / 1000), at, payload: firstCompany, secret: null, references: [] };
    this.add(company, company.payload);
    const numbers = [...this.#issued].map(([series, count]) => [series, Math.max(count, account.numbers[series] ?? 0)]);
    return { clock: at, digest: this.#digest, numbers: { ...account.numbers, ...Object.fromEntries(numbers) }, epoch: newEpoch(), company };
  }
}
