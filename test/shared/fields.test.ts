// Fields as plain data: validation and the merge patch. What each field of each collection accepts is tested over the wire.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { collections, publishedFields, writableFields } from '../../shared/collections.ts';
import { checkFields, isDate, isId, mergePatch, type Fields, type Json, type JsonObject } from '../../shared/fields.ts';
import { maxProblems, noProblems, problem, type Problem, type Problems } from '../../shared/problems.ts';

const fields = {
  name: { kind: 'text', max: 5 },
  count: { kind: 'integer', min: 1, max: 9, optional: true },
  parts: {
    kind: 'list', max: 2, optional: true,
    of: { kind: 'object', fields: { a: { kind: 'boolean' }, b: { kind: 'text', max: 3, optional: true } } },
  },
} as const satisfies Fields;

function check(input: unknown): { output: unknown; problems: Problems } {
  const problems = noProblems();
  const output = checkFields(fields, input, problems);
  return { output, problems: { ...problems } };
}

describe('checking fields', () => {
  test('returns them in declaration order, without nulls', () => {
    const { output, problems } = check({ parts: [{ b: null, a: true }], count: null, name: 'x' });
    assert.deepEqual(problems, {});
    assert.equal(JSON.stringify(output), '{"name":"x","parts":[{"a":true}]}');
  });

  test('stops at twenty problems, however many there are', () => {
    const { problems } = check(Object.fromEntries(Array.from({ length: 90_000 }, (_, index) => [`key${index}`, index])));
    assert.equal(Object.keys(problems).length, maxProblems);
  });

  test('reports each problem by path, with a reason', () => {
    assert.deepEqual(check({ count: 10, parts: [{}, { a: 1, b: 'long', c: 0 }], extra: 1 }).problems, {
      extra: problem('unknown'),
      name: problem('required'),
      count: problem('max', { max: 9 }),
      'parts.0.a': problem('required'),
      'parts.1.c': problem('unknown'),
      'parts.1.a': problem('boolean'),
      'parts.1.b': problem('too_long', { max: 3 }),
    });
    assert.deepEqual(check(null).problems, { '.': problem('object') });
    assert.deepEqual(check({ name: 'x', parts: [1, 2, 3] }).problems, { parts: problem('too_many', { max: 2 }) });
  });

  test('counts a text of which nothing can be seen as missing, and keeps what joins letters', () => {
    const name = (value: string): Problem | undefined => check({ name: value }).problems['name'];
    for (const blank of [
      '', ' ', '\u200b', '\u00a0\u2003', '\u202e', '\u2060\ufeff', '\u00ad', '\u3164', '\u115f', '\u2800', '\u{e0020}', '\ufe0f',
    ]) {
      assert.deepEqual(name(blank), problem('required'), JSON.stringify(blank));
    }
    for (const seen of ['\u0647\u200c\u0647', '\u0915\u094d\u200d\u0937', '\u{1f469}\u200d\u{1f4bb}', '-', '\u200fa']) {
      assert.equal(name(seen), undefined, JSON.stringify(seen));
    }
  });

  test('rejects inherited keys and changes no prototype', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const { output, problems } = check(JSON.parse(`{"name":"x",${JSON.stringify(key)}:{"polluted":true}}`));
      assert.deepEqual(Object.keys(problems), [key]);
      assert.equal(Object.getPrototypeOf(output), Object.prototype);
    }
    assert.equal('polluted' in {}, false);
  });

  test('is idempotent', () => {
    fc.assert(fc.property(fc.jsonValue(), (input) => {
      const { output, problems } = check(input);
      if (Object.keys(problems).length === 0) assert.deepEqual(check(output), { output, problems: {} });
    }));
  });

  test('holds for every declaration: a collection publishes and accepts only its own fields', () => {
    for (const collection of collections) {
      for (const field of [...Object.values(writableFields(collection)), ...Object.values(publishedFields(collection))]) {
        assert.ok(Object.values(collection.fields).includes(field));
        if (field.kind === 'reference') assert.ok(collections.some(({ name }) => name === field.to));
      }
      assert.ok(Object.values(publishedFields(collection)).every((field) => !field.private));
      assert.ok(Object.values(writableFields(collection)).every((field) => !field.server));
    }
  });
});

describe('a date', () => {
  test('is a calendar day', () => {
    const day = fc.tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }));
    fc.assert(fc.property(day, ([year, month, date]) => {
      const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
      const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
      const text = [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(date).padStart(2, '0')].join('-');
      assert.equal(isDate(text), date >= 1 && date <= days, text);
    }), { numRuns: 500 });
  });
});

describe('an id', () => {
  test('is 24 lowercase hex digits', () => {
    assert.ok(isId('0123456789abcdef01234567'));
    for (const text of [
      '', '0123456789abcdef0123456', '0123456789abcdef012345678', '0123456789ABCDEF01234567', '0123456789abcdef0123456g',
      '0123456789abcdef01234567\n',
    ]) assert.equal(isId(text), false);
  });
});

describe('a merge patch', () => {
  test('follows the examples of RFC 7396', () => {
    const examples: [target: Json, patch: Json, result: Json][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }], [{ a: ['b'] }, { a: 'c' }, { a: 'c' }], [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }], [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
      [['a', 'b'], ['c', 'd'], ['c', 'd']], [{ a: 'b' }, ['c'], ['c']], [{ a: 'foo' }, null, null], [{ a: 'foo' }, 'bar', 'bar'],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }], [[1, 2], { a: 'b', c: null }, { a: 'b' }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of examples) assert.deepEqual(mergePatch(target, patch), result);
  });

  test('changes neither its arguments nor a prototype', () => {
    const [target, patch] = [{ a: { b: 1 } }, JSON.parse('{"a":{"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}') as Json];
    const before = JSON.stringify([target, patch]);
    const merged = mergePatch(target, patch);
    assert.equal(JSON.stringify([target, patch]), before);
    assert.equal(JSON.stringify(merged), '{"a":{"b":1,"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}');
    assert.equal('polluted' in {}, false);
  });

  test('of what differs leads from any object to any other', () => {
    const plain = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, fc.boolean(), fc.integer(), fc.string(), fc.array(fc.integer()), tie('object')),
      object: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', ''), tie('value'), { maxKeys: 4, noNullPrototype: true }),
    })).object;
    const isPlain = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
    const difference = (from: JsonObject, to: JsonObject): Json => Object.fromEntries([
      ...Object.keys(from).filter((key) => !Object.hasOwn(to, key)).map((key) => [key, null] as const),
      ...Object.entries(to).map(([key, value]) => {
        const before = Object.hasOwn(from, key) ? from[key] : undefined;
        return [key, isPlain(value) && isPlain(before) ? difference(before, value) : value] as const;
      }),
    ]);
    fc.assert(fc.property(plain, plain, (from, to) => assert.deepEqual(mergePatch(from, difference(from, to)), to)), { numRuns: 100 });
  });

  test('applied twice equals once', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      const once = mergePatch(target as Json, patch as Json);
      assert.deepEqual(mergePatch(once, patch as Json), once);
    }));
  });
});
