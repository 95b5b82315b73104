// Random writes to an account: every kind of write on every collection, most of them valid. A seed makes them repeatable.

import assert from 'node:assert/strict';

import type { Client, Payload, Reply, WireRecord } from '../client.ts';
import { customer, invoice, line, plan, user } from '../server/samples.ts';
import type { Model } from './model.ts';
import type { Random } from './random.ts';

type Task = (clerk: Clerk) => Promise<void>;

/** Each task with its relative frequency. */
const tasks: readonly (readonly [weight: number, task: Task])[] = [
  [6, (clerk) => clerk.create('plans', plan(clerk.words()))],
  [8, (clerk) => clerk.create('customers', customer({ ...clerk.words(), planId: clerk.pick('plans')?.id ?? null }))],
  [14, (clerk) => clerk.createInvoice()],
  [2, (clerk) => clerk.create('users', user(`${clerk.random.integer(0, 2 ** 31)}@people.test`, clerk.words()))],
  [8, (clerk) => clerk.patch('plans', { priceMinor: clerk.random.integer(0, 99_999), ...clerk.words() })],
  [8, (clerk) => clerk.patch('customers', {
    internalNote: clerk.random.chance(0.3) ? null : 'Ring\nfirst. "Quoted" \\ 🧾', ...clerk.words(),
  })],
  [10, (clerk) => clerk.patch('invoices', { internalNote: `Note ${clerk.random.next()}` })],
  [4, (clerk) => clerk.patch('invoices', { lines: clerk.lines() })],
  [2, (clerk) => clerk.patch('company', { footer: `Footer ${clerk.random.next()}`, ...clerk.words() })],
  [2, (clerk) => clerk.patch('users', { disabled: clerk.random.chance(0.5), ...clerk.words() })],
  [4, (clerk) => clerk.remove('plans')],
  [4, (clerk) => clerk.remove('customers')],
  [5, (clerk) => clerk.remove('invoices')],
  [1, (clerk) => clerk.remove('users')],
  [10, (clerk) => clerk.issue()],
  [8, (clerk) => clerk.pay()],
  [4, (clerk) => clerk.removePayment()],
  [4, (clerk) => clerk.act('credit')],
  [3, (clerk) => clerk.act('void')],
  [3, (clerk) => clerk.writeInvalid()],
];
const totalWeight = tasks.reduce((sum, [weight]) => sum + weight, 0);

export class Clerk {
  readonly random: Random;
  readonly #client: Client;
  readonly #model: Model;
  /** Users that are never changed or deleted. */
  readonly #spared: ReadonlySet<string>;
  /** The invoices of which a credit note is being issued. */
  readonly #crediting = new Set<string>();
  /** Writes that the server has answered, with success or an error. */
  answered = 0;

  constructor(client: Client, model: Model, random: Random, spared: Iterable<string>) {
    this.#client = client;
    this.#model = model;
    this.random = random;
    this.#spared = new Set(spared);
  }

  async work(): Promise<void> {
    let at = this.random.next() * totalWeight;
    const [, task] = tasks.find(([weight]) => (at -= weight) < 0) ?? assert.fail();
    await task(this);
  }

  words(): { name: string } {
    return { name: `${this.random.pick(['Café', 'Łódź', 'O\'Neill', '東京', 'A&B <i>'] as const)} ${this.random.integer(0, 9999)}` };
  }

  lines(): object[] {
    return Array.from({ length: this.random.integer(1, 4) }, () => line({
      quantityMilli: this.random.integer(0, 5000),
      unitPriceMinor: this.random.integer(0, 20_000),
      taxRateBp: this.random.pick([0, 700, 1900] as const),
    }));
  }

  pick(collection: string): WireRecord | undefined {
    return this.random.pick(this.#model.present(collection).filter(({ id }) => !this.#spared.has(id)));
  }

  async create(collection: string, fields: object): Promise<void> {
    const key = `key-${this.random.integer(0, 2 ** 31)}`;
    const ask = (): Promise<Reply> => this.#client.post(`/api/${collection}`, fields, { 'Idempotency-Key': key });
    const reply = await ask();
    this.#record(collection, reply);
    if (this.random.chance(0.05)) assert.equal((await ask()).text, reply.text, 'a repeated request gets the first response');
  }

  async createInvoice(): Promise<void> {
    const owner = this.pick('customers');
    if (owner) await this.create('invoices', invoice(owner.id, { lines: this.lines() }));
  }

  async patch(collection: string, fields: object): Promise<void> {
    const record = this.pick(collection);
    if (record) this.#record(collection, await this.#client.patch(`/api/${collection}/${record.id}`, record.updatedAt, fields));
  }

  async remove(collection: string): Promise<void> {
    const record = this.pick(collection);
    if (record) this.#record(collection, await this.#client.remove(`/api/${collection}/${record.id}`, record.updatedAt));
  }

  /** Issues an invoice or a credit note, which changes its invoice, too: nobody knows that version until it is read here. */
  async issue(): Promise<void> {
    const record = this.#pickInvoice('draft');
    const creditedId = record?.payload['creditedId'];
    if (typeof creditedId !== 'string') return this.act('issue', {}, record);
    if (this.#crediting.has(creditedId)) return;
    this.#crediting.add(creditedId);
    await this.act('issue', {}, record);
    this.#model.saw('invoices', await this.#client.read('invoices', creditedId));
    this.#crediting.delete(creditedId);
  }

  /** Pays what is open of an invoice, or some other amount, which may be too much. */
  async pay(): Promise<void> {
    const record = this.#pickInvoice('open');
    const { totalMinor, creditedMinor, paidMinor } = record?.payload ?? {};
    const openMinor = Number(totalMinor) - Number(creditedMinor) - Number(paidMinor);
    const amountMinor = this.random.chance(0.4) ? openMinor : this.random.integer(1, 40_000);
    await this.act('payments', { amountMinor, paidOn: '2026-02-01', method: 'Überweisung', reference: this.words().name }, record);
  }

  async removePayment(): Promise<void> {
    const record = this.random.pick(this.#model.present('invoices').filter(({ payload }) => paymentsOf(payload).length > 0));
    const payment = this.random.pick(paymentsOf(record?.payload));
    if (!record || !payment) return;
    this.#record('invoices', await this.#client.remove(`/api/invoices/${record.id}/payments/${payment.id}`, record.updatedAt));
  }

  async act(action: string, body: object = {}, record = this.pick('invoices')): Promise<void> {
    if (!record) return;
    const headers = { 'If-Match': `"${record.updatedAt}"` };
    this.#record('invoices', await this.#client.post(`/api/invoices/${record.id}/${action}`, body, headers));
  }

  /** An invoice in this status more often than not. */
  #pickInvoice(status: string): WireRecord | undefined {
    const fitting = this.#model.present('invoices').filter(({ payload }) => payload['status'] === status);
    return this.random.chance(0.8) ? this.random.pick(fitting) ?? this.pick('invoices') : this.pick('invoices');
  }

  /** Writes that must be rejected and change nothing. */
  async writeInvalid(): Promise<void> {
    const record = this.pick('plans');
    if (!record) return;
    const path = `/api/plans/${record.id}`;
    const replies = [
      await this.#client.patch(path, '2020-01-01T00:00:00.000000Z', { name: 'Too late' }),
      await this.#client.patch(path, record.updatedAt, { unknown: 1 }),
      await this.#client.remove('/api/plans/0123456789abcdef01234567', record.updatedAt),
      await this.#client.post('/api/plans', { name: '' }),
    ];
    // Another writer may have deleted it meanwhile.
    assert.match(replies.map(({ status }) => status).join(' '), /^(412 400|404 400|412 404|404 404) 404 400$/);
    this.answered += replies.length;
  }

  #record(collection: string, reply: Reply): void {
    this.answered += 1;
    if (reply.status < 300) this.#model.wrote(collection, reply);
    else assert([400, 404, 409, 412].includes(reply.status), reply.text);
  }
}

function paymentsOf(payload: Payload | undefined): readonly { readonly id: string }[] {
  return (payload?.['payments'] ?? []) as readonly { readonly id: string }[];
}
