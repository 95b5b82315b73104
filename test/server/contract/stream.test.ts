// The wire contract: the change feed as a stream of lines. When it is sent, its form, and that it has what the pages have, however
// it is encoded, wherever it is cut. Random histories are in test/sync/streams.test.ts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';

import { createEncoder } from '../../../server/compression.ts';
import { sendPieces, type StreamReply } from '../../../server/pull-stream.ts';
import { assertError, exchange, exchangeRaw, type Client, type Reply, type WireChange } from '../../client.ts';
import { hire, openStore, startServer, stores, type People, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { customer, invoice, plan } from '../samples.ts';

const streamType = 'application/x-ndjson';
/** Enough that a stream has several parts. */
const MANY = 3000;

interface Start { readonly type: 'start'; readonly total: number; readonly scope: string; readonly nonce?: string }
type Frame = Reply['body'];
type End = { readonly type: 'end' } & Pick<Frame, 'serverTime' | 'count' | 'scope'> & Partial<Pick<Frame, 'hasMore' | 'digest'>>;

interface Stream {
  readonly reply: Reply;
  /** The lines without their line feeds. */
  readonly lines: readonly string[];
  readonly start: Start;
  readonly changes: readonly WireChange[];
  readonly end: End;
}

for (const store of stores) {
  describe(`a stream, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    before(async () => {
      server = await startServer(store, { TRUST_PROXY: '1' });
      people = await hire(server.owner, 'first.test');
      for (let round = 0; round < 3; round += 1) {
        const { owner } = server;
        await owner.create('plans', plan({ name: `Plan ${round}` }));
        const buyer = await owner.create('customers', customer({ name: `"Zoë"\\${round} \u2028 🧾` }));
        await owner.create('invoices', invoice(buyer.id));
      }
    });
    after(() => server.stop());

    /** Writes more than a stream sends at once. */
    const writeMany = async (): Promise<void> => {
      const direct = await openStore(server, () => server.clock.ms);
      const { accountId } = (await server.owner.get('/api/auth/me')).body.user;
      await direct.write(accountId, async (transaction) => {
        for (let index = 0; index < MANY; index += 1) {
          const payload = JSON.stringify({ ...plan({ name: `Plan ${index}` }), unit: `é${index}`.padEnd(500, `${index} `) });
          transaction.put('plans', index.toString(16).padStart(24, '0'), { payload, secret: null, references: [] }, null);
        }
      });
      await direct.close();
    };
    const ask = (client: Client, query = '', headers = {}): Promise<Reply> => exchange(
      { url: server.url, agent: server.agent }, 'GET', `/api/sync/pull${query}`,
      { Authorization: `Bearer ${client.token}`, Accept: streamType, ...headers },
    );
    const stream = async (client: Client, query = ''): Promise<Stream> => readStream(await ask(client, query));
    /** As a proxy asks for a client on another machine. */
    const remote = { 'X-Forwarded-For': '192.0.2.1' };
    const decoders = { zstd: zstdDecompressSync, br: brotliDecompressSync, gzip: gunzipSync } as const;

    test('has the changes of the pages, one a line, between a start and an end', async () => {
      for (const client of [people.owner, people.viewer]) {
        const { body, text } = await client.pull('?nonce=k3v');
        const { reply, lines, start, changes, end } = await stream(client, '?nonce=k3v');
        assert.equal(reply.headers['content-type'], streamType);
        assert.equal(reply.headers['cache-control'], 'no-store');
        assert.deepEqual(start, { type: 'start', total: body.total, scope: body.scope, nonce: 'k3v' });
        assert.deepEqual(changes, body.changes);
        assert.equal(lines.slice(1, -1).join(',\n'), text.slice(text.indexOf('\n') + 1, -'\n]}\n'.length));
        const { serverTime, count, scope, digest } = body;
        assert.deepEqual(end, { type: 'end', serverTime, count, scope, digest });
      }
    });

    test('is sent to whoever names its type, with at least the weight that JSON has', async () => {
      for (const accept of [
        streamType, 'Application/X-NDJSON', `${streamType}, application/json`, `application/json;q=0.9, ${streamType}`,
        `*/*, ${streamType}`,
        `text/html, ${streamType} ; charset=utf-8 ; q=0.8, application/json;q=0.8`, `${streamType};q=0.1, */*;q=0`,
      ]) {
        const { headers } = await ask(server.owner, '', { Accept: accept });
        assert.equal(headers['content-type'], streamType, accept);
        assert.equal(headers['vary'], 'Accept, Accept-Encoding');
      }
      for (const accept of [
        '', '*/*', 'application/*', 'application/json', 'text/html', 'application/x-ndjson2', `${streamType};q=0`, `${streamType};q=x`,
        `${streamType};q=0.5, application/json`, `${streamType};q=0.5, */*`, `application/*, ${streamType};q=0.9`,
      ]) {
        const { headers } = await ask(server.owner, '', { Accept: accept });
        assert.match(headers['content-type'] ?? '', /^application\/json/, accept);
      }
    });

    test('has errors in the form of all others, before its first line', async () => {
      assertError(await ask(server.client), 'unauthorized');
      assertError(await ask(server.owner, '?limit=0'), 'invalid_request', ['limit']);
      assertError(await ask(server.owner, '?since=now'), 'invalid_request', ['since']);
      assertError(await ask(server.owner, '?nonce=%20'), 'invalid_request', ['nonce']);
      assertError(await ask(server.owner, '?since=2099-01-01T00:00:00Z'), 'resync_required');
    });

    test('has nothing between start and end where nothing has changed', async () => {
      const { body } = await server.owner.pull();
      const { lines, start, end } = await stream(server.owner, `?since=${body.serverTime}`);
      assert.equal(lines.length, 2);
      assert.deepEqual(start, { type: 'start', total: 0, scope: body.scope });
      assert.deepEqual(end, { type: 'end', serverTime: body.serverTime, count: 0, scope: body.scope, digest: body.digest });
    });

    test('has the deletes after a cursor, and not without one', async () => {
      const { serverTime } = (await server.owner.pull()).body;
      const { id, updatedAt } = await server.owner.create('plans', plan());
      const { record } = (await server.owner.remove(`/api/plans/${id}`, updatedAt)).body;
      const { changes, start } = await stream(server.owner, `?since=${serverTime}`);
      assert.deepEqual(changes, [{ type: 'delete', collection: 'plans', mongoId: id, updatedAt: record.updatedAt }]);
      assert.equal(start.total, 1);
      assert((await stream(server.owner)).changes.every(({ type }) => type === 'upsert'));
    });

    test('ends at its limit, which may be any number, with more to come', async () => {
      const { changes, count } = (await server.owner.pull()).body;
      for (const limit of [1, 2, count - 1]) {
        const { start, end, ...rest } = await stream(server.owner, `?limit=${limit}`);
        assert.deepEqual(rest.changes, changes.slice(0, limit));
        assert.equal(start.total, limit);
        const { scope } = start;
        assert.deepEqual(end, { type: 'end', serverTime: changes[limit - 1]?.updatedAt, count: limit, hasMore: true, scope });
        const following = await stream(server.owner, `?since=${end.serverTime}`);
        assert.deepEqual(following.changes.filter(({ type }) => type === 'upsert'), changes.slice(limit));
      }
      for (const limit of [String(count), '5001', '9'.repeat(40)]) assert((await stream(server.owner, `?limit=${limit}`)).end.digest);
    });

    test('of any length has the lines of the pages, and goes on from wherever it is cut', async () => {
      await writeMany();
      const { last, pages } = await server.owner.pullAll('limit=1000');
      const whole = await stream(server.owner);
      assert.equal(whole.reply.headers['transfer-encoding'], 'chunked');
      const lines = pages.flatMap(({ text }) => text.split('\n').slice(1, -2).map((line) => line.replace(/,$/, '')));
      assert.deepEqual(whole.lines.slice(1, -1), lines);
      assert.deepEqual(whole.end.digest, last.body.digest);
      assert.equal(whole.start.total, lines.length);
      for (let cuts = 0; cuts < 6; cuts += 1) {
        const { bytes } = whole.reply;
        const kept = bytes.subarray(0, Math.floor(Math.random() * bytes.length)).toString().split('\n').slice(1, -1);
        const { updatedAt } = kept.length === 0 ? { updatedAt: '1970-01-01T00:00:00Z' } : JSON.parse(kept.at(-1) ?? '') as WireChange;
        const rest = await stream(server.owner, `?since=${updatedAt}`);
        const cache = new NaiveCache();
        cache.apply({ text: `{"changes":[${[...kept, ...rest.lines.slice(1, -1)].join()}]}` });
        assert.deepEqual(cache.digest(), withoutEmpty(rest.end.digest ?? {}), `${kept.length} lines`);
        assert.equal(rest.start.total, rest.end.count);
      }
      const limited = await stream(people.viewer, `?limit=${MANY - 1}`);
      assert.deepEqual(limited.changes.length, MANY - 1);
      assert.equal(limited.end.hasMore, true);
    });

    test('is compressed for a client on another machine, and decoded has the same bytes', async () => {
      for (const query of ['', `?since=${(await server.owner.pull()).body.serverTime}`]) {
        const plain = await ask(server.owner, query);
        assert.equal(plain.headers['content-encoding'], undefined);
        for (const [encoding, decode] of Object.entries(decoders)) {
          const { headers, bytes } = await ask(server.owner, query, { 'Accept-Encoding': encoding, ...remote });
          const isShort = plain.bytes.length < 1024;
          assert.equal(headers['content-encoding'], isShort ? undefined : encoding);
          assert.deepEqual(isShort ? bytes : decode(bytes), plain.bytes);
          assert(bytes.length < plain.bytes.length / 4 || isShort, `${encoding}: ${bytes.length} of ${plain.bytes.length} bytes`);
        }
        const headers = { Authorization: `Bearer ${server.owner.token}`, Accept: streamType, ...remote };
        const fetched = await fetch(`${server.url}/api/sync/pull${query}`, { headers });
        assert.equal(await fetched.text(), plain.text);
      }
    });

    test('is read by HTTP/1.0 and HEAD, ends the connection if asked to, and lets the next request have its turn', async () => {
      const { text } = await ask(server.owner);
      const head = `Host: server\r\nAuthorization: Bearer ${server.owner.token}\r\nAccept: ${streamType}\r\n`;
      const old = await exchangeRaw(server.url, `GET /api/sync/pull HTTP/1.0\r\n${head}\r\n`);
      assert.doesNotMatch(old.slice(0, old.indexOf('\r\n\r\n')), /chunked/i);
      assert.equal(old.slice(old.indexOf('\r\n\r\n') + 4), text);
      const headOnly = await exchangeRaw(server.url, `HEAD /api/sync/pull HTTP/1.1\r\n${head}Connection: close\r\n\r\n`);
      assert.match(headOnly, /^HTTP\/1\.1 200 [^]*application\/x-ndjson[^]*\r\n\r\n$/);
      const two = await exchangeRaw(server.url, `GET /api/sync/pull HTTP/1.1\r\n${head}\r\n`
        + 'GET /api/health HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n');
      assert.match(two, /"type":"end"[^\n]*\n\r\n0\r\n\r\nHTTP\/1\.1 200 OK[^]*"status":"ok"/);
    });

    test('ends with its last chunk also where the server ends the connection', async () => {
      const fields = `Host: server\r\nAuthorization: Bearer ${server.owner.token}\r\nAccept: ${streamType}\r\n`;
      const head = `GET /api/sync/pull HTTP/1.1\r\n${fields}`;
      for (const rest of [
        'Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 'Content-Length: 10\r\n\r\nabc', '\r\n\0 is no HTTP\r\n\r\n',
        'Connection: close\r\n\r\n',
      ]) {
        const text = await exchangeRaw(server.url, head + rest);
        assert.match(text.slice(-1000), /"type":"end"[^\n]*\n\r\n0\r\n\r\n(HTTP\/1\.1 400 [^]*)?$/, rest);
      }
      const headOnly = await exchangeRaw(server.url, `${head.replace('GET', 'HEAD')}Content-Length: 10\r\n\r\nabc`);
      assert.match(headOnly, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
      assert.doesNotMatch(headOnly, /\r\n0\r\n/);
    });
  });
}

test('a compressed stream that waits for its next part has sent all lines so far', async (t) => {
  const parts = new TransformStream<StreamReply['first'], StreamReply['first']>();
  const unsent = { change() {} } as unknown as StreamReply['unsent'];
  const part = (text: string, isLast: boolean): StreamReply['first'] => ({ chunks: [Buffer.from(text)], count: 1, isLast, end: null });
  const server = createServer((request, response) => {
    const reply = { first: part('first\n', false), rest: parts.readable.getReader(), unsent, onSent() {} };
    void sendPieces(request, response, reply, { mayCompress: true, isLast: false });
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { body } = await fetch(`http://127.0.0.1:${port}`, { headers: { 'Accept-Encoding': 'gzip' } });
  assert(body);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, 'first\n');
  void parts.writable.getWriter().write(part('second\n', true));
  assert.equal((await reader.read()).value, 'second\n');
  assert.equal((await reader.read()).done, true);
});

test('a compressor that fails rejects, and does not end the process', async () => {
  for (const encoding of ['zstd', 'br', 'gzip'] as const) {
    const encoder = createEncoder(encoding);
    const code = 'ERR_STREAM_WRITE_AFTER_END';
    await Promise.all([assert.rejects(encoder.finish(), { code }), assert.rejects(encoder.encode(Buffer.from('late')), { code })]);
    encoder.close();
    await assert.rejects(encoder.encode(Buffer.from('closed')));
  }
});

function readStream(reply: Reply): Stream {
  assert.equal(reply.status, 200, reply.text);
  assert.ok(reply.text.endsWith('\n'));
  const lines = reply.text.slice(0, -1).split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as unknown);
  return { reply, lines, start: parsed[0] as Start, changes: parsed.slice(1, -1) as WireChange[], end: parsed.at(-1) as End };
}
