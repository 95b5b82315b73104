// What goes into the log of what happened: plain values, and nothing that says who it happened to.
//
// What always holds: tokens, e-mail addresses and the names of people's folders are taken out wherever they stand; an
// object is told as text; a text has a limit. An error that is ours is its code and sentence, any other its stack.

import { AppError } from '../../shared/errors.ts';

export type Facts = Readonly<Record<string, unknown>>;
export type PlainFacts = Readonly<Record<string, string | number | boolean | null>>;

const MAX_TEXT_CHARS = 2000;

/** The same facts as values that can be cloned and written; a second time it changes nothing. */
export function toPlainFacts(facts: Facts): PlainFacts {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  return redact(describe(value)).slice(0, MAX_TEXT_CHARS);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof AppError) return `${value.code}: ${value.message}`;
  if (value instanceof Error) return value.stack ?? value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value that cannot be told';
  }
}

// Every repetition that could run over a whole text from many of its places has a bound, so that a long one takes no
// longer than reading it; those of an address are RFC 5321's.
const secrets: readonly (readonly [RegExp, string])[] = [
  // A token of ours: three parts of base64url, the first of which is a JSON object.
  [/\beyJ[\w-]{0,200}\.[\w-]*(?:\.[\w-]*)?/g, '(token)'],
  [/\b(bearer +)(?!\((?:secret|token)\))[^\s"',;)]+/gi, '$1(secret)'],
  // Also as a member of JSON, and of JSON inside of JSON.
  [new RegExp(String.raw`\b((?:authorization|token|password|key)[\\"']*\s*[=:]\s*[\\"']*(?:basic +)?)`
    + String.raw`(?!\((?:secret|token)\)|(?:bearer|basic) )(?:[^\s\\"',;)]|\\(?!["']))+`, 'gi'), '$1(secret)'],
  [/[^\s"'<>()@,;:]{1,64}@[^\s"'<>()@,;:]{1,255}/g, '(address)'],
  // C:\Users\<name>, /home/<name>, /Users/<name>, also with the backslashes of JSON.
  [/((?:[a-z]:)?[\\/]{1,8}(?:users|home|documents and settings)[\\/]+)[^\\/\s"':]+(?: [^\\/\s"':]+(?=[\\/]))*/gi, '$1(user)'],
];

/** A text without tokens, e-mail addresses and the names of people's folders. */
function redact(text: string): string {
  return secrets.reduce((left, [pattern, instead]) => left.replace(pattern, instead), text);
}
