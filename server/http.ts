// Request and response handling over node:http: JSON bodies, limits, and the only mapping of error codes to HTTP statuses. Knows
// no routes.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';

import { parseInstant, type Instant } from '../shared/clock.ts';
import { AppError, isWireErrorCode, type WireErrorCode } from '../shared/errors.ts';
import { releaseBuffer } from '../shared/heap.ts';
import { cutPath, problem, type Problem } from '../shared/problems.ts';
import {
  idempotencyKeyPattern, maxBodyBytes, maxRetryAfterS, protocolHeader, protocolVersion, requestIdHeader, requestIdPattern,
} from '../shared/protocol.ts';
import { compress, negotiateEncoding } from './compression.ts';
import { lengthOf, sendChunks } from './sending.ts';

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
/** More names and values than the longest invoice has. */
const MAX_JSON_MEMBERS = 10_000;
/** Compression does not pay off below this size. */
const MIN_COMPRESSED_BYTES = 1024;

/** How long a connection is read after its last answer. */
const LINGER_MS = 3000;
/** How much of it is read; a client that has not looked at its answer by then is reset. */
export const LINGER_BYTES = 64 * 1024 * 1024;

export interface Reply {
  readonly status: number;
  /** JSON text, its bytes in chunks, or a value to serialise. */
  readonly body: string | readonly Buffer[] | object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The reply is sent once this has resolved; waiting for it takes up no turn. */
  readonly sentAfter?: Promise<unknown> | null;
  /** Called when the whole body has left this process; not for HEAD. */
  readonly onSent?: () => void;
}

/** A stream of events. */
export interface EventsReply {
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
 * Path and query of a request, as they were sent: nothing is decoded or resolved, so that a proxy in front and this server read
 * the same. Throws `invalid_request` for any form but the origin form (RFC 9112, 3.2.1), for empty and dot segments, and for
 * what could be taken for either: backslashes, encoded slashes, dots and control characters, and fragments.
 */
export function readTarget(request: IncomingMessage): { readonly path: string; readonly query: ReadonlyMap<string, string> } {
  const [path = '', ...queries] = (request.url ?? '').split('?');
  const segments = path.split('/').slice(1);
  const isPlain = /^\/[\x21-\x7e]*$/.test(request.url ?? '') && !/[\\#]/.test(request.url ?? '');
  if (!isPlain || (path !== '/' && !segments.every(isPlainSegment))) {
    throw new AppError('invalid_request', 'The path is not taken as it was sent: write it without a host, a fragment, backslashes, and '
      + 'empty or dot segments.');
  }
  return { path, query: readQuery(queries.join('?')) };
}

function isPlainSegment(segment: string): boolean {
  try {
    const decoded = decodeURIComponent(segment);
    return decoded !== '' && decoded !== '.' && decoded !== '..' && !/[/\\\u0000-\u001f\u007f]/.test(decoded);
  } catch {
    return false;
  }
}

/**
 * The parameters of a query; throws `invalid_request` if one is repeated. A plus stays a plus, as in RFC 3986, so that an
 * instant's zone needs no encoding.
 */
function readQuery(text: string): ReadonlyMap<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text.replaceAll('+', '%2B'))) {
    if (query.has(name)) throw invalid(name, problem('duplicate'));
    query.set(name, value);
  }
  return query;
}

/** The client cut its connection: nobody's error, and nobody is left to be answered. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Counts what a request makes the server hold. */
export interface Held {
  /** This many more bytes of the body have arrived; throws `unavailable` if that is too much in total, or for this client. */
  holdBody(sizeBytes: number): void;
  /** The answer takes this many bytes by now, more or fewer than before. Throws likewise, but never for a small answer. */
  holdAnswer(sizeBytes: number): void;
  /** The answer will not grow any more. */
  answerBuilt(): void;
}

export interface BodyOptions {
  /** Types that are read as JSON too; '' is none at all. */
  readonly otherTypes?: readonly string[];
  readonly maxBytes?: number;
}

/**
 * The parsed JSON body, or undefined if there is no body. Throws `unsupported_media_type` for any type but
 * `application/json` and `otherTypes`, `payload_too_large`, `unavailable`, `invalid_request`, the reason with which
 * `broken` aborts, or `ClientGone`.
 */
export async function readJson(
  request: IncomingMessage, broken: AbortSignal, held: Held,
  { otherTypes = [], maxBytes = maxBodyBytes }: BodyOptions = {},
): Promise<unknown> {
  const bytes = await readBody(request, broken, held, maxBytes);
  if (bytes.length === 0) return undefined;
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const isUtf8 = parameters.every((parameter) => !parameter.startsWith('charset=') || /^charset="?utf-8"?$/.test(parameter));
  if (!['application/json', ...otherTypes].includes(type) || !isUtf8 || request.headers['content-encoding'] !== undefined) {
    throw new AppError('unsupported_media_type', 'The body must be application/json in UTF-8, without a content encoding.');
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notJson();
  }
  limitStructure(text);
  try {
    return JSON.parse(text);
  } catch {
    throw notJson();
  }
}

/** Leaves the rest of a body that is too large to `sendReply`. */
function readBody(request: IncomingMessage, broken: AbortSignal, held: Held, maxBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const tooLarge = (): void => reject(new AppError('payload_too_large', `The body is larger than ${maxBytes} bytes.`));
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const collect = (chunk: Buffer): void => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) {
      tooLarge();
      return;
    }
    try {
      held.holdBody(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      reject(error);
    }
  };
  const end = (): void => resolve(Buffer.concat(chunks));
  const lose = (): void => reject(new ClientGone('the client cut its connection'));
  const refuse = (): void => reject(broken.reason);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) tooLarge();
  else if (broken.aborted) refuse();
  else if (request.destroyed && !request.readableEnded) lose();
  else request.on('data', collect).on('end', end).on('close', lose).on('error', lose);
  broken.addEventListener('abort', refuse);
  return promise.finally(() => {
    broken.removeEventListener('abort', refuse);
    // An error that comes later is no longer of interest, but must have a listener.
    request.off('data', collect).off('end', end).off('close', lose);
  });
}

/**
 * Throws `invalid_request` if brackets nest too deeply, or if there are more members than any valid body has: an object with
 * tens of thousands of keys takes longer to build than everything else that a request does. Linear in the text, valid or not.
 */
function limitStructure(text: string): void {
  let depth = 0;
  let members = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === ':') members += 1;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > MAX_JSON_DEPTH) throw notJson();
    if (members > MAX_JSON_MEMBERS) throw invalid('.', problem('too_many', { max: MAX_JSON_MEMBERS }));
  }
}

/** Without a cause, which quotes the body and would be logged: it may hold a password. */
function notJson(): AppError {
  return new AppError('invalid_request', 'The body is not valid JSON in UTF-8.', { fields: { '.': problem('json') } });
}

/** Throws `invalid_request` unless the request has exactly one `Host`, and that is valid (RFC 9112, 3.2). */
export function requireHost(request: IncomingMessage): void {
  const [host, ...others] = request.headersDistinct['host'] ?? [];
  if (host === undefined) throw invalid('Host', problem('required'));
  if (others.length > 0) throw invalid('Host', problem('duplicate'));
  const [, address, port] = /^(\[[^\]]*\]|[A-Za-z0-9._~-]+)(?::(\d{0,5}))?$/.exec(host) ?? [];
  const isAddress = address !== undefined && (!address.startsWith('[') || isIPv6(address.slice(1, -1)));
  if (isAddress && Number(port ?? 0) <= 65_535) return;
  throw invalid('Host', { code: 'invalid', message: 'must be a name or an address, and may have a port' });
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
  const path = cutPath(name);
  return new AppError('invalid_request', `${path === '.' ? 'The body' : path} ${reason.message}.`, { fields: { [path]: reason } });
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
 * Sends a reply, compressed if the client accepts it and `mayCompress` is set (the client is on another machine). The
 * connection ends with it if `isLast`, or if the request's body was not read completely, because the rest would be taken for
 * the next request.
 */
export async function sendReply(
  request: IncomingMessage, response: ServerResponse, reply: Reply, held: Held,
  { mayCompress, isLast }: { mayCompress: boolean; isLast: boolean },
): Promise<void> {
  const plain = toBytes(reply.body);
  const encoding = mayCompress && lengthOf(plain) >= MIN_COMPRESSED_BYTES
    ? negotiateEncoding(request.headers['accept-encoding'] ?? '') : 'identity';
  const chunks = encoding === 'identity' ? plain : [await compress(plain, encoding)];
  let leftBytes = lengthOf(chunks);
  held.holdAnswer(leftBytes);
  held.answerBuilt();
  await reply.sentAfter;
  const endsConnection = isLast || !request.complete;
  response.writeHead(reply.status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': leftBytes,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Vary': 'Accept-Encoding',
    ...(encoding === 'identity' ? {} : { 'Content-Encoding': encoding }),
    ...(endsConnection ? { 'Connection': 'close' } : {}),
    ...reply.headers,
  });
  if (request.method === 'HEAD') response.flushHeaders();
  else if (!await sendChunks(response, chunks, (sizeBytes) => held.holdAnswer(leftBytes -= sizeBytes))) return;
  else reply.onSent?.();
  if (endsConnection) endConnection(request, response);
  else response.end();
}

/**
 * Ends a response whose bytes have all been written, and its connection. What the client goes on sending is read and dropped
 * until it closes, so that it finds the answer.
 */
export function endConnection(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  // Behind the answer to an earlier request on the same connection, or cut already.
  if (response.socket === null || socket.destroyed) {
    response.end();
    return;
  }
  let sizeBytes = 0;
  request.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    releaseBuffer(chunk);
    if (sizeBytes > LINGER_BYTES) socket.destroy();
  });
  request.on('error', () => {}).resume();
  // The end of a chunked body, which the end of the connection does not replace.
  if (response.chunkedEncoding) socket.write('0\r\n\r\n');
  endLingering(socket.end());
}

/**
 * Closes a connection for writing and goes on reading it for a while (RFC 9112, 9.6): closed at once, it would be reset by what
 * the client is still sending, and the client would lose its answer. Bounded by `LINGER_MS`; bytes are for the caller to count.
 */
export function endLingering(socket: Duplex): void {
  if (socket.destroyed) return;
  if (socket.writable) socket.end();
  const close = (): void => void socket.destroy();
  const linger = (): void => {
    const timeout = setTimeout(close, LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timeout));
    if (socket.readableEnded) close();
    else socket.once('end', close);
  };
  if (socket.writableFinished) linger();
  else socket.once('finish', linger);
}

/**
 * Starts a stream of events, uncompressed and unbuffered by proxies. The connection is closed afterwards, so ending the
 * response ends both.
 */
export function sendEvents(request: IncomingMessage, response: ServerResponse, { contentType, follow }: EventsReply): void {
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

/** The reply with its body as bytes, which are counted; throws `unavailable`. */
export function holdReply(reply: Reply, held: Held): Reply {
  const body = toBytes(reply.body);
  held.holdAnswer(lengthOf(body));
  return { ...reply, body };
}

function toBytes(body: Reply['body']): readonly Buffer[] {
  if (Array.isArray(body)) return body as readonly Buffer[];
  return [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))];
}
