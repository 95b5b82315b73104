// Request and response handling over node:http: JSON bodies, limits, compression, and the only mapping of error codes to
// HTTP statuses. Knows no routes.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib';

import { parseInstant, type Instant } from '../shared/clock.ts';
import { AppError, isWireErrorCode, type WireErrorCode } from '../shared/errors.ts';
import { problem, type Problem } from '../shared/problems.ts';
import {
  idempotencyKeyPattern, maxBodyBytes, maxRetryAfterS, protocolHeader, protocolVersion, requestIdHeader, requestIdPattern,
} from '../shared/protocol.ts';

const statusOf: Readonly<Record<WireErrorCode, number>> = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  resync_required: 410,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  upgrade_required: 426,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
};

/** Deeper than any valid request; bounds every recursion over a body. */
const MAX_JSON_DEPTH = 32;
/** Compression does not pay off below this size. */
const MIN_COMPRESSED_BYTES = 1024;

export interface Reply {
  readonly status: number;
  /** JSON text, its bytes in chunks, or a value to serialise. */
  readonly body: string | readonly Buffer[] | object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A streamed response. */
export interface StreamReply {
  readonly contentType: string;
  /** Writes the body and ends the response. Never throws; not called for HEAD. */
  readonly follow: (response: ServerResponse) => void;
}

/** The request's own `X-Request-Id` if it is well-formed, otherwise a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const sent = request.headers[requestIdHeader];
  return typeof sent === 'string' && requestIdPattern.test(sent) ? sent : randomUUID();
}

/**
 * The query parameters of a URL; throws `invalid_request` if one is repeated. A plus stays a plus, as in RFC 3986, so that
 * an instant's zone needs no encoding.
 */
export function readQuery(url: URL): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(url.search.replaceAll('+', '%2B'))) {
    if (query.has(name)) throw invalid(name, problem('duplicate'));
    query.set(name, value);
  }
  return query;
}

/**
 * The parsed JSON body, or undefined if there is no body. Throws `unsupported_media_type` for any type but
 * `application/json` and `otherTypes` ('' is none at all), `payload_too_large` or `invalid_request`.
 */
export async function readJson(request: IncomingMessage, otherTypes: readonly string[] = []): Promise<unknown> {
  const bytes = await readBody(request);
  if (bytes.length === 0) return undefined;
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const isUtf8 = parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
  if (!['application/json', ...otherTypes].includes(type) || !isUtf8 || request.headers['content-encoding'] !== undefined) {
    throw new AppError('unsupported_media_type', 'The body must be application/json in UTF-8, without a content encoding.');
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    limitDepth(text);
    return value;
  } catch {
    // Without its cause, which quotes the body and would be logged: it may hold a password.
    throw new AppError('invalid_request', 'The body is not valid JSON in UTF-8.', { fields: { '.': problem('json') } });
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = (): AppError => new AppError('payload_too_large', `The body is larger than ${maxBodyBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Throws if brackets nest too deeply. The text is valid JSON, so every string is terminated and this takes linear time. */
function limitDepth(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > MAX_JSON_DEPTH) throw new SyntaxError('nested too deeply');
  }
}

/** Throws `invalid_request` for an HTTP/1.1 request without `Host` (RFC 9112, 3.2). */
export function requireHost(request: IncomingMessage): void {
  if (request.httpVersion === '1.1' && request.headers.host === undefined) throw invalid('Host', problem('required'));
}

/** The version in `If-Match: "<updatedAt>"`; throws `invalid_request` if it is missing or malformed. */
export function readIfMatch(request: IncomingMessage): Instant {
  const header = request.headers['if-match'];
  const version = parseInstant(/^"([^"]*)"$/.exec(header ?? '')?.[1] ?? '');
  if (version === null) throw invalid('If-Match', problem('version'));
  return version;
}

/** The `Idempotency-Key`, or null if there is none; throws `invalid_request` if it is malformed. */
export function readIdempotencyKey(request: IncomingMessage): string | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  if (typeof header !== 'string' || !idempotencyKeyPattern.test(header)) {
    throw invalid('Idempotency-Key', problem('key'));
  }
  return header;
}

/** Throws `upgrade_required` if the client's protocol version is no longer supported. */
export function requireProtocol(request: IncomingMessage): void {
  const header = request.headers[protocolHeader];
  if (header === undefined) return;
  if (typeof header !== 'string' || !/^\d{1,6}$/.test(header)) throw invalid('X-Invoify-Protocol', problem('number'));
  if (Number(header) < protocolVersion.oldest) {
    throw new AppError('upgrade_required', `Update Invoify: this server speaks protocol ${protocolVersion.oldest} and later.`);
  }
}

/** The bearer token, or null. */
export function readBearer(request: IncomingMessage): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** `invalid_request` for one parameter, header or field. */
export function invalid(name: string, reason: Problem): AppError {
  return new AppError('invalid_request', `${name} ${reason.message}.`, { fields: { [name]: reason } });
}

/** The reply to any thrown value. An unknown error becomes `internal`, and its text is not sent. */
export function errorReply(error: unknown): Reply {
  const known = error instanceof AppError && isWireErrorCode(error.code) ? { code: error.code, error } : null;
  if (!known) {
    const message = 'Something went wrong on the server. Try again; if it happens again, give the request id to the administrator.';
    return { status: 500, body: { success: false, error: { code: 'internal', message } } };
  }
  const { fields, current, retryAfterS, allow } = known.error.details;
  const headers: Record<string, string> = {};
  if (known.code === 'unauthorized') headers['WWW-Authenticate'] = 'Bearer';
  if (allow) headers['Allow'] = allow.join(', ');
  if (known.code === 'too_many_requests' || known.code === 'unavailable') {
    headers['Retry-After'] = String(Math.min(maxRetryAfterS[known.code], Math.max(1, Math.ceil(retryAfterS ?? 5))));
  }
  return {
    status: statusOf[known.code],
    headers,
    body: {
      success: false,
      error: { code: known.code, message: known.error.message, ...(fields && { fields }), ...(current !== undefined && { current }) },
    },
  };
}

/**
 * Sends a reply, compressed if the client accepts it and `mayCompress` is set (the client is on another machine). If the
 * request body was not read completely the connection is closed, because the rest would be taken for the next request.
 */
export async function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply, mayCompress: boolean): Promise<void> {
  const plain = toBytes(reply.body);
  const encoding = mayCompress && lengthOf(plain) >= MIN_COMPRESSED_BYTES
    ? negotiateEncoding(request.headers['accept-encoding'] ?? '') : 'identity';
  const chunks = encoding === 'identity' ? plain : [await compress(Buffer.concat(plain), encoding)];
  response.writeHead(reply.status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': lengthOf(chunks),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Vary': 'Accept-Encoding',
    ...(encoding === 'identity' ? {} : { 'Content-Encoding': encoding }),
    ...(request.complete ? {} : { 'Connection': 'close' }),
    ...reply.headers,
  });
  response.cork();
  if (request.method !== 'HEAD') for (const chunk of chunks) response.write(chunk);
  response.end();
}

/**
 * Starts a streamed reply, uncompressed and unbuffered by proxies. The connection is closed afterwards, so ending the
 * response ends both.
 */
export function sendStream(request: IncomingMessage, response: ServerResponse, { contentType, follow }: StreamReply): void {
  response.writeHead(200, {
    'Content-Type': contentType,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Accel-Buffering': 'no',
    'Connection': 'close',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  follow(response);
}

function toBytes(body: Reply['body']): readonly Buffer[] {
  if (Array.isArray(body)) return body as readonly Buffer[];
  return [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))];
}

function lengthOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Replies to malformed HTTP, or to oversized headers, in the form of every other error, and closes the connection. */
export function rejectMalformed(_error: Error, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { body } = errorReply(new AppError('invalid_request', 'The request is not valid HTTP, or its headers are too large.'));
  const text = JSON.stringify(body);
  const headers = [
    'Content-Type: application/json; charset=utf-8', 'Cache-Control: no-store', `X-Request-Id: ${randomUUID()}`, 'Connection: close',
  ];
  socket.end(`HTTP/1.1 400 Bad Request\r\n${headers.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

const encodings = ['zstd', 'br', 'gzip'] as const;
export type Encoding = (typeof encodings)[number] | 'identity';

/** The best encoding that `Accept-Encoding` allows (RFC 9110, 12.5.3): by weight, then in the order of `encodings`. */
function negotiateEncoding(header: string): Encoding {
  const weights = new Map<string, number>();
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    if (name !== '') weights.set(name, weight === undefined ? 1 : Number(weight) || 0);
  }
  let best: Encoding = 'identity';
  let bestWeight = 0;
  for (const encoding of encodings) {
    const weight = weights.get(encoding) ?? weights.get('*') ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [encoding, weight];
  }
  return (weights.get('identity') ?? 0) > bestWeight ? 'identity' : best;
}

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);
const zstdAsync = promisify(zstdCompress);

/** At these levels compressing a page takes less time than sending it over a slow office line. */
async function compress(bytes: Buffer, encoding: Exclude<Encoding, 'identity'>): Promise<Buffer> {
  switch (encoding) {
    case 'gzip': return gzipAsync(bytes, { level: 1 });
    case 'br': return brotliAsync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
    case 'zstd': return zstdAsync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  }
}
