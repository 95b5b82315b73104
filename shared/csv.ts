// Text values of CSV (RFC 4180) that a spreadsheet cannot take for a formula (OWASP, "CSV Injection").

/** What a spreadsheet may take for the start of a formula, also in full-width characters and after blanks. */
const formulaStart = /^(?:[\t\r\n]|\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/;

/** One value: with an apostrophe before what could be a formula, and quoted if necessary. */
export function csvText(text: string, { delimiter }: { readonly delimiter: string }): string {
  const safe = formulaStart.test(text) ? `'${text}` : text;
  return /["\r\n\t]|^\s|\s$/.test(safe) || safe.includes(delimiter) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
