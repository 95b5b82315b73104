// `node server.ts import --csv`: customers and open invoices from a spreadsheet into an account.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ConfigError } from '../../../server/config.ts';
import { importCsv, parseCsvOptions } from '../../../server/csv-import.ts';
import { runVerify } from '../../../server/verify-command.ts';
import { assertError } from '../../client.ts';
import { openStore, startServer, stores, type TestServer } from '../harness.ts';
import { customer, invoice } from '../samples.ts';

const customersFile = [
  'Firma;Ansprechpartner;E-Mail;Telefon;PLZ;Ort;Land;Währung;Kundennummer;Zahlungsziel;USt-ID;Notiz',
  'Café Müller;Zoë;zoe@cafe.test;\'+49 30 1234;10115;Berlin;de;EUR;K-17;14;DE123;Ruft an',
  '"Nord; Süd & ""Co""";;;;;;AT;eur', '', '"Zwei\r\nZeilen";;zwei@cafe.test;;;;;EUR',
].join('\r\n');

for (const store of stores) {
  describe(`a CSV import on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const run = async (text: string, ...words: string[]): Promise<{ code: number; text: string }> => {
      const target = await openStore(server, () => server.clock.ms);
      const lines: string[] = [];
      try {
        const options = parseCsvOptions(['--csv', 'file.csv', ...words]);
        const code = await importCsv(target, { ...options, text }, { nowMs: () => server.clock.ms, write: (line) => lines.push(line) });
        return { code, text: lines.join('') };
      } finally {
        await target.close();
      }
    };
    const payloads = async (collection: string): Promise<readonly Readonly<Record<string, unknown>>[]> => {
      const { body } = await server.owner.pull();
      return body.changes.filter((change) => change.collection === collection).map((change) => change.payload as Record<string, unknown>);
    };

    const verify = async (fixes: boolean): Promise<{ code: number; text: string }> => {
      const target = await openStore(server, () => server.clock.ms);
      const lines: string[] = [];
      const deps = { nowMs: () => server.clock.ms, write: (line: string) => void lines.push(line) };
      const code = await runVerify(target, { fixes, account: null }, deps);
      await target.close();
      return { code, text: lines.join('') };
    };
    const assertSound = async (): Promise<void> => {
      const { code, text } = await verify(false);
      assert.equal(code, 0, text);
    };
    /** Changes what the account says of itself, as no request can. */
    const setNumbers = async (numbers: Record<string, number>): Promise<void> => {
      const target = await openStore(server, () => server.clock.ms);
      const [accountId = ''] = await target.listAccounts();
      await target.mend(accountId, async (mending) => mending.setAccount({ numbers }));
      await target.close();
    };

    test('adds customers and invoices once, however often it runs, and verify finds nothing', async () => {
      const { body: { serverTime } } = await server.owner.pull();
      const refused = customersFile.replace('"Zwei\r\nZeilen"', 'Zwei Zeilen').replace(';de;', ';Germany;');
      assert.deepEqual(await run(refused), {
        code: 1, text: 'Line 2, Land: must be a country code of ISO 3166-1, such as DE.\n1 row does not fit. Nothing was imported.\n',
      });
      const file = customersFile.replace('"Zwei\r\nZeilen"', 'Zwei Zeilen');
      assert.match((await run(file, '--dry-run')).text, /^Would import 3 customers into the account [0-9a-f]{24}\.\n$/);
      assert.equal((await server.owner.pull(`?since=${serverTime}`)).body.count, 0);
      assert.match((await run(file)).text, /^Imported 3 customers into the account [0-9a-f]{24}\.\n$/);
      assert.match((await run(file)).text, /^Imported 0 customers into .*\. 3 customers are there already\.\n$/);
      const found = await payloads('customers');
      assert.deepEqual(found[0], {
        name: 'Café Müller', number: 'K-17', contact: 'Zoë', address: { city: 'Berlin', postalCode: '10115', country: 'DE' },
        vatId: 'DE123', email: 'zoe@cafe.test', phone: '+49 30 1234', currency: 'EUR', paymentTermsDays: 14, internalNote: 'Ruft an',
      });
      assert.equal(found[1]?.['name'], 'Nord; Süd & "Co"');

      // As the window exports a list of invoices.
      const invoices = [
        'Number,Customer,Date,Due,Status,Total,Balance,Type,Currency',
        `RE-1001,${'café  müller'.normalize('NFD')},2026-01-15,,open,1190.00,1190.00,invoice,EUR`,
        'INV-2025-00041,Zwei Zeilen,2025-12-15,2026-01-14,sent,"1,000.50",400.00,invoice,EUR',
      ].join('\r\n');
      assert.match((await run(invoices)).text, /^Imported 2 invoices/);
      assert.match((await run(invoices)).text, /^Imported 0 invoices into .*\. 2 invoices are there already\.\n$/);
      const [open, partly] = await payloads('invoices');
      assert.deepEqual([open?.['number'], open?.['customerName'], open?.['totalMinor'], open?.['status'], open?.['payments']],
        ['RE-1001', 'Café Müller', 119_000, 'open', []]);
      assert.deepEqual([open?.['dueDate'], open?.['buyer']], [undefined, {
        name: 'Café Müller', number: 'K-17', contact: 'Zoë', address: { city: 'Berlin', postalCode: '10115', country: 'DE' },
        vatId: 'DE123',
      }]);
      const [{ id, ...payment }, ...others] = partly?.['payments'] as readonly [{ readonly id: string }];
      assert.deepEqual([partly?.['paidMinor'], payment, others], [60_050, { amountMinor: 60_050, paidOn: '2025-12-15' }, []]);
      assert.match(id, /^[0-9a-f]{24}$/);
      const [{ record }] = [{ record: await server.owner.create('invoices', {
        customerId: open?.['customerId'], issueDate: '2025-12-31', dueDate: '2026-01-31', currency: 'EUR',
        lines: [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 100, taxRateBp: 0 }],
      }) }];
      assert.equal((await server.owner.act(record, 'issue')).payload['number'], 'INV-2025-00042');

      await assertSound();
    });

    test('takes over numbers of any year, and none is given a second time', async () => {
      const numbers = ['INV-1899-00001', 'INV-2200-00001', 'INV-2027-999999999999999'];
      const rows = numbers.map((number) => `${number},Years Ltd,2026-01-15,1.00,EUR`);
      await server.owner.create('customers', customer({ name: 'Years Ltd' }));
      assert.match((await run(['number,customer,date,total,currency', ...rows].join('\n'))).text, /^Imported 3 invoices/);
      const customerId = (await payloads('invoices')).find(({ number }) => number === 'INV-1899-00001')?.['customerId'];
      for (const issueDate of ['1899-12-31', '2200-01-01', '2027-01-01']) {
        const { id, updatedAt } = await server.owner.create('invoices', invoice(String(customerId), { issueDate }));
        const reply = await server.owner.post(`/api/invoices/${id}/issue`, undefined, { 'If-Match': `"${updatedAt}"` });
        assertError(reply, 'conflict', issueDate < '2027' || issueDate > '2028' ? ['issueDate'] : undefined);
      }
      await assertSound();
    });

    test('continues a series however many digits its numbers had, but makes none of numbers that each customer has', async () => {
      const numbers = ['RE-2026-7', 'RE-2026-0123', 'RE-2026-00045', '2026-9', 'INV-2026-0012', '1234-2026-1', 'RE-26-500', 'GR-2026-0300'];
      const rows = numbers.map((number) => `${number},Digits Ltd,2026-01-15,1.00,EUR`);
      await server.owner.create('customers', customer({ name: 'Digits Ltd' }));
      assert.match((await run(['number,customer,date,total,currency', ...rows].join('\n'))).text, /^Imported 8 invoices/);
      const customerId = (await payloads('invoices')).find(({ number }) => number === 'RE-2026-7')?.['customerId'];
      const { mongoId = '' } = (await server.owner.pull()).body.changes.find(({ collection }) => collection === 'company') ?? {};
      const issueWith = async (invoicePrefix: string | null): Promise<unknown> => {
        await server.owner.change('company', await server.owner.read('company', mongoId), { name: 'Digits GmbH', invoicePrefix });
        const draft = await server.owner.create('invoices', invoice(String(customerId), { issueDate: '2026-02-01' }));
        return (await server.owner.act(draft, 'issue')).payload['number'];
      };
      assert.equal(await issueWith('RE-'), 'RE-2026-00124');
      assert.equal(await issueWith(''), '2026-00010');
      assert.equal(await issueWith(null), 'INV-2026-00013');
      assert.equal(await issueWith('1234-'), '1234-2026-00001');
      await assertSound();

      // As after an import that continued no series of so few digits.
      await setNumbers({});
      assert.match((await verify(false)).text, /the series GR-2026 is at 0, and an invoice has number 300 of it/);
      assert.equal((await verify(true)).code, 0);
      assert.equal(await issueWith('GR-'), 'GR-2026-00301');
    });

    test('names every row that does not fit by line and column, and imports nothing then', async () => {
      const count = (await payloads('invoices')).length;
      const { code, text } = await run([
        'number;customer;date;due;net;tax;total;open;status;kind',
        'A-1;Nobody;1.2.2026;1.3.2026;10,00;19;;;', 'A-2;;1.2.2026;1.3.2026;10,00;19;;;',
        'A-3;Zwei Zeilen;02/01/2026;1.3.2026;ten;19 Prozent;1.234;;', 'A-4;Zwei Zeilen;;;10,00;19;12,00;;',
        'A-5;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;12,00;', 'A-6;Zwei Zeilen;1.2.2026;1.3.2026;;19;11,90;;',
        'INV-2026-7b;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;', 'RE-1001;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;',
        'A-7;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;draft', 'A-7;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;open;credit_note',
        'A-8;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;',
        'A-8;Zwei Zeilen;1.2.2026;1.3.2026;10,00;19;11,90;;', 'A;b;c;d;e;f;g;h;i;j;k', '"A" 9;b', '"A-10;b',
      ].join('\n'), '--currency', 'eur');
      assert.equal(code, 1);
      assert.deepEqual(text.trimEnd().split('\n').map((line) => line.replace(/(, \w+)?: .*/, '$1')), [
        'Line 2, customer', 'Line 3, customer', 'Line 4, total', 'Line 4, net', 'Line 4, tax', 'Line 4, date', 'Line 5, date',
        'Line 6, open', 'Line 7, tax', 'Line 8, number', 'Line 9, number', 'Line 10, status', 'Line 11, kind', 'Line 13', 'Line 14',
        'Line 15', 'Line 16', '14 rows do not fit. Nothing was imported.',
      ]);
      assert.equal((await payloads('invoices')).length, count);
    });

    /** Imports while somebody else does something between what is read and what is written. */
    const runLate = async (text: string, meanwhile: () => Promise<unknown>): Promise<string> => {
      const target = await openStore(server, () => server.clock.ms);
      const late = new Proxy(target, {
        get(from, name) {
          const member: unknown = Reflect.get(from, name);
          if (name !== 'mend') return typeof member === 'function' ? member.bind(from) as unknown : member;
          return async (...parameters: Parameters<typeof target.mend>) => {
            await meanwhile();
            return target.mend(...parameters);
          };
        },
      });
      const lines: string[] = [];
      try {
        const options = parseCsvOptions(['--csv', 'x', '--currency', 'EUR']);
        const deps = { nowMs: () => server.clock.ms, write: (line: string) => void lines.push(line) };
        assert.equal(await importCsv(late, { ...options, text }, deps), 0);
      } finally {
        await target.close();
      }
      return lines.join('');
    };

    test('adds no customer whom somebody adds while it runs, and says so', async () => {
      const text = await runLate('name,email\nLate,late@cafe.test\nLater,late@cafe.test\n', () =>
        server.owner.create('customers', customer({ name: 'LATE', email: 'late@cafe.test' })));
      assert.match(text, /^Imported 1 customer into .*\. 1 customer is there already\.\n$/);
      const names = (await payloads('customers')).map(({ name }) => name);
      assert.deepEqual(names.filter((name) => /late/i.test(String(name))), ['LATE', 'Later']);
    });

    test('stops at an invoice whose number another one takes while it runs, and skips the same one', async () => {
      const header = 'number,customer,date,due,total\n';
      const [one, two] = ['M-1,Zwei Zeilen,2026-01-01,2026-02-01,10.00\n', 'M-2,Zwei Zeilen,2026-01-01,2026-02-01,11.00\n'];
      const other = header + two.replace('11.00', '777.00');
      await assert.rejects(runLate(header + one + two, () => run(other, '--currency', 'EUR')),
        new ConfigError('Line 3: the number was given to another invoice meanwhile. Nothing was imported: run the command again.'));
      const numbers = async () => (await payloads('invoices')).filter(({ number }) => /^M-/.test(String(number)))
        .map(({ number, totalMinor }) => [number, totalMinor]);
      assert.deepEqual(await numbers(), [['M-2', 77_700]]);
      const three = two.replace('M-2', 'M-3');
      const text = await runLate(header + one + three, () => run(header + one, '--currency', 'EUR'));
      assert.match(text, /^Imported 1 invoice into .*\. 1 invoice is there already\.\n$/);
      assert.deepEqual(await numbers(), [['M-2', 77_700], ['M-1', 1000], ['M-3', 1100]]);
    });

    test('refuses an invoice for one of several customers whom nothing tells apart', async () => {
      const file = (email: string): string => `number;customer;customerEmail;date;total\nT-1;twin  ltd;${email};1.2.2026;10,00\n`;
      const [first] = [await server.owner.create('customers', customer({ name: 'Twin Ltd' })),
        await server.owner.create('customers', customer({ name: 'TWIN Ltd' }))];
      const why = 'Line 2, customer: is the name of several customers with the same e-mail address, or none: '
        + 'give each of them its own first.';
      assert.deepEqual(await run(file(''), '--currency', 'EUR'), { code: 1, text: `${why}\n1 row does not fit. Nothing was imported.\n` });
      await server.owner.change('customers', first, { email: 'twin@cafe.test' });
      assert.match((await run(file(''), '--currency', 'EUR')).text, /^Line 2, customer: .* add a column customerEmail\./);
      assert.match((await run(file('twin@cafe.test'), '--currency', 'EUR')).text, /^Imported 1 invoice/);
      assert.equal((await payloads('invoices')).find(({ number }) => number === 'T-1')?.['customerId'], first.id);
    });

    test('refuses an invoice that has no amount, or whose status and balance contradict each other', async () => {
      const { code, text } = await run([
        'number;customer;date;due;total;balance;status',
        'S-1;Zwei Zeilen;1.2.2026;1.3.2026;10,00;5,00;paid', 'S-2;Zwei Zeilen;1.2.2026;1.3.2026;10,00;0;open',
        'S-3;Zwei Zeilen;1.2.2026;1.3.2026;;5,00;sent', 'S-4;Zwei Zeilen;1.2.2026;1.3.2026;;0;bezahlt',
        'S-5;Zwei Zeilen;1.2.2026;1.3.2026;1 2345,00;;', 'S-10;Zwei Zeilen;1.2.2026;1.3.2026;10,00;-0,01;open',
      ].join('\n'), '--currency', 'EUR');
      assert.deepEqual([code, ...text.trimEnd().split('\n')], [1,
        'Line 2, balance: must be zero where the status is paid.',
        'Line 3, balance: must be more than zero unless the status is paid.',
        'Line 4, total: is required.', 'Line 5, total: is required.',
        'Line 6, total: must be an amount in EUR, such as 1234.56 or 1.234,56.', 'Line 7, balance: must be between zero and the total.',
        '6 rows do not fit. Nothing was imported.',
      ]);
      const fitting = await run([
        'number;customer;date;due;total;balance;status', 'S-6;Zwei Zeilen;1.2.2026;1.3.2026;10,00;0;paid',
        'S-7;Zwei Zeilen;1.2.2026;1.3.2026;10,00;;paid', 'S-8;Zwei Zeilen;1.2.2026;1.3.2026;10,00;0;',
        'S-9;Zwei Zeilen;1.2.2026;1.3.2026;0;0;open',
      ].join('\n'), '--currency', 'EUR', '--dry-run');
      assert.match(fitting.text, /^Would import 4 invoices/);
      const summed = await run('number;customer;date;net;tax;total\nS-11;Zwei Zeilen;1.2.2026;10,00;19;11,91\n', '--currency', 'EUR');
      assert.equal(summed.text.split('\n')[0], 'Line 2, total: is not what net and tax rate come to.');
    });

    test('takes a partly paid invoice only with a balance between zero and the total', async () => {
      const { code, text } = await run([
        'number;customer;date;net;tax;balance;status', 'P-1;Zwei Zeilen;1.2.2026;10,00;19;;partly paid',
        'P-2;Zwei Zeilen;1.2.2026;10,00;19;0;Teilweise bezahlt', 'P-3;Zwei Zeilen;1.2.2026;10,00;19;11,90;Partly paid',
        'P-4;Zwei Zeilen;1.2.2026;0;19;0;partly paid', 'P-5;Zwei Zeilen;1.2.2026;10,00;19;-1,00;partly paid',
      ].join('\n'), '--currency', 'EUR');
      const between = 'balance: must be more than zero and less than the total where the status is partly paid.';
      assert.deepEqual([code, ...text.trimEnd().split('\n')], [1, 'Line 2, status: needs what is still open, in a column balance.',
        ...[3, 4, 5, 6].map((line) => `Line ${line}, ${between}`), '5 rows do not fit. Nothing was imported.']);
      const fitting = ['number;customer;date;net;tax;balance;status', 'P-6;Zwei Zeilen;1.2.2026;10,00;19;11,89;Teilweise bezahlt'];
      assert.match((await run(fitting.join('\n'), '--currency', 'EUR')).text, /^Imported 1 invoice/);
      assert.equal((await payloads('invoices')).find(({ number }) => number === 'P-6')?.['paidMinor'], 1);
    });

    test('takes an invoice for one that is there by number, customer, day, currency and total, whatever was paid since', async () => {
      const header = 'number,customer,date,currency,total,balance\n';
      const row = 'D-1,Zwei Zeilen,2026-01-01,EUR,10.00,10.00\n';
      assert.match((await run(header + row)).text, /^Imported 1 invoice/);
      const since = await run(header + row.replace(',10.00\n', ',4.00\n'));
      assert.match(since.text, /^Imported 0 invoices into .* 1 invoice is there already/);
      const others = [['Zwei Zeilen', 'Café Müller'], ['-01-01', '-01-02'], ['EUR', 'USD'], ['10.00,10.00', '11.00,11.00']] as const;
      for (const [from, to] of others) {
        const { code, text } = await run(header + row.replace(from, to));
        assert.deepEqual([code, text.split('\n')[0]], [1, 'Line 2, number: is the number of another invoice of this account.'], to);
      }
    });

    test('adds no invoice for a customer whom somebody deletes while it runs', async () => {
      const { id, updatedAt } = await server.owner.create('customers', customer({ name: 'Leaving Ltd' }));
      const file = 'number,customer,date,total\nL-1,Leaving Ltd,2026-01-01,10.00\n';
      await assert.rejects(runLate(file, () => server.owner.remove(`/api/customers/${id}`, updatedAt)), new ConfigError(
        'Line 2: the customer was changed or deleted meanwhile. Nothing was imported: run the command again.'));
      await assertSound();
    });

    test('adds each row once, although more is changed meanwhile than is read or written at a time', async () => {
      const fileOf = (names: readonly string[]): string => ['name', ...names].join('\n');
      const names = Array.from({ length: 1001 }, (_, index) => `Bulk ${index}`);
      const text = await runLate(fileOf(['Bulk 1000', 'Bulk 1001']), () => run(fileOf(names), '--currency', 'EUR'));
      assert.match(text, /^Imported 1 customer into .*\. 1 customer is there already\.\n$/);
      const { body } = await server.owner.pull('?limit=5000');
      const found = body.changes.map(({ payload }) => String((payload as Record<string, unknown>)['name']));
      assert.deepEqual(found.filter((name) => name.startsWith('Bulk ')).toSorted(), [...names, 'Bulk 1001'].toSorted());
      await assertSound();
    });

    test('adds nothing to an account that somebody has made unreadable meanwhile', async () => {
      const importing = runLate('name\nUnreadable\n', () => setNumbers('x' as never));
      await assert.rejects(importing, /cannot be read: run node server\.ts verify --fix first/);
    });
  });
}
