// Which driver errors are retried, and which errors the store's callers see.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  MongoBulkWriteError, MongoError, MongoNetworkError, MongoServerError, MongoWriteConcernError, type BulkWriteResult,
} from 'mongodb';

import { AppError, errorCode } from '../../../shared/errors.ts';
import { isTransient, isUnknownCommit, mongoError } from '../../../server/mongo/errors.ts';

const lost = new MongoNetworkError('read ECONNRESET');
const noResult = {} as BulkWriteResult;

test('a lost connection is retried, even if a bulk write wraps the error, or the socket itself reports it', () => {
  const dead = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
  for (const error of [lost, dead, new MongoBulkWriteError(lost, noResult), new MongoBulkWriteError(dead, noResult)]) {
    assert(isTransient(error));
    assert(isUnknownCommit(error));
    assert.equal(errorCode(mongoError(error)), 'unavailable');
  }
});

test('any other error is retried only if it is labelled as transient', () => {
  const conflict = { message: 'WriteConflict', code: 112 };
  assert(isTransient(new MongoServerError({ ...conflict, errorLabels: ['TransientTransactionError'] })));
  for (const error of [new MongoServerError(conflict), new MongoError('a bug'), new TypeError('a bug'), new AppError('conflict', 'no')]) {
    assert(!isTransient(error));
    assert(!isUnknownCommit(error));
  }
});

const mayNotRead = new RegExp('^The user in MONGODB_URL may not read the database Geschäft: '
  + 'grant it the role read there, or readWrite if that is MONGODB_DB\\.$');
const lacksRight = new RegExp('^The user in MONGODB_URL lacks a right: '
  + 'grant it the role readWrite on MONGODB_DB, and read on the database of another program\\.$');

test('errors caused by the state of the database become unavailable and say what to do', () => {
  const expected: readonly [MongoError, RegExp][] = [
    [new MongoServerError({ message: 'Command create requires authentication', code: 13 }), /mongodb:\/\/user:password@/],
    [new MongoServerError({ message: 'not authorized on books-2 to execute command { create: "x" }', code: 13 }),
      /^The user in MONGODB_URL may not write to the database books-2: grant it the role readWrite there\.$/],
    ...['find: "Customer", filter: {}', 'aggregate: 1, pipeline: []', 'listCollections: 1', 'getMore: 7'].map((command) => [
      new MongoServerError({ message: `not authorized on Geschäft to execute command { ${command} }`, code: 13 }), mayNotRead,
    ] as [MongoError, RegExp]),
    [new MongoServerError({ message: 'not authorized for getMore with cursor id 8476827496687463326', code: 13 }), lacksRight],
    [new MongoServerError({ message: 'not authorized', code: 13 }), lacksRight],
    [new MongoServerError({ message: 'Authentication failed.', code: 18 }), /Correct the user and the password in MONGODB_URL/],
    [new MongoServerError({ message: 'No space left', code: 14031 }), /Free some space/],
    [new MongoServerError({ message: 'SnapshotTooOld', code: 239 }), /Continue from the last change/],
    [new MongoServerError({ message: 'node is not primary', code: 10107 }), /Try again in a moment/],
    [new MongoWriteConcernError({ ok: 1, writeConcernError: { code: 64, errmsg: 'timed out' } }), /Try again in a moment/],
  ];
  for (const [error, sentence] of expected) {
    const seen = mongoError(error);
    assert(seen instanceof AppError);
    assert.equal(seen.code, 'unavailable');
    assert.match(seen.message, sentence);
    assert.equal(seen.cause, error);
    assert(!seen.message.includes(error.message));
  }
});

test('any other error is passed on unchanged', () => {
  for (const error of [new AppError('conflict', 'no'), new RangeError('a bug'), new MongoServerError({ message: 'BadValue', code: 2 })]) {
    assert.equal(mongoError(error), error);
  }
});
