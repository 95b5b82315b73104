// The step from protocol 1's records to protocol 2's: converts customers and invoices, and gives each account its company.
//
// Invariants: instants stay, so every account gets a new epoch, for whoever holds the old payloads; the company's instant is the account's
// next one. Records are read in pieces, so memory does not grow with the database.

import type { DatabaseSync } from 'node:sqlite';

import { EPOCH, formatInstant, type Instant } from '../../shared/clock.ts';
import { findCollection } from '../../shared/collections.ts';
import { addCrc, emptyDigest, recordCrc, type CollectionDigest } from '../../shared/digest.ts';
import { isId } from '../../shared/fields.ts';
import { firstCompany, migratePayload } from '../migrate-payload.ts';
import { newId } from '../records.ts';
import { newEpoch } from '../store.ts';
import { heldColumns, toHeldRecord } from './holdings.ts';
import { integer, selectHeldAccount, selectRecord, text, toHeldAccount } from './rows.ts';

const BATCH_SIZE = 500;

/** What was found of an account's records. */
interface Tally {
  readonly digest: Record<string, CollectionDigest>;
  newest: Instant;
}

/** Runs within the transaction of the caller. */
export function migrateRecords(db: DatabaseSync): void {
  const tallies = convertRecords(db);
  const addCompany = db.prepare(
    `INSERT INTO record (account_id, collection, id, at, payload, secret, refs) VALUES (?, 'company', ?, ?, ?, NULL, '[]')`,
  );
  const saveAccount = db.prepare('UPDATE account SET clock = ?, digest = ?, epoch = ? WHERE account_id = ?');
  const epoch = newEpoch();
  for (const accountId of db.prepare('SELECT account_id FROM account').all().map((row) => text(row, 'account_id'))) {
    const { account } = toHeldAccount(db.prepare(selectHeldAccount).get(accountId) ?? {});
    const tally = tallies.get(accountId) ?? { digest: {}, newest: EPOCH };
    const clock = Math.max(account.clock, tally.newest) + 1 as Instant;
    const id = newId(clock / 1000);
    addCompany.run(accountId, id, clock, firstCompany);
    const company = addCrc(emptyDigest, recordCrc(id, formatInstant(clock), firstCompany));
    saveAccount.run(clock, JSON.stringify({ ...tally.digest, company }), epoch, accountId);
  }
}

function convertRecords(db: DatabaseSync): Map<string, Tally> {
  const select = db.prepare(`SELECT row_id, account_id, ${heldColumns} FROM record WHERE row_id > ? ORDER BY row_id LIMIT ${BATCH_SIZE}`);
  const findRecord = db.prepare(selectRecord);
  const save = db.prepare('UPDATE record SET payload = ? WHERE row_id = ?');
  const tallies = new Map<string, Tally>();
  for (let after = 0; ;) {
    const rows = select.all(after);
    for (const row of rows) {
      after = integer(row, 'row_id');
      const accountId = text(row, 'account_id');
      const { collection, id, at, payload: old } = toHeldRecord(row);
      const tally = tallies.get(accountId) ?? { digest: {}, newest: EPOCH };
      tallies.set(accountId, tally);
      if (at !== null && at > tally.newest) tally.newest = at;
      if (old === null) continue;
      const payload = migratePayload({ collection, id, payload: old }, (customerId) => {
        const found = findRecord.get(accountId, 'customers', customerId);
        return found ? text(found, 'payload') : null;
      });
      if (payload !== old) save.run(payload, after);
      if (at === null || !findCollection(collection) || !isId(id)) continue;
      tally.digest[collection] = addCrc(tally.digest[collection] ?? emptyDigest, recordCrc(id, formatInstant(at), payload));
    }
    if (rows.length < BATCH_SIZE) return tallies;
  }
}
