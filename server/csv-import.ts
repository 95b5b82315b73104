// `node server.ts import --csv <file>`: customers or open invoices from a CSV file into an account.
//
// Nothing is written unless every row fits. Then rows are added in batches, each with its entries in the audit trail; a kill leaves whole
// batches, and the next run adds the rest, because it recognises what is there (csv-records.ts). Servers may run meanwhile: each batch
// first looks at what changed since the account was read, while it holds the account's clock.

import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import type { Instant } from '../shared/clock.ts';
import { findCollection } from '../shared/collections.ts';
import { adminEntry, changedFields } from './audit.ts';
import { ConfigError } from './config.ts';
import { KnownRecords, readRows, type NewRecord, type Reading } from './csv-records.ts';
import { decodeCsv, readTable, type CsvKind } from './csv-table.ts';
import { unreadable } from './import.ts';
import { raiseSeries } from './invoice-rules.ts';
import { newId, toContent } from './records.ts';
import type { Mending, Store } from './store.ts';

export interface CsvOptions {
  readonly file: string;
  /** Null: the only one of the database. */
  readonly account: string | null;
  /** For files without a column for it. */
  readonly currency: string | null;
  readonly skipped: readonly string[];
  readonly isDryRun: boolean;
}

export interface CsvDeps {
  readonly nowMs: () => number;
  /** Prints text that ends a line. */
  readonly write: (line: string) => void;
}

const usage = 'Usage: node server.ts import --csv <file> [--account <id>] [--currency <code>] [--skip <column>] [--dry-run]';
const BATCH_SIZE = 1000;
const CHANGES_AT_A_TIME = 1000;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Throws `ConfigError` if the words are not the command's. */
export function parseCsvOptions(args: readonly string[]): CsvOptions {
  try {
    const { values } = parseArgs({ args: [...args], options: {
      csv: { type: 'string', multiple: true }, account: { type: 'string', multiple: true }, currency: { type: 'string', multiple: true },
      skip: { type: 'string', multiple: true }, 'dry-run': { type: 'boolean' },
    } });
    const { csv: files = [], account: accounts = [], currency: currencies = [], skip = [] } = values;
    const [[csv, ...others], [account = null], [currency = null]] = [files, accounts, currencies];
    // `parseArgs` alone would silently keep only the last of a repeated option.
    if (csv === undefined || csv === '' || others.length > 0 || accounts.length > 1 || currencies.length > 1) throw new ConfigError(usage);
    return { file: csv, account, currency: currency?.toUpperCase() ?? null, skipped: skip, isDryRun: values['dry-run'] === true };
  } catch (error) {
    throw new ConfigError(usage, { cause: error });
  }
}

/** The text of the file. Throws `ConfigError` if it cannot be read or is not UTF-8. */
export async function readCsvFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new ConfigError(`${file} is too large: divide it. Nothing was imported.`);
    return decodeCsv(await readFile(file), file);
  } catch (error) {
    throw unreadable(error, file);
  }
}

/**
 * Runs the command and resolves to the exit code: 1 if a row does not fit. Throws `ConfigError` for a file without the columns that it
 * needs, for an unknown account, and for a row that no longer fits when it is to be written.
 */
export async function importCsv(
  store: Store, { text, ...options }: CsvOptions & { readonly text: string }, deps: CsvDeps,
): Promise<number> {
  const table = readTable(text, options.skipped);
  const accountId = await chooseAccount(store, options.account);
  await store.checkClock();
  const { known, clock } = await readAccount(store, accountId);
  const reading = readRows(table, known, options.currency);
  for (const { line, column, text: fault } of reading.faults) {
    deps.write(`Line ${line}${column === null ? '' : `, ${column}`}: ${fault}.\n`);
  }
  const isRefused = reading.faults.length > 0;
  const isWritten = !isRefused && !options.isDryRun;
  const count = isWritten ? await addAll(store, accountId, { known, clock, kind: table.kind, added: reading.added }, deps)
    : reading.added.length;
  deps.write(`${summary(table.kind, accountId, { ...reading, count, isWritten })}\n`);
  return isRefused ? 1 : 0;
}

/** The account that is named, or the only one. Throws `ConfigError` with a sentence if there is none. */
export async function chooseAccount(store: Pick<Store, 'listAccounts'>, named: string | null): Promise<string> {
  const accounts = await store.listAccounts();
  const [only] = accounts;
  if (named === null && only !== undefined && accounts.length === 1) return only;
  if (named !== null && accounts.includes(named)) return named;
  if (named !== null) throw new ConfigError(`There is no account ${named}.`);
  throw new ConfigError(only === undefined ? 'There is no account in this database: run node server.ts admin create <email> first.'
    : `There are several accounts: name one of them with --account (${accounts.slice(0, 10).join(', ')}).`);
}

async function readAccount(store: Store, accountId: string): Promise<{ readonly known: KnownRecords; readonly clock: Instant }> {
  return store.readHoldings(accountId, async (holdings) => {
    const known = new KnownRecords();
    for await (const batch of holdings.records()) for (const record of batch) known.add(record);
    return { known, clock: holdings.account.clock };
  });
}

interface Adding {
  readonly known: KnownRecords;
  /** The instant up to which `known` is what the account has. */
  readonly clock: Instant;
  readonly kind: CsvKind;
  readonly added: readonly NewRecord[];
}

/** Resolves to how many were added, as others may have added some meanwhile. Throws `ConfigError` for a row that no longer fits. */
async function addAll(store: Store, accountId: string, { known, kind, added, ...from }: Adding, { nowMs }: CsvDeps): Promise<number> {
  const collection = findCollection(kind);
  if (!collection) throw new Error(`${kind} are not declared`);
  let { clock } = from;
  let count = 0;
  for (let start = 0; start < added.length; start += BATCH_SIZE) {
    const batch = added.slice(start, start + BATCH_SIZE).map((record) => ({ ...record, id: newId(nowMs()) }));
    const written = await store.mend(accountId, async (mending) => {
      await catchUp(mending, clock, known);
      const missing = batch.filter((record) => known.find(kind, record) !== 'same');
      let last = mending.account.clock;
      for (const { id, line, key, payload } of missing) {
        const hasCustomer = kind === 'customers' || known.hasId('customers', String(payload['customerId']));
        if (!hasCustomer || known.find(kind, { key, payload }) === 'other') {
          const what = hasCustomer ? 'the number was given to another invoice' : 'the customer was changed or deleted';
          const before = start === 0 ? 'Nothing was imported' : `What comes before line ${batch[0]?.line} is imported`;
          throw new ConfigError(`Line ${line}: ${what} meanwhile. ${before}: run the command again.`);
        }
        const content = toContent(collection, payload, null);
        last = mending.put(kind, id, content, null);
        mending.audit(adminEntry('create', { collection: kind, record: id, fields: changedFields(null, content) }));
      }
      const payloads = missing.map(({ payload }) => payload);
      if (kind === 'invoices') mending.setAccount({ numbers: raiseSeries(mending.account.numbers, payloads) });
      return { clock: last, count: missing.length };
    });
    ({ clock } = written);
    count += written.count;
  }
  return count;
}

/** Notes what others have changed since. */
async function catchUp(mending: Mending, since: Instant, known: KnownRecords): Promise<void> {
  if (mending.unreadable.length > 0) throw new ConfigError('The account cannot be read: run node server.ts verify --fix first.');
  for (let after = since; after < mending.account.clock;) {
    const changes = await mending.heldAfter(after, CHANGES_AT_A_TIME);
    for (const change of changes) known.add(change);
    const last = changes.at(-1)?.at ?? null;
    if (last === null || changes.length < CHANGES_AT_A_TIME) return;
    after = last;
  }
}

interface Done extends Reading {
  /** How many were added, or would be. */
  readonly count: number;
  readonly isWritten: boolean;
}

function summary(kind: CsvKind, accountId: string, { added, faults, count, isWritten, ...reading }: Done): string {
  const name = (number: number): string => `${number} ${number === 1 ? kind.slice(0, -1) : kind}`;
  const present = reading.present + added.length - count;
  const there = present > 0 ? ` ${name(present)} ${present === 1 ? 'is' : 'are'} there already.` : '';
  if (faults.length > 0) {
    const rows = new Set(faults.map(({ line }) => line)).size;
    return `${rows} ${rows === 1 ? 'row does' : 'rows do'} not fit. Nothing was imported.`;
  }
  return `${isWritten ? 'Imported' : 'Would import'} ${name(count)} into the account ${accountId}.${there}`;
}
