// The wire contract: the valid values of each field of each collection. Invalid values are refused with the path of
// their field, all of them at once.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError } from '../../client.ts';
import { amount } from '../../sync/seeds.ts';
import { startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice, line, plan, user } from '../samples.ts';

/** Invalid for every text field. */
const noText = [1, true, {}, [], 'a\u0000b', 'a\u001bb', 'a\u007f', 'a\u0085', 'lone \ud800', '\udc00 lone'];
const noLine = [...noText, 'two\nlines', 'a\tb', 'a\rb'];
const noParagraph = [...noText, 'a\rb', 'a\u000bb'];
const noInteger = ['1', '', 1.5, 1e300, 2 ** 53, -(2 ** 53), true, {}, []];
const noAmount = [...noInteger, -1];
const noBoolean = ['true', 0, 1, '', {}, []];
const noDate = [
  20260115, '', '2026-1-15', '2026-02-29', '2026-13-01', '2026-00-10', '2026-01-00', '2026-01-32', '2026-01-15T00:00:00Z', '15.01.2026',
  ' 2026-01-15', '26-01-15', '+002026-01-15', '\u0662\u0660\u0662\u0666-01-01', {}, [],
];
const noCurrency = ['', 'eur', 'EURO', 'EU', 'ZZZ', '€', 978, {}, [], '__proto__'];
const noEmail = [
  '', 'a', 'a@', '@b', 'a b@c.test', 'a@b@c', 'a@b c', 'a\n@b.test', '<a@b.test>', 'a@b.test,c@d.test', `${'a'.repeat(65)}@b.test`,
  5, {}, [],
  'a\u0000@b.test', '\ud800@b.test', `a@${'b'.repeat(251)}`,
  '.a@b.test', 'a.@b.test', 'a..b@b.test', '.@b.test', 'a@-b.test', 'a@b-.test', 'a@c.-b.test', 'a@b.test-', 'a@b.-', 'a@-',
  'a@.b.test', 'a@b..test', 'a@b.test.', 'a@.',
];
const required = [null, undefined];

interface FieldCase {
  readonly field: string;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const cases: Readonly<Record<string, readonly FieldCase[]>> = {
  users: [
    {
      field: 'email',
      good: ['ä.ö+tag@exämple.test', "o'neil@b.test", '-a-@b.test', 'a.b.c@x--y.b-c.test', 'a@b'],
      bad: [...noEmail, ...required],
    },
    { field: 'name', good: [' x\u00a0', 'a'.repeat(200)], bad: [...noLine, ...required, '', '  ', 'a'.repeat(201)] },
    { field: 'role', good: ['owner', 'editor', 'viewer'], bad: ['', 'Owner', 'admin', 1, ['owner'], {}, ...required] },
    { field: 'disabled', good: [true, false], bad: [...noBoolean, ...required] },
    { field: 'password', good: [null, undefined, '10 chars!!', 'ﬃ'.repeat(4), 'ß'.repeat(512)],
      bad: [...noLine, '', '9 chars!!', 'a\u0308'.repeat(9), '🔑'.repeat(9), 'ß'.repeat(513), 'password123', 'PASSWORD123'] },
  ],
  plans: [
    { field: 'name', good: ['x', '🧾'.repeat(100)], bad: [...noLine, ...required, '', '\u3000', '🧾'.repeat(101)] },
    { field: 'priceMinor', good: [0, 1, Number.MAX_SAFE_INTEGER], bad: [...noAmount, ...required] },
    { field: 'currency', good: ['EUR', 'JPY', 'KWD'], bad: [...noCurrency, ...required] },
    { field: 'interval', good: ['month', 'year', 'once'], bad: ['', 'Month', 'week', 'toString', 1, ...required] },
    { field: 'taxRateBp', good: [null, undefined, 0, 1900], bad: [...noAmount, 100_001] },
    { field: 'unit', good: [null, undefined, '', 'h'], bad: [...noLine, 'a'.repeat(51)] },
    { field: 'active', good: [true, false], bad: [...noBoolean, ...required] },
  ],
  customers: [
    { field: 'name', good: ['x'], bad: [...noLine, ...required, '', ' ', 'a'.repeat(201)] },
    { field: 'number', good: [null, undefined, '', 'K-17'], bad: [...noLine, 'a'.repeat(51)] },
    { field: 'contact', good: [null, undefined, '', 'Ada'], bad: [...noLine, 'a'.repeat(201)] },
    { field: 'email', good: [null, undefined, 'a@b.test'], bad: noEmail },
    { field: 'phone', good: [null, undefined, '+49 228 1'], bad: [...noLine, 'a'.repeat(51)] },
    { field: 'address', good: [null, undefined, {}], bad: ['Bonn', 5, true, []] },
    { field: 'address.street', good: [null, '', 'x'], bad: [...noLine, 'a'.repeat(201)] },
    { field: 'address.city', good: [null, 'x'], bad: noLine },
    { field: 'address.postalCode', good: [null, '01067'], bad: noLine },
    { field: 'address.region', good: [null, 'x'], bad: noLine },
    { field: 'address.country', good: [null, 'DE'], bad: ['', 'de', 'DEU', 'ZZ', 'UK', 276, {}, []] },
    { field: 'address.planet', good: [], bad: ['Earth', null] },
    { field: 'vatId', good: [null, undefined, 'DE123'], bad: [...noLine, 'a'.repeat(51)] },
    { field: 'currency', good: ['CHF', 'XCG', 'VED', 'CLF', 'CHE'], bad: [...noCurrency, ...required] },
    { field: 'language', good: [null, undefined, 'de', 'pt-BR'], bad: ['', 'x', 'de_DE', 'a'.repeat(36), 5, {}, []] },
    { field: 'buyerReference', good: [null, undefined, '04011000-1234512345-06'], bad: [...noLine, 'a'.repeat(201)] },
    { field: 'electronicAddress', good: [null, undefined, { scheme: 'EM', value: 'in@b.test' }], bad: ['0204:1', 5, []] },
    { field: 'paymentTermsDays', good: [null, undefined, 0, 999], bad: [...noAmount, 1000] },
    {
      field: 'planId', good: [null, undefined],
      bad: ['', 'x', '0123456789abcdef01234567', '0123456789ABCDEF01234567', 5, {}, [], '__proto__'],
    },
    { field: 'internalNote', good: [null, undefined, '', 'a\n\tb'], bad: [...noParagraph, 'a'.repeat(10_001)] },
    { field: 'notes', good: [], bad: ['x', null] },
  ],
  invoices: [
    { field: 'customerId', good: [], bad: ['', 'x', '0123456789abcdef01234567', 5, {}, ...required] },
    { field: 'issueDate', good: ['2024-02-29', '1999-12-31', '9999-12-31'], bad: [...noDate, ...required] },
    { field: 'dueDate', good: [null, undefined, '2024-02-29'], bad: noDate },
    {
      field: 'servicePeriod',
      good: [null, undefined, { from: '2026-01-01' }, { from: '2026-01-01', to: '2026-01-01' }], bad: ['2026', 5, []],
    },
    { field: 'servicePeriod.from', good: ['2026-01-01'], bad: [...noDate, null] },
    { field: 'buyerReference', good: [null, undefined, 'x'], bad: [...noLine, 'a'.repeat(201)] },
    { field: 'orderNumber', good: [null, undefined, 'x'], bad: [...noLine, 'a'.repeat(201)] },
    { field: 'currency', good: ['USD'], bad: [...noCurrency, ...required] },
    { field: 'lines', good: [[]], bad: [...required, {}, 'x', 5, Array.from({ length: 1001 }, () => line())] },
    { field: 'lines.0', good: [], bad: [null, 'x', 5, []] },
    { field: 'lines.0.description', good: ['a\nb', 'a'.repeat(1000)], bad: [...noParagraph, ...required, '', ' \n', 'a'.repeat(1001)] },
    { field: 'lines.0.quantityMilli', good: [0, 1], bad: [...noInteger, ...required] },
    { field: 'lines.0.unit', good: [null, undefined, '', 'h'], bad: [...noLine, 'a'.repeat(51)] },
    { field: 'lines.0.unitPriceMinor', good: [0, 1], bad: [...noInteger, ...required] },
    { field: 'lines.0.priceQuantity', good: [null, undefined, 1, 100_000], bad: [...noInteger, 0, -1, 100_001] },
    { field: 'lines.0.taxCategory', good: [null, undefined, 'S'], bad: ['', 's', 'L', 'AAM', 5, {}] },
    { field: 'lines.0.taxRateBp', good: [0, 1900, 100_000], bad: [...noAmount, 100_001, ...required] },
    { field: 'lines.0.total', good: [], bad: [1, null] },
    { field: 'taxExemptionReason', good: [null, undefined, '', 'x'], bad: [...noLine, 'a'.repeat(1001)] },
    { field: 'note', good: [null, undefined, 'a\nb'], bad: [...noParagraph, 'a'.repeat(10_001)] },
    { field: 'internalNote', good: [null, undefined, 'a\nb'], bad: [...noParagraph, 'a'.repeat(10_001)] },
  ],
};

/** The fields with the one at `path` set to `value`; undefined removes it. */
function withField(fields: unknown, path: string, value: unknown): unknown {
  const [name = '', ...rest] = path.split('.');
  const held = (typeof fields === 'object' && fields !== null ? fields : {}) as Record<string, unknown>;
  const changed = rest.length === 0 ? value : withField(held[name] ?? {}, rest.join('.'), value);
  return Array.isArray(held) ? held.map((entry, index) => (String(index) === name ? changed : entry)) : { ...held, [name]: changed };
}

for (const store of stores) {
  describe(`a field, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let customerId = '';
    let counter = 0;
    before(async () => {
      server = await startServer(store);
      customerId = (await server.owner.create('customers', customer())).id;
    });
    after(() => server.stop());

    const samples: Readonly<Record<string, () => object>> = {
      users: () => user(`field${counter += 1}@first.test`),
      plans: () => plan(),
      customers: () => customer(),
      invoices: () => invoice(customerId),
    };

    for (const [collection, fields] of Object.entries(cases)) {
      const sample = (): object => samples[collection]?.() ?? {};
      for (const { field, good, bad } of fields) {
        test(`${collection}.${field} accepts valid values and refuses all others`, async () => {
          // All but a reference is refused before the store is asked, the same on each.
          const isSame = store.kind === 'mongodb' && !field.endsWith('Id');
          for (const value of isSame ? bad.slice(0, amount(2, bad.length)) : bad) {
            const reply = await server.owner.post(`/api/${collection}`, withField(sample(), field, value));
            assertError(reply, 'invalid_request', [field]);
          }
          for (const value of good) {
            const sent = withField(sample(), field, value);
            const reply = await server.owner.post(`/api/${collection}`, sent);
            assert.equal(reply.status, 201, `${JSON.stringify(value)}: ${reply.text}`);
          }
        });
      }

      test(`${collection} reports every field that is invalid or missing`, async () => {
        const names = fields.filter(({ field, bad }) => !field.includes('.') && bad.includes(undefined)).map(({ field }) => field);
        assertError(await server.owner.post(`/api/${collection}`, {}), 'invalid_request', names);
        const { id, updatedAt } = await server.owner.create(collection, sample());
        const allWrong = Object.fromEntries(names.map((name) => [name, { wrong: true }]));
        assertError(await server.owner.patch(`/api/${collection}/${id}`, updatedAt, allWrong), 'invalid_request', names);
        assert.equal((await server.owner.get(`/api/${collection}/${id}`)).body.record.updatedAt, updatedAt);
      });
    }

    test('that is invalid in several lines is reported for each of them', async () => {
      const lines = [line({ quantityMilli: 0.5 }), line(), line({ taxRateBp: '19', unit: 5 }), line({ extra: 1 })];
      const names = ['lines.0.quantityMilli', 'lines.2.taxRateBp', 'lines.2.unit', 'lines.3.extra'];
      assertError(await server.owner.post('/api/invoices', invoice(customerId, { lines })), 'invalid_request', names);
    });

    test('of numeric type accepts any JSON notation of a valid number', async () => {
      const raw = JSON.stringify(plan()).replace('1900', '19e2');
      const { status, body } = await server.owner.send('POST', '/api/plans', { raw, headers: { 'Content-Type': 'application/json' } });
      assert.equal(status, 201);
      assert.equal(body.record.payload['priceMinor'], 1900);
      for (const number of ['1e400', '-0.5', '1900.0000000001', '9007199254740993']) {
        const text = JSON.stringify(plan()).replace('1900', number);
        const reply = await server.owner.send('POST', '/api/plans', { raw: text, headers: { 'Content-Type': 'application/json' } });
        assertError(reply, 'invalid_request', ['priceMinor']);
      }
      const zero = JSON.stringify(plan()).replace('1900', '-0');
      const reply = await server.owner.send('POST', '/api/plans', { raw: zero, headers: { 'Content-Type': 'application/json' } });
      assert.match(reply.text, /"priceMinor":0,/);
    });

    test('that is a reference accepts only existing records of the right collection', async () => {
      const some = await server.owner.create('plans', plan());
      await server.owner.create('customers', customer({ planId: some.id }));
      assertError(await server.owner.post('/api/customers', customer({ planId: customerId })), 'invalid_request', ['planId']);
      assertError(await server.owner.post('/api/invoices', invoice(some.id)), 'invalid_request', ['customerId']);
      const other = await server.owner.create('plans', plan());
      await server.owner.remove(`/api/plans/${other.id}`, other.updatedAt);
      assertError(await server.owner.post('/api/customers', customer({ planId: other.id })), 'invalid_request', ['planId']);
      const { id, updatedAt } = await server.owner.create('customers', customer());
      assertError(await server.owner.patch(`/api/customers/${id}`, updatedAt, { planId: other.id }), 'invalid_request', ['planId']);
    });
  });
}
