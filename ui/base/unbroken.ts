// Running text in which numbers such as INV-2026-00001 are not broken at their hyphens. The text stays as it is, also when copied.

import { html, type TemplateResult } from 'lit';

/** A word with a digit and a hyphen inside, that is short enough for a line of its own. */
const number = /(?<!\S)(?=\S*\d)(\S{1,20}-\S{1,20})(?!\S)/u;

/** For components with the styles of `controls`, or of the paper. */
export function unbroken(text: string): readonly (string | TemplateResult)[] {
  // What the group captures is at the odd places.
  return text.split(number).map((part, index) => (index % 2 === 0 ? part : html`<span class="unbroken">${part}</span>`));
}
