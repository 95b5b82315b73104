// Networks that a test can break.
//
// Three ways in, one set of faults:
// - `createNetwork` is a fetch for a desktop in the test's own process. Its plan decides what happens to each request; the
//   rest is real HTTP.
// - `openGate` is the same network behind an address of its own, for a desktop in another process (Electron's stand-in, the
//   preview that a browser drives), whose fetch a test cannot replace.
// - `openStubServer` is a server that is not Invoify's, or no longer: it answers what the test says.
//
// `page.route` stays where a browser test holds back a call between page and preview: that is no request to the server.

import { once } from 'node:events';
import { createServer, request as requestHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { requestIdHeader } from '../shared/protocol.ts';

/** One request to the server. */
export interface Call {
  /** Counts all requests of this network, from 0. */
  readonly index: number;
  /** Counts the pulls since the plan was set, from 0; null for any other request. */
  readonly page: number | null;
  readonly method: string;
  readonly path: string;
  /** The cursor of a pull; null for the first page and for any other request. */
  readonly since: string | null;
  /** The page size that a pull asks for; null for a stream and for any other request. */
  readonly limit: number | null;
  /** What the answer to a pull must repeat; null for any other request. */
  readonly nonce: string | null;
  readonly headers: Headers;
}

export interface Exchange {
  readonly call: Call;
  readonly signal: AbortSignal | null;
  /** Reports that nothing more will arrive for this request. */
  readonly stall: () => void;
  /** Sends the request to the server, with these headers in place of its own. */
  readonly forward: (headers?: Readonly<Record<string, string>>) => Promise<Response>;
}

/** What happens to a request instead of simply reaching the server. */
export type Fault = (exchange: Exchange) => Promise<Response>;

/** Decides what happens to a request; null lets it through. */
export type Plan = (call: Call) => Fault | null;

export interface Network {
  readonly fetch: typeof fetch;
  /** All requests so far. */
  readonly calls: readonly Call[];
  /** Applies to requests from now on; null lets everything through, as at the start. */
  plan(plan: Plan | null): void;
  /** The pulls since the plan was set. */
  pulls(): readonly Call[];
}

export interface NetworkOptions {
  /** The server's current origin, if it differs from the address that the desktop knows. */
  readonly currentUrl?: (() => string) | undefined;
  /** Called when a request stalls, so that a test can let time pass. */
  readonly onStall?: (signal: AbortSignal | null) => void;
  /** Sends what goes through; default: `fetch`. */
  readonly send?: (url: string, init: RequestInit) => Promise<Response>;
  /** Whether the server sees that a stream is asked for; default: true. */
  readonly hasStreams?: boolean | undefined;
}

export function createNetwork({ currentUrl, onStall, send = fetch, hasStreams = true }: NetworkOptions = {}): Network {
  const calls: Call[] = [];
  let planned: Plan | null = null;
  let pulls: Call[] = [];
  return {
    calls,
    pulls: () => pulls,
    plan(plan) {
      planned = plan;
      pulls = [];
    },
    async fetch(input, init = {}) {
      const url = new URL(String(input));
      const isPull = url.pathname === '/api/sync/pull';
      const headers = new Headers(init.headers);
      if (!hasStreams) headers.delete('accept');
      const call: Call = {
        index: calls.length,
        page: isPull ? pulls.length : null,
        method: init.method ?? 'GET',
        path: url.pathname,
        since: isPull ? url.searchParams.get('since') : null,
        limit: isPull && url.searchParams.has('limit') ? Number(url.searchParams.get('limit')) : null,
        nonce: isPull ? url.searchParams.get('nonce') : null,
        headers,
      };
      calls.push(call);
      if (isPull) pulls.push(call);
      const target = (currentUrl?.() ?? url.origin) + url.pathname + url.search;
      const forward: Exchange['forward'] = (changed) =>
        send(target, { ...init, headers: { ...Object.fromEntries(headers), ...changed } });
      const signal = init.signal ?? null;
      const response = await (planned?.(call) ?? passThrough)({ call, forward, signal, stall: () => onStall?.(signal) });
      // A fault decides what is answered, not to which request, unless it says so.
      const requestId = headers.get(requestIdHeader);
      if (requestId !== null && !response.headers.has(requestIdHeader)) response.headers.set(requestIdHeader, requestId);
      return response;
    },
  };
}

export const passThrough: Fault = ({ forward }) => forward();

/** Failures of real networks, servers and proxies, as the client sees them. */
export const faults = {
  refused: async () => {
    throw networkError('ECONNREFUSED');
  },
  /** The server does its work, but the response is lost. */
  answerLost: async ({ forward }) => {
    await (await forward()).arrayBuffer();
    throw networkError('ECONNABORTED');
  },
  resetInBody: async ({ forward }) => cut(await forward(), (controller) => controller.error(networkError('ECONNRESET'))),
  /** A proxy ends the response early but in good form. */
  truncated: async ({ forward }) => cut(await forward(), (controller) => controller.close()),
  empty: async () => new Response(''),
  garbage: async () => new Response('{"success":tru\u0000', { headers: json }),
  captivePortal: async () => new Response('<!doctype html><title>Hotel</title>', { headers: { 'content-type': 'text/html' } }),
  internal: async () => errorResponse(500, 'internal'),
  unavailable: async () => errorResponse(503, 'unavailable', { 'retry-after': '2' }),
  tooManyRequests: async () => errorResponse(429, 'too_many_requests', { 'retry-after': '7' }),
  badGateway: async () => new Response('<html>Bad Gateway</html>', { status: 502, headers: { 'content-type': 'text/html' } }),
  /** The same, but as on an idle connection that the server was just closing. */
  reset: async ({ forward }) => {
    await (await forward()).arrayBuffer();
    throw networkError('ECONNRESET');
  },
  /** The server does its work, but a proxy gave up waiting for it. */
  gatewayTimeout: async ({ forward }) => {
    await (await forward()).arrayBuffer();
    return new Response('<html>Gateway Timeout</html>', { status: 504, headers: { 'content-type': 'text/html' } });
  },
  /** The server does its work, and its response is replaced by its refusal to work. */
  unavailableAfterwards: async ({ forward }) => {
    await (await forward()).arrayBuffer();
    return errorResponse(503, 'unavailable', { 'retry-after': '2' });
  },
  unauthorized: async () => errorResponse(401, 'unauthorized'),
  cursorEnded: async () => errorResponse(410, 'resync_required'),
  upgradeRequired: async () => errorResponse(426, 'upgrade_required'),
  /** Nothing arrives until the client gives up. */
  stalled: ({ signal, stall }) => new Promise<Response>((_resolve, reject) => {
    onAbort(signal, () => reject(signal?.reason));
    stall();
  }),
  /** Nothing arrives, and no time passes until the client aborts the request. */
  silent: ({ signal }) => new Promise<Response>((_resolve, reject) => {
    onAbort(signal, () => reject(signal?.reason));
  }),
  /** Half of the response arrives, and then nothing. */
  stalledInBody: async ({ forward, signal, stall }) => cut(await forward(), (controller) => {
    onAbort(signal, () => controller.error(signal?.reason));
    stall();
  }),
} as const satisfies Record<string, Fault>;

/** After so many bytes of an answer its connection is cut, a proxy ends it, or nothing follows, with or without time passing. */
export function cutAfter(sizeBytes: number, how: 'reset' | 'end' | 'stall' | 'silence'): Fault {
  return async ({ forward, signal, stall }) => cut(await forward(), (controller) => {
    if (how === 'reset') return controller.error(networkError('ECONNRESET'));
    if (how === 'end') return controller.close();
    onAbort(signal, () => controller.error(signal?.reason));
    if (how === 'stall') stall();
  }, sizeBytes);
}

const json = { 'content-type': 'application/json; charset=utf-8' };

export function errorResponse(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { success: false, error: { code, message: `The test answers ${code}.` } };
  return Response.json(body, { status, headers });
}

/** A response whose text a proxy has changed. */
export async function alterText(answer: Promise<Response>, alter: (text: string) => string): Promise<Response> {
  const response = await answer;
  return new Response(alter(await response.text()), { status: response.status, headers: typeOf(response) });
}

function typeOf({ headers }: Response): Record<string, string> {
  return { 'content-type': headers.get('content-type') ?? '' };
}

/** What `fetch` rejects with when the connection fails. */
export function networkError(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

/** The first bytes of a response, by default half of them; then `end` finishes the stream, or does not. */
async function cut(
  response: Response, end: (controller: ReadableStreamDefaultController<Uint8Array>) => void, sizeBytes?: number,
): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const part = bytes.subarray(0, sizeBytes ?? Math.floor(bytes.length / 2));
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(part);
      await nextTurn();
      end(controller);
    },
  });
  return new Response(body, { status: response.status, headers: typeOf(response) });
}

function onAbort(signal: AbortSignal | null, callback: () => void): void {
  if (signal?.aborted) callback();
  else signal?.addEventListener('abort', callback, { once: true });
}

export interface StubServer {
  readonly url: string;
  /** All requests so far. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly token: string | undefined }[];
}

export type StubAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that answers every request with `answer`, until the test ends. */
export async function openStubServer(t: { after(run: () => void): void }, answer: StubAnswer): Promise<StubServer> {
  const requests: StubServer['requests'][number][] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', token: request.headers.authorization });
    const requestId = request.headers[requestIdHeader];
    if (requestId !== undefined) response.setHeader(requestIdHeader, requestId);
    answer(request, response);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Answers every request with this JSON text. */
export function answerJson(text: string, status = 200): StubAnswer {
  return (_request, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

export interface Gate extends Pick<Network, 'calls' | 'plan' | 'pulls'> {
  /** The server's address as the desktop knows it; the same after each `open`. */
  readonly url: string;
  /** Forwards to this server, instead of the one before. */
  open(serverUrl: string): Promise<void>;
  /** Refuses connections and cuts the existing ones. */
  close(): Promise<void>;
  /**
   * Lets this many more bytes of response bodies through each connection and holds the rest; resolves when one connection
   * has used them up. A long download is held while short requests on other connections are answered.
   */
  holdAfter(sizeBytes: number): Promise<void>;
  /** Lets everything through again. */
  release(): void;
}

/** A network behind an address of its own: an HTTP proxy in front of `serverUrl`. A failed request ends as a reset. */
export async function openGate(serverUrl: string): Promise<Gate> {
  const network = createNetwork({ currentUrl: () => target, send: sendUndecoded });
  /** How many bytes of bodies each connection may still receive. */
  const leftBytes = new Map<Socket, number>();
  let target = serverUrl;
  let listener: Server | null = null;
  let port = 0;
  let allowedBytes = Infinity;
  let onUsedUp = (): void => {};
  let onAllowance = Promise.withResolvers<void>();

  function allow(sizeBytes: number): void {
    allowedBytes = sizeBytes;
    for (const socket of leftBytes.keys()) leftBytes.set(socket, sizeBytes);
    onAllowance.resolve();
    onAllowance = Promise.withResolvers();
  }

  async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const leaving = new AbortController();
    const gone = once(response, 'close').then(() => leaving.abort());
    const left = (): number => leftBytes.get(socket) ?? 0;
    const untilAllowed = async (): Promise<void> => {
      while (left() === 0 && !leaving.signal.aborted) await Promise.race([onAllowance.promise, gone]);
      leaving.signal.throwIfAborted();
    };
    const body = Buffer.concat(await request.toArray() as Buffer[]);
    const answer = await network.fetch(`http://127.0.0.1:${port}${request.url}`, {
      method: request.method ?? 'GET', headers: withoutConnection(request.rawHeaders), signal: leaving.signal,
      ...(body.length === 0 ? {} : { body }),
    });
    await untilAllowed();
    response.writeHead(answer.status, [...answer.headers].flat()).flushHeaders();
    for await (let chunk of answer.body ?? []) {
      while (chunk.length > 0) {
        await untilAllowed();
        const part = chunk.subarray(0, left());
        chunk = chunk.subarray(part.length);
        leftBytes.set(socket, left() - part.length);
        if (left() === 0) onUsedUp();
        if (!response.write(part)) await Promise.race([once(response, 'drain'), gone]);
      }
    }
    response.end();
  }

  const gate: Omit<Gate, 'url'> = {
    calls: network.calls,
    plan: network.plan,
    pulls: network.pulls,
    async open(url) {
      await gate.close();
      target = url;
      listener = createServer({ keepAliveTimeout: 0 }, (request, response) => {
        relay(request, response).catch(() => response.destroy());
      });
      listener.on('connection', (socket: Socket) => {
        leftBytes.set(socket, allowedBytes);
        socket.on('close', () => leftBytes.delete(socket));
      });
      await once(listener.listen(port, '127.0.0.1'), 'listening');
      port = (listener.address() as AddressInfo).port;
    },
    async close() {
      if (!listener) return;
      const closed = once(listener, 'close');
      listener.close();
      listener.closeAllConnections();
      listener = null;
      await closed;
    },
    holdAfter(sizeBytes) {
      allow(sizeBytes);
      return new Promise((resolve) => {
        onUsedUp = resolve;
        if (sizeBytes === 0) resolve();
      });
    },
    release: () => allow(Infinity),
  };
  await gate.open(serverUrl);
  return { url: `http://127.0.0.1:${port}`, ...gate };
}

/** Sends a request as `fetch` does, but leaves the response in its content encoding. */
async function sendUndecoded(url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> {
  const request = requestHttp(url, {
    method, agent: false, headers: Object.fromEntries(new Headers(headers)), ...(signal ? { signal } : {}),
  });
  request.end(body);
  const [response] = await once(request, 'response') as [IncomingMessage];
  const { statusCode: status = 0, rawHeaders } = response;
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
  return new Response(hasBody ? Readable.toWeb(response) as ReadableStream<Uint8Array> : null, {
    status, headers: withoutConnection(rawHeaders),
  });
}

/** The headers of a message, without those that concern only one connection (RFC 9110, 7.6.1). */
function withoutConnection(rawHeaders: readonly string[]): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) pairs.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  return pairs.filter(([name]) => !['connection', 'keep-alive', 'transfer-encoding'].includes(name.toLowerCase()));
}
