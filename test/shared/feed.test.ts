// A page of the feed as bytes: read back exactly as written whatever the payloads contain, and rejected if cut, corrupted
// or laid out differently.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { formatInstant, type Instant } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { pageFrame, readPage, writeChanges, type Change, type Page, type WireChange } from '../../shared/feed.ts';

const hostile = fc.constantFrom(
  '"', '\\', '\\"', '\\\\', '}}', '}},\n', '{"type":"upsert"', '],"hasMore":true', '\n', '\r\n', '\u2028', '\u2029', '\u0000', '\ud800',
  '🧾', '"payload":{',
);
/** Any sequence of UTF-16 units. */
const anyText = fc.array(fc.nat(0xffff), { maxLength: 12 }).map((units) => String.fromCharCode(...units));
const text = fc.oneof(hostile, anyText, fc.array(hostile).map((parts) => parts.join('')));
const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' }, text, fc.jsonValue({ maxDepth: 0 }), fc.array(tie('value'), { maxLength: 3 }), tie('object'),
  ),
  object: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
})).object;
const id = fc.stringMatching(/^[0-9a-f]{24}$/);
const instant = fc.integer({ min: 0, max: 4e15 }).map((micros) => micros as Instant);
const change: fc.Arbitrary<Change> = fc.record({
  collection: fc.constantFrom('users', 'plans', 'customers', 'invoices'), id, at: instant,
  payload: fc.option(json.map((value) => Buffer.from(JSON.stringify(value))), { nil: null, freq: 4 }),
});
const proof = fc.record({ count: fc.nat(), sum: fc.nat({ max: 2 ** 48 - 1 }) }, { noNullPrototype: true });
const page = fc.record({
  serverTime: instant.map(formatInstant),
  nonce: fc.option(fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/), { nil: null }),
  hasMore: fc.boolean(),
  scope: text,
  total: fc.option(fc.nat(), { nil: null }),
  digest: fc.option(fc.dictionary(fc.constantFrom('plans', 'users'), proof, { noNullPrototype: true }), { nil: null }),
  changes: fc.array(change, { maxLength: 6 }),
});

const write = ({ changes, ...page }: { readonly changes: readonly Change[] } & Omit<Page, 'changes'>): string => {
  const { head, tail } = pageFrame(page, changes.length);
  return head + writeChanges(changes, true).toString() + tail;
};
/** A last page with these changes. */
const writeLast = (changes: readonly Change[]): string =>
  write({
    serverTime: formatInstant(9 as Instant), nonce: 'n', hasMore: false, scope: 's', total: 1,
    digest: { plans: { count: 1, sum: 2 } }, changes,
  });
const empty = (at: number): Change =>
  ({ collection: 'plans', id: '0123456789abcdef01234567', at: at as Instant, payload: Buffer.from('{"a":{}}') });
const toWire = (changes: readonly Change[]): WireChange[] => changes.map(({ collection, id: mongoId, at, payload }) =>
  ({ collection, id: mongoId, updatedAt: formatInstant(at), payload }));
const read = (text: string): Page => readPage(Buffer.from(text));
/** A page with these members, valid or not, in the layout of the protocol. */
const layOut = ({ changes, count, ...frame }: Readonly<Record<string, unknown>>): string => {
  const { head, tail } = pageFrame(frame as unknown as Page, count as number);
  return head + (changes as unknown[]).map((one) => JSON.stringify(one)).join(',\n') + tail;
};

/** JSON text whose white space, escapes and member order follow a list of choices. */
function layOutFreely(value: unknown, choices: () => number): string {
  if (value instanceof Verbatim) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const space = (): string => ['', ' ', '\n', '\r\n\t', '  \n'][choices() % 5] ?? '';
  const list = (open: string, parts: readonly string[], close: string): string =>
    `${open}${space()}${parts.map((part) => part + space()).join(`,${space()}`)}${close}`;
  if (Array.isArray(value)) return list('[', value.map((entry) => layOutFreely(entry, choices)), ']');
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const quote = (key: string): string =>
    (choices() % 4 === 0 ? `"${key.split('').map(escape).join('')}"` : JSON.stringify(key));
  const members = Object.entries(value).map((member) => ({ member, place: choices() })).sort((one, other) => one.place - other.place);
  return list('{', members.map(({ member: [key, held] }) => `${quote(key)}${space()}:${space()}${layOutFreely(held, choices)}`), '}');
}

/** Text that is inserted as is. */
class Verbatim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const isRefused = (error: unknown): boolean => error instanceof AppError && error.code === 'bad_response';

describe('a page', () => {
  test('is read back exactly as it was written, each payload byte for byte', () => {
    fc.assert(fc.property(page, (wanted) => {
      assert.deepEqual(read(write(wanted)), { ...wanted, changes: toWire(wanted.changes) });
    }), { numRuns: 400 });
  });

  test('is JSON and reads the same as with JSON.parse', () => {
    fc.assert(fc.property(page, (wanted) => {
      const parsed = JSON.parse(write(wanted)) as { changes: { type: string; payload?: unknown }[]; count: number; success: boolean };
      assert.deepEqual([parsed.success, parsed.count], [true, wanted.changes.length]);
      for (const [index, { payload }] of read(write(wanted)).changes.entries()) {
        assert.equal(parsed.changes[index]?.type, payload === null ? 'delete' : 'upsert');
        assert.deepEqual(parsed.changes[index]?.payload, payload === null ? undefined : JSON.parse(String(payload)));
      }
    }));
  });

  test('has the byte layout that the protocol fixes', () => {
    const at = '"updatedAt":"1970-01-01T00:00:00.000001Z"';
    const id = '"mongoId":"0123456789abcdef01234567"';
    const digest = '"digest":{"plans":{"count":1,"sum":2}}';
    const head = '{"success":true,"serverTime":"1970-01-01T00:00:00.000009Z","nonce":"n","count":';
    const upsert = `{"type":"upsert","collection":"plans",${id},${at},"payload":{"a":{}}}`;
    const tombstone = `{"type":"delete","collection":"plans",${id},${at}}`;
    assert.equal(writeLast([]), `${head}0,"hasMore":false,"scope":"s","total":1,${digest},"changes":[\n\n]}\n`);
    assert.equal(writeLast([empty(1), { ...empty(1), payload: null }]),
      `${head}2,"hasMore":false,"scope":"s","total":1,${digest},"changes":[\n${upsert},\n${tombstone}\n]}\n`);
  });

  test('is read with unknown members and with escapes in its first line', () => {
    const whole = writeLast([empty(1)]);
    const [first = '', ...rest] = whole.split('\n');
    const later = first.replace('"scope":"s"', '"later":[{"changes":[1]}],"sc\\u006fpe":"\\u0073"');
    assert.deepEqual(read([later, ...rest].join('\n')), read(whole));
  });

  test('keeps the digits of numbers of any size in a payload', () => {
    const payload = Buffer.from(`{"a":${'9'.repeat(5000)},"b":-0.0,"c":1e999,"d":1.000}`);
    assert.deepEqual(read(writeLast([{ ...empty(1), payload }])).changes[0]?.payload, payload);
  });

  test('is rejected if its changes are laid out differently: white space, line breaks, order of members, escapes', () => {
    const changes = [1, 2, 3].map(empty);
    const whole = writeLast([...changes, { ...empty(4), payload: null }]);
    const others = [
      whole.replaceAll('\n', ''), whole.replaceAll('},\n{', '},{'), whole.replaceAll('\n', '\r\n'), whole.replaceAll('\n', '\n\n'),
      whole.replaceAll('\n', ' \n'), whole.replaceAll('\n', '\n '), whole.replace(',\n', '\n,'), whole.replace('[\n', '\n[\n'),
      whole.replace('},\n{', '},{'), whole.replaceAll('":"', '": "'), whole.replaceAll('"payload":', '"payload": '),
      whole.replaceAll(/("collection":"plans"),("mongoId":"\w+")/g, '$2,$1'), whole.replaceAll('"plans",', '"pl\\u0061ns",'),
      whole.replaceAll('"type"', '"typ\\u0065"'), whole.replace('"type":"upsert"', '"later":1,"type":"upsert"'),
      whole.replace('"type":"delete"', '"type": "delete"'),
      JSON.stringify(JSON.parse(whole)), JSON.stringify(JSON.parse(whole), null, 2), `${JSON.stringify(JSON.parse(whole))}\n`,
      `\ufeff${whole}`, whole.replace('"changes":[', '"changes": ['), whole.replace('"changes":[', '"changes":[],"more":['),
      whole.replaceAll('.000001Z', '.001Z'), whole.replaceAll('.000001Z', '.000001+00:00'), whole.slice(0, -1),
    ];
    for (const other of others) {
      assert.notEqual(other, whole);
      assert.throws(() => read(other), isRefused, other);
    }
  });

  test('is rejected in any other layout with the same meaning', () => {
    fc.assert(fc.property(page, fc.array(fc.nat(99), { minLength: 1, maxLength: 50 }), (wanted, numbers) => {
      let at = 0;
      const choices = (): number => numbers[at++ % numbers.length] ?? 0;
      const changes = toWire(wanted.changes).map(({ id: mongoId, payload, ...rest }) => (payload === null
        ? { type: 'delete', mongoId, ...rest } : { type: 'upsert', mongoId, ...rest, payload: new Verbatim(String(payload)) }));
      const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
      const members = { success: true, later: [{}], ...given, count: changes.length, changes };
      assert.throws(() => read(layOutFreely(members, choices)), isRefused);
    }), { numRuns: 400 });
  });

  test('is rejected with any other white space between its lines', () => {
    const space = fc.oneof(fc.constant('\n'), fc.constantFrom('', ' ', '\r\n', '\n\n', ' \n', '\n\t', ',\n'));
    fc.assert(fc.property(page, fc.array(space, { minLength: 1, maxLength: 9 }), (wanted, spaces) => {
      const whole = write(wanted);
      const other = whole.split('\n').reduce((text, line, index) => text + spaces[index % spaces.length] + line);
      if (other === whole) read(other);
      else assert.throws(() => read(other), isRefused);
    }), { numRuns: 400 });
  });

  test('is rejected if cut at any character', () => {
    const payload = Buffer.from(JSON.stringify({ name: '}}\n"\\', notes: ']}', deep: [{ a: {} }] }));
    const changes = [{ ...empty(5), payload }, { ...empty(6), payload: null }, { ...empty(7), payload: Buffer.from('{}') }];
    const whole = writeLast(changes);
    assert.equal(read(whole).changes.length, 3);
    for (let length = 0; length < whole.length; length += 1) {
      assert.throws(() => read(whole.slice(0, length)), isRefused, `cut at ${length}`);
      if (length > 0) assert.throws(() => read(whole.slice(length)), isRefused, `from ${length}`);
    }
  });

  test('is rejected if it is not UTF-8, wherever it was cut or corrupted', () => {
    const whole = Buffer.from(writeLast([{ ...empty(5), payload: Buffer.from(JSON.stringify({ name: 'Zoë 🧾' })) }]));
    assert.equal(readPage(whole).changes.length, 1);
    for (let at = 0; at < whole.length; at += 1) {
      assert.throws(() => readPage(whole.subarray(0, at)), isRefused, `cut at ${at}`);
      assert.throws(() => readPage(Buffer.from(whole).fill(0xff, at, at + 1)), isRefused, `corrupted at ${at}`);
    }
  });

  test('is rejected if a change is missing or something follows it', () => {
    const whole = writeLast([1, 2].map(empty));
    assert.throws(() => read(whole.split('\n').toSpliced(1, 1).join('\n')), isRefused);
    assert.throws(() => read(whole + whole), isRefused);
    assert.throws(() => read(`${whole}x`), isRefused);
  });

  test('is rejected if a member or a change is missing or malformed', () => {
    const whole = JSON.parse(writeLast([])) as Record<string, unknown>;
    const one = { ...JSON.parse(writeChanges([empty(1)], true).toString()) } as Record<string, unknown>;
    const changed = (name: string, value: unknown) => ({ ...one, [name]: value });
    assert.equal(read(layOut({ ...whole, count: 1, changes: [one] })).changes.length, 1);
    for (const broken of [
      ...['serverTime', 'count', 'hasMore', 'scope'].map((name) => ({ ...whole, [name]: undefined })),
      ...['x', 5, null, {}, true].flatMap((value) => ['serverTime', 'count'].map((name) => ({ ...whole, [name]: value }))),
      { ...whole, hasMore: 'false' }, { ...whole, scope: 1 }, { ...whole, nonce: 1 },
      ...['1', -1, 0.5].map((total) => ({ ...whole, total })), { ...whole, serverTime: '2026-01-01' },
      ...[[], { plans: 5 }, { plans: { count: 1 } }, { plans: { count: 1.5, sum: 0 } }].map((digest) => ({ ...whole, digest })),
      ...[
        {}, null, 'x', [], changed('type', 'insert'), changed('type', 'delete'), changed('mongoId', 'x'), changed('mongoId', 5),
        changed('collection', null), changed('collection', 'a"b'), changed('updatedAt', 5), changed('updatedAt', 'yesterday'),
        changed('payload', undefined),
      ].map((bad) => ({ ...whole, count: 1, changes: [bad] })),
    ]) assert.throws(() => read(layOut(broken)), isRefused, JSON.stringify(broken));
    for (const changes of ['x', '5', 'null', '{}', 'true', '[]']) {
      assert.throws(() => read(writeLast([]).replace('[\n\n]', changes)), isRefused, changes);
    }
    assert.throws(() => read(writeLast([]).replace(',"changes":[\n\n]', '')), isRefused);
    const refusal = '{"success":false,"error":{"code":"internal","message":"x"}}';
    for (const other of ['', ' ', '\n', '{}', '[]', 'null', '<!doctype html><html></html>', refusal, '{"a":}', '{"']) {
      assert.throws(() => read(other), isRefused, other);
    }
  });

  test('is read whatever the payloads are, which is for their reader to judge', () => {
    const [good, last] = [1, 2].map(empty);
    assert(good && last);
    const whole = writeLast([good, last]);
    for (const payload of ['null', '[]', '"x"', '5', '', '{"a"::1}', '{"a":{}},"later":1', '{']) {
      const { changes } = read(whole.replace('"payload":{"a":{}}', `"payload":${payload}`));
      assert.deepEqual(changes.map((change) => String(change.payload)), [payload, '{"a":{}}']);
    }
  });

  test('is either read or rejected with bad_response, whichever single character is changed', () => {
    const character = fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '\n', 'x', ' ');
    fc.assert(fc.property(page, fc.nat(), character, (wanted, place, other) => {
      const whole = write(wanted);
      const at = place % whole.length;
      try {
        read(whole.slice(0, at) + other + whole.slice(at + 1));
      } catch (error) {
        assert.ok(isRefused(error));
      }
    }), { numRuns: 500 });
  });
});
