// How wide the columns of the printed table are: what must stay on one line, an amount above all, decides, and the description gets
// the rest. Lengths are in mm on paper; those measured are at the table's usual size of letters.

export const numberColumns = ['quantity', 'price', 'tax', 'amount'] as const;
export type NumberColumn = (typeof numberColumns)[number];
export type ColumnWidths = Readonly<Record<NumberColumn, number>>;

export interface TableFit {
  /** Of each column with its padding. */
  readonly widthsMm: ColumnWidths;
  /** What the usual size of letters is multiplied by: 1, unless not even a narrow description leaves room. */
  readonly scale: number;
}

/** All columns together, and the first one, which holds the position. */
const tableMm = 165;
const positionMm = 9;
/** Between two columns, and so that rounding breaks nothing. */
const paddingMm = 2.5;
const slackMm = 0.4;
/** The least that a description gets. */
const descriptionMm = 30;

const noWords: ColumnWidths = { quantity: 0, price: 0, tax: 0, amount: 0 };

/**
 * Fits the columns to what was measured in them; `usualMm` is how wide they are where there is room, `wordMm` what is not broken
 * if the descriptions leave room for it, and `descriptionKeptMm` what must not be broken in a description.
 */
export function fitColumns(keptMm: ColumnWidths, usualMm: ColumnWidths, wordMm = noWords, descriptionKeptMm = 0): TableFit {
  const shown = numberColumns.filter((column) => usualMm[column] > 0);
  const sum = (of: (column: NumberColumn) => number): number => shown.reduce((total, column) => total + of(column), 0);
  const least = (column: NumberColumn, scale: number): number => keptMm[column] * scale + paddingMm + slackMm;
  const roomMm = (scale: number): number => tableMm - positionMm - Math.max(descriptionMm, descriptionKeptMm * scale + slackMm);
  const widths = (of: (column: NumberColumn) => number): ColumnWidths => (
    { quantity: 0, price: 0, tax: 0, amount: 0, ...Object.fromEntries(shown.map((column) => [column, of(column)])) });

  // From what must be to what is usual.
  const unscaled = (column: NumberColumn): number => least(column, 1);
  const whole = (column: NumberColumn): number => Math.max(unscaled(column), wordMm[column] + paddingMm + slackMm);
  const wanted = (column: NumberColumn): number => Math.max(usualMm[column], whole(column));
  if (sum(wanted) <= roomMm(1)) return { widthsMm: widths(wanted), scale: 1 };
  for (const [most, fewest] of [[wanted, whole], [whole, unscaled]] as const) {
    if (sum(fewest) > roomMm(1)) continue;
    // What is left over is shared in proportion to what each column wants beyond the least.
    const share = (roomMm(1) - sum(fewest)) / (sum(most) - sum(fewest));
    return { widthsMm: widths((column) => fewest(column) + (most(column) - fewest(column)) * share), scale: 1 };
  }
  const fixedMm = shown.length * (paddingMm + slackMm) + positionMm;
  const withNarrow = (tableMm - fixedMm - descriptionMm) / sum((column) => keptMm[column]);
  const withKept = (tableMm - fixedMm - slackMm) / (sum((column) => keptMm[column]) + descriptionKeptMm);
  const scale = Math.min(withNarrow, withKept);
  return { widthsMm: widths((column) => least(column, scale)), scale };
}
