// A spreadsheet's file as the CSV import reads it: its encoding, header, cells, and which records of an account its rows are.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ConfigError } from '../../server/config.ts';
import { parseCsvOptions, readCsvFile } from '../../server/csv-import.ts';
import { KnownRecords, readRows, type Reading } from '../../server/csv-records.ts';
import { decodeCsv, parseAmount, parseDay, parseRate, readTable } from '../../server/csv-table.ts';
import { collections } from '../../shared/collections.ts';
import { csvText } from '../../shared/csv.ts';
import { csvColumns } from '../../ui/list/list-csv.ts';
import { chooseLocale, loadLaterTexts, setLocale } from '../../ui/text/i18n.ts';
import { embedded, runServer, startServer } from './harness.ts';

describe('a CSV file', () => {
  test('is read from a file by the command, which refuses what is not CSV in UTF-8 with a sentence', async (t) => {
    const server = await startServer(embedded);
    t.after(() => server.stop());
    const file = join(server.folder, 'customers.csv');
    writeFileSync(file, '\ufeffname,currency\nOne,EUR\n');
    const done = await runServer(['import', '--csv', file], server.env);
    assert.deepEqual([done.code, done.stdout.slice(0, 19)], [0, 'Imported 1 customer'], done.stderr);
    writeFileSync(file, Buffer.from('name,currency\nM\xfcller,EUR\n', 'latin1'));
    const refused = await runServer(['import', '--csv', file], server.env);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /is not UTF-8 but probably Windows-1252, .*Nothing was imported\.\n$/);
    const missing = await runServer(['import', '--csv', `${file}x`], server.env);
    assert.match(missing.stderr, /cannot be read: there is no such file/);
    const forgotten = await runServer(['import', file], server.env);
    assert.match(forgotten.stderr, /customers\.csv is read with --csv: node server\.ts import --csv /);
  });

  test('of more than 256 MiB is refused before it is read', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-csv-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'large.csv');
    writeFileSync(file, 'name,currency\n');
    // Without contents on disk.
    truncateSync(file, 256 * 1024 * 1024 + 1);
    await assert.rejects(readCsvFile(file), /^ConfigError: .*large\.csv is too large: divide it\. Nothing was imported\.$/);
  });

  test('loses nothing in silence: no column without a name, no second file, and no column that is not there', () => {
    const read = (text: string, skipped: readonly string[] = []) => {
      return readRows(readTable(text, skipped), new KnownRecords(), null);
    };
    const { added, faults } = read('name;currency;\nOne;EUR;\nTwo;EUR;important\nThree;EUR; \n');
    assert.deepEqual([added.length, faults.map(({ line, text }) => [line, text])],
      [2, [[3, 'has “important” in a column that the first line does not name: name it, or leave it out with --skip ""']]]);
    assert.equal(read('name;currency;\nOne;EUR;1\n', ['']).added.length, 1);
    assert.throws(() => read('name;currency\n', ['Notiz']), /no column “Notiz” to leave out with --skip/);
    for (const twice of [['--csv', 'b.csv'], ['--account', 'b', '--account', 'c'], ['--currency', 'EUR', '--currency', 'CHF']]) {
      assert.throws(() => parseCsvOptions(['--csv', 'a.csv', ...twice]), /^ConfigError: Usage: /);
    }
  });

  test('names the one customer that is left when its namesake is deleted', () => {
    const payload = JSON.stringify({ name: 'Twin', currency: 'EUR' });
    const known = new KnownRecords();
    const add = (id: string, text: string | null): void => known.add({ collection: 'customers', id, payload: text });
    for (const id of ['a', 'b', 'c']) add(id, payload);
    assert.match(String(known.findCustomer('twin', undefined)), /with the same e-mail address, or none/);
    add('c', null);
    add('b', payload);
    assert.equal(typeof known.findCustomer('twin', undefined), 'string');
    add('b', null);
    const found = known.findCustomer('twin', undefined);
    assert.equal(typeof found === 'string' ? found : found.id, 'a');
    add('a', null);
    assert.match(String(known.findCustomer('twin', undefined)), /is no customer of this account/);
    const same = JSON.stringify({ name: 'Twin', email: 'twin@cafe.test', currency: 'EUR' });
    for (const id of ['d', 'e']) add(id, same);
    for (const email of [undefined, 'Twin@cafe.test']) {
      assert.match(String(known.findCustomer('twin', email)), /with the same e-mail address, or none/);
    }
  });

  test('knows what was changed meanwhile as it is now', () => {
    const known = new KnownRecords();
    const add = (collection: string, id: string, payload: object): void =>
      known.add({ collection, id, payload: JSON.stringify(payload) });
    const find = (collection: 'customers' | 'invoices', key: string): unknown => known.find(collection, { key, payload: {} });
    add('customers', 'a', { name: 'Before' });
    add('customers', 'a', { name: 'After' });
    assert.deepEqual(['before\n', 'after\n'].map((key) => find('customers', key)), [null, 'same']);
    assert.match(String(known.findCustomer('before', undefined)), /is no customer of this account/);
    add('invoices', 'b', { number: 'B-1' });
    add('invoices', 'b', { number: 'B-2' });
    assert.deepEqual(['B-1', 'B-2'].map((key) => find('invoices', key)), [null, 'same']);
  });

  test('has lines that are counted from the first one, also where that names the separator, as Excel writes it', () => {
    for (const end of ['\r\n', '\n', '\r']) {
      const { faults } = readRows(readTable(['sep=;', 'name;currency', 'One;EUR', 'Two;EURO'].join(end), []), new KnownRecords(), null);
      assert.deepEqual(faults.map(({ line, column }) => [line, column]), [[4, 'currency']], JSON.stringify(end));
    }
  });

  test('has no day before 1900, which somebody mistyped', () => {
    const known = new KnownRecords();
    known.add({ collection: 'customers', id: 'a'.repeat(24), payload: JSON.stringify({ name: 'Nord', currency: 'EUR' }) });
    const rows = ['A-1;Nord;31.12.0026;;1,00;EUR', 'A-2;Nord;2026-01-31;1899-12-31;1,00;EUR', 'A-3;Nord;1.1.1900;1.1.1900;1,00;EUR'];
    const { added, faults } = readRows(readTable(['number;customer;date;due;total;currency', ...rows].join('\n'), []), known, null);
    const text = 'is before 1900-01-01: correct the year';
    assert.deepEqual(faults, [{ line: 2, column: 'date', text }, { line: 3, column: 'due', text }]);
    assert.deepEqual(added.map(({ payload }) => payload['issueDate']), ['1900-01-01']);
  });

  test('has a header that is known whatever the window called its columns when it exported them', async () => {
    for (const language of ['en', 'de'] as const) {
      await setLocale(chooseLocale(language, [], null));
      for (const [name, field] of [['customers', 'name'], ['invoices', 'openMinor']] as const) {
        const collection = collections.find((declared) => declared.name === name);
        assert.ok(collection);
        const columns = csvColumns(collection);
        const delimiter = language === 'de' ? ';' : ',';
        const { kind, titles, read } = readTable(columns.map(({ title }) => csvText(title, { delimiter })).join(delimiter), []);
        assert.equal(kind, name);
        assert.ok(titles.has(field));
        assert.deepEqual([...titles.keys()], columns.map((column) => column.name));
        const values = { line: 2, values: columns.map(() => '1') } as never;
        if (name === 'customers') assert.ok(!read(values).has('openMinor'), 'balances follow from invoices');
      }
    }
  });

  test('has states and kinds that are known whatever the window called them when it exported them', async () => {
    const collection = collections.find(({ name }) => name === 'invoices');
    assert.ok(collection);
    for (const [index, language] of (['en', 'de'] as const).entries()) {
      await setLocale(chooseLocale(language, [], null));
      await loadLaterTexts();
      const wordsOf = (column: string): Readonly<Record<string, string>> =>
        csvColumns(collection).find(({ name }) => name === column)?.words ?? {};
      const [states, kinds] = [wordsOf('status'), wordsOf('kind')];
      assert.equal(states['paid'], ['Paid', 'Bezahlt'][index]);
      const known = new KnownRecords();
      known.add({ collection: 'customers', id: 'a'.repeat(24), payload: JSON.stringify({ name: 'Nord', currency: 'EUR' }) });
      const read = (state: string, kind: string): Reading => readRows(readTable(
        `number,customer,date,currency,total,status,kind\nA-1,Nord,2026-01-31,EUR,10.00,${state},${kind}`, []), known, null);
      const [open, paid] = [read(states['open'] ?? '', kinds['invoice'] ?? ''), read(states['paid'] ?? '', kinds['invoice'] ?? '')];
      assert.deepEqual([open.added[0]?.payload['status'], paid.added[0]?.payload['status']], ['open', 'paid'], language);
      assert.deepEqual(read(states['paid'] ?? '', kinds['credit_note'] ?? '').faults.map(({ column }) => column), ['kind']);
      assert.deepEqual(read(states['draft'] ?? '', kinds['invoice'] ?? '').faults.map(({ column }) => column), ['status']);
    }
  });

  test('is refused with unknown columns, with two that mean the same, without those it needs, and in UTF-16', () => {
    const refuse = (text: string, expected: RegExp): void => void assert.throws(() => readTable(text, []), expected);
    refuse('name;Steuerklasse', /no column “Steuerklasse”/);
    refuse('name,Firma', /“name” and “Firma” mean the same/);
    refuse('email,currency', /must name the columns/);
    assert.equal(readTable('name,Class,currency', ['class']).kind, 'customers');
    assert.throws(() => decodeCsv(Buffer.from('\ufeffname', 'utf16le'), 'x'), ConfigError);
    for (const words of [['--csv'], ['--csv', 'x', 'y'], ['--csv', 'x', '--dry'], ['--account', 'x']]) {
      assert.throws(() => parseCsvOptions(words), ConfigError);
    }
  });

  test('has amounts, days and percentages only where they say one thing', () => {
    const amounts: readonly (readonly [string, string, number | null])[] = [
      ['1234.56', 'EUR', 123_456], ['1.234,56', 'EUR', 123_456], ['1,234.5', 'EUR', 123_450], ['-7', 'EUR', -700],
      ['1 234,00', 'EUR', 123_400], ['1\u202f234\u202f567', 'EUR', 123_456_700], ['1 2345,00', 'EUR', null], ['1234 567,00', 'EUR', null],
      ['1 234\'567', 'EUR', null], ['1,2 3', 'EUR', null], ['1.234 567', 'EUR', null], ['1 234', 'JPY', 1234], ['12 34', 'JPY', null],
      ['1.234.567', 'EUR', 123_456_700], ["1'000.05", 'CHF', 100_005], ['1.234', 'EUR', null], ['1.234', 'KWD', 1234],
      ['1,234', 'JPY', 1234], ['12.3456', 'EUR', null], ['1,234.567', 'EUR', null], ['1,234.5', 'JPY', null],
      ['12.5', 'JPY', null], ['1.23.4', 'EUR', null], ['12,34.5', 'EUR', null], ['€ 5', 'EUR', null], ['5.', 'EUR', null],
      ['', 'EUR', null],
      ['0.001', 'EUR', null], ['99999999999999999', 'EUR', null],
    ];
    for (const [text, currency, expected] of amounts) assert.equal(parseAmount(text, currency), expected, `${text} ${currency}`);
    const days = { '2026-01-31': '2026-01-31', '1.2.2026': '2026-02-01', '31.02.2026': null, '01/02/2026': null, '2026-1-2': null };
    for (const [text, expected] of Object.entries(days)) assert.equal(parseDay(text), expected, text);
    const rates = { '19': 1900, '7,7': 770, '19.00 %': 1900, '19.125': null, 'x': null };
    for (const [text, expected] of Object.entries(rates)) assert.equal(parseRate(text), expected, text);
  });
});
