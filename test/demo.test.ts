// The demonstration as people run it: its own process, its output, its exit code, and nothing left behind. With a small
// company, so that it is quick.

import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, test } from 'node:test';

import { MongoClient } from 'mongodb';

import { createCompany } from '../demo/company.ts';
import { computeTotals } from '../shared/invoice.ts';
import { createClient } from './client.ts';
import { openTestMongo } from './mongod.ts';

const entry = join(import.meta.dirname, '..', 'demo', 'run.ts');
/** The temporary folder of this file's demonstrations, so that leftovers are found. */
const temporary = mkdtempSync(join(tmpdir(), 'invoify-demo-test-'));
const { found: mongo, missing } = await openTestMongo();

after(async () => {
  rmSync(temporary, { recursive: true, force: true });
  await mongo?.release();
});

/** The last line of its output. */
const windowLink = /^ +(http:\/\/127\.0\.0\.1:\d+)\/#key=[\w-]+$/;

interface Run {
  readonly exitCode: number | null;
  readonly output: string;
  readonly problems: string;
}

function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const { FORCE_COLOR: _unset, ...surrounding } = process.env;
  return spawn(process.execPath, [entry, '--small', ...words], {
    env: { ...surrounding, MONGODB_URL: '', TMPDIR: temporary, TEMP: temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run> {
  const child = start(words, env);
  assert(child.stdout && child.stderr);
  const [output, problems] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { exitCode: child.exitCode, output, problems };
}

function assertTold({ exitCode, output, problems }: Run): void {
  assert.equal(problems, '');
  assert.equal(exitCode, 0);
  assert.match(output, /1 company, 3 users, 8 plans, 60 customers, 600 invoices/);
  assert.match(output, /^ +all +672 +672 +yes +\d/m);
  assert.match(output, /pulls 6 changed and 1 deleted records/);
  assert.match(output, /exactly those 7/);
  assert.match(output, /^ +all +673 +673 +yes +\d/m);
  assert.match(output, /Pulled once more: nothing new/);
  assert.match(output, /State: unreachable/);
  assert.match(output, /Open invoices, newest first: 5 of \d+/);
  assert.match(output, /Customers found for “größl”: [1-9]/);
  assert.match(output, /Nothing was changed.” \(offline\)/);
  assert.match(output, /with 673 records/);
  assert.doesNotMatch(output, /\bNO\b/);
  assert.match(output.trimEnd().split('\n').at(-1) ?? '', windowLink);
}

describe('the demonstration', () => {
  test('runs through on the embedded database, in plain text of at most 80 columns, and leaves nothing behind', async () => {
    const told = await run([]);
    assertTold(told);
    assert.match(told.output, /the embedded database/);
    assert.deepEqual(readdirSync(temporary), []);
    assert.doesNotMatch(told.output, /[\u001b\r]/);
    assert.deepEqual(told.output.split('\n').filter((line) => line.length > 80), []);
  });

  test('runs through on MongoDB and drops its database', { skip: missing ?? false }, async () => {
    assert(mongo);
    const told = await run([], { MONGODB_URL: mongo.url });
    assertTold(told);
    const [, name = ''] = /MongoDB, database\s+(invoify_demo_[0-9a-f]+)/.exec(told.output) ?? [];
    assert.notEqual(name, '');
    assert.deepEqual(readdirSync(temporary), []);
    const client = await new MongoClient(mongo.url).connect();
    const { databases } = await client.db('admin').admin().listDatabases();
    await client.close();
    assert(!databases.some((database) => database.name === name), `${name} is still there`);
  });

  test('with --keep leaves server and window running until Ctrl+C', async () => {
    const child = start(['--keep']);
    assert(child.stdout);
    let output = '';
    let link = '';
    for await (const chunk of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      output += chunk;
      link = output.endsWith('\n') ? output.trimEnd().split('\n').at(-1) ?? '' : '';
      if (windowLink.test(link)) break;
    }
    assert.match(output, /Ctrl\+C ends it/);
    const [, url = '', email = '', password = ''] = /(http:\S+) +(\S+@\S+) +(\S+)/.exec(output) ?? [];
    await createClient(() => ({ url })).login(email, password);

    const origin = windowLink.exec(link)?.[1] ?? '';
    assert.match(await (await fetch(origin)).text(), /<invoify-app>/);
    const key = new URL(link.trim()).hash.slice('#key='.length);
    const secret = await (await fetch(`${origin}/enter`, { method: 'POST', headers: { origin }, body: key })).text();
    const headers = { authorization: `Bearer ${secret}`, origin, 'content-type': 'application/json' };
    const status = await fetch(`${origin}/call/sync.getStatus`, { method: 'POST', headers });
    assert.match(await status.text(), new RegExp(`"state":"up_to_date".*${email}`));

    child.kill('SIGINT');
    await once(child, 'exit');
    assert.equal(child.exitCode, 0);
    await assert.rejects(fetch(`${url}/api/health`));
    await assert.rejects(fetch(origin));
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('exits with 1 and a clear message if the database cannot be used', async () => {
    const { exitCode, problems } = await run([], { MONGODB_URL: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=500' });
    assert.equal(exitCode, 1);
    assert.match(problems, /^\nThe demonstration failed\. [A-Z][^\n]+\n$/);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('can be interrupted halfway and still leaves nothing behind', async () => {
    const child = start([]);
    assert(child.stdout);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    await once(child, 'exit');
    assert.equal(child.exitCode, 130);
    assert.deepEqual(readdirSync(temporary), []);
  });
});

describe('the sample company', () => {
  const options = { today: '2026-07-24', customers: 40, invoices: 500 };

  test('is the same every time', () => {
    const [one, two] = [createCompany(options), createCompany(options)];
    assert.deepEqual(one.customers, two.customers);
    assert.deepEqual([...one.invoices()], [...two.invoices()]);
    assert.deepEqual([...one.invoices()], [...one.invoices()]);
  });

  test('has three years of invoices in date order, with every status', () => {
    const invoices = [...createCompany(options).invoices()];
    const days = invoices.map(({ fields }) => fields.issueDate);
    assert.deepEqual(days, days.toSorted());
    assert((days[0] ?? '') < '2023-09-01' && (days.at(-1) ?? '') <= options.today);
    assert.deepEqual([...new Set(invoices.map(({ history }) => history.status))].toSorted(), ['draft', 'open', 'paid', 'void']);
  });

  test('has credit notes over less than their invoices, and invoices that are partly paid', () => {
    const invoices = [...createCompany(options).invoices()];
    const byId = new Map(invoices.map((invoice) => [invoice.id, invoice]));
    const creditNotes = invoices.flatMap(({ creditedId, fields }) => (creditedId === undefined ? [] : [{ creditedId, fields }]));
    assert(creditNotes.length > 0);
    for (const { creditedId, fields } of creditNotes) {
      const credited = byId.get(creditedId);
      assert(credited);
      assert.equal(computeTotals(fields.lines).totalMinor, credited.history.creditedMinor);
      assert(credited.history.creditedMinor < computeTotals(credited.fields.lines).totalMinor);
    }
    assert(invoices.some(({ history }) => history.status === 'open' && history.payments.length > 0));
  });

  test('has payloads of realistic size: about 800 bytes', () => {
    const sizes = [...createCompany(options).invoices()].map(({ fields }) => Buffer.byteLength(JSON.stringify(fields)));
    const averageBytes = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    assert(averageBytes > 450 && averageBytes < 800, `${averageBytes} bytes of input`);
  });
});
