// The wire contract: the company that every account has, and what an issued invoice keeps of it and of its customer.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError, fieldsOf, type Client, type Payload, type WireRecord } from '../../client.ts';
import { addAccount, hire, startServer, stores, type People, type TestServer } from '../harness.ts';
import { company, customer, invoice } from '../samples.ts';
import { jpegOf, pngOf, toDataUrl } from '../../shared/images.ts';

/** The smallest of each format. */
const png = toDataUrl('png', pngOf(1, 1));
const jpeg = toDataUrl('jpeg', jpegOf(1, 1));
const imageOf = (sizeBytes: number): string =>
  toDataUrl('png', Buffer.concat([pngOf(1, 1), Buffer.alloc(sizeBytes - pngOf(1, 1).length)]));

for (const store of stores) {
  describe(`a company, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    let counter = 0;
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
    });
    after(() => server.stop());

    const companyOf = async (client: Client): Promise<WireRecord> => {
      const found = (await client.pull()).body.changes.filter(({ collection }) => collection === 'company');
      assert.equal(found.length, 1);
      return client.read('company', found[0]?.mongoId ?? '');
    };
    const change = async (client: Client, fields: object): Promise<WireRecord> => client.change('company', await companyOf(client), fields);
    const newOwner = (): Promise<Client> => addAccount(server, `owner@company${counter += 1}.test`);
    const issue = async (owner: Client, fields: object = {}): Promise<Payload> => {
      const buyer = await owner.create('customers', customer());
      return (await owner.act(await owner.create('invoices', invoice(buyer.id, fields)), 'issue')).payload;
    };

    test('is there as soon as its account is, without a name, and in the audit trail', async () => {
      for (const owner of [server.owner, await newOwner()]) {
        const { id, updatedAt, payload } = await companyOf(owner);
        assert.deepEqual(payload, { name: '' });
        const { entries } = (await owner.get('/api/audit')).body as unknown as { entries: Record<string, unknown>[] };
        const [first] = entries.filter(({ action }) => action === 'create');
        const { collection, record, at, fields } = first ?? {};
        assert.deepEqual([collection, record, at, fields], ['company', id, updatedAt, ['name']]);
      }
    });

    test('is seen by everybody and changed by an owner', async () => {
      const { id, updatedAt } = await companyOf(people.viewer);
      for (const client of [people.editor, people.viewer]) {
        assertError(await client.patch(`/api/company/${id}`, updatedAt, { name: 'Mine' }), 'forbidden');
        assertError(await client.remove(`/api/company/${id}`, updatedAt), 'forbidden');
        assertError(await client.post('/api/company', company), 'forbidden');
      }
      const changed = await change(server.owner, company);
      assert.deepEqual(fieldsOf(changed), company);
      assert.deepEqual((await companyOf(people.viewer)).payload, changed.payload);
    });

    test('can be neither added nor removed', async () => {
      const owner = await newOwner();
      const { id, updatedAt } = await companyOf(owner);
      for (const body of [company, {}, { name: 5 }]) assertError(await owner.post('/api/company', body), 'conflict');
      assertError(await owner.remove(`/api/company/${id}`, updatedAt), 'conflict');
      assert.equal((await companyOf(owner)).updatedAt, updatedAt);
    });

    test('needs a name as soon as anything else is entered', async () => {
      const owner = await newOwner();
      const { id, updatedAt } = await companyOf(owner);
      for (const fields of [{}, { vatId: 'DE1' }, { name: '' }, { name: ' ' }, { name: '\u200b' }, { name: null }]) {
        assertError(await owner.patch(`/api/company/${id}`, updatedAt, fields), 'invalid_request', ['name']);
      }
    });

    test('accepts valid values and refuses all others', async () => {
      const owner = await newOwner();
      await change(owner, company);
      const cases: readonly (readonly [field: string, good: readonly unknown[], bad: readonly unknown[]])[] = [
        ['iban', ['DE89370400440532013000', 'GB82 WEST 1234 5698 7654 32', null],
          ['DE88370400440532013000', 'de89370400440532013000', '', 5]],
        ['logo', [png, jpeg, imageOf(256 * 1024), toDataUrl('png', pngOf(4000, 4000)), toDataUrl('jpeg', jpegOf(4000, 1)), null], [
          toDataUrl('png', pngOf(4001, 1)), toDataUrl('jpeg', jpegOf(1, 4001)), toDataUrl('png', pngOf(1, 1).subarray(0, 8)),
          '', 'x', png.replace('png', 'jpeg'), png.replace('png', 'svg+xml'), `${png} `, 'https://x.test/a.png', imageOf(256 * 1024 + 1), 1,
          'data:image/jpeg;base64,/9j/4AA=',
        ]],
        ['paymentTermsDays', [0, 14, 999, null], [-1, 1000, 1.5, '14']],
        ['taxRateBp', [0, 1900, null], [-1, 100_001, '1900']],
        ['invoicePrefix', ['', 'R-', 'a'.repeat(20), null], [
          'a'.repeat(21), 5, 'a\nb', ' ', '  ', ' R', 'R ', '\u202eR', 'R\u200b', '\u2066', '\u3164', '\u2800',
        ]],
        ['creditNotePrefix', ['', 'G-', null], ['a'.repeat(21)]],
        ['email', ['a@b.test', null], ['a', '']],
        ['footer', ['a\nb', '', null], ['a'.repeat(2001), 'a\u0000']],
        ['phone', ['1', null], ['a'.repeat(51)]],
      ];
      for (const [field, good, bad] of cases) {
        for (const value of good) assert.equal((await change(owner, { [field]: value })).payload[field], value ?? undefined);
        const { id, updatedAt } = await companyOf(owner);
        for (const value of bad) {
          assertError(await owner.patch(`/api/company/${id}`, updatedAt, { [field]: value }), 'invalid_request', [field]);
        }
      }
    });

    test('is on an issued invoice as it was then, without logo and prefixes, as is the customer', async () => {
      const owner = await newOwner();
      await change(owner, { ...company, logo: png, paymentTermsDays: 14, taxRateBp: 1900, invoicePrefix: 'R-' });
      const buyer = {
        name: 'Buyer', number: 'K-17', contact: 'Ada', address: { street: 'Ring 1', city: 'Ulm', country: 'DE' }, vatId: 'DE2',
        language: 'de',
        buyerReference: '04011000-1234512345-06', electronicAddress: { scheme: 'EM', value: 'in@buyer.test' },
      };
      const record = await owner.create('customers', { ...buyer, email: 'a@b.test', phone: '1', currency: 'EUR', paymentTermsDays: 7 });
      const draft = await owner.create('invoices', invoice(record.id));
      const issued = await owner.act(draft, 'issue');
      assert.deepEqual([issued.payload['seller'], issued.payload['buyer']], [company, buyer]);
      await owner.change('customers', record, { name: 'Renamed', address: null });
      await change(owner, { name: 'Renamed too', address: null });
      assert.deepEqual(await owner.read('invoices', issued.id), issued);
      const paid = await owner.act(issued, 'payments', { amountMinor: 1, paidOn: '2026-03-01' });
      assert.deepEqual([paid.payload['seller'], paid.payload['buyer'], paid.payload['customerName']], [company, buyer, 'Buyer']);
      const note = await owner.act(paid, 'credit');
      assert.deepEqual([note.payload['seller'], note.payload['buyer'], note.payload['customerName']], [undefined, undefined, 'Renamed']);
      const { seller, buyer: renamed } = (await owner.act(note, 'issue')).payload as Record<string, Payload>;
      assert.deepEqual([seller?.['name'], seller?.['address'], renamed?.['name']], ['Renamed too', undefined, 'Renamed']);
    });

    test('gives the numbers of invoices and credit notes their prefixes, each series from 1 without gaps', async () => {
      const owner = await newOwner();
      const numbers: unknown[] = [];
      const next = async (fields: object = {}): Promise<void> => void numbers.push((await issue(owner, fields))['number']);
      await next();
      await change(owner, { name: 'A company', invoicePrefix: 'R-', creditNotePrefix: 'G-' });
      await next();
      await next({ issueDate: '2027-01-01' });
      await change(owner, { invoicePrefix: '' });
      await next();
      await change(owner, { invoicePrefix: 'R-' });
      await next();
      await change(owner, { invoicePrefix: null });
      await next();
      assert.deepEqual(numbers, ['INV-2026-00001', 'R-2026-00001', 'R-2027-00001', '2026-00001', 'R-2026-00002', 'INV-2026-00002']);
    });

    test('may give them any prefix', async () => {
      const owner = await newOwner();
      for (const prefix of ['.', 'R.1.', '$', '$set.', 'a b', '2026-', '"\\', '🧾', '__proto__', 'numbers.INV-']) {
        await change(owner, { name: 'A company', invoicePrefix: prefix });
        for (const count of [1, 2]) assert.equal((await issue(owner))['number'], `${prefix}2026-0000${count}`);
      }
    });

    test('on an invoice that is issued before it has a name is without one', async () => {
      assert.deepEqual((await issue(await newOwner()))['seller'], { name: '' });
    });
  });
}
