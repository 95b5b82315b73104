// The desktop's HTTP client: requests to one server, with timeouts and parsed errors.
//
// Invariants: the address is HTTPS, or HTTP on this machine only, and redirects are refused, so the token reaches no
// other origin. A request that receives nothing for a while is aborted, so nothing waits forever. An answer counts only in
// the protocol's form and under its request's id: a refusal then becomes an AppError with the server's own code and
// message. Why anything else did not count is logged when the reason changes.

import { AppError, errorCode, type ErrorCode } from '../../shared/errors.ts';
import { isObject, type JsonObject } from '../../shared/fields.ts';
import {
  badResponse, maxRetryAfterS, parseErrorAnswer, parseMeta, protocolHeader, protocolVersion, requestIdHeader, type WireError,
} from '../../shared/protocol.ts';
import { failedRequest, failure, reasonOf, wasCut } from './connection-failure.ts';

/** A server that sends nothing for this long counts as gone. */
const IDLE_MS = 30_000;
/** The same for a stream of events, in which the server sends a comment every 25 seconds. */
const EVENTS_IDLE_MS = 60_000;
/** Far above a page's 8 MiB; bounds the memory that a broken server can use. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Errors of a write that may have been done all the same: no answer, one that is not the server's, or its own 503. */
export const openCodes: readonly ErrorCode[] = ['offline', 'bad_response', 'unavailable'];

export interface ConnectionDeps {
  readonly fetch: typeof fetch;
  /** Calls back once after a delay; returns a function that cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  /** Whether the operating system has a network at all. Only affects the wording of an error. */
  readonly hasNetwork: () => boolean;
  /** A new UUID. */
  readonly newId: () => string;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: JsonObject | undefined;
  /** Lets a write be sent twice; called before the second time, when a refusal no longer proves that it was not done. */
  readonly onRepeat?: () => void;
  readonly signal?: AbortSignal | undefined;
}

export interface StreamRequest extends Request {
  readonly headers: Readonly<Record<string, string>> & { readonly accept: string };
}

export type OnChunk = (chunk: Uint8Array) => void | Promise<void>;

export interface ServerConnection {
  readonly origin: string;
  /**
   * Sends a request and returns the success that answers it: JSON in UTF-8, uncompressed. Throws the server's own error;
   * `cancelled` if the signal was aborted; and where no answer from an Invoify server arrived, with the kind of failure if it
   * is known, `offline` for none at all, `unavailable` for a proxy that may do better later, otherwise `bad_response`.
   */
  send(request: Request): Promise<Buffer>;
  /** Asks, without a token, who is at this address. Throws like `send`, and `server_outdated`. */
  identify(signal?: AbortSignal): Promise<ReturnType<typeof parseMeta>>;
  /**
   * Sends a request and passes on the bytes of its answer as they arrive, if it has the type that the request accepts; resolves when
   * it has ended, to whether it had. A promise that `onChunk` returns holds up the next bytes, which are then left to the network.
   * Throws like `send`. An error thrown by `onChunk` ends the stream: an AppError is passed on as it is, any other becomes
   * `offline`.
   */
  receive(request: StreamRequest, onChunk: OnChunk): Promise<boolean>;
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
  let loggedReason: string | null = null;

  /** Sends a request and passes a success, still unread, to `read`, which touches the watchdog whenever something arrives. */
  async function exchange<T>(request: Request, idleMs: number, read: (response: Response, watchdog: Watchdog) => Promise<T>): Promise<T> {
    const idle = new AbortController();
    const silence = Object.assign(new Error(`nothing arrived for ${idleMs} ms`), { code: 'ETIMEDOUT' });
    const watchdog = createWatchdog(() => idle.abort(silence), idleMs, deps);
    const signal = AbortSignal.any([idle.signal, ...(request.signal ? [request.signal] : [])]);
    const requestId = deps.newId();
    try {
      const response = await fetchAgain(request, deps.fetch, origin + request.path, {
        method: request.method ?? 'GET',
        headers: { ...headersOf(request), [requestIdHeader]: requestId },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        redirect: 'error',
        cache: 'no-store',
        credentials: 'omit',
        signal,
      });
      const answeredId = response.headers.get(requestIdHeader);
      if (!response.ok) throw refusalError(origin, response, answeredId === requestId ? await readBytes(response, watchdog) : null);
      if (answeredId !== requestId) throw failure('bad_response', answeredId ? 'replayed' : 'not_invoify', origin);
      const answer = await read(response, watchdog);
      loggedReason = null;
      return answer;
    } catch (error) {
      if (!(error instanceof AppError) && request.signal?.aborted) {
        throw new AppError('cancelled', 'Cancelled before the server answered.', { cause: error });
      }
      const known = error instanceof AppError ? error
        : failedRequest(origin, deps.hasNetwork(), idle.signal.aborted ? silence : error);
      logReason(known);
      throw known;
    } finally {
      watchdog.stop();
      // Frees the connection of an answer that was not read to its end.
      idle.abort();
    }
  }

  function logReason(error: AppError): void {
    if (!['offline', 'unavailable', 'bad_response'].includes(error.code)) return;
    const { kind = null, cause } = error.details;
    const reason = reasonOf(cause ?? error);
    if (reason === loggedReason) return;
    loggedReason = reason;
    deps.log('no answer from the server', { code: error.code, kind, reason });
  }

  return {
    origin,
    send: (request) => exchange(request, IDLE_MS, async (response, watchdog) => {
      const bytes = await readBytes(response, watchdog);
      // A captive portal or a proxy may answer with a page of its own and status 200.
      if (!isSuccess(bytes)) throw failure('bad_response', 'not_invoify', origin, new Error('not a success as JSON'));
      return bytes;
    }),
    identify: (signal) => exchange({ path: '/api/meta', signal }, IDLE_MS, async (response, watchdog) => {
      try {
        return parseMeta(parseJson(await readBytes(response, watchdog)));
      } catch (error) {
        throw errorCode(error) === 'bad_response' ? failure('bad_response', 'not_invoify', origin, error) : error;
      }
    }),
    receive(request, onChunk) {
      const { accept } = request.headers;
      return exchange(request, accept === 'text/event-stream' ? EVENTS_IDLE_MS : IDLE_MS, async (response, watchdog) => {
        const [type] = (response.headers.get('content-type') ?? '').split(';');
        if (type?.trim().toLowerCase() !== accept) return false;
        watchdog.touch();
        for await (const chunk of response.body ?? []) {
          // Nothing is read meanwhile.
          watchdog.stop();
          await onChunk(chunk);
          watchdog.touch();
        }
        return true;
      });
    },
  };
}

/**
 * Like `fetch`, but sends a request again, once and at once, if its connection is cut before anything is answered: the server
 * may close an idle connection just as it is used again, which says nothing about whether it can be reached.
 */
async function fetchAgain({ method = 'GET', onRepeat }: Request, send: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await send(url, init);
  } catch (error) {
    if (!wasCut(error) || (method !== 'GET' && !onRepeat) || init.signal?.aborted) throw error;
    onRepeat?.();
    return send(url, init);
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

async function readBytes(response: Response, { touch }: Watchdog): Promise<Buffer> {
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

interface Watchdog {
  /** Restarts its time. */
  readonly touch: () => void;
  /** Stops it until it is touched. */
  readonly stop: () => void;
}

/** Calls `onIdle` once `touch` has not been called for `idleMs`. */
function createWatchdog(onIdle: () => void, idleMs: number, deps: ConnectionDeps): Watchdog {
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

/**
 * Whether this is a success in the protocol's form. Of a page, which is long, only the beginning is checked: its reader checks the rest.
 */
function isSuccess(bytes: Buffer): boolean {
  if (bytes.toString('latin1', 0, pageStart.length) === pageStart) return true;
  const value = parseJson(bytes);
  return isObject(value) && value['success'] === true;
}
const pageStart = '{"success":true,"serverTime":';

/** What a status other than success says. `bytes` is the body, or null if it is not under the request's id. */
function refusalError(origin: string, { status, headers }: Response, bytes: Buffer | null): AppError {
  const error = bytes && parseErrorAnswer(parseJson(bytes));
  const isServerFault = error?.code === 'internal' || error?.code === 'unavailable';
  if (error && status >= 400 && isServerFault === (status >= 500)) {
    return new AppError(error.code, error.message, detailsOf(error, headers.get('retry-after')));
  }
  const cause = new Error(`status ${status} without an error of an Invoify server`);
  if (status === 407) return failure('offline', 'proxy_password', origin, cause);
  if (status < 500 && status !== 408 && status !== 429) return failure('bad_response', 'not_invoify', origin, cause);
  const { host } = new URL(origin);
  return new AppError('unavailable', `${host} answered ${status}, as a proxy in front of it does. Try again in a few minutes.`, { cause });
}

function detailsOf({ code, fields, current }: WireError, retryAfter: string | null): object {
  const limitS = code === 'too_many_requests' || code === 'unavailable' ? maxRetryAfterS[code] : -1;
  const retryAfterS = /^\d{1,3}$/.test(retryAfter ?? '') && Number(retryAfter) <= limitS ? Number(retryAfter) : undefined;
  return { ...(fields && { fields }), ...(current !== undefined && { current }), ...(retryAfterS !== undefined && { retryAfterS }) };
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
