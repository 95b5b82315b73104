// A client of the stream of nudges that knows nothing of the server's code: what comes is kept in order, and a test waits
// for what must come.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** An event as its type and data, a comment as its text, and the end of the stream. */
export type Heard =
  | { readonly kind: 'event'; readonly type: string; readonly data: string }
  | { readonly kind: 'comment'; readonly text: string }
  | { readonly kind: 'end'; readonly isWhole: boolean };

export interface EventStream {
  readonly headers: IncomingHttpHeaders;
  /** What comes next, or has come and was not taken yet. */
  next(): Promise<Heard>;
  /** The instant of the next thing that comes, which must be an event of a change. */
  clock(): Promise<string>;
  /** Takes instants, each later than the one before, until one is `serverTime` or later; returns them. */
  clocksUntil(serverTime: string): Promise<string[]>;
  /** Resolves when the stream has ended, whatever comes before. */
  end(): Promise<{ readonly isWhole: boolean }>;
  /** What has come and was not taken. */
  readonly waiting: readonly Heard[];
  close(): void;
}

/** Opens the stream, which must be granted. */
export async function openEvents(url: string, token: string | null): Promise<EventStream> {
  const request = requestHttp(`${url}/api/sync/events`, { agent: false, headers: { Authorization: `Bearer ${token}` } });
  request.on('error', () => {});
  request.end();
  const [response] = await once(request, 'response') as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  const waiting: Heard[] = [];
  let arrived = Promise.withResolvers<void>();
  const hear = (heard: Heard): void => {
    waiting.push(heard);
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (text + chunk).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) hear(read(block));
  });
  response.on('error', () => {}).once('close', () => hear({ kind: 'end', isWhole: response.complete && text === '' }));

  const stream: EventStream = {
    headers: response.headers,
    waiting,
    async next() {
      while (waiting.length === 0) await arrived.promise;
      return waiting.shift() ?? assert.fail();
    },
    async clock() {
      const heard = await stream.next();
      assert(heard.kind === 'event' && heard.type === 'change', JSON.stringify(heard));
      const { serverTime, ...rest } = JSON.parse(heard.data) as { serverTime: string };
      assert.deepEqual(rest, {}, 'a nudge carries the clock alone');
      return serverTime;
    },
    async clocksUntil(serverTime) {
      const clocks: string[] = [];
      for (;;) {
        const clock = await stream.clock();
        assert(clock > (clocks.at(-1) ?? ''), 'a clock that is not newer was told');
        clocks.push(clock);
        if (clock >= serverTime) return clocks;
      }
    },
    async end() {
      for (;;) {
        const heard = await stream.next();
        if (heard.kind === 'end') return heard;
      }
    },
    close: () => void request.destroy(),
  };
  return stream;
}

function read(block: string): Heard {
  if (block.startsWith(':')) return { kind: 'comment', text: block.slice(1) };
  const [, type = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
  assert(type !== '', `not an event: ${JSON.stringify(block)}`);
  return { kind: 'event', type, data };
}
