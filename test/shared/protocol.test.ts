// The wire vocabulary: its parsers accept only well-formed responses, and it does not change unnoticed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { nudgeEvent } from '../../server/nudges.ts';
import type { Instant } from '../../shared/clock.ts';
import { AppError, errorCode, wireErrorCodes } from '../../shared/errors.ts';
import { pageFrame, writeChanges, type Change } from '../../shared/feed.ts';
import { writeChangeLines, writeEnd, writeStart } from '../../shared/feed-stream.ts';
import { noProblems, problem } from '../../shared/problems.ts';
import {
  idempotencyKeyPattern, loginFields, parseErrorAnswer, parseInput, parseLoginAnswer, parseRecordAnswer, parseSignedInUser,
  protocolVersion, refuseProblems, wireSchema,
} from '../../shared/protocol.ts';

/** SHA-256 of each version's wire schema. An unreleased version's may change, together with docs/protocol.md. */
const recordedSchemas: Readonly<Record<number, string>> = {
  2: '23fc59e36087b0e10660d39d9f10978b04f5ced1b1bd51373d26af6b72c59e12',
};

const user = { id: '0123456789abcdef01234567', email: 'a@b.test', name: 'A', role: 'owner', accountId: '76543210fedcba9876543210' };
const login = { success: true, token: 'a.b.c', expiresAt: '2026-01-02T12:00:00.000000Z', user };
const record = { id: user.id, updatedAt: '2026-01-01T12:00:00.000412Z', payload: { name: 'x' } };

const firstInstant = 1_767_268_800_000_412 as Instant;

function sampleChanges(): Change[] {
  const { id } = record;
  const payload = Buffer.from(JSON.stringify(record.payload));
  return [{ collection: 'plans', id, at: firstInstant, payload }, { collection: 'users', id, at: firstInstant, payload: null }];
}

/** A page with every kind of change, as the server writes it. */
function samplePage(): Buffer {
  const changes = writeChanges(sampleChanges(), true);
  const frames = [
    { nonce: 'n', hasMore: true, total: 1, digest: null },
    { nonce: null, hasMore: false, total: null, digest: { plans: { count: 1, sum: 7 } } },
  ]
    .map((frame) => pageFrame({ serverTime: record.updatedAt, scope: 's', ...frame }, 2));
  return Buffer.concat(frames.flatMap(({ head, tail }) => [Buffer.from(head), changes, Buffer.from(tail)]));
}

/** The lines of streams, as the server writes them. */
function sampleStream(): Buffer {
  const frame = { serverTime: record.updatedAt, scope: 's', count: 2 };
  return Buffer.concat([
    writeStart({ total: 2, scope: 's', nonce: 'n' }), writeStart({ total: 2, scope: 's', nonce: null }), writeChangeLines(sampleChanges()),
    writeEnd({ ...frame, digest: null }), writeEnd({ ...frame, digest: { plans: { count: 1, sum: 7 } } }),
  ]);
}

describe('the wire schema', () => {
  test('matches the one recorded for this protocol version: a change needs a new version', () => {
    const bytes = [samplePage(), sampleStream(), Buffer.from(nudgeEvent(firstInstant))];
    const hash = createHash('sha256').update(wireSchema()).update(Buffer.concat(bytes)).digest('hex');
    assert.equal(recordedSchemas[protocolVersion.current], hash);
  });

  test('differs between versions and is recorded for the oldest supported one', () => {
    assert.equal(new Set(Object.values(recordedSchemas)).size, Object.keys(recordedSchemas).length);
    assert.ok(protocolVersion.oldest <= protocolVersion.current && protocolVersion.oldest in recordedSchemas);
  });

  test('covers requests and responses', () => {
    const schema = wireSchema();
    for (const word of ['invalid_request', 'customerId', 'taxRateBp', 'amountMinor', 'password', '5000', '1048576', 'viewer']) {
      assert.ok(schema.includes(word), word);
    }
  });
});

describe('a response', () => {
  const parsers = { parseLoginAnswer, parseSignedInUser, parseRecordAnswer } as const;

  test('is parsed, ignoring members that a newer server adds', () => {
    assert.deepEqual(parseLoginAnswer({ ...login, later: 1 }), { token: login.token, expiresAt: login.expiresAt, user });
    assert.deepEqual(parseSignedInUser({ user: { ...user, avatar: 'x' } }), user);
    assert.deepEqual(parseRecordAnswer({ success: true, record }), record);
    assert.deepEqual(parseRecordAnswer({ record: { id: record.id, updatedAt: record.updatedAt } }),
      { id: record.id, updatedAt: record.updatedAt });
  });

  test('is rejected with missing or invalid members', () => {
    for (const [parse, name, held] of [
      [parseLoginAnswer, 'user', user], [parseSignedInUser, 'user', user], [parseRecordAnswer, 'record', record],
    ] as const) {
      const around = (value: unknown) => ({ ...login, [name]: value });
      const lacking = Object.keys(held).filter((key) => key !== 'payload')
        .flatMap((key) => [undefined, 1].map((value) => around({ ...held, [key]: value })));
      for (const broken of [null, undefined, [], 'x', {}, around(null), around([]), ...lacking]) {
        assert.throws(() => parse(broken), { code: 'bad_response' }, JSON.stringify(broken));
      }
    }
    for (const broken of [{ ...login, token: 1 }, { ...login, expiresAt: undefined }, { ...login, user: { ...user, role: 'admin' } }]) {
      assert.throws(() => parseLoginAnswer(broken), { code: 'bad_response' });
    }
    assert.throws(() => parseRecordAnswer({ record: { ...record, payload: [] } }), { code: 'bad_response' });
  });

  test('is rejected if it is random JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      for (const parse of Object.values(parsers)) assert.throws(() => parse(value), { code: 'bad_response' });
      assert.equal(parseErrorAnswer(value), null);
    }));
  });
});

describe('an error response', () => {
  test('is parsed with its fields and the current record', () => {
    const error = { code: 'precondition_failed', message: 'Someone else …', fields: { name: problem('required') }, current: record };
    assert.deepEqual(parseErrorAnswer({ success: false, error }), error);
    for (const code of wireErrorCodes) {
      assert.deepEqual(parseErrorAnswer({ success: false, error: { code, message: 'x' } }), { code, message: 'x' });
    }
  });

  test('loses malformed members, and is no error response without a known code', () => {
    const error = { code: 'conflict', message: 'x', fields: { a: 1 }, current: 'y', later: 'z' };
    assert.deepEqual(parseErrorAnswer({ success: false, error }), { code: 'conflict', message: 'x' });
    for (const success of [undefined, true, 0, 'false']) assert.equal(parseErrorAnswer({ success, error }), null);
    for (const other of [
      { code: 'offline', message: 'x' }, { code: 'toString', message: 'x' }, { code: 5, message: 'x' }, { code: 'conflict' },
      { message: 'x' }, 'conflict', null, [],
    ]) assert.equal(parseErrorAnswer({ success: false, error: other }), null);
  });
});

describe('user input', () => {
  test('is rejected with a message about the first problem and a reason for each', () => {
    assert.deepEqual(parseInput(loginFields, { password: 'p', email: 'e' }), { email: 'e', password: 'p' });
    assert.throws(() => parseInput(loginFields, {}), (error) => error instanceof AppError && errorCode(error) === 'invalid_request'
      && error.message === 'email is required.' && Object.keys(error.details.fields ?? {}).join() === 'email,password');
    assert.throws(() => parseInput(loginFields, 5), { message: 'The body must be an object.' });
  });

  test('is accepted if there is no problem', () => {
    refuseProblems(noProblems());
  });
});

describe('an idempotency key', () => {
  test('is 1 to 128 visible ASCII characters', () => {
    for (const key of ['a', '~'.repeat(128), '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}']) assert.match(key, idempotencyKeyPattern);
    for (const key of ['', ' ', 'a b', 'a\n', 'é', '\u007f', 'a'.repeat(129)]) assert.doesNotMatch(key, idempotencyKeyPattern);
  });
});
