// Console output of the demonstration: headings, sentences, aligned tables and a progress bar, at most 80 columns wide.
//
// On a terminal the bar is redrawn in place and headings are bold; otherwise the bar is one line per quarter, without
// colors. NO_COLOR and FORCE_COLOR are honored (node:util).

import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';

const INDENT = '   ';
const MAX_COLUMNS = 80;
const BAR_COLUMNS = 30;
const REDRAW_MS = 50;

export interface Column {
  readonly title: string;
  readonly align?: 'start' | 'end';
  /** Longer cells are truncated. */
  readonly maxColumns?: number;
}

export interface Progress {
  update(done: number): void;
  /** Ends the bar, full or where it stopped. */
  end(): void;
}

export interface Teller {
  heading(text: string): void;
  /** Prints a sentence, wrapped between words. */
  say(text?: string): void;
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void;
  progress(what: string, total: number): Progress;
}

export function createTeller(stream: WriteStream, nowMs: () => number): Teller {
  const print = (line: string): void => void stream.write(`${line}\n`);
  const say = (text = ''): void => {
    for (const line of wrap(text, MAX_COLUMNS - INDENT.length)) print((INDENT + line).trimEnd());
  };
  return {
    heading(text) {
      print('');
      print(styleText('bold', text, { stream }));
    },
    say,
    table(columns, rows) {
      const lines = layOut(columns, rows);
      const [head = '', ...body] = lines;
      print(styleText('dim', INDENT + head, { stream }));
      for (const line of body) print(INDENT + line);
    },
    progress: (what, total) => stream.isTTY ? redrawnBar(stream, what, total, nowMs) : plainBar(say, what, total),
  };
}

/** Formats a table as lines; columns are as wide as their widest cell, without trailing blanks. */
export function layOut(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = [columns.map(({ title }) => title), ...rows].map((row) =>
    columns.map(({ maxColumns = 80 }, index) => cut(row[index] ?? '', maxColumns)));
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return cells.map((row) => row.map((cell, index) => {
    const width = widths[index] ?? 0;
    return columns[index]?.align === 'end' ? cell.padStart(width) : cell.padEnd(width);
  }).join('  ').trimEnd());
}

export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en');
}

export function formatSeconds(durationMs: number): string {
  return durationMs < 1000 ? `${Math.max(1, Math.round(durationMs))} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} bytes`;
  return sizeBytes < 1_000_000 ? `${(sizeBytes / 1000).toFixed(1)} kB` : `${(sizeBytes / 1_000_000).toFixed(1)} MB`;
}

export function formatMoney(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency, currencyDisplay: 'code' });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits).replace('\u00a0', ' ');
}

/** Wraps text to `columns` where words allow it; lines after a leading dash are indented. */
function wrap(text: string, columns: number): string[] {
  const hang = text.startsWith('- ') ? '  ' : '';
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = hang + word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function cut(text: string, maxColumns: number): string {
  return text.length <= maxColumns ? text : `${text.slice(0, maxColumns - 1)}…`;
}

function barLine(what: string, done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_COLUMNS - filled);
  return `${what}  ${bar}  ${formatCount(done)} of ${formatCount(total)}`;
}

function redrawnBar(stream: WriteStream, what: string, total: number, nowMs: () => number): Progress {
  let drawnMs = 0;
  let last = 0;
  const draw = (): void => {
    drawnMs = nowMs();
    stream.write(`\r${INDENT}${barLine(what, last, total)}`);
  };
  draw();
  return {
    update(done) {
      last = done;
      if (nowMs() - drawnMs >= REDRAW_MS) draw();
    },
    end() {
      draw();
      stream.write('\n');
    },
  };
}

function plainBar(say: (text: string) => void, what: string, total: number): Progress {
  let quarters = 0;
  let last = 0;
  return {
    update(done) {
      last = done;
      const reached = total === 0 ? 4 : Math.floor(4 * done / total);
      if (reached <= quarters || done === total) return;
      quarters = reached;
      say(barLine(what, done, total));
    },
    end: () => say(barLine(what, last, total)),
  };
}
