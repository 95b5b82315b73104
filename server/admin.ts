// `node server.ts admin create|reset <email>`: makes an account with its owner, or gives a user a new password. The
// password is read from standard input: typed without echo at a terminal, otherwise the first line of what is piped.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { createOwner, resetPassword } from './housekeeping.ts';
import { ConfigError } from './config.ts';
import { createPasswords } from './passwords.ts';
import type { Store } from './store.ts';

/** Runs one command and returns the sentence to print. Throws `ConfigError` for a command that is not one. */
export async function runAdmin(store: Store, words: readonly string[], input: NodeJS.ReadStream): Promise<string> {
  const [command, email, ...rest] = words;
  if ((command !== 'create' && command !== 'reset') || email === undefined || rest.length > 0) {
    throw new ConfigError('Usage: node server.ts admin create|reset <email>');
  }
  const passwords = createPasswords();
  const password = await readPassword(input);
  if (command === 'create') {
    const accountId = await createOwner(store, passwords, email, password);
    return `Created account ${accountId} with its owner ${email}.`;
  }
  await resetPassword(store, passwords, email, password);
  return `${email} has a new password and is signed out everywhere.`;
}

async function readPassword(input: NodeJS.ReadStream): Promise<string> {
  process.stderr.write('Password: ');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: input.isTTY });
  try {
    for await (const line of lines) return line;
    throw new ConfigError('No password was given on standard input.');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
