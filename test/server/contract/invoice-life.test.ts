// The life of invoices under random actions, against the real server: whatever is tried and refused, the amounts, the states and the
// numbers stay what the contract says of them. A failure prints its seed and the shortest history that fast-check finds.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import fc from 'fast-check';

import { type Client, type Payload, type WireRecord } from '../../client.ts';
import { amount } from '../../sync/seeds.ts';
import { addAccount, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line } from '../samples.ts';

const RUNS = { embedded: amount(12, 500), mongodb: amount(3, 50) } as const;
const TIME_LIMIT_MS = amount(6000, 120_000);

interface Payment { readonly id: string; readonly amountMinor: number }

/**
 * An action on the record of that index, among those that it suits or, if `isWild`, among all; with an amount where it needs one: a
 * price, a payment, or the index of one.
 */
const step = fc.record({
  action: fc.constantFrom(
    'create', 'issue', 'pay', 'pay', 'refund', 'refund', 'unpay', 'unpay', 'credit', 'creditOver', 'creditOver', 'cut', 'void', 'delete',
    'annotate',
  ),
  index: fc.nat(5),
  isWild: fc.constantFrom(false, false, false, true),
  amountMinor: fc.constantFrom(0, 1, 2, 3, 5, 8),
  year: fc.constantFrom('2026', '2027'),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function suits(action: Step['action'], { status, kind, payments }: Payload): boolean {
  switch (action) {
    case 'issue': case 'delete': return status === 'draft';
    case 'cut': return status === 'draft' && kind === 'credit_note';
    case 'pay': case 'void': return status === 'open';
    case 'refund': case 'unpay': return (payments as readonly Payment[]).length > 0;
    case 'credit': case 'creditOver': return kind === 'invoice' && status !== 'draft';
    default: return true;
  }
}

for (const store of stores) {
  describe(`the life of invoices, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const linesOver = (unitPriceMinor: number) => ({ lines: [line({ unitPriceMinor, taxRateBp: 0 })] });

    /** Does the step and returns the answer's status. */
    const take = async (owner: Client, buyer: WireRecord, records: readonly WireRecord[], taken: Step): Promise<number> => {
      const { action, index, isWild, amountMinor, year } = taken;
      const suited = records.filter(({ payload }) => isWild || suits(action, payload));
      const record = suited[index % Math.max(suited.length, 1)] ?? records[index % records.length];
      if (action === 'create' || !record) {
        return (await owner.post('/api/invoices', invoice(buyer.id, { issueDate: `${year}-01-15`, ...linesOver(amountMinor) }))).status;
      }
      const path = `/api/invoices/${record.id}`;
      const act = async (name: string, body?: object): Promise<number> =>
        (await owner.post(`${path}/${name}`, body, { 'If-Match': `"${record.updatedAt}"` })).status;
      const payments = record.payload['payments'] as readonly Payment[];
      const balance = balanceOf(record.payload);
      const upTo = (most: number): number => Math.max(1, isWild ? amountMinor : Math.min(amountMinor, most));
      switch (action) {
        case 'issue': case 'credit': case 'void': return act(action);
        case 'creditOver': {
          const { status, body } = await owner.post(`${path}/credit`, {}, { 'If-Match': `"${record.updatedAt}"` });
          if (status !== 201) return status;
          const note = await owner.change('invoices', body.record, linesOver(amountMinor));
          await owner.post(`/api/invoices/${note.id}/issue`, {}, { 'If-Match': `"${note.updatedAt}"` });
          return status;
        }
        case 'pay': return act('payments', { amountMinor: upTo(balance), paidOn: '2026-03-01' });
        case 'refund': return act('payments', { amountMinor: -upTo(-balance), paidOn: '2026-03-01' });
        case 'unpay': {
          const { id = 'x' } = payments[amountMinor % payments.length] ?? {};
          return (await owner.remove(`${path}/payments/${id}`, record.updatedAt)).status;
        }
        case 'cut': return (await owner.patch(path, record.updatedAt, linesOver(amountMinor))).status;
        case 'annotate': return (await owner.patch(path, record.updatedAt, { internalNote: `note ${amountMinor}`, dueDate: null })).status;
        case 'delete': return (await owner.remove(path, record.updatedAt)).status;
      }
    };

    const assertSound = (records: readonly WireRecord[]): void => {
      for (const { id, payload } of records) {
        const { kind, status, totalMinor, paidMinor, creditedMinor } = payload as Readonly<Record<string, number | string>>;
        const [total, paid, credited] = [Number(totalMinor), Number(paidMinor), Number(creditedMinor)];
        const payments = payload['payments'] as readonly Payment[];
        const isIssued = status !== 'draft';
        const notes = records.filter(({ payload: other }) => other['creditedId'] === id && other['status'] !== 'draft');
        assert.equal(paid, payments.reduce((sum, { amountMinor }) => sum + amountMinor, 0));
        assert.equal(credited, notes.reduce((sum, { payload: note }) => sum + Number(note['totalMinor']), 0));
        assert.ok(paid >= 0 && paid <= total && credited <= total, JSON.stringify(payload));
        assert.deepEqual(['number', 'seller', 'buyer'].map((name) => name in payload), [isIssued, isIssued, isIssued]);
        if (kind === 'credit_note') {
          assert.ok(records.some((other) => other.id === payload['creditedId']));
          assert.deepEqual([status, paid, credited], [isIssued ? 'paid' : 'draft', 0, 0]);
        } else if (status === 'draft' || status === 'void') {
          assert.deepEqual([paid, credited], [0, 0]);
        } else {
          assert.equal(status, balanceOf(payload) === 0 ? 'paid' : 'open');
        }
      }
      const numbers = records.flatMap(({ payload }) => (typeof payload['number'] === 'string' ? [payload['number']] : []));
      for (const [series, members] of Object.entries(Object.groupBy(numbers, (number) => number.slice(0, -6)))) {
        assert.match(series, /^(INV|CN)-\d{4}$/);
        const counts = (members ?? []).map((number) => Number(number.slice(-5))).sort((a, b) => a - b);
        assert.deepEqual(counts, counts.map((_count, index) => index + 1), series);
      }
    };

    test('keeps amounts, states and numbers right, whatever is tried', async () => {
      let accounts = 0;
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 30 }), async (steps) => {
        const owner = await addAccount(server, `owner@life${accounts += 1}.test`);
        const buyer = await owner.create('customers', customer());
        const held = new Map<string, WireRecord>();
        for (const price of [3, 8]) {
          const open = await owner.act(await owner.create('invoices', invoice(buyer.id, linesOver(price))), 'issue');
          held.set(open.id, open);
        }
        let since = (await owner.pull()).body.serverTime;
        for (const taken of steps) {
          const before = new Map([...held].map(([id, { payload }]) => [id, payload] as const));
          const status = await take(owner, buyer, [...held.values()], taken);
          assert.ok([200, 201, 404, 409].includes(status), `${status}: ${JSON.stringify(taken)}`);
          const { changes, serverTime } = (await owner.pull(`?since=${since}`)).body;
          since = serverTime;
          assert.equal(changes.length > 0, status < 300, 'a refused action changes nothing');
          for (const { mongoId, updatedAt, payload } of changes) {
            if (payload) held.set(mongoId, { id: mongoId, updatedAt, payload });
            else held.delete(mongoId);
            assertFrozen(before.get(mongoId), payload);
          }
          assertSound([...held.values()]);
        }
      }), { numRuns: RUNS[store.kind], interruptAfterTimeLimit: TIME_LIMIT_MS });
    });
  });
}

function balanceOf({ totalMinor, creditedMinor, paidMinor }: Payload): number {
  return Number(totalMinor) - Number(creditedMinor) - Number(paidMinor);
}

const moving = ['status', 'paidMinor', 'creditedMinor', 'payments', 'dueDate', 'internalNote'];

/** What an issued record charges, to whom, and its number never change, nor is it ever deleted. */
function assertFrozen(before: Payload | undefined, after: Payload | undefined): void {
  if (before === undefined || before['status'] === 'draft') return;
  assert.ok(after, 'an issued record was deleted');
  const frozen = (payload: Payload) => Object.fromEntries(Object.entries(payload).filter(([name]) => !moving.includes(name)));
  assert.deepEqual(frozen(after), frozen(before));
}
