// Writes: only while the server answers, readable as soon as they are acknowledged, and in the cache after the pull that
// follows.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { findCollection } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { ListQuery } from '../../shared/window/views.ts';
import { faults } from '../network.ts';
import { assertRejects } from '../server/store/fixture.ts';
import { embedded } from '../server/harness.ts';
import { customer, invoice, plan, user } from '../server/samples.ts';
import { openBooks } from '../sync/books.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { assertExact } from '../sync/exact.ts';
import { openSite, type Site } from '../sync/site.ts';
import { firstRow, openSynced } from '../sync/synced.ts';
import { optionsOf } from '../../ui/record/field-kinds.ts';
import { formatMoney } from '../../ui/text/format.ts';
import { parseMoney } from '../../ui/text/number-text.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

const fields = (input: object): JsonObject => input as JsonObject;

describe('a write', () => {
  test('of any kind is on the server when it returns, and soon in the cache', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const added = await host.records.create('customers', fields(customer({ name: 'Added here' })));
    assert.equal((await host.data.getRecord('customers', added.id))?.payload['name'], 'Added here');
    const changed = await host.records.update('customers', added.id, added.updatedAt, { name: 'Changed here' });
    assert.equal((await host.data.getRecord('customers', added.id))?.updatedAt, changed.updatedAt);
    const draft = await host.records.create('invoices', fields(invoice(added.id)));
    const issued = await host.records.act('invoices', draft.id, 'issue', draft.updatedAt);
    await host.records.act('invoices', draft.id, 'payments', issued.updatedAt, { amountMinor: 100, paidOn: '2026-03-01' });
    const paid = await host.data.getRecord('invoices', draft.id) ?? assert.fail();
    assert.equal(paid.payload['paidMinor'], 100);
    const [payment] = paid.payload['payments'] as readonly { readonly id: string }[];
    const unpaid = await host.records.removeEntry('invoices', draft.id, 'payments', payment?.id ?? '', paid.updatedAt);
    const credit = await host.records.act('invoices', draft.id, 'credit', unpaid.updatedAt);
    await host.records.act('invoices', credit.id, 'issue', credit.updatedAt);
    assert.match(String((await host.data.getRecord('invoices', credit.id))?.payload['number']), /^CN-\d{4}-00001$/);
    const second = await host.records.create('plans', fields(plan()));
    await host.records.remove('plans', second.id, second.updatedAt);
    assert.equal(await host.data.getRecord('plans', second.id), null);
    await desk.idle();
    await assertExact(desk, books.owner.client);
  });

  test('is in any currency that the window offers, whatever this runtime knows of it', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const offered = optionsOf({ kind: 'currency' }, (value) => value).map(({ value }) => value);
    for (const currency of ['XCG', 'VED', 'CLF', 'CHE']) {
      assert(offered.includes(currency), currency);
      const { id } = await host.records.create('customers', fields(customer({ currency })));
      const priceMinor = parseMoney(formatMoney(1_234_567, currency), currency);
      const priced = await host.records.create('plans', fields(plan({ currency, priceMinor })));
      assert.equal((await host.data.getRecord('plans', priced.id))?.payload['priceMinor'], 1_234_567);
      const draft = await host.records.create('invoices', fields(invoice(id, { currency })));
      await host.records.act('invoices', draft.id, 'issue', draft.updatedAt);
    }
    await desk.idle();
    await assertExact(desk, books.owner.client);
  });

  test('is rejected without a request while the server is unreachable', async (t) => {
    const { desk } = await openSynced(t, site);
    const plans = await firstRow(desk, 'plans');
    desk.network.plan(() => faults.refused);
    await desk.host.pullFromServer();
    const asked = desk.network.calls.length;
    for (const write of [
      desk.host.records.create('plans', fields(plan())),
      desk.host.records.update('plans', plans.id, plans.updatedAt, { name: 'Changed' }),
      desk.host.records.remove('plans', plans.id, plans.updatedAt),
      desk.host.records.act('invoices', plans.id, 'issue', plans.updatedAt),
    ]) assert.match((await assertRejects(write, 'offline')).message, /^No connection to the server/);
    assert.equal(desk.network.calls.length, asked);
  });

  test('is rejected without a request before the first contact with the server, and when signed out', async (t) => {
    const { desk } = await openSynced(t, site);
    await desk.reopen();
    const asked = desk.network.calls.length;
    await assertRejects(desk.host.records.create('plans', fields(plan())), 'offline');
    await desk.host.signOut();
    await assertRejects(desk.host.records.create('plans', fields(plan())), 'signed_out');
    assert.deepEqual(desk.network.calls.slice(asked).filter(({ path }) => path.startsWith('/api/plans')), []);
  });

  test('that the server rejects says why, and pulls what others have changed', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const old = await firstRow(desk, 'plans');
    const { updatedAt } = await books.change('plans', old.id, { name: 'Someone else was quicker' });
    const error = await assertRejects(desk.host.records.update('plans', old.id, old.updatedAt, { name: 'Mine' }), 'precondition_failed');
    const current = error.details.current as { id: string; updatedAt: string; payload: JsonObject };
    assert.deepEqual([current.id, current.updatedAt, current.payload['name']], [old.id, updatedAt, 'Someone else was quicker']);
    await desk.idle();
    assert.equal((await desk.host.data.getRecord('plans', old.id))?.updatedAt, updatedAt);
    const invalid = await assertRejects(desk.host.records.create('plans', fields(plan({ priceMinor: -1 }))), 'invalid_request');
    assert.deepEqual(Object.keys(invalid.details.fields ?? {}), ['priceMinor']);
    const billed = await firstRow(desk, 'customers');
    const busy = await assertRejects(desk.host.records.remove('customers', billed.id, billed.updatedAt), 'conflict');
    assert.match(busy.message, /invoices/);
  });

  test('with a hostile collection or id reaches no other address and is refused', async (t) => {
    const { desk } = await openSynced(t, site);
    await assertRejects(desk.host.records.create('../auth/logout', {}), 'invalid_request');
    await assertRejects(desk.host.records.remove('plans', '../../auth/logout', '2026-01-01T00:00:00Z'), 'invalid_request');
    await desk.sync();
  });
});

describe('a write that the server has acknowledged', () => {
  /** No pull ends from now on, until it is cancelled. */
  function holdPulls(desk: Desk): void {
    desk.network.plan(({ page }) => page === null ? null : faults.silent);
  }

  /** Lets pulls through again, and ends with a completed one. */
  async function releasePulls(desk: Desk): Promise<void> {
    desk.network.plan(null);
    await desk.host.cancelPull();
    await desk.sync();
  }

  test('is answered during a first sync, which may take as long as it likes', async (t) => {
    const books = await openBooks(site);
    const desk = await openDesk(t, { url: site.server.url, token: books.owner.token, pageLimit: () => 2 });
    desk.network.plan(({ page }) => page === 1 ? faults.silent : null);
    void desk.host.pullFromServer();
    await desk.until(({ progress }) => progress?.changes === 2);
    const { id, updatedAt } = await desk.host.records.create('plans', fields(plan({ name: 'Before the rest' })));
    assert.equal((await desk.host.getStatus()).state, 'first_sync');
    assert.equal((await desk.host.data.getRecord('plans', id))?.updatedAt, updatedAt);
    await releasePulls(desk);
    await assertExact(desk, books.owner.client);
  });

  test('is answered although the server then vanishes', async (t) => {
    const { desk } = await openSynced(t, site);
    desk.network.plan(({ method, path }) => method === 'POST' && path === '/api/plans' ? null : faults.stalled);
    const { id } = await desk.host.records.create('plans', fields(plan({ name: 'Just in time' })));
    assert.equal((await desk.host.data.getRecord('plans', id))?.payload['name'], 'Just in time');
  });

  test('is what detail and list show before any pull, exactly as the cache will', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const member = await books.create('users', user('member@writes.test'));
    await desk.sync();
    const shown = async (collection: string, id: string) => {
      const row = (await host.data.listPage({ collection })).rows.find((one) => one.id === id);
      // What a customer owes is added up once the invoices have been pulled.
      const { balances = [] } = findCollection(collection) ?? {};
      const columns = Object.entries(row?.columns ?? {}).filter(([name]) => !balances.some((balance) => balance.name === name));
      return [await host.data.getRecord(collection, id), row && { ...row, columns: Object.fromEntries(columns) }] as const;
    };
    const [plans, customers, draft] = [await firstRow(desk, 'plans'), await firstRow(desk, 'customers'), await firstRow(desk, 'invoices')];
    holdPulls(desk);
    await host.records.update('plans', plans.id, plans.updatedAt, { name: 'Später', priceMinor: 1, interval: 'year', active: false });
    await host.records.update('customers', customers.id, customers.updatedAt, { name: 'Łódź', email: 'a@b.example', planId: plans.id });
    await host.records.update('users', member.id, member.updatedAt, { disabled: true, role: 'editor', password: 'correct horse battery' });
    const issued = await host.records.act('invoices', draft.id, 'issue', draft.updatedAt);
    await host.records.act('invoices', draft.id, 'payments', issued.updatedAt, { amountMinor: 100, paidOn: '2026-03-01' });
    const written = [['plans', plans.id], ['customers', customers.id], ['users', member.id], ['invoices', draft.id]] as const;
    const before = await Promise.all(written.map(([collection, id]) => shown(collection, id)));
    assert.deepEqual(before.map(([, row]) => (row?.columns ?? {})).map(({ name, openMinor }) => name ?? openMinor),
      ['Später', 'Łódź', 'Someone', 11_800]);
    await releasePulls(desk);
    assert.deepEqual(before, await Promise.all(written.map(([collection, id]) => shown(collection, id))));
    await assertExact(desk, books.owner.client);
  });

  test('is no longer read or listed if it deletes', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const added = await books.addPlans(3);
    await desk.sync();
    holdPulls(desk);
    const [kept, gone] = added;
    assert(kept && gone);
    const lists: readonly ListQuery[] = [
      { collection: 'plans' }, { collection: 'plans', search: 'plan' }, { collection: 'plans', filters: { active: true } },
      { collection: 'plans', search: 'plan', filters: { currency: 'EUR' }, sort: { column: 'priceMinor', descending: true } },
    ];
    const totals = async (): Promise<number[]> => Promise.all(lists.map(async (query) => {
      const { rows, total } = await host.data.listPage(query);
      assert(rows.length === total && rows.every(({ id }) => id !== gone.id));
      return total;
    }));
    await host.records.remove('plans', gone.id, gone.updatedAt);
    assert.equal(await host.data.getRecord('plans', gone.id), null);
    assert.notEqual(await host.data.getRecord('plans', kept.id), null);
    assert.deepEqual(await totals(), [3, 2, 3, 2]);
    await releasePulls(desk);
    assert.deepEqual(await totals(), [3, 2, 3, 2]);
  });

  test('makes the window read again, unless a pull has brought it soon', async (t) => {
    const { desk } = await openSynced(t, site);
    const { writes } = await desk.host.getStatus();
    desk.timers.hold(true);
    await desk.host.records.create('plans', fields(plan()));
    await desk.idle();
    desk.timers.hold(false);
    await nextTurn();
    assert.equal((await desk.host.getStatus()).writes, writes);
    holdPulls(desk);
    const reread = desk.until((status) => status.writes === writes + 1);
    await desk.host.records.create('plans', fields(plan()));
    await reread;
  });

  test('gives way to the cache once a pull has passed it', async (t) => {
    const { books, desk } = await openSynced(t, site);
    holdPulls(desk);
    const { id, updatedAt } = await desk.host.records.create('plans', fields(plan()));
    await books.owner.client.patch(`/api/plans/${id}`, updatedAt, { name: 'A colleague\'s' });
    await releasePulls(desk);
    assert.equal((await desk.host.data.getRecord('plans', id))?.payload['name'], 'A colleague\'s');
  });

  test('is not read by the next user, or after a reset', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    for (const leave of [() => host.resetLocalData(), async () => host.setAuthToken((await books.owner.hire('viewer')).token)]) {
      holdPulls(desk);
      const { id } = await host.records.create('plans', fields(plan()));
      await leave();
      assert.equal(await host.data.getRecord('plans', id), null);
      await releasePulls(desk);
      assert.notEqual(await host.data.getRecord('plans', id), null);
    }
  });
});

test('a session that ends during a write asks to sign in again', async (t) => {
  const { books, desk } = await openSynced(t, site);
  const record = await firstRow(desk, 'plans');
  await books.owner.client.post('/api/auth/logout');
  await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Too late' }), 'unauthorized');
  desk.timers.passSilence();
  assert.equal((await desk.until(({ state }) => state === 'session_expired')).error?.code, 'signed_out');
});
