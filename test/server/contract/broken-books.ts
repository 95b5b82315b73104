// An account that a test breaks, as somebody with a shell would, and `node server.ts verify` on it.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';

import { MongoClient, type Db } from 'mongodb';

import { parseVerify, runVerify } from '../../../server/verify-command.ts';
import { openStore, startServer, type Installation, type TestServer, type TestStore } from '../harness.ts';
import { customer, invoice, plan } from '../samples.ts';

export interface Books {
  readonly server: TestServer;
  readonly accountId: string;
  readonly ids: { readonly plan: string; readonly spare: string; readonly customer: string; readonly invoice: string };
}

/** An account with an owner, two plans, a customer and an invoice that was sent. */
export async function openBooks(t: TestContext, store: TestStore): Promise<Books> {
  const server = await startServer(store);
  t.after(() => server.stop());
  const { owner } = server;
  const { id: planId } = await owner.create('plans', plan());
  const { id: spareId } = await owner.create('plans', plan({ name: 'Spare' }));
  const { id: customerId } = await owner.create('customers', customer({ planId }));
  const draft = await owner.create('invoices', invoice(customerId));
  await owner.act(draft, 'issue');
  const { user } = (await owner.get('/api/auth/me')).body;
  return { server, accountId: user.accountId, ids: { plan: planId, spare: spareId, customer: customerId, invoice: draft.id } };
}

/** Runs the command in this process, by the server's clock; as if killed after some of its writes. */
export async function verify(
  { killAfter = Infinity, ...server }: TestServer & { readonly killAfter?: number }, ...args: readonly string[]
): Promise<{ code: number; text: string }> {
  const store = await openStore(server, () => server.clock.ms);
  const mend = store.mend.bind(store);
  let writes = 0;
  store.mend = (accountId, change) => {
    writes += 1;
    return writes > killAfter ? Promise.reject(new Error('killed')) : mend(accountId, change);
  };
  try {
    const lines: string[] = [];
    const code = await runVerify(store, parseVerify(args), { nowMs: () => server.clock.ms, write: (line) => void lines.push(line) });
    return { code, text: lines.join('') };
  } finally {
    await store.close();
  }
}

/** Changes the database as somebody with a shell would. */
export async function edit(
  { env, folder }: Installation, edits: { embedded(db: DatabaseSync): void; mongodb(db: Db): Promise<void> },
): Promise<void> {
  const { MONGODB_URL, MONGODB_DB } = env;
  if (MONGODB_URL === undefined) {
    using db = new DatabaseSync(join(folder, 'invoify.sqlite'), { timeout: 5000 });
    edits.embedded(db);
    return;
  }
  await using client = await new MongoClient(MONGODB_URL).connect();
  await edits.mongodb(client.db(MONGODB_DB));
}
