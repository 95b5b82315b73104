// Listening, and what happens on a connection beside the answers to its requests: bytes that are not HTTP, CONNECT, other versions
// of HTTP, bytes that could be taken for a request but are not, and how a connection ends.
//
// Invariants: what was asked before unintelligible bytes is answered as if they had not come, and nothing is written between
// the bytes of an answer; then the connection closes.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { AppError } from '../shared/errors.ts';
import { requestIdHeader, requestIdPattern } from '../shared/protocol.ts';
import { cannotListen, type Config } from './config.ts';
import { endLingering, errorReply, invalid, LINGER_BYTES, requestIdOf } from './http.ts';

/**
 * Leaves to the routes what Node would reject itself (no `Host`) or resolve silently (repeated headers). The handshake, the
 * headers and the whole request each have a time limit, checked every second.
 */
export const httpOptions = {
  requireHostHeader: false, joinDuplicateHeaders: true,
  handshakeTimeout: 5000, headersTimeout: 5000, requestTimeout: 20_000, connectionsCheckingInterval: 1000,
} as const;

/** Everybody waits behind what a flood leaves in this queue; when it is full, a client tries again only after a second. */
const BACKLOG = 1024;
/** Node keeps each until the connection is closed. */
const MAX_SURPLUS_REQUESTS = 256;

/** Resolves once the server listens; throws `ConfigError` if it cannot. */
export async function listen(http: Server, { host, port }: Pick<Config, 'host' | 'port'>): Promise<void> {
  try {
    await once(http.listen({ port, host, backlog: BACKLOG }), 'listening');
  } catch (error) {
    throw cannotListen({ host, port }, error);
  }
}

export interface Connections {
  /**
   * Call first for every request. The signal aborts with `invalid_request` if the body is, or turns out to be, unreadable.
   * Returns null, and leaves nothing to do, if the request is in a version of HTTP whose clients could not read an answer, or
   * follows one that was the last of its connection.
   */
  begin(request: IncomingMessage, response: ServerResponse): AbortSignal | null;
  /** Whether nothing that follows the request on its connection will be read. */
  isLast(request: IncomingMessage): boolean;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly body: AbortController;
}

interface Connection {
  /** Requests whose answers are not complete, oldest first. */
  readonly exchanges: Set<Exchange>;
  /** The connection closes after the answers in flight. */
  isEnding: boolean;
  /** Bytes that came after what could be understood. */
  surplusBytes: number;
  /** Requests that came after the last one that is answered. */
  surplusRequests: number;
}

/** Takes over the events of a server that do not belong to a well-formed request. */
export function followConnections(http: Server): Connections {
  const connections = new WeakMap<Duplex, Connection>();
  const connectionOf = (socket: Duplex): Connection => {
    const known = connections.get(socket);
    if (known) return known;
    const connection = { exchanges: new Set<Exchange>(), isEnding: false, surplusBytes: 0, surplusRequests: 0 };
    connections.set(socket, connection);
    return connection;
  };
  /** Answers with the error, unless something else is being answered: then the connection closes after that. */
  const refuse = (socket: Duplex, error: AppError | null, requestId: string): void => {
    const { exchanges, isEnding } = connectionOf(socket);
    connectionOf(socket).isEnding = true;
    if (exchanges.size > 0 || isEnding) return;
    if (error === null || !socket.writable) socket.destroy();
    else endLingering(socket.end(rawReply(error, requestId)));
  };

  http.on('clientError', (error: ParseError, socket) => {
    const connection = connectionOf(socket);
    const last = [...connection.exchanges].at(-1);
    connection.surplusBytes += error.rawPacket?.length ?? 0;
    // The client has ended the connection although a request, or the beginning of one, had not arrived completely.
    const isCut = !socket.readable && !last?.request.complete;
    // Before there is any HTTP (a failed TLS handshake, a reset) there is nobody to answer.
    const isHttp = /^(HPE|ERR_HTTP)_/.test(error.code ?? '');
    if (isCut || !isHttp || connection.surplusBytes > LINGER_BYTES) {
      socket.destroy();
      return;
    }
    if (last && !last.request.complete) last.body.abort(malformed(error));
    refuse(socket, malformed(error), sentRequestId(error.rawPacket));
  });
  http.on('connect', (request: IncomingMessage, socket) => {
    // Node has taken its own listeners off: without these, a reset would end the process.
    socket.on('error', () => socket.destroy()).resume();
    refuse(socket, new AppError('invalid_request', 'This server is no proxy: it does not take CONNECT.'), requestIdOf(request));
  });

  return {
    begin(request, response) {
      const connection = connectionOf(request.socket);
      if (connection.isEnding) {
        connection.surplusRequests += 1;
        if (connection.surplusRequests > MAX_SURPLUS_REQUESTS) request.socket.destroy();
        return null;
      }
      if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') {
        refuse(request.socket, null, '');
        return null;
      }
      const exchange = { request, body: new AbortController() };
      connection.exchanges.add(exchange);
      if (!isReadable(request)) {
        connection.isEnding = true;
        exchange.body.abort(invalid('Transfer-Encoding', { code: 'invalid', message: 'must be chunked, once, and in HTTP/1.1' }));
      }
      // Node drops what its parser has already got after such a request, so the rest may begin anywhere.
      if (request.headers.upgrade !== undefined) connection.isEnding = true;
      response.once('close', () => {
        connection.exchanges.delete(exchange);
        if (connection.isEnding && connection.exchanges.size === 0) endLingering(request.socket);
      });
      return exchange.body.signal;
    },
    isLast(request) {
      const { exchanges, isEnding } = connectionOf(request.socket);
      return isEnding && [...exchanges].at(-1)?.request === request;
    },
  };
}

/** Whether the only transfer coding is one that Node decodes; HTTP/1.0 has none, so an intermediary may not know it. */
function isReadable({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return coding === undefined || (coding.toLowerCase() === 'chunked' && httpVersion === '1.1');
}

/** What Node's parser says of bytes that it does not understand. */
interface ParseError extends Error {
  readonly code?: string;
  /** The bytes that it was parsing when it stopped. */
  readonly rawPacket?: Buffer;
}

function malformed({ code }: ParseError): AppError {
  switch (code) {
    // The client was slow, or this process too busy to read what had arrived: it cannot tell.
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('unavailable', 'The request did not arrive in time. Send it again.', { retryAfterS: 1 });
    case 'HPE_HEADER_OVERFLOW': return new AppError('invalid_request', 'The headers of the request are too large.');
    default: return new AppError('invalid_request', 'The request is not valid HTTP.');
  }
}

/** The request id among the headers of a request that could not be parsed, as far as they have arrived; otherwise a new one. */
function sentRequestId(packet: Buffer | undefined): string {
  const [head = ''] = (packet?.toString('latin1') ?? '').split('\r\n\r\n');
  const lines = head.split('\r\n').slice(1).map((line) => line.split(':'));
  const sent = lines.filter(([name = '']) => name.toLowerCase() === requestIdHeader).map(([, ...value]) => value.join(':').trim());
  const [id] = sent;
  return id !== undefined && sent.length === 1 && requestIdPattern.test(id) ? id : randomUUID();
}

function rawReply(error: AppError, requestId: string): string {
  const { status, headers, body } = errorReply(error);
  const text = JSON.stringify(body);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
    'Content-Type: application/json; charset=utf-8', 'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff', `X-Request-Id: ${requestId}`, 'Connection: close',
    `Content-Length: ${Buffer.byteLength(text)}`, '', text].join('\r\n');
}
