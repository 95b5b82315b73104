// The server's configuration: read from the environment once, and validated completely before anything starts.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';

import { parseProxies, type TrustedProxies } from './peer.ts';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: the embedded database under `dataDir`. */
  readonly mongodbUrl: string | null;
  readonly mongodbDb: string;
  /** Whether MongoDB may be reached over a network without TLS. */
  readonly allowsPlaintextMongo: boolean;
  readonly dataDir: string;
  /** The first one signs, all of them verify. Empty: a secret is generated in `dataDir`. */
  readonly jwtSecrets: readonly string[];
  readonly tokenTtlMs: number;
  readonly tls: TlsFiles | null;
  /** Whose `X-Forwarded-For` is believed; null: nobody's. */
  readonly trustProxy: TrustedProxies | null;
  readonly admin: { readonly email: string; readonly password: string } | null;
  readonly tombstoneDays: number;
  readonly auditDays: number;
  /** Null: there are no metrics. */
  readonly metricsToken: string | null;
  /** Whether the databases of other programs are followed. */
  readonly watches: boolean;
  readonly logLevel: LogLevel;
  /** The files with secrets that an administrator named. */
  readonly secretFiles: readonly { readonly variable: string; readonly file: string }[];
}

/** A certificate and its key in PEM, and the files that they are from. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Invalid configuration; the message names the variable and the fix. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export const MIN_SECRET_BYTES = 32;
const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const secretFileVariables = ['MONGODB_URL_FILE', 'JWT_SECRET_FILE', 'ADMIN_PASSWORD_FILE', 'METRICS_TOKEN_FILE', 'TLS_KEY'];

/** Throws `ConfigError` for the first invalid variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const value = (name: string): string | undefined => env[name] === '' ? undefined : env[name];
  const host = value('HOST') ?? '127.0.0.1';
  const mongodbUrl = secret(env, 'MONGODB_URL') ?? null;
  const jwtSecrets = readSecrets(secret(env, 'JWT_SECRET'));
  const tls = readTls(value('TLS_CERT'), value('TLS_KEY'));
  const trustProxy = readProxies(value('TRUST_PROXY'));
  if (mongodbUrl !== null && jwtSecrets.length === 0) {
    throw new ConfigError('JWT_SECRET is required with MONGODB_URL: set the same 32 bytes or more on every server.');
  }
  const watches = readSwitch('WATCH', value('WATCH'));
  if (watches && mongodbUrl === null) {
    throw new ConfigError('WATCH=1 follows what other programs write to MongoDB: set MONGODB_URL, too, or leave WATCH out.');
  }
  if (!isLoopback(host) && tls === null && trustProxy === null) {
    throw new ConfigError(`HOST=${host} is reachable from other machines: set TLS_CERT and TLS_KEY, or TRUST_PROXY behind a proxy.`);
  }
  return {
    host,
    port: readNumber('PORT', value('PORT') ?? '4380', { min: 0, max: 65_535, whole: true }),
    mongodbUrl,
    mongodbDb: readDatabaseName(value('MONGODB_DB') ?? 'invoify'),
    allowsPlaintextMongo: readSwitch('MONGODB_ALLOW_PLAINTEXT', value('MONGODB_ALLOW_PLAINTEXT')),
    dataDir: value('DATA_DIR') ?? './data',
    jwtSecrets,
    tokenTtlMs: readDurationMs('TOKEN_TTL', value('TOKEN_TTL') ?? '30d', { min: '5m', max: '180d' }),
    tls,
    trustProxy,
    admin: readAdmin(value('ADMIN_EMAIL'), secret(env, 'ADMIN_PASSWORD')),
    tombstoneDays: readNumber('TOMBSTONE_DAYS', value('TOMBSTONE_DAYS') ?? '90', { min: 0, max: 36_500, whole: false }),
    auditDays: readNumber('AUDIT_DAYS', value('AUDIT_DAYS') ?? '3650', { min: 1, max: 36_500, whole: true }),
    metricsToken: readMetricsToken(secret(env, 'METRICS_TOKEN')),
    watches,
    logLevel: readLogLevel(value('LOG_LEVEL') ?? 'info'),
    secretFiles: secretFileVariables.map((variable) => ({ variable, file: value(variable) ?? '' })).filter(({ file }) => file !== ''),
  };
}

/** Why `HOST` and `PORT` cannot be listened on, and the fix, for the error of the attempt. */
export function cannotListen({ host, port }: Pick<Config, 'host' | 'port'>, error: unknown): ConfigError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
  const fix = code === 'EADDRINUSE' ? 'choose others, or stop the program that uses them'
    : code === 'EADDRNOTAVAIL' ? 'HOST is not an address of this machine, so choose one of its own, or 0.0.0.0 for all of them'
      : code === 'EACCES' ? 'this user may not use that port, so choose one above 1023'
        : code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'HOST is a name without an address, so correct it' : 'choose others';
  return new ConfigError(`Cannot listen on HOST=${host} PORT=${port} (${code}): ${fix}.`, { cause: error });
}

/** True for an address or name that is reachable only from this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The value of a secret: the variable itself, or the content of the file named by `<name>_FILE`. */
function secret(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return env[name] === '' ? undefined : env[name];
  if (env[name]) throw new ConfigError(`Set ${name} or ${name}_FILE, not both.`);
  const text = readFile(`${name}_FILE`, file).replace(/\r?\n$/, '');
  if (text === '') throw new ConfigError(`${name}_FILE names ${file}, which is empty.`);
  return text;
}

/** A narrower choice than MongoDB's: nothing that needs quoting in a shell, and no database without transactions. */
function readDatabaseName(name: string): string {
  if (/^[\w-]{1,63}$/.test(name) && !['admin', 'config', 'local'].includes(name)) return name;
  throw new ConfigError('MONGODB_DB must be 1 to 63 letters, digits, - and _, and none of the names admin, config and local.');
}

function readSwitch(name: string, text: string | undefined): boolean {
  if (text !== undefined && text !== '1') throw new ConfigError(`${name} must be 1 or not set, not ${text}.`);
  return text === '1';
}

function readSecrets(text: string | undefined): string[] {
  if (text === undefined) return [];
  const secrets = text.split(',').map((part) => part.trim());
  if (secrets.some((part) => Buffer.byteLength(part) < MIN_SECRET_BYTES)) {
    throw new ConfigError(`JWT_SECRET must have at least ${MIN_SECRET_BYTES} bytes; each of them if there are several.`);
  }
  return secrets;
}

/** Reads both files; throws `ConfigError` if they cannot be read or do not belong together. */
export function readTls(certFile: string | undefined, keyFile: string | undefined): TlsFiles | null {
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined || keyFile === undefined) throw new ConfigError('TLS_CERT and TLS_KEY belong together: set both.');
  const tls = { certFile, keyFile, cert: readFile('TLS_CERT', certFile), key: readFile('TLS_KEY', keyFile) };
  try {
    // `createSecureContext` accepts an empty text, as if none was given.
    if (tls.cert === '' || tls.key === '') throw new Error('empty file');
    createSecureContext({ cert: tls.cert, key: tls.key });
  } catch (error) {
    throw new ConfigError(tlsProblem(error), { cause: error });
  }
  return tls;
}

/** What OpenSSL has against a certificate and its key, in a sentence; the codes are Node's names for OpenSSL's reasons. */
function tlsProblem(error: unknown): string {
  switch (error instanceof Error && 'code' in error ? error.code : null) {
    case 'ERR_OSSL_X509_KEY_VALUES_MISMATCH': return 'TLS_KEY is not the private key of the certificate in TLS_CERT.';
    case 'ERR_OSSL_BAD_DECRYPT': return 'TLS_KEY has a passphrase, which nobody could enter: write the key without one.';
    case 'ERR_SSL_EE_KEY_TOO_SMALL': return 'The key of TLS_CERT is too short: RSA keys have 2048 bits or more.';
    default: return 'TLS_CERT and TLS_KEY must be a certificate and its private key, both in PEM format.';
  }
}

function readProxies(text: string | undefined): TrustedProxies | null {
  if (text === undefined) return null;
  const proxies = parseProxies(text);
  if (!proxies) {
    const form = 'addresses or networks, such as 10.0.0.0/24, comma-separated, or 1 for loopback';
    throw new ConfigError(`TRUST_PROXY must be ${form}, not ${text}.`);
  }
  return proxies;
}

function readMetricsToken(token: string | undefined): string | null {
  if (token === undefined) return null;
  if (!/^[\x21-\x7e]{16,1024}$/.test(token)) {
    throw new ConfigError('METRICS_TOKEN must be 16 to 1024 visible ASCII characters, so that it can be sent as a Bearer token.');
  }
  return token;
}

function readAdmin(email: string | undefined, password: string | undefined): Config['admin'] {
  if (email === undefined && password === undefined) return null;
  if (email === undefined || password === undefined) throw new ConfigError('ADMIN_EMAIL and ADMIN_PASSWORD belong together: set both.');
  return { email, password };
}

/** The text of a file, without the byte order mark that editors on Windows write before it. */
function readFile(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  } catch (error) {
    throw new ConfigError(`${variable} names ${file}, which cannot be read.`, { cause: error });
  }
}

function readNumber(name: string, text: string, { min, max, whole }: { min: number; max: number; whole: boolean }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max) || (whole && !Number.isInteger(value))) {
    throw new ConfigError(`${name} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not ${text}.`);
  }
  return value;
}

function readDurationMs(name: string, text: string, { min, max }: { min: string; max: string }): number {
  const durationMs = toMs(text);
  if (!(durationMs >= toMs(min) && durationMs <= toMs(max))) {
    throw new ConfigError(`${name} must be a number and s, m, h or d, from ${min} to ${max}, not ${text}.`);
  }
  return durationMs;
}

/** NaN for anything but a duration. */
function toMs(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return Number(amount) * (unitsMs[unit] ?? NaN);
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (!level) throw new ConfigError(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not ${text}.`);
  return level;
}
