// What a desktop does while its server is down: it answers every query from the cache, and rejects writes.

import type { Host } from '../desktop/host.ts';
import { AppError } from '../shared/errors.ts';
import { ageBuckets } from '../shared/invoice.ts';
import type { CurrencySummary } from '../shared/window/views.ts';
import { formatCount, formatMoney, type Teller } from './console.ts';
import { expect } from './expect.ts';

const SEARCH = 'größl';

/** Prints a page of a list, a search and the summary by age, and how long each took. */
export async function showOfflineReading(teller: Teller, host: Host, today: string): Promise<void> {
  const page = await timed(() => host.data.listPage({ collection: 'invoices', filters: { status: 'open' }, limit: 5 }));
  expect(page.result.rows.length > 0, 'The cache lists no invoices.');
  teller.say();
  teller.say(`Open invoices, newest first: 5 of ${formatCount(page.result.total)} (${page.took})`);
  teller.table(
    [
      { title: 'No' }, { title: 'Customer', maxColumns: 20 }, { title: 'Issued' }, { title: 'Due' },
      { title: 'Balance', align: 'end' },
    ],
    page.result.rows.map(({ columns }) => [
      text(columns['number']), text(columns['customerName']), text(columns['issueDate']), text(columns['dueDate']),
      formatMoney(Number(columns['openMinor']), text(columns['currency'])),
    ]),
  );

  const found = await timed(() => host.data.listPage({ collection: 'customers', search: SEARCH, limit: 5 }));
  expect(found.result.total > 0, `The cache finds no customer called ${SEARCH}.`);
  teller.say();
  teller.say(`Customers found for “${SEARCH}”: ${formatCount(found.result.total)} (${found.took}), such as`);
  for (const { columns } of found.result.rows.slice(0, 2)) teller.say(`${text(columns['name'])}, ${text(columns['contact'])}`);

  const sums = await timed(() => host.data.summary(today));
  expect(sums.result.length > 0, 'The cache has no invoices to summarize.');
  teller.say();
  teller.say(`Open amounts by days overdue, in whole units of each currency (${sums.took})`);
  showSummary(teller, sums.result);
}

function showSummary(teller: Teller, summaries: readonly CurrencySummary[]): void {
  const titles = ['Not due', '1–30', '31–60', '61–90', 'over 90'];
  teller.table(
    [{ title: '' }, ...titles.map((title) => ({ title, align: 'end' as const })), { title: 'Invoices', align: 'end' }],
    summaries.map(({ currency, open, buckets }) => [
      currency, ...ageBuckets.map((bucket) => formatCount((buckets[bucket].openMinor ?? 0) / 100)), formatCount(open.count),
    ]),
  );
}

/** Tries to add a customer and prints why that is rejected. */
export async function showRejectedWrite(teller: Teller, host: Host): Promise<void> {
  const before = (await host.data.counts())['customers'];
  const refusal = await host.records.create('customers', { name: 'Offline GmbH', currency: 'EUR' })
    .then(() => null, (error: unknown) => error);
  expect(refusal instanceof AppError, 'A write without a server was not rejected.');
  expect((await host.data.counts())['customers'] === before, 'A rejected write changed the cache.');
  teller.say();
  teller.say('Adding a customer is refused:');
  teller.say(`“${refusal.message}” (${refusal.code})`);
}

async function timed<T>(ask: () => Promise<T>): Promise<{ result: T; took: string }> {
  const startedMs = performance.now();
  const result = await ask();
  return { result, took: `${(performance.now() - startedMs).toFixed(1)} ms` };
}

function text(value: string | number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}
