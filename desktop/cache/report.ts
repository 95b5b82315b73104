// Reads the invoices of a period's report from the cache; what their months come to is computed by shared/report.ts.
//
// Invariants: it shows one instant of the cache. It reads on a connection of its own and lets other work run every few
// milliseconds, so that no query of the window waits for it, however many invoices there are.

import { AppError } from '../../shared/errors.ts';
import { ReportBuilder, reportBases, type ReportCell, type ReportDocument, type ReportQuery } from '../../shared/report.ts';
import { collectionIn, listTable, recordsTable, type CacheReader } from './schema.ts';
import { withSnapshot } from './snapshot.ts';
import type { Condition } from './search.ts';
import { readState } from './state.ts';

/** Rows of the list, or credited invoices, that are looked at before other work may run. */
const sliceRows = 200;
const monthPattern = /^\d{4}-(?:0[1-9]|1[0-2])$/;

type CreditNotes = ReadonlyMap<string, ReportDocument['creditNotes']>;

/** A document without its credit notes. */
interface Row extends Omit<ReportDocument, 'creditNotes'> {
  readonly id: string;
  readonly creditedId: string | null;
}

/**
 * The months of a report in which there was something, by month and then by currency. Throws `invalid_request` for anything but a
 * basis and two months, the earlier one first, and `cancelled` if the cache is closed meanwhile.
 */
export async function periodReport(
  reader: CacheReader, query: ReportQuery, yieldToEventLoop: () => Promise<void>,
): Promise<readonly ReportCell[]> {
  const { basis, from, to } = query;
  if (!reportBases.includes(basis) || !monthPattern.test(from) || !monthPattern.test(to) || from > to) {
    throw new AppError('invalid_request', 'A report covers months written YYYY-MM, the earlier one first.');
  }
  return withSnapshot(reader, 'adding up a period', async (snapshot) => {
    const report = new ReportBuilder(query);
    const creditNotes: CreditNotes = basis === 'paidOn' ? await readCreditNotes(snapshot, yieldToEventLoop) : new Map();
    await eachDocument(snapshot, slices(snapshot, query, creditNotes), yieldToEventLoop, ({ id, ...document }) =>
      report.add({ ...document, creditNotes: creditNotes.get(id) ?? [] }));
    return report.cells();
  });
}

/** Selects at least what counts in the months of the report, each document once. A payment is not later than the invoice's last one. */
function* slices(snapshot: CacheReader, { basis, from, to }: ReportQuery, creditNotes: CreditNotes): Generator<Condition> {
  const start = `${from}-01`;
  if (basis === 'issueDate') {
    yield* rowSlices(snapshot, { sql: 'lastPaidOn >= ? OR issueDate BETWEEN ? AND ?', values: [start, start, `${to}-31`] });
    return;
  }
  yield* rowSlices(snapshot, { sql: 'lastPaidOn >= ?', values: [start] });
  const credited = [...creditNotes].filter(([, notes]) => notes.some(({ issueDate }) => issueDate >= from)).map(([id]) => id);
  for (let first = 0; first < credited.length; first += sliceRows) {
    const ids = JSON.stringify(credited.slice(first, first + sliceRows));
    yield { sql: 'id IN (SELECT value FROM json_each(?)) AND (lastPaidOn IS NULL OR lastPaidOn < ?)', values: [ids, start] };
  }
}

/** The condition on one slice of the list's rows after another. */
function* rowSlices(snapshot: CacheReader, { sql, values }: Condition): Generator<Condition> {
  const { name } = collectionIn(snapshot.layout, 'invoices');
  const next = snapshot.db.prepare('SELECT max(rowid) AS last FROM '
    + `(SELECT rowid FROM ${listTable(name, readState(snapshot).generation)} WHERE rowid > ? ORDER BY rowid LIMIT ${sliceRows})`);
  for (let after = 0, last: unknown; ; after = Number(last)) {
    last = next.get(after)?.['last'];
    if (last === null || last === undefined) return;
    yield { sql: `list.rowid > ? AND list.rowid <= ? AND (${sql})`, values: [after, Number(last), ...values] };
  }
}

/** The issued credit notes by the invoice that they correct. */
async function readCreditNotes(reader: CacheReader, yieldToEventLoop: () => Promise<void>): Promise<CreditNotes> {
  const notes = new Map<string, Row[]>();
  await eachDocument(reader, rowSlices(reader, { sql: 'kind = ?', values: ['credit_note'] }), yieldToEventLoop, (note) => {
    if (note.creditedId === null) return;
    const others = notes.get(note.creditedId) ?? [];
    others.push(note);
    notes.set(note.creditedId, others);
  });
  return notes;
}

/** Calls `take` for every document that is neither a draft nor void and meets one of the conditions. Other work may run between them. */
async function eachDocument(
  reader: CacheReader, conditions: Iterable<Condition>, yieldToEventLoop: () => Promise<void>, take: (row: Row) => void,
): Promise<void> {
  const { name } = collectionIn(reader.layout, 'invoices');
  const { generation } = readState(reader);
  for (const { sql, values } of conditions) {
    const rows = reader.db.prepare('SELECT id, creditedId, kind, currency, issueDate, abs(totalMinor) AS totalMinor, '
      + `payload -> '$.taxes' AS taxes, payload -> '$.payments' AS payments FROM ${listTable(name, generation)} AS list NOT INDEXED `
      + `JOIN ${recordsTable(name, generation)} USING (rowid) WHERE status IN ('open', 'paid') AND (${sql})`).iterate(...values);
    for (const row of rows) {
      // The payloads are the server's, which checks them.
      const { taxes, payments, ...columns } = row;
      take({ ...columns, taxes: parseList(taxes), payments: parseList(payments) } as unknown as Row);
    }
    await yieldToEventLoop();
  }
}

/** Empty if the payload has no such list, as those of earlier versions. */
function parseList(json: unknown): unknown {
  return typeof json === 'string' ? JSON.parse(json) : [];
}
