// Edit conflicts, when someone else saved a record that is open in a form: a three-way comparison, field by field, of both
// versions against their common base. A field that only one side changed is chosen already; a field that both changed
// differently is left to the user. The result is saved on the current version. An object, like an address, is one field: half of
// mine and half of theirs would be nobody's.

import type { Json, JsonObject } from '../../shared/fields.ts';
import { isSame } from './record-patch.ts';

export type Side = 'mine' | 'theirs';

export interface Difference {
  /** The field's name. */
  readonly path: string;
  readonly base: Json | undefined;
  readonly mine: Json | undefined;
  readonly theirs: Json | undefined;
  /** Null if both changed it, to different values. */
  readonly proposed: Side | null;
  /** The current version no longer lets it change: it stays theirs. */
  readonly isFixed: boolean;
}

/** The chosen side, by path. */
export type Choices = Readonly<Record<string, Side>>;

/** `base` is the common ancestor, `mine` what the form holds, `theirs` what the server holds now. */
export interface Versions {
  readonly base: JsonObject;
  readonly mine: JsonObject;
  readonly theirs: JsonObject;
}

/**
 * Where mine and theirs differ. `fields` are the top-level fields that the form edits, `editable` those of them that the
 * current version still lets change.
 */
export function findDifferences(
  fields: readonly string[], { base, mine, theirs }: Versions, editable: readonly string[] = fields,
): readonly Difference[] {
  return fields.flatMap((path): readonly Difference[] => {
    const values = { base: base[path], mine: mine[path], theirs: theirs[path] };
    if (isSame(values.mine, values.theirs)) return [];
    const isFixed = !editable.includes(path);
    const isTheirs = isFixed || isSame(values.base, values.mine);
    return [{ path, ...values, isFixed, proposed: isTheirs ? 'theirs' : isSame(values.base, values.theirs) ? 'mine' : null }];
  });
}

/** The initial choices. */
export function proposedChoices(differences: readonly Difference[]): Choices {
  return Object.fromEntries(differences.flatMap(({ path, proposed }) => (proposed === null ? [] : [[path, proposed]])));
}

/** All of one side. What only they have changed is not mine to take back: it stays theirs, unless somebody has chosen otherwise. */
export function chooseAll(differences: readonly Difference[], side: Side, choices: Choices = {}): Choices {
  const choose = ({ path, proposed }: Difference): Side =>
    side === 'mine' && proposed === 'theirs' ? choices[path] ?? 'theirs' : side;
  return Object.fromEntries(differences.map((difference) => [difference.path, choose(difference)]));
}

/** How many differences have no choice yet. */
export function countUndecided(differences: readonly Difference[], choices: Choices): number {
  return differences.filter(({ path }) => choices[path] === undefined).length;
}

/** The merged fields: theirs, with mine where that was chosen. */
export function resolveConflict(
  fields: readonly string[], differences: readonly Difference[], choices: Choices, theirs: JsonObject,
): JsonObject {
  const kept = Object.fromEntries(Object.entries(theirs).filter(([name]) => fields.includes(name)));
  const chosen = Object.fromEntries(differences.filter(({ path }) => choices[path] === 'mine').map(({ path, mine }) => [path, mine]));
  return Object.fromEntries(Object.entries({ ...kept, ...chosen }).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
