// How a declared field appears in a form: its control, its options, its autocomplete hint.

import { currencies } from '../../shared/currency.ts';
import { countries, type Field } from '../../shared/fields.ts';
import { currentLocale } from '../text/i18n.ts';
import type { FormField } from './record-draft.ts';
import { languageName } from './value-text.ts';

export type ControlKind = 'text' | 'multiline' | 'email' | 'tel' | 'password' | 'date' | 'amount' | 'choice' | 'boolean' | 'reference';

/** The languages that invoices are likely to be read in. */
const languages = ['de', 'en', 'cs', 'da', 'es', 'fr', 'hu', 'it', 'nl', 'pl', 'pt', 'sv'];

export interface Option {
  readonly value: string;
  readonly label: string;
}

export function controlKind({ path, field }: FormField): ControlKind {
  switch (field.kind) {
    case 'iban': return 'text';
    case 'text':
      if (field.private) return 'password';
      if (field.multiline) return 'multiline';
      return path === 'phone' ? 'tel' : 'text';
    case 'integer': return 'amount';
    case 'currency':
    case 'country':
    case 'language': return 'choice';
    // A logo has a control of its own (ui/company/).
    case 'image': return 'text';
    case 'email':
    case 'date':
    case 'boolean':
    case 'reference':
    case 'choice': return field.kind;
  }
}

/**
 * The options of a choice; `nameOf` translates a declared value. Empty for other kinds. What the record or the form holds is one of
 * them, such as a currency that is no longer active.
 */
export function optionsOf(field: Field, nameOf: (value: string) => string, held: readonly unknown[] = []): readonly Option[] {
  const withHeld = (offered: Iterable<string>): readonly string[] =>
    [...new Set([...offered, ...held.filter((value) => typeof value === 'string' && value !== '') as string[]])];
  switch (field.kind) {
    case 'choice': return withHeld(field.values).map((value) => ({ value, label: nameOf(value) }));
    case 'currency': return currencyOptions(withHeld(currencies));
    case 'country': return countryOptions(withHeld(countries));
    case 'language': return languageOptions(withHeld(languages));
    default: return [];
  }
}

/** `EUR – Euro`, ordered by code, since people who write invoices know the codes. A name that this runtime lacks is left out. */
function currencyOptions(codes: readonly string[]): readonly Option[] {
  const names = new Intl.DisplayNames(currentLocale().language, { type: 'currency', fallback: 'none' });
  return codes.toSorted().map((value) => ({ value, label: [value, names.of(value) ?? []].flat().join(' – ') }));
}

function languageOptions(codes: readonly string[]): readonly Option[] {
  const { compare } = new Intl.Collator(currentLocale().language);
  return codes.map((value) => ({ value, label: languageName(value) })).sort((a, b) => compare(a.label, b.label));
}

function countryOptions(codes: readonly string[]): readonly Option[] {
  const names = new Intl.DisplayNames(currentLocale().language, { type: 'region' });
  const { compare } = new Intl.Collator(currentLocale().language);
  return codes.map((value) => ({ value, label: names.of(value) ?? value })).sort((a, b) => compare(a.label, b.label));
}

/** Whether a field may stay blank; a part of an object is needed only with its other parts. */
export function isOptionalField({ path, field }: FormField): boolean {
  return field.optional === true || path.includes('.');
}

/** Keeps a password manager from filling in the signed-in user's own password for someone else. */
export function autocompleteOf({ field }: FormField): 'off' | 'new-password' {
  return field.kind === 'text' && field.private ? 'new-password' : 'off';
}
