// Which fields of a form were refused and why, as the person goes on typing: a reason goes when its field changes.

import type { Problems } from '../../shared/fields.ts';

export function withoutProblem(problems: Problems, path: string): Problems {
  if (problems[path] === undefined) return problems;
  const { [path]: _answered, ...others } = problems;
  return others;
}

/** The path of the first refused field, in the order in which they stand in the form. */
export function firstProblem(problems: Problems, order: readonly string[]): string | null {
  return order.find((path) => problems[path] !== undefined) ?? null;
}

/** Reasons at paths that the form does not show, so that they are said above it. */
export function strayProblems(problems: Problems, order: readonly string[]): readonly (readonly [path: string, reason: string])[] {
  return Object.entries(problems).filter(([path]) => !order.includes(path));
}
