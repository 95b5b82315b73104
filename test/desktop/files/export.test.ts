// A CSV export of whatever a cache may hold, parsed back by a strict reader of RFC 4180.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import fc from 'fast-check';

import { listPage } from '../../../desktop/cache/cache.ts';
import { csvFormat, exportCsv, exportTable, type ExportDeps } from '../../../desktop/files/export.ts';
import { readCsv, readCsvText } from '../../../shared/csv.ts';
import { fill, invoice, temporaryCache, temporaryPath, upsert } from '../cache/fixtures.ts';

const deps: ExportDeps = {
  newId: randomUUID,
  setTimer: () => assert.fail('nothing is retried'),
  yieldToEventLoop: async () => setImmediate(),
};
const ROWS = 30;

const hostile = fc.constantFrom(
  '', ' ', '"', '""', '"x', 'x"', ',', ';', '\t', '\r', '\n', '\r\n', "'", '\ufeff', '\u00a0', '\u2028', 'sep=;', '=1+1', '+1', '-1', '@A1',
  '\uff1d1', '\uff0b1', '\uff0d1', '\uff201', '=HYPERLINK("http://x.test";"x")', ' =1', '\t=1', '\n+1', "'=1", '1,5', '1;5', '1e5', 'null',
  'Zoë 🧾', 'x'.repeat(300), '=cmd|\' /C calc\'!A0',
);
/** Any sequence of UTF-16 units. */
const anyText = fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units));
const text = fc.oneof(hostile, anyText, fc.array(hostile, { maxLength: 4 }).map((parts) => parts.join('')));
const plan = fc.record({
  name: text, interval: text, priceMinor: fc.maxSafeInteger(), currency: fc.constantFrom('EUR', 'JPY', 'KWD'), active: fc.boolean(),
}, { requiredKeys: ['currency'] });

/**
 * The records of a CSV file as RFC 4180 defines it, with this delimiter: every record ends with CRLF, quotes stand around a
 * whole value or doubled inside of one, and all records have the same number of values.
 */
function parseCsv(file: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  for (let at = 0; at < file.length;) {
    let value = '';
    if (file[at] === '"') {
      for (at += 1; file[at] !== '"' || file[at + 1] === '"'; at += 1) {
        assert(at < file.length, 'a quoted value ends');
        if (file[at] === '"') at += 1;
        value += file[at];
      }
      at += 1;
    } else {
      for (; at < file.length && file[at] !== delimiter && file[at] !== '\r'; at += 1) {
        assert(file[at] !== '"' && file[at] !== '\n', `${file[at]} is inside quotes only`);
        value += file[at];
      }
    }
    record.push(value);
    if (file[at] === delimiter) {
      at += 1;
      continue;
    }
    assert.equal(file.slice(at, at + 2), '\r\n', 'a value is followed by a delimiter or the end of its record');
    at += 2;
    records.push(record);
    record = [];
  }
  assert.deepEqual(record, [], 'the last record ends, too');
  assert.equal(new Set(records.map(({ length }) => length)).size, 1, 'all records have the same number of values');
  return records;
}

/** What a spreadsheet is given for a text: the text, after an apostrophe where it could be taken for a formula, or already has some. */
function guarded(value: string): string {
  const bare = value.replace(/^'+/, '');
  const isFormula = '\t\r\n'.includes(bare[0] ?? 'x') || '=+-@\uff1d\uff0b\uff0d\uff20'.includes(bare.trimStart()[0] ?? 'x');
  return isFormula ? `'${value}` : value;
}

test('the format of a locale is the one that its spreadsheet programs expect', () => {
  const formats = {
    ',.': [
      'en', 'en-US', 'en-GB', 'en-AU', 'en-IN', 'en-CA', 'es-MX', 'es-PE', 'ja-JP', 'zh-CN', 'zh-TW', 'ko-KR', 'th-TH', 'he-IL',
      'hi-IN'],
    ';,': [
      'de', 'de-DE', 'de-AT', 'fr-FR', 'fr-CA', 'fr-CH', 'es-ES', 'es-AR', 'it-IT', 'pt-BR', 'pt-PT', 'nl-NL', 'nl-BE', 'pl-PL', 'sv-SE',
      'tr-TR', 'ru-RU', 'en-DE', 'en-ZA', 'ar-MA', 'id-ID',
    ],
    ';.': ['de-CH', 'de-LI', 'it-CH', 'en-CH', 'ar-EG', 'ar-SA', 'ar-AE-u-nu-latn', 'fa-IR'],
  };
  for (const [expected, locales] of Object.entries(formats)) {
    for (const locale of locales) {
      const { delimiter, decimalPoint } = csvFormat(locale);
      assert.equal(delimiter + decimalPoint, expected, locale);
    }
  }
  assert.throws(() => csvFormat('not a locale'), { code: 'invalid_request' });
});

describe('a CSV export', () => {
  test('has every value of every row, whatever it contains, when it is parsed back', async (t) => {
    const path = join(dirname(dirname(temporaryPath(t))), 'plans.csv');
    const cache = temporaryCache(t);
    let written = 0;
    const format = fc.constantFrom({ locale: 'de-AT', delimiter: ';', point: ',' }, { locale: 'en-GB', delimiter: ',', point: '.' },
      { locale: 'de-CH', delimiter: ';', point: '.' });
    const table = fc.array(plan, { minLength: ROWS, maxLength: ROWS });
    const property = fc.asyncProperty(table, fc.array(text, { minLength: 4, maxLength: 4 }), format,
      async (plans, titles, { locale, delimiter, point }) => {
        written += ROWS;
        fill(cache, plans.map((payload, index) => upsert('plans', index, payload, written + index)));
        const names = ['name', 'priceMinor', 'interval', 'active'];
        const columns = names.map((name, index) => ({ name, title: titles[index] ?? '' }));
        await exportCsv(cache.reader, path, { selection: { collection: 'plans' }, columns, locale }, deps);
        const file = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
        assert.equal(file[0], '\ufeff');
        const [head, ...records] = parseCsv(file.slice(1), delimiter);
        assert.deepEqual(head, titles.map((title) => guarded(title.toWellFormed())));
        const { rows } = listPage(cache.reader, { collection: 'plans', limit: ROWS });
        assert.deepEqual([records.length, rows.length], [ROWS, ROWS]);
        const read = [...readCsv(file.slice(1), delimiter)];
        assert.deepEqual(read.slice(-ROWS).map(({ values, fault }) => [fault, values.map(readCsvText)[0]]),
          rows.map(({ columns: shown }) => [null, String(shown['name'] ?? '')]));
        for (const [index, { columns: shown }] of rows.entries()) {
          const [name = '', price = '', interval = '', active] = records[index] ?? [];
          assert.equal(name, guarded(String(shown['name'] ?? '')));
          assert.equal(interval, guarded(String(shown['interval'] ?? '')));
          assert.equal(active, String(shown['active'] ?? ''));
          const decimals = { EUR: 2, JPY: 0, KWD: 3 }[String(shown['currency'])];
          if (shown['priceMinor'] === null) assert.equal(price, '');
          else {
            assert.equal(price.split(point)[1]?.length ?? 0, decimals);
            assert.equal(Number(price.replace(point, '')), shown['priceMinor']);
          }
        }
      });
    await fc.assert(property, { numRuns: 40 });
  });

  test('has the status of an invoice that is displayed on a day, or without a day the stored one', async (t) => {
    const path = join(dirname(dirname(temporaryPath(t))), 'invoices.csv');
    const cache = temporaryCache(t);
    const due = { status: 'open', dueDate: '2026-02-14' };
    fill(cache, [
      due, { ...due, paidMinor: 100 }, { kind: 'credit_note', status: 'paid' }, { status: 'draft' }, { status: 'paid', paidMinor: 1004 },
    ].map((fields, index) => upsert('invoices', index, invoice(index, fields))));
    const words = { overdue: 'Late', partly_paid: 'Part', credit_note: 'Credit note', draft: 'Draft', open: 'Open', paid: 'Paid' };
    const statuses = async (today?: string): Promise<readonly unknown[]> => {
      const columns = [{ name: 'status', title: 'Status', words }];
      const request = { selection: { collection: 'invoices' }, sort: { column: 'number' }, columns, locale: 'en', ...(today && { today }) };
      await exportCsv(cache.reader, path, request, deps);
      return parseCsv(readFileSync(path, 'utf8').slice(1), ',').slice(1).map(([status]) => status);
    };
    assert.deepEqual(await statuses('2026-02-15'), ['Late', 'Late', 'Credit note', 'Draft', 'credited']);
    assert.deepEqual(await statuses('2026-02-14'), ['Open', 'Part', 'Credit note', 'Draft', 'credited']);
    assert.deepEqual(await statuses(), ['Open', 'Open', 'Paid', 'Draft', 'Paid']);
  });
});

test('a table of the window has its text and its amounts as the region writes them', async (t) => {
  const path = join(dirname(dirname(temporaryPath(t))), 'report.csv');
  const rows = [['2026-01', { amountMinor: -123_456, currency: 'EUR' }, null], ['=1;2', { amountMinor: 5, currency: 'JPY' }, '']];
  for (const [locale, expected] of [
    ['de-DE', 'Monat;Netto;"A;B"\r\n2026-01;-1234,56;\r\n"\'=1;2";5;\r\n'],
    ['en-GB', 'Monat,Netto,A;B\r\n2026-01,-1234.56,\r\n\'=1;2,5,\r\n'],
  ] as const) {
    await exportTable(path, { name: 'report', titles: ['Monat', 'Netto', 'A;B'], rows, locale }, deps);
    assert.equal(readFileSync(path, 'utf8'), `\ufeff${expected}`);
  }
});
