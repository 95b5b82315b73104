// How the declared columns of a collection appear in a list: title, width, and each value as text with a tone. A column
// that is not mentioned here gets defaults, so a new collection has a list without further work.

import type { Collection, Column } from '../../shared/collections.ts';
import { rowStatus } from '../../shared/invoice-status.ts';
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
  /** The title with soft hyphens: a narrow column has it on two lines. */
  readonly heading: string;
  readonly isSortable: boolean;
  /** Right-aligned, with tabular figures. */
  readonly isNumber: boolean;
  readonly isDate: boolean;
  /** Its position among all columns of the list, from 1. */
  readonly position: number;
  readonly minPx: number;
  /** Its grid track. */
  readonly track: string;
  readonly cell: (row: ListRow, today: string) => Cell;
}

/** Both sides together. */
const rowPaddingPx = 16;

const none: Cell = { text: '–', isMuted: true };

/** Minimum width in px, and the column's share (fr) of the remaining width; without a share the width is fixed. */
const widths: Readonly<Record<string, readonly [minPx: number, share?: number]>> = {
  number: [124], customerName: [116, 3], issueDate: [88, 1.35], dueDate: [88, 1.35], status: [128],
  totalMinor: [104, 1.4], openMinor: [104, 1.5], overdueMinor: [104, 1.4], oldestDue: [92],
  name: [180, 2], email: [160, 2], contact: [120, 1.5], priceMinor: [104, 1], currency: [84], interval: [104], active: [120],
  role: [104], disabled: [104],
};

/** Columns that a narrow list drops, in this order. */
const dispensable: readonly string[] = [
  'currency', 'contact', 'email', 'issueDate', 'totalMinor', 'dueDate', 'oldestDue', 'interval', 'role',
];

/**
 * The columns of a list. Among the invoices, amounts include their currency and the number and status say which are credit notes, so
 * that neither has a column.
 */
export function listColumns(collection: Collection): readonly ListColumn[] {
  const unshown = collection.name === 'invoices' ? ['currency', 'kind'] : [];
  return shownColumns(collection)
    .filter(({ name }) => !unshown.includes(name))
    .map((column, index) => {
      const [minPx, share] = widths[column.name] ?? [96, 1];
      return {
        name: column.name,
        title: columnTitle(collection, column),
        heading: columnHeading(collection, column),
        isSortable: column.sorted === true,
        isNumber: column.type === 'integer' && !isFlag(collection, column),
        isDate: isDate(collection, column),
        position: index + 1,
        minPx,
        track: share === undefined ? `${minPx}px` : `minmax(${minPx}px, ${share}fr)`,
        cell: cellOf(collection, column),
      };
    });
}

/** The columns that fit in `widthPx`. Those named in `kept` are never dropped. */
export function fittingColumns(columns: readonly ListColumn[], widthPx: number, kept: readonly string[]): readonly ListColumn[] {
  let fitting = columns;
  for (const name of dispensable) {
    if (minWidthPx(fitting) <= widthPx) break;
    if (!kept.includes(name)) fitting = fitting.filter((column) => column.name !== name);
  }
  return fitting;
}

/** The minimum width of a list with these columns. */
export function minWidthPx(columns: readonly ListColumn[]): number {
  return columns.reduce((sum, { minPx }) => sum + minPx, rowPaddingPx);
}

/** Also those of the CSV export. */
export function shownColumns({ columns, balances = [] }: Collection): readonly Column[] {
  return [...columns, ...balances].filter(({ shown }) => shown);
}

export function columnTitle(collection: Collection, column: Column): string {
  return columnHeading(collection, column).replaceAll('\u00AD', '');
}

/** For a record with balances the open amount is one of several. */
function columnHeading({ balances }: Collection, { name }: Column): string {
  return balances && name === 'openMinor' ? t('column.open') : tryText('column', name);
}

function isDate(collection: Collection, { name }: Column): boolean {
  return collection.fields[name]?.kind === 'date' || name === 'oldestDue';
}

function isBalance({ balances = [] }: Collection, name: string): boolean {
  return balances.some((balance) => balance.name === name);
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
  if (name === 'number') return numberCell;
  if (isBalance(collection, name) && isAmount(column)) return (row) => balanceCell(row, name);
  if (isAmount(column)) return (row) => amountCell(row, name);
  if (kind === 'boolean') return (row) => flagCell(name, row.columns[name] === 1);
  if (kind === 'choice') return (row) => choiceCell(name, row.columns[name]);
  if (isDate(collection, column)) return (row) => textCell(row, name, formatDate);
  if (column.type === 'integer') return (row) => textCell(row, name, (value) => formatNumber(Number(value)));
  return (row) => textCell(row, name, (value) => value);
}

function textCell(row: ListRow, name: string, format: (value: string) => string): Cell {
  const value = row.columns[name];
  return value === null || value === undefined || value === '' ? none : { text: format(String(value)) };
}

function amountCell(row: ListRow, name: string): Cell {
  const value = row.columns[name];
  const isNothingOpen = ['openMinor', 'overdueMinor'].includes(name) && value === 0;
  if (typeof value !== 'number' || isNothingOpen) return none;
  return { text: formatMoney(value, String(row.columns['currency'] ?? 'EUR')) };
}

/** What is open or overdue in the currency of the row, and in which other currencies anything is. */
function balanceCell(row: ListRow, name: string): Cell {
  const own = amountCell(row, name);
  const others = row.columns[name === 'overdueMinor' ? 'otherOverdue' : 'otherCurrencies'];
  if (typeof others !== 'string') return own;
  return { text: [...own === none ? [] : [own.text], ...others.split(',')].join(' + ') };
}

function choiceCell(name: string, value: unknown): Cell {
  return { text: tryText(name, String(value ?? '')) };
}

function flagCell(name: string, isOn: boolean): Cell {
  const text = flagText(name, isOn);
  const isUsual = name === 'disabled' ? !isOn : isOn;
  return isUsual ? { text } : { text, badge: 'muted' };
}

export function flagText(name: string, isOn: boolean): string {
  const word = isOn ? 'yes' : 'no';
  return isKey(`${name}.${word}`) ? tryText(name, word) : t(`word.${word}`);
}

const statusTones: Readonly<Record<string, BadgeTone>> = {
  draft: 'plain', open: 'info', partly_paid: 'warn', overdue: 'bad', paid: 'ok', credited: 'muted', void: 'muted',
};

/** The badge tone of an invoice's display status. */
export function statusTone(status: string): BadgeTone {
  return statusTones[status] ?? 'plain';
}

/** The status of an invoice in a list. */
export function statusCell({ columns }: ListRow, today: string): Cell {
  const status = rowStatus(columns, today);
  return { text: statusText(status), badge: statusTone(status) };
}

/** What a status of `rowStatus` is called. */
export function statusText(status: string): string {
  return tryText('status', status);
}

/** A credit note has no number until it is issued. */
function numberCell(row: ListRow): Cell {
  const cell = textCell(row, 'number', (value) => value);
  return cell === none && row.columns['kind'] === 'credit_note' ? { text: t('status.credit_note'), isMuted: true } : cell;
}
