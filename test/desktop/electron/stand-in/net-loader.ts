// What Chromium's network service does with one request of Electron's `net` (electron_api_url_loader.cc), over Node's http.
//
// Invariants: failures have Chromium's names; bodies are decoded and keep their headers; header text is UTF-8, and may thus
// hold what `Headers` cannot; a chunk follows only when the one before is acknowledged. A host has six connections, and one
// is free again only when its answer was read to its end or the loader cancelled. Nothing is emitted after `cancel`. An
// exception in a listener is uncaught.

import { EventEmitter } from 'node:events';
import { Agent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestHttps } from 'node:https';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

export interface LoaderOptions {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  readonly credentials: 'include' | 'omit' | 'same-origin' | undefined;
  /** The system's proxy for HTTP; null for a direct connection. */
  readonly proxy: string | null;
}

export interface ResponseHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

export interface AuthInfo {
  readonly isProxy: boolean;
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly realm: string;
}

interface LoaderEvents {
  'response-started': [head: ResponseHead];
  data: [chunk: Buffer, resume: () => void];
  complete: [];
  error: [netError: string];
  login: [authInfo: AuthInfo, answer: () => void];
  redirect: [info: { readonly statusCode: number; readonly newMethod: string; readonly newUrl: string }, head: ResponseHead];
}

const perHost = { keepAlive: true, maxSockets: 6 };
const [agent, secureAgent] = [new Agent(perHost), new SecureAgent(perHost)];
const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush }),
};

/** Starts at once. Ends with one of `complete` and `error`, unless it is cancelled or its `login` is never answered. */
export class UrlLoader extends EventEmitter<LoaderEvents> {
  #options: LoaderOptions;
  #request: ClientRequest | null = null;

  constructor(options: LoaderOptions) {
    super();
    this.#options = options;
    this.#start();
  }

  cancel(): void {
    const request = this.#request;
    this.#request = null;
    request?.destroy();
  }

  #start(): void {
    const { method, headers, body, proxy } = this.#options;
    const url = new URL(this.#options.url);
    const isSecure = url.protocol === 'https:';
    const request = (isSecure ? requestHttps : requestHttp)(proxy ?? url, {
      method, agent: isSecure ? secureAgent : agent, path: proxy === null ? url.pathname + url.search : url.href,
      headers: { host: url.host, 'accept-encoding': 'gzip, deflate, br, zstd', ...headers },
    });
    this.#request = request;
    request.once('response', (response) => this.#request === request && this.#receive(request, response));
    request.on('error', (error) => this.#fail(request, netErrorOf(error, request.reusedSocket)));
    request.end(body ?? undefined);
  }

  #receive(request: ClientRequest, response: IncomingMessage): void {
    const head = headOf(response);
    const { statusCode, headers } = head;
    const { credentials, method, url, proxy } = this.#options;
    const location = headers['location']?.[0];
    if (statusCode === 407 && proxy === null) return this.#fail(request, 'ERR_UNEXPECTED_PROXY_AUTH');
    if (statusCode === 407) return this.#askForPassword(request, response, head, true);
    if (statusCode === 401 && credentials !== 'omit') return this.#askForPassword(request, response, head, false);
    if (location !== undefined && [301, 302, 303, 307, 308].includes(statusCode)) {
      const newMethod = statusCode === 303 || (statusCode < 303 && method === 'POST') ? 'GET' : method;
      const newUrl = new URL(location, url).href;
      this.emit('redirect', { statusCode, newMethod, newUrl }, head);
      if (this.#request !== request) return undefined;
      response.resume();
      this.#options = { ...this.#options, method: newMethod, url: newUrl };
      return this.#start();
    }
    return this.#deliver(request, response, head);
  }

  /** Asks for a user name and password. Without them, and the desktop has none, the refusal is the answer. */
  #askForPassword(request: ClientRequest, response: IncomingMessage, head: ResponseHead, isProxy: boolean): void {
    const challenge = head.headers[isProxy ? 'proxy-authenticate' : 'www-authenticate']?.[0] ?? '';
    const scheme = /^(?:basic|digest|ntlm|negotiate)\b/i.exec(challenge)?.[0]?.toLowerCase();
    const refuse = (): void => isProxy ? this.#refuseTunnel(request, head) : this.#deliver(request, response, head);
    if (scheme === undefined) return isProxy ? this.#fail(request, 'ERR_PROXY_AUTH_UNSUPPORTED') : refuse();
    const { hostname: host, port } = new URL(isProxy ? this.#options.proxy ?? '' : this.#options.url);
    const realm = /realm="([^"]*)"/i.exec(challenge)?.[1] ?? '';
    this.emit('login', { isProxy, scheme, host, port: Number(port), realm }, () => this.#request === request && refuse());
    return undefined;
  }

  /** As for a server with HTTPS: of what a proxy says instead of opening the tunnel only the head arrives. */
  #refuseTunnel(request: ClientRequest, head: ResponseHead): void {
    this.emit('response-started', head);
    this.#fail(request, 'ERR_TUNNEL_CONNECTION_FAILED');
  }

  #deliver(request: ClientRequest, response: IncomingMessage, head: ResponseHead): void {
    const decoder = decoders[head.headers['content-encoding']?.[0] ?? '']?.();
    const body: Readable = decoder ? pipeline(response, decoder, () => undefined) : response;
    body.on('data', (chunk: Buffer) => {
      body.pause();
      if (this.#request === request) this.emit('data', chunk, () => body.resume());
    });
    body.on('error', (error) => this.#fail(request, netErrorOf(error, false, response)));
    body.once('end', () => {
      if (this.#request !== request) return;
      this.#request = null;
      this.emit('complete');
    });
    this.emit('response-started', head);
  }

  #fail(request: ClientRequest, name: string): void {
    if (this.#request !== request) return;
    this.cancel();
    this.emit('error', `net::${name}`);
  }
}

function headOf({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): ResponseHead {
  const headers: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    (headers[(rawHeaders[index] ?? '').toLowerCase()] ??= []).push(inUtf8(rawHeaders[index + 1] ?? ''));
  }
  return { statusCode, statusMessage: inUtf8(statusMessage), headers };
}

/** Node reads headers as Latin-1. */
function inUtf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

// Chromium's net_error_list.h. The first pattern that matches decides.
const netErrors: readonly (readonly [RegExp, string])[] = [
  [/\bECONNREFUSED\b/, 'ERR_CONNECTION_REFUSED'],
  [/\bENOTFOUND\b|\bEAI_/, 'ERR_NAME_NOT_RESOLVED'],
  [/\bETIMEDOUT\b/, 'ERR_CONNECTION_TIMED_OUT'],
  [/\bEPROTO\b|\bERR_SSL_/, 'ERR_SSL_PROTOCOL_ERROR'],
  [/\bZ_\w+_ERROR\b|\bERR__ERROR_|\bZSTD_/, 'ERR_CONTENT_DECODING_FAILED'],
  [/\bHPE_HEADER_OVERFLOW\b/, 'ERR_RESPONSE_HEADERS_TOO_BIG'],
  [/\bHPE_INVALID_CHUNK/, 'ERR_INVALID_CHUNKED_ENCODING'],
  [/\bHPE_/, 'ERR_INVALID_HTTP_RESPONSE'],
  [/\bECONNRESET\b|\bEPIPE\b/, 'ERR_CONNECTION_RESET'],
];

/** Chromium's name for Node's error, before an answer or in its body. */
function netErrorOf(error: Error, isReused: boolean, response?: IncomingMessage): string {
  if (error.message === 'socket hang up') return isReused ? 'ERR_CONNECTION_CLOSED' : 'ERR_EMPTY_RESPONSE';
  if (error.message === 'aborted') {
    return response?.headers['transfer-encoding'] ? 'ERR_INCOMPLETE_CHUNKED_ENCODING' : 'ERR_CONTENT_LENGTH_MISMATCH';
  }
  const text = `${'code' in error ? String(error.code) : ''} ${error.message}`;
  return netErrors.find(([pattern]) => pattern.test(text))?.[1] ?? 'ERR_FAILED';
}
