// The parts of a printed invoice that its pages consist of: none is broken, and those of a group stay together where that is possible.

import type { Fact, Paper, PaperLine, PaperSum } from './paper-content.ts';

export type PaperPiece =
  | {
    readonly part: 'line'; readonly line: PaperLine; readonly description: string;
    /** The first and the last row of the line: a long description goes over several. */
    readonly isFirst: boolean; readonly isLast: boolean;
  }
  | { readonly part: 'sum'; readonly sums: readonly PaperSum[] }
  | {
    readonly part: 'text'; readonly look: 'text' | 'note' | 'note first'; readonly text: string;
    readonly facts?: readonly Fact[]; readonly sums?: readonly PaperSum[];
  };

/** How many lines of text, or sums, one piece has at most, and how many rows of print, so that the lowest page has room for it. */
const maxLines = 8;
const maxRows = 40;
/** How many characters a row has at least, where it is narrowest and they are widest: of a line's description, and of a sum's label. */
const rowCharacters = { description: 8, label: 12 } as const;
/** How many characters of one line of text a piece has at most: of a line's description, and across the page. */
const maxCharacters = { column: maxRows * rowCharacters.description, page: 1000 } as const;

export function paperPieces(paper: Paper): { readonly pieces: readonly PaperPiece[]; readonly groups: readonly number[] } {
  const lines = paper.lines.map((line): readonly PaperPiece[] => {
    const texts = chunks(cutLines(line.description, maxCharacters.column), ({ length }) => length / rowCharacters.description)
      .map((some) => some.join('\n'));
    return texts.map((description, index) => (
      { part: 'line', line, description, isFirst: index === 0, isLast: index === texts.length - 1 }));
  });
  const totals: PaperPiece = { part: 'sum', sums: paper.totals };
  const settlement = chunks(paper.settlement, ({ label }) => label.length / rowCharacters.label).map((sums, index): PaperPiece => (
    { part: 'text', look: 'text', text: index === 0 ? paper.settlementTitle : '', sums }));
  const notes = cutLines(paper.note, maxCharacters.page).map((text, index): readonly PaperPiece[] => (
    [{ part: 'text', look: index === 0 ? 'note first' : 'note', text }]));
  const groups: readonly (readonly PaperPiece[])[] = [
    ...lines.slice(0, -1),
    [...lines.at(-1) ?? [], totals],
    ...paper.exemption ? [[{ part: 'text', look: 'text', text: paper.exemption } as const]] : [],
    ...settlement.map((piece) => [piece]),
    ...paper.request ? [[{ part: 'text', look: 'text', text: paper.request, facts: paper.bank } as const]] : [],
    ...notes,
  ];
  return { pieces: groups.flat(), groups: groups.map(({ length }) => length) };
}

/** Several at a time, as far as they have `maxLines` and `maxRows` at most. */
function chunks<T>(all: readonly T[], rowsOf: (one: T) => number): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let rows = 0;
  for (const one of all) {
    const own = Math.max(1, Math.ceil(rowsOf(one)));
    const last = parts.at(-1);
    if (last && last.length < maxLines && rows + own <= maxRows) last.push(one);
    else parts.push([one]);
    rows = last === parts.at(-1) ? rows + own : own;
  }
  return parts;
}

/** A text's lines, with those that could be longer than a page cut after a word. */
function cutLines(text: string, max: number): readonly string[] {
  if (text.trim() === '') return [];
  return text.split('\n').flatMap((line) => line.match(new RegExp(`.{1,${max}}(?:\\s|$)|.{1,${max}}`, 'gu')) ?? ['']);
}
