// What single collections demand beyond their declaration, as hooks of the generic writes. A collection without an
// entry here needs none.

import type { JsonObject } from '../shared/fields.ts';
import type { Passwords } from './passwords.ts';
import { invoiceRules } from './invoice-rules.ts';
import type { StoredRecord, Transaction } from './store.ts';
import { userRules } from './user-rules.ts';

export interface RuleContext {
  readonly passwords: Passwords;
}

/** A checked input on its way to being written. */
export interface Write {
  readonly id: string;
  /** The writable fields as they shall be, all of them. */
  readonly input: JsonObject;
  /** The record before, or null for a new one. */
  readonly previous: StoredRecord | null;
}

export interface Action {
  /** The checked body; throws `invalid_request`. */
  readonly parse: (body: unknown) => JsonObject;
  /** The whole payload after the action; throws `conflict` where the record's state does not allow it. */
  readonly run: (transaction: Transaction, previous: StoredRecord, input: JsonObject) => Promise<JsonObject>;
}

export interface Rules {
  /** What to keep unpublished, computed before the transaction because it is slow; null keeps what there is. */
  readonly secret?: (context: RuleContext, input: JsonObject) => Promise<string | null>;
  /** The whole payload to store; throws `conflict` or `invalid_request`. */
  readonly complete?: (transaction: Transaction, write: Write) => Promise<JsonObject>;
  /** Throws `conflict` where the record must stay. */
  readonly remove?: (transaction: Transaction, record: StoredRecord) => Promise<void>;
  /** By the last segment of their path. */
  readonly actions?: Readonly<Record<string, Action>>;
}

const rulesByCollection: Readonly<Record<string, Rules>> = { users: userRules, invoices: invoiceRules };

export function rulesFor(collection: string): Rules {
  return rulesByCollection[collection] ?? {};
}
