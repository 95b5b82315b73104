// The desktop's HTTP client: requests to one server, with timeouts and parsed errors.
//
// Invariants: the address is HTTPS, or HTTP on this machine only, and redirects are refused, so the token reaches no
// other origin. A request that receives nothing for a while is aborted, so nothing waits forever. A refusal becomes an
// AppError with the server's own code and message.

import { AppError, type ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { Problems } from '../../shared/problems.ts';
import { badResponse, parseErrorAnswer, protocolHeader, protocolVersion } from '../../shared/protocol.ts';

/** A server that sends nothing for this long counts as gone. */
const IDLE_MS = 30_000;
/** The same for a stream, in which the server sends a comment every 25 seconds. */
const STREAM_IDLE_MS = 60_000;
/** Far above a page's 8 MiB; bounds the memory that a broken server can use. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export interface ConnectionDeps {
  readonly fetch: typeof fetch;
  /** Calls back once after a delay; returns a function that cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Whether the operating system has a network at all. Only affects the wording of an error. */
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
   * Sends a request and returns its answer: JSON in UTF-8, uncompressed. Throws the server's own error, `offline` if no
   * answer arrived, `cancelled` if the signal was aborted, `unavailable` for a status of 500 and above without an error
   * of ours, `bad_response` for any other answer that is not an Invoify server's.
   */
  send(request: Request): Promise<Buffer>;
  /**
   * Sends a request that is answered with an event stream and passes on its bytes as they arrive; resolves when the
   * stream ends. Throws like `send`. An error thrown by `onChunk` ends the stream: an AppError is passed on as it is,
   * any other becomes `offline`.
   */
  receive(request: Request, onChunk: (chunk: Uint8Array) => void): Promise<void>;
}

/** The origin of a server's address as people type it; throws `invalid_request` if it is malformed or unsafe. */
export function parseServerUrl(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalidUrl('Enter the address of your Invoify server, such as https://invoices.example.com.');
  }
  const isLoopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLoopback) {
    throw invalidUrl('The address must begin with https://, so that nobody can intercept your password.');
  }
  return url.origin;
}

/** A connection to the server at `serverUrl`. Sends nothing yet. Throws like `parseServerUrl`. */
export function connectTo(serverUrl: string, deps: ConnectionDeps): ServerConnection {
  const origin = parseServerUrl(serverUrl);
  return {
    origin,
    send: (request) => exchange(origin, request, IDLE_MS, deps, async (response, touch) => {
      const bytes = await readBytes(response, touch);
      if (!response.ok) throw refusalError(response, bytes);
      // A captive portal or a proxy may answer with a page of its own and status 200.
      if (!/^\s*\{/.test(bytes.toString('utf8', 0, 64))) throw badResponse('it is not JSON');
      return bytes;
    }),
    receive: (request, onChunk) => exchange(origin, request, STREAM_IDLE_MS, deps, async (response, touch) => {
      if (!response.ok) throw refusalError(response, await readBytes(response, touch));
      if (!/^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '')) throw badResponse('it is not an event stream');
      touch();
      for await (const chunk of response.body ?? []) {
        touch();
        onChunk(chunk);
      }
    }),
  };
}

/** Sends one request. `read` consumes the response and calls `touch` whenever something arrives. */
async function exchange<T>(
  origin: string, request: Request, idleMs: number, deps: ConnectionDeps, read: (response: Response, touch: () => void) => Promise<T>,
): Promise<T> {
  const idle = new AbortController();
  const watchdog = createWatchdog(() => idle.abort(), idleMs, deps);
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
    return await read(response, watchdog.touch);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (request.signal?.aborted) throw new AppError('cancelled', 'Cancelled before the server answered.', { cause: error });
    throw noAnswerError(origin, deps, error);
  } finally {
    watchdog.stop();
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
    if (sizeBytes > MAX_ANSWER_BYTES) throw badResponse('it is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}

/** Calls `onIdle` once `touch` has not been called for `idleMs`. */
function createWatchdog(onIdle: () => void, idleMs: number, deps: ConnectionDeps): { touch: () => void; stop: () => void } {
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

function refusalError(response: Response, bytes: Buffer): AppError {
  const error = parseErrorAnswer(parseJson(bytes));
  const retryAfterS = Number(response.headers.get('retry-after') ?? NaN);
  const details = Number.isFinite(retryAfterS) ? { retryAfterS } : {};
  if (error) return new AppError(error.code, error.message, { ...details, ...detailsOf(error) });
  if (response.status >= 500) {
    return new AppError('unavailable', `The server answered ${response.status}. Try again in a few minutes.`, details);
  }
  return badResponse(`it answered ${response.status} without an error`);
}

function detailsOf({ fields, current }: { fields?: Readonly<Problems>; current?: unknown }): object {
  return { ...(fields && { fields }), ...(current !== undefined && { current }) };
}

function noAnswerError(origin: string, deps: ConnectionDeps, cause: unknown): AppError {
  const message = deps.hasNetwork()
    ? `Can't reach ${new URL(origin).host}. The server may be down, or the address may be wrong.`
    : 'This computer is offline. You can still view and export the data on it.';
  return new AppError('offline' satisfies ErrorCode, message, { cause });
}

/** The parsed answer, or undefined if it is not JSON. */
export function parseJson(answer: Buffer): unknown {
  try {
    return JSON.parse(answer.toString('utf8'));
  } catch {
    return undefined;
  }
}

function invalidUrl(message: string): AppError {
  return new AppError('invalid_request', message, { fields: { server: { code: 'invalid', message: 'is not a usable address' } } });
}
