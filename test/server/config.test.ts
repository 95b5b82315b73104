// The configuration: the defaults, the valid values and the rejected values of every documented variable.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { cannotListen, ConfigError, isLoopback, readConfig, type Config } from '../../server/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'invoify-config-'));
after(() => rmSync(folder, { recursive: true }));

const long = 'x'.repeat(32);
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe('the configuration', () => {
  test('has the documented defaults in an empty environment', () => {
    const defaults: Config = {
      host: '127.0.0.1', port: 4380, mongodbUrl: null, mongodbDb: 'invoify', dataDir: './data', jwtSecrets: [], tokenTtlMs: 30 * 86_400_000,
      tls: null, trustProxy: null, admin: null, tombstoneDays: 90, auditDays: 3650, metricsToken: null, watches: false, logLevel: 'info',
      allowsPlaintextMongo: false,
      secretFiles: [],
    };
    assert.deepEqual(readConfig({}), defaults);
    const names = [
      'HOST', 'PORT', 'MONGODB_URL', 'DATA_DIR', 'JWT_SECRET', 'TOKEN_TTL', 'TLS_CERT', 'TLS_KEY', 'TRUST_PROXY', 'ADMIN_EMAIL',
      'ADMIN_PASSWORD', 'TOMBSTONE_DAYS', 'AUDIT_DAYS', 'METRICS_TOKEN', 'LOG_LEVEL', 'JWT_SECRET_FILE',
    ];
    assert.deepEqual(readConfig(Object.fromEntries(names.map((name) => [name, '']))), defaults);
  });

  test('is read from the environment', () => {
    const cases: readonly (readonly [Record<string, string>, Partial<Config>])[] = [
      [{ HOST: '::1', PORT: '0' }, { host: '::1', port: 0 }], [{ PORT: '65535' }, { port: 65_535 }],
      [{ HOST: '0.0.0.0', TRUST_PROXY: '1' }, { host: '0.0.0.0' }],
      [{ MONGODB_URL: 'mongodb://h/', MONGODB_DB: 'd', JWT_SECRET: long },
        { mongodbUrl: 'mongodb://h/', mongodbDb: 'd', jwtSecrets: [long] }],
      [{ JWT_SECRET: `${long}1, ${long}2` }, { jwtSecrets: [`${long}1`, `${long}2`] }],
        [{ JWT_SECRET: 'ß'.repeat(16) }, { jwtSecrets: ['ß'.repeat(16)] }],
      [{ TOKEN_TTL: '300s' }, { tokenTtlMs: 300_000 }], [{ TOKEN_TTL: '5m' }, { tokenTtlMs: 300_000 }],
      [{ TOKEN_TTL: '12h' }, { tokenTtlMs: 43_200_000 }], [{ TOKEN_TTL: '180d' }, { tokenTtlMs: 15_552_000_000 }],
      [{ MONGODB_ALLOW_PLAINTEXT: '1' }, { allowsPlaintextMongo: true }],
      [{ MONGODB_DB: 'Inv-oify_2'.padEnd(63, 'x') }, { mongodbDb: 'Inv-oify_2'.padEnd(63, 'x') }],
      [{ JWT_SECRET_FILE: file('own', long) }, { secretFiles: [{ variable: 'JWT_SECRET_FILE', file: join(folder, 'own') }] }],
      [{ MONGODB_URL: 'mongodb://h/', JWT_SECRET: long, WATCH: '1' }, { watches: true }],
      [{ TOMBSTONE_DAYS: '0.5' }, { tombstoneDays: 0.5 }],
      [{ METRICS_TOKEN_FILE: file('metrics', 'sixteen-letters-\n') }, { metricsToken: 'sixteen-letters-' }],
      [{ AUDIT_DAYS: '36500' }, { auditDays: 36_500 }],
      [{ LOG_LEVEL: 'error', DATA_DIR: '/d' }, { logLevel: 'error', dataDir: '/d' }],
      [{ ADMIN_EMAIL: 'a@b.test', ADMIN_PASSWORD: ' p ' }, { admin: { email: 'a@b.test', password: ' p ' } }],
      [{ JWT_SECRET_FILE: file('secret', `${long}\n`) }, { jwtSecrets: [long] }],
      [{ ADMIN_EMAIL: 'a@b.test', ADMIN_PASSWORD_FILE: file('password', 'p \r\n') }, { admin: { email: 'a@b.test', password: 'p ' } }],
      [{ ADMIN_EMAIL: 'a@b.test', ADMIN_PASSWORD_FILE: file('marked', '\ufeffp\r\n') }, { admin: { email: 'a@b.test', password: 'p' } }],
      [{ MONGODB_URL_FILE: file('url', 'mongodb://h/\n'), JWT_SECRET: long }, { mongodbUrl: 'mongodb://h/' }],
    ];
    for (const [env, expected] of cases) {
      const config = readConfig(env);
      assert.deepEqual({ ...config, ...expected }, config, JSON.stringify(env));
    }
  });

  test('is rejected if invalid, in a sentence that names the variable and contains no secret', () => {
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ PORT: 'http' }, /PORT/], [{ PORT: '65536' }, /PORT/], [{ PORT: '-1' }, /PORT/], [{ PORT: '80.5' }, /PORT/],
      [{ PORT: '0x50' }, /PORT/],
      [{ HOST: '::' }, /TLS_CERT/], [{ HOST: '192.0.2.1' }, /TLS_CERT/], [{ HOST: 'example.test' }, /TLS_CERT/],
      ...[
        'yes', '0', '10.0.0.0/33', '10.0.0.0/0', '10.0.0.0/', '10.0.0/8', '::1/129', '10.0.0.1,', '10.0.0.1:80', '::ffff:10.0.0.0/96',
      ].map((TRUST_PROXY) => [{ TRUST_PROXY }, /^TRUST_PROXY must be/] as const),
      [{ HOST: '127.0.0.1.example.test' }, /TLS_CERT/],
      [{ JWT_SECRET: 'topsecret' }, /JWT_SECRET/], [{ JWT_SECRET: `${long},topsecret` }, /JWT_SECRET/],
      [{ JWT_SECRET: `${long},` }, /JWT_SECRET/],
      [{ JWT_SECRET: `topsecret${long}`, JWT_SECRET_FILE: file('both', long) }, /JWT_SECRET_FILE/],
      [{ JWT_SECRET_FILE: join(folder, 'none') }, /JWT_SECRET_FILE/],
      [{ MONGODB_URL: 'mongodb://user:topsecret@h/' }, /JWT_SECRET/],
      [{ JWT_SECRET_FILE: file('empty', '\n') }, /^JWT_SECRET_FILE names .*empty, which is empty\.$/],
      [{ METRICS_TOKEN_FILE: file('mark', '\ufeff\n') }, /^METRICS_TOKEN_FILE names .*mark, which is empty\.$/],
      [{ MONGODB_URL_FILE: file('empty', ''), JWT_SECRET: long }, /^MONGODB_URL_FILE names/],
      ...['a b', 'a/b.c$', 'x'.repeat(64), 'ü', 'admin', 'local'].map((MONGODB_DB) => [{ MONGODB_DB }, /^MONGODB_DB must be/] as const),
      [{ WATCH: 'yes' }, /^WATCH must be/], [{ WATCH: '1' }, /^WATCH=1 follows .* set MONGODB_URL/],
      [{ MONGODB_ALLOW_PLAINTEXT: '0' }, /^MONGODB_ALLOW_PLAINTEXT/], [{ MONGODB_ALLOW_PLAINTEXT: 'true' }, /^MONGODB_ALLOW_PLAINTEXT/],
      [{ TOKEN_TTL: '30' }, /TOKEN_TTL/], [{ TOKEN_TTL: '0d' }, /TOKEN_TTL/], [{ TOKEN_TTL: '-1h' }, /TOKEN_TTL/],
      [{ TOKEN_TTL: '1w' }, /TOKEN_TTL/], [{ TOKEN_TTL: '299s' }, /TOKEN_TTL.* 5m to 180d/], [{ TOKEN_TTL: '181d' }, /TOKEN_TTL/],
      [{ TOKEN_TTL: '999999999d' }, /TOKEN_TTL/], [{ TOMBSTONE_DAYS: '36501' }, /TOMBSTONE_DAYS/], [{ TOMBSTONE_DAYS: '1e3' }, /TOMBSTONE/],
      [{ TOMBSTONE_DAYS: 'never' }, /TOMBSTONE_DAYS/], [{ TOMBSTONE_DAYS: '-1' }, /TOMBSTONE_DAYS/],
      [{ METRICS_TOKEN: 'topsecret' }, /METRICS_TOKEN/], [{ METRICS_TOKEN: 'topsecret with blanks' }, /METRICS_TOKEN/],
      [{ AUDIT_DAYS: '0' }, /AUDIT_DAYS/], [{ AUDIT_DAYS: '1.5' }, /AUDIT_DAYS/], [{ AUDIT_DAYS: '36501' }, /AUDIT_DAYS/],
      [{ LOG_LEVEL: 'verbose' }, /LOG_LEVEL/],
      [{ TLS_CERT: file('cert', 'x') }, /TLS_KEY/], [{ TLS_KEY: file('key', 'x') }, /TLS_CERT/],
      [{ TLS_CERT: file('cert', 'x'), TLS_KEY: file('key', 'x') }, /PEM/],
      [{ TLS_CERT: file('empty', ''), TLS_KEY: file('empty', '') }, /PEM/],
        [{ TLS_CERT: join(folder, 'none'), TLS_KEY: file('key', 'x') }, /TLS_CERT/],
      [{ ADMIN_EMAIL: 'a@b.test' }, /ADMIN_PASSWORD/], [{ ADMIN_PASSWORD: 'topsecret' }, /ADMIN_EMAIL/],
    ];
    for (const [env, sentence] of cases) {
      assert.throws(() => readConfig(env), (error) => error instanceof ConfigError && sentence.test(error.message)
        && /^[A-Z][^\n]*\.$/.test(error.message) && !error.message.includes('topsecret'), JSON.stringify(env));
    }
  });

  test('is rejected if nothing can listen there, with a fix that fits the reason', () => {
    const occupied = /^Cannot listen on HOST=a PORT=1 \(EADDRINUSE\): .*stop the program/;
    for (const [code, sentence] of [
      ['EADDRINUSE', occupied], ['EADDRNOTAVAIL', /not an address of this machine/], ['EACCES', /above 1023/], ['ENOTFOUND', /correct it/],
      ['EINVAL', /\(EINVAL\): choose others\.$/],
    ] as const) {
      const { message } = cannotListen({ host: 'a', port: 1 }, Object.assign(new Error('listen'), { code }));
      assert.match(message, sentence);
      assert.match(message, /^[^\n]+\.$/);
      if (code !== 'EADDRINUSE') assert.doesNotMatch(message, /stop the program/);
    }
  });

  test('recognises loopback hosts', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]']) assert.equal(isLoopback(host), true, host);
    for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '127.0.0.1.test', 'localhost.test', '128.0.0.1', '::ffff:10.0.0.1']) {
      assert.equal(isLoopback(host), false, host);
    }
  });
});
