// `node server.ts backup <file>`: copies the embedded database while the server runs, with SQLite's backup API.
//
// Invariants: the file is a complete database of one instant that passed SQLite's integrity check and needs no other file, or it does
// not exist; nothing is overwritten. A crash leaves at most a `.part` file.

import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';

import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { ConfigError, type Config } from '../config.ts';
import { createPrivateFile, publish, syncFolder } from '../files.ts';
import { requireSound, sqliteError } from './schema.ts';

/** Pages per step; between steps a connection lets others at the file. */
const PAGES_PER_STEP = 1000;

/** Runs the command and returns the sentence to print. Throws `ConfigError` if the command is not valid, or like `backUp`. */
export async function runBackup(config: Config, args: readonly string[]): Promise<string> {
  if (config.mongodbUrl !== null) {
    throw new ConfigError('The books are in MongoDB, which has its own tool: run mongodump --oplog --gzip --archive=<file> with the URL of '
      + 'its replica set, and see docs/hosting.md for the way back.');
  }
  const [target, ...rest] = args;
  if (target === undefined || rest.length > 0) throw new ConfigError('Usage: node server.ts backup <file>');
  await backUp(join(config.dataDir, 'invoify.sqlite'), target);
  const secret = config.jwtSecrets.length > 0 ? '' : ` Keep a copy of ${join(config.dataDir, 'jwt-secret')} with it: without that, `
    + 'everybody has to sign in again after a restore.';
  return `The database is backed up and checked: ${resolve(target)}, ${statSync(target).size} bytes.${secret}`;
}

/**
 * Writes the database `source` as it is now to the new file `target`, with mode 0600; durable when it resolves. Throws `ConfigError`
 * if there is no such database, or if the target exists or cannot be written; `unavailable` if the database cannot be read or is
 * damaged.
 */
export async function backUp(source: string, target: string): Promise<void> {
  requireFile(source);
  if (existsSync(target)) throw targetExists(target);
  const part = `${target}.${randomBytes(4).toString('hex')}.part`;
  try {
    createPrivateFile(part);
    try {
      await copy(source, part);
      check(part, source);
      flush(part);
      if (!publish(part, target)) throw targetExists(target);
      syncFolder(dirname(resolve(target)));
    } finally {
      for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(part + suffix, { force: true });
    }
  } catch (error) {
    throw toSentence(error, source, target);
  }
}

/** Throws `ConfigError` if the database is an embedded one that does not exist, which opening it would create. */
export function requireDatabase({ mongodbUrl, dataDir }: Config): void {
  if (mongodbUrl === null) requireFile(join(dataDir, 'invoify.sqlite'));
}

function requireFile(database: string): void {
  if (!existsSync(database)) throw new ConfigError(`There is no database ${database}: set DATA_DIR as it is for the server.`);
  if (statSync(database).size > 0) return;
  throw new ConfigError(`${database} is empty: put the database there, or start the server to make one.`);
}

async function copy(source: string, part: string): Promise<void> {
  const db = new DatabaseSync(source, { readOnly: true, timeout: 5000 });
  try {
    // Within a read transaction, commits of others do not restart the copy.
    db.exec('BEGIN');
    db.prepare('SELECT 1 FROM sqlite_schema').get();
    await backup(db, part, { rate: PAGES_PER_STEP });
  } finally {
    db.close();
  }
}

function check(part: string, source: string): void {
  const db = new DatabaseSync(part);
  try {
    // The copy inherits WAL mode, in which a database is more than one file.
    db.exec('PRAGMA journal_mode = DELETE');
    requireSound(db, `The database ${source}`);
  } finally {
    db.close();
  }
}

function flush(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function targetExists(target: string): ConfigError {
  return new ConfigError(`${target} exists already, and a backup overwrites nothing: name a new file.`);
}

function toSentence(error: unknown, source: string, target: string): unknown {
  if (error instanceof ConfigError || error instanceof AppError || !(error instanceof Error)) return error;
  if ('errcode' in error && error.errcode === 13) return noRoom(target, error);
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT')) return noRoom(target, error);
  if (!('syscall' in error)) return sqliteError(`The database ${source}`, error);
  const reason = hasSystemCode(error, 'ENOENT') ? 'there is no such folder' : String('code' in error ? error.code : error.message);
  return new ConfigError(`Nothing was written to ${target}: ${reason}; name a file where this user may write.`, { cause: error });
}

function noRoom(target: string, cause: unknown): ConfigError {
  return new ConfigError(`Nothing was written to ${target}: the disk is full; free some space, or name a file on another disk.`, { cause });
}
