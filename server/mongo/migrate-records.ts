// From protocol 1's records to protocol 2's: converts customers, invoices and the mappings of other programs, and gives each account its
// company. Runs before a process serves; of several, one works and the others wait until it is done.
//
// Invariants: a kill at any point leaves what the next start finishes. A payload is replaced only where it is still the one that was
// read, and an account gets company, digest and epoch in one transaction, and only if nobody has written to it since its records
// were read; so it does no harm if two processes work at once, as when one was stopped for longer than its lease. Memory holds a batch.

import { setTimeout as sleep } from 'node:timers/promises';

import type { AnyBulkWriteOperation, MongoClient } from 'mongodb';

import { collections } from '../../shared/collections.ts';
import { migrateMapping, migratePayload } from '../migrate-payload.ts';
import { MigratedAccount } from '../migrated-account.ts';
import { newEpoch, type HeldRecord, type StoreDeps } from '../store.ts';
import { isDuplicateKey } from './errors.ts';
import { batches, byInstant, exactTypes, toHeldRecord, type LooseDocument } from './holdings.ts';
import { adoptions, listAdoptions } from './lease.ts';
import { byId, majorityRead, toHeldAccount, toRecordDocument, toStored, type RecordDocument, type Tables } from './schema.ts';

/** The setting that says which protocol's records a database has. */
const FORMAT = 'records';
const PRESENT = '2';
/** The setting that names the process at work, and until when the others leave the work to it. */
const LEASE = 'migration';
const LEASE_MS = 5000;
const POLL_MS = 200;
const majorityWrite = { writeConcern: { w: 'majority' } } as const;

/** Resolves once every record is protocol 2's. */
export async function migrateRecords(client: MongoClient, tables: Tables, log: StoreDeps['log']): Promise<void> {
  while (!await isPresent(tables)) {
    const lease = await takeLease(tables);
    if (lease === null) {
      await sleep(POLL_MS);
      continue;
    }
    // Another process may have finished since the last look.
    if (!await isPresent(tables)) await migrateAll(client, tables, lease.renew, log);
    await lease.release();
  }
}

async function migrateAll(client: MongoClient, tables: Tables, renew: () => Promise<void>, log: StoreDeps['log']): Promise<void> {
  const accounts = await tables.accounts.find({}, { ...majorityRead, projection: { _id: 1 } }).toArray();
  if (accounts.length > 0) log('info', 'the records of an earlier version are brought up to date', { accounts: accounts.length });
  for (const { _id } of accounts) while (!await migrateAccount(client, tables, _id, renew));
  for (const { _id, mapping } of await listAdoptions(tables.db)) {
    await adoptions(tables.db).updateOne({ _id, mapping }, { $set: { mapping: migrateMapping(mapping) } }, majorityWrite);
  }
  await tables.settings.updateOne({ _id: FORMAT }, { $set: { value: PRESENT } }, { upsert: true, ...majorityWrite });
  if (accounts.length > 0) log('info', 'the records of an earlier version were brought up to date', { accounts: accounts.length });
}

async function isPresent({ settings }: Tables): Promise<boolean> {
  return (await settings.findOne({ _id: FORMAT }, majorityRead))?.value === PRESENT;
}

interface Lease {
  readonly renew: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/** Null while another process has it. Times are the database's own. */
async function takeLease({ settings }: Tables): Promise<Lease | null> {
  const holder = newEpoch();
  const isFree = { $lt: [{ $ifNull: ['$expiresAt', new Date(0)] }, '$$NOW'] };
  const expiresAt = { $add: ['$$NOW', LEASE_MS] };
  try {
    const state = await settings.findOneAndUpdate({ _id: LEASE }, [{ $set: {
      value: { $cond: [isFree, holder, '$value'] }, expiresAt: { $cond: [isFree, expiresAt, '$expiresAt'] },
    } }], { upsert: true, returnDocument: 'after' });
    if (state?.value !== holder) return null;
  } catch (error) {
    if (isDuplicateKey(error)) return null;
    throw error;
  }
  return {
    // Does no harm if the lease was lost.
    renew: async () => void await settings.updateOne({ _id: LEASE, value: holder }, [{ $set: { expiresAt } }]),
    release: async () => void await settings.deleteOne({ _id: LEASE, value: holder }),
  };
}

/** False if somebody wrote to the account meanwhile. */
async function migrateAccount(client: MongoClient, tables: Tables, accountId: string, renew: () => Promise<void>): Promise<boolean> {
  const found = await tables.accounts.findOne({ _id: accountId }, majorityRead);
  if (!found || await tables.records('company').findOne({ accountId }, majorityRead) !== null) return true;
  const migrated = await convertRecords(tables, accountId, renew);
  const { clock, digest, numbers, epoch, company } = migrated.finish(toHeldAccount(found).account);
  await using session = client.startSession();
  return await session.withTransaction(async () => {
    const unchanged = { _id: accountId, writes: found.writes };
    const changes = { $inc: { writes: 1 }, $set: { clock: toStored(clock), digest, numbers, epoch } };
    const { matchedCount } = await tables.accounts.updateOne(unchanged, changes, { session });
    if (matchedCount === 0) return false;
    await tables.records('company').insertOne(toRecordDocument(accountId, company), { session });
    return true;
  }, { readConcern: { level: 'snapshot' }, ...majorityWrite, readPreference: 'primary' });
}

async function convertRecords(tables: Tables, accountId: string, renew: () => Promise<void>): Promise<MigratedAccount> {
  const migrated = new MigratedAccount();
  for (const { name } of collections) {
    const cursor = tables.records(name).find<LooseDocument>({ accountId }, { ...majorityRead, sort: byInstant, ...exactTypes });
    for await (const batch of batches(cursor, (document) => toHeldRecord(name, document))) {
      await renew();
      const customers = name === 'invoices' ? await findCustomers(tables, accountId, batch) : new Map<string, string>();
      const operations: AnyBulkWriteOperation<RecordDocument>[] = [];
      for (const record of batch) {
        const { id, payload: old } = record;
        const text = old ?? '';
        const payload = migratePayload({ collection: name, id, payload: text }, (customerId) => customers.get(customerId) ?? null);
        migrated.add(record, payload);
        if (payload === text) continue;
        operations.push({ updateOne: { filter: { _id: id, accountId, payload: text }, update: { $set: { payload } }, ...byId } });
      }
      if (operations.length > 0) await tables.records(name).bulkWrite(operations, { ordered: false, ...majorityWrite });
    }
  }
  return migrated;
}

/** The payloads of the customers that these invoices refer to. */
async function findCustomers(tables: Tables, accountId: string, invoices: readonly HeldRecord[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(invoices.flatMap(({ references }) => references))];
  const found = await tables.records('customers').find({ _id: { $in: ids }, accountId }, { ...majorityRead, ...byId }).toArray();
  return new Map(found.map(({ _id, payload }) => [_id, payload]));
}
