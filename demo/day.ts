// A colleague's changes through the API (edits, additions, a deletion), and exactly what a desktop must hold after pulling
// them.

import type { Host } from '../desktop/host.ts';
import { addDays } from '../shared/days.ts';
import { openMinorOf } from '../shared/invoice.ts';
import type { WireRecord } from '../shared/protocol.ts';
import type { ListRow } from '../shared/window/views.ts';
import { invoiceOf, type Colleague } from './colleague.ts';
import { formatMoney } from './console.ts';
import { expect } from './expect.ts';

/** A record's state after the changes. */
export interface Touched {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
  readonly isDeleted: boolean;
}

export interface Work {
  /** The changes as sentences. */
  readonly sentences: readonly string[];
  readonly touched: readonly Touched[];
  /** The instant of the last change. */
  readonly lastUpdatedAt: string;
}

const customerChanges = [
  { phone: '+49 30 23125 400' },
  { internalNote: 'Neue Anschrift ab nächstem Monat, bitte nachfragen.' },
  { email: 'rechnung@new-address.example', contact: 'Käthe Brückner' },
];

/** Edits three customers, adds and issues two invoices, records a payment and deletes a draft. */
export async function makeChanges(colleague: Colleague, host: Host, today: string): Promise<Work> {
  const touched: Touched[] = [];
  const sentences: string[] = [];
  const note = (collection: string, { id, updatedAt }: WireRecord, isDeleted = false): void =>
    void touched.push({ collection, id, updatedAt, isDeleted });

  const customers = await choose(host, 'customers', customerChanges.length);
  for (const [index, row] of customers.entries()) {
    note('customers', await colleague.change('customers', row, customerChanges[index] ?? {}));
  }
  sentences.push(`edits ${customers.map(({ columns }) => columns['name']).join(', ')}`);

  for (const customer of customers.slice(0, 2)) {
    const draft = await colleague.create('invoices', newInvoice(customer, today));
    const issued = await colleague.act(draft, 'issue');
    const { number = '', totalMinor, currency } = invoiceOf(issued);
    sentences.push(`writes and issues ${number} over ${formatMoney(totalMinor, currency)}`);
    note('invoices', issued);
  }

  const [open] = await choose(host, 'invoices', 1, 'open');
  expect(open !== undefined, 'The sample company has no open invoice.');
  const before = await colleague.read('invoices', open.id);
  const { currency, number = '' } = invoiceOf(before);
  const amountMinor = openMinorOf(invoiceOf(before));
  const paid = await colleague.act(before, 'payments', { amountMinor, paidOn: today });
  expect(invoiceOf(paid).status === 'paid', `${number} was paid in full and is ${invoiceOf(paid).status}.`);
  sentences.push(`records the payment of ${formatMoney(amountMinor, currency)} for ${number}`);
  note('invoices', paid);

  const [draft] = await choose(host, 'invoices', 1, 'draft');
  expect(draft !== undefined, 'The sample company has no draft.');
  const removed = await colleague.remove('invoices', draft);
  sentences.push(`deletes a draft for ${draft.columns['customerName']}`);
  note('invoices', removed, true);
  return { sentences, touched, lastUpdatedAt: removed.updatedAt };
}

/** The first records of a list in the desktop's order. */
async function choose(host: Host, collection: string, limit: number, status?: string): Promise<readonly ListRow[]> {
  const { rows } = await host.data.listPage({ collection, limit, ...(status === undefined ? {} : { filters: { status } }) });
  return rows;
}

function newInvoice(customer: ListRow, today: string): object {
  return {
    customerId: customer.id,
    issueDate: today,
    dueDate: addDays(today, 30),
    currency: customer.columns['currency'],
    lines: [
      { description: 'Systembetreuung vor Ort', quantityMilli: 2500, unit: 'Std.', unitPriceMinor: 9600, taxRateBp: 1900 },
      { description: 'Anfahrt', quantityMilli: 1000, unit: 'Pauschale', unitPriceMinor: 4500, taxRateBp: 1900 },
    ],
  };
}
