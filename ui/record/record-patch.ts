// The JSON merge patch (RFC 7396) between two versions of a record. A save sends only what the user changed and leaves
// every other field alone.

import { isObject, type Json, type JsonObject } from '../../shared/fields.ts';

/** `mergePatch(before, mergePatchBetween(before, after))` equals `after`, provided neither holds null or an empty object. */
export function mergePatchBetween(before: JsonObject, after: JsonObject): JsonObject {
  const patch = new Map<string, Json>();
  for (const key of Object.keys(before)) {
    if (after[key] === undefined) patch.set(key, null);
  }
  for (const [key, value] of Object.entries(after)) {
    const held = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isSame(held, value)) continue;
    patch.set(key, isJsonObject(held) && isJsonObject(value) ? mergePatchBetween(held, value) : value);
  }
  return Object.fromEntries(patch);
}

export function isEmpty(patch: JsonObject): boolean {
  return Object.keys(patch).length === 0;
}

/** Deep equality; the order of keys does not matter. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, index) => isSame(entry, b[index] as Json));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]));
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}
