// Formats a field's value for display by the field's name: money with its currency, dates and choices localized.
// References are shown by name if the caller knows it.

import type { Customer, Invoice } from '../../shared/collections.ts';
import type { Json, JsonObject } from '../../shared/fields.ts';
import { addressLines, countryName } from './address.ts';
import { groupIban, paperLocale } from '../invoice/paper-format.ts';
import { sizeOfLogo } from '../company/logo-file.ts';
import { formatBytes, formatDate, formatMoney, formatNumber, formatPercent, formatQuantity } from '../text/format.ts';
import { currentLocale, t, tryText } from '../text/i18n.ts';

/** `currency` is the record's; `nameOf` returns the name of a referenced record, or null if unknown. */
export function valueText(
  path: string, value: Json | undefined, currency: string, nameOf: (id: string) => string | null = () => null,
): string {
  if (value === undefined || value === null || value === '') return '';
  if (path === 'lines') return linesText(value as unknown as Invoice['lines'], currency);
  if (path === 'password') return t('conflict.secret');
  if (path === 'iban') return groupIban(String(value));
  if (path === 'logo') return t('company.image', { size: formatBytes(sizeOfLogo(String(value))) });
  if (typeof value === 'boolean') return t(value ? 'word.yes' : 'word.no');
  if (isObject(value)) {
    return path === 'address' ? addressLines({ address: value as Customer['address'] & JsonObject }).join('\n')
      : Object.entries(value).map(([name, part]) => valueText(`${path}.${name}`, part, currency)).join(' – ');
  }
  if (typeof value === 'number') return numberText(path, value, currency);
  if (typeof value !== 'string') return JSON.stringify(value);
  if (path.endsWith('Date') || path.endsWith('On') || path.startsWith('servicePeriod.')) return formatDate(value);
  if (path.endsWith('Id')) return nameOf(value) ?? value;
  if (['role', 'interval', 'status', 'kind'].includes(path)) return tryText(path, value);
  if (path === 'language') return languageName(value);
  return path.endsWith('country') ? countryName(value) : value;
}

/** The text of every field of a record that is not blank, with its path. */
export function fieldTexts(payload: JsonObject): readonly (readonly [path: string, text: string])[] {
  const currency = typeof payload['currency'] === 'string' ? payload['currency'] : 'EUR';
  const texts = (object: JsonObject, before: string): (readonly [string, string])[] =>
    Object.entries(object).flatMap(([name, value]) =>
      isObject(value) ? texts(value, `${before}${name}.`) : [[`${before}${name}`, valueText(`${before}${name}`, value, currency)]]);
  return texts(payload, '').filter(([, text]) => text !== '');
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The name of a language by its tag. */
export function languageName(tag: string): string {
  return new Intl.DisplayNames(currentLocale().language, { type: 'language' }).of(tag) ?? tag;
}

/** The language of the paper for a customer without one: by the country (a code), or else by the company's. */
export function usualLanguageText(country: string): string {
  return country === '' ? t('language.usual') : t('language.usualIs', {
    language: languageName(new Intl.Locale(paperLocale({ address: { country } }, {})).language),
  });
}

function numberText(path: string, value: number, currency: string): string {
  if (path.endsWith('Minor')) return formatMoney(value, currency);
  if (path.endsWith('Milli')) return formatQuantity(value);
  return path.endsWith('Bp') ? formatPercent(value) : formatNumber(value);
}

/** One line of text per line of the invoice: `Work: 2 h × €96.00, 19%`. */
function linesText(lines: Invoice['lines'], currency: string): string {
  return lines.map(({ description, quantityMilli, unit, unitPriceMinor, priceQuantity = 1, taxRateBp, taxCategory }) => {
    const quantity = [formatQuantity(quantityMilli), unit].filter(Boolean).join('\u00a0');
    const amount = formatMoney(unitPriceMinor, currency);
    const price = priceQuantity === 1 ? amount : t('lines.pricePer', { price: amount, count: priceQuantity });
    const tax = taxCategory === undefined ? formatPercent(taxRateBp) : tryText('taxCategory', taxCategory);
    return `${description}: ${quantity} × ${price}, ${tax}`;
  }).join('\n');
}
