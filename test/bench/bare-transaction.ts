// The floor of writes on MongoDB: the commands of creating one invoice, in the order in which a transaction needs them, through the
// driver and with nothing of ours. No HTTP, no sign-in, no rules, one at a time.

import { randomBytes } from 'node:crypto';

import { Long, MongoClient, type Collection, type Db, type Document } from 'mongodb';

import { createSchema, openTables } from '../../server/mongo/schema.ts';

interface Stored extends Document {
  readonly _id: string;
}

const ACCOUNT = 'a'.repeat(24);
const CUSTOMER = 'c'.repeat(24);
/** As large as an invoice of the sample company. */
const PAYLOAD = 'x'.repeat(800);

/** Transactions per second, acknowledged once durable, during `durationMs`, in a database of its own that is dropped. */
export async function measureBareTransactions(url: string, durationMs: number): Promise<number> {
  const client = await new MongoClient(url, { readPreference: 'primary', writeConcern: { w: 'majority' } }).connect();
  const db = client.db(`invoify_bare_${randomBytes(6).toString('hex')}`);
  try {
    await createSchema(openTables(db));
    const account = { clock: Long.fromNumber(1), digest: {}, numbers: {}, writes: 0 };
    await db.collection<Stored>('accounts').insertOne({ _id: ACCOUNT, ...account });
    await db.collection<Stored>('customers').insertOne({ _id: CUSTOMER, accountId: ACCOUNT, payload: PAYLOAD });
    let done = 0;
    const startedMs = performance.now();
    while (performance.now() < startedMs + durationMs) {
      done += 1;
      await commitOne(client, db, done);
    }
    return done / (performance.now() - startedMs) * 1000;
  } finally {
    await db.dropDatabase();
    await client.close();
  }
}

async function commitOne(client: MongoClient, db: Db, number: number): Promise<void> {
  const [id, key, at] = [randomBytes(12).toString('hex'), String(number), Long.fromNumber(Date.now() * 1000)];
  const stored = (name: string): Collection<Stored> => db.collection(name);
  const [accounts, customers, invoices] = [stored('accounts'), stored('customers'), stored('invoices')];
  const answers = db.collection('answers');
  await using session = client.startSession();
  session.startTransaction({ readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } });
  await accounts.findOneAndUpdate({ _id: ACCOUNT }, { $inc: { writes: 1 } }, { session });
  await answers.findOne({ accountId: ACCOUNT, key }, { session });
  await customers.findOne({ _id: CUSTOMER, accountId: ACCOUNT }, { session });
  const invoice = { accountId: ACCOUNT, sync: { at }, payload: PAYLOAD, secret: null, references: [CUSTOMER] };
  await invoices.bulkWrite([{ replaceOne: { filter: { _id: id, accountId: ACCOUNT }, replacement: invoice, upsert: true } }], { session });
  const answer = { accountId: ACCOUNT, key, fingerprint: 'f'.repeat(43), body: PAYLOAD, keptAtMs: Date.now() };
  await answers.bulkWrite([
    { replaceOne: { filter: { accountId: ACCOUNT, key }, replacement: answer, upsert: true } },
  ], { session });
  const entry = { action: 'create', actor: id, session: id, collection: 'invoices', record: id, fields: ['customerId', 'lines'] };
  await db.collection('audit').insertMany([{ accountId: ACCOUNT, number, at, entry }], { session });
  const digest = { invoices: { count: number, sum: 281_474_976_710_655 } };
  await accounts.updateOne({ _id: ACCOUNT }, { $set: { clock: at, digest, numbers: {}, audited: number } }, { session });
  await session.commitTransaction();
}
