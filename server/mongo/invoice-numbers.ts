// Which invoice of an account has which number, so that no document of another program brings one that an invoice has already.
//
// Invariant: numbers are read once, and from then on those of the invoices that have changed.

import type { ClientSession } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import { byInstant } from './holdings.ts';
import { byId, majorityRead, toInstant, toStored, type Tables } from './schema.ts';

export class InvoiceNumbers {
  readonly #tables: Tables;
  readonly #accountId: string;
  readonly #ids = new Map<string, string>();
  #readTo: Instant = EPOCH;

  constructor(tables: Tables, accountId: string) {
    this.#tables = tables;
    this.#accountId = accountId;
  }

  /** The invoice that has each of these numbers, not older than what the session has read. */
  async holders(numbers: readonly string[], session: ClientSession): Promise<Map<string, string>> {
    if (numbers.length === 0) return new Map();
    await this.#readOn(session);
    const accountId = this.#accountId;
    // An invoice may have lost its number since, or be gone.
    const ids = numbers.flatMap((number) => this.#ids.get(number) ?? []);
    if (ids.length === 0) return new Map();
    const options = { ...majorityRead, session, projection: { payload: 1 }, ...byId };
    const found = await this.#tables.records('invoices').find({ _id: { $in: ids }, accountId }, options).toArray();
    return new Map(found.flatMap(({ _id, payload }) => {
      const number = numberOf(payload);
      return number === null ? [] : [[number, _id] as const];
    }));
  }

  async #readOn(session: ClientSession): Promise<void> {
    const filter = { accountId: this.#accountId, 'sync.at': { $gt: toStored(this.#readTo) } };
    const changed = this.#tables.records('invoices').find(filter, { ...majorityRead, session, sort: byInstant });
    for await (const { _id, sync, payload } of changed) {
      const number = numberOf(payload);
      if (number !== null) this.#ids.set(number, _id);
      this.#readTo = toInstant(sync.at);
    }
  }
}

/** The number in an invoice's payload; null also where somebody has damaged it. */
export function numberOf(payload: string): string | null {
  try {
    const number = (JSON.parse(payload) as { readonly number?: unknown } | null)?.number;
    return typeof number === 'string' ? number : null;
  } catch {
    return null;
  }
}
