// The server's configuration: read from the environment once, and validated completely before anything starts.

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: the embedded database under `dataDir`. */
  readonly mongodbUrl: string | null;
  readonly mongodbDb: string;
  readonly dataDir: string;
  /** The first one signs, all of them verify. Empty: a secret is generated in `dataDir`. */
  readonly jwtSecrets: readonly string[];
  readonly tokenTtlMs: number;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly trustProxy: boolean;
  readonly admin: { readonly email: string; readonly password: string } | null;
  readonly tombstoneDays: number;
  readonly auditDays: number;
  readonly logLevel: LogLevel;
}

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Invalid configuration; the message names the variable and the fix. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const MIN_SECRET_BYTES = 32;
const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Throws `ConfigError` for the first invalid variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const value = (name: string): string | undefined => env[name] === '' ? undefined : env[name];
  const host = value('HOST') ?? '127.0.0.1';
  const mongodbUrl = secret(env, 'MONGODB_URL') ?? null;
  const jwtSecrets = readSecrets(secret(env, 'JWT_SECRET'));
  const tls = readTls(value('TLS_CERT'), value('TLS_KEY'));
  const trustProxy = value('TRUST_PROXY') === '1';
  if (mongodbUrl !== null && jwtSecrets.length === 0) {
    throw new ConfigError('JWT_SECRET is required with MONGODB_URL: set the same 32 bytes or more on every server.');
  }
  if (!isLoopback(host) && tls === null && !trustProxy) {
    throw new ConfigError(`HOST=${host} is reachable from other machines: set TLS_CERT and TLS_KEY, or TRUST_PROXY=1 behind a proxy.`);
  }
  return {
    host,
    port: readNumber('PORT', value('PORT') ?? '4380', { min: 0, max: 65_535, whole: true }),
    mongodbUrl,
    mongodbDb: value('MONGODB_DB') ?? 'invoify',
    dataDir: value('DATA_DIR') ?? './data',
    jwtSecrets,
    tokenTtlMs: readDurationMs('TOKEN_TTL', value('TOKEN_TTL') ?? '30d'),
    tls,
    trustProxy,
    admin: readAdmin(value('ADMIN_EMAIL'), secret(env, 'ADMIN_PASSWORD')),
    tombstoneDays: readNumber('TOMBSTONE_DAYS', value('TOMBSTONE_DAYS') ?? '90', { min: 0, max: 36_500, whole: false }),
    auditDays: readNumber('AUDIT_DAYS', value('AUDIT_DAYS') ?? '3650', { min: 1, max: 36_500, whole: true }),
    logLevel: readLogLevel(value('LOG_LEVEL') ?? 'info'),
  };
}

/**
 * The signing secret in the data folder, generated at the first start with mode 0600. A crash during that write can
 * leave a file that is too short; it is reported and not replaced, because tokens may have been signed with it.
 */
export function loadOrCreateSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${randomBytes(48).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    chmodSync(file, 0o600);
  }
  const text = readFileSync(file, 'utf8').trim();
  if (Buffer.byteLength(text) < MIN_SECRET_BYTES) {
    throw new ConfigError(`${file} is damaged. Remove it to generate a new secret; every user then has to sign in again.`);
  }
  return text;
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
  return readFile(`${name}_FILE`, file).replace(/\r?\n$/, '');
}

function readSecrets(text: string | undefined): string[] {
  if (text === undefined) return [];
  const secrets = text.split(',').map((part) => part.trim());
  if (secrets.some((part) => Buffer.byteLength(part) < MIN_SECRET_BYTES)) {
    throw new ConfigError(`JWT_SECRET must have at least ${MIN_SECRET_BYTES} bytes; each of them if there are several.`);
  }
  return secrets;
}

function readTls(certFile: string | undefined, keyFile: string | undefined): Config['tls'] {
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined || keyFile === undefined) throw new ConfigError('TLS_CERT and TLS_KEY belong together: set both.');
  const tls = { cert: readFile('TLS_CERT', certFile), key: readFile('TLS_KEY', keyFile) };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new ConfigError('TLS_CERT and TLS_KEY must be a certificate and its private key, both in PEM format.', { cause: error });
  }
  return tls;
}

function readAdmin(email: string | undefined, password: string | undefined): Config['admin'] {
  if (email === undefined && password === undefined) return null;
  if (email === undefined || password === undefined) throw new ConfigError('ADMIN_EMAIL and ADMIN_PASSWORD belong together: set both.');
  return { email, password };
}

function readFile(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
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

function readDurationMs(name: string, text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const durationMs = Number(amount) * (unitsMs[unit] ?? NaN);
  if (!(durationMs > 0)) throw new ConfigError(`${name} must be a number and s, m, h or d, such as 30d, not ${text}.`);
  return durationMs;
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (!level) throw new ConfigError(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not ${text}.`);
  return level;
}
