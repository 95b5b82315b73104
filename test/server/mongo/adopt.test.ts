// `node server.ts adopt`: the documents of another program become records of an account.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';

import { Decimal128, Double, Long, MongoClient, ObjectId, type Db } from 'mongodb';

import { ConfigError } from '../../../server/config.ts';
import { parseAdoptOptions, parseMapping } from '../../../server/mapping.ts';
import { runAdopt } from '../../../server/mongo/adopt.ts';
import { adoptions } from '../../../server/mongo/lease.ts';
import { runVerify } from '../../../server/verify-command.ts';
import type { Client } from '../../client.ts';
import { firstOwner, openStore, password, runServer, startServer, stores, type TestServer } from '../harness.ts';
import { example, exampleDocuments, fillShop, recordsOf } from './shop.ts';

const [, mongodb] = stores;
assert.ok(mongodb);

describe('adopt', { skip: mongodb.skip }, () => {
  let server: TestServer;
  let client: MongoClient;
  let owner: Client;
  before(async () => {
    server = await startServer(mongodb);
    // As for the commands, which are processes of their own.
    server.clock.ms = Date.now();
    owner = await server.client.login(firstOwner, password);
    client = await new MongoClient(server.env['MONGODB_URL'] ?? '').connect();
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  const openShop = (t: TestContext): Db => {
    const db = client.db(`shop_${new ObjectId().toHexString()}`);
    t.after(() => db.dropDatabase());
    return db;
  };
  const mappingFor = (db: Db): string => JSON.stringify({ ...example, database: db.databaseName });
  const adopt = async (mapping: string, isDryRun = false): Promise<{ code: number; text: string }> => {
    const store = await openStore(server, () => server.clock.ms);
    const { MONGODB_URL: mongodbUrl = null, MONGODB_DB: mongodbDb = '' } = server.env;
    const lines: string[] = [];
    try {
      const config = { mongodbUrl, mongodbDb, allowsPlaintextMongo: false };
      const options = { mapping, file: 'mapping.json', account: null, isDryRun };
      const code = await runAdopt(options, { store, config, write: (line) => void lines.push(line) });
      return { code, text: lines.join('') };
    } finally {
      await store.close();
    }
  };

  test('stamps the documents of the example in docs/bringing-data.md, once, and changes none of them', async (t) => {
    const shop = openShop(t);
    await fillShop(shop, exampleDocuments);
    const documents = async (): Promise<unknown> =>
      Promise.all(['User', 'Customer', 'Invoice'].map((name) => shop.collection(name).find().toArray()));
    const untouched = await documents();
    const { body: { serverTime } } = await owner.pull();
    const dry = await adopt(mappingFor(shop), true);
    assert.deepEqual([dry.code, dry.text], [0, '3 fit, 0 do not, and 0 differ in what is computed here. Nothing was changed.\n']);
    assert.equal((await owner.pull(`?since=${serverTime}`)).body.count, 0);

    const file = join(server.folder, 'mapping.json');
    writeFileSync(file, mappingFor(shop));
    const done = await runServer(['adopt', file], server.env);
    assert.deepEqual([done.code, done.stderr.replace(/^{.*\n/gm, '')], [0, ''], done.stdout);
    assert.match(done.stdout, /^Stamped 3 records into the account [0-9a-f]{24}, and 0 deletions\. 0 documents do not fit\.\n$/);
    const records = await recordsOf(owner);
    assert.deepEqual(records.get('665f1c2e9b1d8a0012ab34cd'), {
      name: 'Café Müller', email: 'zoe@cafe.test', currency: 'EUR',
      address: { street: 'Torstr. 1', city: 'Berlin', postalCode: '10119', country: 'DE' },
    });
    assert.deepEqual(records.get('665f1c2e9b1d8a0012ab34ce'), {
      kind: 'invoice', number: 'RE-2024-0815', customerId: '665f1c2e9b1d8a0012ab34cd', customerName: 'Café Müller', status: 'open',
      issueDate: '2024-06-01', dueDate: '2024-07-01', currency: 'EUR',
      lines: [{ description: 'Hosting', quantityMilli: 1500, unitPriceMinor: 1999, taxRateBp: 1900 }],
      buyer: { name: 'Café Müller', address: { street: 'Torstr. 1', city: 'Berlin', postalCode: '10119', country: 'DE' } },
      subtotalMinor: 2999, taxes: [{ category: 'S', rateBp: 1900, netMinor: 2999, taxMinor: 570 }], totalMinor: 3569, paidMinor: 0,
      creditedMinor: 0, payments: [],
    });
    assert.ok([...records.values()].some(({ email, role }) => email === 'max@shop.test' && role === 'editor'));
    assert.deepEqual(await documents(), untouched);

    const again = await adopt(mappingFor(shop));
    assert.match(again.text, /^Stamped 0 records .*, and 0 deletions\. 0 documents/);
    assert.equal((await server.client.post('/api/auth/login', { email: 'max@shop.test', password: 'correct horse battery' })).status, 401);

    const cafe = await owner.change('customers', await owner.read('customers', '665f1c2e9b1d8a0012ab34cd'), { phone: '1' });
    assert.deepEqual(cafe.payload['changedBy'], { id: owner.userId, name: 'owner' });
    assert.match((await adopt(mappingFor(shop))).text, /^Stamped 0 records /m, 'what differs only in who wrote it');

    const note = await owner.act(await owner.read('invoices', '665f1c2e9b1d8a0012ab34ce'), 'credit');
    await owner.act(note, 'issue');
    await shop.collection('Customer').updateOne({}, { $set: { displayName: 'Café Meier' } });
    await shop.collection('Invoice').updateOne({}, { $set: { dueAt: '2024-08-01' } });
    assert.match((await adopt(mappingFor(shop))).text, /^Stamped 2 records /m);
    const { payload } = await owner.read('invoices', '665f1c2e9b1d8a0012ab34ce');
    assert.deepEqual([payload['customerName'], payload['dueDate'], payload['creditedMinor'], payload['status']],
      ['Café Müller', '2024-08-01', 3569, 'paid'], 'what was issued and credited stays');
    const renamed = (await owner.read('customers', cafe.id)).payload;
    assert.deepEqual([renamed['phone'], renamed['changedBy']], ['1', undefined]);
    assert.equal(await faults(server), '');
  });

  test('leaves out what does not fit, names each by its key and reason, and takes it over once it does', async (t) => {
    const shop = openShop(t);
    const [customer, other] = [new ObjectId(), new ObjectId()];
    const invoice = (fields: object): object => ({
      customer, no: null, state: 'OPEN', issuedAt: new Date('2025-01-15T12:00:00Z'), dueAt: '2025-02-14', gross: null, payments: [],
      items: [{ title: 'Work', qty: new Long(1), price: new Double(19.99), vat: '19' }], ...fields,
    });
    await fillShop(shop, {
      User: [{ _id: 1, email: 'owner@first.test', fullName: 'Taken', role: 'ADMIN' },
        { _id: 2, email: 'no address', fullName: 'x', role: 'X' }],
      Customer: [
        { _id: customer, displayName: 'One' }, { _id: other, displayName: '' },
        { _id: 'text', displayName: 'Two', billing: { country: 'Germany' } },
        { _id: 7, displayName: 'Seven', mail: ['a@b.test'] },
      ],
      Invoice: [
        invoice({ _id: 'a', no: 'INV-2025-00007', gross: Decimal128.fromString('23.79') }),
        invoice({ _id: 'b', customer: other, no: 'RE-1' }), invoice({ _id: 'c' }), invoice({ _id: 'd', no: 'RE-2', state: 'LOST' }),
        invoice({ _id: 'e', no: 'RE-3', items: [{ title: 'x', qty: 1, price: 19.995, vat: 19 }] }),
        invoice({ _id: 'f', no: 'RE-4', gross: 23.8, payments: [{ amount: 10, date: new Date('2025-02-01T12:00:00Z') }] }),
        invoice({ _id: 'g', no: 'RE-5', payments: [{ amount: 100, date: '2025-02-01' }] }), invoice({ _id: 'h', state: 'DRAFT' }),
        invoice({ _id: 'i', no: 'RE-4' }),
      ],
    });
    const expected = [
      'users 1: email is already in use', 'users 2: email must be an e-mail address',
      `customers ${other}: name is required`, 'customers 7: email is not text there (a list)',
      'customers "text": address.country must be a country code of ISO 3166-1, such as DE',
      'invoices "b": customerId refers to one of the customers', 'invoices "c": number is missing',
      'invoices "d": status is LOST there, which the mapping\'s values do not have',
      'invoices "e": lines.0.unitPriceMinor has more decimals than can be kept (19.995)',
      'invoices "f" differs: totalMinor is 2380 there, and 2379 here', 'invoices "g": payments exceed the total',
      'invoices "i": has the number RE-4, as another invoice has (',
    ];
    for (const isDryRun of [true, false]) {
      const { code, text } = await adopt(mappingFor(shop), isDryRun);
      assert.equal(code, 1);
      const lines = text.trimEnd().split('\n').slice(0, -1).sort();
      const wanted = expected.toSorted();
      assert.equal(lines.length, wanted.length, text);
      for (const [index, line] of lines.entries()) {
        const start = isDryRun ? wanted[index] : wanted[index]?.replace('email is already in use', 'That e-mail address is already in use');
        assert.ok(line.startsWith(start ?? '?'), `${line}\n${start}`);
      }
    }
    const draft = [...(await recordsOf(owner)).values()].find(({ status }) => status === 'draft');
    assert.ok(draft);
    const next = await owner.create('invoices', {
      customerId: customer.toHexString(), issueDate: '2025-12-01', dueDate: '2025-12-31', currency: 'EUR', lines: draft['lines'],
    });
    assert.equal((await owner.act(next, 'issue')).payload['number'], 'INV-2025-00008');
    await shop.collection('Invoice').insertOne(invoice({ _id: 'j', no: 'INV-2025-00008' }));
    for (const isDryRun of [true, false]) {
      const taken = `invoices "j": has the number INV-2025-00008, as another invoice has (${next.id}).\n`;
      const { text } = await adopt(mappingFor(shop), isDryRun);
      assert.ok(text.includes(taken), text);
    }
    await shop.collection('Invoice').deleteOne({ _id: 'j' as never });

    await shop.collection('Customer').updateOne({ _id: other }, { $set: { displayName: 'Three' } });
    const { text } = await adopt(mappingFor(shop));
    assert.match(text, /Stamped 2 records .*, and 0 deletions\. 9 documents do not fit\.\n$/);
    await shop.collection('Invoice').updateOne({ _id: 'i' as never }, { $set: { no: 'RE-6' } });
    assert.match((await adopt(mappingFor(shop))).text, /Stamped 1 record .*, and 0 deletions\. 8 documents do not fit\.\n$/);
    await shop.collection('Invoice').updateOne({ _id: 'f' as never }, { $set: { no: 'RE-6' } });
    const refused = (await adopt(mappingFor(shop))).text;
    assert.match(refused, /\ninvoices "f": has the number RE-6, [^]*\nStamped 0 records .* 9 documents do not fit/);
    // What did not fit before is named again.
    assert.match(refused, /^invoices "c": number is missing\.$/m);
    assert.equal(await faults(server), '');
  });

  test('deletes the record of a document that is gone, and keeps what the account made itself and what others refer to', async (t) => {
    const shop = openShop(t);
    const [kept, gone, last] = [new ObjectId(), new ObjectId(), new ObjectId()];
    await fillShop(shop, { User: [], Customer: [kept, gone, last].map((_id) => ({ _id, displayName: 'One' })), Invoice: [] });
    await adopt(mappingFor(shop));
    const own = await owner.create('customers', { name: 'Own', currency: 'EUR' });
    await owner.create('invoices', {
      customerId: kept.toHexString(), issueDate: '2025-12-01', dueDate: '2025-12-31', currency: 'EUR', lines: [],
    });
    await shop.collection('Customer').deleteMany({ _id: { $in: [kept, gone] } });
    const { text } = await adopt(mappingFor(shop));
    assert.match(text, new RegExp(`^customers ${kept}: is deleted there, and stays here because some invoices refer to it`));
    const records = await recordsOf(owner);
    const present = [kept, gone, last, own.id].map((id) => records.has(String(id)));
    assert.deepEqual(present, [true, false, true, true]);
    const isDropped = async (): Promise<unknown> => (await adoptions(client.db(server.env['MONGODB_DB'])).findOne({}))?.isDropped;
    assert.equal(await isDropped(), false);
    await shop.collection('Customer').deleteMany({});
    await adopt(mappingFor(shop));
    assert.ok((await recordsOf(owner)).has(last.toHexString()), 'an empty collection was probably dropped');
    assert.equal(await isDropped(), true, 'which WATCH=1 goes on from');
  });

  const invoiced = (fields: object): object => ({
    customer: exampleDocuments['Customer']?.[0] && (exampleDocuments['Customer'][0] as { readonly _id: ObjectId })._id, state: 'OPEN',
    issuedAt: new Date('2025-01-15T12:00:00Z'), payments: [], items: [{ title: 'Work', qty: 1, price: 10, vat: 19 }], ...fields,
  });
  const numbersOf = async (): Promise<ReadonlyMap<string, unknown>> =>
    new Map([...await recordsOf(owner)].flatMap(([id, { number }]) => number === undefined ? [] : [[id, number] as const]));

  test('takes over a document again that was deleted in between', async (t) => {
    const shop = openShop(t);
    const _id = new ObjectId();
    await fillShop(shop, { User: [], Customer: [{ _id, displayName: 'Back' }, { _id: 'b', displayName: 'B' }], Invoice: [] });
    await adopt(mappingFor(shop));
    await shop.collection('Customer').deleteOne({ _id });
    assert.match((await adopt(mappingFor(shop))).text, /and 1 deletions/);
    await shop.collection('Customer').insertOne({ _id, displayName: 'Back again' });
    assert.equal((await adopt(mappingFor(shop))).code, 0);
    assert.equal((await recordsOf(owner)).get(_id.toHexString())?.['name'], 'Back again');
    assert.equal(await faults(server), '');
  });

  test('follows numbers from one document to another, in whatever order they are read', async (t) => {
    const shop = openShop(t);
    const ids = Array.from({ length: 250 }, () => new ObjectId());
    const number = (index: number): string => `SWAP-${index}`;
    await fillShop(shop, { ...exampleDocuments, User: [], Invoice: ids.map((_id, index) => invoiced({ _id, no: number(index) })) });
    assert.equal((await adopt(mappingFor(shop))).code, 0);
    // Each gets the next one's, over more than one batch, but for the first two, which swap theirs.
    const moved = [1, 0, ...ids.slice(2).map((_id, index) => index + 3)].map(number);
    await shop.collection('Invoice').bulkWrite(ids.map((_id, index) => ({
      updateOne: { filter: { _id }, update: { $set: { no: moved[index] } } },
    })));
    assert.equal((await adopt(mappingFor(shop), true)).code, 0);
    assert.match((await adopt(mappingFor(shop))).text, /^Stamped 250 records .* 0 documents do not fit\.\n$/);
    const held = await numbersOf();
    assert.deepEqual(ids.map((id) => held.get(id.toHexString())), moved);
    const others = ids.map(() => new ObjectId());
    await shop.collection('Invoice').deleteMany({});
    await shop.collection('Invoice').insertMany(others.map((_id, index) => invoiced({ _id, no: number(index) })));
    assert.equal((await adopt(mappingFor(shop), true)).code, 0, 'those that had them are gone');
    assert.match((await adopt(mappingFor(shop))).text, /^Stamped 250 records .*, and 250 deletions\. 0 documents do not fit\.\n$/);
    assert.equal((await numbersOf()).get(String(others.at(-1))), number(249));
    assert.equal(await faults(server), '');
  });

  test('tries a deletion again that was refused, once it can be', async (t) => {
    const shop = openShop(t);
    const _id = new ObjectId();
    await fillShop(shop, {
      User: [
        { _id, email: 'second@shop.test', fullName: 'Second', role: 'ADMIN' },
        { _id: 'x', email: 'x@shop.test', fullName: 'X', role: 'STAFF' },
      ],
      Customer: [],
      Invoice: [],
    });
    assert.equal((await adopt(mappingFor(shop))).code, 0);
    const setRole = async (role: string): Promise<void> => {
      const store = await openStore(server, () => server.clock.ms);
      const [accountId = ''] = await store.listAccounts();
      const entry = await store.findAddress(firstOwner);
      const record = entry && await store.get(accountId, 'users', entry.userId);
      assert.ok(record);
      await store.write(accountId, async (transaction) => {
        const payload = JSON.stringify({ ...JSON.parse(record.payload) as object, role });
        transaction.put('users', record.id, { payload, secret: record.secret, references: record.references }, record);
      });
      await store.close();
    };
    await setRole('editor');
    await shop.collection('User').deleteOne({ _id });
    const { text } = await adopt(mappingFor(shop));
    assert.match(text, /^users .* is deleted there, and stays here: An account needs at least one enabled/m);
    await setRole('owner');
    assert.match((await adopt(mappingFor(shop))).text, /and 1 deletions\. 0 documents do not fit/);
  });

  test('leaves a number to the invoice that came from another database', async (t) => {
    const [shop, other] = [openShop(t), openShop(t)];
    await fillShop(shop, { ...exampleDocuments, User: [], Invoice: [invoiced({ _id: 'first', no: 'BOTH-1' })] });
    await fillShop(other, { ...exampleDocuments, User: [], Invoice: [invoiced({ _id: 'second', no: 'BOTH-1' })] });
    assert.equal((await adopt(mappingFor(shop))).code, 0);
    for (const isDryRun of [true, false]) {
      assert.match((await adopt(mappingFor(other), isDryRun)).text, /^invoices "second": has the number BOTH-1, as another invoice has/m);
    }
  });

  test('goes on from a copy of the database under another name', async (t) => {
    const [shop, copy] = [openShop(t), openShop(t)];
    const [kept, gone] = [new ObjectId(), new ObjectId()];
    const documents = { User: [], Customer: [kept, gone].map((_id) => ({ _id, displayName: 'Copied' })), Invoice: [] };
    await fillShop(shop, documents);
    await fillShop(copy, documents);
    await adopt(mappingFor(shop));
    await adopt(mappingFor(copy));
    await copy.collection('Customer').deleteOne({ _id: gone });
    assert.match((await adopt(mappingFor(copy))).text, /and 1 deletions/);
    const records = await recordsOf(owner);
    assert.deepEqual([records.has(kept.toHexString()), records.has(gone.toHexString())], [true, false]);
  });

  test('ends the same however often it is killed, and although the documents change meanwhile', async (t) => {
    const shop = openShop(t);
    const ids = Array.from({ length: 1000 }, () => new ObjectId());
    await fillShop(shop, { User: [], Customer: ids.map((_id, index) => ({ _id, displayName: `Customer ${index}` })), Invoice: [] });
    const file = join(server.folder, 'killed.json');
    writeFileSync(file, mappingFor(shop));
    const adopted = client.db(server.env['MONGODB_DB']).collection('adopted');
    for (const [round, inserted] of [1, 500].entries()) {
      const stream = adopted.watch();
      await stream.tryNext();
      const running = Promise.withResolvers<ChildProcess>();
      const ended = runServer(['adopt', file], server.env, '', running.resolve);
      // Of those that are listed already, by the process before, nothing is heard.
      while (await adopted.countDocuments({ database: shop.databaseName }) < inserted) await stream.next();
      (await running.promise).kill('SIGKILL');
      await Promise.all([ended, stream.close()]);
      await shop.collection('Customer').updateMany({}, { $set: { displayName: `Round ${round}` } });
    }
    assert.equal((await adopt(mappingFor(shop))).code, 0);
    const { body: { serverTime } } = await owner.pull('?limit=5000');
    const records = await recordsOf(owner);
    assert.deepEqual(new Set(ids.map((id) => records.get(id.toHexString())?.['name'])), new Set(['Round 1']));
    assert.match((await adopt(mappingFor(shop))).text, /^Stamped 0 records/);
    assert.equal((await owner.pull(`?since=${serverTime}`)).body.count, 0);
    assert.equal(await faults(server), '');
  });

  test('refuses a mapping with what it does not know, by place, and collections that are not there or are the server\'s own', async (t) => {
    const shop = openShop(t);
    const text = JSON.stringify({ ...example, colections: {}, collections: {
      customers: { from: 'Customer', fields: { nmae: 'x', name: { from: 'a..b', scale: -1 }, currency: { value: 'EUR', from: 'x' } } },
      company: { from: 'x', fields: {} },
      users: { from: 'Customer', fields: { email: 'a', role: { from: 'role', values: ['owner'] }, disabled: { value: {} } } },
    } });
    assert.throws(() => parseMapping(text, 'mapping.json'), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      const places = error.message.split('\n').map((line) => line.replace(/^mapping\.json: (?:mapping\.collections\.)?(\S+) .*/, '$1'));
      assert.deepEqual(places.sort(), [
        'company', 'customers.fields.currency', 'customers.fields.name.from', 'customers.fields.name.scale', 'customers.fields.nmae',
        'mapping.colections', 'users.fields.disabled.value', 'users.fields.name', 'users.fields.role.values', 'customers.from',
      ].sort());
      return true;
    });
    assert.deepEqual(parseMapping(`\ufeff${mappingFor(shop)}`, 'x'), parseMapping(mappingFor(shop), 'x'), 'with a byte order mark');
    await assert.rejects(adopt(mappingFor(shop)), /has no collection User, Customer, Invoice: correct the mapping/);
    const own = JSON.stringify({ ...example, database: server.env['MONGODB_DB'], collections: {
      customers: { ...example.collections['customers'], from: 'customers' },
    } });
    await assert.rejects(adopt(own), /has a name that this server uses itself: set MONGODB_DB/);
    for (const words of [[], ['a', 'b'], ['--dry', 'a']]) assert.throws(() => parseAdoptOptions(words), ConfigError);
    const { DATA_DIR: folder = '' } = server.env;
    const embedded = await runServer(['adopt', join(folder, 'x.json')], { DATA_DIR: folder });
    assert.match(embedded.stderr, /^adopt takes documents over within MongoDB: set MONGODB_URL\.$/m);
  });
});

/** What verify says; nothing if nothing is wrong. */
async function faults(server: TestServer): Promise<string> {
  const store = await openStore(server, () => server.clock.ms);
  const lines: string[] = [];
  const code = await runVerify(store, { fixes: false, account: null }, { nowMs: Date.now, write: (line) => lines.push(line) });
  await store.close();
  return code === 0 ? '' : lines.join('');
}
