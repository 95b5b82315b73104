// A server that is not ours: it answers as a test says and remembers what it was told.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Stranger {
  readonly url: string;
  readonly requests: readonly { readonly method: string; readonly path: string; readonly token: string | undefined }[];
}

/** Listens until the test ends. */
export async function openStranger(
  t: Pick<TestContext, 'after'>, answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Stranger> {
  const requests: Stranger['requests'][number][] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', token: request.headers.authorization });
    answer(request, response);
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

/** Answers everything with this JSON text. */
export function answerJson(text: string, status = 200): (request: IncomingMessage, response: ServerResponse) => void {
  return (_request, response) => void response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}
