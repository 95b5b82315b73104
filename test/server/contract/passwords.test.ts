// The wire contract: which passwords may be set, by an owner or by oneself, and that older ones go on.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { resetPassword } from '../../../server/admin.ts';
import { secretOf } from '../../../server/auth.ts';
import { createPasswords } from '../../../server/passwords.ts';
import { assertError, type Reply } from '../../client.ts';
import { openStore, password, startServer, stores, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { cheapest, user } from '../samples.ts';

const codeIn = (reply: Reply, field: string): string | undefined => reply.body.error.fields?.[field]?.code;

for (const store of stores) {
  describe(`a new password, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const cases: readonly (readonly [password: string, code: string])[] = [
      ['12345678', 'too_short'], ['123456789', 'too_short'], ['ß'.repeat(513), 'too_long'],
      ['1234567890', 'common_password'], ['QwertyUiop', 'common_password'], ['ｐａｓｓｗｏｒｄ１２３', 'common_password'],
      ['bookkeeping', 'own_address'], ['BookKeeping@First.test', 'own_address'],
    ];

    test('is refused on creation, on a change and from its user if it is short, common or the user\'s address', async () => {
      const email = 'Bookkeeping@first.test';
      for (const [bad, code] of cases) {
        const reply = await server.owner.post('/api/users', user(email, { password: bad }));
        assertError(reply, 'invalid_request', ['password']);
        assert.equal(codeIn(reply, 'password'), code, bad);
      }
      const { id, updatedAt } = await server.owner.create('users', user(email, { password }));
      const self = await server.client.login(email, password);
      for (const [bad, code] of cases) {
        const byOwner = await server.owner.patch(`/api/users/${id}`, updatedAt, { password: bad });
        assertError(byOwner, 'invalid_request', ['password']);
        assert.equal(codeIn(byOwner, 'password'), code, bad);
        const byUser = await self.post('/api/auth/password', { current: password, next: bad });
        assertError(byUser, 'invalid_request', ['next']);
        assert.equal(codeIn(byUser, 'next'), code, bad);
      }
      assert.equal((await self.get('/api/auth/me')).status, 200);
      await server.client.login(email, password);
    });

    test('may be the address of somebody else, and is checked against the address that comes with it', async () => {
      const { id, updatedAt } = await server.owner.create('users', user('second@first.test', { password: 'bookkeeping' }));
      const address = 'accounting-office';
      const both = await server.owner.patch(`/api/users/${id}`, updatedAt, { email: `${address}@first.test`, password: address });
      assertError(both, 'invalid_request', ['password']);
    });

    test('does not matter to an older one, which still signs in', async () => {
      const { id } = await server.owner.create('users', user('older@first.test'));
      const secret = secretOf(await createPasswords(cheapest).hash('12345678'));
      const database = await openStore(server, () => server.clock.ms);
      const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
      await database.write(accountId, async (transaction) => {
        const record = await transaction.get('users', id);
        assert(record);
        transaction.put('users', id, { ...record, secret }, record);
      });
      await database.close();
      const self = await server.client.login('older@first.test', '12345678');
      assert.equal((await self.post('/api/auth/password', { current: '12345678', next: password })).status, 200);
      await server.client.login('older@first.test', password);
    });

    test('comes with the feed as a change that the digest counts, from its user and from an administrator', async () => {
      const email = 'changing@first.test';
      await server.owner.create('users', user(email, { password }));
      const self = await server.client.login(email, password);
      const start = (await server.owner.pull()).body.serverTime;
      assert.equal((await self.post('/api/auth/password', { current: password, next: `${password} 2` })).status, 200);
      const afterOwn = (await server.owner.pull(`?since=${start}`)).body;
      assert.deepEqual(afterOwn.changes.map(({ mongoId }) => mongoId), [self.userId]);
      const database = await openStore(server, () => server.clock.ms);
      await resetPassword(database, createPasswords(cheapest), email, `${password} 3`);
      await database.close();
      assert.equal((await server.owner.pull(`?since=${afterOwn.serverTime}`)).body.count, 1);
      const { pages: [whole], last } = await server.owner.pullAll('limit=5000');
      const cache = new NaiveCache();
      if (whole) cache.apply(whole);
      assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
    });
  });
}
