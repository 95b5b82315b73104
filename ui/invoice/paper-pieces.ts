// The parts of a printed invoice that its pages consist of: none is broken, and those of a group stay together where that is possible.

import type { Fact, Paper, PaperLine, PaperSum } from './paper-content.ts';

/** Text of several lines: the invoice's note, and the company's text where it is too long for the foot. */
type TextLook = 'note' | 'closing';

export type PaperPiece =
  | {
    readonly part: 'line'; readonly line: PaperLine; readonly description: string;
    /** The first and the last row of the line: a long description goes over several. */
    readonly isFirst: boolean; readonly isLast: boolean;
  }
  | { readonly part: 'sum'; readonly sums: readonly PaperSum[] }
  | {
    readonly part: 'text'; readonly look: 'text' | TextLook | `${TextLook} first`; readonly text: string;
    readonly facts?: readonly Fact[]; readonly sums?: readonly PaperSum[];
  };

/** How many lines of text, or sums, one piece has at most, and how many rows of print, so that the page with the least room can hold it. */
const maxLines = 8;
const maxRows = 30;
/** How many characters a row has at least, where it is narrowest and they are widest: of a line's description, and of a sum's label. */
const rowCharacters = { description: 8, label: 12 } as const;
/** How many characters of one line of text a piece has at most: of a line's description, and across the page. */
const maxCharacters = { column: maxRows * rowCharacters.description, page: 1000 } as const;

/** With the company's text among them unless it is at the foot of every page. */
export function paperPieces(
  paper: Paper, hasClosing = false,
): { readonly pieces: readonly PaperPiece[]; readonly groups: readonly number[] } {
  const lines = paper.lines.map((line): readonly PaperPiece[] => {
    const texts = chunks(cutLines(line.description, maxCharacters.column), ({ length }) => length / rowCharacters.description)
      .map((some) => some.join('\n'));
    return texts.map((description, index) => (
      { part: 'line', line, description, isFirst: index === 0, isLast: index === texts.length - 1 }));
  });
  const totals: PaperPiece = { part: 'sum', sums: paper.totals };
  const settlement = chunks(paper.settlement, ({ label }) => label.length / rowCharacters.label).map((sums, index): PaperPiece => (
    { part: 'text', look: 'text', text: index === 0 ? paper.settlementTitle : '', sums }));
  const groups: readonly (readonly PaperPiece[])[] = [
    ...lines.slice(0, -1),
    [...lines.at(-1) ?? [], totals],
    ...paper.exemption ? [[{ part: 'text', look: 'text', text: paper.exemption } as const]] : [],
    ...settlement.map((piece) => [piece]),
    ...paper.request ? [[{ part: 'text', look: 'text', text: paper.request, facts: paper.bank } as const]] : [],
    ...textPieces('note', paper.note),
    ...hasClosing ? textPieces('closing', paper.footerText) : [],
  ];
  return { pieces: groups.flat(), groups: groups.map(({ length }) => length) };
}

function textPieces(look: TextLook, text: string): readonly (readonly PaperPiece[])[] {
  return cutLines(text, maxCharacters.page).map((line, index) => (
    [{ part: 'text', look: index === 0 ? `${look} first` : look, text: line }]));
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
