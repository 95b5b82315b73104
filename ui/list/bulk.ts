// Does the same with several records, one after the other, and says which they are.
//
// Invariants: nothing is tried twice. After a failure that would hit every other record, too, or once the user cancels, the rest is
// not tried; what was begun is finished.

import type { CallError, Outcome } from '../../shared/window/ipc.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { callErrorText } from '../text/call-error-text.ts';
import { formatDate, formatMoney } from '../text/format.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';

interface Failure<T> {
  readonly item: T;
  readonly error: CallError;
}

export interface BulkResult<T> {
  readonly done: number;
  /** What did not work, and why. */
  readonly failures: readonly Failure<T>[];
  readonly untried: number;
}

/** Failures that have nothing to do with the one record. */
const common: readonly CallError['code'][] = [
  'offline', 'outcome_unknown', 'signed_out', 'unauthorized', 'forbidden', 'upgrade_required', 'server_outdated', 'unavailable',
  'too_many_requests', 'cache_unusable', 'disk_full', 'cancelled',
];

export async function runBulk<T>(
  items: readonly T[], run: (item: T) => Promise<Outcome<unknown>>,
  { isCancelled, onProgress }: { readonly isCancelled: () => boolean; readonly onProgress: (finished: number) => void },
): Promise<BulkResult<T>> {
  const failures: Failure<T>[] = [];
  let finished = 0;
  for (const item of items) {
    if (isCancelled()) break;
    const outcome = await run(item);
    finished += 1;
    if (!outcome.ok) failures.push({ item, error: outcome.error });
    onProgress(finished);
    if (!outcome.ok && common.includes(outcome.error.code)) break;
  }
  return { done: finished - failures.length, failures, untried: items.length - finished };
}

/** "Draft invoice · Bulky Ltd · 28/02/2026 · €100.00", because only what was issued has a number. */
export function itemName({ columns: { number, kind, customerName, issueDate, totalMinor, currency } }: ListRow): string {
  if (number !== null) return [number, customerName].join(' · ');
  return [
    t(kind === 'credit_note' ? 'status.credit_note' : 'detail.draftInvoice'), customerName, formatDate(String(issueDate)),
    formatMoney(Number(totalMinor), String(currency)),
  ].join(' · ');
}

/** Why an action that takes no input did not work. */
export function failureText(error: CallError): string {
  const { code, kind } = error;
  if (code === 'offline' && kind === undefined) return t('bulk.offline');
  return code === 'signed_out' || code === 'unauthorized' ? t(`bulk.${code}`) : callErrorText(error);
}

/**
 * What selected invoices add up to, like the totals of a list: "2 selected · Invoiced: €120.00". Drafts and void invoices count only if
 * all are drafts, or all are void.
 */
export function selectionText(count: string, rows: readonly ListRow[]): string {
  const statuses = [...new Set(rows.map(({ columns }) => String(columns['status'])))];
  const counted = rows.filter(({ columns }) => !['draft', 'void'].includes(String(columns['status'])));
  if (counted.length > 0) return t('selection.sum', { count, label: t('totals.invoiced'), amounts: sumsText(counted) });
  const [status = '', ...others] = statuses;
  return others.length > 0 ? count : t('selection.sum', { count, label: tryText('status', status), amounts: sumsText(rows) });
}

/** What invoices add up to, per currency: "€120.00 and CHF 30.00". */
export function sumsText(rows: readonly ListRow[]): string {
  const sums = new Map<string, number>();
  for (const { columns: { currency, totalMinor } } of rows) {
    sums.set(String(currency), (sums.get(String(currency)) ?? 0) + Number(totalMinor));
  }
  return listText([...sums].map(([currency, sum]) => formatMoney(sum, currency)));
}

/** The numbers given, of each series the first and the last: "INV-2026-00007 to INV-2026-00009 and CN-2026-00002". */
export function numbersText(numbers: readonly string[]): string {
  const series = Object.values(Object.groupBy(numbers, (number) => number.replace(/\d+$/, '')));
  return listText(series.map((own = []) => {
    const [first = '', last = first] = [own[0], own.at(-1)];
    return own.length === 1 ? first : t('bulk.range', { first, last });
  }));
}

function listText(texts: readonly string[]): string {
  return new Intl.ListFormat(currentLocale().language).format(texts);
}
