// Whatever is sent, the response has the form of the contract and a code from its table, never `internal`, and a refused
// request changes nothing. A failure prints its seed and the smallest request that fast-check finds.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import fc from 'fast-check';

import { statusOf, type Client } from '../../client.ts';
import { addAccount, hire, startServer, stores, type People, type TestServer } from '../harness.ts';
import { NaiveCache, withoutEmpty } from '../naive-cache.ts';
import { company, customer, invoice, plan, user } from '../samples.ts';
import { amount } from '../../sync/seeds.ts';

/** Every run tries other requests. */
const RUNS = { embedded: amount(500, 5000), mongodb: amount(100, 1000) } as const;
const TIME_LIMIT_MS = amount(6000, 60_000);

const expectedStatus = new Set([200, 201, ...Object.values(statusOf)].filter((status) => status !== 500));
const hostileKeys = ['__proto__', 'constructor', 'toString', '', 'id', '$where', 'payload', 'a.b'];
const hostileTexts = [
  '', ' ', '\u0000', '\ud800', '{"$gt":""}', '../../etc', "'; DROP TABLE record; --", '\u202e', 'a'.repeat(300), '-0', 'NaN', 'null',
];

/** Any sequence of UTF-16 units. */
const anyText = fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units));
const visible = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 140 });
const hostileValue = fc.oneof(fc.constantFrom<unknown>(...hostileTexts), fc.jsonValue(), fc.double(), fc.maxSafeInteger(),
  anyText);

/** Placeholders that a test replaces with its own clients and records. */
const who = fc.constantFrom('owner', 'editor', 'viewer', 'nobody', 'mutated', 'garbage');
const idKind = fc.constantFrom('company', 'plan', 'customer', 'draft', 'issued', 'user', 'foreign', 'unknown', 'junk');
const collection = fc.constantFrom('company', 'users', 'plans', 'customers', 'invoices');
const action = fc.oneof(
  fc.constantFrom('issue', 'payments', 'credit', 'void', 'payments/0123456789abcdef01234567'), visible.map(encodeURIComponent),
);

const fixedRoutes = ['/', '/api', '/api/health', '/api/meta', '/api/ready', '/api/auth/me', '/api/auth/refresh', '/api/sync/pull'];
const route = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...fixedRoutes) },
  { weight: 4, arbitrary: collection.map((name) => `/api/${name}`) },
  { weight: 6, arbitrary: fc.tuple(collection, idKind).map(([name, id]) => `/api/${name}/:${id}`) },
  { weight: 4, arbitrary: fc.tuple(collection, idKind, action).map(([name, id, act]) => `/api/${name}/:${id}/${act}`) },
  { weight: 1, arbitrary: fc.array(visible.map(encodeURIComponent), { maxLength: 4 }).map((parts) => `/api/${parts.join('/')}`) },
);

const parameter = fc.tuple(fc.constantFrom('since', 'limit', 'x'), fc.oneof(visible, fc.date().map(String), fc.integer().map(String)))
  .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.array(parameter, { maxLength: 3 }).map((parts) => `?${parts.join('&')}`) },
  { weight: 1, arbitrary: fc.date({ noInvalidDate: true }).map((date) => `?since=${date.toISOString()}`) },
);

const headers = fc.record({
  'If-Match': fc.oneof({ weight: 3, arbitrary: fc.constant(':version') }, visible,
    fc.date({ noInvalidDate: true }).map((date) => `"${date.toISOString()}"`)),
  'Idempotency-Key': visible,
  'X-Invoify-Protocol': fc.oneof(fc.constantFrom('0', '1', '2'), visible),
  'Content-Type': fc.oneof({ weight: 8, arbitrary: fc.constant('application/json') },
    fc.constantFrom('text/plain', 'application/json; charset=x'), visible),
  'Accept-Encoding': visible,
}, { requiredKeys: ['Content-Type'] });

/** Changes to a valid body: a field replaced, added or removed. */
const mutation = fc.record({
  field: fc.nat(),
  value: hostileValue,
  key: fc.option(fc.oneof(fc.constantFrom(...hostileKeys), fc.string()), { nil: undefined }),
  isRemoved: fc.boolean(),
});
const body = fc.oneof(
  { weight: 5, arbitrary: fc.array(mutation, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: anyText.map((text) => `{"name":"${text}`) },
);

const wild = fc.record({
  who, route, query, headers, body,
  method: fc.oneof({ weight: 6, arbitrary: fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE') }, fc.constantFrom('PUT', 'HEAD', 'OPTIONS')),
});

/** A request with at most one thing wrong. */
const plausible = fc.oneof(
  fc.record({ method: fc.constant('POST'), route: collection.map((name) => `/api/${name}`) }),
  fc.record({
    method: fc.constantFrom('PATCH', 'PATCH', 'GET', 'DELETE'),
    route: fc.constantFrom('plans/:plan', 'customers/:customer', 'invoices/:draft', 'invoices/:issued', 'users/:user', 'company/:company')
      .map((path) => `/api/${path}`),
  }),
  fc.record({
    method: fc.constant('POST'),
    route: fc.tuple(fc.constantFrom('draft', 'issued'), fc.constantFrom('issue', 'payments', 'credit', 'void'))
      .map(([id, act]) => `/api/invoices/:${id}/${act}`),
  }),
).chain((base) => fc.record({
  method: fc.constant(base.method),
  route: fc.constant(base.route),
  who: fc.constantFrom('owner', 'owner', 'editor', 'viewer'),
  query: fc.constant(''),
  headers: fc.record({
    'If-Match': fc.constantFrom(':version', ':version', ':version', '"2026-01-01T00:00:00Z"'),
    'Idempotency-Key': fc.constantFrom('one', 'two', 'three'),
    'Content-Type': fc.constant('application/json'),
  }, { requiredKeys: ['If-Match', 'Content-Type'] }),
  body: fc.array(mutation, { maxLength: 1 }),
}));

const request = fc.oneof({ weight: 2, arbitrary: plausible }, { weight: 1, arbitrary: wild });
type FuzzRequest = typeof wild extends fc.Arbitrary<infer R> ? R : never;

for (const store of stores) {
  describe(`an arbitrary request, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    const known = new Map<string, { id: string; updatedAt: string }>();
    let bodies: Readonly<Record<string, Record<string, unknown>>> = {};
    before(async () => {
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
      const { owner } = server;
      known.set('plan', await owner.create('plans', plan()));
      const buyer = await owner.create('customers', customer());
      known.set('customer', buyer);
      known.set('draft', await owner.create('invoices', invoice(buyer.id)));
      const other = await owner.create('invoices', invoice(buyer.id));
      known.set('issued', await owner.act(other, 'issue'));
      const { mongoId = '', updatedAt = '' } = (await owner.pull()).body.changes.find(({ collection: name }) => name === 'company') ?? {};
      known.set('company', { id: mongoId, updatedAt });
      known.set('user', await owner.create('users', user('someone@first.test')));
      const stranger = await addAccount(server, 'owner@second.test');
      known.set('foreign', await stranger.create('plans', plan()));
      bodies = {
        company, users: { ...user('new@first.test') }, plans: { ...plan() }, customers: { ...customer({ address: { city: 'Ulm' } }) },
        invoices: { ...invoice(buyer.id) }, payments: { amountMinor: 1, paidOn: '2026-03-01' },
      };
    });
    after(() => server.stop());

    const clientFor = (name: string): Client => {
      const { owner } = people;
      const token = owner.token ?? '';
      if (name === 'mutated') return owner.as(`${token.slice(0, 60)}${token[60] === 'A' ? 'B' : 'A'}${token.slice(61)}`);
      if (name === 'garbage') return owner.as('garbage');
      return name === 'owner' || name === 'editor' || name === 'viewer' ? people[name] : server.client;
    };

    const bodyFor = (path: string, wanted: FuzzRequest['body']): string | Buffer => {
      if (!Array.isArray(wanted)) return wanted;
      const [, , name = '', , act = ''] = path.split('/');
      const fields = new Map(Object.entries(bodies[act] ?? bodies[name] ?? {}));
      for (const { field, value, key, isRemoved } of wanted) {
        const chosen = key ?? [...fields.keys()][field % Math.max(fields.size, 1)] ?? 'name';
        if (isRemoved) fields.delete(chosen);
        else fields.set(chosen, value);
      }
      return JSON.stringify(Object.fromEntries(fields)) ?? '';
    };

    test('gets a response in the form of the contract and changes nothing if it is refused', async () => {
      let held = await server.owner.pull();
      await fc.assert(fc.asyncProperty<[FuzzRequest]>(request, async (wanted) => {
        const kind = /\/:(\w+)/.exec(wanted.route)?.[1] ?? '';
        const target = known.get(kind);
        const path = wanted.route.replace(/:(\w+)/, target?.id ?? (kind === 'unknown' ? '0123456789abcdef01234567' : 'x%00y'));
        const { 'If-Match': ifMatch, ...rest } = wanted.headers;
        const version = ifMatch === ':version' && target ? `"${target.updatedAt}"` : ifMatch;
        const reply = await clientFor(wanted.who).send(wanted.method, path + wanted.query, {
          headers: { ...rest, ...(version === undefined ? {} : { 'If-Match': version }) },
          ...(wanted.method === 'GET' || wanted.method === 'HEAD' ? {} : { raw: bodyFor(wanted.route, wanted.body) }),
        });
        assert.ok(expectedStatus.has(reply.status), `${reply.status} ${reply.text}`);
        if (target && reply.status === 200 && reply.body.record) known.set(kind, reply.body.record);
        if (reply.status < 400) {
          held = await server.owner.pull();
          return;
        }
        const now = await server.owner.pull(`?since=${held.body.serverTime}`);
        assert.deepEqual([now.status, now.body.count, now.body.serverTime], [200, 0, held.body.serverTime]);
        assert.deepEqual(now.body.digest, held.body.digest);
      }), { numRuns: RUNS[store.kind], interruptAfterTimeLimit: TIME_LIMIT_MS });

      const { pages, last } = await server.owner.pullAll();
      const cache = new NaiveCache();
      for (const page of pages) cache.apply(page);
      assert.deepEqual(cache.digest(), withoutEmpty(last.body.digest));
      assert.deepEqual(server.lines.filter((line) => line.includes('"level":"error"')), []);
    });

    test('to sign in gets a response in the form of the contract', async () => {
      const attempt = fc.oneof(
        fc.record({ email: hostileValue, password: hostileValue }),
        fc.record({ email: fc.string(), password: fc.string() }),
        fc.jsonValue(),
      );
      await fc.assert(fc.asyncProperty(attempt, async (json) => {
        const { status, text } = await server.client.post('/api/auth/login', json);
        assert.ok([400, 401, 429].includes(status), text);
      }), { numRuns: 100, interruptAfterTimeLimit: TIME_LIMIT_MS });
    });
  });
}
