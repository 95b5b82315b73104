// A page of the feed as text: written and read without a payload ever becoming objects, whatever a payload holds and
// however the page is laid out, and never taken for whole when it was cut.

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
  hasMore: fc.boolean(),
  scope: text,
  digest: fc.option(fc.dictionary(fc.constantFrom('plans', 'users'), proof, { noNullPrototype: true }), { nil: null }),
  changes: fc.array(change, { maxLength: 6 }),
});

const write = ({ changes, ...page }: { readonly changes: readonly Change[] } & Omit<Page, 'changes'>): string => {
  const { head, tail } = pageFrame(page, changes.length);
  return head + writeChanges(changes, true).toString() + tail;
};
/** A last page with these changes. */
const writeLast = (changes: readonly Change[]): string =>
  write({ serverTime: formatInstant(9 as Instant), hasMore: false, scope: 's', digest: { plans: { count: 1, sum: 2 } }, changes });
const empty = (at: number): Change =>
  ({ collection: 'plans', id: '0123456789abcdef01234567', at: at as Instant, payload: Buffer.from('{"a":{}}') });
const toWire = (changes: readonly Change[]): WireChange[] => changes.map(({ collection, id: mongoId, at, payload }) =>
  ({ collection, id: mongoId, updatedAt: formatInstant(at), payload }));
const read = (text: string): Page => readPage(Buffer.from(text));

/** JSON text with white space and escapes wherever a list of choices puts them, and members in the order that it says. */
function layOut(value: unknown, choices: () => number): string {
  if (value instanceof Verbatim) return value.text;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const space = (): string => ['', ' ', '\n', '\r\n\t', '  \n'][choices() % 5] ?? '';
  const list = (open: string, parts: readonly string[], close: string): string =>
    `${open}${space()}${parts.map((part) => part + space()).join(`,${space()}`)}${close}`;
  if (Array.isArray(value)) return list('[', value.map((entry) => layOut(entry, choices)), ']');
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const quote = (key: string): string =>
    (choices() % 4 === 0 ? `"${key.split('').map(escape).join('')}"` : JSON.stringify(key));
  const members = Object.entries(value).map((member) => ({ member, place: choices() })).sort((one, other) => one.place - other.place);
  return list('{', members.map(({ member: [key, held] }) => `${quote(key)}${space()}:${space()}${layOut(held, choices)}`), '}');
}

/** Text that stands in the layout as it is. */
class Verbatim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const isRefused = (error: unknown): boolean => error instanceof AppError && error.code === 'bad_response';

describe('a page', () => {
  test('is read back as it was written, each payload to the letter', () => {
    fc.assert(fc.property(page, (wanted) => {
      assert.deepEqual(read(write(wanted)), { ...wanted, changes: toWire(wanted.changes) });
    }), { numRuns: 400 });
  });

  test('is JSON, and says what JSON.parse finds in it', () => {
    fc.assert(fc.property(page, (wanted) => {
      const parsed = JSON.parse(write(wanted)) as { changes: { type: string; payload?: unknown }[]; count: number; success: boolean };
      assert.deepEqual([parsed.success, parsed.count], [true, wanted.changes.length]);
      for (const [index, { payload }] of read(write(wanted)).changes.entries()) {
        assert.equal(parsed.changes[index]?.type, payload === null ? 'delete' : 'upsert');
        assert.deepEqual(parsed.changes[index]?.payload, payload === null ? undefined : JSON.parse(String(payload)));
      }
    }));
  });

  test('means the same in any layout: order of members, white space, line breaks and escapes', () => {
    fc.assert(fc.property(page, fc.array(fc.nat(99), { minLength: 1, maxLength: 50 }), (wanted, numbers) => {
      let at = 0;
      const choices = (): number => numbers[at++ % numbers.length] ?? 0;
      const expected = toWire(wanted.changes)
        .map((one) => (one.payload === null ? one : { ...one, payload: Buffer.from(layOut(JSON.parse(String(one.payload)), choices)) }));
      const changes = expected.map(({ id: mongoId, payload, ...rest }) => (payload === null
        ? { type: 'delete', mongoId, ...rest } : { type: 'upsert', mongoId, ...rest, payload: new Verbatim(String(payload)) }));
      const { digest, ...head } = wanted;
      const members = { success: true, later: [{}], ...head, ...(digest === null ? {} : { digest }), count: changes.length, changes };
      const laidOut = layOut(members, choices);
      assert.deepEqual(read(laidOut), { ...wanted, changes: expected });
    }), { numRuns: 400 });
  });

  test('is read when several changes share a line, as no line break is part of the contract', () => {
    const changes = [1, 2, 3].map(empty);
    const whole = writeLast(changes);
    for (const laidOut of [
      whole.replaceAll('\n', ''), whole.replaceAll('},\n{', '},{'), whole.replaceAll('\n', '\r\n'), whole.replaceAll('\n', '\n\n'),
    ]) assert.deepEqual(read(laidOut).changes, toWire(changes));
  });

  test('that was cut, at any character, is never taken for whole', () => {
    const payload = Buffer.from(JSON.stringify({ name: '}}\n"\\', notes: ']}', deep: [{ a: {} }] }));
    const changes = [{ ...empty(5), payload }, { ...empty(6), payload: null }, { ...empty(7), payload: Buffer.from('{}') }];
    const whole = writeLast(changes).trimEnd();
    assert.equal(read(whole).changes.length, 3);
    for (let length = 0; length < whole.length; length += 1) {
      assert.throws(() => read(whole.slice(0, length)), isRefused, `cut at ${length}`);
      if (length > 0) assert.throws(() => read(whole.slice(length)), isRefused, `from ${length}`);
    }
  });

  test('that is not UTF-8 is refused, wherever it was cut or spoilt', () => {
    const whole = Buffer.from(writeLast([{ ...empty(5), payload: Buffer.from(JSON.stringify({ name: 'Zoë 🧾' })) }]).trimEnd());
    assert.equal(readPage(whole).changes.length, 1);
    for (let at = 0; at < whole.length; at += 1) {
      assert.throws(() => readPage(whole.subarray(0, at)), isRefused, `cut at ${at}`);
      assert.throws(() => readPage(Buffer.from(whole).fill(0xff, at, at + 1)), isRefused, `spoilt at ${at}`);
    }
  });

  test('with a change left out, or something after it, is refused', () => {
    const whole = writeLast([1, 2].map(empty));
    assert.throws(() => read(whole.split('\n').toSpliced(1, 1).join('\n')), isRefused);
    assert.throws(() => read(whole + whole), isRefused);
    assert.throws(() => read(`${whole}x`), isRefused);
  });

  test('that is none is refused', () => {
    const whole = JSON.parse(writeLast([])) as Record<string, unknown>;
    const one = { ...JSON.parse(writeChanges([empty(1)], true).toString()) } as Record<string, unknown>;
    const changed = (name: string, value: unknown) => ({ ...one, [name]: value });
    assert.equal(read(JSON.stringify({ ...whole, count: 1, changes: [one] })).changes.length, 1);
    for (const broken of [
      ...['serverTime', 'changes', 'count', 'hasMore', 'scope'].map((name) => ({ ...whole, [name]: undefined })),
      ...['x', 5, null, {}, true].flatMap((value) => ['serverTime', 'changes', 'count'].map((name) => ({ ...whole, [name]: value }))),
      { ...whole, hasMore: 'false' }, { ...whole, scope: 1 }, { ...whole, serverTime: '2026-01-01' },
      ...[[], { plans: 5 }, { plans: { count: 1 } }, { plans: { count: 1.5, sum: 0 } }].map((digest) => ({ ...whole, digest })),
      ...[
        {}, null, 'x', [], changed('type', 'insert'), changed('type', 'delete'), changed('mongoId', 'x'), changed('mongoId', 5),
        changed('collection', null), changed('updatedAt', 5),
        ...[undefined, null, 'x', []].map((payload) => changed('payload', payload)),
      ].map((bad) => ({ ...whole, count: 1, changes: [bad] })),
    ]) assert.throws(() => read(JSON.stringify(broken)), isRefused, JSON.stringify(broken));
    const refusal = '{"success":false,"error":{"code":"internal","message":"x"}}';
    for (const other of ['', ' ', '{}', '[]', 'null', '<!doctype html><html></html>', refusal, '{"a":}', '{"']) {
      assert.throws(() => read(other), isRefused, other);
    }
  });

  test('is refused or read, and nothing else, whatever a character is changed to', () => {
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
