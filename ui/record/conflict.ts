// A version conflict: somebody saved the record while a person had it open. The two versions are compared field by
// field against the one they both started from; the person chooses, and the choice becomes the change to save on the
// present version. What only one side changed is chosen already; what both changed differently waits for a person.

import { isObject, type Json, type JsonObject } from '../../shared/fields.ts';
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
  /** The present version does not allow it to change any more: it stays theirs. */
  readonly isFixed: boolean;
}

/** Path to the side that was chosen. */
export type Choices = Readonly<Record<string, Side>>;

/** The versions of a record that meet: what both began with, what is in the form, what the server has now. */
export interface Versions {
  readonly base: JsonObject;
  readonly mine: JsonObject;
  readonly theirs: JsonObject;
}

/**
 * Where mine and theirs differ, of the fields that `mine` has a say in: `fields` names them at the top level, and
 * `editable` those among them that the present version still lets change.
 */
export function findDifferences(
  fields: readonly string[], { base, mine, theirs }: Versions, editable: readonly string[] = fields,
): readonly Difference[] {
  return fields.flatMap((name) => leaves(name, [base[name], mine[name], theirs[name]]).flatMap((path): readonly Difference[] => {
    const values = { base: valueAt(base, path), mine: valueAt(mine, path), theirs: valueAt(theirs, path) };
    if (isSame(values.mine, values.theirs)) return [];
    const isFixed = !editable.includes(name);
    const isTheirs = isFixed || isSame(values.base, values.mine);
    return [{ path, ...values, isFixed, proposed: isTheirs ? 'theirs' : isSame(values.base, values.theirs) ? 'mine' : null }];
  }));
}

/** What is chosen before a person has chosen anything. */
export function proposedChoices(differences: readonly Difference[]): Choices {
  return Object.fromEntries(differences.flatMap(({ path, proposed }) => (proposed === null ? [] : [[path, proposed]])));
}

export function chooseAll(differences: readonly Difference[], side: Side): Choices {
  return Object.fromEntries(differences.map(({ path, isFixed }) => [path, isFixed ? 'theirs' : side]));
}

/** How many differences still wait for a choice. */
export function undecided(differences: readonly Difference[], choices: Choices): number {
  return differences.filter(({ path }) => choices[path] === undefined).length;
}

/** The fields as they shall be: theirs, with mine wherever that was chosen. */
export function resolveConflict(
  fields: readonly string[], differences: readonly Difference[], choices: Choices, theirs: JsonObject,
): JsonObject {
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
