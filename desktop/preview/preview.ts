// The desktop without Electron: the real window in a browser tab, with the real desk behind it.
//
//   GET  /?key=…           exchanges the link's key for a cookie, once, and leads to the page without it
//   GET  /, /window.js, …  the window's files, as build.mjs bundles them, and the page's own script
//   POST /call/<channel>   one request as JSON in, its outcome as JSON out
//   POST /network/<state>  what the page sees of the network: online or offline
//   GET  /events           server-sent events: the status now, and whenever it changes
//   GET  /download/<id>    a file that the window asked for, once
//
// What always holds: it listens on loopback only; whoever has no cookie, or comes from another origin, gets nothing but
// a sentence; every call is answered with an outcome; no answer is kept by a cache.

import { once } from 'node:events';
import { createReadStream, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../../shared/errors.ts';
import { isShellChannel, isWindowChannel, toOutcome, type Outcome } from '../../shared/window/ipc.ts';
import type { DeskOptions } from '../desk.ts';
import type { Log } from '../files/log.ts';
import { createPreviewAccess, type PreviewAccess } from './access.ts';
import { startPreviewDesk, type PreviewDesk } from './desk.ts';
import { createPreviewShell, type PreviewShell } from './shell.ts';
import { contentTypeOf, windowHeaders } from '../../shared/window/headers.ts';

export interface PreviewOptions extends DeskOptions {
  /** What is served, by its path: `index.html` and whatever that asks for. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** A free one where absent. */
  readonly port?: number;
}

export interface PreviewDeps {
  readonly log: Log;
  readonly nowMs: () => number;
}

export interface Preview {
  readonly origin: string;
  /** A link that opens the window in one browser. Each works once. */
  newLink(): string;
  /** What a page's call would answer, for whoever starts the preview. */
  readonly desk: PreviewDesk;
  close(): Promise<void>;
}

/** Larger than any request that the desk would accept. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const safeHeaders = windowHeaders("'self'");

/** Starts it on loopback; resolves when it listens. The data folder is made where it is missing. */
export async function startPreview(options: PreviewOptions, { log, nowMs }: PreviewDeps): Promise<Preview> {
  const { files, port = 0, ...deskOptions } = options;
  const desk = startPreviewDesk(deskOptions, log);
  const shell = createPreviewShell(deskOptions, desk, nowMs);
  const server = createServer();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const parts: Parts = { files, origin, desk, shell, access: createPreviewAccess(origin), log, streams: new Set() };
  server.on('request', (request, response) => void serve(parts, request, response));
  return {
    origin,
    newLink: () => parts.access.newLink(),
    desk,
    async close() {
      server.close();
      for (const stream of parts.streams) stream.end();
      await desk.close();
      server.closeAllConnections();
      shell.close();
    },
  };
}

interface Parts {
  readonly files: PreviewOptions['files'];
  readonly origin: string;
  readonly desk: PreviewDesk;
  readonly shell: PreviewShell;
  readonly access: PreviewAccess;
  readonly log: Log;
  /** The event streams that are open. */
  readonly streams: Set<ServerResponse>;
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(safeHeaders)) response.setHeader(name, value);
  try {
    await route(parts, request, response);
  } catch (error) {
    // A tab that was closed in the middle is no fault.
    if (!response.destroyed) parts.log('the preview could not answer', { error });
    response.destroy();
  }
}

async function route(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { access, desk, files } = parts;
  const refusal = access.refusal(request.method, request.headers);
  if (refusal !== null) return refuse(response, 403, refusal);
  const url = URL.parse(request.url ?? '', parts.origin);
  if (url?.origin !== parts.origin) return refuse(response, 404, 'This is no address of the preview.');
  const isRead = request.method === 'GET';
  const key = url.searchParams.get('key');
  if (isRead && url.pathname === '/' && key !== null) return letIn(access, key, request, response);
  if (!access.isLetIn(request.headers)) {
    return refuse(response, 403, 'Open the preview with the link that it printed. Each link works once, in one browser.');
  }

  const channel = /^\/call\/([\w.]+)$/.exec(url.pathname)?.[1];
  if (channel !== undefined) {
    if (request.method !== 'POST') return refuse(response, 405, 'A call is a POST.');
    return sendOutcome(response, await answer(parts, channel, request));
  }
  const network = /^\/network\/(online|offline)$/.exec(url.pathname)?.[1];
  if (network === 'online' || network === 'offline') {
    if (request.method !== 'POST') return refuse(response, 405, 'The network is told by a POST.');
    desk.noticeNetwork(network);
    return void response.writeHead(204).end();
  }
  if (!isRead) return refuse(response, 405, 'This is only read.');
  if (url.pathname === '/events') return sendEvents(parts, response);
  const downloadId = /^\/download\/([\w-]+)$/.exec(url.pathname)?.[1];
  if (downloadId !== undefined) return sendDownload(parts.shell, downloadId, response);
  const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
  const file = files.get(name);
  // Browsers ask for one unasked; that there is none is no error for their console.
  if (!file && name === 'favicon.ico') return void response.writeHead(204).end();
  const type = contentTypeOf(name);
  if (!file || type === undefined) return refuse(response, 404, 'There is no such page.');
  response.writeHead(200, { 'content-type': type }).end(file);
}

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${sentence}\n`);
}

/** Leads to the page without the key, so that the address can be copied, kept and seen without harm. */
function letIn(access: PreviewAccess, key: string, request: IncomingMessage, response: ServerResponse): void {
  const cookie = access.exchange(key);
  if (cookie === null && !access.isLetIn(request.headers)) {
    return refuse(response, 403, 'This link was used already. Start the preview again for a new one.');
  }
  response.writeHead(303, { location: '/', ...(cookie === null ? {} : { 'set-cookie': cookie }) }).end();
}

/** The call's outcome as JSON text. */
async function answer({ desk, shell, log }: Parts, channel: string, request: IncomingMessage): Promise<string> {
  const body = await toOutcome(() => readBody(request), (error) => log('a call was cut', { error }));
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
  }, (error) => log('a call failed unexpectedly', { error }));
  return JSON.stringify({ ...outcome, download });
}

async function readBody(request: IncomingMessage): Promise<string> {
  if (request.headers['content-type'] !== 'application/json') {
    throw new AppError('unsupported_media_type', 'A call is application/json.');
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    // What comes after the limit is read and dropped, so that the answer arrives.
    if (sizeBytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (sizeBytes > MAX_BODY_BYTES) throw new AppError('payload_too_large', `A call has at most ${MAX_BODY_BYTES} bytes.`);
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

/** The status now, and each change of it. A tab that reads slowly gets the newest only. */
async function sendEvents({ desk, streams }: Parts, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('retry: 1000\n\n');
  const write = (status: string): boolean => response.write(`event: status\ndata: ${status}\n\n`);
  let newest: string | null = null;
  const stop = desk.onStatus((status) => {
    if (response.writableEnded) return;
    if (response.writableNeedDrain) newest = status;
    else write(status);
  });
  response.on('drain', () => {
    if (newest !== null) write(newest);
    newest = null;
  });
  streams.add(response);
  response.once('close', () => {
    stop();
    streams.delete(response);
  });
  const now = JSON.parse(await desk.answer('sync.getStatus', '')) as Outcome<unknown>;
  if (now.ok && !response.writableEnded && !response.destroyed) write(JSON.stringify(now.value));
}

async function sendDownload(shell: PreviewShell, id: string, response: ServerResponse): Promise<void> {
  const file = shell.take(id);
  if (!file) return refuse(response, 404, 'This file was downloaded already.');
  response.writeHead(200, {
    'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${file.name}"`,
  });
  try {
    await pipeline(createReadStream(file.path), response);
  } finally {
    rmSync(file.path, { force: true });
  }
}
