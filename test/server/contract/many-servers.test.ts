// The wire contract with several server processes on one MongoDB: they share only the database and the signing secret,
// and a client cannot tell which of them responds.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { assertError, createClient, type Client, type Reply } from '../../client.ts';
import { openEvents } from './event-stream.ts';
import { firstOwner, password, prepare, spawnServer, stores, type Installation, type ServerProcess } from '../harness.ts';
import { customer, invoice, plan, user } from '../samples.ts';

const [, mongodb = { kind: 'mongodb', skip: 'there is no MongoDB' }] = stores;

describe('two server processes on one MongoDB', { skip: mongodb.skip }, () => {
  let installation: Installation;
  let processes: ServerProcess[] = [];
  let owners: readonly [Client, Client];
  before(async () => {
    installation = await prepare(mongodb, { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password });
    // Both find an empty database and try to create the first account.
    processes = await Promise.all([spawnServer(installation.env), spawnServer(installation.env)]);
    const [first, second] = processes.map(({ url }) => {
      const agent = new Agent({ keepAlive: true });
      return createClient(() => ({ url, agent }));
    });
    assert.ok(first && second);
    const signedIn = await first.login(firstOwner, password);
    owners = [signedIn, second.as(signedIn.token, signedIn.userId)];
  });
  after(async () => {
    await Promise.all(processes.map((one) => one.end()));
    await installation.remove();
  });

  test('create the first account once', async () => {
    const [first, second] = await Promise.all(owners.map((owner) => owner.pull()));
    assert.deepEqual(first?.body.changes.map(({ collection, payload }) => [collection, payload?.['email']]), [
      ['company', undefined], ['users', firstOwner],
    ]);
    assert.equal(second?.text, first?.text);
  });

  test('accept each other\'s tokens and refuse one that was revoked at the other', async () => {
    const other = await owners[1].as(null).login(firstOwner, password);
    const here = owners[0].as(other.token);
    assert.equal((await here.get('/api/auth/me')).status, 200);
    await other.post('/api/auth/logout');
    assertError(await here.get('/api/auth/me'), 'unauthorized');
  });

  test('include each other\'s writes in the next pull, in one order', async () => {
    const { serverTime } = (await owners[0].pull()).body;
    const ids: string[] = [];
    for (let round = 0; round < 6; round += 1) ids.push((await (owners[round % 2] ?? owners[0]).create('plans', plan())).id);
    for (const owner of owners) {
      assert.deepEqual((await owner.pull(`?since=${serverTime}`)).body.changes.map(({ mongoId }) => mongoId), ids);
    }
  });

  test('send nudges for each other\'s writes', async (t) => {
    const streams = await Promise.all(processes.map(({ url }) => openEvents(url, owners[0].token)));
    t.after(() => streams.forEach((stream) => stream.close()));
    for (const stream of streams) await stream.clock();
    for (let round = 0; round < 4; round += 1) {
      const { updatedAt } = await (owners[round % 2] ?? owners[0]).create('plans', plan());
      for (const stream of streams) assert.equal((await stream.clocksUntil(updatedAt)).at(-1), updatedAt);
    }
  });

  test('end the event streams of a user who was disabled at the other', async () => {
    const leaver = await owners[0].create('users', user('leaver@first.test', { password }));
    const { token } = await owners[0].as(null).login('leaver@first.test', password);
    const streams = await Promise.all(processes.map(({ url }) => openEvents(url, token)));
    await owners[0].patch(`/api/users/${leaver.id}`, leaver.updatedAt, { disabled: true });
    for (const stream of streams) assert.equal((await stream.end()).isWhole, true);
  });

  test('refuse a version that was outdated at the other', async () => {
    const { id, updatedAt } = await owners[0].create('plans', plan());
    const replies = await Promise.all(owners.map((owner, index) => owner.patch(`/api/plans/${id}`, updatedAt, { name: `By ${index}` })));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 412]);
  });

  test('carry out one idempotency key once', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, (_, index) =>
      (owners[index % 2] ?? owners[0]).post('/api/plans', plan({ name: 'Once' }), { 'Idempotency-Key': 'at-both' })));
    assert.equal(new Set(replies.map(({ text }) => text)).size, 1);
    assert.equal(replies[0]?.status, 201);
  });

  test('assign numbers without gaps or repeats', async () => {
    const buyer = await owners[0].create('customers', customer());
    const drafts = await Promise.all(Array.from({ length: 20 }, () => owners[0].create('invoices', invoice(buyer.id))));
    const replies: Reply[] = await Promise.all(drafts.map(({ id, updatedAt }, index) =>
      (owners[index % 2] ?? owners[0]).post(`/api/invoices/${id}/issue`, undefined, { 'If-Match': `"${updatedAt}"` })));
    const numbers = replies.map(({ body }) => body.record.payload['number']).sort();
    assert.deepEqual(numbers, Array.from({ length: 20 }, (_, index) => `INV-2026-${String(index + 1).padStart(5, '0')}`));
  });

  test('credit an invoice once, with one number, when credit notes over the whole are issued at both', async () => {
    const buyer = await owners[0].create('customers', customer());
    const open = await owners[0].act(await owners[0].create('invoices', invoice(buyer.id)), 'issue');
    const drafts = await Promise.all(Array.from({ length: 6 }, (_, index) => (owners[index % 2] ?? owners[0]).act(open, 'credit')));
    const replies: Reply[] = await Promise.all(drafts.map(({ id, updatedAt }, index) =>
      (owners[index % 2] ?? owners[0]).post(`/api/invoices/${id}/issue`, undefined, { 'If-Match': `"${updatedAt}"` })));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 409, 409, 409, 409, 409]);
    const { number, issueDate } = replies.find(({ status }) => status === 200)?.body.record.payload ?? {};
    assert.equal(number, `CN-${String(issueDate).slice(0, 4)}-00001`);
    const { status, creditedMinor, totalMinor } = (await owners[1].read('invoices', open.id)).payload;
    assert.deepEqual([status, creditedMinor], ['paid', totalMinor]);
  });

  test('give an e-mail address to only one of two users', async () => {
    const replies = await Promise.all(owners.map((owner) => owner.post('/api/users', user('both@first.test'))));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [201, 409]);
  });
});
