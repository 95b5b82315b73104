// Writes the sample company to a store exactly as the server would: with the same checks, totals, number series, parties and
// stored forms, in transactions of a thousand records.

import { createOwner } from '../server/admin.ts';
import { addressKey, secretOf } from '../server/auth.ts';
import type { Passwords } from '../server/passwords.ts';
import { newId, toContent } from '../server/records.ts';
import type { RecordContent, Store, Transaction } from '../server/store.ts';
import type { Instant } from '../shared/clock.ts';
import { findCollection, publishedFields, writableFields, type Collection, type Company } from '../shared/collections.ts';
import type { Json, JsonObject } from '../shared/fields.ts';
import { computeTotals } from '../shared/invoice.ts';
import { parseInput } from '../shared/protocol.ts';
import { createCompany, type CompanyOptions, type SampleInvoice, type SampleUser } from './company.ts';

export interface SeedOptions extends CompanyOptions {
  /** The password of all users. */
  readonly password: string;
}

export interface Seeded {
  readonly accountId: string;
  /** The owner first, then the editor, then the viewer. */
  readonly users: readonly SampleUser[];
  /** Number of records by collection. */
  readonly counts: Readonly<Record<string, number>>;
  /** The account's clock after the last write. */
  readonly clock: Instant;
}

const BATCH = 1000;

type Put = (transaction: Transaction) => void;

/**
 * Adds an account with the sample company to the store and resolves once everything is durable. `onProgress` receives the
 * number of records written so far. A crash in between leaves a smaller company.
 */
export async function seedCompany(
  store: Store, passwords: Passwords, options: SeedOptions, onProgress: (written: number) => void = () => {},
): Promise<Seeded> {
  const company = createCompany(options);
  const [owner, ...others] = company.users;
  if (!owner) throw new Error('the sample company has no owner');
  const accountId = await createOwner(store, passwords, owner.email, options.password);
  await nameOwner(store, accountId, owner);
  await fillProfile(store, accountId, company.profile);
  const secret = secretOf(await passwords.hash(options.password));

  // The owner and the company, which a new account has.
  let written = 2;
  for (const batch of inBatches(puts(), BATCH)) {
    await store.write(accountId, async (transaction) => batch.forEach((put) => put(transaction)));
    written += batch.length;
    onProgress(written);
  }
  const { users, plans } = company;
  const counts = {
    company: 1, users: users.length, plans: plans.length, customers: options.customers, invoices: options.invoices,
  };
  return { accountId, users: company.users, counts, clock: await store.latestClock(accountId) };

  function* puts(): Generator<Put> {
    const users = requireCollection('users');
    for (const user of others) {
      const id = newId(Date.now());
      const content = toContent(users, parseInput(writableFields(users), user), secret);
      yield (transaction) => {
        transaction.claimAddress(addressKey(user.email), id);
        transaction.put('users', id, content, null);
      };
    }
    for (const name of ['plans', 'customers'] as const) {
      const collection = requireCollection(name);
      for (const { id, fields } of company[name]) {
        const content = toContent(collection, parseInput(writableFields(collection), fields), null);
        yield (transaction) => void transaction.put(name, id, content, null);
      }
    }
    const invoices = requireCollection('invoices');
    for (const invoice of company.invoices()) {
      const complete = completeInvoice(invoices, invoice, company.profile);
      yield (transaction) => void transaction.put('invoices', invoice.id, complete(transaction), null);
    }
  }
}

/** Sets the owner's name, which for a new account is derived from the e-mail address. */
async function nameOwner(store: Store, accountId: string, owner: SampleUser): Promise<void> {
  const users = requireCollection('users');
  await store.write(accountId, async (transaction) => {
    const [record] = await transaction.list('users');
    if (!record) throw new Error('a new account has no owner');
    transaction.put('users', record.id, toContent(users, parseInput(writableFields(users), owner), record.secret), record);
  });
}

/** Fills in the company's record, which was made with the account. */
async function fillProfile(store: Store, accountId: string, profile: Company): Promise<void> {
  const collection = requireCollection('company');
  await store.write(accountId, async (transaction) => {
    const [record] = await transaction.list('company');
    if (!record) throw new Error('a new account has no company');
    transaction.put('company', record.id, toContent(collection, parseInput(writableFields(collection), profile), null), record);
  });
}

/** The invoice as the server would store it after its history; the number is assigned when it is written. */
function completeInvoice(
  collection: Collection, { fields, customer, creditedId, history }: SampleInvoice, profile: Company,
): (transaction: Transaction) => RecordContent {
  const input = parseInput(writableFields(collection), fields);
  const { subtotalMinor, taxes, totalMinor } = computeTotals(fields.lines);
  const computed: JsonObject = {
    kind: creditedId === undefined ? 'invoice' : 'credit_note',
    ...(creditedId === undefined ? {} : { creditedId }),
    customerName: customer.name,
    status: history.status,
    ...(history.status === 'draft' ? {}
      : { seller: ofField(collection, 'seller', profile), buyer: ofField(collection, 'buyer', customer) }),
    subtotalMinor,
    taxes: taxes.map((tax) => ({ ...tax })),
    totalMinor,
    paidMinor: history.payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
    creditedMinor: history.creditedMinor,
    payments: history.payments.map((payment): Json => ({ ...payment })),
  };
  const series = `${creditedId === undefined ? 'INV' : 'CN'}-${fields.issueDate.slice(0, 4)}`;
  const payload = parseInput(publishedFields(collection), { ...input, ...computed });
  return (transaction) => {
    if (history.status === 'draft') return toContent(collection, payload, null);
    const number = `${series}-${String(transaction.nextNumber(series)).padStart(5, '0')}`;
    return toContent(collection, { ...payload, number }, null);
  };
}

/** Those of a record's fields that an invoice keeps of it in an object field. */
function ofField(collection: Collection, name: string, record: JsonObject): JsonObject {
  const field = collection.fields[name];
  const kept = field?.kind === 'object' ? Object.keys(field.fields) : [];
  return Object.fromEntries(Object.entries(record).filter(([key]) => kept.includes(key)));
}

function* inBatches<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function requireCollection(name: string): Collection {
  const collection = findCollection(name);
  if (!collection) throw new Error(`there is no collection ${name}`);
  return collection;
}
