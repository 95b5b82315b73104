// The list of the records that came from documents of another program, so that only those are deleted when their documents are gone;
// why a document does not fit; and which number an invoice has from its document, as no other may then be taken over with it.
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
  /** Of an invoice that was taken over with one. */
  readonly number?: string;
}

/** A document, or that it is gone. */
interface Listed {
  readonly id: string;
  readonly sourceId: unknown;
  readonly document: unknown;
}

/** What was noted about a document. */
export type Noted = Pick<AdoptedDocument, 'problem' | 'number'>;

export function adoptedDocuments(db: Db) {
  return db.collection<AdoptedDocument>('adopted');
}

export async function createAdoptedIndexes(db: Db): Promise<void> {
  await adoptedDocuments(db).createIndexes([
    { key: { accountId: 1, database: 1, collection: 1 } },
    { key: { problem: 1 }, partialFilterExpression: { problem: { $type: 'string' } } },
    { key: { accountId: 1, number: 1 }, partialFilterExpression: { number: { $type: 'string' } } },
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
  problems(after: string, limit: number): Promise<readonly AdoptedDocument[]> {
    return this.#table.find({ ...this.own, problem: { $type: 'string' }, _id: { $gt: after } }, { sort: { _id: 1 }, limit }).toArray();
  }

  /** The invoice that each of these numbers belongs to, of those that came from any document. */
  async holders(numbers: readonly string[]): Promise<Map<string, string>> {
    if (numbers.length === 0) return new Map();
    const { accountId } = this.own;
    const found = await this.#table.find({ accountId, number: { $in: [...numbers], $type: 'string' } }, majorityRead).toArray();
    return new Map(found.map(({ number = '', recordId }) => [number, recordId]));
  }

  /** Lists the documents before their records are there; returns what was noted before. */
  async register(collection: string, documents: readonly Listed[]): Promise<ReadonlyMap<string, Noted>> {
    const ids = documents.map(({ id }) => this.#key(collection, id));
    const found = await this.#table.find({ _id: { $in: ids } }, majorityRead).toArray();
    const known = new Map(found.map((entry) => [entry.recordId, entry]));
    const missing = documents.filter(({ id, document }) => document !== null && !known.has(id));
    if (missing.length > 0) {
      await this.#table.bulkWrite(missing.map(({ id, sourceId }) => ({ updateOne: {
        filter: { _id: this.#key(collection, id) }, upsert: true,
        update: { $setOnInsert: { ...this.own, collection, recordId: id, sourceId, problem: null } },
      } })), { ordered: false });
    }
    return known;
  }

  /**
   * Notes what became of the documents: why they do not fit, and the numbers of those that do. What was noted of a number stays while its
   * document does not fit, as does its record. Calls back for each new problem.
   */
  async note(
    collection: string, documents: readonly Listed[], before: ReadonlyMap<string, Noted>,
    { problems, numbers }: { readonly problems: ReadonlyMap<string, string>; readonly numbers: ReadonlyMap<string, string> },
    onProblem: (sourceId: unknown, problem: string) => void,
  ): Promise<void> {
    const operations = documents.flatMap(({ id, sourceId, document }): AnyBulkWriteOperation<AdoptedDocument>[] => {
      const filter = { _id: this.#key(collection, id) };
      const was = before.get(id);
      const problem = problems.get(id) ?? null;
      if (problem !== null && was?.problem !== problem) onProblem(sourceId, problem);
      if (document === null && problem === null) return [{ deleteOne: { filter } }];
      const number = problem === null ? numbers.get(id) : was?.number;
      if ((was?.problem ?? null) === problem && was?.number === number) return [];
      const update = number === undefined ? { $set: { problem }, $unset: { number: true } } as const : { $set: { problem, number } };
      return [{ updateOne: { filter, update } }];
    });
    if (operations.length > 0) await this.#table.bulkWrite(operations, { ordered: false });
  }

  #key(collection: string, id: string): string {
    return `${this.own.accountId} ${collection} ${id}`;
  }
}
