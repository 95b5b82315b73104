// CSV (RFC 4180) for spreadsheets, both ways. Text that a spreadsheet could take for a formula has an apostrophe before it
// (OWASP, "CSV Injection"), which `readCsvText` takes away again.

/** What a spreadsheet may take for the start of a formula, also full-width and after blanks; or such text after apostrophes. */
const formulaStart = /^'*(?:[\t\r\n]|\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/;

/** One value: with an apostrophe before what could be a formula, and quoted if necessary. */
export function csvText(text: string, { delimiter }: { readonly delimiter: string }): string {
  const safe = formulaStart.test(text) ? `'${text}` : text;
  return /["\r\n\t]|^\s|\s$/.test(safe) || safe.includes(delimiter) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The text that `csvText` turned into a value, once its quotes are gone. */
export function readCsvText(value: string): string {
  return value.startsWith("'") && formulaStart.test(value) ? value.slice(1) : value;
}

/** One row of a file. */
export interface CsvRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** Without quotes, otherwise as in the file. */
  readonly values: readonly string[];
  /** Why the row cannot be read, or null. */
  readonly fault: 'unclosed' | 'quote' | null;
}

/**
 * The rows of a file without its byte order mark, empty lines left out. Lines end with CRLF, LF or CR. A quote within an unquoted value
 * stands for itself; what follows a closing quote, or a quote that is never closed, is a fault. The text begins on `firstLine`.
 */
export function* readCsv(text: string, delimiter: string, firstLine = 1): Generator<CsvRow> {
  let at = 0;
  let line = firstLine;
  while (at < text.length) {
    const first = line;
    const values: string[] = [];
    let fault: CsvRow['fault'] = null;
    for (let isRowOpen = true; isRowOpen;) {
      let value = '';
      const isQuoted = text[at] === '"';
      for (let isOpen = isQuoted; isOpen;) {
        const end = text.indexOf('"', at + 1);
        value += text.slice(at + 1, end < 0 ? text.length : end);
        at = end < 0 ? text.length : end + 1;
        if (end < 0) fault = 'unclosed';
        isOpen = end >= 0 && text[at] === '"';
        if (isOpen) value += '"';
      }
      if (isQuoted) line += value.match(/\r\n|\n|\r/g)?.length ?? 0;
      const start = at;
      while (at < text.length && text[at] !== delimiter && text[at] !== '\n' && text[at] !== '\r') at += 1;
      if (isQuoted && at > start) fault ??= 'quote';
      values.push(value + text.slice(start, at));
      isRowOpen = at < text.length && text[at] === delimiter;
      if (isRowOpen) at += 1;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at += 2;
    else if (at < text.length) at += 1;
    line += 1;
    if (values.length > 1 || values[0] !== '' || fault) yield { line: first, values, fault };
  }
}
