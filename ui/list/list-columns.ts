// How a collection's declared columns are shown in a list: title, width, and each value as text with a tone. A column
// that nothing is said of here is shown as it is, so a new collection has a list at once.

import type { Collection, Column } from '../../shared/collections.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { formatDate, formatMoney, formatNumber } from '../text/format.ts';
import { isKey, t, tryText } from '../text/i18n.ts';

export type BadgeTone = 'plain' | 'ok' | 'warn' | 'bad' | 'info' | 'muted';

export interface Cell {
  readonly text: string;
  /** Shown as a badge. */
  readonly badge?: BadgeTone;
  readonly isMuted?: boolean;
}

export interface ListColumn {
  readonly name: string;
  readonly title: string;
  readonly isSortable: boolean;
  /** Numbers stand at the end, in digits of even width. */
  readonly isNumber: boolean;
  /** Where it stands among all of the list, from 1. */
  readonly position: number;
  readonly leastPx: number;
  /** Its track in the grid. */
  readonly track: string;
  readonly cell: (row: ListRow, today: string) => Cell;
}

/** Before the first and after the last column together. */
const rowPaddingPx = 16;

const none: Cell = { text: '–', isMuted: true };

/** The width below which a column cannot be read, in px, and its share of what is over; without a share it stays so. */
const widths: Readonly<Record<string, readonly [leastPx: number, share?: number]>> = {
  number: [124], customerName: [120, 3], issueDate: [92], dueDate: [92], status: [104], totalMinor: [120, 1], openMinor: [120, 1],
  name: [140, 2], email: [160, 2], contact: [120, 1.5], priceMinor: [120, 1], currency: [84], interval: [104], active: [120],
  role: [104], disabled: [104],
};

/** What a list can do without where it is narrow, first what goes first. */
const dispensable: readonly string[] = ['currency', 'contact', 'dueDate', 'issueDate', 'interval', 'totalMinor', 'role'];

/** The columns of a list. An amount says its currency itself, so a list with amounts has no column for it. */
export function listColumns(collection: Collection): readonly ListColumn[] {
  const hasAmounts = collection.columns.some(isAmount);
  return collection.columns
    .filter(({ shown, name }) => shown && !(hasAmounts && name === 'currency' && collection.name === 'invoices'))
    .map((column, index) => {
      const [leastPx, share] = widths[column.name] ?? [96, 1];
      return {
        name: column.name,
        title: tryText('column', column.name),
        isSortable: column.sorted === true,
        isNumber: column.type === 'integer' && !isFlag(collection, column),
        position: index + 1,
        leastPx,
        track: share === undefined ? `${leastPx}px` : `minmax(${leastPx}px, ${share}fr)`,
        cell: cellOf(collection, column),
      };
    });
}

/** Those of a list's columns that there is room for; the one it is sorted by always stays. */
export function fittingColumns(columns: readonly ListColumn[], widthPx: number, sortedBy: string): readonly ListColumn[] {
  let fitting = columns;
  for (const name of dispensable) {
    if (leastWidthPx(fitting) <= widthPx) break;
    if (name !== sortedBy) fitting = fitting.filter((column) => column.name !== name);
  }
  return fitting;
}

/** How wide a list of these columns is at least. */
export function leastWidthPx(columns: readonly ListColumn[]): number {
  return columns.reduce((sum, { leastPx }) => sum + leastPx, rowPaddingPx);
}

/** The columns of the list as a file, with what stands above each. */
export function csvColumns(collection: Collection): readonly { readonly name: string; readonly title: string }[] {
  return collection.columns.filter(({ shown }) => shown).map(({ name }) => ({ name, title: tryText('column', name) }));
}

function isAmount(column: Column): boolean {
  return column.type === 'integer' && column.name.endsWith('Minor');
}

function isFlag(collection: Collection, column: Column): boolean {
  return collection.fields[column.name]?.kind === 'boolean';
}

function cellOf(collection: Collection, column: Column): ListColumn['cell'] {
  const { name } = column;
  const kind = collection.fields[name]?.kind;
  if (name === 'status') return statusCell;
  if (isAmount(column)) return (row) => amountCell(row, name);
  if (kind === 'boolean') return (row) => flagCell(name, row.columns[name] === 1);
  if (kind === 'choice') return (row) => choiceCell(name, row.columns[name]);
  if (kind === 'date') return (row) => textCell(row, name, formatDate);
  if (column.type === 'integer') return (row) => textCell(row, name, (value) => formatNumber(Number(value)));
  return (row) => textCell(row, name, (value) => value);
}

function textCell(row: ListRow, name: string, format: (value: string) => string): Cell {
  const value = row.columns[name];
  return value === null || value === undefined || value === '' ? none : { text: format(String(value)) };
}

function amountCell(row: ListRow, name: string): Cell {
  const value = row.columns[name];
  const isNothingOpen = name === 'openMinor' && value === 0;
  if (typeof value !== 'number' || isNothingOpen) return none;
  return { text: formatMoney(value, String(row.columns['currency'] ?? 'EUR')) };
}

function choiceCell(name: string, value: unknown): Cell {
  return { text: tryText(name, String(value ?? '')) };
}

function flagCell(name: string, isOn: boolean): Cell {
  const key = `${name}.${isOn ? 'yes' : 'no'}`;
  const text = isKey(key) ? tryText(name, isOn ? 'yes' : 'no') : isOn ? t('word.yes') : t('word.no');
  const isUsual = name === 'disabled' ? !isOn : isOn;
  return isUsual ? { text } : { text, badge: 'muted' };
}

const statusTones: Readonly<Record<string, BadgeTone>> = { draft: 'plain', sent: 'info', paid: 'ok', void: 'muted', overdue: 'bad' };

/** Sent and due before today is overdue, which no field says, for it comes with the day. */
export function invoiceStatus(row: ListRow, today: string): string {
  const { status, dueDate, openMinor } = row.columns;
  const isOverdue = status === 'sent' && String(dueDate) < today && Number(openMinor) > 0;
  return isOverdue ? 'overdue' : String(status);
}

function statusCell(row: ListRow, today: string): Cell {
  const status = invoiceStatus(row, today);
  return { text: tryText('status', status), badge: statusTones[status] ?? 'plain' };
}
