// A customer's statement of account: what is open, oldest due date first, on the invoice's paper and in the customer's language, one
// paper per currency. Loaded when it is first asked for.

import type { Company, Customer } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { isOverdue } from '../../shared/invoice.ts';
import type { Outcome, SavedFile } from '../../shared/window/ipc.ts';
import type { ListRow } from '../../shared/window/views.ts';
import { ask } from '../base/ask.ts';
import { findCompany, sourceOf, type Detail } from '../record/record-detail-data.ts';
import { InvoifyInvoicePage } from './invoice-page.ts';
import { bankFacts, filled, footer, maxNamed, postalLines, type Paper, type PaperLine } from './paper-content.ts';
import { createPaperFormat, paperLocale } from './paper-format.ts';
import { addressLines } from '../record/address.ts';

const pageRows = 500;

export interface StatementSource {
  readonly customer: Customer;
  /** As it is now; null if the cache does not hold it. */
  readonly company: Company | null;
  /** The open invoices of the customer in one currency, at least one. */
  readonly invoices: readonly ListRow[];
  readonly currency: string;
  /** YYYY-MM-DD. */
  readonly today: string;
}

/** Throws a RangeError if a sum is not a safe integer. */
export function statementContent({ customer, company, invoices, currency, today }: StatementSource): Paper {
  const seller = company ?? { name: '' };
  const format = createPaperFormat(paperLocale(customer, seller));
  const { words, date } = format;
  const money = (amountMinor: number): string => format.money(amountMinor, currency);
  const open = invoices.map(({ columns }) => ({
    number: String(columns['number'] ?? ''),
    issueDate: String(columns['issueDate']),
    dueDate: typeof columns['dueDate'] === 'string' ? columns['dueDate'] : undefined,
    totalMinor: Number(columns['totalMinor']),
    openMinor: Number(columns['openMinor']),
    paidMinor: Number(columns['partPaidMinor']),
  }));
  let carriedMinor = 0;
  const lines = open.map((invoice, index) => {
    carriedMinor = exact(carriedMinor + invoice.openMinor);
    return {
      position: String(index + 1),
      description: [
        invoice.number,
        date(invoice.issueDate),
        ...invoice.paidMinor === 0 ? [] : [words.paidSoFar(money(invoice.paidMinor))],
        ...creditedOf(invoice) === 0 ? [] : [words.creditedSoFar(money(creditedOf(invoice)))],
      ].join('\n'),
      ...keptWhole(money(invoice.totalMinor), invoice.dueDate === undefined ? '' : date(invoice.dueDate)),
      tax: '',
      amount: money(invoice.openMinor),
      carried: money(carriedMinor),
    };
  });
  const overdueMinor = open.filter((invoice) => isOverdue(invoice, today)).reduce((sum, { openMinor }) => exact(sum + openMinor), 0);
  const due = open.filter(({ openMinor }) => openMinor > 0);
  const reference = due.length <= maxNamed ? due.map(({ number }) => number).join(', ') : customer.number ?? '';
  return {
    format,
    logo: company?.logo ?? null,
    seller: seller.name,
    sender: [seller.name, ...addressLines(seller, () => '')].join(' · '),
    recipient: [customer.name, ...customer.contact ? [customer.contact] : [], ...postalLines(customer, seller, format)],
    facts: filled([[words.date, date(today)], [words.customerNumber, customer.number], [words.customerVatId, customer.vatId]]),
    heading: words.statement,
    corrects: words.statementOf(date(today), currency),
    date: date(today),
    stamp: '',
    titles: {
      position: words.position, description: words.invoice, quantity: words.amount, price: words.dueDate, tax: '', amount: words.amountDue,
    },
    lines,
    totals: [
      ...overdueMinor === 0 ? [] : [{ label: words.overdue, amount: money(overdueMinor), look: 'plain' as const }],
      { label: carriedMinor < 0 ? words.overpaid : words.amountDue, amount: money(Math.abs(carriedMinor)), look: 'strong' },
    ],
    settlement: [],
    settlementTitle: '',
    exemption: '',
    request: carriedMinor > 0 ? words.pay(money(carriedMinor), '', reference) : carriedMinor < 0 ? words.refund(money(-carriedMinor)) : '',
    bank: carriedMinor > 0 ? bankFacts({ number: reference }, seller, format) : [],
    note: '',
    ...footer(seller, format),
  };
}

function keptWhole(quantity: string, price: string): Pick<PaperLine, 'quantity' | 'price' | 'kept'> {
  return { quantity, price, kept: { quantity, price } };
}

function creditedOf({ totalMinor, openMinor, paidMinor }: Readonly<Record<'totalMinor' | 'openMinor' | 'paidMinor', number>>): number {
  return totalMinor - openMinor - paidMinor;
}

function exact(sum: number): number {
  if (!Number.isSafeInteger(sum)) throw new RangeError('The sum is too large.');
  return sum;
}

/**
 * Prints a statement per currency in which anything is open, the customer's own first, or saves them as one PDF: the value is then the
 * file, or null if the user cancelled.
 */
export async function exportStatement(
  host: EventTarget, { record }: Detail, to: 'print' | 'pdf', today: string,
): Promise<Outcome<SavedFile | null>> {
  const customer = record.payload as JsonObject & Customer;
  const company = await findCompany(sourceOf(host));
  const invoices = await openInvoices(host, record.id);
  if (!company.ok) return company;
  if (!invoices.ok) return invoices;
  const byCurrency = Object.groupBy(invoices.value, ({ columns }) => String(columns['currency']));
  const isOwn = (currency: string): number => Number(currency === customer.currency);
  const currencies = Object.keys(byCurrency).sort((a, b) => isOwn(b) - isOwn(a) || (a < b ? -1 : 1));
  const pages = currencies.map((currency) => {
    const page = new InvoifyInvoicePage();
    const source = { customer, company: (company.value?.payload ?? null) as Company | null, currency, today };
    page.paper = statementContent({ ...source, invoices: byCurrency[currency] ?? [] });
    return page;
  });
  document.body.append(...pages);
  try {
    await Promise.all(pages.map((page) => page.laidOut()));
    if (to === 'print') return await ask(host, 'app.print');
    return await ask(host, 'app.exportPdf', { name: `${pages[0]?.paper?.heading ?? ''} ${customer.name}`.trim() });
  } finally {
    for (const page of pages) page.remove();
  }
}

/** All of a customer's open invoices, oldest due date first, and last those that are due at any time. */
async function openInvoices(host: EventTarget, customerId: string): Promise<Outcome<readonly ListRow[]>> {
  const rows: ListRow[] = [];
  for (;;) {
    const page = await ask(host, 'data.listPage', {
      collection: 'invoices', filters: { customerId, status: 'open' }, sort: { column: 'dueDate' }, offset: rows.length, limit: pageRows,
    });
    if (!page.ok) return page;
    rows.push(...page.value.rows);
    if (page.value.rows.length < pageRows) break;
  }
  const hasDue = ({ columns }: ListRow): boolean => columns['dueDate'] !== null;
  return { ok: true, value: [...rows.filter(hasDue), ...rows.filter((row) => !hasDue(row))] };
}
