// The digest that proves a cache equal to the server: per collection, the number of records and the sum, modulo 2^48,
// of each record's CRC-32 over `id \n updatedAt \n payload`, with the payload's text as sent.
//
// A sum does not depend on order, so each side maintains it by adding and subtracting single records.

import { crc32 } from 'node:zlib';

export interface CollectionDigest {
  readonly count: number;
  readonly sum: number;
}

/** Digests by collection name. */
export type Digest = Readonly<Record<string, CollectionDigest>>;

const MODULUS = 2 ** 48;

export const emptyDigest: CollectionDigest = { count: 0, sum: 0 };

/** CRC-32 of one record; `updatedAt` is the text on the wire, the payload is text or its UTF-8. */
export function recordCrc(id: string, updatedAt: string, payload: string | Uint8Array): number {
  return crc32(payload, crc32(`${id}\n${updatedAt}\n`));
}

export function addCrc(digest: CollectionDigest, crc: number): CollectionDigest {
  return { count: digest.count + 1, sum: (digest.sum + crc) % MODULUS };
}

export function subtractCrc(digest: CollectionDigest, crc: number): CollectionDigest {
  return { count: digest.count - 1, sum: (digest.sum - crc + MODULUS) % MODULUS };
}

/** A digest after the same changes as those from `from` to `to`. */
export function shiftDigest(digest: CollectionDigest, from: CollectionDigest, to: CollectionDigest): CollectionDigest {
  return { count: digest.count + to.count - from.count, sum: (digest.sum + to.sum - from.sum + MODULUS) % MODULUS };
}

/** The number of records in all collections. */
export function countRecords(digest: Digest): number {
  return Object.values(digest).reduce((sum, { count }) => sum + count, 0);
}

/** The names of the collections in which two digests differ; a missing collection counts as empty. */
export function digestDifferences(left: Digest, right: Digest): string[] {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].filter((name) => {
    const a = left[name] ?? emptyDigest;
    const b = right[name] ?? emptyDigest;
    return a.count !== b.count || a.sum !== b.sum;
  });
}
