// Exports a list, or a table of the window, to CSV for spreadsheets: RFC 4180 in UTF-8 with a byte order mark, with the delimiter and
// the decimal separator of the locale.
//
// Invariants: the file shows one instant of the cache and is complete, or it does not exist. Numbers stay numbers, unless the window
// has words for them: money in the currency's major unit, all others as integers. Text that a spreadsheet could take for a formula
// is prefixed with an apostrophe (shared/csv.ts).

import type { Collection, Column } from '../../shared/collections.ts';
import { csvText } from '../../shared/csv.ts';
import { toMajorUnits } from '../../shared/currency.ts';
import { AppError } from '../../shared/errors.ts';
import { rowStatus } from '../../shared/invoice-status.ts';
import type { CsvRequest, TableRequest } from '../../shared/window/ipc.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { listRows, withSnapshot, type CacheReader } from '../cache/cache.ts';
import { replaceFile, type ReplaceDeps } from './replace-file.ts';

export interface ExportDeps extends ReplaceDeps {
  /** Lets other work run; awaited after every few hundred rows. */
  readonly yieldToEventLoop: () => Promise<void>;
}

export interface CsvFormat {
  readonly delimiter: ',' | ';';
  readonly decimalPoint: ',' | '.';
}

/**
 * Writes the rows that `request` selects to `path`; durable when it resolves. Throws `invalid_request` for an unknown
 * column or locale and for a path that cannot be written, `disk_full`, and `cancelled` if the cache was closed meanwhile;
 * `path` is then unchanged.
 */
export async function exportCsv(reader: CacheReader, path: string, request: CsvRequest, deps: ExportDeps): Promise<void> {
  const format = csvFormat(request.locale);
  const { selection, sort, today } = request;
  const shown = (row: ListRow): ListRow => today === undefined || selection.collection !== 'invoices' ? row
    : { ...row, columns: { ...row.columns, status: rowStatus(row.columns, today) } };
  await replaceFile(path, (file) => withSnapshot(reader, 'exporting the list', async (snapshot) => {
    const columns = requireColumns(reader.layout.collections.get(selection.collection), request);
    const titles = request.columns.map(({ title }) => csvText(title, format));
    await file.writeFile(`\uFEFF${titles.join(format.delimiter)}\r\n`);
    for (const rows of listRows(snapshot, sort ? { ...selection, sort } : selection)) {
      await file.writeFile(rows.map((row) => csvLine(shown(row), columns, format)).join(''));
      await deps.yieldToEventLoop();
    }
  }), deps);
}

/** Writes a table to `path`; durable when it resolves. Throws `invalid_request` and `disk_full`; `path` is then unchanged. */
export async function exportTable(path: string, { titles, rows, locale }: TableRequest, deps: ReplaceDeps): Promise<void> {
  const format = csvFormat(locale);
  const lines = [titles, ...rows].map((row) => row.map((value) => {
    if (value === null) return '';
    return typeof value === 'string' ? csvText(value, format) : toMajorUnits(value.amountMinor, value.currency, format.decimalPoint);
  }).join(format.delimiter));
  await replaceFile(path, (file) => file.writeFile(`\uFEFF${lines.map((line) => `${line}\r\n`).join('')}`), deps);
}

/**
 * Where spreadsheet programs expect semicolons although decimals have a point: the list separator of Windows' regional settings
 * (LOCALE_SLIST, in Wine's tables of 2012, dlls/kernel32/nls), which Excel takes. With a decimal comma it cannot be a comma anyway.
 */
const semicolons = { regions: ['CH', 'LI'], languages: ['ar', 'fa'] } as const;

/** The CSV format that spreadsheet programs expect in a locale. Throws `invalid_request`. */
export function csvFormat(locale: string): CsvFormat {
  try {
    const isComma = new Intl.NumberFormat(locale).formatToParts(0.5).some(({ type, value }) => type === 'decimal' && value === ',');
    const { language, region } = new Intl.Locale(locale).maximize();
    const isSemicolon = isComma || semicolons.regions.some((one) => one === region) || semicolons.languages.some((one) => one === language);
    return { delimiter: isSemicolon ? ';' : ',', decimalPoint: isComma ? ',' : '.' };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const fields = { locale: { code: 'invalid', message: 'must be a BCP 47 tag' } } as const;
    throw new AppError('invalid_request', `${locale} is not a known language.`, { fields });
  }
}

interface WordedColumn {
  readonly column: Column;
  readonly words: ReadonlyMap<string, string>;
}

function csvLine(row: ListRow, columns: readonly WordedColumn[], format: CsvFormat): string {
  const values = columns.map(({ column, words }) => {
    const value = row.columns[column.name] ?? null;
    if (value === null) return '';
    const word = words.get(String(value));
    if (word !== undefined) return csvText(word, format);
    if (typeof value === 'string') return csvText(value, format);
    const currency = row.columns['currency'];
    // Columns in minor units are named accordingly.
    const isMoney = column.name.endsWith('Minor') && typeof currency === 'string';
    return isMoney ? toMajorUnits(value, currency, format.decimalPoint) : String(value);
  });
  return `${values.join(format.delimiter)}\r\n`;
}

function requireColumns(collection: Collection | undefined, { selection, columns }: CsvRequest): WordedColumn[] {
  return columns.map(({ name, words = {} }) => {
    const column = [...collection?.columns ?? [], ...collection?.balances ?? []].find((declared) => declared.name === name);
    if (!column) throw new AppError('invalid_request', `A list of ${selection.collection} has no column ${name}.`);
    return { column, words: new Map(Object.entries(words)) };
  });
}
