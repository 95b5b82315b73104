// The simplest possible client: it applies pages to a map, and computes the digest as the contract defines it, from the
// payload texts as sent. It shares no code with the server or the desktop.

import { crc32 } from 'node:zlib';

import type { Reply } from '../client.ts';

export interface HeldRecord {
  readonly collection: string;
  readonly id: string;
  readonly updatedAt: string;
  readonly text: string;
}

export class NaiveCache {
  /** By collection and id. */
  readonly records = new Map<string, HeldRecord>();

  apply(page: Pick<Reply, 'text'>): void {
    for (const change of elementsOf(membersOf(page.text).get('changes') ?? '')) {
      const members = membersOf(change);
      const read = (name: string): string => JSON.parse(members.get(name) ?? '""') as string;
      const [collection, id, updatedAt] = [read('collection'), read('mongoId'), read('updatedAt')];
      if (read('type') === 'delete') this.records.delete(`${collection} ${id}`);
      else this.records.set(`${collection} ${id}`, { collection, id, updatedAt, text: members.get('payload') ?? '' });
    }
  }

  /** Omits empty collections. */
  digest(): Record<string, { count: number; sum: number }> {
    const digest: Record<string, { count: number; sum: number }> = {};
    for (const { collection, id, updatedAt, text } of this.records.values()) {
      const { count, sum } = digest[collection] ?? { count: 0, sum: 0 };
      digest[collection] = { count: count + 1, sum: (sum + crc32(`${id}\n${updatedAt}\n${text}`)) % 2 ** 48 };
    }
    return digest;
  }
}

/** A digest without empty collections. */
export function withoutEmpty(digest: Reply['body']['digest']): Reply['body']['digest'] {
  return Object.fromEntries(Object.entries(digest).filter(([, { count, sum }]) => count !== 0 || sum !== 0));
}

/** The source texts of a JSON array's elements. */
function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
    } else if (character === '[' || character === '{') {
      depth += 1;
      if (depth === 1) start = at + 1;
    } else if (character === ']' || character === '}' || (character === ',' && depth === 1)) {
      if (depth === 1 && text.slice(start, at).trim() !== '') elements.push(text.slice(start, at).trim());
      if (character === ',') start = at + 1;
      else depth -= 1;
    }
  }
  return elements;
}

/** A JSON object's member names and the source texts of their values. */
function membersOf(text: string): Map<string, string> {
  return new Map(elementsOf(text).map((member) => {
    const colon = /^"(?:[^"\\]|\\.)*"\s*:/.exec(member)?.[0] ?? '';
    return [JSON.parse(colon.slice(0, -1).trim()) as string, member.slice(colon.length).trim()];
  }));
}
