// A test account and a writer over HTTP that records every acknowledged write in the account's model.

import assert from 'node:assert/strict';

import type { Payload, WireRecord } from '../client.ts';
import { customer, invoice, plan } from '../server/samples.ts';
import { Model } from './model.ts';
import type { Site, TestAccount } from './site.ts';

export class Books {
  readonly owner: TestAccount;
  readonly model: Model;
  #changes = 0;

  constructor(owner: TestAccount, model: Model) {
    this.owner = owner;
    this.model = model;
  }

  async create(collection: string, fields: object): Promise<WireRecord> {
    return this.model.wrote(collection, await this.owner.client.post(`/api/${collection}`, fields));
  }

  /** Changes a field that every record of the collection lets change. */
  async change(collection: string, id: string, patch?: Payload): Promise<WireRecord> {
    this.#changes += 1;
    const field = collection === 'invoices' ? 'internalNote' : 'name';
    const version = this.#versionOf(collection, id);
    const reply = await this.owner.client.patch(`/api/${collection}/${id}`, version, patch ?? { [field]: `Change ${this.#changes}` });
    return this.model.wrote(collection, reply);
  }

  async remove(collection: string, id: string): Promise<void> {
    this.model.wrote(collection, await this.owner.client.remove(`/api/${collection}/${id}`, this.#versionOf(collection, id)));
  }

  /** Adds plans concurrently and returns them oldest first. */
  async addPlans(count: number): Promise<readonly WireRecord[]> {
    const added = await Promise.all(Array.from({ length: count }, (_, index) => this.create('plans', plan({ name: `Plan ${index}` }))));
    return added.sort((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1));
  }

  #versionOf(collection: string, id: string): string {
    const record = this.model.present(collection).find((candidate) => candidate.id === id);
    assert(record, `${collection}/${id} exists`);
    return record.updatedAt;
  }
}

/** A new account with an owner, a plan, a customer and a draft invoice. */
export async function openBooks(site: Site): Promise<Books> {
  const owner = await site.newAccount();
  const books = new Books(owner, await new Model().begin(owner.client));
  await books.create('plans', plan());
  const { id } = await books.create('customers', customer());
  await books.create('invoices', invoice(id));
  return books;
}
