// Why a field was rejected: a code for programs, a phrase that continues the field's name ("must be at least 1"), and the
// phrase's parameters. They travel as they are (docs/protocol.md); the window words them by code.

/** Phrases by code; `{name}` stands for a parameter. A code never changes its meaning once released. */
const phrases = {
  required: 'is required',
  unknown: 'is not a known field',
  server: 'is set by the server',
  duplicate: 'is given twice',
  json: 'is not valid JSON',
  instant: 'must be an RFC 3339 date-time, such as 2026-01-01T12:00:00.000412Z',
  version: 'must be the version that the change is based on, as "<updatedAt>"',
  key: 'must be 1 to 128 visible characters',
  nonce: 'must be 1 to 64 of A-Z a-z 0-9 - _',
  object: 'must be an object',
  list: 'must be a list',
  text: 'must be text',
  boolean: 'must be true or false',
  number: 'must be a whole number',
  email: 'must be an e-mail address',
  date: 'must be a date as YYYY-MM-DD',
  currency: 'must be an active currency code of ISO 4217, such as EUR',
  country: 'must be a country code of ISO 3166-1, such as DE',
  language: 'must be a language tag of BCP 47, such as en or de',
  iban: 'must be an IBAN whose check digits are right',
  image: 'must be a PNG or JPEG image as a data URL, of at most {max} bytes',
  pixels: 'must be at most {max} pixels wide and high',
  choice: 'must be one of {values}',
  reference: 'must be the id of one of the {collection}',
  min: 'must be at least {min}',
  max: 'must be at most {max}',
  too_short: 'must have at least {min} characters',
  too_long: 'must have at most {max} characters',
  too_many: 'must have at most {max} entries',
  characters: 'must be well-formed Unicode without control characters',
  printable: 'must have neither invisible characters nor spaces at its ends',
  negative_total: 'must not add up to a negative total',
  too_large: 'add up to amounts that are too large',
  not_zero: 'must not be 0',
  zero_rate: 'must be 0 in this tax category',
  order: 'must not be before {other}',
  frozen: 'can no longer change',
  taken: 'is already in use',
  common_password: 'is among the most common passwords',
  own_address: 'must not be the e-mail address or a part of it',
  wrong_password: 'is not the present password',
} as const;

export type ProblemCode = keyof typeof phrases;
/** Codes in the order of the list above, for the hash of the wire. */
export const problemCodes = Object.keys(phrases) as readonly ProblemCode[];

export type ProblemParams = Readonly<Record<string, string | number>>;

export interface Problem {
  /** A `ProblemCode`, `invalid` if only the message says more, or a later server's code. */
  readonly code: string;
  readonly message: string;
  readonly params?: ProblemParams;
}

/** Field path (`address.country`, `lines.0.quantityMilli`, `.` for the whole) to what is wrong with it. */
export type Problems = Record<string, Problem>;

/** No answer lists more problems than this; checking stops there. */
export const maxProblems = 20;

/** An empty map. It has no prototype, so that any key can be a path, `__proto__` included. */
export function noProblems(): Problems {
  return Object.create(null) as Problems;
}

export function problem(code: ProblemCode, params?: ProblemParams): Problem {
  const message = phrases[code].replace(/\{(\w+)\}/g, (_whole, name: string) => String(params?.[name] ?? ''));
  return { code, message, ...(params && { params }) };
}

/** No path is longer than this: it may be a key that somebody sent. */
const MAX_PATH_LENGTH = 200;

/** Adds a problem unless there are `maxProblems` already. A long path is cut. */
export function addProblem(problems: Problems, path: string, refusal: Problem): void {
  if (!isFull(problems)) problems[cutPath(path)] = refusal;
}

/** A path as it is reported. */
export function cutPath(path: string): string {
  return path.length <= MAX_PATH_LENGTH ? path : `${path.slice(0, MAX_PATH_LENGTH)}…`;
}

export function isFull(problems: Problems): boolean {
  return Object.keys(problems).length >= maxProblems;
}
