// Passwords: the hash parameters, and the limits on concurrent hashing.

import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { argon2Sync } from 'node:crypto';
import { describe, test } from 'node:test';

import { createPasswords } from '../../server/passwords.ts';

describe('a password hash', () => {
  const passwords = createPasswords();

  test('with a given salt is as slow, and the same for the same password only', async () => {
    const salt = Buffer.alloc(32, 1);
    const hash = await passwords.hashWith('a password', salt);
    const expected = argon2Sync('argon2id', {
      message: Buffer.from('a password'), nonce: salt, memory: 19_456, passes: 2, parallelism: 1, tagLength: 32,
    });
    assert.equal(hash, expected.toString('base64').replace(/=+$/, ''));
    assert.equal(await passwords.hashWith('a password', salt), hash);
    assert.notEqual(await passwords.hashWith('another', salt), hash);
    assert.notEqual(await passwords.hashWith('a password', Buffer.alloc(32, 2)), hash);
  });

  test('is argon2id with the stated parameters, and differs each time', async () => {
    const [one, two] = await Promise.all([passwords.hash('pässword'), passwords.hash('pässword')]);
    assert.notEqual(one, two);
    const [, salt = '', tag = ''] = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$([^$=]{22})\$([^$=]{43})$/.exec(one) ?? [];
    const expected = argon2Sync('argon2id', {
      message: Buffer.from('pässword'), nonce: Buffer.from(salt, 'base64'), memory: 19_456, passes: 2, parallelism: 1, tagLength: 32,
    });
    assert.equal(expected.toString('base64').replace(/=+$/, ''), tag);
  });

  test('matches only its password, in any Unicode normalization form', async () => {
    const hash = await passwords.hash('p\u00e4ssword');
    assert.equal(await passwords.verify('p\u00e4ssword', hash), true);
    assert.equal(await passwords.verify('pa\u0308ssword', hash), true);
    for (const other of ['password', 'P\u00e4ssword', 'p\u00e4ssword ', '']) assert.equal(await passwords.verify(other, hash), false);
  });

  test('with other parameters still verifies, so that they can be raised', async () => {
    const salt = Buffer.alloc(16, 7);
    const tag = argon2Sync('argon2id', { message: 'secret', nonce: salt, memory: 64, passes: 1, parallelism: 2, tagLength: 32 });
    const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
    assert.equal(await passwords.verify('secret', `$argon2id$v=19$m=64,t=1,p=2$${unpadded(salt)}$${unpadded(tag)}`), true);
  });

  test('that is missing matches nothing, after the same amount of work', async () => {
    for (const password of ['', 'password']) assert.equal(await passwords.verify(password, null), false);
    assert.deepEqual(await hashesDuring(() => passwords.verify('password', null)), { started: 1, concurrent: 1 });
  });

  test('that is malformed is an error, not a mismatch', async () => {
    for (const phc of ['', 'x', '$argon2i$v=19$m=64,t=1,p=1$AA$AA', '$argon2id$v=19$m=64$AA$AA']) {
      await assert.rejects(passwords.verify('password', phc), { message: 'a stored password hash is malformed' });
    }
  });
});

describe('hashing', () => {
  test('runs two at a time', async () => {
    const passwords = createPasswords();
    const seen = await hashesDuring(() => Promise.all([1, 2, 3, 4, 5].map((index) => passwords.hash(`password ${index}`))));
    assert.deepEqual(seen, { started: 5, concurrent: 2 });
  });

  test('rejects calls while two hundred are waiting, and accepts them again later', async () => {
    const passwords = createPasswords();
    const cheap = '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    const attempts = Array.from({ length: 210 }, () => passwords.verify('password', cheap));
    const outcomes = await Promise.allSettled(attempts);
    assert.deepEqual(outcomes.map(({ status }) => status), [...Array<string>(202).fill('fulfilled'), ...Array<string>(8).fill('rejected')]);
    for (const refused of attempts.slice(202)) await assert.rejects(refused, { code: 'too_many_requests' });
    assert.equal(await passwords.verify('password', cheap), false);
  });

  test('releases its slot when it fails', async () => {
    const passwords = createPasswords();
    const impossible = '$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA';
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => passwords.verify('password', impossible)));
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    assert.equal(await passwords.verify('password', await passwords.hash('password')), true);
  });
});

/** The number of argon2 jobs that a task starts, and how many run at the same time. */
async function hashesDuring(task: () => Promise<unknown>): Promise<{ started: number; concurrent: number }> {
  const active = new Set<number>();
  let started = 0;
  let concurrent = 0;
  const hook = createHook({
    init(id, type) {
      if (!/argon2/i.test(type)) return;
      started += 1;
      active.add(id);
      concurrent = Math.max(concurrent, active.size);
    },
    before(id) {
      active.delete(id);
    },
  }).enable();
  await task();
  hook.disable();
  return { started, concurrent };
}
