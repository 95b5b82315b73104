// What `adopt --dry-run` says: which documents would not fit, and why. Changes nothing.

import type { MongoClient } from 'mongodb';

import { AppError } from '../../shared/errors.ts';
import { addressKey } from '../auth.ts';
import type { MappedCollection, Mapping } from '../mapping.ts';
import { referencesOf } from '../records.ts';
import type { Store } from '../store.ts';
import { adoptedDocuments } from './adopted.ts';
import type { Finding } from './adoption.ts';
import { checkDocument, createConverter, sourceFields, toId } from './convert.ts';
import { takeForeignInvoice } from './foreign-invoice.ts';
import { InvoiceNumbers, numberTaken } from './invoice-numbers.ts';
import { majorityRead, openTables } from './schema.ts';

export interface CheckDeps {
  readonly client: MongoClient;
  readonly databaseName: string;
  readonly store: Pick<Store, 'findAddress' | 'get'>;
  readonly mapping: Mapping;
  readonly accountId: string;
  readonly report: (finding: Finding) => void;
}

/** Reports every document that does not fit, and resolves to how many do. Memory grows with the number of ids only. */
export async function checkDocuments({ client, databaseName, store, mapping, accountId, report }: CheckDeps): Promise<number> {
  await using session = client.startSession();
  const source = client.db(mapping.database);
  const convert = createConverter(mapping);
  const ids = new Map<string, Set<string>>();
  const numbers = new Map<string, string>();
  const held = new InvoiceNumbers(openTables(client.db(databaseName)), accountId);
  const addresses = new Set<string>();
  let fitting = 0;

  const isThere = async (collection: string, id: string): Promise<boolean> =>
    ids.get(collection)?.has(id) ?? await store.get(accountId, collection, id) !== null;

  /** Whether the document of an invoice that is here is gone, or has another number now. */
  const isGivenUp = async (mapped: MappedCollection, holder: string, number: string): Promise<boolean> => {
    const entry = await adoptedDocuments(client.db(databaseName)).findOne({ _id: `${accountId} invoices ${holder}` }, majorityRead);
    if (!entry || entry.database !== mapping.database) return false;
    const document = await source.collection(mapped.from).findOne({ _id: entry.sourceId as never }, majorityRead);
    return !document || convert(mapped, document).fields['number'] !== number;
  };

  const problemOf = async (mapped: MappedCollection, id: string, document: Readonly<Record<string, unknown>>): Promise<string | null> => {
    const { collection } = mapped;
    const checked = checkDocument(convert, mapped, document, null);
    if (typeof checked === 'string') return checked;
    const { input, fields } = checked;
    for (const [field, to, target] of referencesOf(collection, input)) {
      if (!await isThere(to, target)) return `${field} refers to one of the ${to} that does not exist or does not fit (${target})`;
    }
    const sourceId = document['_id'];
    if (collection.name === 'users') {
      const address = addressKey(String(input['email']));
      const entry = await store.findAddress(address);
      if (addresses.has(address) || (entry && (entry.accountId !== accountId || entry.userId !== id))) return 'email is already in use';
      addresses.add(address);
    }
    if (collection.name !== 'invoices') return null;
    try {
      const { payload, differences } = takeForeignInvoice({ id, input, fields, customer: { name: '-' }, previous: null });
      const number = payload['number'];
      if (typeof number === 'string') {
        const holder = (await held.holders([number], session)).get(number) ?? id;
        const other = numbers.get(number) ?? (holder !== id && await isGivenUp(mapped, holder, number) ? id : holder);
        if (other !== id) return numberTaken(number, other);
        numbers.set(number, id);
      }
      for (const text of differences) report({ kind: 'difference', collection: collection.name, sourceId, text });
      return null;
    } catch (error) {
      if (error instanceof AppError) return error.message.replace(/\.$/, '');
      throw error;
    }
  };

  for (const mapped of mapping.collections) {
    const { collection, from } = mapped;
    const found = new Set<string>();
    const options = { ...majorityRead, sort: { _id: 1 }, projection: sourceFields(mapped) } as const;
    for await (const document of source.collection(from).find({}, options)) {
      const sourceId: unknown = document['_id'];
      const id = toId(mapping.database, sourceId);
      const text = await problemOf(mapped, id, document);
      if (text !== null) report({ kind: 'problem', collection: collection.name, sourceId, text });
      else {
        fitting += 1;
        found.add(id);
      }
    }
    ids.set(collection.name, found);
  }
  return fitting;
}
