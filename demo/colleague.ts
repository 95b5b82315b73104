// A colleague: another client of the server, written from the wire contract with plain fetch. It shares no code with the
// desktop's sync, so its changes can reach the desktop only through the server.

import { randomUUID } from 'node:crypto';

import type { Invoice } from '../shared/collections.ts';
import type { Digest } from '../shared/digest.ts';
import { isObject, type JsonObject } from '../shared/fields.ts';
import { parseLoginAnswer, parseRecordAnswer, type WireRecord } from '../shared/protocol.ts';

export interface Colleague {
  readonly name: string;
  read(collection: string, id: string): Promise<WireRecord>;
  create(collection: string, fields: object): Promise<WireRecord>;
  change(collection: string, record: WireRecord, patch: object): Promise<WireRecord>;
  remove(collection: string, record: WireRecord): Promise<WireRecord>;
  /** An action of the invoices: `issue`, `payments`, `credit`, `void`. */
  act(record: WireRecord, action: string, body?: object): Promise<WireRecord>;
  /** The server's digest of everything this user may see; `since` must not be later than the account's clock. */
  digest(since: string): Promise<Digest>;
}

/** Signs in; throws an error with the server's reason. */
export async function signIn(url: string, email: string, password: string): Promise<Colleague> {
  const { token, user } = parseLoginAnswer(await call(url, 'POST', '/api/auth/login', {}, { email, password }));
  const ask = async (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: object): Promise<unknown> =>
    call(url, method, path, { ...headers, authorization: `Bearer ${token}` }, body);
  const newKey = () => ({ 'idempotency-key': randomUUID() });
  const basedOn = (record: WireRecord) => ({ 'if-match': `"${record.updatedAt}"`, ...newKey() });
  return {
    name: user.name,
    read: async (collection, id) => parseRecordAnswer(await ask('GET', `/api/${collection}/${id}`)),
    create: async (collection, fields) => parseRecordAnswer(await ask('POST', `/api/${collection}`, newKey(), fields)),
    change: async (collection, record, patch) =>
      parseRecordAnswer(await ask('PATCH', `/api/${collection}/${record.id}`, basedOn(record), patch)),
    remove: async (collection, record) => parseRecordAnswer(await ask('DELETE', `/api/${collection}/${record.id}`, basedOn(record))),
    act: async (record, action, body) =>
      parseRecordAnswer(await ask('POST', `/api/invoices/${record.id}/${action}`, basedOn(record), body)),
    async digest(since) {
      const page = await ask('GET', `/api/sync/pull?since=${encodeURIComponent(since)}&limit=5000`);
      const digest = isObject(page) ? page['digest'] : undefined;
      if (!isObject(digest)) throw new Error('The server sent no digest with the last page of a pull.');
      return digest as Digest;
    },
  };
}

/** The payload of an invoice in a server response. */
export function invoiceOf(record: WireRecord): Invoice {
  if (!record.payload) throw new Error(`The server sent invoice ${record.id} without its fields.`);
  return record.payload as JsonObject & Invoice;
}

async function call(
  url: string, method: string, path: string, headers: Readonly<Record<string, string>>, body?: object,
): Promise<unknown> {
  const send = (): Promise<Response> => fetch(url + path, {
    method,
    headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body ? JSON.stringify(body) : null,
  });
  // An idle connection may be closed just as it is used again. Every write has a key, so it can be repeated.
  const response = await send().catch(send);
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const error = isObject(answer) && isObject(answer['error']) ? answer['error']['message'] : undefined;
  throw new Error(`The server refused ${method} ${path} with ${response.status}: ${String(error ?? 'no reason given')}`);
}
