// The reasons that a field was refused with (shared/fields.ts and the server's rules say them in English) as messages
// of the catalogue. A reason that is not known is shown as it came: better foreign than silent.

/** A message of the catalogue with what it is about. */
export interface ProblemText {
  readonly key: string;
  readonly params: Readonly<Record<string, string | number>>;
}

const known: readonly (readonly [pattern: RegExp, key: string])[] = [
  [/^(?:is required|must not be empty)$/, 'required'],
  [/^must be a number$|^must be a whole number$/, 'number'],
  [/^must be an amount$/, 'amount'],
  [/^must be an e-mail address$/, 'email'],
  [/^must be a date as YYYY-MM-DD$/, 'date'],
  [/^must be a currency code of ISO 4217, such as EUR$/, 'currency'],
  [/^must be a country code of ISO 3166-1, such as DE$/, 'country'],
  [/^must be at least (?<min>-?\d+)$/, 'min'],
  [/^must be at most (?<max>-?\d+)$/, 'max'],
  [/^must have at least (?<min>\d+) characters$/, 'shorter'],
  [/^must have at most (?<max>\d+) characters$/, 'longer'],
  [/^must have at most (?<max>\d+) entries$/, 'entries'],
  [/^must not contain control characters$|^must be well-formed Unicode$/, 'characters'],
  [/^is not one of the \w+$|^must be the id of one of the \w+$/, 'reference'],
  [/^the total must not be negative$/, 'negativeTotal'],
  [/^the amounts are too large$/, 'tooLarge'],
  [/^cannot change any more$/, 'frozen'],
  [/^is already in use$/, 'taken'],
];

/** The message for a reason, or null for one that is not known. */
export function problemText(reason: string): ProblemText | null {
  for (const [pattern, name] of known) {
    const match = pattern.exec(reason);
    if (match) {
      const params = Object.fromEntries(Object.entries(match.groups ?? {}).map(([key, value]) => [key, Number(value)]));
      return { key: `problem.${name}`, params };
    }
  }
  return null;
}
