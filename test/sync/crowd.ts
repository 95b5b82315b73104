// Many concurrent writers of one account, each as fast as the server answers.

import assert from 'node:assert/strict';

import type { Client, Reply, WireRecord } from '../client.ts';
import { customer, invoice, line, plan } from '../server/samples.ts';
import type { Model } from './model.ts';
import { Random } from './random.ts';

/**
 * Makes `count` writes and resolves when all are acknowledged. Other writers use the same records, so a version may be
 * outdated: such a write is rejected and changes nothing. Calls `onAnswer` after each.
 */
export async function writeMuch(client: Client, model: Model, seed: number, count: number, onAnswer: () => void): Promise<void> {
  const random = new Random(seed);
  for (let written = 0; written < count; written += 1) {
    const [collection, reply] = await writeOnce(client, model, random);
    if (reply.status < 300) model.wrote(collection, reply);
    else assert(['precondition_failed', 'conflict', 'not_found', 'invalid_request'].includes(reply.body.error.code), reply.text);
    onAnswer();
  }
}

async function writeOnce(client: Client, model: Model, random: Random): Promise<[collection: string, reply: Reply]> {
  const pickFrom = (collection: string): WireRecord | undefined => random.pick(model.present(collection));
  const collection = random.pick(['plans', 'customers', 'invoices'] as const);
  const target = pickFrom(collection);
  const path = `/api/${collection}/${target?.id}`;
  if (!target || random.chance(0.5)) return create(client, collection, pickFrom('customers'), random);
  if (random.chance(0.35)) return [collection, await client.remove(path, target.updatedAt)];
  if (collection === 'invoices' && target.payload['status'] === 'draft' && random.chance(0.5)) {
    return [collection, await client.post(`${path}/issue`, {}, { 'If-Match': `"${target.updatedAt}"` })];
  }
  const field = collection === 'invoices' ? 'internalNote' : 'name';
  return [collection, await client.patch(path, target.updatedAt, { [field]: `Changed ${random.next()}` })];
}

async function create(client: Client, collection: string, owner: WireRecord | undefined, random: Random): Promise<[string, Reply]> {
  const name = `New ${random.next()}`;
  if (collection === 'plans') return ['plans', await client.post('/api/plans', plan({ name }))];
  if (collection === 'customers' || !owner) return ['customers', await client.post('/api/customers', customer({ name }))];
  const lines = [line({ unitPriceMinor: random.integer(0, 100_000) })];
  return ['invoices', await client.post('/api/invoices', invoice(owner.id, { lines }))];
}
