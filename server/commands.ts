// The commands: what `node server.ts <words>` does other than serve.
//
// They use the server's variables and may run while it does; docs/hosting.md says what each is for. Only a command that may create
// a database opens one that does not exist.

import { readFile } from 'node:fs/promises';

import { prepareAdmin } from './admin.ts';
import { runAudit } from './audit.ts';
import { ConfigError, type Config } from './config.ts';
import { importCsv, parseCsvOptions, readCsvFile } from './csv-import.ts';
import { parseExport, runExport } from './export.ts';
import { protectFiles } from './files.ts';
import { openFile, parseImport, runImport, unreadable } from './import.ts';
import { createLog, type Log } from './log.ts';
import { parseAdoptOptions, type AdoptOptions } from './mapping.ts';
import type { Store } from './store.ts';
import { parseVerify, runVerify } from './verify-command.ts';

export interface CommandDeps {
  readonly nowMs: () => number;
  readonly openStore: (config: Config, log: Log) => Promise<Store>;
  /** Throws `ConfigError` if the database is a file that does not exist. */
  readonly requireDatabase: (config: Config) => void;
  /** Resolves to the exit code. */
  readonly adopt: (
    options: AdoptOptions & { readonly mapping: string },
    deps: { readonly store: Store; readonly config: Config; readonly write: (line: string) => void },
  ) => Promise<number>;
  /** Returns the sentence to print. */
  readonly backUp: (config: Config, args: readonly string[]) => Promise<string>;
}

type Command = (args: readonly string[], config: Config, deps: CommandDeps) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  async admin(args, config, deps) {
    const run = await prepareAdmin(args, process.stdin);
    if (args[0] !== 'create') deps.requireDatabase(config);
    return withStore(config, deps, async (store) => {
      process.stdout.write(`${await run(store)}\n`);
      return 0;
    });
  },
  async audit(args, config, deps) {
    deps.requireDatabase(config);
    return withStore(config, deps, async (store) => {
      await runAudit(store, args, process.stdout);
      return 0;
    });
  },
  async backup(args, config, deps) {
    process.stdout.write(`${await deps.backUp(config, args)}\n`);
    return 0;
  },
  async verify(args, config, deps) {
    const options = parseVerify(args);
    deps.requireDatabase(config);
    const write = (line: string): void => void process.stdout.write(line);
    // Finishes what was begun although nobody reads on, as with `| head`.
    process.stdout.on('error', () => {});
    return withStore(config, deps, (store) => runVerify(store, options, { nowMs: deps.nowMs, write }));
  },
  async adopt(args, config, deps) {
    const options = parseAdoptOptions(args);
    if (config.mongodbUrl === null) throw new ConfigError('adopt takes documents over within MongoDB: set MONGODB_URL.');
    const mapping = await readText(options.file);
    process.stdout.on('error', () => {});
    const write = (line: string): void => void process.stdout.write(line);
    return withStore(config, deps, (store) => deps.adopt({ ...options, mapping }, { store, config, write }));
  },
  async export(args, config, deps) {
    const options = parseExport(args);
    deps.requireDatabase(config);
    return withStore(config, deps, async (store) => {
      process.stderr.write(`${await runExport(store, options, deps.nowMs, process.stdout)}\n`);
      return 0;
    });
  },
  async import(args, config, deps) {
    if (args.some((word) => word === '--csv' || word.startsWith('--csv='))) return importFromCsv(args, config, deps);
    const file = parseImport(args);
    if (file?.toLowerCase().endsWith('.csv')) throw new ConfigError(`${file} is read with --csv: node server.ts import --csv ${file}`);
    const input = await openFile(file, process.stdin);
    return withStore(config, deps, async (store) => {
      process.stdout.write(`${await runImport(store, file, deps.nowMs, input)}\n`);
      return 0;
    });
  },
};

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw unreadable(error, file);
  }
}

async function importFromCsv(args: readonly string[], config: Config, deps: CommandDeps): Promise<number> {
  const options = parseCsvOptions(args);
  const text = await readCsvFile(options.file);
  deps.requireDatabase(config);
  const write = (line: string): void => void process.stdout.write(line);
  process.stdout.on('error', () => {});
  return withStore(config, deps, (store) => importCsv(store, { ...options, text }, { nowMs: deps.nowMs, write }));
}

/**
 * Runs the command that the first word names, and resolves to the exit code. Throws `ConfigError` if there is no such command, and what
 * the command throws.
 */
export async function runCommand([name = '', ...args]: readonly string[], config: Config, deps: CommandDeps): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command) return command(args, config, deps);
  throw new ConfigError('Usage: node server.ts, with nothing or admin create|reset <email>|restored|clock, audit --csv, backup <file>, '
    + 'verify [--fix] [<account>], export [--move] <account> [<file>], import [<file>] or import --csv <file> [--dry-run], '
    + 'adopt [--dry-run] <mapping.json>');
}

async function withStore(config: Config, deps: CommandDeps, run: (store: Store) => Promise<number>): Promise<number> {
  const log = createLog(config.logLevel, (line) => void process.stderr.write(line), deps.nowMs);
  protectFiles(config, log);
  const store = await deps.openStore(config, log);
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}
