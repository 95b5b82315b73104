// Writes: only while the server answers, applied once however often they are sent, and back through the pull that follows.

import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';

import type { JsonObject } from '../../shared/fields.ts';
import { faults, type Call, type Fault } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { stores } from '../server/harness.ts';
import { customer, invoice, plan } from '../server/samples.ts';
import { openBooks, type Books } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';

let site: Site;
before(async () => {
  const [embedded] = stores;
  assert(embedded);
  site = await openSite(embedded);
});
after(() => site.stop());

async function synced(t: TestContext): Promise<{ books: Books; desk: Desk }> {
  const books = await openBooks(site);
  const desk = await openDesk(t, { url: site.server.url, token: books.owner.token });
  await desk.sync();
  return { books, desk };
}

const fields = (input: object): JsonObject => input as JsonObject;

/** The first record of a collection, as the desk's list shows it. */
async function first(desk: Desk, collection: string): Promise<{ id: string; updatedAt: string }> {
  const { rows: [row] } = await desk.host.listPage({ collection });
  assert(row);
  return row;
}

/** Breaks the first `count` writes with this method. */
function breakFirst(method: string, count: number, fault: Fault): (call: Call) => Fault | null {
  let left = count;
  return (call) => call.method === method && call.path !== '/api/auth/refresh' && left-- > 0 ? fault : null;
}

describe('a write', () => {
  test('of any kind is on the server and in the cache when it returns', async (t) => {
    const { books, desk } = await synced(t);
    const { host } = desk;
    const added = await host.records.create('customers', fields(customer({ name: 'Added here' })));
    assert.equal((await host.getRecord('customers', added.id))?.payload['name'], 'Added here');
    const changed = await host.records.update('customers', added.id, added.updatedAt, { name: 'Changed here' });
    assert.equal((await host.getRecord('customers', added.id))?.updatedAt, changed.updatedAt);
    const draft = await host.records.create('invoices', fields(invoice(added.id)));
    const sent = await host.records.act('invoices', draft.id, 'send', draft.updatedAt);
    await host.records.act('invoices', draft.id, 'payments', sent.updatedAt, { amountMinor: 100, paidOn: '2026-03-01' });
    assert.equal((await host.getRecord('invoices', draft.id))?.payload['paidMinor'], 100);
    const second = await host.records.create('plans', fields(plan()));
    await host.records.remove('plans', second.id, second.updatedAt);
    assert.equal(await host.getRecord('plans', second.id), null);
    await assertExact(desk, books.owner.client);
  });

  test('is rejected without a request while the server is unreachable', async (t) => {
    const { desk } = await synced(t);
    const plans = await first(desk, 'plans');
    desk.network.plan(() => faults.refused);
    await desk.host.pullFromServer();
    const asked = desk.network.calls.length;
    for (const write of [
      desk.host.records.create('plans', fields(plan())),
      desk.host.records.update('plans', plans.id, plans.updatedAt, { name: 'Changed' }),
      desk.host.records.remove('plans', plans.id, plans.updatedAt),
      desk.host.records.act('invoices', plans.id, 'send', plans.updatedAt),
    ]) assert.match((await assertRejects(write, 'offline')).message, /^Internet connection required/);
    assert.equal(desk.network.calls.length, asked);
  });

  test('is rejected without a request before the first contact with the server, and when signed out', async (t) => {
    const { desk } = await synced(t);
    await desk.reopen();
    const asked = desk.network.calls.length;
    await assertRejects(desk.host.records.create('plans', fields(plan())), 'offline');
    await desk.host.signOut();
    await assertRejects(desk.host.records.create('plans', fields(plan())), 'signed_out');
    assert.deepEqual(desk.network.calls.slice(asked).map(({ path }) => path), ['/api/auth/logout']);
  });

  test('that the server rejects says why, and pulls what others have changed', async (t) => {
    const { books, desk } = await synced(t);
    const old = await first(desk, 'plans');
    const { updatedAt } = await books.change('plans', old.id, { name: 'Someone else was quicker' });
    const error = await assertRejects(desk.host.records.update('plans', old.id, old.updatedAt, { name: 'Mine' }), 'precondition_failed');
    const current = error.details.current as { id: string; updatedAt: string; payload: JsonObject };
    assert.deepEqual([current.id, current.updatedAt, current.payload['name']], [old.id, updatedAt, 'Someone else was quicker']);
    await desk.idle();
    assert.equal((await desk.host.getRecord('plans', old.id))?.updatedAt, updatedAt);
    const invalid = await assertRejects(desk.host.records.create('plans', fields(plan({ priceMinor: -1 }))), 'invalid_request');
    assert.deepEqual(Object.keys(invalid.details.fields ?? {}), ['priceMinor']);
    const billed = await first(desk, 'customers');
    const busy = await assertRejects(desk.host.records.remove('customers', billed.id, billed.updatedAt), 'conflict');
    assert.match(busy.message, /invoices/);
  });

  test('with a hostile collection or id reaches no other server and is not found', async (t) => {
    const { desk } = await synced(t);
    await assertRejects(desk.host.records.create('../auth/logout', {}), 'not_found');
    await assertRejects(desk.host.records.remove('plans', '../../auth/logout', '2026-01-01T00:00:00Z'), 'not_found');
    await desk.sync();
  });
});

describe('a write whose response is lost', () => {
  test('is repeated with the same key and applied once', async (t) => {
    for (const fault of ['answerLost', 'resetInBody', 'stalledInBody'] as const) {
      const { books, desk } = await synced(t);
      desk.network.plan(breakFirst('POST', 3, faults[fault]));
      const { id } = await desk.host.records.create('plans', fields(plan({ name: 'Once' })));
      const posts = desk.network.calls.filter(({ method, path }) => method === 'POST' && path === '/api/plans');
      assert.equal(posts.length, 4);
      assert.equal(new Set(posts.map(({ headers }) => headers.get('idempotency-key'))).size, 1);
      const { changes } = await books.owner.client.pullAll();
      assert.deepEqual(changes.filter(({ payload }) => payload?.['name'] === 'Once').map(({ mongoId }) => mongoId), [id]);
      await assertExact(desk, books.owner.client);
    }
  });

  test('every time has an unknown outcome, and appears in the cache after the next pull', async (t) => {
    const { books, desk } = await synced(t);
    desk.network.plan(breakFirst('POST', Infinity, faults.answerLost));
    await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Perhaps' }))), 'outcome_unknown');
    desk.network.plan(null);
    await desk.sync();
    assert.equal((await desk.host.listPage({ collection: 'plans', search: 'Perhaps' })).total, 1);
    await assertExact(desk, books.owner.client);
  });

  test('also has an unknown outcome if only its retries were answered, unprocessed', async (t) => {
    for (const later of ['internal', 'unavailable', 'tooManyRequests'] as const) {
      const { desk } = await synced(t);
      let sent = 0;
      desk.network.plan(({ path }) => {
        if (path !== '/api/plans') return null;
        sent += 1;
        return sent === 1 ? faults.answerLost : faults[later];
      });
      await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Perhaps' }))), 'outcome_unknown');
    }
  });

  test('is not repeated if it depends on a version', async (t) => {
    const { books, desk } = await synced(t);
    const record = await first(desk, 'plans');
    desk.network.plan(breakFirst('PATCH', 1, faults.answerLost));
    await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Done all the same' }), 'outcome_unknown');
    assert.equal(desk.network.calls.filter(({ method }) => method === 'PATCH').length, 1);
    await desk.idle();
    assert.equal((await desk.host.getRecord('plans', record.id))?.payload['name'], 'Done all the same');
    await assertExact(desk, books.owner.client);
  });

  test('has an unknown outcome if a proxy answered instead of the server', async (t) => {
    for (const fault of ['captivePortal', 'garbage', 'truncated', 'empty'] as const) {
      const { desk } = await synced(t);
      const record = await first(desk, 'plans');
      desk.network.plan(breakFirst('PATCH', 1, faults[fault]));
      await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Perhaps' }), 'outcome_unknown');
    }
  });

  test('is applied once if it is an action, although the first attempt used up its version', async (t) => {
    const { books, desk } = await synced(t);
    const draft = await first(desk, 'invoices');
    desk.network.plan(breakFirst('POST', 2, faults.answerLost));
    const sent = await desk.host.records.act('invoices', draft.id, 'send', draft.updatedAt);
    assert.equal(sent.payload?.['status'], 'sent');
    assert.equal(sent.payload?.['number'], 'INV-2026-00001');
    await assertExact(desk, books.owner.client);
  });
});

test('a session that ends during a write asks to sign in again', async (t) => {
  const { books, desk } = await synced(t);
  const record = await first(desk, 'plans');
  await books.owner.client.post('/api/auth/logout');
  await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Too late' }), 'unauthorized');
  assert.equal((await desk.until(({ state }) => state === 'session_expired')).error?.code, 'signed_out');
});
