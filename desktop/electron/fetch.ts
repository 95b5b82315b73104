// `fetch` over Electron's `net.request`, as far as the desktop's HTTP client uses it. Electron's own `net.fetch` never answers
// where a status or a header cannot be held by a `Response`, ends the process with it, and lets an answer that nobody reads
// keep one of the six connections to its host.
//
// Invariants: every request settles, at the latest when its signal aborts. Whatever ends an answer's body ends the request:
// its end, an error, a `cancel`, the signal. Then nothing listens to the signal any more. A body arrives as it is read, decoded.

import type { ClientRequest, ClientRequestConstructorOptions } from 'electron';
import { Readable } from 'node:stream';

/** The statuses of answers without a body (Fetch standard, 2.2.3). */
const bodiless = [101, 204, 205, 304];

/**
 * Returns a `fetch` for text bodies that heeds `method`, `headers`, `body`, `redirect`, `cache`, `credentials` and `signal`.
 * It rejects with Chromium's name of the error (`net::ERR_…`), with the signal's reason, or where a redirect is not allowed.
 * A proxy that asks for a password is not given one: `net::ERR_PROXY_AUTH_REQUESTED`. Windows' own sign-in at a proxy comes
 * before that and needs no answer.
 */
export function createFetch(request: (options: ClientRequestConstructorOptions) => ClientRequest): typeof fetch {
  return (input, init = {}) => new Promise((resolve, reject) => {
    const { method = 'GET', redirect = 'follow', cache = 'default', credentials = 'omit', body, signal } = init;
    signal?.throwIfAborted();
    const headers = Object.fromEntries(new Headers(init.headers));
    const sent = request({ url: String(input), method, headers, redirect, cache, credentials });
    let incoming: Readable | null = null;

    function end(error: Error): void {
      signal?.removeEventListener('abort', abort);
      reject(error);
      incoming?.destroy(error);
      // A request with a body starts only after this turn, and Electron forgets an abort before that.
      setImmediate(() => sent.abort());
    }
    const abort = (): void => end(signal?.reason);

    signal?.addEventListener('abort', abort);
    // Stays for good: an error in the body is reported here once more.
    sent.on('error', end);
    sent.on('login', ({ isProxy }, answer) => {
      if (isProxy) end(new Error('net::ERR_PROXY_AUTH_REQUESTED'));
      else answer();
    });
    sent.on('response', (response) => {
      // Electron's declarations leave out that it is a Readable.
      incoming = response as unknown as Readable;
      incoming.on('close', () => {
        signal?.removeEventListener('abort', abort);
        sent.abort();
      });
      try {
        resolve(toResponse(incoming, response.statusCode, response.headers));
      } catch (error) {
        end(new Error('net::ERR_INVALID_HTTP_RESPONSE', { cause: error }));
      }
    });
    sent.end(typeof body === 'string' ? body : undefined);
  });
}

/** Throws a RangeError if the status is none of Fetch's. Leaves out headers beyond Latin-1, which `Headers` cannot hold. */
function toResponse(incoming: Readable, status: number, headers: Readonly<Record<string, string | string[]>>): Response {
  const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  const pairs = Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]));
  const init = { status, headers: pairs.filter(([, value]) => /^[\0-\xff]*$/.test(value)) };
  if (!bodiless.includes(status)) return new Response(body, init);
  void body.cancel();
  return new Response(null, init);
}
