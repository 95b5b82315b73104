// The wire contract: the change feed as a stream of lines. Its form, and that it has what the pages have.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { exchange, type Client, type Reply, type WireChange } from '../../client.ts';
import { hire, startServer, stores, type People, type TestServer } from '../harness.ts';
import { customer, invoice, plan } from '../samples.ts';

const streamType = 'application/x-ndjson';

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
      server = await startServer(store);
      people = await hire(server.owner, 'first.test');
      for (let round = 0; round < 3; round += 1) {
        const { owner } = server;
        await owner.create('plans', plan({ name: `Plan ${round}` }));
        const buyer = await owner.create('customers', customer({ name: `"Zoë"\\${round} \u2028 🧾` }));
        await owner.create('invoices', invoice(buyer.id));
      }
    });
    after(() => server.stop());

    const ask = (client: Client, query = '', headers = {}): Promise<Reply> => exchange(
      { url: server.url, agent: server.agent }, 'GET', `/api/sync/pull${query}`,
      { Authorization: `Bearer ${client.token}`, Accept: streamType, ...headers },
    );
    const stream = async (client: Client, query = ''): Promise<Stream> => readStream(await ask(client, query));

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
  });
}

function readStream(reply: Reply): Stream {
  assert.equal(reply.status, 200, reply.text);
  assert.ok(reply.text.endsWith('\n'));
  const lines = reply.text.slice(0, -1).split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as unknown);
  return { reply, lines, start: parsed[0] as Start, changes: parsed.slice(1, -1) as WireChange[], end: parsed.at(-1) as End };
}
