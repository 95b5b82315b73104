// The proxies' configuration in hosting/, as it stands but for ports, names and paths, in front of a real server.
//
// A proxy that is not installed is skipped with a message; with CI=true that is an error instead. .ci/proxies.sh installs both.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';

import { assertError, createClient, exchange, type Client } from '../client.ts';
import { freePort } from '../mongod.ts';
import { openEvents } from '../server/contract/event-stream.ts';
import { embedded, firstOwner, password, startServer, type TestServer } from '../server/harness.ts';
import { customer } from '../server/samples.ts';

const hosting = join(import.meta.dirname, '..', '..', 'hosting');

interface Installed {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** Where the proxy listens. */
  readonly port: number;
  readonly serverPort: string;
}

/** Replaces each of `changes` in the file, in all places; a text that is not there fails. */
function adapt(file: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `${file} has no ${from}`);
    return text.replaceAll(from, to);
  }, readFileSync(join(hosting, file), 'utf8'));
}

/** Writes the proxy's configuration and returns the command that runs it in the foreground. */
const proxies: Readonly<Record<string, { program: string; configure: (at: Installed) => readonly string[] }>> = {
  'nginx': { program: 'nginx', configure: (at) => configureNginx(at, '1.1') },
  'nginx that speaks HTTP/1.0 to the server': { program: 'nginx', configure: (at) => configureNginx(at, '1.0') },
  'Caddy': {
    program: 'caddy',
    configure({ folder, cert, key, port, serverPort }) {
      const site = adapt('Caddyfile', {
        'invoices.example.com': `https://127.0.0.1:${port}`, '/etc/invoify/cert.pem': cert, '/etc/invoify/key.pem': key,
        '127.0.0.1:4380': `127.0.0.1:${serverPort}`,
      });
      writeFileSync(join(folder, 'Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
      return ['run', '--config', join(folder, 'Caddyfile')];
    },
  },
};

function configureNginx({ folder, cert, key, port, serverPort }: Installed, version: string): readonly string[] {
  const site = adapt('nginx.conf', {
    '[::]:443': `[::1]:${port}`, 'listen 443': `listen 127.0.0.1:${port}`, '/etc/invoify/cert.pem': cert, '/etc/invoify/key.pem': key,
    '127.0.0.1:4380': `127.0.0.1:${serverPort}`, 'proxy_http_version 1.1': `proxy_http_version ${version}`,
  });
  mkdirSync(join(folder, 'logs'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  writeFileSync(join(folder, 'nginx.conf'), [
    // A worker would otherwise run as a user who cannot enter the folder.
    process.getuid?.() === 0 ? 'user root;' : '', `daemon off; pid ${folder}/pid; error_log stderr notice; events {}`,
    `http { access_log off; ${paths}`, site, '}',
  ].join('\n'));
  return ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
}

for (const [name, { program, configure }] of Object.entries(proxies)) {
  describe(`behind ${name}, over HTTPS`, { skip: reasonToSkip(program) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'invoify-proxy-'));
    let server: TestServer;
    let ca: string;
    let url: string;
    let client: Client;
    let owner: Client;
    let stop: () => Promise<void>;

    before(async () => {
      server = await startServer(embedded, { TRUST_PROXY: '1' });
      const [cert, key, port] = [join(folder, 'cert.pem'), join(folder, 'key.pem'), await freePort()];
      execFileSync('openssl', [
        'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
        '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1',
      ], { stdio: 'ignore' });
      ca = readFileSync(cert, 'utf8');
      url = `https://127.0.0.1:${port}`;
      const args = configure({ folder, cert, key, port, serverPort: new URL(server.url).port });
      const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder };
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
      const ended = once(child, 'exit');
      stop = async () => {
        child.kill('SIGTERM');
        await ended;
      };
      client = createClient(() => ({ url, ca }));
      await listens(child.stderr);
      owner = await client.login(firstOwner, password);
    });
    after(async () => {
      await stop();
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    test('people sign in, write and pull, a request keeps its id, and browsers stay with HTTPS', async () => {
      const { id } = await owner.create('customers', customer());
      const { changes } = await owner.pullAll();
      assert.ok(changes.some(({ mongoId }) => mongoId === id));
      const named = await owner.get('/api/auth/me', { 'X-Request-Id': 'request-0123456789' });
      assert.equal(named.headers['x-request-id'], 'request-0123456789');
      assert.equal(named.headers['strict-transport-security'], 'max-age=63072000');
    });

    test('a large body arrives whole, and one that is too large gets the server\'s own answer', async () => {
      assertError(await owner.post('/api/customers', { name: 'x'.repeat(1_000_000) }), 'invalid_request', ['currency', 'name']);
      assertError(await owner.post('/api/customers', { name: 'x'.repeat(1_100_000) }), 'payload_too_large');
    });

    test('a path that could be read as another is refused', async () => {
      for (const path of ['//evil/api/health', '/x/../api/health', '/api//health']) {
        assertError(await client.get(path), 'invalid_request');
      }
    });

    test('an event arrives at once, and closing the stream closes it at the server', async () => {
      for (let round = 0; round < 3; round += 1) {
        const arrived = nextRequest('/api/sync/events');
        const events = await openEvents(url, owner.token, ca);
        const { updatedAt } = await owner.create('customers', customer());
        await events.clocksUntil(updatedAt);
        const closed = once((await arrived).socket, 'close');
        events.close();
        await closed;
      }
    });

    test('the server sees the client\'s own address, whatever the client claims', async () => {
      const arrived = nextRequest('/api/health');
      await exchange({ url, ca }, 'GET', '/api/health', { 'X-Forwarded-For': '203.0.113.9, 127.0.0.2', 'X-Real-IP': '203.0.113.9' });
      assert.equal((await arrived).headers['x-forwarded-for'], '127.0.0.1');
    });
  });
}

/** Resolves when the proxy says that it is running; rejects with all that it said if it ends before. */
async function listens(log: Readable): Promise<void> {
  let said = '';
  for await (const line of createInterface({ input: log })) {
    said += `${line}\n`;
    if (!/start worker process |serving initial configuration/.test(line)) continue;
    log.resume();
    return;
  }
  assert.fail(`the proxy ended: ${said}`);
}

/** The next request that any server of this process receives for this path. */
function nextRequest(path: string): Promise<IncomingMessage> {
  return new Promise((resolve) => {
    const listener = (message: unknown): void => {
      const { request } = message as { request: IncomingMessage };
      if (request.url !== path) return;
      unsubscribe('http.server.request.start', listener);
      resolve(request);
    };
    subscribe('http.server.request.start', listener);
  });
}

function reasonToSkip(program: string): string | false {
  if (spawnSync(program, [program === 'nginx' ? '-v' : 'version'], { stdio: 'ignore' }).status === 0) return false;
  const sentence = `${program} is not installed: run .ci/proxies.sh, which installs it.`;
  if (process.env['CI'] === 'true') throw new Error(`${sentence} With CI=true the tests that need it must not be skipped.`);
  return sentence;
}
