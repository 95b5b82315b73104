// The other program of docs/bringing-data.md: its mapping as the page has it, and its documents.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Decimal128, Double, ObjectId, UUID, type Db, type Document } from 'mongodb';

import type { Client } from '../../client.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'bringing-data.md'), 'utf8');
const [, json] = /^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
assert.ok(json);

export const example = JSON.parse(json) as { readonly collections: Readonly<Record<string, object>> };

const customer = new ObjectId('665f1c2e9b1d8a0012ab34cd');

export const exampleDocuments: Readonly<Record<string, readonly object[]>> = {
  User: [{
    _id: new UUID('9d1c9a54-0a3c-4a6b-8f5e-6f2f0a3f8f11'), email: 'max@shop.test', fullName: 'Max', role: 'STAFF', passwordHash: '$2b$10$x',
  }],
  Customer: [{
    _id: customer, displayName: 'Café Müller', mail: 'zoe@cafe.test',
    billing: { line1: 'Torstr. 1', zip: '10119', town: 'Berlin', country: 'de' }, createdAt: new Date('2024-05-04T09:00:00Z'),
  }],
  Invoice: [{
    _id: new ObjectId('665f1c2e9b1d8a0012ab34ce'), customer, no: 'RE-2024-0815', state: 'OPEN', issuedAt: new Date('2024-05-31T22:30:00Z'),
    dueAt: new Date('2024-06-30T22:00:00Z'), gross: new Double(35.69), payments: [],
    items: [{ title: 'Hosting', qty: 1.5, price: Decimal128.fromString('19.99'), vat: 19 }],
  }],
};

export async function fillShop(shop: Db, documents: Readonly<Record<string, readonly object[]>>): Promise<void> {
  for (const [name, content] of Object.entries(documents)) {
    await shop.createCollection(name);
    if (content.length > 0) await shop.collection(name).insertMany(content as Document[]);
  }
}

/** The payloads of an account by id. */
export async function recordsOf(owner: Client): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const records = new Map<string, Readonly<Record<string, unknown>>>();
  for (let since = ''; ;) {
    const { body } = await owner.pull(`?limit=5000${since}`);
    for (const { mongoId, payload } of body.changes) if (payload) records.set(mongoId, payload as Record<string, unknown>);
    if (!body.hasMore) return records;
    since = `&since=${body.serverTime}`;
  }
}
