// `node server.ts export [--move] <account> [<file>]`: an account as a file (account-file.ts).
//
// Invariants: the file is of one instant, passes the checks of `import` and is complete, or it does not exist; it has mode 0600, because
// it holds password hashes, and nothing is overwritten. A crash leaves at most a `.part` file. With `--move` the account's epoch goes
// with the file: before the account is read it gets a new one here, so that whatever a client has seen under the old one is in the file,
// whatever servers do meanwhile.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Writable } from 'node:stream';

import { formatInstant, instantFromMs } from '../shared/clock.ts';
import { addCrc, digestDifferences, emptyDigest, recordCrc, type CollectionDigest } from '../shared/digest.ts';
import { AppError, hasSystemCode } from '../shared/errors.ts';
import { accountLine, addressLine, endLine, entryLine, noCounts, parseLine, recordLine, replyLine, type Counts } from './account-file.ts';
import { adminEntry } from './audit.ts';
import { ConfigError } from './config.ts';
import { createPrivateFile, publish, syncFolder } from './files.ts';
import { newEpoch } from './store.ts';
import type { Store } from './store.ts';
import { accountFaults, inspectHoldings } from './verify.ts';

export interface ExportOptions {
  readonly account: string;
  /** Null: standard output. */
  readonly file: string | null;
  /** Whether the account goes on where it is imported, instead of here. */
  readonly moves: boolean;
}

/** Takes text, and resolves when it wants more. */
type Sink = (text: string) => Promise<void>;

/** Throws `ConfigError` if the words are not the command's. */
export function parseExport(args: readonly string[]): ExportOptions {
  const [account, file = null, ...rest] = args.filter((word) => word !== '--move');
  const moves = args.includes('--move');
  const isValid = account !== undefined && rest.length === 0 && ![account, file].some((word) => word?.startsWith('-'));
  if (!isValid) throw new ConfigError('Usage: node server.ts export [--move] <account> [<file>]');
  return { account, file, moves };
}

/**
 * Runs the command and returns the sentence to print. Throws `ConfigError` if there is no such account, or if the file exists or cannot
 * be written; `conflict` if something is wrong in the account, which `import` would refuse.
 */
export async function runExport(store: Store, options: ExportOptions, nowMs: () => number, output: Writable): Promise<string> {
  const { account, file } = options;
  if (!(await store.listAccounts()).includes(account)) throw new ConfigError(`There is no account ${account}.`);
  if (file !== null && existsSync(file)) throw targetExists(file);
  try {
    // Made a sentence here, because the store takes a system error for one of its database.
    const run = (write: Sink): Promise<Counts> => exportAccount(store, options, nowMs, (text) => write(text).catch((error: unknown) => {
      throw toSentence(error, file ?? 'standard output');
    }));
    const counts = file === null ? await run(toStream(output)) : await toFile(file, run);
    const where = file === null ? 'to standard output' : `to ${resolve(file)}, which holds password hashes`;
    return `Exported ${counts.records} records, ${counts.tombstones} deletions and ${counts.entries} entries of the audit trail ${where}.`;
  } catch (error) {
    throw toSentence(error, file ?? 'standard output');
  }
}

/** Writes the file's text; resolves to what it holds. Throws `conflict` if something is wrong in the account. */
export async function exportAccount(
  store: Store, { account: accountId, moves }: ExportOptions, nowMs: () => number, write: Sink,
): Promise<Counts> {
  await requireSoundAccount(store, accountId, nowMs());
  const epoch = moves ? await replaceEpoch(store, accountId) : null;
  const hash = createHash('sha256');
  const put = async (lines: readonly string[]): Promise<void> => {
    const text = lines.join('');
    hash.update(text);
    await write(text);
  };
  return store.readHoldings(accountId, async (holdings) => {
    const counts = { ...noCounts };
    const digest: Record<string, CollectionDigest> = {};
    await put([accountLine({ ...holdings.account, epoch }, instantFromMs(nowMs()))]);
    for await (const batch of holdings.records()) {
      const lines = batch.map((record) => {
        const { collection, id, at, payload } = record;
        if (at === null) throw unsound(accountId);
        if (payload === null) counts.tombstones += 1;
        else {
          counts.records += 1;
          digest[collection] = addCrc(digest[collection] ?? emptyDigest, recordCrc(id, formatInstant(at), payload));
        }
        return recordLine({ ...record, at });
      });
      await put(lines);
    }
    if (digestDifferences(digest, holdings.account.digest).length > 0) throw unsound(accountId);
    const addresses = await holdings.addresses();
    counts.addresses = addresses.length;
    await put(addresses.map(addressLine));
    for await (const batch of holdings.replies()) {
      counts.replies += batch.length;
      await put(batch.map(replyLine));
    }
    for await (const batch of holdings.entries()) {
      counts.entries += batch.length;
      await put(batch.map(entryLine));
    }
    await write(endLine(counts, hash.digest('hex')));
    return counts;
  });
}

async function requireSoundAccount(store: Store, accountId: string, nowMs: number): Promise<void> {
  let isSound = true;
  const findings = await store.readHoldings(accountId, (holdings) => inspectHoldings(holdings, async () => {
    isSound = false;
  }));
  const isReadable = typeof parseLine(accountLine(findings.account, instantFromMs(nowMs))) !== 'string';
  if (!isSound || !isReadable || accountFaults(findings, nowMs).length > 0) throw unsound(accountId);
}

/** Gives the account a new epoch; returns the old one. */
async function replaceEpoch(store: Store, accountId: string): Promise<string> {
  return store.mend(accountId, async (mending) => {
    mending.setAccount({ epoch: newEpoch() });
    mending.audit(adminEntry('export'));
    return mending.account.epoch;
  });
}

async function toFile(file: string, run: (write: Sink) => Promise<Counts>): Promise<Counts> {
  const part = `${file}.${randomBytes(4).toString('hex')}.part`;
  try {
    createPrivateFile(part);
    await using handle = await open(part, 'r+');
    const counts = await run(async (text) => {
      await handle.write(text);
    });
    await handle.sync();
    if (!publish(part, file)) throw targetExists(file);
    syncFolder(dirname(resolve(file)));
    return counts;
  } finally {
    rmSync(part, { force: true });
  }
}

function toStream(output: Writable): Sink {
  // Each write reports its own failure.
  output.on('error', () => {});
  return (text) => new Promise((done, fail) => output.write(text, (error) => (error ? fail(error) : done())));
}

function unsound(accountId: string): AppError {
  return new AppError('conflict', `Something is wrong in the account ${accountId}, and nothing was exported. Run `
    + `node server.ts verify ${accountId} to see what, and with --fix to mend it.`);
}

function targetExists(file: string): ConfigError {
  return new ConfigError(`${file} exists already, and an export overwrites nothing: name a new file.`);
}

function toSentence(error: unknown, target: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  const reason = hasSystemCode(error, 'ENOSPC', 'EDQUOT') ? 'the disk is full' : hasSystemCode(error, 'ENOENT') ? 'there is no such folder'
    : hasSystemCode(error, 'EPIPE') ? 'its reader has gone' : String('code' in error ? error.code : error.message);
  return new ConfigError(`The account was not written to ${target}: ${reason}.`, { cause: error });
}
