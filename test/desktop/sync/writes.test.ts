// Writes over a network and through middlemen that lose, replace or mix up answers: applied once, whatever their kind and
// however often they are sent, and reported as unknown rather than as failed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { JsonObject } from '../../../shared/fields.ts';
import type { WireRecord } from '../../../shared/protocol.ts';
import { faults, type Call, type Fault } from '../../network.ts';
import { embedded } from '../../server/harness.ts';
import { customer, invoice, line, plan, user } from '../../server/samples.ts';
import { assertRejects } from '../../server/store/fixture.ts';
import { openBooks } from '../../sync/books.ts';
import { openDesk, type Desk } from '../../sync/desk.ts';
import { assertExact } from '../../sync/exact.ts';
import { openSite, type Site } from '../../sync/site.ts';
import { firstRow, openSynced } from '../../sync/synced.ts';

let site: Site;
before(async () => {
  site = await openSite(embedded);
});
after(() => site.stop());

const fields = (input: object): JsonObject => input as JsonObject;

describe('a write without a word from the server about it', () => {
  const isWrite = ({ method, path }: Call): boolean => method !== 'GET' && !path.startsWith('/api/auth/');

  /** Breaks the first `count` writes. */
  function breakWrites(desk: Desk, count: number, fault: Fault): void {
    let left = count;
    desk.network.plan((call) => isWrite(call) && left-- > 0 ? fault : null);
  }

  /** The keys of the writes sent from the given request on. */
  const keysFrom = (desk: Desk, from: number): (string | null)[] =>
    desk.network.calls.slice(from).filter(isWrite).map(({ headers }) => headers.get('idempotency-key'));

  for (const fault of [
    'answerLost', 'resetInBody', 'stalledInBody', 'truncated', 'gatewayTimeout', 'badGateway', 'unavailableAfterwards', 'captivePortal',
    'garbage', 'empty',
  ] as const) {
    test(`is repeated with the same key and applied once: "${fault}"`, async (t) => {
      const { books, desk } = await openSynced(t, site);
      const { host } = desk;
      const seen = new Set<string | null>();
      const write = async (run: () => Promise<WireRecord>): Promise<WireRecord> => {
        breakWrites(desk, 2, faults[fault]);
        const from = desk.network.calls.length;
        const record = await run();
        const keys = keysFrom(desk, from);
        assert.equal(keys.length, 3);
        assert.equal(new Set(keys).size, 1);
        seen.add(keys[0] ?? null);
        return record;
      };
      const added = await write(() => host.records.create('plans', fields(plan({ name: 'Once' }))));
      const changed = await write(() => host.records.update('plans', added.id, added.updatedAt, { name: 'Twice' }));
      await write(() => host.records.remove('plans', added.id, changed.updatedAt));
      const draft = await firstRow(desk, 'invoices');
      const issued = await write(() => host.records.act('invoices', draft.id, 'issue', draft.updatedAt));
      assert.equal(issued.payload?.['number'], 'INV-2026-00001');
      assert.equal(seen.size, 4, 'no key is used for two writes');
      const { changes } = await books.owner.client.pullAll();
      assert.deepEqual(changes.filter(({ payload }) => ['Once', 'Twice'].includes(String(payload?.['name']))), []);
      await desk.idle();
      await assertExact(desk, books.owner.client);
    });
  }

  test('has an unknown outcome after the last attempt, and the next pull shows it', async (t) => {
    for (const fault of ['answerLost', 'gatewayTimeout', 'unavailableAfterwards'] as const) {
      const { books, desk } = await openSynced(t, site);
      const record = await firstRow(desk, 'plans');
      breakWrites(desk, Infinity, faults[fault]);
      await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Perhaps' }))), 'outcome_unknown');
      await desk.idle();
      desk.network.plan(null);
      await desk.sync();
      breakWrites(desk, Infinity, faults[fault]);
      await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Perhaps, too' }), 'outcome_unknown');
      desk.network.plan(null);
      await desk.sync();
      assert.equal((await desk.host.data.listPage({ collection: 'plans', search: 'Perhaps' })).total, 2);
      await assertExact(desk, books.owner.client);
    }
  });

  test('is applied once if a person tries again after an unknown outcome, a new sign-in or a restart', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { records } = desk.host;
    const twice = async (run: () => Promise<WireRecord>): Promise<WireRecord> => {
      breakWrites(desk, 4, faults.answerLost);
      await assertRejects(run(), 'outcome_unknown');
      await desk.idle();
      await desk.host.setAuthToken((await books.owner.signIn(books.owner.userId)).token);
      await desk.sync();
      return run();
    };
    const added = await twice(() => records.create('plans', fields(plan({ name: 'Once' }))));
    const changed = await twice(() => records.update('plans', added.id, added.updatedAt, { name: 'Changed once' }));
    await twice(() => records.remove('plans', added.id, changed.updatedAt));
    const key = 'the-key-of-a-form';
    breakWrites(desk, 4, faults.answerLost);
    await assertRejects(records.create('plans', fields(plan({ name: 'Kept' })), key), 'outcome_unknown');
    await desk.reopen();
    await desk.sync();
    await desk.host.records.create('plans', fields(plan({ name: 'Kept' })), key);
    await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Another' })), key), 'conflict');
    assert.equal((await books.owner.client.pullAll()).changes.filter(({ payload }) => payload?.['name'] === 'Kept').length, 1);
    const [one, other] = [await desk.host.records.create('plans', fields(plan())), await desk.host.records.create('plans', fields(plan()))];
    assert.notEqual(one.id, other.id, 'a key is not used again after an answer');
    assert.equal((await books.owner.client.pullAll()).changes.filter(({ payload }) => payload?.['name'] === 'Once').length, 0);
    await desk.idle();
    await assertExact(desk, books.owner.client);
  });

  test('has an unknown outcome even if the last attempts were answered, but not processed', async (t) => {
    for (const later of ['internal', 'unavailable', 'tooManyRequests', 'unauthorized'] as const) {
      const { desk } = await openSynced(t, site);
      let sent = 0;
      desk.network.plan((call) => {
        if (!isWrite(call)) return null;
        sent += 1;
        return sent === 1 ? faults.answerLost : faults[later];
      });
      await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Perhaps' }))), 'outcome_unknown');
    }
  });

  test('has an unknown outcome if it was sent twice at once, and the second time answered, but not processed', async (t) => {
    const { desk } = await openSynced(t, site);
    let sent = 0;
    desk.network.plan((call) => {
      if (!isWrite(call)) return null;
      sent += 1;
      return sent === 1 ? faults.reset : faults.internal;
    });
    await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Perhaps' }))), 'outcome_unknown');
    assert.equal(sent, 5, 'four attempts, the first of them twice');
  });

  test('is refused if the server then says so', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const record = await firstRow(desk, 'plans');
    await books.change('plans', record.id, { name: 'Someone else was quicker' });
    breakWrites(desk, 1, faults.badGateway);
    await assertRejects(desk.host.records.update('plans', record.id, record.updatedAt, { name: 'Mine' }), 'precondition_failed');
    breakWrites(desk, 1, faults.badGateway);
    await assertRejects(desk.host.records.create('plans', fields(plan({ priceMinor: -1 }))), 'invalid_request');
  });

  test('is not repeated once the desktop is closed', async (t) => {
    const { desk } = await openSynced(t, site);
    breakWrites(desk, Infinity, faults.badGateway);
    desk.timers.hold(true);
    const writing = assertRejects(desk.host.records.create('plans', fields(plan())), 'outcome_unknown');
    while (desk.timers.pauses.length === 0) await nextTurn();
    await desk.close();
    await writing;
  });

  test('is not read by the next user, where its answer arrives only then', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const next = await books.owner.hire('viewer');
    const [written, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    desk.network.plan((call) => isWrite(call) ? async ({ forward }) => {
      const answer = await forward();
      written.resolve();
      await released.promise;
      return answer;
    } : call.page === null ? null : faults.silent);
    const writing = desk.host.records.create('plans', fields(plan()));
    await written.promise;
    await desk.host.setAuthToken(next.token);
    released.resolve();
    const { id } = await writing;
    assert.equal(await desk.host.data.getRecord('plans', id), null);
    await desk.host.cancelPull();
  });

  test('has a key of its own for each user, although they write the same', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const next = await books.owner.hire('editor');
    const from = desk.network.calls.length;
    breakWrites(desk, 4, faults.answerLost);
    await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'The same' }))), 'outcome_unknown');
    await desk.host.setAuthToken(next.token);
    await desk.sync();
    await desk.host.records.create('plans', fields(plan({ name: 'The same' })));
    assert.deepEqual([keysFrom(desk, from).length, new Set(keysFrom(desk, from)).size], [5, 2]);
  });

  test('is still unknown if it is tried again and then refused for another reason', async (t) => {
    const { desk } = await openSynced(t, site);
    const create = (): Promise<WireRecord> => desk.host.records.create('plans', fields(plan({ name: 'Perhaps' })));
    breakWrites(desk, 4, faults.answerLost);
    await assertRejects(create(), 'outcome_unknown');
    await desk.sync();
    breakWrites(desk, 4, faults.unauthorized);
    await assertRejects(create(), 'outcome_unknown');
  });

  test('is not repeated for another user', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const other = await site.newAccount();
    const from = desk.network.calls.length;
    breakWrites(desk, Infinity, faults.badGateway);
    desk.timers.hold(true);
    const writing = assertRejects(desk.host.records.create('plans', fields(plan({ name: 'For one account' }))), 'outcome_unknown');
    while (desk.timers.pauses.length === 0) await nextTurn();
    await desk.host.setAuthToken(other.token);
    desk.network.plan(null);
    desk.timers.hold(false);
    await writing;
    await desk.sync();
    assert.equal(keysFrom(desk, from).length, 1);
    assert.equal((await desk.host.data.listPage({ collection: 'plans' })).total, 0);
    const { client } = await books.owner.signIn(books.owner.userId);
    assert.equal((await client.pullAll()).changes.filter(({ payload }) => payload?.['name'] === 'For one account').length, 0);
  });
});

describe('an answer to another request', () => {
  /** The next write gets this record as its answer, and the server none of it. */
  function answerNext(desk: Desk, record: unknown, times = 1): void {
    let left = times;
    desk.network.plan(({ method, path }) => method === 'GET' || path.startsWith('/api/auth/') || left-- <= 0 ? null
      : async () => Response.json({ success: true, record }));
  }

  test('is not taken for a record written, and the write is repeated', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const [other] = await books.addPlans(1);
    await desk.sync();
    answerNext(desk, other);
    const { id } = await host.records.create('plans', fields(plan({ name: 'Mine' })));
    assert.notEqual(id, other?.id);
    answerNext(desk, { ...other, updatedAt: 'now' });
    const record = await host.records.create('plans', fields(plan({ name: other?.payload['name'] })));
    for (const answer of [other, record, { ...record, payload: { ...record.payload, name: 'Mine' } }]) {
      const { updatedAt } = await host.data.getRecord('plans', record.id) ?? assert.fail();
      answerNext(desk, answer);
      await host.records.update('plans', record.id, updatedAt, { name: 'Mine', interval: 'year' });
    }
    const draft = await firstRow(desk, 'invoices');
    const { payload } = await host.data.getRecord('invoices', draft.id) ?? assert.fail();
    answerNext(desk, { ...draft, payload });
    const issued = await host.records.act('invoices', draft.id, 'issue', draft.updatedAt);
    assert.equal(issued.payload?.['status'], 'open');
    const latest = await host.data.getRecord('plans', record.id) ?? assert.fail();
    answerNext(desk, latest);
    await host.records.remove('plans', latest.id, latest.updatedAt);
    await desk.idle();
    await assertExact(desk, books.owner.client);
  });

  test('every time leaves the outcome unknown', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const [other] = await books.addPlans(1);
    answerNext(desk, other, Infinity);
    await assertRejects(desk.host.records.create('plans', fields(plan({ name: 'Mine' }))), 'outcome_unknown');
  });

  test('is not suspected in the answer to any write that may be sent', async (t) => {
    const { books, desk } = await openSynced(t, site);
    const { host } = desk;
    const text = ' kept as sent\u00a0\ud83e\uddfe ';
    const planned = await host.records.create('plans', fields(plan({ name: text, priceMinor: 0 })));
    const address = { street: text, city: null, country: 'AT' };
    const nothing = { contact: null, email: null, phone: null, vatId: null, planId: null, internalNote: null };
    const billed = await host.records.create('customers', fields(customer({ ...nothing, name: text, address })));
    const emptied = await host.records.update('customers', billed.id, billed.updatedAt, {
      address: { street: null, country: null }, planId: planned.id, internalNote: `${text}\n`, email: 'A@B.example',
    });
    await host.records.update('customers', billed.id, emptied.updatedAt, { address: null, planId: null });
    const member = await host.records.create('users', fields(user('Other.Member@Writes.test', { password: 'correct horse battery' })));
    await host.records.update('users', member.id, member.updatedAt, { password: 'another horse battery', disabled: true });
    const bare = { unit: null, quantityMilli: 0, unitPriceMinor: -0 };
    const draft = await host.records.create('invoices', fields(invoice(billed.id, { note: null, lines: [line(), line(bare)] })));
    const edited = await host.records.update('invoices', draft.id, draft.updatedAt, { lines: [fields(line({ unit: 'h' }))] });
    const issued = await host.records.act('invoices', draft.id, 'issue', edited.updatedAt);
    const noted = await host.records.update('invoices', draft.id, issued.updatedAt, { internalNote: text, dueDate: '2026-12-31' });
    await host.records.update('invoices', draft.id, noted.updatedAt, { internalNote: null });
    await desk.idle();
    assert.equal(desk.network.calls.filter(({ headers }) => headers.has('idempotency-key')).length, 11);
    await assertExact(desk, books.owner.client);
  });
});

test('a write on an idle connection that the server is just closing succeeds, and the server counts as reachable', async (t) => {
  const books = await openBooks(site);
  const relay = await openRelay(t, site.server.url);
  const desk = await openDesk(t, { url: relay.url, token: books.owner.token });
  await desk.sync();
  const { records } = desk.host;
  const from = desk.statuses.length;
  for (const how of ['destroy', 'resetAndDestroy'] as const) {
    const added = await records.create('plans', fields(plan({ name: 'Reused' })));
    await desk.idle();
    relay.closeReused(how);
    const changed = await records.update('plans', added.id, added.updatedAt, { name: 'Changed' });
    await desk.idle();
    relay.closeReused(how);
    await records.remove('plans', added.id, changed.updatedAt);
    await desk.idle();
    relay.closeReused(how);
    await records.create('plans', fields(plan({ name: `After ${how}` })));
    await desk.idle();
  }
  assert.equal(relay.closed, 6);
  assert(desk.statuses.slice(from).every(({ isOnline }) => isOnline));
  await assertExact(desk, books.owner.client);
});

/** A TCP relay that closes a connection just as its client uses it again. */
async function openRelay(t: TestContext, to: string): Promise<{
  readonly url: string;
  /** Applies to the next request on a connection that has been used before. */
  closeReused(how: 'destroy' | 'resetAndDestroy'): void;
  readonly closed: number;
}> {
  let next: 'destroy' | 'resetAndDestroy' | null = null;
  let closed = 0;
  const relay = createServer((socket) => {
    const upstream = connect(Number(new URL(to).port), '127.0.0.1');
    let isUsed = false;
    upstream.on('data', (chunk) => {
      isUsed = true;
      socket.write(chunk);
    });
    socket.on('data', (chunk) => {
      if (next === null || !isUsed) return void upstream.write(chunk);
      closed += 1;
      socket[next]();
      next = null;
    });
    for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
      one.on('error', () => undefined).on('close', () => other.destroy());
    }
    t.after(() => socket.destroy());
  });
  t.after(() => relay.close());
  await once(relay.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    closeReused: (how) => { next = how; },
    get closed() { return closed; },
  };
}
