// XML 1.0 as text: elements with either text or children, indented by two spaces.
//
// Invariants: what is written is well-formed, whatever the texts hold: markup is escaped, characters that XML cannot hold are
// dropped. An element without text and children is left out, as Peppol BIS Billing demands (PEPPOL-EN16931-R008).

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly content: string | readonly Element[];
}

/** What can stand among children: nothing, if there is nothing to say. */
export type Child = Element | null;

export function element(name: string, children: readonly Child[], attributes: Readonly<Record<string, string>> = {}): Child {
  const content = children.filter((child) => child !== null);
  return content.length === 0 ? null : { name, attributes, content };
}

/** An element with what there is to write of a text. */
export function leaf(name: string, text: string | undefined, attributes: Readonly<Record<string, string>> = {}): Child {
  const content = given(text);
  return content === undefined ? null : { name, attributes, content };
}

/** The text without what XML cannot hold and without white space around the rest; undefined if nothing is left. */
export function given(text: string | undefined): string | undefined {
  return clean(text ?? '').trim() || undefined;
}

/** A document in UTF-8. */
export function toXml(root: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${write(root, '')}`;
}

function write({ name, attributes, content }: Element, indent: string): string {
  const start = `${name}${Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(value)}"`).join('')}`;
  const inside = typeof content === 'string' ? escape(content)
    : `\n${content.map((child) => write(child, `${indent}  `)).join('')}${indent}`;
  return `${indent}<${start}>${inside}</${name}>\n`;
}

/** Outside `Char` of XML 1.0, 2.2. Lone surrogates are matched, too; pairs are not. */
const unwritablePattern = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&apos;' };

function clean(text: string): string {
  return text.replace(unwritablePattern, '');
}

/** Line ends other than a line feed become references, since parsers replace some of them. */
function escape(text: string): string {
  return clean(text).replace(/[&<>"'\r\u0085\u2028\u2029]/g, (character) => entities[character] ?? `&#${character.charCodeAt(0)};`);
}
