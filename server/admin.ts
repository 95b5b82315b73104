// Administration: `node server.ts admin create|reset <email>`, `admin restored` and `admin clock`, and the first account of a
// new installation.
//
// `create` and `reset` read the password from standard input: without echo at a terminal, otherwise the first line of the pipe.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { EPOCH, formatInstant, type Instant } from '../shared/clock.ts';
import { findCollection, writableFields } from '../shared/collections.ts';
import { AppError } from '../shared/errors.ts';
import { parseInput } from '../shared/protocol.ts';
import { adminEntry, changedFields } from './audit.ts';
import { addressKey, secretOf } from './auth.ts';
import { withSecret } from './author.ts';
import { initialCompany } from './company.ts';
import { ConfigError } from './config.ts';
import { requireGoodPassword } from './password-rules.ts';
import { createPasswords, type Passwords } from './passwords.ts';
import { newId, toContent } from './records.ts';
import type { DirectoryEntry, Store } from './store.ts';
import { isFarAhead } from './verify.ts';

/**
 * Checks the words of a command, and for `create` asks for the password as well: before a database is opened, because `create`
 * makes one where there is none. Returns a function that runs the command and resolves to the sentence to print. Throws
 * `ConfigError` if the words are not a command, or like `createOwner` if address or password are not acceptable.
 */
export async function prepareAdmin(args: readonly string[], input: NodeJS.ReadStream): Promise<(store: Store) => Promise<string>> {
  const [command = '', email, ...rest] = args;
  if (rest.length > 0 || !(email === undefined ? ['restored', 'clock'] : ['create', 'reset']).includes(command)) {
    throw new ConfigError('Usage: node server.ts admin create|reset <email>, or node server.ts admin restored|clock');
  }
  if (email === undefined) return command === 'restored' ? renewForRestore : acceptClock;
  const passwords = createPasswords();
  if (command === 'create') {
    requireAddress(email);
    const password = await readPassword(input);
    requireGoodPassword('The password', password, email);
    return async (store) => {
      const accountId = await createOwner(store, passwords, email, password);
      return `Created account ${accountId} with its owner ${email}. Start the server with node server.ts, unless it is running, and `
        + 'sign in to it in the app, or in the window that npm run preview opens.';
    };
  }
  return async (store) => {
    await requireUser(store, email);
    await resetPassword(store, passwords, email, await readPassword(input));
    return `${email} has a new password and is signed out everywhere.`;
  };
}

/** Throws `ConfigError` if there is no account: the command was meant for another database. */
async function requireAccounts(store: Store): Promise<void> {
  if ((await store.listAccounts()).length > 0) return;
  throw new ConfigError('There is no account in this database. Correct MONGODB_URL, MONGODB_DB or DATA_DIR, whichever names it.');
}

async function renewForRestore(store: Store): Promise<string> {
  await requireAccounts(store);
  await store.inspect();
  await auditEverywhere(store, 'restored');
  await store.renewEpochs();
  return 'Every desktop will pull everything again, once, when it next reaches a server of this database.';
}

async function acceptClock(store: Store): Promise<string> {
  await requireAccounts(store);
  await store.acceptClock();
  // Only now, because nothing can be stamped before the clock is accepted.
  await auditEverywhere(store, 'clock');
  const clocks = await Promise.all((await store.listAccounts()).map((accountId) => store.latestClock(accountId)));
  const newest = Math.max(EPOCH, ...clocks) as Instant;
  return `This machine's clock is accepted.${isFarAhead(newest, Date.now()) ? ` Until ${formatInstant(newest)}, a time that `
    + 'a wrong clock gave, changes get times just after it: run node server.ts verify --fix to set them back to now.' : ''}`;
}

/**
 * Adds an account with its company and one enabled owner, and returns its id. Throws `invalid_request` if the address or password is
 * not acceptable, `conflict` if the address is taken. A crash in the middle leaves an account without users.
 */
export async function createOwner(store: Store, passwords: Passwords, email: string, password: string): Promise<string> {
  await requireNewAddress(store, email);
  requireGoodPassword('The password', password, email);
  const [users, company] = ['users', 'company'].map(findCollection);
  if (!users || !company) throw new Error('users and company are not declared');
  const [name = email] = email.split('@');
  const input = parseInput(writableFields(users), { email, name, role: 'owner', disabled: false });
  const content = toContent(users, input, secretOf(await passwords.hash(password)));
  const accountId = newId(Date.now());
  const userId = newId(Date.now());
  const created = [[company, newId(Date.now()), toContent(company, initialCompany(), null)], [users, userId, content]] as const;
  await store.createAccount(accountId);
  await store.write(accountId, async (transaction) => {
    transaction.claimAddress(addressKey(email), userId);
    for (const [collection, record, made] of created) {
      transaction.put(collection.name, record, made, null);
      transaction.audit(adminEntry('create', { collection: collection.name, record, fields: changedFields(null, made) }));
    }
  });
  return accountId;
}

function requireAddress(email: string): void {
  parseInput({ 'The address': { kind: 'email' } }, { 'The address': email });
}

/** Throws `invalid_request` if it is not an address, `conflict` if it is taken. */
async function requireNewAddress(store: Store, email: string): Promise<void> {
  requireAddress(email);
  if (await store.findAddress(addressKey(email))) throw new AppError('conflict', `${email} is already in use.`);
}

/**
 * Sets a user's password and ends all of the user's sessions; a disabled user stays disabled. Throws `not_found` or
 * `invalid_request`.
 */
export async function resetPassword(store: Store, passwords: Passwords, email: string, password: string): Promise<void> {
  const entry = await requireUser(store, email);
  requireGoodPassword('The password', password, email);
  const secret = secretOf(await passwords.hash(password));
  await store.write(entry.accountId, async (transaction) => {
    const record = await transaction.get('users', entry.userId);
    if (!record) throw noSuchUser(email);
    transaction.put('users', record.id, withSecret(null, record, secret), record);
    transaction.audit(adminEntry('update', { collection: 'users', record: record.id, fields: ['password'] }));
    transaction.endSessionsOf(record.id);
  });
}

/** The account and id of the user with this address. Throws `not_found`. */
async function requireUser(store: Store, email: string): Promise<DirectoryEntry> {
  const entry = await store.findAddress(addressKey(email));
  if (!entry) throw noSuchUser(email);
  return entry;
}

export const noUsersHint =
  'nobody can sign in yet: run node server.ts admin create <email>, or start with ADMIN_EMAIL and ADMIN_PASSWORD';

/** Whether anybody could sign in. */
export async function hasUsers(store: Store): Promise<boolean> {
  for (const accountId of await store.listAccounts()) {
    const users = await store.snapshot(accountId, async ({ account }) => account.digest['users']?.count ?? 0);
    if (users > 0) return true;
  }
  return false;
}

/** Creates the first account unless some account already has a user; returns whether it did. */
export async function createFirstOwner(store: Store, passwords: Passwords, email: string, password: string): Promise<boolean> {
  if (await hasUsers(store)) return false;
  try {
    await createOwner(store, passwords, email, password);
    return true;
  } catch (error) {
    // Another server process on the same database was faster.
    if (error instanceof AppError && error.code === 'conflict') return false;
    throw error;
  }
}

/** Adds an entry about a command that concerns every account. */
async function auditEverywhere(store: Store, action: string): Promise<void> {
  for (const accountId of await store.listAccounts()) {
    await store.write(accountId, async (transaction) => transaction.audit(adminEntry(action)));
  }
}

function noSuchUser(email: string): AppError {
  return new AppError('not_found', `No user has the address ${email}.`);
}

async function readPassword(input: NodeJS.ReadStream): Promise<string> {
  process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: input.isTTY });
  let isInterrupted = false;
  // Ctrl+C at a terminal, which only closes the input by default.
  lines.once('SIGINT', () => {
    isInterrupted = true;
    lines.close();
  });
  try {
    for await (const line of lines) return line;
    throw new ConfigError(isInterrupted ? 'Interrupted: no password was set.' : 'No password was given on standard input.');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
