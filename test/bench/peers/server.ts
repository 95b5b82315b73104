// Serves the documents in the form that each peer's own replication asks for. What can be made ready before the first request
// is: the answers to WatermelonDB and RxDB are finished bytes, and PouchDB's server has stored its documents.
//
//   node server.ts <file of documents, one a line> <folder> <peer>     sends its URL over the channel

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { loadPeer, type PeerDocument } from './packages.ts';

const [file = '', folder = '', peer] = process.argv.slice(2);
const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
const BATCH = 1000;

/** One answer with everything, as `synchronize` asks for; nested values are JSON, since its columns are flat. */
function serveWatermelon(): RequestListener {
  const created = lines.map((line) => {
    const { id, payload } = JSON.parse(line) as PeerDocument;
    const flat = Object.entries(payload).map(([name, value]) => [name, typeof value === 'object' ? JSON.stringify(value) : value]);
    return JSON.stringify({ id, ...Object.fromEntries(flat) });
  });
  const body = Buffer.from(`{"changes":{"invoices":{"created":[${created.join(',')}],"updated":[],"deleted":[]}},"timestamp":1}`);
  return (_request, response) => send(response, body);
}

/** Batches by a checkpoint, as a pull handler asks for them. */
function serveRxdb(): RequestListener {
  const bodies: Buffer[] = [];
  for (let start = 0; start < lines.length; start += BATCH) {
    const documents = lines.slice(start, start + BATCH).map((line) => {
      const { id, updatedAt, payload } = JSON.parse(line) as PeerDocument;
      return JSON.stringify({ id, updatedAt, ...payload, _deleted: false });
    });
    bodies.push(Buffer.from(`{"documents":[${documents.join(',')}],"checkpoint":{"batch":${bodies.length + 1}}}`));
  }
  const end = Buffer.from(`{"documents":[],"checkpoint":{"batch":${bodies.length}}}`);
  return (request, response) => send(response, bodies[Number(request.url?.slice(1))] ?? end);
}

interface Pouch {
  new(name: string): { bulkDocs(documents: readonly object[]): Promise<unknown> };
  defaults(options: object): Pouch;
}

/** CouchDB's protocol, from PouchDB's own server on LevelDB. */
async function servePouch(): Promise<RequestListener> {
  const PouchDB = (loadPeer('pouchdb') as Pouch).defaults({ prefix: join(folder, '/') });
  const app = (loadPeer('express') as () => RequestListener & { use(path: string, handler: unknown): void })();
  const handler = (loadPeer('express-pouchdb') as (pouch: Pouch, options: object) => unknown)(PouchDB, {
    mode: 'minimumForPouchDB', inMemoryConfig: true,
  });
  app.use('/', handler);
  const db = new PouchDB('invoices');
  for (let start = 0; start < lines.length; start += BATCH) {
    await db.bulkDocs(lines.slice(start, start + BATCH).map((line) => {
      const { id, updatedAt, payload } = JSON.parse(line) as PeerDocument;
      return { _id: id, updatedAt, ...payload };
    }));
  }
  return app;
}

function send(response: ServerResponse<IncomingMessage>, body: Buffer): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  response.end(body);
}

const listener = peer === 'WatermelonDB' ? serveWatermelon() : peer === 'RxDB' ? serveRxdb() : await servePouch();
const server = createServer(listener);
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('disconnect', () => process.exit(0));
