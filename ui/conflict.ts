// A version conflict: somebody saved the record while a person had it open. The two versions are compared field by
// field against the one they both started from; the person chooses, and the choice becomes the change to save on the
// present version. What only one side changed is chosen already; what both changed differently waits for a person.

import { isObject, type Json, type JsonObject } from '../shared/fields.ts';
import { valueAt } from './record-draft.ts';
import { isSame } from './record-patch.ts';

export type Side = 'mine' | 'theirs';

export interface Difference {
  /** The field's path; a list is one field. */
  readonly path: string;
  readonly base: Json | undefined;
  readonly mine: Json | undefined;
  readonly theirs: Json | undefined;
  /** Null where both changed it, each in their own way. */
  readonly proposed: Side | null;
}

/** Path to the side that was chosen. */
export type Choices = Readonly<Record<string, Side>>;

/**
 * Where mine and theirs differ, of the fields that `mine` has a say in: `fields` names them at the top level. `base` is
 * the version that both began with.
 */
export function findDifferences(fields: readonly string[], base: JsonObject, mine: JsonObject, theirs: JsonObject): readonly Difference[] {
  const paths = fields.flatMap((name) => leaves(name, [base[name], mine[name], theirs[name]]));
  return paths.flatMap((path) => {
    const [before, ours, other] = [valueAt(base, path), valueAt(mine, path), valueAt(theirs, path)];
    if (isSame(ours, other)) return [];
    const proposed = isSame(before, other) ? 'mine' : isSame(before, ours) ? 'theirs' : null;
    return [{ path, base: before, mine: ours, theirs: other, proposed }];
  });
}

/** What is chosen before a person has chosen anything. */
export function proposedChoices(differences: readonly Difference[]): Choices {
  return Object.fromEntries(differences.flatMap(({ path, proposed }) => (proposed === null ? [] : [[path, proposed]])));
}

export function chooseAll(differences: readonly Difference[], side: Side): Choices {
  return Object.fromEntries(differences.map(({ path }) => [path, side]));
}

/** How many differences still wait for a choice. */
export function undecided(differences: readonly Difference[], choices: Choices): number {
  return differences.filter(({ path }) => choices[path] === undefined).length;
}

/** The fields as they shall be: theirs, with mine wherever that was chosen. */
export function resolveConflict(fields: readonly string[], differences: readonly Difference[], choices: Choices, theirs: JsonObject): JsonObject {
  const kept = Object.fromEntries(Object.entries(theirs).filter(([name]) => fields.includes(name)));
  return differences.filter(({ path }) => choices[path] === 'mine')
    .reduce((record, { path, mine }) => withValue(record, path.split('.'), mine), kept);
}

/** The record with one value replaced, or removed where it is undefined; an object left without any is removed too. */
function withValue(record: JsonObject, [head = '', ...rest]: readonly string[], value: Json | undefined): JsonObject {
  const held = record[head];
  const next = rest.length === 0 ? value : withValue(isJsonObject(held) ? held : {}, rest, value);
  const { [head]: _replaced, ...others } = record;
  return next === undefined || (rest.length > 0 && isJsonObject(next) && Object.keys(next).length === 0)
    ? others : { ...others, [head]: next };
}

/** The paths below a field at which any of its versions has a value that is not an object. */
function leaves(path: string, versions: readonly (Json | undefined)[]): readonly string[] {
  const objects = versions.filter(isJsonObject);
  if (objects.length === 0) return [path];
  const keys = [...new Set(objects.flatMap((version) => Object.keys(version)))];
  return keys.flatMap((key) => leaves(`${path}.${key}`, objects.map((version) => version[key])));
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}
