// A network that a test can break: real HTTP behind a fetch that fails where, and the way, the test says.

import { setImmediate as nextTurn } from 'node:timers/promises';

import { TOTAL_PAGE_CHANGES } from '../../desktop/sync/progress.ts';

/** One request of the desktop. */
export interface Call {
  /** Counts every request of this network, from 0. */
  readonly index: number;
  /** Counts the pulls since the plan was made, from 0; null for any other request. */
  readonly page: number | null;
  readonly method: string;
  readonly path: string;
  /** The cursor of a pull; null for the first page and for any other request. */
  readonly since: string | null;
  /** How many changes a pull asks for; null for any other request. */
  readonly limit: number | null;
  readonly headers: Headers;
}

export interface Exchange {
  readonly call: Call;
  readonly signal: AbortSignal | null;
  /** Says that nothing more will come of this request. */
  readonly stall: () => void;
  /** Lets the request through to the server. */
  readonly forward: () => Promise<Response>;
}

/** What happens to a request in place of simply reaching the server. */
export type Fault = (exchange: Exchange) => Promise<Response>;

export interface Network {
  readonly fetch: typeof fetch;
  /** Every request so far. */
  readonly calls: readonly Call[];
  /** Says what happens to each request from now on; null lets it through. Without a plan all is well. */
  plan(plan: ((call: Call) => Fault | null) | null): void;
  /** The pulls since the plan was made. */
  pulls(): readonly Call[];
}

export interface NetworkOptions {
  /** Where the server is now, if that is not where its address says. */
  readonly place?: (() => string) | undefined;
  /** Called when a request has fallen silent; time may pass then. */
  readonly onStall?: (signal: AbortSignal | null) => void;
}

export function createNetwork({ place, onStall }: NetworkOptions = {}): Network {
  const calls: Call[] = [];
  let planned: ((call: Call) => Fault | null) | null = null;
  let pulls: Call[] = [];
  return {
    calls,
    pulls: () => pulls,
    plan(plan) {
      planned = plan;
      pulls = [];
    },
    async fetch(input, init) {
      const url = new URL(String(input));
      // What asks how much there is, beside a first sync, is no page of it.
      const isPull = url.pathname === '/api/sync/pull' && url.searchParams.get('limit') !== String(TOTAL_PAGE_CHANGES);
      const call: Call = {
        index: calls.length,
        page: isPull ? pulls.length : null,
        method: init?.method ?? 'GET',
        path: url.pathname,
        since: isPull ? url.searchParams.get('since') : null,
        limit: isPull ? Number(url.searchParams.get('limit')) : null,
        headers: new Headers(init?.headers),
      };
      calls.push(call);
      if (isPull) pulls.push(call);
      const forward = (): Promise<Response> => fetch(place ? place() + url.pathname + url.search : input, init);
      const signal = init?.signal ?? null;
      return (planned?.(call) ?? letThrough)({ call, forward, signal, stall: () => onStall?.(signal) });
    },
  };
}

export const letThrough: Fault = ({ forward }) => forward();

/** What stops a request; each is what the desktop sees of something that happens to real requests. */
export const faults = {
  refused: async () => {
    throw failed('ECONNREFUSED');
  },
  /** The server does its work and the answer is lost. */
  answerLost: async ({ forward }) => {
    await (await forward()).arrayBuffer();
    throw failed('ECONNRESET');
  },
  resetInBody: async ({ forward }) => cut(await forward(), (controller) => controller.error(failed('ECONNRESET'))),
  /** A middleman ends the answer early and in good form. */
  truncated: async ({ forward }) => cut(await forward(), (controller) => controller.close()),
  empty: async () => new Response(''),
  garbage: async () => new Response('{"success":tru\u0000', { headers: json }),
  captivePortal: async () => new Response('<!doctype html><title>Hotel</title>', { headers: { 'content-type': 'text/html' } }),
  internal: async () => refuse(500, 'internal'),
  unavailable: async () => refuse(503, 'unavailable', { 'retry-after': '2' }),
  tooManyRequests: async () => refuse(429, 'too_many_requests', { 'retry-after': '7' }),
  badGateway: async () => new Response('<html>Bad Gateway</html>', { status: 502, headers: { 'content-type': 'text/html' } }),
  unauthorized: async () => refuse(401, 'unauthorized'),
  cursorEnded: async () => refuse(410, 'resync_required'),
  upgradeRequired: async () => refuse(426, 'upgrade_required'),
  /** Nothing comes at all until the desktop gives up. */
  stalled: ({ signal, stall }) => new Promise<Response>((_resolve, reject) => {
    onAbort(signal, () => reject(signal?.reason));
    stall();
  }),
  /** Nothing comes, and no time passes: until the desktop stops the request itself. */
  silent: ({ signal }) => new Promise<Response>((_resolve, reject) => {
    onAbort(signal, () => reject(signal?.reason));
  }),
  /** Half of the answer comes, and then nothing. */
  stalledInBody: async ({ forward, signal, stall }) => cut(await forward(), (controller) => {
    onAbort(signal, () => controller.error(signal?.reason));
    stall();
  }),
} as const satisfies Record<string, Fault>;

const json = { 'content-type': 'application/json; charset=utf-8' };

export function refuse(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { success: false, error: { code, message: `The test answers ${code}.` } };
  return Response.json(body, { status, headers });
}

/** An answer whose text a middleman has changed. */
export async function altered(answer: Promise<Response>, alter: (text: string) => string): Promise<Response> {
  const response = await answer;
  return new Response(alter(await response.text()), { status: response.status, headers: json });
}

/** What fetch rejects with when the connection fails. */
export function failed(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

/** The first half of an answer, and then what `end` does to it. */
async function cut(response: Response, end: (controller: ReadableStreamDefaultController<Uint8Array>) => void): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const half = bytes.subarray(0, Math.floor(bytes.length / 2));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(half);
      await nextTurn();
      end(controller);
    },
  });
  return new Response(body, { status: response.status, headers: json });
}

function onAbort(signal: AbortSignal | null, callback: () => void): void {
  if (signal?.aborted) callback();
  else signal?.addEventListener('abort', callback, { once: true });
}
