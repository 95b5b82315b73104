// Generates requests that the window never sends: wrong types and shapes, huge and odd strings, prototype names. Half of
// them are mutations of a valid request, so that some get past the parser.

import type { WindowCalls } from '../../shared/window/ipc.ts';
import type { Random } from '../sync/random.ts';

/** Loopback or invalid: no request leaves the machine. */
const servers = [
  '', ' ', '://', 'file:///etc/passwd', 'javascript:alert(1)', 'http://evil.example', 'https://', 'https://[::', 'http://127.0.0.1:0',
  'https://127.0.0.1:1', 'http://127.0.0.1:1', 'https://user:secret@127.0.0.1:1', 'http://127.0.0.1:99999', 'ftp://127.0.0.1',
  'http://127.0.0.1:1/../../?#', '\u0000', 'http://\u{1f4a9}', 'data:text/html,x', 'http://127.1:1', 'http://[::1]:1',
] as const;

const texts = [
  '', ' ', 'a', '0', '-1', 'null', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '../../../etc/passwd', 'C:\\CON',
  "'; DROP TABLE records; --", '" OR 1=1', '%00', '%n%s', '\u0000', '\ud800', '\u202e', '\u{1f4a9}', '=1+1', '<script>alert(1)</script>',
  '${1}', '{{1}}', '*', '"', '""', 'NEAR(', 'a AND OR', '2026-02-30', '9999-99-99', '2026-07-24',
  '1e999', 'ＡＢＣ', 'İ', 'ß'.repeat(64),
  'x'.repeat(101), 'x'.repeat(9000),
] as const;

const numbers = [0, -0, 1, -1, 0.5, 100, 501, 1e6, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 5e-324] as const;

const keys = [
  '__proto__', 'constructor', 'prototype', 'toString', 'then', 'toJSON', 'length', '', '0', 'collection', 'id',
  'filters', 'from', 'to', 'path',
] as const;

/** A valid and harmless request per channel. */
const validRequests: { readonly [C in keyof WindowCalls]: object | null } = {
  'sync.pullFromServer': null, 'sync.getStatus': null, 'sync.getOnlineStatus': null, 'sync.cancel': null,
  'sync.setAuthToken': { token: 'no-token' },
  'auth.signIn': { server: 'http://127.0.0.1:1', email: 'nobody@example.com', password: 'none' },
  'auth.signOut': null,
  'auth.testConnection': { server: 'http://127.0.0.1:1' },
  // Too short, so that it counts as no attempt to guess the present one.
  'auth.changePassword': { current: 'none', next: 'short' },
  'auth.listSessions': { all: false },
  'auth.endSession': { id: 'f'.repeat(24) },
  'data.listPage': {
    collection: 'invoices', search: 'a', filters: { status: ['open', 'draft'], dueDate: { from: '2020-01-01', to: null } },
    sort: { column: 'issueDate', descending: true }, offset: 0, limit: 10,
  },
  'data.getRecord': { collection: 'invoices', id: 'f'.repeat(24) },
  'data.counts': null,
  'data.summary': { today: '2026-07-24' },
  'data.selectionTotals': { collection: 'invoices', search: 'a', filters: { status: 'open', totalMinor: { from: 1 } } },
  'data.lineSuggestions': { text: 'a', currency: 'EUR' },
  'data.periodReport': { basis: 'issueDate', from: '2026-01', to: '2026-12' },
  'data.health': null, 'data.report': null,
  'records.create': { collection: 'plans', fields: { name: 'x', priceMinor: 1, currency: 'EUR', interval: 'month', active: true } },
  'records.update': { collection: 'plans', id: 'f'.repeat(24), updatedAt: '2026-01-01T12:00:00.000412Z', patch: { name: 'x' } },
  'records.remove': { collection: 'plans', id: 'f'.repeat(24), updatedAt: '2026-01-01T12:00:00.000412Z' },
  'records.removeEntry': {
    collection: 'invoices', id: 'f'.repeat(24), updatedAt: '2026-01-01T12:00:00.000412Z', list: 'payments', entry: 'f'.repeat(24),
  },
  'records.act': {
    collection: 'invoices', id: 'f'.repeat(24), updatedAt: '2026-01-01T12:00:00.000412Z', action: 'payments',
    body: { amountMinor: 1, paidOn: '2026-07-24' },
  },
  'app.getSettings': null,
  'app.saveSettings': { syncEveryMinutes: 5, theme: 'dark', language: 'de' },
  'app.resetLocalData': null, 'app.getInfo': null,
  'app.exportCsv': {
    selection: { collection: 'customers', filters: {} }, sort: { column: 'name' },
    columns: [{ name: 'name', title: 'Name' }, { name: 'email', title: 'E-mail' }], locale: 'de-DE',
  },
  'app.chooseFolder': null,
  'app.exportPdf': { name: 'INV-2026-00001' },
  'app.exportEInvoice': { id: '0'.repeat(24) },
  // Refused by every browser: no test may open a program.
  'app.openEmail': { to: 'no address', subject: 'Invoice', text: 'text' },
  'app.openPhone': { number: 'no number' },
  'app.print': null, 'app.backUp': null,
  'app.openFolder': { folder: 'data' },
  'app.copyText': { text: 'text' },
  'app.setUnsaved': { isUnsaved: false },
};

/** A request for the channel as JSON; '' for a call without a request. */
export function hostileRequest(channel: keyof WindowCalls, random: Random): string {
  const valid = validRequests[channel];
  // Valid requests are rare, since some calls are expensive.
  if (random.chance(0.02)) return valid === null ? '' : JSON.stringify(valid);
  if (random.chance(0.002)) return JSON.stringify({ ...valid, [random.pick(keys) ?? '']: 'x'.repeat(1_000_000) });
  const request = valid !== null && random.chance(0.5) ? mutate(valid, random, 0) : randomValue(random, 0);
  // An object literal cannot have an own __proto__ key, but JSON can.
  return (JSON.stringify(request) ?? 'null').replaceAll('"(proto)":', '"__proto__":');
}

/** A copy with random members replaced, removed or added. */
function mutate(value: object, random: Random, depth: number): unknown {
  if (Array.isArray(value)) {
    return random.chance(0.3) ? randomValue(random, depth) : value.map((entry: unknown) => mutateAny(entry, random, depth + 1));
  }
  const entries = Object.entries(value).flatMap(([key, member]): [string, unknown][] => {
    if (random.chance(0.15)) return [];
    if (!random.chance(0.3)) return [[key, mutateAny(member, random, depth + 1)]];
    const isText = key === 'server' && random.chance(0.7);
    const other = isText ? random.pick(servers) : randomValue(random, depth + 1);
    // An arbitrary string would be resolved as a host name.
    return [[key, key === 'server' && !isText && typeof other === 'string' ? 0 : other]];
  });
  if (random.chance(0.2)) entries.push([random.chance(0.3) ? '(proto)' : random.pick(keys) ?? '', randomValue(random, depth + 1)]);
  return Object.fromEntries(entries);
}

function mutateAny(value: unknown, random: Random, depth: number): unknown {
  return typeof value === 'object' && value !== null ? mutate(value, random, depth) : value;
}

function randomValue(random: Random, depth: number): unknown {
  const kind = random.integer(0, depth > 3 ? 3 : 6);
  switch (kind) {
    case 0: return random.pick(texts);
    case 1: return random.pick(numbers);
    case 2: return random.chance(0.5);
    case 3: return null;
    case 4: return Array.from({ length: random.integer(0, 4) }, () => randomValue(random, depth + 1));
    case 5: return nest(random.integer(1, 200));
    default: return Object.fromEntries(Array.from({ length: random.integer(0, 4) }, () =>
      [random.chance(0.2) ? '(proto)' : random.pick(keys), randomValue(random, depth + 1)]));
  }
}

function nest(depth: number): unknown {
  let value: unknown = {};
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { filters: value };
  return value;
}
