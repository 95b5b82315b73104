// `node server.ts export` and `import`: an account as a file, from any database to any other.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { after, before, describe, test, type TestContext } from 'node:test';

import { endLine } from '../../../server/account-file.ts';
import { createOwner } from '../../../server/admin.ts';
import { ConfigError } from '../../../server/config.ts';
import { exportAccount, runExport } from '../../../server/export.ts';
import { importAccount, type ImportStore } from '../../../server/import.ts';
import { createPasswords } from '../../../server/passwords.ts';
import type { Importing, Store } from '../../../server/store.ts';
import { parseVerify, runVerify } from '../../../server/verify-command.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Client } from '../../client.ts';
import {
  addAccount, embedded, openStore, password, prepare, runServer, startServer, stores, type TestServer, type TestStore,
} from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { cheapest, customer, invoice, plan, user } from '../samples.ts';

for (const store of stores) {
  describe(`an account as a file, on ${store.kind}`, { skip: store.skip }, () => {
    let books: Books;
    before(async () => {
      books = await openBooks(store);
    });
    after(() => books.server.stop());

    for (const target of stores) {
      const { skip } = target;
      test(`goes to ${target.kind} with ids, instants, digest, passwords, numbers, trail and kept answers`, { skip }, async (t) => {
        const { server, owner: mover, accountId } = books;
        const headers = { 'Idempotency-Key': 'one' };
        const created = await mover.post('/api/customers', customer({ name: 'Once' }), headers);
        const before = await everything(mover);
        const old = await trailOf(mover);
        const file = join(server.folder, `${target.kind}.ndjson`);
        const sent = await runServer(['export', '--move', accountId, file], server.env);
        assert.equal(sent.code, 0, sent.stderr);
        assert.equal(statSync(file).mode & 0o777, 0o600);
        assert.deepEqual(readdirSync(server.folder).filter((name) => name.endsWith('.part')), []);

        const moved = await startServer(target);
        t.after(() => moved.stop());
        const isPiped = store.kind === target.kind;
        const imported = await runServer(isPiped ? ['import'] : ['import', file], moved.env, isPiped ? readFileSync(file, 'utf8') : '');
        assert.equal(imported.code, 0, imported.stderr);
        assert.match(imported.stdout, new RegExp(`^Imported the account ${accountId}: 7 records, 1 deletion and`));
        const owner = await moved.client.login(booksOwner, password);
        assert.deepEqual(await everything(owner), before);
        const since = await owner.pull(`?since=${before.serverTime}`);
        assert.deepEqual([since.status, since.body.count], [200, 0]);
        const again = await owner.post('/api/customers', customer({ name: 'Once' }), headers);
        assert.equal(again.body.record.id, created.body.record.id);
        const second = await owner.act(await owner.create('invoices', invoice(created.body.record.id)), 'issue');
        assert.equal(second.payload['number'], 'INV-2026-00002');
        const entries = await trailOf(owner);
        assert.deepEqual(entries.slice(0, old.length), old);
        assert.deepEqual(entries.slice(old.length, old.length + 2).map(({ action }) => action), ['export', 'import']);
        assert.deepEqual(entries.map(({ number }) => number), entries.map((_, index) => index + 1));
      });
    }

    test('gets a new epoch where it is imported, unless it was moved: then the account left behind gets one', async (t) => {
      const { server, owner, accountId } = books;
      const scopeOf = async (client: Client): Promise<string> => (await client.pull()).body.scope;
      const before = await scopeOf(owner);
      const copy = await exported(server, accountId);
      assert.equal(await scopeOf(owner), before);
      const moved = await exported(server, accountId, true);
      const left = await scopeOf(owner);
      assert.notEqual(left, before);
      const scopes = [];
      for (const file of [copy, moved]) {
        const target = await openEmpty(t, store, server.clock.ms);
        await bring(target, file, server.clock.ms);
        const { epoch } = await target.snapshot(accountId, async ({ account }) => account);
        scopes.push(epoch);
      }
      const head = JSON.parse(moved.split('\n')[0] ?? '') as { epoch: string };
      assert.equal(scopes[1], head.epoch);
      assert.notEqual(scopes[0], head.epoch);
    });

    test('is refused whatever line is missing, changed, moved or doubled, and leaves nothing behind', async (t) => {
      const { server, accountId } = books;
      const file = await exported(server, accountId);
      const lines = file.trimEnd().split('\n');
      const target = await openEmpty(t, store, server.clock.ms);
      const refuse = async (text: string, why: string): Promise<void> => {
        await assert.rejects(bring(target, text, server.clock.ms), ConfigError, why);
      };
      // The checks do not depend on the database.
      for (const [index, line] of store.kind === 'embedded' ? lines.entries() : []) {
        const without = lines.filter((_, other) => other !== index);
        await refuse(`${without.join('\n')}\n`, `without ${line}`);
        // Nothing else says which of these there were.
        const isLoose = /^{"type":"(tombstone|reply|audit|end)"/.test(line);
        if (!isLoose) await refuse(sealed(without.slice(0, -1)), `sealed, without ${line}`);
        if (index < lines.length - 1) await refuse(sealed([...lines.slice(0, index + 1), ...lines.slice(index, -1)]), `twice ${line}`);
        if (index > 0 && index < lines.length - 1) await refuse(sealed([line, ...without.slice(0, -1)]), `first ${line}`);
        await refuse(`${lines.slice(0, index).join('\n')}\n${line.slice(0, -3)}`, `cut in ${line}`);
      }
      const change = (find: string, replacement: string): string => {
        assert.ok(file.includes(find), find);
        return sealed(file.replace(find, replacement).trimEnd().split('\n').slice(0, -1));
      };
      const changes: readonly (readonly [string, string])[] = [
        ['Hosting', 'Hoisting'], ['"version":2', '"version":3'], [`"email":"${booksOwner}"`, '"email":"else@first.test"'],
        ['"INV-2026":1', '"INV-2026":0'], ['\\"status\\":\\"open\\"', '\\"status\\":\\"lost\\"'],
        ['"collection":"plans"', '"collection":"toString"'],
        ['"action":"create"', '"action":7'], ['"references":[]', '"references":["642642642642642642642642"]'],
      ];
      for (const [find, replacement] of store.kind === 'embedded' ? changes : changes.slice(0, 2)) {
        await refuse(change(find, replacement), replacement);
      }
      const old = change('"version":2', '"version":1');
      await assert.rejects(bring(target, old, server.clock.ms), /Line 1: it is of version 1 of the format: import it with the server /);
      const [head = '', ...others] = lines.slice(0, -1);
      const without = others.filter((line) => !line.includes('"collection":"company"'));
      const uncompanied = sealed([head.replace(/"company":\{[^}]*\},?/, ''), ...without]);
      await assert.rejects(bring(target, uncompanied, server.clock.ms), /: company has no record, and needs one\. Nothing was imported\./);
      assert.deepEqual([await target.listAccounts(), await target.listImports()], [[], []]);
      await bring(target, file, server.clock.ms);
      assert.equal((await verify(target, server.clock.ms)).code, 0);
    });

    test('is refused where the account exists or an address is taken, and what is there stays as it was', async (t) => {
      const { server, owner, accountId } = books;
      const file = await exported(server, accountId);
      const before = await everything(owner);
      const refusal = (error: unknown): boolean => error instanceof AppError && error.code === 'conflict';
      const here = await openStore(server, () => server.clock.ms);
      await assert.rejects(bring(here, file, server.clock.ms), refusal);
      await here.close();
      assert.deepEqual(await everything(owner), before);
      const other = await openEmpty(t, store, server.clock.ms);
      await createOwner(other, createPasswords(cheapest), booksOwner, password);
      await assert.rejects(bring(other, file, server.clock.ms), refusal);
      assert.match((await verify(other, server.clock.ms)).text, /^[0-9a-f]{24}: Nothing is wrong in 2 records\.\n$/);
    });

    test('can be imported again after a kill at any point, and until then nobody can sign in', async (t) => {
      const { server, owner, accountId } = books;
      const file = await exported(server, accountId);
      const target = await startServer(store);
      t.after(() => target.stop());
      const opened = await openStore(target, () => server.clock.ms);
      t.after(() => opened.close());
      for (let steps = 0; steps < 4; steps += 1) {
        await assert.rejects(bring(killed(opened, steps), file, server.clock.ms), /killed/);
        await assert.rejects(target.client.login(booksOwner, password), /401/);
        const { code, text } = await verify(opened, server.clock.ms);
        assert.deepEqual([code, text.includes(`${accountId}: An import of this account has not finished`)], [1, true]);
      }
      await bring(opened, file, server.clock.ms);
      assert.deepEqual(await everything(await target.client.login(booksOwner, password)), await everything(owner));
      assert.equal((await verify(opened, server.clock.ms)).code, 0);
    });

    test('is given up by the one of two imports that began first', async (t) => {
      const { server, accountId } = books;
      const target = await openEmpty(t, store, server.clock.ms);
      const first = await target.beginImport(accountId);
      await bring(target, await exported(server, accountId), server.clock.ms);
      await assert.rejects(first.discard(), /Another import of the account/);
      assert.match((await verify(target, server.clock.ms)).text, /: Nothing is wrong in 7 records\.\n$/);
    });

    test('blames the disk, not the database, when the file or the pipe cannot take it', async () => {
      const { server, accountId } = books;
      const opened = await openStore(server, () => server.clock.ms);
      const full = new Writable({ write: (_chunk, _encoding, done) => done(
        Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' }),
      ) });
      const broken = new Writable({ write: (_chunk, _encoding, done) => done(
        Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' }),
      ) });
      const options = { account: accountId, file: null, moves: false };
      const now = (): number => server.clock.ms;
      await assert.rejects(runExport(opened, options, now, full), {
        name: 'ConfigError', message: 'The account was not written to standard output: the disk is full.',
      });
      await assert.rejects(runExport(opened, options, now, broken), { message: /standard output: its reader has gone\.$/ });
      await opened.close();
    });

    test('is not exported while something is wrong in it', async () => {
      const { server, accountId } = books;
      const opened = await openStore(server, () => server.clock.ms);
      await opened.mend(accountId, async (mending) => mending.setAccount({ numbers: {} }));
      await assert.rejects(exported(server, accountId, true), /Something is wrong in the account/);
      const { epoch } = await opened.snapshot(accountId, async ({ account }) => account);
      for (const wrong of [{ numbers: { 'INV-2026': 7.5 } }, { numbers: { 'INV-2026': 1 }, epoch: 'ä' }]) {
        await opened.mend(accountId, async (mending) => mending.setAccount(wrong));
        await assert.rejects(exported(server, accountId, true), /Something is wrong in the account/);
      }
      const now = await opened.snapshot(accountId, async ({ account }) => account);
      assert.equal(now.epoch, 'ä', `still, instead of ${epoch}`);
      await opened.mend(accountId, async (mending) => mending.setAccount({ epoch, numbers: {} }));
      await opened.close();
      const file = join(server.folder, 'account.ndjson');
      const refused = await runServer(['export', accountId], server.env);
      assert.deepEqual([refused.code, refused.stdout], [1, '']);
      writeFileSync(file, 'kept');
      const { code, stderr } = await runServer(['export', accountId, file], server.env);
      assert.deepEqual([code, readFileSync(file, 'utf8')], [1, 'kept']);
      assert.match(stderr, /exists already, and an export overwrites nothing/);
    });
  });
}

test('import says what is wrong with a file before it makes a database', async (t) => {
  const { env, folder, remove } = await prepare(embedded);
  t.after(remove);
  const file = join(folder, 'account.ndjson');
  const line = '{"type":"account"}';
  for (const [text, why] of [
    ['', /account\.ndjson is empty\. Nothing/], [`\ufeff${line}\n`, /copy it as binary/], [`${line}\r\n`, /copy it as binary/],
    ['{}', /is not an exported account/], [null, /account\.ndjson cannot be read: there is no such file\./],
  ] as const) {
    if (text === null) rmSync(file);
    else writeFileSync(file, text);
    const { code, stderr } = await runServer(['import', file], env);
    assert.deepEqual([code, existsSync(join(folder, 'invoify.sqlite'))], [1, false], stderr);
    assert.match(stderr, why);
  }
  writeFileSync(join(folder, 'invoify.sqlite'), '');
  const { code, stderr } = await runServer(['verify'], env);
  assert.deepEqual([code, statSync(join(folder, 'invoify.sqlite')).size], [2, 0]);
  assert.match(stderr, /is empty: put the database there/);
});

test('a data folder that the system refuses to make ends a command with a sentence', { skip: !existsSync('/proc/self') }, async () => {
  const { code, stderr } = await runServer(['import'], { DATA_DIR: '/proc/none/data' }, '{"type":"account"}\n');
  assert.equal(code, 1);
  assert.match(stderr, /^DATA_DIR=\/proc\/none\/data cannot be used, because /);
});

const booksOwner = 'owner@books.test';

interface Books {
  readonly server: TestServer;
  readonly owner: Client;
  readonly accountId: string;
}

/** An account beside another one: with an owner, a plan, a customer, an invoice that was sent, an editor, and a plan that was deleted. */
async function openBooks(store: TestStore): Promise<Books> {
  const server = await startServer(store);
  const owner = await addAccount(server, booksOwner);
  const { id: planId } = await owner.create('plans', plan());
  const spare = await owner.create('plans', plan({ name: 'Spare' }));
  const company = await owner.create('customers', customer());
  await owner.act(await owner.create('invoices', invoice(company.id)), 'issue');
  // Refers to what is before it, and is referred to by what is before it.
  await owner.change('customers', company, { planId });
  await owner.create('users', user('editor@first.test', { role: 'editor', password }));
  await owner.remove(`/api/plans/${spare.id}`, spare.updatedAt);
  const { user: { accountId } } = (await owner.get('/api/auth/me')).body;
  return { server, owner, accountId };
}

/** A database without accounts. */
async function openEmpty(t: TestContext, store: TestStore, nowMs: number): Promise<Store> {
  const installation = await prepare(store);
  const opened = await openStore(installation, () => nowMs);
  t.after(async () => {
    await opened.close();
    await installation.remove();
  });
  return opened;
}

async function trailOf(client: Client): Promise<readonly { readonly action: string; readonly number: number }[]> {
  return JSON.parse((await client.get('/api/audit?limit=1000')).text).entries;
}

/** What a client pulls, but for the scope. */
async function everything(client: Client): Promise<{ records: ReadonlyMap<string, unknown>; digest: unknown; serverTime: string }> {
  const reply = await client.pull();
  const cache = new NaiveCache();
  cache.apply(reply);
  assert.deepEqual(cache.digest(), withoutEmpty(reply.body.digest));
  return { records: cache.records, digest: withoutEmpty(reply.body.digest), serverTime: reply.body.serverTime };
}

async function exported(server: TestServer, account: string, moves = false): Promise<string> {
  const store = await openStore(server, () => server.clock.ms);
  try {
    let text = '';
    await exportAccount(store, { account, file: null, moves }, () => server.clock.ms, async (piece) => {
      text += piece;
    });
    return text;
  } finally {
    await store.close();
  }
}

/** Imports a file's text. */
async function bring(target: ImportStore, text: string, nowMs: number): Promise<void> {
  await importAccount(target, Readable.from([Buffer.from(text)]), () => nowMs);
}

/** The store of a process that is killed after so many steps of an import. */
function killed(store: Store, after: number): ImportStore {
  let steps = 0;
  const step = async (): Promise<void> => {
    steps += 1;
    if (steps > after) throw new Error('killed');
  };
  const beginImport = async (accountId: string): Promise<Importing> => {
    const importing = await store.beginImport(accountId);
    return {
      ...importing,
      addRecords: (records) => step().then(() => importing.addRecords(records)),
      addReplies: (replies) => step().then(() => importing.addReplies(replies)),
      addEntries: (entries) => step().then(() => importing.addEntries(entries)),
      publish: (account, addresses) => step().then(() => importing.publish(account, addresses)),
      discard: () => (steps > after ? Promise.reject(new Error('killed')) : importing.discard()),
    };
  };
  return { checkClock: () => store.checkClock(), findAddress: (email) => store.findAddress(email), beginImport };
}

/** The lines as a file whose last line fits them, as far as it counts. */
function sealed(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('');
  const of = (type: string): number => lines.filter((line) => line.startsWith(`{"type":"${type}"`)).length;
  const sha256 = createHash('sha256').update(text).digest('hex');
  return text + endLine({
    records: of('record'), tombstones: of('tombstone'), addresses: of('address'), replies: of('reply'), entries: of('audit'),
  }, sha256);
}

async function verify(store: Store, nowMs: number): Promise<{ code: number; text: string }> {
  let text = '';
  const code = await runVerify(store, parseVerify([]), { nowMs: () => nowMs, write: (line) => void (text += line) });
  return { code, text };
}
