// Loads everything that the detail of a record shows: the record, what it references, and what references it.

import { maxCreditNotes } from '../../shared/collections.ts';
import type { CallError, Outcome, WindowApi } from '../../shared/window/ipc.ts';
import type { CurrencyTotals, ListPage, RangeFilter, RecordView } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import type { RecordContext } from './record-actions.ts';

export interface Detail extends RecordContext {
  readonly collection: string;
  readonly record: RecordView;
  /** The customer of an invoice. */
  readonly customer: RecordView | null;
  /** The account's own company, for an invoice. */
  readonly company: RecordView | null;
  /** The invoice that a credit note corrects. */
  readonly credited: RecordView | null;
  /** The credit notes of an invoice. */
  readonly credits: ListPage | null;
  /** The plan of a customer. */
  readonly plan: RecordView | null;
  /** The open invoices of a customer: the oldest due date first, then those without one, then those to be refunded. */
  readonly open: ListPage | null;
  /** The latest invoices of a customer. */
  readonly invoices: ListPage | null;
  /** Totals of a customer's invoices, by currency. */
  readonly totals: readonly CurrencyTotals[];
}

export type Source = Pick<WindowApi['data'], 'getRecord' | 'listPage' | 'selectionTotals'>;
type CompanySource = Pick<Source, 'getRecord' | 'listPage'>;

const nothing = {
  customer: null, company: null, credited: null, credits: null, plan: null, open: null, invoices: null, totals: [],
  references: null, otherOwners: null,
};
const shownInvoices = 5;
const shownOpen = 20;

/** The cache, as this element asks for it. */
export function sourceOf(element: EventTarget): Source {
  return {
    getRecord: (request) => ask(element, 'data.getRecord', request),
    listPage: (request) => ask(element, 'data.listPage', request),
    selectionTotals: (request) => ask(element, 'data.selectionTotals', request),
  };
}

/** The detail of a record, or null if the cache does not hold it (any more). */
export async function loadDetail(source: Source, collection: string, id: string): Promise<Outcome<Detail | null>> {
  const found = await source.getRecord({ collection, id });
  if (!found.ok) return found;
  const record = found.value;
  if (!record) return { ok: true, value: null };
  const base = { ...nothing, collection, record };
  switch (collection) {
    case 'invoices': return withParts({
      customer: find(source, 'customers', record.payload['customerId']),
      company: findCompany(source),
      credited: find(source, 'invoices', record.payload['creditedId']),
      credits: source.listPage({ collection: 'invoices', filters: { creditedId: id }, limit: maxCreditNotes }),
    }, base);
    case 'customers': return customerDetail(source, base);
    case 'plans': {
      const page = await source.listPage({ collection: 'customers', filters: { planId: id }, limit: 1 });
      return page.ok ? { ok: true, value: { ...base, references: page.value.total } } : page;
    }
    case 'users': {
      const page = await source.listPage({ collection: 'users', filters: { role: 'owner', disabled: false }, limit: 2 });
      return page.ok ? { ok: true, value: { ...base, otherOwners: countOthers(page.value, id) } } : page;
    }
    default: return { ok: true, value: base };
  }
}

async function customerDetail(source: Source, base: Detail): Promise<Outcome<Detail>> {
  const { id, payload } = base.record;
  const selection = { collection: 'invoices', filters: { customerId: id } };
  const open = (openMinor: RangeFilter) => source.listPage({
    collection: 'invoices', filters: { ...selection.filters, openMinor }, sort: { column: 'dueDate' }, limit: shownOpen,
  });
  const detail = await withParts({
    plan: find(source, 'plans', payload['planId']),
    open: joinPages(open({ from: 1 }), open({ to: -1 })),
    invoices: source.listPage({ ...selection, sort: { column: 'issueDate', descending: true }, limit: shownInvoices }),
    totals: source.selectionTotals(selection),
  }, base);
  return detail.ok ? { ok: true, value: { ...detail.value, references: detail.value.invoices?.total ?? null } } : detail;
}

/** The rows of both pages. */
async function joinPages(...pages: readonly [Promise<Outcome<ListPage>>, Promise<Outcome<ListPage>>]): Promise<Outcome<ListPage>> {
  const [first, second] = await Promise.all(pages);
  if (!first.ok || !second.ok) return first.ok ? second : first;
  return { ok: true, value: { rows: [...first.value.rows, ...second.value.rows], total: first.value.total + second.value.total } };
}

/** The account's own company; null before the first sync. */
export async function findCompany(source: CompanySource): Promise<Outcome<RecordView | null>> {
  const page = await source.listPage({ collection: 'company', limit: 1 });
  return page.ok ? find(source, 'company', page.value.rows[0]?.id) : page;
}

/** The record with this id, if there is one. */
async function find(source: Pick<Source, 'getRecord'>, collection: string, id: unknown): Promise<Outcome<RecordView | null>> {
  return typeof id === 'string' ? source.getRecord({ collection, id }) : { ok: true, value: null };
}

/** The base with all parts once they are loaded, or the first error. */
async function withParts(
  parts: { readonly [K in keyof Detail]?: Promise<Outcome<Detail[K]>> }, base: Detail,
): Promise<Outcome<Detail>> {
  const outcomes = await Promise.all(Object.entries(parts).map(async ([name, part]) => [name, await part] as const));
  const failed = outcomes.find(([, outcome]) => !outcome.ok)?.[1];
  if (failed && !failed.ok) return { ok: false, error: failed.error satisfies CallError };
  const loaded = outcomes.flatMap(([name, outcome]) => (outcome.ok ? [[name, outcome.value]] : []));
  return { ok: true, value: { ...base, ...Object.fromEntries(loaded) } };
}

function countOthers({ rows, total }: ListPage, id: string): number {
  return total - (rows.some((row) => row.id === id) ? 1 : 0);
}
