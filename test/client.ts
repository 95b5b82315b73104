// The tests' HTTP client, written from the wire contract alone. It checks every response against what the contract promises
// for all of them: JSON with `no-store`, a request id, and for an error the status of its code, its envelope and its headers.
//
// `demo/colleague.ts` is a second client on purpose: the demonstration runs without test code, and the benchmarks measure it.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as requestHttp, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';

/** The contract's table of error codes. */
export const statusOf: Readonly<Record<string, number>> = {
  invalid_request: 400, unauthorized: 401, forbidden: 403, not_found: 404, method_not_allowed: 405, conflict: 409,
  resync_required: 410, precondition_failed: 412, payload_too_large: 413, unsupported_media_type: 415,
  upgrade_required: 426, too_many_requests: 429, internal: 500, unavailable: 503,
};

export type Payload = Readonly<Record<string, unknown>>;

export interface WireRecord {
  readonly id: string;
  readonly updatedAt: string;
  readonly payload: Payload;
}

/** A payload without who wrote it. */
export function fieldsOf({ payload: { changedBy: _author, ...fields } }: Pick<WireRecord, 'payload'>): Payload {
  return fields;
}

export type Version = Pick<WireRecord, 'id' | 'updatedAt'>;

export interface WireChange {
  readonly type: 'upsert' | 'delete';
  readonly collection: string;
  readonly mongoId: string;
  readonly updatedAt: string;
  readonly payload?: Payload;
}

export interface FieldProblem {
  readonly code: string;
  readonly message: string;
  readonly params?: Readonly<Record<string, string | number>>;
}

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, FieldProblem>>;
  readonly current?: WireRecord;
}

/** All members of all responses. A test reads those that the response to its request must have. */
export interface Body {
  readonly success: boolean;
  readonly error: ErrorBody;
  readonly record: WireRecord;
  readonly token: string;
  readonly expiresAt: string;
  readonly user: Readonly<Record<'id' | 'email' | 'name' | 'role' | 'accountId', string>>;
  readonly serverTime: string;
  readonly changes: readonly WireChange[];
  readonly count: number;
  readonly hasMore: boolean;
  readonly scope: string;
  readonly nonce?: string;
  readonly total?: number;
  readonly digest: Readonly<Record<string, { readonly count: number; readonly sum: number }>>;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  readonly body: Body;
}

export interface SendOptions {
  readonly headers?: OutgoingHttpHeaders;
  /** Sent verbatim. */
  readonly raw?: string | Buffer;
  /** Sent as JSON. */
  readonly json?: unknown;
}

export interface Client {
  readonly token: string | null;
  /** The user that the token belongs to; empty without a token. */
  readonly userId: string;
  send(method: string, path: string, options?: SendOptions): Promise<Reply>;
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Reply>;
  post(path: string, json?: unknown, headers?: OutgoingHttpHeaders): Promise<Reply>;
  patch(path: string, version: string, json: unknown): Promise<Reply>;
  remove(path: string, version: string): Promise<Reply>;
  /** Signs in and asserts success. */
  login(email: string, password: string): Promise<Client>;
  /** A client of the same server with another token. */
  as(token: string | null, userId?: string): Client;
  pull(query?: string): Promise<Reply>;
  /** Creates a record and asserts success. */
  create(collection: string, fields: object): Promise<WireRecord>;
  /** Reads a record and asserts success. */
  read(collection: string, id: string): Promise<WireRecord>;
  /** Changes this version of a record and asserts success. */
  change(collection: string, version: Version, fields: object): Promise<WireRecord>;
  /** Runs an invoice's action (`issue`, `payments`, `credit`, `void`) on this version and asserts success. */
  act(version: Version, action: string, json?: unknown): Promise<WireRecord>;
  /** Pulls the whole account, page by page. */
  pullAll(query?: string): Promise<{ changes: WireChange[]; last: Reply; pages: Reply[] }>;
}

/** A server's current address: it may restart on another port. */
export interface ServerAddress {
  readonly url: string;
  /** Default: one connection per request. */
  readonly agent?: Agent;
  /** The certificate to trust. */
  readonly ca?: string;
}

export function createClient(address: () => ServerAddress, token: string | null = null, userId = ''): Client {
  const client: Client = {
    token,
    userId,
    async send(method, path, { headers = {}, raw, json } = {}) {
      const body = json === undefined ? raw : JSON.stringify(json);
      const reply = await exchange(address(), method, path, {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(body === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': Buffer.byteLength(body) }),
        ...headers,
      }, body);
      checkReply(method, reply);
      return reply;
    },
    get: (path, headers = {}) => client.send('GET', path, { headers }),
    post: (path, json, headers = {}) => client.send('POST', path, { json, headers }),
    patch: (path, version, json) => client.send('PATCH', path, { json, headers: { 'If-Match': `"${version}"` } }),
    remove: (path, version) => client.send('DELETE', path, { headers: { 'If-Match': `"${version}"` } }),
    async login(email, password) {
      const reply = await client.post('/api/auth/login', { email, password });
      assert.equal(reply.status, 200, reply.text);
      return createClient(address, reply.body.token, reply.body.user.id);
    },
    as: (other, otherId = '') => createClient(address, other, otherId),
    pull: (query = '') => client.get(`/api/sync/pull${query}`),
    create: async (collection, fields) => recordIn(await client.post(`/api/${collection}`, fields), 201),
    read: async (collection, id) => recordIn(await client.get(`/api/${collection}/${id}`)),
    change: async (collection, { id, updatedAt }, fields) =>
      recordIn(await client.patch(`/api/${collection}/${id}`, updatedAt, fields)),
    act: async ({ id, updatedAt }, action, json) =>
      recordIn(await client.post(`/api/invoices/${id}/${action}`, json, { 'If-Match': `"${updatedAt}"` }), action === 'credit' ? 201 : 200),
    async pullAll(query = '') {
      const pages: Reply[] = [];
      for (let since = ''; ;) {
        const reply = await client.pull(`?${query}${since}`);
        assert.equal(reply.status, 200, reply.text);
        pages.push(reply);
        if (!reply.body.hasMore) return { changes: pages.flatMap(({ body }) => body.changes), last: reply, pages };
        since = `&since=${reply.body.serverTime}`;
      }
    },
  };
  return client;
}

function recordIn(reply: Reply, status = 200): WireRecord {
  assert.equal(reply.status, status, reply.text);
  return reply.body.record;
}

/** Sends one request with exactly these headers, checking nothing. */
export async function exchange(
  address: ServerAddress, method: string, path: string, headers: OutgoingHttpHeaders, body?: string | Buffer,
): Promise<Reply> {
  const { protocol, hostname, port } = new URL(address.url);
  const isTls = protocol === 'https:';
  const options = { method, hostname, port, path, headers };
  const request = isTls
    ? requestHttps({ ...options, agent: false, ca: address.ca }) : requestHttp({ ...options, agent: address.agent ?? false });
  request.end(body);
  // The response may arrive before the whole body is sent; a failure to send the rest does not matter.
  request.on('error', () => {});
  try {
    const [response] = await once(request, 'response') as [IncomingMessage];
    return await readReply(response);
  } catch (error) {
    // The server closed an idle connection just as it was used again (Node's documentation of `request.reusedSocket`).
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (!request.reusedSocket || (code !== 'ECONNRESET' && code !== 'EPIPE')) throw error;
    const { agent: _idle, ...fresh } = address;
    return exchange(fresh, method, path, headers, body);
  }
}

export async function readReply(response: IncomingMessage): Promise<Reply> {
  const bytes = Buffer.concat(await response.toArray() as Buffer[]);
  const isPlain = response.headers['content-encoding'] === undefined;
  const text = isPlain ? bytes.toString() : '';
  return {
    status: response.statusCode ?? 0, headers: response.headers, bytes, text,
    get body() { return (text === '' ? {} : JSON.parse(text)) as Body; },
  };
}

/** Checks what the contract promises for every response. */
function checkReply(method: string, { status, headers, text, bytes, body }: Reply): void {
  assert.equal(headers['cache-control'], 'no-store');
  assert.match(String(headers['x-request-id']), /^[A-Za-z0-9-]{8,64}$/);
  assert.match(headers['content-type'] ?? '', /^application\/json/);
  if (headers['content-encoding'] !== undefined || method === 'HEAD') {
    assert.equal(bytes.length === 0, method === 'HEAD');
    return;
  }
  if (status < 400) assert.notEqual(body.success, false, text);
  else checkError(status, headers, body);
}

export function checkError(status: number, headers: IncomingHttpHeaders, body: Body): void {
  const { code, message, fields = {} } = body.error;
  assert.equal(body.success, false);
  assert.equal(statusOf[code], status, `${code} came with ${status}`);
  assert.match(message, /\S.*[.]$/s, 'a sentence');
  assert.ok(Object.keys(fields).length <= 20, 'at most 20 fields');
  for (const problem of Object.values(fields)) checkProblem(problem);
  if (status === 401) assert.equal(headers['www-authenticate'], 'Bearer');
  if (status === 405) assert.match(headers['allow'] ?? '', /^[A-Z]+(, [A-Z]+)*$/);
  if (status === 429 || status === 503) assert.match(headers['retry-after'] ?? '', /^[1-9]\d*$/);
  assert.equal('current' in body.error, code === 'precondition_failed');
}

function checkProblem({ code, message, params = {}, ...rest }: FieldProblem): void {
  assert.deepEqual(rest, {});
  assert.match(code, /^[a-z_]+$/);
  assert.match(message, /^\S.*[^.\s]$/s, 'a phrase that continues the name of the field');
  for (const value of Object.values(params)) assert.ok(['string', 'number'].includes(typeof value));
}

/** Asserts that a reply is an error with this code and, if given, exactly these fields. */
export function assertError(reply: Reply, code: string, fields?: readonly string[]): void {
  assert.equal(reply.body.error?.code, code, `expected ${code}: ${reply.status} ${reply.text.slice(0, 500)}`);
  if (fields) assert.deepEqual(Object.keys(reply.body.error.fields ?? {}).sort(), [...fields].sort());
}

/** Sends text verbatim and returns everything received until the server closes the connection. */
export async function exchangeRaw(url: string, text: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}
