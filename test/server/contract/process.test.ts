// The wire contract: `node server.ts` as a process. How it starts, what it refuses to start with, how it shuts down, and
// the admin command.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request as requestHttp, type IncomingMessage } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';

import { createOwner, prepareAdmin, resetPassword } from '../../../server/admin.ts';
import { readConfig } from '../../../server/config.ts';
import { createPasswords } from '../../../server/passwords.ts';
import { start } from '../../../server.ts';
import { assertError, createClient, readReply, type Client } from '../../client.ts';
import {
  embedded, firstOwner, openStore, password, prepare, runServer, spawnServer, stores, type Installation, type ServerProcess,
} from '../harness.ts';
import { plan } from '../samples.ts';

const admin = { ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: password };

function clientOf({ url }: ServerProcess): Client {
  const agent = new Agent();
  return createClient(() => ({ url, agent }));
}

async function assertRejects(attempt: () => Promise<unknown>): Promise<Error> {
  const error: unknown = await attempt().then(() => null, (reason: unknown) => reason);
  assert.ok(error instanceof Error, 'expected a failure');
  return error;
}

/** Resolves when connections to the URL are refused. */
async function untilRefused(url: string): Promise<void> {
  const { port, hostname } = new URL(url);
  for (;;) {
    const socket = connect(Number(port), hostname);
    const refused = await once(socket, 'connect').then(() => false, () => true);
    socket.destroy();
    if (refused) return;
  }
}

/** A server told to shut down in mid-request; it waits some seconds for its client, while the other tests run. */
let stuck: { readonly client: Socket; readonly exited: Promise<number | null> } | null = null;
before(async () => {
  const installation = await prepare(embedded);
  const server = await spawnServer(installation.env);
  const client = connect(Number(new URL(server.url).port), '127.0.0.1');
  client.write('POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n');
  await once(client, 'data');
  client.on('error', () => {}).write('{');
  stuck = { client, exited: server.end().finally(() => installation.remove()) };
});

/** The result of a server told to shut down while its database does not answer, which takes some seconds as well. */
let connecting: ReturnType<typeof runServer> | null = null;
before(async () => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const installation = await prepare(embedded);
  const env = { ...installation.env, MONGODB_URL: `mongodb://127.0.0.1:${port}/?replicaSet=x`, JWT_SECRET: 'x'.repeat(32) };
  connecting = runServer([], env, '', (child) => silent.once('connection', () => child.kill())).finally(async () => {
    silent.close();
    await installation.remove();
  });
});

for (const store of stores) {
  describe(`a server process, on ${store.kind}`, { skip: store.skip }, () => {
    let installation: Installation;
    before(async () => { installation = await prepare(store, admin); });
    after(() => installation.remove());

    test('first prints where it listens, as JSON, and logs JSON lines', async () => {
      const server = await spawnServer(installation.env);
      const { event, url } = JSON.parse(server.lines[0] ?? '') as Record<string, string>;
      assert.equal(event, 'listening');
      assert.match(url ?? '', /^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
      assertError(await clientOf(server).get('/nothing'), 'not_found');
      await server.line(/"event":"request failed"/);
      for (const line of server.lines) assert.doesNotThrow(() => JSON.parse(line));
      assert.equal(await server.end('SIGINT'), 0);
    });

    test('creates the first account only if there is none', async () => {
      const server = await spawnServer({ ...installation.env, ADMIN_EMAIL: 'other@first.test' });
      assertError(await clientOf(server).post('/api/auth/login', { email: 'other@first.test', password }), 'unauthorized');
      assert.ok(await clientOf(server).login(firstOwner, password));
      assert.equal(await server.end(), 0);
    });

    test('finishes the request in flight on SIGTERM, accepts no more, and exits with 0', async () => {
      const server = await spawnServer(installation.env);
      const owner = await clientOf(server).login(firstOwner, password);
      const body = JSON.stringify(plan({ name: 'In flight' }));
      const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length, Authorization: `Bearer ${owner.token}` };
      const request = requestHttp(`${server.url}/api/plans`, {
        method: 'POST', agent: new Agent({ keepAlive: true }), headers: { ...headers, Expect: '100-continue' },
      });
      request.flushHeaders();
      await once(request, 'continue');
      request.write(body.slice(0, 10));
      const exited = server.end();
      await untilRefused(server.url);
      request.end(body.slice(10));
      const [response] = await once(request, 'response') as [IncomingMessage];
      assert.equal((await readReply(response)).status, 201);
      assert.equal(await exited, 0);

      const again = await spawnServer(installation.env);
      const { changes } = await (await clientOf(again).login(firstOwner, password)).pullAll();
      assert.ok(changes.some(({ payload }) => payload?.['name'] === 'In flight'));
      assert.equal(await again.end(), 0);
    });

    test('runs while the admin command creates accounts and resets passwords', async () => {
      const server = await spawnServer(installation.env);
      const client = clientOf(server);
      const created = await runServer(['admin', 'create', 'boss@second.test'], installation.env, `${password}\nignored\n`);
      assert.equal(created.code, 0, created.stderr);
      assert.match(created.stdout, /boss@second\.test/);
      const boss = await client.login('boss@second.test', password);
      assert.deepEqual((await boss.pull()).body.changes.map(({ payload }) => payload),
        [{ name: '' }, { email: 'boss@second.test', name: 'boss', role: 'owner', disabled: false }]);

      const reset = await runServer(['admin', 'reset', 'Boss@second.test'], installation.env, 'without a line break');
      assert.equal(reset.code, 0, reset.stderr);
      assertError(await boss.pull(), 'unauthorized');
      assertError(await client.post('/api/auth/login', { email: 'boss@second.test', password }), 'unauthorized');
      assert.ok(await client.login('boss@second.test', 'without a line break'));
      for (const { stdout, stderr } of [created, reset]) assert.doesNotMatch(stdout + stderr, /correct horse|line break/);

      assert.equal(await server.end(), 0);
      const database = await openStore(installation, Date.now);
      for (const email of [firstOwner, 'boss@second.test']) {
        const entry = await database.findAddress(email);
        const stored = entry && await database.get(entry.accountId, 'users', entry.userId);
        assert.match(stored?.secret ?? '', /\$argon2id\$v=19\$m=19456,t=2,p=1\$/, 'at its standard cost');
      }
      await database.close();
    });
  });
}

describe('the data folder', () => {
  test('is created for its owner only, with a secret of mode 0600 that is generated once', async () => {
    const installation = await prepare(embedded, admin);
    const dataDir = join(installation.folder, 'new', 'data');
    const env = { ...installation.env, DATA_DIR: dataDir };
    const first = await spawnServer(env);
    const owner = await clientOf(first).login(firstOwner, password);
    assert.equal(await first.end(), 0);
    const file = join(dataDir, 'jwt-secret');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(dataDir).mode & 0o077, 0);
    const secret = readFileSync(file, 'utf8');
    assert.ok(Buffer.byteLength(secret.trim()) >= 32);
    assert.equal(first.lines.join('').includes(secret.trim()), false);

    const second = await spawnServer(env);
    assert.equal(readFileSync(file, 'utf8'), secret);
    assert.equal((await clientOf(second).as(owner.token).get('/api/auth/me')).status, 200);
    assert.equal(await second.end(), 0);
    await installation.remove();
  });
});

describe('a server without accounts', () => {
  test('says once how to create the first one', async () => {
    const installation = await prepare(embedded);
    const server = await spawnServer(installation.env);
    await server.line(/"level":"warn".*nobody can sign in yet: run node server\.ts admin create <email>.*ADMIN_EMAIL/);
    assert.equal(await server.end(), 0);
    assert.equal(server.lines.filter((line) => line.includes('nobody can sign in')).length, 1);
    await installation.remove();
  });
});

describe('a server that cannot start', () => {
  let installation: Installation;
  before(async () => { installation = await prepare(embedded); });
  after(() => installation.remove());

  test('explains why in one sentence and exits with 1', async () => {
    const { folder } = installation;
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const held = await spawnServer(installation.env);
    const folderWith = (name: string, inside: string, text: string): string => {
      mkdirSync(join(folder, name));
      file(join(name, inside), text);
      return join(folder, name);
    };
    const cases: readonly (readonly [env: Record<string, string>, sentence: RegExp])[] = [
      [{ PORT: new URL(held.url).port }, /PORT/], [{ HOST: '192.0.2.1', TRUST_PROXY: '1' }, /HOST/],
      [{ MONGODB_URL: 'nonsense', JWT_SECRET: 'x'.repeat(32) }, /MONGODB_URL/],
      [{ ADMIN_EMAIL: 'x', ADMIN_PASSWORD: password }, /e-mail/], [{ ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD: 'short' }, /password/],
      [{ DATA_DIR: file('occupied', '') }, /DATA_DIR/], [{ DATA_DIR: join(file('occupied', ''), 'below') }, /DATA_DIR/],
      [{ DATA_DIR: folderWith('foreign', 'invoify.sqlite', 'long enough to be looked at as a database'.repeat(20)) }, /not a database/],
    ];
    for (const [env, sentence] of cases) {
      const { message } = await assertRejects(async () => start(readConfig({ ...installation.env, ...env })));
      assert.match(message, sentence, JSON.stringify(env));
      assert.match(message, /^[^\n]+\.$/);
    }
    const results = await Promise.all([{ HOST: '0.0.0.0' }, { PORT: new URL(held.url).port }, { DATA_DIR: file('occupied', '') }]
      .map((env) => runServer([], { ...installation.env, ...env })));
    for (const { code, stdout, stderr } of results) {
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^[^\n]+\.\n$/);
    }
    assert.equal(await held.end(), 0);
  });

  test('prints its usage for an unknown argument', async () => {
    const { code, stderr } = await runServer(['serve'], installation.env);
    assert.equal(code, 1);
    assert.match(stderr, /^Usage: /);
  });

  test('has no command but "admin create" that makes a database where there is none', async () => {
    const dataDir = join(installation.folder, 'nothing');
    const env = { ...installation.env, DATA_DIR: dataDir };
    const commands = [['admin', 'restored'], ['admin', 'clock'], ['admin', 'reset', firstOwner], ['audit', '--csv'], ['backup', 'x']];
    const results = await Promise.all(commands.map((words) => runServer(words, env, password)));
    for (const { code, stdout, stderr } of results) {
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^There is no database .*nothing.invoify\.sqlite: set DATA_DIR as it is for the server\.\n$/);
    }
    assert.match((await runServer(['admin', 'create'], env)).stderr, /^Usage: /);
    assert.match((await runServer(['admin', 'create', firstOwner], env, '')).stderr, /No password was given/);
    assert.equal(existsSync(dataDir), false, 'nothing is left of what could not be created');
    const { code, stderr } = await runServer(['admin', 'create', firstOwner], env, password);
    assert.equal(code, 0, stderr);
  });

  test('creates no account and resets no password from invalid input', async () => {
    const store = await openStore(installation, Date.now);
    const passwords = createPasswords();
    await createOwner(store, passwords, 'boss@first.test', password);
    for (const [attempt, sentence] of [
      [() => createOwner(store, passwords, 'Boss@first.test', password), /already in use/],
      [() => createOwner(store, passwords, 'x@first.test', '12345678'), /^The password must have at least 10 characters\.$/],
      [() => createOwner(store, passwords, 'x@first.test', 'Qwertyuiop'), /^The password is among the most common/],
      [() => createOwner(store, passwords, 'bookkeeping@first.test', 'BookKeeping'), /^The password must not be the e-mail address/],
      [() => createOwner(store, passwords, 'no address', password), /^The address must be an e-mail address\.$/],
      [() => resetPassword(store, passwords, 'nobody@first.test', password), /No user/],
      [() => resetPassword(store, passwords, 'boss@first.test', 'short'), /at least 10 characters/],
      [() => resetPassword(store, passwords, 'boss@first.test', 'boss@first.test'), /e-mail address/],
    ] as const) assert.match((await assertRejects(attempt)).message, sentence);
    assert.equal((await store.listAccounts()).length, 1);
    await store.close();

    for (const [words, input, sentence] of [
      [['create', 'boss@first.test'], password, /already in use/], [['create', 'x@first.test'], '', /password/i],
      [['delete', 'boss@first.test'], password, /^Usage: /], [['create', 'nobody'], password, /^The address must be an e-mail address/],
      [['reset', 'nobody@first.test'], password, /^No user has the address/],
    ] as const) {
      const { code, stdout, stderr } = await runServer(['admin', ...words], installation.env, input);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr.replace('Password: \n', ''), sentence);
      const asks = words[0] === 'create' && words[1] !== 'nobody';
      assert.equal(stderr.includes('Password: '), asks, 'only for an address that can be right');
      assert.doesNotMatch(stderr, / {4}at /);
    }
  });
});

describe('Ctrl+C at the prompt for a password', () => {
  test('ends the command with a sentence that is true, before a database is made', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} }) as unknown as NodeJS.ReadStream & PassThrough;
    terminal.write('half a pass\x03');
    const { message } = await assertRejects(() => prepareAdmin(['create', firstOwner], terminal));
    assert.equal(message, 'Interrupted: no password was set.');
  });
});

describe('the export of the audit trail', { skip: existsSync('/dev/full') ? false : 'there is no disk that is always full' }, () => {
  test('says in one sentence that the disk has no room for it', async () => {
    const installation = await prepare(embedded);
    await (await openStore(installation, Date.now)).close();
    const full = openSync('/dev/full', 'w');
    const args = [join(import.meta.dirname, '../../../server.ts'), 'audit', '--csv'];
    const child = spawn(process.execPath, args, { env: installation.env, stdio: ['ignore', full, 'pipe'] });
    assert(child.stderr);
    const [[code], stderr] = await Promise.all([once(child, 'close'), child.stderr.toArray()]);
    closeSync(full);
    assert.equal(code, 1);
    assert.equal(Buffer.concat(stderr as Buffer[]).toString(), 'The trail was not written completely: the disk is full.\n');
    await installation.remove();
  });
});

describe('a server that is still connecting to its database', () => {
  test('exits with 0 and without a complaint when it is told to shut down', async () => {
    assert.deepEqual(await connecting, { code: 0, stdout: '', stderr: '' });
  });
});

describe('a secret', () => {
  test('is read from the file named by its _FILE variable', async () => {
    const installation = await prepare(embedded);
    const file = (name: string, text: string): string => {
      writeFileSync(join(installation.folder, name), text);
      return join(installation.folder, name);
    };
    const secret = 'a secret in a file that has more than 32 bytes';
    const inFile = await spawnServer({
      ...installation.env, ADMIN_EMAIL: firstOwner, ADMIN_PASSWORD_FILE: file('password', `${password}\n`),
        JWT_SECRET_FILE: file('secret', `${secret}\r\n`),
    });
    const owner = await clientOf(inFile).login(firstOwner, password);
    assert.equal(await inFile.end(), 0);
    const inVariable = await spawnServer({ ...installation.env, JWT_SECRET: secret });
    assert.equal((await clientOf(inVariable).as(owner.token).get('/api/auth/me')).status, 200);
    assert.equal(await inVariable.end(), 0);
    await installation.remove();
  });
});

describe('a server whose client never ends its request', () => {
  test('still exits with 0 when it is told to shut down', async () => {
    assert.equal(await stuck?.exited, 0);
    stuck?.client.destroy();
  });
});
