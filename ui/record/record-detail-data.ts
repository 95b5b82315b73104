// Loads everything that the detail of a record shows: the record, what it references, and what references it.

import type { CallError, Outcome, WindowApi } from '../../shared/window/ipc.ts';
import type { CurrencyTotals, ListPage, RecordView } from '../../shared/window/views.ts';
import type { RecordContext } from './record-actions.ts';

export interface Detail extends RecordContext {
  readonly collection: string;
  readonly record: RecordView;
  /** The customer of an invoice. */
  readonly customer: RecordView | null;
  /** The plan of a customer. */
  readonly plan: RecordView | null;
  /** The latest invoices of a customer. */
  readonly invoices: ListPage | null;
  /** Totals of a customer's invoices, by currency. */
  readonly totals: readonly CurrencyTotals[];
}

type Source = Pick<WindowApi['data'], 'getRecord' | 'listPage' | 'selectionTotals'>;

const nothing = { customer: null, plan: null, invoices: null, totals: [], references: null, otherOwners: null };
const shownInvoices = 5;

/** The detail of a record, or null if the cache does not hold it (any more). */
export async function loadDetail(source: Source, collection: string, id: string): Promise<Outcome<Detail | null>> {
  const found = await source.getRecord({ collection, id });
  if (!found.ok) return found;
  const record = found.value;
  if (!record) return { ok: true, value: null };
  const base = { ...nothing, collection, record };
  switch (collection) {
    case 'invoices': {
      const customerId = text(record.payload['customerId']);
      return withParts({ customer: source.getRecord({ collection: 'customers', id: customerId }) }, base);
    }
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
  const planId = text(payload['planId']);
  const selection = { collection: 'invoices', filters: { customerId: id } };
  const detail = await withParts({
    plan: planId === '' ? Promise.resolve({ ok: true, value: null }) : source.getRecord({ collection: 'plans', id: planId }),
    invoices: source.listPage({ ...selection, sort: { column: 'issueDate', descending: true }, limit: shownInvoices }),
    totals: source.selectionTotals(selection),
  }, base);
  return detail.ok ? { ok: true, value: { ...detail.value, references: detail.value.invoices?.total ?? null } } : detail;
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

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
