// A list as a CSV file: its columns, in the words of the window. Loaded when it is first needed.

import type { Collection, Column } from '../../shared/collections.ts';
import { shownStatuses } from '../../shared/invoice-status.ts';
import type { CsvColumn } from '../../shared/window/ipc.ts';
import { currentLocale, tryText } from '../text/i18n.ts';
import { columnTitle, flagText, shownColumns, statusText } from './list-columns.ts';

/** The columns of the CSV export, with their headings and words, which need the texts of records. */
export function csvColumns(collection: Collection): readonly CsvColumn[] {
  return shownColumns(collection).map((column) => {
    const words = csvWords(collection, column);
    return { name: column.name, title: columnTitle(collection, column), ...(words && { words }) };
  });
}

/** The proposed name of a file with this list. */
export function csvFileName({ name }: Collection): string {
  return tryText('collection', name).toLocaleLowerCase(currentLocale().language);
}

/** What the values of a choice or a flag are called. */
function csvWords({ name: collection, fields }: Collection, { name }: Column): Readonly<Record<string, string>> | null {
  if (collection === 'invoices' && name === 'status') {
    return Object.fromEntries([...shownStatuses, 'credit_note'].map((status) => [status, statusText(status)]));
  }
  const field = fields[name];
  if (field?.kind === 'choice') return Object.fromEntries(field.values.map((value) => [value, tryText(name, value)]));
  return field?.kind === 'boolean' ? { 0: flagText(name, false), 1: flagText(name, true) } : null;
}
