// The list of the records that came from documents of another program, so that only those are deleted when their documents are gone;
// and why a document does not fit.
//
// Invariant: a record is listed before it is there. Only the process that has the lease changes the list of an adoption.

import type { AnyBulkWriteOperation, Db } from 'mongodb';

import { majorityRead } from './schema.ts';

export interface AdoptedDocument {
  /** Account, collection and record. */
  readonly _id: string;
  readonly accountId: string;
  readonly collection: string;
  readonly recordId: string;
  /** The other program's. */
  readonly database: string;
  /** The document's own key. */
  readonly sourceId: unknown;
  /** Why the document, as it is now, cannot be taken over; null if it was. */
  readonly problem: string | null;
}

/** A document, or that it is gone. */
interface Listed {
  readonly id: string;
  readonly sourceId: unknown;
  readonly document: unknown;
}

export function adoptedDocuments(db: Db) {
  return db.collection<AdoptedDocument>('adopted');
}

export async function createAdoptedIndexes(db: Db): Promise<void> {
  await adoptedDocuments(db).createIndexes([
    { key: { accountId: 1, database: 1, collection: 1 } },
    { key: { problem: 1 }, partialFilterExpression: { problem: { $type: 'string' } } },
  ]);
}

/** What came from one database into one account. */
export class AdoptedList {
  readonly own: Pick<AdoptedDocument, 'accountId' | 'database'>;
  readonly #table: ReturnType<typeof adoptedDocuments>;

  constructor(db: Db, own: AdoptedList['own']) {
    this.own = own;
    this.#table = adoptedDocuments(db);
  }

  of(collection: string) {
    return this.#table.find({ ...this.own, collection });
  }

  /** Up to `limit` documents that did not fit, after a place in their order. */
  problems(after: string, { limit, isBackward }: { readonly limit: number; readonly isBackward: boolean }): Promise<AdoptedDocument[]> {
    const beyond = after === '' ? {} : { _id: isBackward ? { $lt: after } : { $gt: after } };
    const options = { sort: { _id: isBackward ? -1 : 1 }, limit } as const;
    return this.#table.find({ ...this.own, problem: { $type: 'string' }, ...beyond }, options).toArray();
  }

  /** All documents that do not fit. */
  allProblems() {
    return this.#table.find({ ...this.own, problem: { $type: 'string' } }, { sort: { _id: 1 } });
  }

  /** Lists the documents before their records are there, under this database; returns what was noted before. */
  async register(collection: string, documents: readonly Listed[]): Promise<ReadonlyMap<string, Pick<AdoptedDocument, 'problem'>>> {
    const ids = documents.map(({ id }) => this.#key(collection, id));
    const found = await this.#table.find({ _id: { $in: ids } }, majorityRead).toArray();
    const known = new Map(found.map((entry) => [entry.recordId, entry]));
    const missing = documents.filter(({ id, document }) => document !== null && known.get(id)?.database !== this.own.database);
    if (missing.length > 0) {
      await this.#table.bulkWrite(missing.map(({ id, sourceId }) => ({ updateOne: {
        filter: { _id: this.#key(collection, id) }, upsert: true,
        update: { $set: { ...this.own, sourceId }, $setOnInsert: { collection, recordId: id, problem: null } },
      } })), { ordered: false });
    }
    return known;
  }

  /** Notes why documents do not fit, or that they do. Calls back for each new problem. */
  async note(
    collection: string, documents: readonly Listed[], before: ReadonlyMap<string, Pick<AdoptedDocument, 'problem'>>,
    problems: ReadonlyMap<string, string>, onProblem: (sourceId: unknown, problem: string) => void,
  ): Promise<void> {
    const operations = documents.flatMap(({ id, sourceId, document }): AnyBulkWriteOperation<AdoptedDocument>[] => {
      const filter = { _id: this.#key(collection, id) };
      const was = before.get(id)?.problem ?? null;
      const problem = problems.get(id) ?? null;
      if (problem !== null && was !== problem) onProblem(sourceId, problem);
      if (document === null && problem === null) return [{ deleteOne: { filter } }];
      return was === problem ? [] : [{ updateOne: { filter, update: { $set: { problem } } } }];
    });
    if (operations.length > 0) await this.#table.bulkWrite(operations, { ordered: false });
  }

  #key(collection: string, id: string): string {
    return `${this.own.accountId} ${collection} ${id}`;
  }
}
