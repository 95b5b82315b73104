// What is offered while an invoice's line is described: plans, and lines of the newest invoices.
//
// Invariant: however many there are, and however long, a bounded number of them is read.

import type { Invoice, Plan } from '../../shared/collections.ts';
import type { JsonObject } from '../../shared/fields.ts';
import type { LineQuery, LineSuggestion } from '../../shared/window/views.ts';
import { parsePayload } from './queries.ts';
import { collectionIn, recordsTable, type CacheReader } from './schema.ts';
import { readState } from './state.ts';
import { inReadTransaction } from './sqlite.ts';

const maxRecords = 400;
const maxLines = 4000;
const maxPlans = 3;
const maxSuggestions = 8;

/**
 * The plans offered and the latest lines invoiced in a currency that have a word beginning with `text`, each description once: first
 * plans, then what begins with it, and otherwise the newest. Throws `invalid_request`, and `cache_unusable` if a payload is damaged.
 */
export function lineSuggestions(reader: CacheReader, { text, currency }: LineQuery): LineSuggestion[] {
  const wanted = fold(text);
  const known = new Set<string>();
  /** 0 if a description begins with the text, 1 if one of its other words does; null if none does, or it is known. */
  const rank = (description: string): 0 | 1 | null => {
    const folded = fold(description);
    const isNew = !known.has(folded);
    known.add(folded);
    if (isNew && folded.startsWith(wanted)) return 0;
    return isNew && folded.includes(` ${wanted}`) ? 1 : null;
  };
  return inReadTransaction(reader.db, 'looking up earlier lines', () => {
    const plans = [...payloads<Plan>(reader, 'plans')].flatMap(({ name = '', priceMinor = 0, taxRateBp, unit, interval, ...plan }) =>
      plan.active !== true || plan.currency !== currency || rank(name) === null ? [] : [{
        description: name, unitPriceMinor: priceMinor, ...(unit !== undefined && { unit }), ...(taxRateBp !== undefined && { taxRateBp }),
        ...(interval && { interval }),
      }]).slice(0, maxPlans);
    const ranked: readonly [LineSuggestion[], LineSuggestion[]] = [[], []];
    let read = 0;
    for (const invoice of payloads<Invoice>(reader, 'invoices')) {
      const lines = Array.isArray(invoice.lines) ? invoice.lines : [];
      read += lines.length;
      if (read > maxLines || ranked[0].length >= maxSuggestions) break;
      if (invoice.currency !== currency || invoice.kind === 'credit_note') continue;
      for (const { quantityMilli: _quantity, ...line } of lines) {
        const at = rank(line.description);
        if (at !== null) ranked[at].push(line);
      }
    }
    return [...plans, ...ranked[0], ...ranked[1]].slice(0, maxSuggestions);
  });
}

/** The payloads that arrived last, newest first. */
function* payloads<T>(reader: CacheReader, collection: string): Generator<JsonObject & Partial<T>> {
  const { name } = collectionIn(reader.layout, collection);
  const table = recordsTable(name, readState(reader).generation);
  for (const { payload } of reader.db.prepare(`SELECT payload FROM ${table} ORDER BY rowid DESC LIMIT ?`).iterate(maxRecords)) {
    yield parsePayload(String(payload), name) as JsonObject & Partial<T>;
  }
}

/** Without case and accents, in words separated by single spaces. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
