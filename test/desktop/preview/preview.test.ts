// Access to the preview and its responses: the link, the secret, the headers, and everything it refuses. Uses plain HTTP,
// since no browser would send most of these requests.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as send, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { startPreview, type Preview } from '../../../desktop/preview/preview.ts';
import type { SavedFile } from '../../../shared/window/ipc.ts';
import { exchange } from '../../client.ts';

const page = '<!doctype html><title>the page</title>';
const folder = mkdtempSync(join(tmpdir(), 'invoify-preview-test-'));
let preview: Preview;
let authorization = '';

before(async () => {
  preview = await openPreview('data');
  authorization = await enter(preview);
});
after(async () => {
  await preview.close();
  rmSync(folder, { recursive: true, force: true });
});

function openPreview(name: string): Promise<Preview> {
  const files = new Map([['index.html', Buffer.from(page)], ['window.js', Buffer.from('// code')]]);
  return startPreview({ files, dataFolder: join(folder, name), version: '1.2.3' }, { log: () => {}, nowMs: Date.now });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One request with exactly these headers; a path is the preview's. */
async function ask(where: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  const url = where.startsWith('http') ? where : preview.origin + where;
  const reply = await exchange({ url }, method, url.slice(new URL(url).origin.length), headers, body);
  return { status: reply.status, headers: reply.headers, body: reply.text };
}

function keyOf(link: string): string {
  return new URL(link).hash.slice('#key='.length);
}

function exchangeKey(key: string, { origin } = preview): Promise<Answer> {
  return ask(`${origin}/enter`, { method: 'POST', headers: { origin }, body: key });
}

/** The header with which the page that opened a link sends its requests. */
async function enter(where: Preview): Promise<string> {
  return `Bearer ${(await exchangeKey(keyOf(where.newLink()), where)).body}`;
}

/** A call as the page makes it; `headers` override its own. */
async function call(channel: string, { headers = {}, body = '' }: Ask = {}): Promise<Answer> {
  const own = { authorization, origin: preview.origin, 'content-type': 'application/json' };
  return ask(`/call/${channel}`, { method: 'POST', headers: { ...own, ...headers }, body });
}

function codeOf({ body }: Answer): unknown {
  return (JSON.parse(body) as { error?: { code?: unknown } }).error?.code;
}

describe('the link', () => {
  test('has its key where no browser sends it, and the page exchanges it for the secret', async () => {
    const link = preview.newLink();
    assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\/#key=[\w-]{43}$/);
    const { status, headers, body } = await exchangeKey(keyOf(link));
    assert.equal(status, 200);
    assert.match(body, /^[\w-]{43}$/);
    assert.notEqual(body, keyOf(link));
    assert.equal(headers['set-cookie'], undefined, 'every port of this host would get it');
    assert.equal((await call('sync.getStatus', { headers: { authorization: `Bearer ${body}` } })).status, 200);
  });

  test('works once', async () => {
    const key = keyOf(preview.newLink());
    assert.equal((await exchangeKey(key)).status, 200);
    const again = await exchangeKey(key);
    assert.equal(again.status, 403);
    assert.match(again.body, /already been used/);
  });

  test('with a guessed key is refused, and so is one of another origin', async () => {
    for (const key of ['', 'a', 'a'.repeat(43), '%00', '../..', 'a'.repeat(5_000_000)]) assert.equal((await exchangeKey(key)).status, 403);
    const headers = { origin: 'http://127.0.0.1:1' };
    assert.equal((await ask('/enter', { method: 'POST', headers, body: keyOf(preview.newLink()) })).status, 403);
  });

  test('of one preview does not work for another', async (t) => {
    const other = await openPreview('other');
    t.after(() => other.close());
    assert.equal((await exchangeKey(keyOf(other.newLink()))).status, 403);
    assert.equal((await call('sync.getStatus', { headers: { authorization: await enter(other) } })).status, 403);
  });
});

describe('without the secret', () => {
  for (const path of ['/events', '/nothing', '/call/sync.getStatus']) {
    test(`GET ${path} is refused with an explanation`, async () => {
      for (const wrong of ['', `${authorization}x`, authorization.slice(0, -1), authorization.slice('Bearer '.length), 'Bearer ']) {
        const headers = wrong === '' ? {} : { authorization: wrong };
        const { status, body } = await ask(path, { headers });
        assert.equal(status, 403);
        assert.match(body, /^Open the preview with the link that it printed\./);
      }
    });
  }

  test('a call is refused', async () => {
    assert.equal((await call('sync.getStatus', { headers: { authorization: '' } })).status, 403);
  });

  test("only the program's own files are served", async () => {
    assert.equal((await ask('/')).body, page);
    assert.equal((await ask('/window.js')).body, '// code');
    assert.equal((await ask('/favicon.ico')).status, 204);
  });
});

describe('from elsewhere', () => {
  test('a request with another host name (DNS rebinding) is refused, even with the secret', async () => {
    const { port } = new URL(preview.origin);
    for (const host of [`evil.example:${port}`, 'evil.example', `localhost:${port}`, '127.0.0.1', `127.0.0.1:${port}.evil.example`]) {
      assert.equal((await ask('/', { headers: { host, authorization } })).status, 403, host);
      assert.equal((await call('sync.getStatus', { headers: { host, origin: `http://${host}` } })).status, 403, host);
    }
  });

  test('a request from another origin is refused, even from another port of this computer', async () => {
    const { origin: ours } = preview;
    const others = ['https://evil.example', 'null', 'http://127.0.0.1:1', ours.replace('http:', 'https:'), `${ours}.evil.example`];
    for (const origin of others) {
      assert.equal((await call('auth.signOut', { headers: { origin } })).status, 403, origin);
      assert.equal((await ask('/events', { headers: { authorization, origin } })).status, 403, origin);
    }
  });

  test('a call without an origin is refused', async () => {
    const headers = { authorization, 'content-type': 'application/json' };
    assert.equal((await ask('/call/sync.getStatus', { method: 'POST', headers })).status, 403);
  });

  test('loading a file into another page is refused, but following a link is not', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const fetched = { authorization, 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' };
      assert.equal((await ask('/window.js', { headers: fetched })).status, 403);
      assert.equal((await ask('/', { headers: { ...fetched, 'sec-fetch-mode': 'navigate' } })).status, 200);
    }
  });

  test('another computer cannot connect', async (t) => {
    const outside = Object.values(networkInterfaces()).flat().find((address) => address?.family === 'IPv4' && !address.internal);
    if (!outside) {
      t.skip('this computer has no address but loopback');
      return;
    }
    const socket = connect(Number(new URL(preview.origin).port), outside.address);
    await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' });
  });
});

describe('the network state', () => {
  const own = (): Record<string, string> => ({ authorization, origin: preview.origin });

  test('is accepted only as a POST from the page', async () => {
    for (const state of ['offline', 'online']) {
      assert.equal((await ask(`/network/${state}`, { method: 'POST', headers: own() })).status, 204);
      assert.equal((await ask(`/network/${state}`, { headers: own() })).status, 405);
      assert.equal((await ask(`/network/${state}`, { method: 'POST', headers: { ...own(), authorization: '' } })).status, 403);
      assert.equal((await ask(`/network/${state}`, { method: 'POST', headers: { ...own(), origin: 'null' } })).status, 403);
    }
    assert.equal((await ask('/network/sideways', { method: 'POST', headers: own() })).status, 405);
  });
});

describe('every response', () => {
  test('is not cacheable, cannot be framed, and lets the page load nothing from elsewhere', async () => {
    const headers = { authorization };
    const answers = [await ask('/', { headers }), await ask('/'), await call('sync.getStatus'), await ask('/no', { headers })];
    for (const answer of answers) {
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.equal(answer.headers['referrer-policy'], 'no-referrer');
      const policy = new Map(answer.headers['content-security-policy']?.toString().split('; ').map((rule) => {
        const [name = '', ...sources] = rule.split(' ');
        return [name, sources.join(' ')] as const;
      }));
      assert.equal(policy.get('default-src'), "'none'");
      for (const name of ['script-src', 'style-src', 'connect-src', 'font-src']) assert.equal(policy.get(name), "'self'", name);
      for (const name of ['frame-ancestors', 'base-uri', 'form-action', 'object-src']) assert.equal(policy.get(name), "'none'", name);
      assert.doesNotMatch([...policy.values()].join(' '), /unsafe|\*|http/);
    }
  });

  test('has a content type', async () => {
    const types = [];
    for (const path of ['/', '/index.html', '/window.js']) types.push((await ask(path)).headers['content-type']);
    assert.deepEqual(types, ['text/html; charset=utf-8', 'text/html; charset=utf-8', 'text/javascript; charset=utf-8']);
  });

  test('to another method or path is an error', async () => {
    const headers = { authorization, origin: preview.origin };
    assert.equal((await ask('/', { method: 'POST', headers })).status, 405);
    assert.equal((await ask('/call/sync.getStatus', { headers })).status, 405);
    assert.equal((await ask('/call/sync.getStatus', { method: 'OPTIONS', headers })).status, 405);
    for (const path of ['/../package.json', '/..%2fpackage.json', '//evil.example/', '/index.html/', '/constructor', '/__proto__', '/%']) {
      assert.equal((await ask(path, { headers })).status, 404, path);
    }
  });
});

describe('a call', () => {
  test('is answered with an outcome', async () => {
    const { status, headers, body } = await call('sync.getStatus');
    assert.deepEqual([status, headers['content-type']], [200, 'application/json']);
    assert.equal((JSON.parse(body) as { ok: boolean }).ok, true);
  });

  test('to a channel that is not the window\'s is not found', async () => {
    for (const channel of ['file.writeCsv', 'file.backUp', 'nothing', 'sync', 'constructor', '__proto__', 'sync.toString']) {
      assert.equal(codeOf(await call(channel, { body: '{"path":"/tmp/x"}' })), 'not_found', channel);
    }
  });

  test('that is not JSON, or has another content type, has an error in its outcome', async () => {
    for (const body of ['{', 'undefined', '{"a":}', '\u0000', Buffer.from([0xff, 0xfe])]) {
      assert.equal(codeOf(await call('data.counts', { body })), 'invalid_request');
      assert.equal(codeOf(await call('app.getInfo', { body })), 'invalid_request');
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      assert.equal(codeOf(await call('sync.getStatus', { headers: { 'content-type': type } })), 'unsupported_media_type');
    }
  });

  test('that is too large is refused, and the next one succeeds', async () => {
    const large = await call('auth.testConnection', { body: JSON.stringify({ server: 'a'.repeat(5_000_000) }) });
    assert.equal(codeOf(large), 'payload_too_large');
    assert.equal((await call('sync.getStatus')).status, 200);
  });

  test('with a hundred thousand nested brackets is refused, and the preview keeps running', async () => {
    const body = '['.repeat(100_000) + ']'.repeat(100_000);
    for (const channel of ['sync.getStatus', 'records.create', 'app.getInfo']) {
      assert.equal(codeOf(await call(channel, { body })), 'invalid_request');
    }
    assert.equal((await call('sync.getStatus')).status, 200);
  });

  test('that only the page can handle is refused', async () => {
    assert.equal(codeOf(await call('app.print')), 'invalid_request');
    assert.equal(codeOf(await call('app.copyText', { body: '{"text":"x"}' })), 'invalid_request');
    assert.equal(codeOf(await call('app.openPhone', { body: '{"number":"030123"}' })), 'invalid_request');
    assert.equal(codeOf(await call('app.openEmail', { body: '{"to":"","subject":"x","text":"x"}' })), 'invalid_request');
  });
});

describe('the shell', () => {
  test('reports what a browser tab lacks, and where the data is', async () => {
    const { value } = JSON.parse((await call('app.getInfo')).body) as { value: Record<string, unknown> };
    assert.deepEqual(value, {
      version: '1.2.3', platform: process.platform, dataFolder: join(folder, 'data'), logFolder: join(folder, 'data', 'logs'),
      locale: null, lacks: ['pdf', 'token_storage', 'window_chrome'],
    });
  });

  test('refuses what a browser tab cannot do, and says what to do instead', async () => {
    const pdf = await call('app.exportPdf', { body: '{"name":"INV-2026-00001"}' });
    assert.equal(codeOf(pdf), 'forbidden');
    assert.match(pdf.body, /Print instead, and choose to save as PDF there/);
    const opened = await call('app.openFolder', { body: '{"folder":"logs"}' });
    assert.equal(codeOf(opened), 'forbidden');
    assert(opened.body.includes(JSON.stringify(join(folder, 'data', 'logs')).slice(1, -1)));
  });

  test('offers no e-invoice that cannot be written', async () => {
    const outcome = JSON.parse((await call('app.exportEInvoice', { body: `{"id":"${'0'.repeat(24)}"}` })).body) as object;
    assert.equal((outcome as { ok: boolean }).ok, false);
    assert(!('download' in outcome));
  });

  test('offers a backup for one download and then deletes it', async () => {
    const outcome = JSON.parse((await call('app.backUp')).body) as { value: SavedFile; download: string };
    assert.match(outcome.value.path, /^invoify-backup-\d{4}-\d\d-\d\d\.sqlite$/);
    assert.match(outcome.download, /^\/download\/[0-9a-f-]{36}$/, 'nobody can guess it');
    const files = (): string[] => globSync(join(tmpdir(), 'invoify-preview-*', outcome.download.slice('/download/'.length)));
    assert.equal(files().length, 1);
    const { headers, bytes: file } = await exchange({ url: preview.origin }, 'GET', outcome.download, {});
    assert.equal(headers['content-disposition'], `attachment; filename="${outcome.value.path}"`);
    assert.equal(file.length, outcome.value.sizeBytes);
    assert.equal(file.subarray(0, 15).toString(), 'SQLite format 3');
    assert.equal((await ask(outcome.download)).status, 404);
    while (files().length > 0) await nextTurn();
  });
});

test('nothing is kept for a tab that has been closed', async (t) => {
  const stopped = Promise.withResolvers<void>();
  const { onStatus } = preview.desk;
  t.mock.method(preview.desk, 'onStatus', (listener: (status: string) => void) => {
    const stop = onStatus(listener);
    return () => {
      stop();
      stopped.resolve();
    };
  });
  const stream = send(`${preview.origin}/events`, { headers: { authorization } });
  stream.end();
  const [response] = await once(stream, 'response') as [IncomingMessage];
  response.destroy();
  await stopped.promise;
});

describe('closing the preview', () => {
  test('ends the event streams, refuses calls, and closes the cache cleanly', async () => {
    const other = await openPreview('ending');
    const stream = send(`${other.origin}/events`, { headers: { authorization: await enter(other) } });
    stream.end();
    const [response] = await once(stream, 'response') as [IncomingMessage];
    await once(response, 'data');
    const ended = text(response);
    await other.close();
    assert.match(await ended, /^$|^\{.*\}\n$/);
    assert.equal(await other.desk.answer('sync.getStatus', ''), JSON.stringify({
      ok: false, error: { code: 'cancelled', message: 'The preview is closing.' },
    }));
    await assert.rejects(ask(other.origin));
    assert.equal(readFileSync(join(folder, 'ending', 'database', 'invoify.sqlite')).subarray(0, 15).toString(), 'SQLite format 3');
    assert(!existsSync(join(folder, 'ending', 'database', 'invoify.sqlite-wal')));
  });
});
