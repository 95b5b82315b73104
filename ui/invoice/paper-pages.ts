// Which part of an invoice is printed on which page, from the heights that were measured. Chromium's own page breaks know no
// carried totals.

/** A part of an invoice that is never broken. */
export interface Piece {
  /** `line`: a row of the table of lines; `sum`: their totals; `text`: whatever follows. */
  readonly part: 'line' | 'sum' | 'text';
  readonly heightMm: number;
}

export interface PageRoom {
  /** The height for pieces on the first page, and on every other one. */
  readonly firstMm: number;
  readonly nextMm: number;
  /** The heights of the table's head, which every page with lines begins with, and of a row with a carried total. */
  readonly headMm: number;
  readonly carryMm: number;
}

export interface PaperPage {
  /** The first piece, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Begins, or ends, with what the lines so far add up to. */
  readonly isCarriedIn: boolean;
  readonly isCarriedOut: boolean;
}

/**
 * Breaks pieces into pages: every piece is on exactly one, in order. The pieces of a group, given by its length, stay together if
 * a page has room for them. A total is carried over each break after the first line and before the totals. A piece that is taller
 * than a page has one to itself. On the first page there may be none.
 */
export function breakPages(pieces: readonly Piece[], groups: readonly number[], room: PageRoom): readonly PaperPage[] {
  const pages: PaperPage[] = [];
  let [from, to] = [0, 0];
  /** Whether a total is carried over a break before this piece. */
  const isCarried = (index: number): boolean => index > 0 && index < pieces.length && pieces[index]?.part !== 'text';
  const heightMm = (start: number, end: number): number => {
    const held = pieces.slice(start, end);
    const rowsMm = [start, end].filter(isCarried).length * room.carryMm;
    const headMm = isCarried(start) || held.some(({ part }) => part === 'line') ? room.headMm : 0;
    return held.reduce((sum, piece) => sum + piece.heightMm, rowsMm + headMm);
  };
  const fits = (count: number): boolean => heightMm(from, to + count) <= (pages.length === 0 ? room.firstMm : room.nextMm);
  const turn = (): void => {
    pages.push({ from, to, isCarriedIn: isCarried(from), isCarriedOut: isCarried(to) });
    from = to;
  };
  const fitsNext = (count: number): boolean => heightMm(to, to + count) <= room.nextMm;
  for (const count of groups) {
    if (to > from && !fits(count) && fitsNext(count)) turn();
    const parts = fits(count) ? [count] : Array.from({ length: count }, () => 1);
    for (const size of parts) {
      // The first page, which has least room, may stay without pieces.
      if (!fits(size) && (to > from || (pages.length === 0 && fitsNext(size)))) turn();
      to += size;
    }
  }
  turn();
  return pages;
}
