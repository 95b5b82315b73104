// The hooks by which a collection adds its own rules to the generic writes in records.ts.

import type { JsonObject } from '../shared/fields.ts';
import type { Passwords } from './passwords.ts';
import type { StoredRecord, Transaction } from './store.ts';
import type { Lane } from './turns.ts';

export interface RuleContext {
  readonly passwords: Passwords;
  /** Who writes, for the order in which passwords are hashed. */
  readonly lane: Lane;
}

/** A validated write that has not been applied yet. */
export interface Write {
  readonly id: string;
  /** All writable fields, as they are to be stored. */
  readonly input: JsonObject;
  /** The record before the write, or null for a new one. */
  readonly previous: StoredRecord | null;
}

export interface ActionContext {
  readonly nowMs: number;
  readonly newId: () => string;
}

/** What an action writes. */
export interface ActionResult {
  /** The whole payload after the action: of its record, or of the new one that it creates. */
  readonly payload: JsonObject;
  /** Another record of the collection that changes with it. */
  readonly other?: { readonly previous: StoredRecord; readonly payload: JsonObject };
}

export interface Action {
  /** Validates the body; throws `invalid_request`. */
  readonly parse: (body: unknown) => JsonObject;
  /** Throws `conflict` if the record's state does not allow it. */
  readonly run: (transaction: Transaction, previous: StoredRecord, input: JsonObject, context: ActionContext) => Promise<ActionResult>;
  /** It leaves its record as it is, and its payload is that of a new one. */
  readonly creates?: true;
  /** Its name in the audit trail, if that is not the one in its path. */
  readonly auditedAs?: string;
}

export interface Rules {
  /** The new unpublished part; null leaves it unchanged. Runs before the transaction, because hashing is slow. */
  readonly secret?: (context: RuleContext, input: JsonObject) => Promise<string | null>;
  /** Returns the whole payload to store; throws `conflict` or `invalid_request`. */
  readonly complete?: (transaction: Transaction, write: Write) => Promise<JsonObject>;
  /** Throws `conflict` if the record must not be deleted. */
  readonly remove?: (transaction: Transaction, record: StoredRecord) => Promise<void>;
  /** By the last segment of their path, or as `<segment>/:entry`, whose body is `{ entry }`. */
  readonly actions?: Readonly<Record<string, Action>>;
}
