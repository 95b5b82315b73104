// What the window says, in the language of the person: a catalogue per language in two parts, one function to read it.
// English texts of the lists are here from the start; other languages, and the texts of what is drawn later (details,
// forms, settings), are loaded where they are needed.
//
// The English catalogue types the keys and the parameters of every text; a translation that lacks a key does not
// compile. The locale is the one thing in the window that is the same for all of it at any time, so it is kept here and
// not handed through every component; only the root sets it, and draws everything anew when it does.

import type { enRecords } from './en-records.ts';
import { enShell } from './en-shell.ts';

/** A text with `{name}` for parameters; with `one` and `other`, chosen by the parameter `count`. */
export type Message = string | { readonly one: string; readonly other: string };
export type Catalogue = Readonly<Record<string, Message>>;
/** Every key of a catalogue; a text that counts in English counts in the translation. */
export type Translation<C extends Catalogue> = {
  readonly [K in keyof C]: C[K] extends string ? string : { readonly one: string; readonly other: string };
};

type English = typeof enShell & typeof enRecords;
export type MessageKey = keyof English;

type ParamsIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamsIn<Rest> : never;
type ParamsOf<M> = M extends string ? ParamsIn<M> : M extends { other: infer Text } ? ParamsIn<Text> | 'count' : never;
type Params<K extends MessageKey> = [ParamsOf<English[K]>] extends [never]
  ? []
  : [params: Readonly<Record<ParamsOf<English[K]>, string | number>>];

/** How the texts of each language are come by. */
export const loadTexts = {
  en: {
    shell: async () => enShell,
    records: async () => (await import('./en-records.ts')).enRecords,
  },
  de: {
    shell: async () => (await import('./de-shell.ts')).deShell,
    records: async () => (await import('./de-records.ts')).deRecords,
  },
} as const satisfies Record<string, {
  readonly shell: () => Promise<Translation<typeof enShell>>;
  readonly records: () => Promise<Translation<typeof enRecords>>;
}>;

export type Language = keyof typeof loadTexts;

export interface Locale {
  /** The catalogue, and what is written out in words: plurals, "3 min ago". */
  readonly language: Language;
  /** How numbers, money and dates are written: a BCP 47 tag. */
  readonly format: string;
}

interface InUse {
  readonly locale: Locale;
  readonly parts: readonly ('shell' | 'records')[];
}

const inUse: { now: InUse; texts: Catalogue; changing: Promise<void> } = {
  now: { locale: { language: 'en', format: 'en' }, parts: ['shell'] }, texts: enShell, changing: Promise.resolve(),
};

/**
 * The locale for a setting (`system`, or a language) on a system that prefers `preferred` (BCP 47 tags, best first).
 * Numbers and dates follow the system; where another language was chosen, that language as the system knows it.
 */
export function chooseLocale(setting: Language | 'system', preferred: readonly string[]): Locale {
  const [first = 'en'] = preferred;
  if (setting === 'system') return { language: languageOf(first), format: first };
  return { language: setting, format: preferred.find((tag) => languageOf(tag, null) === setting) ?? setting };
}

function languageOf<F>(tag: string, fallback: F | Language = 'en'): Language | F {
  const base = tag.split('-', 1)[0]?.toLowerCase() ?? '';
  return Object.hasOwn(loadTexts, base) ? base as Language : fallback;
}

/**
 * For the root only: from when it resolves, every text and format is of this locale. Rejects where the texts cannot be
 * read; then everything stays as it was.
 */
export function setLocale(locale: Locale): Promise<void> {
  return change({ locale });
}

/** From when it resolves, there are the texts of what is drawn later too, in this language and any that is set. */
export function loadRecordTexts(): Promise<void> {
  return change({ parts: ['shell', 'records'] });
}

/** One change after the other, so that the last one holds. */
function change(to: Partial<InUse>): Promise<void> {
  const changed = inUse.changing.then(async () => {
    const next = { ...inUse.now, ...to };
    const texts = await Promise.all(next.parts.map((part) => loadTexts[next.locale.language][part]()));
    inUse.texts = Object.assign({}, ...texts) as Catalogue;
    inUse.now = next;
  });
  inUse.changing = changed.catch(() => undefined);
  return changed;
}

export function currentLocale(): Locale {
  return inUse.now.locale;
}

/** The text for a key, its numbers written as the locale has them. */
export function t<K extends MessageKey>(key: K, ...[params]: Params<K>): string {
  const { language, format } = inUse.now.locale;
  const message = inUse.texts[key] ?? key;
  const values: Readonly<Record<string, string | number>> = params ?? {};
  const text = typeof message === 'string' ? message : message[pluralOf(language, values['count'])];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? new Intl.NumberFormat(format).format(value) : value;
  });
}

/** True for a text that there is; for keys made of data, such as a column's name. */
export function isKey(key: string): key is MessageKey {
  return Object.hasOwn(inUse.texts, key);
}

/** The text for a key made of data, or the data itself where there is none, so that a new collection shows its names. */
export function tryText(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  const message = inUse.texts[key];
  if (message === undefined) return name;
  return typeof message === 'string' ? message : message.other;
}

/** How many records of a collection: "48,210 invoices". */
export function countText(collection: string, count: number): string {
  const key = `count.${collection}`;
  return t(isKey(key) ? key as 'count.records' : 'count.records', { count });
}

function pluralOf(language: Language, count: string | number | undefined): 'one' | 'other' {
  return new Intl.PluralRules(language).select(Number(count)) === 'one' ? 'one' : 'other';
}
