// A phone number that the user's own program is asked to call: a `tel:` link (RFC 3966) with digits alone, so that nothing but a
// number can come of it.

import { AppError } from '../errors.ts';

/**
 * The link of a number as people write it ("+49 (0) 30 / 123 45-67", "030 1234, ext. 5"): up to the first word, without a zero in
 * brackets. Null if there is no number of 3 to 20 digits in it. Codes that a phone carries out itself (`*`, `#`) are not numbers.
 */
export function phoneLink(text: string): string | null {
  const shown = text.normalize('NFKC').replace(/\p{Cf}/gu, '').trim();
  const [number = ''] = /^\+?[\d\s().\/\-\u2010-\u2013]*/.exec(shown) ?? [];
  const rest = shown.slice(number.length);
  if (rest.startsWith('*') || rest.startsWith('#')) return null;
  const digits = number.replace(number.startsWith('+') ? /\(0\)/ : /(?!)/, '').replace(/\D/g, '');
  return digits.length < 3 || digits.length > 20 ? null : `tel:${number.startsWith('+') ? '+' : ''}${digits}`;
}

/** The same; throws `invalid_request` if there is no number. */
export function requirePhoneLink(text: string): string {
  const link = phoneLink(text);
  if (link !== null) return link;
  throw new AppError('invalid_request', 'This is not a phone number that can be called.', {
    fields: { number: { code: 'invalid', message: 'must be a phone number' } },
  });
}
