// The desktop without Electron: the real window in a browser tab, with the real desk behind it.
//
//   GET  /, /window.js, …  the window's files, as build.mjs bundles them, and the preview page's script
//   POST /enter            exchanges the link's key for the secret that the rest asks for (access.ts), once
//   POST /call/<channel>   takes a request as JSON, returns the outcome as JSON
//   POST /network/<state>  the network as the page observes it: online or offline
//   GET  /events           lines of JSON without end: the current status, then every new one
//   GET  /download/<id>    a file that the window saved, once, for whoever knows the random id that the call returned
//
// Invariants: it listens on loopback only; without the secret, or from another origin, a request gets nothing but the program's own
// files or an error message; every call is answered with an outcome; no response is cacheable.

import { once } from 'node:events';
import { createReadStream, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../../shared/errors.ts';
import { isShellChannel, isWindowChannel, toOutcome, type Outcome } from '../../shared/window/ipc.ts';
import type { DeskOptions } from '../desk.ts';
import { contentDisposition } from '../files/file-name.ts';
import type { Log } from '../files/log.ts';
import { createPreviewAccess, type PreviewAccess } from './access.ts';
import { startPreviewDesk, type PreviewDesk } from './desk.ts';
import { createPreviewShell, type PreviewShell } from './shell.ts';
import { contentTypeOf, windowHeaders } from '../../shared/window/headers.ts';

export interface PreviewOptions extends DeskOptions {
  /** The files to serve, by path: `index.html` and what it loads. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** A free port if absent. */
  readonly port?: number;
}

export interface PreviewDeps {
  readonly log: Log;
  readonly nowMs: () => number;
}

export interface Preview {
  readonly origin: string;
  /** A link that opens the window in one browser and works once. */
  newLink(): string;
  /** Answers calls as for the page, for the process that started the preview. */
  readonly desk: PreviewDesk;
  close(): Promise<void>;
}

/** Larger than any request that the desk accepts. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const safeHeaders = windowHeaders("'self'");

/** Starts the preview on loopback and resolves once it listens. Creates the data folder if it is missing. */
export async function startPreview(options: PreviewOptions, { log, nowMs }: PreviewDeps): Promise<Preview> {
  const { files, port = 0, ...deskOptions } = options;
  const desk = startPreviewDesk(deskOptions, log);
  const shell = createPreviewShell(deskOptions, desk, nowMs);
  const server = createServer();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const context: Context = { files, origin, desk, shell, access: createPreviewAccess(origin), log, streams: new Set() };
  server.on('request', (request, response) => void serve(context, request, response));
  return {
    origin,
    newLink: () => context.access.newLink(),
    desk,
    async close() {
      server.close();
      for (const stream of context.streams) stream.end();
      await desk.close();
      server.closeAllConnections();
      shell.close();
    },
  };
}

interface Context {
  readonly files: PreviewOptions['files'];
  readonly origin: string;
  readonly desk: PreviewDesk;
  readonly shell: PreviewShell;
  readonly access: PreviewAccess;
  readonly log: Log;
  /** Open event streams. */
  readonly streams: Set<ServerResponse>;
}

async function serve(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
  try {
    await route(context, request, response);
  } catch (error) {
    // A tab may close during the response.
    if (!response.destroyed) context.log('preview request failed', { error });
    response.destroy();
  }
}

async function route(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { access, desk, files } = context;
  const refusal = access.refusal(request.method, request.headers);
  if (refusal !== null) return refuse(response, 403, refusal);
  const url = URL.parse(request.url ?? '', context.origin);
  if (url?.origin !== context.origin) return refuse(response, 404, 'The preview has no such address.');
  const isRead = request.method === 'GET';
  const downloadId = /^\/download\/([\w-]+)$/.exec(url.pathname)?.[1];
  if (isRead && downloadId !== undefined) return sendDownload(context.shell, downloadId, response);
  const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
  if (isRead && (files.has(name) || name === 'favicon.ico')) return sendFile(files.get(name), name, response);
  if (url.pathname === '/enter' && request.method === 'POST') {
    return exchangeKey(access, await readBody(request).catch(() => ''), response);
  }
  if (!access.isAllowed(request.headers)) {
    return refuse(response, 403, 'Open the preview with the link that it printed. Each link works once, in one tab.');
  }

  const channel = /^\/call\/([\w.]+)$/.exec(url.pathname)?.[1];
  if (channel !== undefined) {
    if (request.method !== 'POST') return refuse(response, 405, 'Calls must use POST.');
    return sendOutcome(response, await answer(context, channel, request));
  }
  const network = /^\/network\/(online|offline)$/.exec(url.pathname)?.[1];
  if (network === 'online' || network === 'offline') {
    if (request.method !== 'POST') return refuse(response, 405, 'The network state must use POST.');
    desk.reportNetwork(network);
    return void response.writeHead(204).end();
  }
  if (!isRead) return refuse(response, 405, 'This address accepts only GET.');
  if (url.pathname === '/events') return sendEvents(context, response);
  return refuse(response, 404, 'There is no such page.');
}

function sendFile(file: Uint8Array | undefined, name: string, response: ServerResponse): void {
  // Browsers request an icon unasked; a 404 would show as an error in their console.
  if (!file) return void response.writeHead(204).end();
  const type = contentTypeOf(name);
  if (type === undefined) return refuse(response, 404, 'There is no such page.');
  response.writeHead(200, { 'content-type': type }).end(file);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${message}\n`);
}

function exchangeKey(access: PreviewAccess, key: string, response: ServerResponse): void {
  const secret = access.exchange(key);
  if (secret === null) return refuse(response, 403, 'This link has already been used. Start the preview again for a new one.');
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(secret);
}

/** The call's outcome as JSON text. */
async function answer({ desk, shell, log }: Context, channel: string, request: IncomingMessage): Promise<string> {
  const body = await toOutcome(() => readCall(request), (error) => log('call was interrupted', { error }));
  if (!body.ok) return JSON.stringify(body);
  if (!isWindowChannel(channel)) {
    const error = new AppError('not_found', 'There is no such call.');
    return JSON.stringify({ ok: false, error: { code: error.code, message: error.message } } satisfies Outcome<never>);
  }
  if (!isShellChannel(channel)) return desk.answer(channel, body.value);
  let download: string | undefined;
  const outcome = await toOutcome(async () => {
    const answered = await shell.answer(channel, parseJson(body.value));
    download = answered.download;
    return answered.value;
  }, (error) => log('call failed unexpectedly', { error }));
  return JSON.stringify({ ...outcome, download });
}

async function readCall(request: IncomingMessage): Promise<string> {
  if (request.headers['content-type'] === 'application/json') return readBody(request);
  throw new AppError('unsupported_media_type', 'A call must be application/json.');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    // The rest is read and dropped, so that the client gets the response.
    if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (sizeBytes > MAX_BODY_BYTES) throw new AppError('payload_too_large', `A call may have at most ${MAX_BODY_BYTES} bytes.`);
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid_request', 'The call is not valid JSON.', { cause });
  }
}

function sendOutcome(response: ServerResponse, outcome: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(outcome);
}

/** Sends the current status and every new one. A tab that reads slowly skips to the latest. */
async function sendEvents({ desk, streams }: Context, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const write = (status: string): boolean => response.write(`${status}\n`);
  let latest: string | null = null;
  const stop = desk.onStatus((status) => {
    if (response.writableEnded) return;
    if (response.writableNeedDrain) latest = status;
    else write(status);
  });
  response.on('drain', () => {
    if (latest !== null) write(latest);
    latest = null;
  });
  streams.add(response);
  response.once('close', () => {
    stop();
    streams.delete(response);
  });
  const current = JSON.parse(await desk.answer('sync.getStatus', '')) as Outcome<unknown>;
  if (current.ok && !response.writableEnded && !response.destroyed) write(JSON.stringify(current.value));
}

async function sendDownload(shell: PreviewShell, id: string, response: ServerResponse): Promise<void> {
  const file = shell.takeDownload(id);
  if (!file) return refuse(response, 404, 'This file was downloaded already.');
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': contentDisposition(file.name) });
  try {
    await pipeline(createReadStream(file.path), response);
  } finally {
    rmSync(file.path, { force: true });
  }
}
