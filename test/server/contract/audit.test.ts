// The wire contract: the audit trail says who changed which fields of which record, from where and when, and nothing else.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { prepareAdmin, resetPassword } from '../../../server/admin.ts';
import { createPasswords } from '../../../server/passwords.ts';
import { assertError, type Client } from '../../client.ts';
import { addAccount, hire, openStore, password, runServer, startServer, stores, type People, type TestServer } from '../harness.ts';
import { cheapest, customer, invoice, plan, user } from '../samples.ts';

interface Entry {
  readonly number: number;
  readonly at: string;
  readonly action: string;
  readonly actor: string;
  readonly email: string | null;
  readonly session: string | null;
  readonly peer: string | null;
  readonly request: string | null;
  readonly collection: string | null;
  readonly record: string | null;
  readonly fields: readonly string[];
}

interface Page {
  readonly entries: readonly Entry[];
  readonly hasMore: boolean;
  readonly epoch: string;
}

for (const store of stores) {
  describe(`the audit trail, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
    });
    after(() => server.stop());

    const page = async (query: string, client: Client = server.owner): Promise<Page> => {
      const reply = await client.get(`/api/audit${query}`);
      assert.equal(reply.status, 200, reply.text);
      return reply.body as unknown as Page;
    };
    /** Every entry after a number, in pages. */
    const entriesAfter = async (number: number, limit = 1000): Promise<Entry[]> => {
      const entries: Entry[] = [];
      for (let isLast = false; !isLast;) {
        const read = await page(`?after=${entries.at(-1)?.number ?? number}&limit=${limit}`);
        entries.push(...read.entries);
        isLast = !read.hasMore;
      }
      return entries;
    };
    const sessionsOf = async (client: Client): Promise<string[]> => {
      const { sessions } = (await client.get('/api/auth/sessions')).body as unknown as { sessions: { id: string }[] };
      return sessions.map(({ id }) => id);
    };
    const newest = async (): Promise<number> => (await entriesAfter(0)).at(-1)?.number ?? 0;

    test('has one entry for each change of a record: by whom, from where, which fields, and at its instant', async () => {
      const { editor, owner } = people;
      const start = await newest();
      const created = await editor.create('customers', customer({ name: 'a secret name' }));
      const changed = await editor.change('customers', created, { name: 'another secret', phone: '5555-1234' });
      const draft = await editor.create('invoices', invoice(created.id));
      const issued = await editor.act(draft, 'issue');
      const gone = await editor.create('plans', plan());
      const removed = await editor.send('DELETE', `/api/plans/${gone.id}`, {
        headers: { 'If-Match': `"${gone.updatedAt}"`, 'X-Request-Id': 'removal-of-a-plan' },
      });
      assert.equal(removed.status, 200);
      const entries = await entriesAfter(start);
      assert.deepEqual(entries.map(({ action, collection, record, at }) => [action, collection, record, at]), [
        ['create', 'customers', created.id, created.updatedAt],
        ['update', 'customers', created.id, changed.updatedAt],
        ['create', 'invoices', draft.id, draft.updatedAt],
        ['issue', 'invoices', draft.id, issued.updatedAt],
        ['create', 'plans', gone.id, gone.updatedAt],
        ['delete', 'plans', gone.id, removed.body.record.updatedAt],
      ]);
      assert.deepEqual(entries[1]?.fields, ['name', 'phone']);
      assert.deepEqual([...entries[3]?.fields ?? []].sort(), ['buyer', 'number', 'seller', 'status']);
      assert.deepEqual(entries[5]?.fields, []);
      assert.equal(entries[5]?.request, 'removal-of-a-plan');
      const [first] = entries;
      for (const { actor, email, session, peer } of entries) {
        assert.deepEqual({ actor, email, session, peer }, {
          actor: editor.userId, email: 'editor@first.test', session: first?.session, peer: '127.0.0.1',
        });
      }
      assert.doesNotMatch(JSON.stringify(entries), /secret|5555/);
      assert.deepEqual((await entriesAfter(start)), entries, 'reading leaves no entry');
      assert.notEqual((await page(`?after=${start}`, owner)).entries[0]?.session, null);
    });

    test('agrees with each record on who wrote it, by the name of that time, which everybody can read', async () => {
      const { editor, viewer } = people;
      const colleague = await server.owner.create('users', user('colleague@first.test', { name: 'Ada', role: 'editor', password }));
      const ada = await server.client.login('colleague@first.test', password);
      const [byAda, byEditor] = [{ id: ada.userId, name: 'Ada' }, { id: editor.userId, name: 'Someone' }];
      const author = async ({ id }: { readonly id: string }, collection = 'invoices'): Promise<unknown> =>
        (await viewer.read(collection, id)).payload['changedBy'];

      const buyer = await editor.create('customers', customer());
      assert.deepEqual([Object.keys(buyer.payload).at(-1), buyer.payload['changedBy']], ['changedBy', byEditor]);
      assert.deepEqual((await ada.change('customers', buyer, { phone: '1' })).payload['changedBy'], byAda);
      const stale = await editor.patch(`/api/customers/${buyer.id}`, buyer.updatedAt, { phone: '2' });
      assert.deepEqual(stale.body.error.current?.payload?.['changedBy'], byAda);

      const issued = await ada.act(await editor.create('invoices', invoice(buyer.id)), 'issue');
      assert.deepEqual(await author(issued), byAda);
      const note = await ada.act(issued, 'credit');
      await editor.act(note, 'issue');
      assert.deepEqual([await author(note), await author(issued)], [byEditor, byEditor], 'both records of a credit');

      await server.owner.change('users', colleague, { name: 'Ada Other', role: 'viewer' });
      assert.deepEqual(await author(buyer, 'customers'), byAda);
      const { payload } = await server.owner.read('users', colleague.id);
      assert.deepEqual(payload['changedBy'], { id: server.owner.userId, name: 'owner' });
      assert.equal((await ada.post('/api/auth/login', { email: 'colleague@first.test', password })).status, 200);
      assert.deepEqual((await server.owner.read('users', colleague.id)).payload, payload, 'signing in is no change');
    });

    test('has none for what was refused, and one for a write that is repeated under its key', async () => {
      const { editor, viewer } = people;
      const start = await newest();
      const key = { 'Idempotency-Key': 'audited-once' };
      const first = await editor.post('/api/plans', plan(), key);
      const again = await editor.post('/api/plans', plan(), key);
      assert.equal(again.text, first.text);
      await viewer.post('/api/plans', plan());
      await editor.post('/api/plans', {});
      await editor.patch(`/api/plans/${first.body.record.id}`, '2026-01-01T00:00:00Z', { name: 'stale' });
      assert.deepEqual((await entriesAfter(start)).map(({ action, record }) => [action, record]), [['create', first.body.record.id]]);
    });

    test('names a password that was set, and never has its value or its hash', async () => {
      const start = await newest();
      const someone = await server.owner.create('users', user('someone@first.test', { password }));
      const changed = await server.owner.change('users', someone, { password: `${password} 2`, role: 'editor' });
      await server.owner.change('users', changed, { name: 'Somebody' });
      const entries = await entriesAfter(start);
      assert.deepEqual(entries.map(({ fields }) => fields), [
        ['email', 'name', 'role', 'disabled', 'password'], ['role', 'password'], ['name'],
      ]);
      assert.doesNotMatch(JSON.stringify(entries), /argon|correct horse/);
    });

    test('has one for each sign-in, for each end of a session and for a user\'s own password', async () => {
      const email = 'comes.and.goes@first.test';
      const { id } = await server.owner.create('users', user(email, { role: 'editor', password }));
      const start = await newest();
      const laptop = await server.client.login(email, password);
      const desk = await server.client.login(email, password);
      assertError(await server.client.post('/api/auth/login', { email, password: 'not the password' }), 'unauthorized');
      assert.equal((await laptop.post('/api/auth/logout')).status, 200);
      const sessions = await sessionsOf(desk);
      assert.equal((await desk.post('/api/auth/password', { current: password, next: `${password} 2` })).status, 200);
      assert.deepEqual((await server.owner.read('users', id)).payload['changedBy'], { id, name: 'Someone' });
      assert.equal((await server.owner.send('DELETE', `/api/auth/sessions/${sessions[0]}`)).status, 200);
      assertError(await desk.get('/api/auth/me'), 'unauthorized');
      const entries = await entriesAfter(start);
      const first = entries[0]?.session;
      assert.deepEqual(entries.map(({ action, actor, session, collection, record, fields }) => [
        action, actor, session, collection, record, fields,
      ]), [
        ['sign-in', id, first, 'sessions', first, []],
        ['sign-in', id, sessions[0], 'sessions', sessions[0], []],
        ['sign-out', id, first, 'sessions', first, []],
        ['update', id, sessions[0], 'users', id, ['password']],
        ['session-ended', server.owner.userId, entries[4]?.session, 'sessions', sessions[0], []],
      ]);
      assert.notEqual(entries[4]?.session, sessions[0]);
    });

    test('begins with the command that created the account, by nobody of it', async () => {
      const entries = (await entriesAfter(0)).slice(0, 2);
      const common = { action: 'create', actor: 'admin', email: null, session: null, peer: null, request: null };
      const [company] = (await server.owner.pull()).body.changes.filter(({ collection }) => collection === 'company');
      assert.deepEqual(entries.map(({ at: _at, ...entry }) => entry), [
        { ...common, number: 1, collection: 'company', record: company?.mongoId, fields: ['name'] },
        {
          ...common, number: 2, collection: 'users', record: server.owner.userId,
          fields: ['email', 'name', 'role', 'disabled', 'password'],
        },
      ]);
    });

    test('comes in pages of any size that add up to the whole', async () => {
      const all = await entriesAfter(0);
      for (const limit of [1, 3, all.length]) assert.deepEqual(await entriesAfter(0, limit), all);
      const { epoch, ...end } = await page(`?after=${all.length}`);
      assert.deepEqual(end, { success: true, entries: [], hasMore: false } as unknown);
      assert.match(epoch, /^[\w-]{16}$/);
      assert.deepEqual((await page('?limit=100000')).entries, all);
      for (const query of ['?after=-1', '?after=x', '?limit=0', '?limit=1.5', '?after=1e3', '?after=99999999999999999999']) {
        assertError(await server.owner.get(`/api/audit${query}`), 'invalid_request', [/after/.test(query) ? 'after' : 'limit']);
      }
    });

    test('is shown to the account\'s owners only', async () => {
      assertError(await people.editor.get('/api/audit'), 'forbidden');
      assertError(await people.viewer.get('/api/audit'), 'forbidden');
      assertError(await server.client.get('/api/audit'), 'unauthorized');
      const other = await addAccount(server, 'owner@second.test');
      const { entries } = await page('', other);
      assert.equal(entries.find(({ collection }) => collection === 'users')?.record, other.userId);
      assert.ok(entries.every(({ email }) => email === null || email.endsWith('@second.test')));
    });

    test('is exported for all accounts while the server runs, without a value that a spreadsheet takes for a formula', async () => {
      const email = '=1+1@first.test';
      await server.owner.create('users', user(email, { role: 'editor', password }));
      const author = await server.client.login(email, password);
      const made = await author.create('plans', plan());
      const { code, stdout, stderr } = await runServer(['audit', '--csv'], server.env);
      assert.equal(code, 0, stderr);
      const [head, ...lines] = stdout.trimEnd().split('\r\n');
      assert.equal(head, '\uFEFFaccount,number,at,action,actor,email,session,peer,request,collection,record,fields');
      assert.ok(lines.length > (await entriesAfter(0)).length, 'both accounts are there');
      const line = lines.find((candidate) => candidate.includes(made.id)) ?? '';
      assert.match(line, new RegExp(`^\\w{24},\\d+,${made.updatedAt},create,${author.userId},'=1\\+1@first.test,[\\w-]+,127\\.0\\.0\\.1,`));
      assert.match(line, new RegExp(`,plans,${made.id},name priceMinor currency interval active$`));
    });

    test('says that an administrator reset a password or put a backup back', async () => {
      const start = await newest();
      const { epoch } = await page('');
      const database = await openStore(server, () => server.clock.ms);
      await resetPassword(database, createPasswords(cheapest), 'viewer@first.test', `${password} new`);
      await (await prepareAdmin(['restored'], process.stdin))(database);
      await database.close();
      assert.deepEqual((await entriesAfter(start)).map(({ action, actor, collection, record, fields }) => ({
        action, actor, collection, record, fields,
      })), [
        { action: 'update', actor: 'admin', collection: 'users', record: people.viewer.userId, fields: ['password'] },
        { action: 'restored', actor: 'admin', collection: null, record: null, fields: [] },
      ]);
      assert.notEqual((await page('')).epoch, epoch);
      assert.equal((await server.owner.read('users', people.viewer.userId)).payload['changedBy'], undefined, 'no user did');
    });
  });
}
