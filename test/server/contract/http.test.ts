// The wire contract: what holds for every route. Unknown paths and methods, unreadable bodies, malformed requests.
// The tests' client checks the headers and the error envelope of every single response.

import assert from 'node:assert/strict';
import { request as requestHttp } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { assertError, checkError, exchangeRaw, readReply, type Body, type Reply } from '../../client.ts';
import { firstOwner, password, startServer, stores, type TestServer } from '../harness.ts';
import { customer, plan } from '../samples.ts';

const someId = '0123456789abcdef01234567';
const limit = 1024 * 1024;

for (const store of stores) {
  describe(`every route, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    const allowed: Readonly<Record<string, string>> = {
      '/api/health': 'GET, HEAD', '/api/ready': 'GET, HEAD', '/api/meta': 'GET, HEAD', '/api/audit': 'GET, HEAD',
      '/api/auth/login': 'POST', '/api/auth/refresh': 'POST', '/api/auth/logout': 'POST', '/api/auth/me': 'GET, HEAD',
      '/api/sync/pull': 'GET, HEAD', '/api/users': 'POST', '/api/plans': 'POST', '/api/customers': 'POST', '/api/invoices': 'POST',
      [`/api/plans/${someId}`]: 'GET, HEAD, PATCH, DELETE', [`/api/invoices/${someId}`]: 'GET, HEAD, PATCH, DELETE',
      [`/api/invoices/${someId}/issue`]: 'POST', [`/api/invoices/${someId}/payments`]: 'POST', [`/api/invoices/${someId}/void`]: 'POST',
      [`/api/invoices/${someId}/credit`]: 'POST', [`/api/invoices/${someId}/payments/${someId}`]: 'DELETE', '/api/company': 'POST',
    };

    test('refuses other methods and lists the allowed ones', async () => {
      for (const [path, methods] of Object.entries(allowed)) {
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']) {
          if (methods.includes(method)) continue;
          const reply = await server.owner.send(method, path);
          assertError(reply, 'method_not_allowed');
          assert.equal(reply.headers['allow'], methods, path);
        }
      }
    });

    test('that does not exist answers 404 to any method, signed in or not', async () => {
      for (const path of [
        '/', '/api', '/api/nothing', `/api/nothing/${someId}`, `/api/nothing/${someId}/issue`, '/api/auth',
        '/api/auth/register', '/api/sync', '/api/sync/push', '/api/healthy', '/API/health',
        `/api/plans/${someId}/issue`, `/api/invoices/${someId}/delete`, `/api/invoices/${someId}/issue/x`,
        `/api/invoices/${someId}/send`, `/api/customers/${someId}/payments/${someId}`, `/api/invoices/${someId}/payments/x/y`,
        '/api/__proto__', '/api/constructor', '/api/toString', '/api/tombstones', '/api/accounts', '/api/sessions', '/%61pi/health',
        '/metrics', '/favicon.ico', '/api/Plans', '/api/health%20', '/...', '/api/..x', '/%252e%252e/api/health',
      ]) {
        for (const method of ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS']) {
          for (const client of [server.owner, server.client]) assertError(await client.send(method, path), 'not_found');
        }
      }
    });

    test('takes a path as it was sent and refuses what could be read as another', async () => {
      for (const path of [
        '//evil/api/health', '/\\evil/api/health', '\\\\evil/api/health', '/x/../api/health', '/./api/health', '/api/health/', '/api/',
        '/api//plans', '//', '/..', '/.', '/api/health/..', '/%2e%2e/api/health', '/.%2E/api/health', '/api/%2e/health', '/api%2fhealth',
        '/api/plans%2F', '/..%2f..%2fetc/passwd', '/api%5chealth', '/api/%00', '/api/users%00', '/api/health%0d%0aX: y', '/api/%zz',
        '/api/%ff', '/api/%', '/api/health#x', '/#/api/health', '/api/health?a=1#x', '*', 'http://x/api/health', 'HTTP://x/', 'x:80',
        '/api/health?\\', `/api/invoices/${someId}/issue/`,
      ]) {
        for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
          const answer = await exchangeRaw(server.url, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
          assert.match(answer, /^HTTP\/1\.1 400 .*"code":"invalid_request"/s, `${method} ${path}`);
        }
      }
      for (const path of ['/api/health?', '/api/health?x=/../y', '/api/health?a=//b&c=?', '/api/meta?x=%00']) {
        assert.equal((await server.client.get(path)).status, 200, path);
      }
    });

    test('needs exactly one valid Host', async () => {
      const ask = (fields: string, version = '1.1'): Promise<string> =>
        exchangeRaw(server.url, `GET /api/health HTTP/${version}\r\n${fields}Connection: close\r\n\r\n`);
      for (const host of [
        'x', 'x:80', 'x:', 'invoify.example', 'in_voify', '127.0.0.1:4380', '[::1]', '[::1]:4380', 'xn--mnchen-3ya.example.',
      ]) assert.match(await ask(`Host: ${host}\r\n`), /^HTTP\/1\.1 200 /, host);
      assert.match(await ask('Host: x\r\n', '1.0'), /^HTTP\/1\.1 200 /);
      for (const fields of [
        '', 'Host: x\r\nHost: x\r\n', 'Host: x\r\nHost: y\r\n', 'host: x\r\nHOST: x\r\n', 'Host:\r\n', 'Host: x y\r\n', 'Host: x/y\r\n',
        'Host: u@x\r\n', 'Host: x,y\r\n', 'Host: x:y\r\n', 'Host: x:80:80\r\n', 'Host: x:65536\r\n', 'Host: [x]\r\n', 'Host: [::1\r\n',
        'Host: ::1\r\n', 'Host: [::1]x\r\n', 'Host: http://x\r\n', 'Host: x?y\r\n', 'Host: x#y\r\n', 'Host: caf\u00e9\r\n',
        'Host: x\\y\r\n',
        'Host: x%00\r\n',
      ]) assert.match(await ask(fields), /^HTTP\/1\.1 400 .*"fields":\{"Host":/s, JSON.stringify(fields));
      assert.match(await ask('', '1.0'), /^HTTP\/1\.1 400 /);
    });

    test('answers HEAD like GET, without the body', async () => {
      for (const path of ['/api/health', '/api/meta', '/api/auth/me', '/api/sync/pull']) {
        const [head, get] = [await server.owner.send('HEAD', path), await server.owner.get(path)];
        assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', String(get.bytes.length)]);
      }
      assert.equal((await server.client.send('HEAD', '/api/auth/me')).status, 401);
    });

    test('gives each response a unique request id', async () => {
      const ids = await Promise.all(Array.from({ length: 20 }, async () =>
        (await server.client.get('/api/health')).headers['x-request-id']));
      assert.equal(new Set(ids).size, 20);
    });

    test('answers with the request id that was sent, whatever the answer is', async () => {
      const plans = (await server.owner.create('plans', plan())).id;
      for (const id of ['12345678', 'a-Z0'.repeat(16)]) {
        const options = { headers: { 'X-Request-Id': id } };
        const replies = [
          await server.client.send('GET', '/api/health', options), await server.client.send('GET', '/nothing', options),
          await server.client.send('PUT', '/api/plans', options), await server.client.send('GET', '/api/auth/me', options),
          await server.owner.send('GET', '/api/sync/pull', options), await server.owner.send('GET', '/api/sync/pull?limit=x', options),
          await server.owner.send('DELETE', `/api/plans/${plans}`, options), await server.owner.send('HEAD', '/api/meta', options),
          await server.owner.send('POST', '/api/plans', { ...options, raw: 'x'.repeat(limit + 1) }),
        ];
        assert.deepEqual(replies.map(({ status }) => status), [200, 404, 405, 401, 200, 400, 400, 200, 413]);
        for (const { headers } of replies) assert.equal(headers['x-request-id'], id);
      }
    });

    test('makes a request id of its own if the one sent is malformed or sent twice', async () => {
      for (const id of ['1234567', 'x'.repeat(65), 'under_score', '12345678 9', 'caf\u00e9-cafe', ['12345678', '12345678']]) {
        const { headers } = await server.client.get('/api/health', { 'X-Request-Id': id });
        assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/);
      }
    });

    test('refuses clients with an outdated protocol and no others', async () => {
      for (const version of [undefined, '2', '999999']) {
        const headers = version === undefined ? {} : { 'X-Invoify-Protocol': version };
        assert.equal((await server.owner.get('/api/sync/pull', headers)).status, 200);
      }
      for (const path of ['/api/sync/pull', '/api/auth/me', '/api/health']) {
        for (const version of ['0', '1']) {
          assertError(await server.owner.get(path, { 'X-Invoify-Protocol': version }), 'upgrade_required');
        }
      }
      assertError(await server.client.post('/api/auth/login', { email: firstOwner, password }, { 'X-Invoify-Protocol': '0' }),
        'upgrade_required');
      for (const version of ['', '-1', 'one', '1.0', '0x1', '1e0', ['1', '1']]) {
        assertError(await server.owner.get('/api/auth/me', { 'X-Invoify-Protocol': version }), 'invalid_request', ['X-Invoify-Protocol']);
      }
    });

    test('ignores unknown parameters and refuses one that is given twice', async () => {
      assert.equal((await server.owner.get('/api/auth/me?verbose=1&__proto__=x')).status, 200);
      assertError(await server.owner.get('/api/auth/me?a=1&a=2'), 'invalid_request', ['a']);
      assertError(await server.owner.get('/api/health?%61=1&a=1'), 'invalid_request', ['a']);
    });
  });

  describe(`a body, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let version = '';
    let path = '';
    before(async () => {
      server = await startServer(store);
      const { id, updatedAt } = await server.owner.create('plans', plan());
      [path, version] = [`/api/plans/${id}`, updatedAt];
    });
    after(() => server.stop());

    const json = { 'Content-Type': 'application/json' };
    const sendRaw = (raw: string | Buffer, headers: Record<string, string> = json): Promise<Reply> =>
      server.owner.send('POST', '/api/plans', { raw, headers });
    /** Sends the same body to every kind of route that reads one. */
    const everywhere = (raw: string | Buffer, headers: Record<string, string> = json): Promise<Reply[]> => Promise.all([
      server.client.send('POST', '/api/auth/login', { raw, headers }),
      sendRaw(raw, headers),
      server.owner.send('PATCH', path, { raw, headers: { ...headers, 'If-Match': `"${version}"` } }),
      server.owner.send('POST', `/api/invoices/${someId}/issue`, { raw, headers: { ...headers, 'If-Match': `"${version}"` } }),
    ]);

    test('that is not JSON is refused', async () => {
      for (const raw of [
        '{', '}', '{"a":1', '{"a":1}}', "{'a':1}", '{a:1}', '{"a":1,}', '[1,]', 'undefined', 'NaN', '01', '+1', '.5', '1.', '"\n"',
        '"\\x"', '"\\ud8"', ' ',
        '\u00a0{}', '{}\u0000', '{"a":1}{"b":2}', '// x\n{}', 'null null',
      ]) for (const reply of await everywhere(raw)) assertError(reply, 'invalid_request', ['.']);
    });

    test('that is not UTF-8 is refused', async () => {
      for (const bytes of [
        [0xff], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xc0, 0x80, 0x22], [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00],
      ]) {
        for (const reply of await everywhere(Buffer.from(bytes))) assertError(reply, 'invalid_request', ['.']);
      }
    });

    test('that is nested too deeply is refused, at any depth', async () => {
      for (const depth of [40, 1000, 100_000]) {
        for (const [open, close] of [['[', ']'], ['{"a":', '}']] as const) {
          const raw = `${open.repeat(depth)}1${close.repeat(depth)}`;
          const [signIn, ...others] = await everywhere(raw);
          assert.equal(signIn?.status, raw.length > 4096 ? 413 : 400);
          for (const reply of others) assertError(reply, 'invalid_request', ['.']);
        }
      }
      assertError(await sendRaw('['.repeat(limit)), 'invalid_request', ['.']);
      assert.equal((await sendRaw(JSON.stringify(plan({ name: '[[[[{{{{'.repeat(20) })))).status, 201);
    });

    test('of another media type, character set or encoding is refused', async () => {
      const raw = JSON.stringify(plan());
      const types = [
        'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', 'application/json+x',
        'text/json', 'json', '*/*', 'application/json; charset=utf-16', 'application/json; charset=latin1', 'application/json, text/plain',
      ];
      for (const headers of [...types.map((type) => ({ 'Content-Type': type })), { ...json, 'Content-Encoding': 'gzip' }]) {
        for (const reply of await everywhere(raw, headers)) assertError(reply, 'unsupported_media_type');
      }
      for (const headers of [{ 'Content-Type': 'text/plain' }, {}]) {
        for (const reply of (await everywhere(raw, headers)).slice(1)) assertError(reply, 'unsupported_media_type');
      }
      const twice = await server.owner.send('POST', '/api/plans', { raw, headers: { 'Content-Type': ['application/json', 'text/plain'] } });
      assertError(twice, 'unsupported_media_type');
      for (const type of ['application/json', 'Application/JSON', 'application/json;charset=UTF-8', 'application/json; charset="utf-8"']) {
        assert.equal((await sendRaw(raw, { 'Content-Type': type })).status, 201, type);
      }
    });

    test('of a sign-in is read as JSON although its type is text, or not named', async () => {
      const raw = JSON.stringify({ email: firstOwner, password });
      for (const type of ['text/plain', 'text/plain;charset=UTF-8', 'Text/Plain; charset="utf-8"', undefined]) {
        const headers = type === undefined ? {} : { 'Content-Type': type };
        const reply = await server.client.send('POST', '/api/auth/login', { raw, headers });
        assert.equal(reply.status, 200, type);
        assert.equal((await server.client.as(reply.body.token).get('/api/auth/me')).status, 200);
      }
      for (const type of ['text/plain; charset=latin1', 'text/html']) {
        const reply = await server.client.send('POST', '/api/auth/login', { raw, headers: { 'Content-Type': type } });
        assertError(reply, 'unsupported_media_type');
      }
    });

    test('of exactly 1 MiB is accepted and a larger one refused, with or without Content-Length', async () => {
      const padded = (size: number) => JSON.stringify(plan()).padEnd(size);
      assert.equal((await sendRaw(padded(limit))).status, 201);
      const chunked = { ...json, 'Transfer-Encoding': 'chunked' };
      assert.equal((await sendRaw(padded(limit), chunked)).status, 201);
      for (const [size, headers] of [[limit + 1, json], [limit + 1, chunked], [3 * limit, json], [3 * limit, chunked]] as const) {
        for (const reply of await everywhere(padded(size), headers)) assertError(reply, 'payload_too_large');
      }
      assert.equal((await server.owner.get('/api/health')).status, 200);
    });

    test('whose Content-Length is too large is refused before it is sent', async () => {
      const { port } = new URL(server.url);
      const request = requestHttp({ port, method: 'POST', path: '/api/auth/login', headers: { ...json, 'Content-Length': 10 * limit } });
      const reply = await new Promise<Reply>((resolve, reject) => {
        request.on('response', (response) => resolve(readReply(response))).on('error', reject).flushHeaders();
      });
      request.destroy();
      assertError(reply, 'payload_too_large');
    });

    test('may start with a byte order mark', async () => {
      assert.equal((await sendRaw(`\ufeff${JSON.stringify(plan())}`)).status, 201);
    });

    test('that is cut off changes nothing', async () => {
      const before = (await server.owner.pull()).text;
      const text = JSON.stringify(plan());
      const head = ['POST /api/plans HTTP/1.1', 'Host: x', `Authorization: Bearer ${server.owner.token}`, 'Content-Type: application/json'];
      const { port } = new URL(server.url);
      for (const [length, body] of [[text.length + 1, text], [text.length, text.slice(1)]] as const) {
        const headers = { ...json, Authorization: `Bearer ${server.owner.token}`, 'Content-Length': length };
        const request = requestHttp({ port, method: 'POST', path: '/api/plans', headers });
        await new Promise<void>((resolve) => request.on('error', () => resolve()).write(body, () => request.destroy(new Error('cut'))));
      }
      const broken = await exchangeRaw(server.url, [...head, 'Transfer-Encoding: chunked', '', 'zz', text, '0', '', ''].join('\r\n'));
      assert.match(broken, /^HTTP\/1\.1 400 /);
      assert.equal((await server.owner.pull()).text, before);
    });
  });

  describe(`a malformed request, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store); });
    after(() => server.stop());

    test('gets an error like every other error', async () => {
      for (const [text, status] of [
        ['nonsense\r\n\r\n', 400], ['GET /api/health HTTP/9.9\r\nHost: x\r\n\r\n', 400],
          ['FROB /api/health HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['GET /api/health HTTP/1.1\r\nConnection: close\r\n\r\n', 400], ['CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        [`GET /api/health HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`, 400],
        ['GET /api/health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n', 400], ['GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
        ['POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 400],
        ['POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
        ['POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello', 400],
        ['GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
        ['GET /api/auth/me HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n', 401],
        ['GET /api/auth/me HTTP/1.0\r\nHost: x\r\n\r\n', 401],
        ['GET /nothing HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n', 404],
      ] as const) {
        const answer = await exchangeRaw(server.url, text);
        const [head = '', body = ''] = answer.split('\r\n\r\n');
        const fields = head.split('\r\n').slice(1).map((field) => field.toLowerCase().split(': '));
        const headers = Object.fromEntries(fields) as Record<string, string>;
        assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), text);
        assert.equal(headers['cache-control'], 'no-store');
        assert.match(headers['content-type'] ?? '', /^application\/json/);
        if (headers['www-authenticate']) headers['www-authenticate'] = 'Bearer';
        checkError(status, headers, JSON.parse(body) as Body);
      }
      assert.equal((await server.client.get('/api/health')).status, 200);
    });

    test('never has its refused body parsed as the next request', async () => {
      const smuggled = 'GET /api/meta HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
      const answer = await exchangeRaw(server.url, `POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 * limit}\r\n\r\n${smuggled}`);
      assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
      assert.match(answer, /^HTTP\/1\.1 404 /);
    });

    test('does not include pipelined requests, which are answered in order', async () => {
      const get = (path: string, last = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${last}\r\n`;
      const answer = await exchangeRaw(server.url, get('/api/health') + get('/nothing') + get('/api/meta', 'Connection: close\r\n'));
      assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200']);
    });

    test('in a field\'s text is stored as is', async () => {
      const name = 'GET / HTTP/1.1  Host: x';
      assert.equal((await server.owner.create('customers', customer({ name }))).payload['name'], name);
    });
  });
}
