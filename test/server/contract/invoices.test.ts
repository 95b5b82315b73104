// The wire contract: the totals that the server computes, the numbers it assigns, and the customer's name it keeps.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { runVerify } from '../../../server/verify-command.ts';
import { assertError, type Client, type Payload, type Reply, type WireRecord } from '../../client.ts';
import { addAccount, openStore, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line } from '../samples.ts';

type Line = readonly [quantityMilli: number, unitPriceMinor: number, taxRateBp: number];
type Tax = readonly [rateBp: number, netMinor: number, taxMinor: number];

const most = Number.MAX_SAFE_INTEGER;
const toLines = (lines: readonly Line[]) =>
  lines.map(([quantityMilli, unitPriceMinor, taxRateBp]) => line({ quantityMilli, unitPriceMinor, taxRateBp }));

for (const store of stores) {
  describe(`an invoice's totals, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let buyer: WireRecord;
    before(async () => {
      server = await startServer(store);
      buyer = await server.owner.create('customers', customer({ name: 'Buyer' }));
    });
    after(() => server.stop());

    const create = (lines: readonly Line[]): Promise<Reply> =>
      server.owner.post('/api/invoices', invoice(buyer.id, { lines: toLines(lines) }));
    const assertTotals = (payload: Payload, subtotalMinor: number, taxes: readonly Tax[], totalMinor: number): void => {
      assert.equal(payload['subtotalMinor'], subtotalMinor);
      const found = (payload['taxes'] as Record<string, number>[]).map(({ rateBp, netMinor, taxMinor }) => [rateBp, netMinor, taxMinor]);
      assert.deepEqual(found.sort(([a = 0], [b = 0]) => a - b), taxes);
      assert.equal(payload['totalMinor'], totalMinor);
    };

    const cases: readonly (readonly [title: string, lines: readonly Line[], subtotal: number, taxes: readonly Tax[], total: number])[] = [
      ['are zero without lines', [], 0, [], 0],
      ['of one line are its net and tax', [[2500, 1000, 1900]], 2500, [[1900, 2500, 475]], 2975],
      ['round half a unit away from zero', [[500, 1, 0], [1500, 1, 0], [2500, 1, 0], [499, 1, 0]], 6, [[0, 6, 0]], 6],
      ['round half a negative unit away from zero too', [[1000, 100, 0], [500, -1, 0], [2500, -1, 0], [499, -1, 0]], 96, [[0, 96, 0]], 96],
      ['tax the sum per rate, not each line', [[1000, 33, 1900], [1000, 33, 1900], [1000, 33, 1900]], 99, [[1900, 99, 19]], 118],
      ['round half a unit of tax away from zero', [[1000, 50, 100], [1000, 150, 300]], 200, [[100, 50, 1], [300, 150, 5]], 206],
      ['round a negative tax away from zero', [[1000, 1000, 0], [1000, -50, 100]], 950, [[0, 1000, 0], [100, -50, -1]], 949],
      ['list each rate separately', [[1000, 100, 1900], [1000, 100, 700], [1000, 100, 0], [1000, 100, 700]], 400,
        [[0, 100, 0], [700, 200, 14], [1900, 100, 19]], 433],
      ['subtract a discount', [[1000, 10_000, 1900], [1000, -2500, 1900]], 7500, [[1900, 7500, 1425]], 8925],
      ['may add up to zero', [[1000, 100, 1900], [1000, -100, 1900]], 0, [[1900, 0, 0]], 0],
      ['go up to the largest safe integer', [[1000, most, 0]], most, [[0, most, 0]], most],
      ['are exact if a product exceeds the safe integers', [[9_007_199_254_741, 1001, 0]], 9_016_206_453_996, [[0, 9_016_206_453_996, 0]],
        9_016_206_453_996],
    ];
    for (const [title, lines, subtotal, taxes, total] of cases) {
      test(title, async () => {
        const { status, body, text } = await create(lines);
        assert.equal(status, 201, text);
        assertTotals(body.record.payload, subtotal, taxes, total);
      });
    }

    test('divide a price by the units that it is for, and take quantities back', async () => {
      const lines = [
        line({ quantityMilli: 250_000, unitPriceMinor: 1995, priceQuantity: 100 }),
        line({ quantityMilli: -50_000, unitPriceMinor: 1995, priceQuantity: 100 }),
        line({ quantityMilli: 1000, unitPriceMinor: 1, priceQuantity: 2 }),
        line({ quantityMilli: 3_000_000, unitPriceMinor: 33, priceQuantity: 100_000 }),
      ];
      const { payload } = await server.owner.create('invoices', invoice(buyer.id, { lines }));
      assertTotals(payload, 4988 - 998 + 1 + 1, [[1900, 3992, 758]], 4750);
      assert.deepEqual(payload['lines'], lines);
    });

    test('tax each category and rate by itself', async () => {
      const lines = [
        line(), line({ taxRateBp: 0 }), line({ taxRateBp: 0, taxCategory: 'E' }), line({ taxRateBp: 0, taxCategory: 'S' }),
        line({ taxRateBp: 0, taxCategory: 'Z', unitPriceMinor: 1 }), line({ taxRateBp: 700, taxCategory: 'S' }),
      ];
      const { payload } = await server.owner.create('invoices', invoice(buyer.id, { lines, taxExemptionReason: 'Insurance' }));
      assert.deepEqual(payload['taxes'], [
        { category: 'S', rateBp: 0, netMinor: 10_000, taxMinor: 0 }, { category: 'Z', rateBp: 0, netMinor: 10_001, taxMinor: 0 },
        { category: 'E', rateBp: 0, netMinor: 10_000, taxMinor: 0 }, { category: 'S', rateBp: 700, netMinor: 10_000, taxMinor: 700 },
        { category: 'S', rateBp: 1900, netMinor: 10_000, taxMinor: 1900 },
      ]);
    });

    test('are refused where a category contradicts its rate or lacks its reason, also of a draft that is changed', async () => {
      const draft = await server.owner.create('invoices', invoice(buyer.id));
      const assertRefused = async (fields: object, names: readonly string[]): Promise<void> => {
        assertError(await server.owner.post('/api/invoices', invoice(buyer.id, fields)), 'invalid_request', names);
        assertError(await server.owner.patch(`/api/invoices/${draft.id}`, draft.updatedAt, fields), 'invalid_request', names);
      };
      for (const taxCategory of ['E', 'AE', 'K', 'G', 'O']) {
        const lines = [line({ taxRateBp: 0, taxCategory })];
        for (const taxExemptionReason of [undefined, null, '', ' ']) {
          await assertRefused({ lines, taxExemptionReason }, ['taxExemptionReason']);
        }
        await server.owner.create('invoices', invoice(buyer.id, { lines, taxExemptionReason: 'Reverse charge' }));
        await assertRefused({ lines: [line(), line({ taxRateBp: 1, taxCategory })], taxExemptionReason: 'x' }, ['lines.1.taxRateBp']);
      }
      await assertRefused({ lines: [line({ taxCategory: 'Z' })] }, ['lines.0.taxRateBp']);
      await assertRefused({ servicePeriod: { from: '2026-01-02', to: '2026-01-01' } }, ['servicePeriod.to']);
    });

    test('are refused if they are negative or too large to be exact', async () => {
      for (const lines of [
        [[1000, -1, 0]], [[1000, 100, 1900], [1000, -101, 1900]], [[1000, 100, 0], [1000, -100, 1900]],
        [[most, most, 0]], [[1000, most, 0], [1000, 1, 0]], [[1000, most, 1]], [[1000, most, 100_000]], [[1000, most, 0], [1000, 2, 1900]],
        [[1001, most, 0]],
      ] satisfies Line[][]) {
        assertError(await create(lines), 'invalid_request', ['lines']);
      }
    });

    test('follow changes to a draft\'s lines and survive a refused change', async () => {
      const draft = (await create([[1000, 100, 1900]])).body.record;
      const path = `/api/invoices/${draft.id}`;
      const changed = await server.owner.patch(path, draft.updatedAt, { lines: toLines([[3000, 100, 700]]) });
      assertTotals(changed.body.record.payload, 300, [[700, 300, 21]], 321);
      const negative = await server.owner.patch(path, changed.body.record.updatedAt, { lines: toLines([[1000, -1, 0]]) });
      assertError(negative, 'invalid_request', ['lines']);
      assert.equal((await server.owner.get(path)).text, changed.text);
    });

    test('of a draft come with the other fields that the server sets', async () => {
      const { payload } = (await create([[1000, 100, 0]])).body.record;
      const { kind, customerName, status, paidMinor, creditedMinor, payments } = payload;
      assert.deepEqual([kind, customerName, status, paidMinor, creditedMinor, payments], ['invoice', 'Buyer', 'draft', 0, 0, []]);
      assert.deepEqual(['number', 'creditedId', 'seller', 'buyer'].filter((name) => name in payload), []);
    });
  });

  describe(`an invoice's number, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const draft = async (owner: Client, fields: object = {}): Promise<WireRecord> => {
      const buyer = await owner.create('customers', customer());
      return owner.create('invoices', invoice(buyer.id, fields));
    };
    const issue = (owner: Client, { id, updatedAt }: WireRecord): Promise<Reply> =>
      owner.post(`/api/invoices/${id}/issue`, undefined, { 'If-Match': `"${updatedAt}"` });
    const numberOf = ({ body }: Reply) => body.record.payload['number'];

    test('counts from 1 per year and account', async () => {
      const [first, second] = [await addAccount(server, 'owner@one.test'), await addAccount(server, 'owner@two.test')];
      const numbers = [];
      for (const [owner, issueDate] of [
        [first, '2026-12-31'], [second, '2026-06-01'], [first, '2026-01-01'], [first, '2027-01-01'], [second, '2026-06-01'],
        [first, '2026-07-01'],
      ] as const) numbers.push(numberOf(await issue(owner, await draft(owner, { issueDate }))));
      const expected = ['2026-00001', '2026-00001', '2026-00002', '2027-00001', '2026-00002', '2026-00003'];
      assert.deepEqual(numbers, expected.map((rest) => `INV-${rest}`));
    });

    test('has no gaps or repeats with concurrent requests, some of which fail', async () => {
      const owner = await addAccount(server, 'owner@busy.test');
      const drafts = await Promise.all(Array.from({ length: 20 }, () => draft(owner)));
      const empty = await Promise.all(Array.from({ length: 3 }, () => draft(owner, { lines: [] })));
      const stale = await draft(owner);
      await owner.patch(`/api/invoices/${stale.id}`, stale.updatedAt, { note: 'changed' });
      const attempts = drafts.flatMap((one, index) => [one, ...(index % 5 === 0 ? [one, stale, empty[index % 3] ?? one] : [])]);
      const replies = await Promise.all(attempts.map((one) => issue(owner, one)));
      const numbers = replies.filter(({ status }) => status === 200).map((reply) => String(numberOf(reply)));
      assert.deepEqual(numbers.sort(), Array.from({ length: 20 }, (_, index) => `INV-2026-${String(index + 1).padStart(5, '0')}`));
      assert.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200, 409, 412]));
      assert.equal(numberOf(await issue(owner, await draft(owner))), 'INV-2026-00021');
    });

    test('is refused where it could not be read back, and then used by nobody', async (t) => {
      const owner = await addAccount(server, 'owner@years.test');
      for (const [issueDate, code, bound] of [
        ['0000-01-01', 'min', '1900-01-01'], ['1899-12-31', 'min', '1900-01-01'], ['2200-01-01', 'max', '2199-12-31'],
        ['9999-12-31', 'max', '2199-12-31'],
      ] as const) {
        const refused = await draft(owner, { issueDate });
        const reply = await issue(owner, refused);
        assertError(reply, 'conflict', ['issueDate']);
        assert.deepEqual(reply.body.error.fields?.['issueDate']?.params, { [code]: bound });
        assert.equal((await owner.read('invoices', refused.id)).updatedAt, refused.updatedAt);
      }
      for (const issueDate of ['1900-01-01', '2199-12-31']) {
        assert.equal(numberOf(await issue(owner, await draft(owner, { issueDate }))), `INV-${issueDate.slice(0, 4)}-00001`);
      }
      const { user: { accountId } } = (await owner.get('/api/auth/me')).body;
      const opened = await openStore(server, () => server.clock.ms);
      t.after(() => opened.close());
      await opened.mend(accountId, async (mending) =>
        mending.setAccount({ numbers: { ...mending.account.numbers, 'INV-2026': 10 ** 15 - 2 } }));
      assert.equal(numberOf(await issue(owner, await draft(owner))), `INV-2026-${10 ** 15 - 1}`);
      assertError(await issue(owner, await draft(owner)), 'conflict');
      const lines: string[] = [];
      const deps = { nowMs: () => server.clock.ms, write: (line: string) => void lines.push(line) };
      assert.equal(await runVerify(opened, { fixes: false, account: accountId }, deps), 0, lines.join(''));
    });

    test('is kept by a void invoice and not used by a deleted draft', async () => {
      const owner = await addAccount(server, 'owner@void.test');
      const { id, updatedAt } = (await issue(owner, await draft(owner))).body.record;
      const voided = await owner.post(`/api/invoices/${id}/void`, undefined, { 'If-Match': `"${updatedAt}"` });
      assert.deepEqual([numberOf(voided), voided.body.record.payload['status']], ['INV-2026-00001', 'void']);
      const dropped = await draft(owner);
      await owner.remove(`/api/invoices/${dropped.id}`, dropped.updatedAt);
      assert.equal(numberOf(await issue(owner, await draft(owner))), 'INV-2026-00002');
    });
  });

  describe(`the customer's name on an invoice, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('is the one when it was last saved as a draft or issued; renaming the customer changes no invoice', async () => {
      const { owner } = server;
      let buyer = await owner.create('customers', customer({ name: 'First' }));
      const rename = async (name: string): Promise<void> => {
        buyer = (await owner.patch(`/api/customers/${buyer.id}`, buyer.updatedAt, { name })).body.record;
      };
      let record = await owner.create('invoices', invoice(buyer.id));
      const path = `/api/invoices/${record.id}`;
      const nameNow = async () => (await owner.get(path)).body.record.payload['customerName'];
      await rename('Second');
      assert.equal(await nameNow(), 'First');
      record = (await owner.patch(path, record.updatedAt, { internalNote: 'x' })).body.record;
      assert.equal(record.payload['customerName'], 'Second');
      await rename('Third');
      record = (await owner.post(`${path}/issue`, undefined, { 'If-Match': `"${record.updatedAt}"` })).body.record;
      assert.equal(record.payload['customerName'], 'Third');
      const { serverTime } = (await owner.pull()).body;
      await rename('Fourth');
      assert.deepEqual((await owner.pull(`?since=${serverTime}`)).body.changes.map(({ collection }) => collection), ['customers']);
      record = (await owner.patch(path, record.updatedAt, { internalNote: 'y' })).body.record;
      assert.equal(record.payload['customerName'], 'Third');
      const payment = { amountMinor: 1, paidOn: '2026-03-02' };
      record = (await owner.post(`${path}/payments`, payment, { 'If-Match': `"${record.updatedAt}"` })).body.record;
      assert.equal(record.payload['customerName'], 'Third');
    });
  });
}
