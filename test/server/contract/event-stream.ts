// A client of the nudge stream, written from the wire contract alone. It queues what it receives, in order, until a test
// asks for it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';

/** An event, a comment or the end of the stream; `isWhole` if the response was complete. */
export type StreamItem =
  | { readonly kind: 'event'; readonly type: string; readonly data: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'end'; readonly isWhole: boolean };

export interface EventStream {
  readonly headers: IncomingHttpHeaders;
  /** The next item in the queue, waiting for one if necessary. */
  next(): Promise<StreamItem>;
  /** The instant of the next item, which must be a `change` event. */
  clock(): Promise<string>;
  /** The instants up to the first at or after `serverTime`; asserts that they increase. */
  clocksUntil(serverTime: string): Promise<string[]>;
  /** Resolves when the stream has ended; discards what came before. */
  end(): Promise<{ readonly isWhole: boolean }>;
  /** The queue. */
  readonly waiting: readonly StreamItem[];
  close(): void;
}

/** Opens the stream and asserts success. `ca` is the certificate to trust over HTTPS. */
export async function openEvents(url: string, token: string | null, ca?: string): Promise<EventStream> {
  const headers = { 'Authorization': `Bearer ${token}`, 'X-Request-Id': randomUUID() };
  const options = { agent: false, headers } as const;
  const address = `${url}/api/sync/events`;
  const request = ca === undefined ? requestHttp(address, options) : requestHttps(address, { ...options, ca });
  request.on('error', () => {});
  request.end();
  const [response] = await once(request, 'response') as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['x-request-id'], headers['X-Request-Id']);
  const waiting: StreamItem[] = [];
  let arrived = Promise.withResolvers<void>();
  const receive = (item: StreamItem): void => {
    waiting.push(item);
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) receive(read(block));
  });
  response.on('error', () => {}).once('close', () => receive({ kind: 'end', isWhole: response.complete && text === '' }));

  const stream: EventStream = {
    headers: response.headers,
    waiting,
    async next() {
      while (waiting.length === 0) await arrived.promise;
      return waiting.shift() ?? assert.fail();
    },
    async clock() {
      const item = await stream.next();
      assert(item.kind === 'event' && item.type === 'change', JSON.stringify(item));
      const { serverTime, ...rest } = JSON.parse(item.data) as { serverTime: string };
      assert.deepEqual(rest, {}, 'a nudge carries the clock alone');
      return serverTime;
    },
    async clocksUntil(serverTime) {
      const clocks: string[] = [];
      for (;;) {
        const clock = await stream.clock();
        assert(clock > (clocks.at(-1) ?? ''), 'the clock did not advance');
        clocks.push(clock);
        if (clock >= serverTime) return clocks;
      }
    },
    async end() {
      for (;;) {
        const item = await stream.next();
        if (item.kind === 'end') return item;
      }
    },
    close: () => void request.destroy(),
  };
  return stream;
}

function read(block: string): StreamItem {
  if (block.startsWith(':')) return { kind: 'comment', text: block.slice(1) };
  const [, type = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
  assert(type !== '', `not an event: ${JSON.stringify(block)}`);
  return { kind: 'event', type, data };
}
