// Which invoice of an account has which number, so that no document of another program brings one that an invoice has already.
//
// Invariant: numbers are read once, and from then on those of the invoices that have changed.

import type { ClientSession } from 'mongodb';

import { EPOCH, type Instant } from '../../shared/clock.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { raiseSeries } from '../invoice-rules.ts';
import type { Mending } from '../store.ts';
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

/**
 * Which of a batch's invoices cannot have the numbers that they are to get, and why; notes in `holders` who has which then. A number that
 * another invoice of the batch gives up is free, as where two swap theirs.
 */
export function assignNumbers(wanted: ReadonlyMap<string, string | null>, holders: Map<string, string>): ReadonlyMap<string, string> {
  const refused = new Map<string, string>();
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    const isKept = ([number, id]: readonly [string, string]): boolean => refused.has(id) || !wanted.has(id) || wanted.get(id) === number;
    const taken = new Map([...holders].filter(isKept));
    for (const [id, number] of wanted) {
      if (number === null || refused.has(id)) continue;
      const holder = taken.get(number) ?? id;
      if (holder === id) taken.set(number, id);
      else {
        // It keeps the number that it has, which somebody else may have counted on.
        refused.set(id, numberTaken(number, holder));
        isSettled = false;
      }
    }
    if (!isSettled) continue;
    holders.clear();
    for (const [number, id] of taken) holders.set(number, id);
  }
  return refused;
}

/** What is said of a document with the number of another invoice. */
export function numberTaken(number: string, holder: string): string {
  return `has the number ${number}, as another invoice has (${holder})`;
}

/** Series go on after the numbers of these invoices. */
export function raiseNumbers(mending: Mending, payloads: readonly JsonObject[]): void {
  if (payloads.length === 0) return;
  const { numbers } = mending.account;
  const raised = raiseSeries(numbers, payloads);
  if (JSON.stringify(raised) !== JSON.stringify(numbers)) mending.setAccount({ numbers: raised });
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
