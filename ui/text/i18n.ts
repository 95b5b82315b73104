// The window's texts in the user's language, and the formatters of its locale. Each language has a catalogue in two parts: `shell`
// for the first screen, `later` for the rest (details, forms, settings). English `shell` is bundled; the rest loads on demand.
//
// The English catalogue defines the keys and parameters of every text; a translation that lacks a key does not compile.
// The locale is module state, because it is the same for the whole window; only the root sets it, and redraws.

import type { Catalogue, Translation } from './catalogue.ts';
import type { enLater } from './en-later.ts';
import { enShell } from './en-shell.ts';

type English = typeof enShell & typeof enLater;
export type MessageKey = keyof English;

type ParamsIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | ParamsIn<Rest> : never;
type ParamsOf<M> = M extends string ? ParamsIn<M> : M extends { other: infer Text } ? ParamsIn<Text> | 'count' : never;
type Params<K extends MessageKey> = [ParamsOf<English[K]>] extends [never]
  ? []
  : [params: Readonly<Record<ParamsOf<English[K]>, string | number>>];

/** Loads each part of each language. */
export const loadTexts = {
  en: {
    shell: async () => enShell,
    later: async () => (await import('./en-later.ts')).enLater,
  },
  de: {
    shell: async () => (await import('./de-shell.ts')).deShell,
    later: async () => (await import('./de-later.ts')).deLater,
  },
} as const satisfies Record<string, {
  readonly shell: () => Promise<Translation<typeof enShell>>;
  readonly later: () => Promise<Translation<typeof enLater>>;
}>;

export type Language = keyof typeof loadTexts;

export interface Locale {
  /** The language of the texts, plurals and relative times. */
  readonly language: Language;
  /** The format of numbers, money and dates, for showing, parsing, date inputs and CSV files alike: a BCP 47 tag. */
  readonly format: string;
}

interface InUse {
  readonly locale: Locale;
  readonly parts: readonly ('shell' | 'later')[];
}

const inUse: { now: InUse; texts: Catalogue; changing: Promise<void> } = {
  now: { locale: { language: 'en', format: 'en' }, parts: ['shell'] }, texts: enShell, changing: Promise.resolve(),
};

/**
 * The locale for a setting (`system`, or a language) on a system that prefers the languages `preferred` (best first) and
 * formats numbers and dates as in `system`, or if that is not known, as in its first language. All are BCP 47 tags.
 *
 * The format is the language's in the system's region: English in Germany writes 29/11/2026 and 1.234,5 (`en-DE`). German
 * does so in its own way wherever there is no German of the region. English would then be American, so it takes the
 * system's own format instead, and also where the region's English has another decimal sign than the system.
 */
export function chooseLocale(setting: Language | 'system', preferred: readonly string[], system: string | null): Locale {
  const [first = 'en'] = preferred;
  const language = setting === 'system' ? languageOf(first) ?? 'en' : setting;
  const format = system ?? first;
  if (languageOf(format) === language) return { language, format };
  const { region } = new Intl.Locale(format).maximize();
  // Without the region if Intl does not know the language there.
  const regional = new Intl.NumberFormat(`${language}-${region}`).resolvedOptions().locale;
  const half = (tag: string): string => new Intl.NumberFormat(tag).format(0.5);
  if (language !== 'en' || (regional !== language && half(regional) === half(format))) return { language, format: regional };
  // Digits and days that can be typed, whatever the system's are.
  return { language, format: new Intl.Locale(format, { calendar: 'gregory', numberingSystem: 'latn' }).toString() };
}

function languageOf(tag: string): Language | null {
  const base = tag.split('-', 1)[0]?.toLowerCase() ?? '';
  return Object.hasOwn(loadTexts, base) ? base as Language : null;
}

/**
 * For the root only. Once it resolves, all texts and formats use this locale. Rejects if the texts cannot be loaded; the
 * previous locale then stays in use.
 */
export function setLocale(locale: Locale): Promise<void> {
  return change({ locale });
}

/** Once it resolves, the `later` texts are available too, also after a change of language. */
export function loadLaterTexts(): Promise<void> {
  return change({ parts: ['shell', 'later'] });
}

/** Changes run one after another, so the last one wins. */
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

const formatters = new Map<string, unknown>();

/** What `make` makes for a locale, once for each key. Creating a formatter takes thirty times as long as using one. */
export function cached<F>(key: string, make: (locale: string) => F, locale = inUse.now.locale.format): F {
  const name = `${locale} ${key}`;
  const known = formatters.get(name) as F | undefined;
  if (known !== undefined) return known;
  const made = make(locale);
  formatters.set(name, made);
  return made;
}

export function formatNumber(value: number): string {
  return cached('number', (locale) => new Intl.NumberFormat(locale)).format(value);
}

/** The text for a key, with numbers formatted for the locale. */
export function t<K extends MessageKey>(key: K, ...[params]: Params<K>): string {
  const message = inUse.texts[key] ?? key;
  const values: Readonly<Record<string, string | number>> = params ?? {};
  const text = typeof message === 'string' ? message : message[pluralOf(values['count'])];
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? formatNumber(value) : value;
  });
}

/** Whether a text exists, for keys built from data such as a column's name. */
export function isKey(key: string): key is MessageKey {
  return Object.hasOwn(inUse.texts, key);
}

/** The text for a key built from data. Falls back to `name`, so that a new collection shows its field names. */
export function tryText(prefix: string, name: string): string {
  const key = `${prefix}.${name}`;
  const message = inUse.texts[key];
  if (message === undefined) return name;
  return typeof message === 'string' ? message : message.other;
}

/** The number of records in a collection: "48,210 invoices". */
export function countText(collection: string, count: number): string {
  const key = `count.${collection}`;
  return t(isKey(key) ? key as 'count.records' : 'count.records', { count });
}

function pluralOf(count: string | number | undefined): 'one' | 'other' {
  const rules = cached('plural', (language) => new Intl.PluralRules(language), inUse.now.locale.language);
  return rules.select(Number(count)) === 'one' ? 'one' : 'other';
}
