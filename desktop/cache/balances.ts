// What the customers owe: the open and overdue amounts of each, and the oldest due date, added up from the list of invoices. These
// figures are specific to the product, like those of summary.ts.
//
// They are kept in a temporary table of the connection that reads them, in memory, which is filled when a list of customers is first
// asked for, again after a commit that may have changed them, and for another day: adding up takes tens of milliseconds with 100,000
// invoices, and costs a sync nothing. Invariants: currencies are never added together; a sum is exact, or null.

import { balanceTable, listTable, recordsTable, type CacheReader, type Generation } from './schema.ts';
import { fillTemporary } from './temporary.ts';

/**
 * Fills the temporary table `balances` with a row per customer with anything open: `rowid` is the customer's, amounts are in the
 * customer's currency, and what is to be refunded is subtracted from what is open. Call it inside a read transaction.
 */
export function fillBalances({ db }: CacheReader, generation: Generation, today: string): void {
  const columns = 'rowid INTEGER PRIMARY KEY, "openMinor" INTEGER, "overdueMinor" INTEGER, "oldestDue" TEXT, '
    + '"otherCurrencies" TEXT, "otherOverdue" TEXT';
  const own = 'sums.currency IS list.currency';
  fillTemporary(db, balanceTable, columns, `${generation} ${today}`, () => db.prepare(`INSERT INTO temp.${balanceTable} `
    + `SELECT records.rowid, ${exact(`total(sums.open) FILTER (WHERE ${own})`)}, ${exact(`total(sums.overdue) FILTER (WHERE ${own})`)}, `
    + `min(sums.due), group_concat(sums.currency, ',') FILTER (WHERE NOT ${own}), `
    + `group_concat(sums.currency, ',') FILTER (WHERE NOT ${own} AND sums.overdue > 0) `
    + 'FROM (SELECT customerId, currency, total(openMinor) AS open, '
    + 'total(openMinor) FILTER (WHERE openMinor > 0 AND dueDate < ?) AS overdue, min(dueDate) FILTER (WHERE openMinor > 0) AS due '
    + `FROM ${listTable('invoices', generation)} NOT INDEXED WHERE openMinor <> 0 GROUP BY customerId, currency) AS sums `
    + `CROSS JOIN ${recordsTable('customers', generation)} AS records ON records.id = sums.customerId `
    + `CROSS JOIN ${listTable('customers', generation)} AS list ON list.rowid = records.rowid GROUP BY records.rowid`).run(today));
}

/** `total` adds up exactly as long as the sum is a safe integer. */
function exact(total: string): string {
  return `CASE WHEN abs(${total}) <= 9007199254740991 THEN CAST(${total} AS INTEGER) END`;
}
