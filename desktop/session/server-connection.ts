// The desktop's side of the wire: one server, one token, requests that end.
//
// The address is HTTPS, or HTTP on this machine only; redirects are refused, so the token reaches no other origin. A
// request that gets no byte for a while is given up, so nothing waits for ever. What the server answers is parsed
// here; what it refuses becomes an AppError with the server's own code and sentence.

import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/fields.ts';
import { badResponse, parseErrorAnswer, protocolHeader, protocolVersion } from '../../shared/protocol.ts';

/** A server that sends nothing for this long is taken to be gone. */
const IDLE_MS = 30_000;
/** The same for a stream, in which a sign of life comes every 25 seconds. */
const STREAM_IDLE_MS = 60_000;
/** Far above a page's 8 MiB; bounds what a broken server can make us hold. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ConnectionDeps {
  readonly fetch: typeof fetch;
  /** Calls back once after a delay; returns how to cancel it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Whether the operating system has a network at all; only chooses between two sentences. */
  readonly hasNetwork: () => boolean;
}

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonObject | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ServerConnection {
  readonly origin: string;
  /**
   * Sends a request and returns its answer, a JSON text in UTF-8, uncompressed. Throws the server's own error, `offline`
   * where no answer came, `cancelled` where the signal was raised, `bad_response` where what came is not ours.
   */
  send(request: Request): Promise<Buffer>;
  /**
   * Sends a request whose answer is a stream and hands on its bytes as they come; resolves when the stream has ended.
   * Throws as `send`, and what `take` throws.
   */
  receive(request: Request, take: (chunk: Uint8Array) => void): Promise<void>;
}

/** The origin of a server's address as people type it; throws `invalid_request` where it is not safe to use. */
export function parseServerUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalidUrl('Enter the address of your Invoify server, such as https://invoices.example.com.');
  }
  const isLoopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw invalidUrl('The address must begin with https://, so that nobody on the way can read your sign-in.');
  }
  return url.origin;
}

/** A connection to the server at `serverUrl`; throws like `parseServerUrl`. */
export function connectTo(serverUrl: string, deps: ConnectionDeps): ServerConnection {
  const origin = parseServerUrl(serverUrl);
  return {
    origin,
    send: (request) => exchange(origin, request, IDLE_MS, deps, async (response, touch) => {
      const bytes = await readBytes(response, touch);
      if (!response.ok) throw refusal(response, bytes);
      // A middleman's page (a captive portal, a proxy) is no answer of our server, whatever its status says.
      if (!/^\s*\{/.test(bytes.toString('utf8', 0, 64))) throw badResponse('it is not JSON');
      return bytes;
    }),
    receive: (request, take) => exchange(origin, request, STREAM_IDLE_MS, deps, async (response, touch) => {
      if (!response.ok) throw refusal(response, await readBytes(response, touch));
      if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) throw badResponse('it is not a stream');
      touch();
      for await (const chunk of response.body ?? []) {
        touch();
        take(chunk);
      }
    }),
  };
}

/** One request and its answer, which `read` reads; it calls `touch` with each sign of life. */
async function exchange<T>(
  origin: string, request: Request, idleMs: number, deps: ConnectionDeps, read: (response: Response, touch: () => void) => Promise<T>,
): Promise<T> {
  const idle = new AbortController();
  const watch = createWatch(() => idle.abort(), idleMs, deps);
  const signal = AbortSignal.any([idle.signal, ...(request.signal ? [request.signal] : [])]);
  try {
    const response = await deps.fetch(origin + request.path, {
      method: request.method ?? 'GET',
      headers: headersOf(request),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      redirect: 'error',
      cache: 'no-store',
      credentials: 'omit',
      signal,
    });
    return await read(response, watch.touch);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (request.signal?.aborted) throw new AppError('cancelled', 'Stopped before the server had answered.', { cause: error });
    throw noAnswer(origin, deps, error);
  } finally {
    watch.stop();
  }
}

function headersOf({ token, headers, body }: Request): Record<string, string> {
  return {
    [protocolHeader]: String(protocolVersion.current),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
}

async function readBytes(response: Response, touch: () => void): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  touch();
  for await (const chunk of response.body ?? []) {
    touch();
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw badResponse('it does not end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

/** Calls `onIdle` when `touch` has not been called for a while. */
function createWatch(onIdle: () => void, idleMs: number, deps: ConnectionDeps): { touch: () => void; stop: () => void } {
  let cancel = deps.setTimer(onIdle, idleMs);
  const stop = (): void => cancel();
  return {
    touch() {
      stop();
      cancel = deps.setTimer(onIdle, idleMs);
    },
    stop,
  };
}

function refusal(response: Response, bytes: Buffer): AppError {
  const error = parseErrorAnswer(parseJson(bytes));
  const retryAfterS = Number(response.headers.get('retry-after') ?? NaN);
  const details = Number.isFinite(retryAfterS) ? { retryAfterS } : {};
  if (error) return new AppError(error.code, error.message, { ...details, ...pick(error) });
  if (response.status >= 500) {
    return new AppError('unavailable', `The server answered ${response.status}. Try again in a few minutes.`, details);
  }
  return badResponse(`it answered ${response.status} without a reason`);
}

function pick({ fields, current }: { fields?: Readonly<Record<string, string>>; current?: unknown }): object {
  return { ...(fields && { fields }), ...(current !== undefined && { current }) };
}

function noAnswer(origin: string, deps: ConnectionDeps, cause: unknown): AppError {
  const message = deps.hasNetwork()
    ? `Can't reach ${new URL(origin).host}. The server may be down, or the address may be wrong.`
    : 'This computer is offline. You can view and export what is here.';
  return new AppError('offline' satisfies ErrorCode, message, { cause });
}

/** JSON, or undefined where the answer is none. */
export function parseJson(answer: Buffer): unknown {
  try {
    return JSON.parse(answer.toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalidUrl(message: string): AppError {
  return new AppError('invalid_request', message, { fields: { server: 'is not an address that can be used' } });
}
