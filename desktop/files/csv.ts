// A list as a CSV file that a spreadsheet opens as what it is: RFC 4180 in UTF-8 with a byte order mark, the delimiter
// and the decimals as people of the locale have them.
//
// What always holds: the file is of one instant of the copy and whole, or not there. Numbers are numbers: money in the
// currency's major unit, the rest as integers. Text that a spreadsheet would take for a formula has an apostrophe before
// it (OWASP, "CSV Injection").

import type { Collection, Column } from '../../shared/collections.ts';
import { toMajorUnits } from '../../shared/currency.ts';
import { AppError } from '../../shared/errors.ts';
import type { CsvRequest } from '../../shared/window/ipc.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { listRows, withSnapshot, type CacheReader } from '../cache/cache.ts';
import { replaceFile, type ReplaceDeps } from './replace-file.ts';

export interface CsvDeps extends ReplaceDeps {
  /** Lets others run: awaited after every few hundred rows. */
  readonly yieldToEventLoop: () => Promise<void>;
}

export interface CsvFormat {
  readonly delimiter: ',' | ';';
  readonly decimalPoint: ',' | '.';
}

/**
 * Writes the rows that `request` selects to `path`; durable when it resolves. Throws `invalid_request` for what the list
 * does not have and for a place that cannot be written to, `disk_full`, and `cancelled` where the copy was closed
 * meanwhile; then nothing of it stays.
 */
export async function writeCsv(reader: CacheReader, path: string, request: CsvRequest, deps: CsvDeps): Promise<void> {
  const format = csvFormat(request.locale);
  const { selection, sort } = request;
  await replaceFile(path, (file) => withSnapshot(reader, 'writing the list', async (snapshot) => {
    const columns = requireColumns(reader.layout.collections.get(selection.collection), request);
    const titles = request.columns.map(({ title }) => csvText(title, format));
    await file.writeFile(`\uFEFF${titles.join(format.delimiter)}\r\n`);
    for (const rows of listRows(snapshot, sort ? { ...selection, sort } : selection)) {
      await file.writeFile(rows.map((row) => csvLine(row, columns, format)).join(''));
      await deps.yieldToEventLoop();
    }
  }), deps);
}

/** How people of a locale write CSV: where a comma is for decimals, a semicolon is between values. */
export function csvFormat(locale: string): CsvFormat {
  let decimal: string | undefined;
  try {
    decimal = new Intl.NumberFormat(locale).formatToParts(0.5).find(({ type }) => type === 'decimal')?.value;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError('invalid_request', `There is no language ${locale}.`, { fields: { locale: 'must be a BCP 47 tag' } });
  }
  return decimal === ',' ? { delimiter: ';', decimalPoint: ',' } : { delimiter: ',', decimalPoint: '.' };
}

/** What a spreadsheet may take for the beginning of a formula, also in full width, and also after blanks. */
const formulaStart = /^(?:[\t\r\n]|\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/;

/** A text as one value: never a formula, and quoted where it has to be. */
export function csvText(text: string, { delimiter }: CsvFormat): string {
  const safe = formulaStart.test(text) ? `'${text}` : text;
  return /["\r\n\t]|^\s|\s$/.test(safe) || safe.includes(delimiter) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csvLine(row: ListRow, columns: readonly Column[], format: CsvFormat): string {
  const values = columns.map((column) => {
    const value = row.columns[column.name] ?? null;
    if (value === null) return '';
    if (typeof value === 'string') return csvText(value, format);
    const currency = row.columns['currency'];
    // Amounts are in minor units, and say so in their name.
    const isMoney = column.name.endsWith('Minor') && typeof currency === 'string';
    return isMoney ? toMajorUnits(value, currency, format.decimalPoint) : String(value);
  });
  return `${values.join(format.delimiter)}\r\n`;
}

function requireColumns(collection: Collection | undefined, { selection, columns }: CsvRequest): Column[] {
  return columns.map(({ name }) => {
    const column = collection?.columns.find((declared) => declared.name === name);
    if (!column) throw new AppError('invalid_request', `A list of ${selection.collection} has no column ${name}.`);
    return column;
  });
}
