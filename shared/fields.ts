// Fields as plain data: what a record or a message may hold, and the one function that checks a value against that.
//
// Declarations are data and not functions, so that they can be hashed (a changed wire contract shows), read by the
// cache (which columns there are), and give their TypeScript type. Text is kept as sent: nothing is trimmed.

import { isCurrency } from './currency.ts';
import { dataUrlImageSize } from './image-size.ts';
import { addProblem, isFull, problem, type Problem, type Problems } from './problems.ts';

export interface Optional { readonly optional?: true }
/** `server`: computed by the server, refused if sent. `private`: accepted, never published. */
export interface Visibility { readonly server?: true; readonly private?: true }

export type Field = Optional & Visibility & (
  | {
    readonly kind: 'text'; readonly max: number; readonly min?: number; readonly multiline?: true;
    /** Neither invisible characters, nor spaces at the ends. */
    readonly printable?: true;
    /** `password`: `min` characters after NFKC, at most `max` bytes; otherwise both count UTF-16 code units. */
    readonly length?: 'password';
  }
  | { readonly kind: 'email' | 'date' | 'country' | 'language' | 'iban' | 'boolean' }
  /** `stored`: also a code that is no longer active. */
  | { readonly kind: 'currency'; readonly stored?: true }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number; readonly nonZero?: true }
  /** A PNG or JPEG as a data URL in base64; `max` bounds the decoded bytes, `maxSide` the pixels of its width and of its height, which
   * apply to new images only. */
  | { readonly kind: 'image'; readonly max: number; readonly maxSide: number; readonly stored?: true }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'reference'; readonly to: string }
  | { readonly kind: 'object'; readonly fields: Fields }
  | { readonly kind: 'list'; readonly max: number; readonly of: Field }
);

export type Fields = Readonly<Record<string, Field>>;

type Value<F> =
  F extends { kind: 'integer' } ? number
    : F extends { kind: 'boolean' } ? boolean
      : F extends { kind: 'choice'; values: readonly (infer V)[] } ? V
        : F extends { kind: 'object'; fields: infer O } ? Shape<O>
          : F extends { kind: 'list'; of: infer E } ? readonly Value<E>[]
            : string;

/** The TypeScript type of what a declaration describes. */
export type Shape<O> =
  & { readonly [K in keyof O as O[K] extends { optional: true } ? never : K]: Value<O[K]> }
  & { readonly [K in keyof O as O[K] extends { optional: true } ? K : never]?: Value<O[K]> };

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject { readonly [key: string]: Json }

export const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** The codes of ISO 3166-1. */
export const countries: ReadonlySet<string> = new Set((
  'AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA '
  + 'CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR '
  + 'GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM '
  + 'JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP '
  + 'MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY '
  + 'QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN '
  + 'TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW'
).split(' '));

/** What stands between the dots of an e-mail address. */
const emailPartPattern = /^[^\s@"(),.:;<>[\\\]]+$/;
const idPattern = /^[0-9a-f]{24}$/;
const controlPattern = /[\u0000-\u001f\u007f-\u009f]/;
const controlButLinesPattern = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** White space and what shows nothing: characters of format and others that Unicode lets be ignored, and the Braille blank. */
const blankPattern = /^[\s\p{Z}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;
const invisiblePattern = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Whether nothing of a text can be seen. */
export function isBlank(text: string): boolean {
  return blankPattern.test(text);
}

export function isId(text: string): boolean {
  return idPattern.test(text);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Checks an object against its fields and returns it with its keys in the order of the declaration and absent for
 * null. What is refused is added to `problems`, undeclared keys included; the result is sound only if that stays empty.
 */
export function checkFields(fields: Fields, input: unknown, problems: Problems, path = ''): JsonObject {
  const output: Record<string, Json> = {};
  if (!isObject(input)) {
    addProblem(problems, path || '.', problem('object'));
    return output;
  }
  for (const key of Object.keys(input)) {
    if (isFull(problems)) return output;
    if (!Object.hasOwn(fields, key)) addProblem(problems, join(path, key), problem('unknown'));
  }
  for (const [key, field] of Object.entries(fields)) {
    if (isFull(problems)) return output;
    const value = Object.hasOwn(input, key) ? input[key] : undefined;
    if (value === undefined || value === null) {
      if (!field.optional) addProblem(problems, join(path, key), problem('required'));
    } else {
      output[key] = checkValue(field, value, problems, join(path, key));
    }
  }
  return output;
}

function checkValue(field: Field, value: unknown, problems: Problems, path: string): Json {
  switch (field.kind) {
    case 'object':
      return checkFields(field.fields, value, problems, path);
    case 'list':
      if (!Array.isArray(value)) {
        addProblem(problems, path, problem('list'));
        return null;
      }
      if (value.length > field.max) {
        addProblem(problems, path, problem('too_many', { max: field.max }));
        return null;
      }
      return value.map((entry, index) => isFull(problems) ? null : checkValue(field.of, entry, problems, join(path, String(index))));
    default: {
      const refusal = scalarProblem(field, value);
      if (refusal === null) return value as Json;
      addProblem(problems, path, refusal);
      return null;
    }
  }
}

type ScalarField = Exclude<Field, { kind: 'object' | 'list' }>;

function scalarProblem(field: ScalarField, value: unknown): Problem | null {
  if (field.kind === 'integer') return integerProblem(field, value);
  if (field.kind === 'boolean') return typeof value === 'boolean' ? null : problem('boolean');
  if (typeof value !== 'string') return problem('text');
  switch (field.kind) {
    case 'text': return textProblem(field, value);
    case 'email': return isEmail(value) ? null : problem('email');
    case 'date': return isDate(value) ? null : problem('date');
    case 'currency': return isCurrency(value) || (field.stored && /^[A-Z]{3}$/.test(value)) ? null : problem('currency');
    case 'country': return countries.has(value) ? null : problem('country');
    case 'language': return isLanguage(value) ? null : problem('language');
    case 'iban': return isIban(value) ? null : problem('iban');
    case 'image': return imageProblem(field, value);
    case 'choice': return field.values.includes(value) ? null : problem('choice', { values: field.values.join(', ') });
    case 'reference': return isId(value) ? null : problem('reference', { collection: field.to });
  }
}

function integerProblem({ min, max, nonZero }: Extract<Field, { kind: 'integer' }>, value: unknown): Problem | null {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return problem('number');
  if (nonZero && value === 0) return problem('not_zero');
  if (value < min) return problem('min', { min });
  return value > max ? problem('max', { max }) : null;
}

function textProblem(field: Extract<Field, { kind: 'text' }>, value: string): Problem | null {
  const min = field.min ?? (field.optional ? 0 : 1);
  const { characters, size } = field.length === 'password' ? passwordLength(value) : { characters: value.length, size: value.length };
  if (characters < min || (min > 0 && isBlank(value))) return min > 1 ? problem('too_short', { min }) : problem('required');
  if (size > field.max) return problem('too_long', { max: field.max });
  const forbidden = field.multiline ? controlButLinesPattern : controlPattern;
  if (!value.isWellFormed() || forbidden.test(value)) return problem('characters');
  return field.printable && (value !== value.trim() || invisiblePattern.test(value)) ? problem('printable') : null;
}

function passwordLength(value: string): { characters: number; size: number } {
  const text = value.normalize('NFKC');
  // At sign-in a password is limited as it is sent.
  return { characters: [...text].length, size: Math.max(value.length, new TextEncoder().encode(text).length) };
}

/** True for an address whose local part is a `Dot-string` (RFC 5321, 4.1.2) and whose labels neither begin nor end with a hyphen. */
export function isEmail(text: string): boolean {
  const [local = '', domain = '', ...rest] = text.split('@');
  if (rest.length > 0 || local.length > 64 || domain.length > 250 || !text.isWellFormed() || controlPattern.test(text)) return false;
  return local.split('.').every((part) => emailPartPattern.test(part))
    && domain.split('.').every((label) => emailPartPattern.test(label) && !label.startsWith('-') && !label.endsWith('-'));
}

/** True for an IBAN, with or without spaces, whose check digits are right (ISO 13616; ISO 7064, MOD 97-10). */
export function isIban(text: string): boolean {
  const iban = text.replaceAll(' ', '');
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(iban)) return false;
  const digits = (iban.slice(4) + iban.slice(0, 4)).replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55));
  return BigInt(digits) % 97n === 1n;
}

/** True for a well-formed tag of BCP 47. */
function isLanguage(text: string): boolean {
  try {
    return text.length <= 35 && Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

/** How the data of an image begins, in base64: the signatures of PNG and of JPEG. */
const imagePattern = /^data:image\/(?:png;base64,iVBORw0KGg|jpeg;base64,\/9j\/)[A-Za-z0-9+/]*={0,2}$/;

function imageProblem({ max, maxSide, stored }: Extract<Field, { kind: 'image' }>, value: string): Problem | null {
  if (!isImage(value, max)) return problem('image', { max });
  const size = stored ? { width: 0, height: 0 } : dataUrlImageSize(value);
  if (size === null) return problem('image', { max });
  return size.width > maxSide || size.height > maxSide ? problem('pixels', { max: maxSide }) : null;
}

function isImage(text: string, maxBytes: number): boolean {
  const base64 = text.slice(text.indexOf(',') + 1);
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  // The length first, so that a pattern never sees a megabyte.
  return base64.length / 4 * 3 - padding <= maxBytes && base64.length % 4 === 0 && imagePattern.test(text);
}

/** True for a day of the calendar written YYYY-MM-DD. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/**
 * Adds a problem for each undeclared key of a merge patch, at every depth that is merged. Merging drops a key that is null, so
 * checking the result would not see it.
 */
export function checkPatchKeys(fields: Fields, patch: unknown, problems: Problems, path = ''): void {
  if (!isObject(patch)) return;
  for (const [key, value] of Object.entries(patch)) {
    if (isFull(problems)) return;
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (!field) addProblem(problems, join(path, key), problem('unknown'));
    else if (field.kind === 'object') checkPatchKeys(field.fields, value, problems, join(path, key));
  }
}

/** JSON merge patch (RFC 7396): null removes, objects merge, everything else replaces. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map<string, Json>(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
