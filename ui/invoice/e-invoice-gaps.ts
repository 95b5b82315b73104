// Where what an e-invoice lacks can be entered.

import type { Problem, Problems } from '../../shared/problems.ts';

const gapPlaces = ['company', 'customer', 'invoice'] as const;
export type GapPlace = (typeof gapPlaces)[number];

export interface Gap {
  readonly place: GapPlace;
  /** The field's path in the record of that place, without the index of a line. */
  readonly field: string;
  readonly problem: Problem;
  /** Part of what no longer changes once the invoice is issued. */
  readonly isFixed: boolean;
}

/** What is missing, by place. An issued invoice without a buyer's reference takes it from the customer, so it is entered there. */
export function findGaps(problems: Problems): readonly Gap[] {
  const gaps = Object.entries(problems).map(([path, problem]): Gap => {
    const [first = '', ...rest] = path.split('.');
    const field = rest.join('.').replace(/^lines\.\d+\./, '');
    if (path === 'invoice.buyerReference') return { place: 'customer', field, problem, isFixed: false };
    const place = gapPlaces.find((known) => known === first) ?? 'invoice';
    return { place, field, problem, isFixed: place === 'invoice' && field !== 'dueDate' };
  });
  return gapPlaces.flatMap((place) => gaps.filter((gap) => gap.place === place));
}
