// Prepares facts for the log: plain values, with secrets and personal data removed.
//
// Invariants: tokens, e-mail addresses and the names of user folders are removed wherever they occur; objects become
// text, and text has a maximum length. An AppError is logged as its code and message, any other error as its stack.

import { AppError } from '../../shared/errors.ts';

export type Facts = Readonly<Record<string, unknown>>;
export type PlainFacts = Readonly<Record<string, string | number | boolean | null>>;

const MAX_TEXT_CHARS = 2000;

/** The facts as redacted values that can be cloned and written as JSON. Idempotent. */
export function redactFacts(facts: Facts): PlainFacts {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, toPlainValue(value)]));
}

function toPlainValue(value: unknown): string | number | boolean | null {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  return redact(toText(value)).slice(0, MAX_TEXT_CHARS);
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof AppError) return `${value.code}: ${value.message}`;
  if (value instanceof Error) return value.stack ?? value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return '(not serializable)';
  }
}

// Repetitions that could scan the whole text from many positions are bounded, so that matching takes linear time. The
// bounds of an address are RFC 5321's.
const secrets: readonly (readonly [RegExp, string])[] = [
  // A JWT: three parts of base64url, the first of which is a JSON object.
  [/\beyJ[\w-]{0,200}\.[\w-]*(?:\.[\w-]*)?/g, '(token)'],
  [/\b(bearer +)(?!\((?:secret|token)\))[^\s"',;)]+/gi, '$1(secret)'],
  // Also in JSON, and in JSON nested in a JSON string.
  [new RegExp(String.raw`\b((?:authorization|token|password|key)[\\"']*\s*[=:]\s*[\\"']*(?:basic +)?)`
    + String.raw`(?!\((?:secret|token)\)|(?:bearer|basic) )(?:[^\s\\"',;)]|\\(?!["']))+`, 'gi'), '$1(secret)'],
  [/[^\s"'<>()@,;:]{1,64}@[^\s"'<>()@,;:]{1,255}/g, '(address)'],
  // C:\Users\<name>, /home/<name>, /Users/<name>, also with backslashes escaped for JSON.
  [/((?:[a-z]:)?[\\/]{1,8}(?:users|home|documents and settings)[\\/]+)[^\\/\s"':]+(?: [^\\/\s"':]+(?=[\\/]))*/gi, '$1(user)'],
];

function redact(text: string): string {
  return secrets.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
