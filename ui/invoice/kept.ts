// Amounts and numbers on paper that are not broken over lines. The text stays as it is, also when copied.

import { html, type TemplateResult } from 'lit';

/** A word with a digit, up to the next space at which a line may break: an amount with its currency is one. */
const word = /(?<![^ \n])(?=[^ \n]*\d)([^ \n]{1,40})(?![^ \n])/u;

/** A text on one line. */
export function kept(text: string): TemplateResult | string {
  return text === '' ? '' : html`<span class="kept">${text}</span>`;
}

/** Words that are broken only where one does not fit by itself; the columns are made wide enough for them where there is room. */
export function words(text: string): readonly (TemplateResult | string)[] {
  return text.split(/( )/).map((part) => (part.trim() === '' ? part : html`<span class="word">${part}</span>`));
}

/** Running text in which no amount is broken, nor a number such as INV-2026-00001. */
export function keptText(text: string): readonly (TemplateResult | string)[] {
  // What the group captures is at the odd places.
  return text.split(word).map((part, index) => (index % 2 === 0 ? part : kept(part)));
}
