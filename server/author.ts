// Who last wrote a record: `changedBy` in its payload, as the audit trail has the actor.
//
// Invariant: what is not written by a signed-in user has none, so a payload never keeps the author of the version before it.

import { authorField } from '../shared/collections.ts';
import type { JsonObject } from '../shared/fields.ts';
import type { SignedInUser } from '../shared/protocol.ts';
import type { RecordContent } from './store.ts';

export type Author = Pick<SignedInUser, 'id' | 'name'>;

/** The payload as written by this user; with null, by a command of the server or another program. */
export function writtenBy(author: Author | null, payload: JsonObject): JsonObject {
  const { [authorField]: _previous, ...fields } = payload;
  return author ? { ...fields, [authorField]: { id: author.id, name: author.name } } : fields;
}

/** The same record with another unpublished part, as written by this user; with null, by a command. */
export function withSecret(author: Author | null, { payload, references }: RecordContent, secret: string): RecordContent {
  return { payload: JSON.stringify(writtenBy(author, JSON.parse(payload) as JsonObject)), secret, references };
}

/** Whether two payloads are the same, whoever wrote them. */
export function sameFields(a: string, b: string): boolean {
  const fieldsOf = (text: string): string => JSON.stringify(writtenBy(null, JSON.parse(text) as JsonObject));
  return a === b || fieldsOf(a) === fieldsOf(b);
}
