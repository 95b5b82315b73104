// The step from protocol 1's records to protocol 2's: converts customers and invoices, and gives each account its company.
//
// Invariant: records are read in pieces, so memory does not grow with the database.

import type { DatabaseSync } from 'node:sqlite';

import { migratePayload } from '../migrate-payload.ts';
import { MigratedAccount } from '../migrated-account.ts';
import { heldColumns, toHeldRecord } from './holdings.ts';
import { integer, selectHeldAccount, selectRecord, text, toHeldAccount } from './rows.ts';

const BATCH_SIZE = 500;

/** Runs within the transaction of the caller. */
export function migrateRecords(db: DatabaseSync): void {
  const migrated = convertRecords(db);
  const addCompany = db.prepare('INSERT INTO record (account_id, collection, id, at, payload, refs) VALUES (?, ?, ?, ?, ?, ?)');
  const saveAccount = db.prepare('UPDATE account SET clock = ?, digest = ?, numbers = ?, epoch = ? WHERE account_id = ?');
  for (const accountId of db.prepare('SELECT account_id FROM account').all().map((row) => text(row, 'account_id'))) {
    const { account } = toHeldAccount(db.prepare(selectHeldAccount).get(accountId) ?? {});
    const { clock, digest, numbers, epoch, company } = (migrated.get(accountId) ?? new MigratedAccount()).finish(account);
    addCompany.run(accountId, company.collection, company.id, company.at, company.payload, '[]');
    saveAccount.run(clock, JSON.stringify(digest), JSON.stringify(numbers), epoch, accountId);
  }
}

/** Converts all records, and returns what was noted, by account. */
function convertRecords(db: DatabaseSync): Map<string, MigratedAccount> {
  const select = db.prepare(`SELECT row_id, account_id, ${heldColumns} FROM record WHERE row_id > ? ORDER BY row_id LIMIT ${BATCH_SIZE}`);
  const findRecord = db.prepare(selectRecord);
  const save = db.prepare('UPDATE record SET payload = ? WHERE row_id = ?');
  const accounts = new Map<string, MigratedAccount>();
  for (let after = 0; ;) {
    const rows = select.all(after);
    for (const row of rows) {
      after = integer(row, 'row_id');
      const accountId = text(row, 'account_id');
      const record = toHeldRecord(row);
      const { collection, id, payload: old } = record;
      const payload = old === null ? null : migratePayload({ collection, id, payload: old }, (customerId) => {
        const found = findRecord.get(accountId, 'customers', customerId);
        return found ? text(found, 'payload') : null;
      });
      if (payload !== old) save.run(payload, after);
      const account = accounts.get(accountId) ?? new MigratedAccount();
      accounts.set(accountId, account);
      account.add(record, payload);
    }
    if (rows.length < BATCH_SIZE) return accounts;
  }
}
