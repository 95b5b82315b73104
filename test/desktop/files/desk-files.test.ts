// CSV exports, backups, the sync report, the reset of local data, the history of syncs, and what follows a change of the settings
// or of the network at once. A real desk on a real server.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test, type TestContext } from 'node:test';

import { contentDisposition, toFileName } from '../../../desktop/files/file-name.ts';
import { csvFormat } from '../../../desktop/files/export.ts';
import { csvText } from '../../../shared/csv.ts';
import { writeReport } from '../../../desktop/files/report.ts';
import { answerCall, openDesk, type Desk, type DeskDeps } from '../../../desktop/desk.ts';
import { systemDeskDeps } from '../../../desktop/system-deps.ts';
import { startServerProcess, type ServerProcess } from '../../../demo/server-process.ts';
import type { CsvRequest, SyncHealth } from '../../../shared/window/ipc.ts';
import type { Status } from '../../../shared/window/views.ts';
import { createClient, type Client } from '../../client.ts';

const email = 'owner@files.test';
const password = 'correct horse battery';
/** Names that the server accepts and that a spreadsheet could misinterpret. */
const names = ['=HYPERLINK("https://evil.example")', '+1', '-2', '@SUM(A1)', '\uFF1D1', "it's", 'a;b', 'a,b', 'say "so"'];

let folder: string;
let server: ServerProcess;
let colleague: Client;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'invoify-files-'));
  server = await startServerProcess({ env: { DATA_DIR: join(folder, 'server'), ADMIN_EMAIL: email, ADMIN_PASSWORD: password } });
  colleague = await createClient(() => server).login(email, password);
  for (const [index, name] of names.entries()) {
    const currency = index === 0 ? 'JPY' : 'EUR';
    await colleague.create('plans', { name, priceMinor: 123_456 + index, currency, interval: 'month', active: true });
  }
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly desk: Desk;
  readonly dataFolder: string;
  readonly home: string;
  /** The answer of a call that must succeed. */
  ask(channel: string, request?: unknown): Promise<unknown>;
  /** The error code of a call; null if it succeeds. */
  refusal(channel: string, request?: unknown): Promise<string | null>;
}

async function openSynced(t: TestContext, deps: Partial<DeskDeps> = {}): Promise<Opened> {
  const home = mkdtempSync(join(folder, 'home-'));
  const dataFolder = join(home, 'Invoify');
  const desk = await openDesk({ dataFolder, version: '0.1.0' }, { ...systemDeskDeps(), log: () => undefined, ...deps });
  t.after(() => desk.close());
  const opened: Opened = {
    desk, dataFolder, home,
    async ask(channel, request) {
      const outcome = await answerCall(desk, channel, request, (error) => { throw error; });
      if (!outcome.ok) assert.fail(`${channel}: ${outcome.error.code} ${outcome.error.message}`);
      return outcome.value;
    },
    async refusal(channel, request) {
      const outcome = await answerCall(desk, channel, request, () => undefined);
      return outcome.ok ? null : outcome.error.code;
    },
  };
  await opened.ask('auth.signIn', { server: server.url, email, password });
  await opened.ask('sync.pullFromServer');
  return opened;
}

const csv = (locale: string): CsvRequest => ({
  selection: { collection: 'plans' },
  sort: { column: 'name' },
  columns: [{ name: 'name', title: 'Name' }, { name: 'priceMinor', title: '=Price' }, { name: 'currency', title: 'Currency' }],
  locale,
});

describe('a CSV export', () => {
  test('has the window\'s words for values that have any', async (t) => {
    const { ask, home } = await openSynced(t);
    const path = join(home, 'plans.csv');
    const columns = [{ name: 'interval', title: 'Abrechnung', words: { month: 'Monatlich', year: '=Jahr' } }];
    await ask('file.writeCsv', { path, csv: { ...csv('de'), name: 'tarife', columns } });
    const values = readFileSync(path, 'utf8').trim().split('\r\n').slice(1);
    assert.deepEqual([...new Set(values)], ['Monatlich']);
  });

  test('has a byte order mark, titles and one line per record, in the format of the locale', async (t) => {
    const { ask, home } = await openSynced(t);
    for (const [locale, delimiter, amount] of [['en-DE', ';', '1234,57'], ['en-GB', ',', '1234.57']] as const) {
      const path = join(home, `plans-${locale}.csv`);
      const { sizeBytes } = await ask('file.writeCsv', { path, csv: csv(locale) }) as { sizeBytes: number };
      const bytes = readFileSync(path);
      assert.equal(bytes.length, sizeBytes);
      assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
      const text = bytes.subarray(3).toString('utf8');
      assert(text.startsWith(`Name${delimiter}'=Price${delimiter}Currency\r\n`));
      assert(text.includes(`'+1${delimiter}${amount}${delimiter}EUR\r\n`), 'an amount is in the currency\'s major unit');
      assert(text.includes(`${delimiter}123456${delimiter}JPY\r\n`), 'yen have no decimals');
      assert.equal(text.match(/\r\n/g)?.length, names.length + 1);
    }
    assert.deepEqual(readdirSync(home).filter((name) => name.endsWith('.part')), []);
  });

  test('never contains a formula, and quotes values if necessary', () => {
    const german = csvFormat('de-DE');
    assert.deepEqual([...names, '\tx', ' =1', 'zwei\nZeilen'].map((text) => csvText(text, german)), [
      '"\'=HYPERLINK(""https://evil.example"")"', "'+1", "'-2", "'@SUM(A1)", "'\uFF1D1", "it's", '"a;b"', 'a,b', '"say ""so"""',
      '"\'\tx"', "' =1", '"zwei\nZeilen"',
    ]);
    assert.throws(() => csvFormat('no language'), { code: 'invalid_request' });
  });

  test('contains the selected rows, and is refused for unknown columns and invalid paths', async (t) => {
    const { ask, refusal, home, dataFolder } = await openSynced(t);
    const path = join(home, 'x.csv');
    for (const request of [
      { path, csv: { ...csv('en'), columns: [{ name: 'secret', title: 'x' }] } },
      { path: join(home, 'none', 'x.csv'), csv: csv('en') },
      { path: join(dataFolder, 'database', 'invoify.sqlite'), csv: csv('en') },
    ]) assert.equal(await refusal('file.writeCsv', request), 'invalid_request', request.path);
    assert.equal(existsSync(path), false);
    const narrowed = { ...csv('en'), selection: { collection: 'plans', filters: { currency: 'JPY' } } };
    await ask('file.writeCsv', { path, csv: narrowed });
    assert.equal(readFileSync(path, 'utf8').split('\r\n').length, 3);
  });
});

test('a table of the window is written as it is, and refused if it is not one', async (t) => {
  const { ask, refusal, home } = await openSynced(t);
  const path = join(home, 'report.csv');
  const table = { name: 'report', titles: ['Month', 'Net'], rows: [['2026-01', { amountMinor: 1999, currency: 'EUR' }]], locale: 'de-DE' };
  await ask('file.writeCsv', { path, csv: table });
  assert.equal(readFileSync(path, 'utf8'), '\ufeffMonth;Net\r\n2026-01;19,99\r\n');
  for (const change of [
    { titles: [] }, { titles: [1, 2] }, { titles: 'ab' }, { rows: [['x']] }, { rows: ['xy'] }, { rows: [['x', 1]] },
    { locale: 'no locale' }, { rows: [['x', { amountMinor: 1.5, currency: 'EUR' }]] }, { rows: [['x', { amountMinor: 1 }]] }, { name: '' },
  ]) assert.equal(await refusal('file.writeCsv', { path: join(home, 'x.csv'), csv: { ...table, ...change } }), 'invalid_request');
  assert.equal(existsSync(join(home, 'x.csv')), false);
});

describe('an e-invoice', () => {
  const address = { street: 'Am Markt 1', city: 'Bonn', postalCode: '53111', country: 'DE' };

  test('is written from the cache alone, for invoices and for credit notes', async (t) => {
    const [company] = (await colleague.pullAll()).changes.filter(({ collection }) => collection === 'company');
    assert(company);
    await colleague.change('company', { id: company.mongoId, updatedAt: company.updatedAt }, {
      name: 'Example Tools <&> GmbH', address, vatId: 'DE123456788', email: 'billing@tools.test', phone: '+49 228 555000',
      iban: 'DE89 3704 0044 0532 0130 00',
    });
    const customer = await colleague.create('customers', {
      name: 'Stadt Musterstadt', currency: 'EUR', address, email: 'post@stadt.test', buyerReference: '04011000-12345-03',
    });
    const draft = await colleague.create('invoices', {
      customerId: customer.id, issueDate: '2026-01-15', dueDate: '2026-02-14', currency: 'EUR',
      lines: [{ description: 'Work', quantityMilli: 1500, unitPriceMinor: 9950, taxRateBp: 1900 }],
    });
    const invoice = await colleague.act(draft, 'issue');
    const credit = await colleague.act(invoice, 'credit');
    const creditNote = await colleague.act(credit, 'issue');
    const { ask, refusal, desk, home, dataFolder } = await openSynced(t);
    await ask('sync.pullFromServer');
    for (const { id, number, root } of [
      { id: invoice.id, number: invoice.payload['number'], root: 'Invoice' },
      { id: creditNote.id, number: creditNote.payload['number'], root: 'CreditNote' },
    ]) {
      assert.equal(await ask('file.checkEInvoice', { id }), number);
      const path = join(home, `${String(number)}.xml`);
      const { sizeBytes } = await ask('file.writeEInvoice', { path, id }) as { sizeBytes: number };
      const xml = readFileSync(path, 'utf8');
      assert.equal(Buffer.byteLength(xml), sizeBytes);
      assert(xml.startsWith(`<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns=`) && xml.endsWith(`</${root}>\n`));
      assert(xml.includes('Example Tools &lt;&amp;&gt; GmbH') && xml.includes('<cbc:TaxInclusiveAmount currencyID="EUR">177.61<'));
      if (root === 'CreditNote') assert(xml.includes(`<cbc:ID>${String(invoice.payload['number'])}</cbc:ID>`), 'it names what it corrects');
    }
    assert.deepEqual(readdirSync(home).filter((name) => name.endsWith('.part')), []);
    assert.equal(await refusal('file.writeEInvoice', { path: join(dataFolder, 'settings.json'), id: invoice.id }), 'invalid_request');
    assert.equal(await refusal('file.checkEInvoice', { id: '0'.repeat(24) }), 'not_found');

    const incomplete = await colleague.act(await colleague.create('invoices', {
      customerId: (await colleague.create('customers', { name: 'Nobody', currency: 'EUR' })).id, issueDate: '2026-01-15', currency: 'EUR',
      lines: [{ description: 'Work', quantityMilli: 1000, unitPriceMinor: 100, taxRateBp: 1900 }],
    }), 'issue');
    await ask('sync.pullFromServer');
    const outcome = await answerCall(desk, 'file.writeEInvoice', { path: join(home, 'none.xml'), id: incomplete.id }, () => undefined);
    assert.deepEqual(!outcome.ok && Object.keys(outcome.error.fields ?? {}), [
      'invoice.buyerReference', 'invoice.dueDate', 'customer.address.country', 'customer.address.postalCode', 'customer.address.city',
      'customer.electronicAddress',
    ]);
    assert.equal(existsSync(join(home, 'none.xml')), false);
  });
});

test('a number of any prefix proposes a name that every system and a download\'s header take', () => {
  for (const [number, name, header] of [
    ['INV-2026-00001', 'INV-2026-00001', 'attachment; filename="INV-2026-00001.xml"'],
    ['RE/"2026"\\00001', 'RE-2026-00001', 'attachment; filename="RE-2026-00001.xml"'],
    ['Ä(1)-2026-00001', 'Ä(1)-2026-00001', 'attachment; filename*=UTF-8\'\'%C3%84%281%29-2026-00001.xml'],
    ['con', 'invoify-con', 'attachment; filename="invoify-con.xml"'],
    ['', 'invoify', 'attachment; filename="invoify.xml"'],
  ] as const) {
    assert.equal(toFileName(number), name);
    assert.equal(new Headers({ 'content-disposition': contentDisposition(`${name}.xml`) }).get('content-disposition'), header);
  }
});

describe('a backup', () => {
  test('is a complete database of one instant, made during syncs', async (t) => {
    const { ask, home } = await openSynced(t);
    const path = join(home, 'backup.sqlite');
    const [saved] = await Promise.all([
      ask('file.backUp', { path }) as Promise<{ sizeBytes: number }>,
      ask('sync.pullFromServer'),
      ask('records.create', { collection: 'customers', fields: { name: 'Meanwhile', currency: 'EUR' } }),
    ]);
    assert.equal(readFileSync(path).length, saved.sizeBytes);
    const db = new DatabaseSync(path, { readOnly: true });
    t.after(() => db.close());
    assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
    assert.deepEqual({ ...db.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'delete' });
    const { generation } = { ...db.prepare('SELECT generation FROM state').get() } as { generation: string };
    assert.deepEqual({ ...db.prepare(`SELECT count(*) AS count FROM plans_${generation}`).get() }, { count: names.length });
    assert.deepEqual(readdirSync(home).sort(), ['Invoify', 'backup.sqlite']);
  });

  test('is on the disk before it gets its name', async (t) => {
    const { ask, home } = await openSynced(t);
    const path = join(home, 'backup.sqlite');
    const probe = await open(join(home, 'probe'), 'w');
    const handles = Object.getPrototypeOf(probe) as FileHandle;
    await probe.close();
    const flushed: boolean[] = [];
    const { sync } = handles;
    t.mock.method(handles, 'sync', async function (this: FileHandle) {
      flushed.push(existsSync(path));
      await sync.call(this);
    });
    await ask('file.backUp', { path });
    assert.deepEqual(flushed, [false]);
  });

  test('never replaces a file in the data folder', async (t) => {
    const { refusal, dataFolder } = await openSynced(t);
    for (const name of ['database/invoify.sqlite', 'database/invoify.sqlite-wal', 'settings.json', 'anything']) {
      assert.equal(await refusal('file.backUp', { path: join(dataFolder, name) }), 'invalid_request', name);
    }
  });
});

test('the report names the kind of a failure, and no address', () => {
  const error = { code: 'offline', kind: 'certificate_expired', message: 'The certificate of invoices.acme.lan has expired.' } as const;
  const status: Status = {
    initialized: true, lastSync: null, isOnline: false, state: 'unreachable', error, progress: null, partial: 0, cursor: null, writes: 0,
    notice: null, user: null, server: 'https://invoices.acme.lan',
  };
  const health: SyncHealth = { attempts: [], counts: {}, sizeBytes: 0, lastVerifiedMs: null, digest: {} };
  const report = writeReport({ version: '0.1.0', platform: 'win32 x64', nowMs: 0, status, health });
  assert.match(report, /State: unreachable \(offline, certificate_expired\), not online/);
  assert.doesNotMatch(report, /acme/);
});

test('the report describes the syncs without personal data', async (t) => {
  const { ask } = await openSynced(t);
  await colleague.create('customers', { name: 'Confidential Partners', currency: 'EUR', email: 'who@confidential.test' });
  await ask('sync.pullFromServer');
  const report = await ask('data.report') as string;
  assert.match(report, /^Invoify 0\.1\.0 /);
  assert.match(report, /State: up_to_date, online, cache open/);
  assert.match(report, /Last \d+ attempts/);
  assert.match(report, new RegExp(`plans ${names.length}`));
  const { port, host } = new URL(server.url);
  for (const secret of ['Confidential', '@', 'eyJ', email, host, port, 'HYPERLINK', folder, tmpdir(), 'Owner']) {
    assert(!report.includes(secret), secret);
  }
});

test('a reset removes only the cache: the user stays signed in, and everything is downloaded again', async (t) => {
  const { ask, dataFolder } = await openSynced(t);
  const before = await ask('data.counts');
  await ask('app.saveSettings', { theme: 'dark' });
  await ask('app.resetLocalData');
  const { user } = await ask('sync.getStatus') as { user: { email: string } | null };
  assert.equal(user?.email, email);
  assert.equal((await ask('sync.pullFromServer') as { outcome: string }).outcome, 'completed');
  assert.deepEqual(await ask('data.counts'), before);
  assert.equal((await ask('app.getSettings') as { theme: string }).theme, 'dark');
  assert(existsSync(join(dataFolder, 'database', 'invoify.sqlite')));
});

test('exactly the last 200 syncs are kept, newest first', async (t) => {
  const { ask } = await openSynced(t);
  for (let count = 0; count < 205; count += 1) await ask('sync.pullFromServer');
  const { attempts } = await ask('data.health') as { attempts: { startedMs: number; outcome: string; code: string | null }[] };
  assert.equal(attempts.length, 200);
  assert.deepEqual(attempts.map(({ startedMs }) => startedMs), attempts.map(({ startedMs }) => startedMs).toSorted((a, b) => b - a));
  assert(attempts.every(({ outcome, code }) => outcome === 'completed' && code === null));
});

test('a shorter interval between syncs counts from the last one, as soon as it is chosen', async (t) => {
  const system = systemDeskDeps();
  const delaysMs: number[] = [];
  let aheadMs = 0;
  const { ask } = await openSynced(t, {
    monotonicMs: () => system.monotonicMs() + aheadMs,
    setTimer: (callback, delayMs) => {
      delaysMs.push(delayMs);
      return system.setTimer(callback, delayMs);
    },
  });
  aheadMs = 90_000;
  delaysMs.length = 0;
  await ask('app.saveSettings', { theme: 'dark' });
  assert(!delaysMs.includes(0));
  await ask('app.saveSettings', { syncEveryMinutes: 1 });
  assert(delaysMs.includes(0));
});

test('a network that is gone is in the status before any request has failed', async (t) => {
  let hasNetwork = true;
  const { desk } = await openSynced(t, { hasNetwork: () => hasNetwork });
  let told = 0;
  desk.onStatus(() => told += 1);
  hasNetwork = false;
  desk.handleSystemEvent('offline');
  assert.equal(told, 1);
});
