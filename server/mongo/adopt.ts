// `node server.ts adopt`: takes the documents of another program over into an account, or says which of them would not fit.
//
// It may be killed at any point and run again: the place in the change stream is noted before the first document is read, each batch is
// one transaction, and a record that is there as its document says is not written again.

import type { Db, MongoClient } from 'mongodb';

import { errorCode } from '../../shared/errors.ts';
import { ConfigError, type Config } from '../config.ts';
import { chooseAccount } from '../csv-import.ts';
import { parseMapping, type AdoptOptions, type Mapping } from '../mapping.ts';
import type { Store } from '../store.ts';
import { Adoption, type Finding } from './adoption.ts';
import { checkDocuments } from './adoption-check.ts';
import { mongoError } from './errors.ts';
import { keepRenewing, LeaseLost, saveMapping, takeLease } from './lease.ts';
import { connectMongo } from './preflight.ts';
import { openTables } from './schema.ts';

/** Each gives up after half a minute in which the account is held. */
const MAX_SCANS = 3;

export interface AdoptDeps {
  readonly store: Store;
  readonly config: Pick<Config, 'mongodbUrl' | 'mongodbDb' | 'allowsPlaintextMongo'>;
  /** Prints text that ends a line. */
  readonly write: (line: string) => void;
}

/** Resolves to the exit code: 1 if a document does not fit. Throws `ConfigError` for a mapping that cannot be used. */
export async function runAdopt({ mapping: text, file, account, isDryRun }: AdoptOptions & { readonly mapping: string }, deps: AdoptDeps) {
  const { store, config, write } = deps;
  const mapping = parseMapping(text, file);
  const accountId = await chooseAccount(store, account);
  const client = await connectMongo(config.mongodbUrl ?? '', config.allowsPlaintextMongo);
  try {
    await requireUsable(client, config.mongodbDb, mapping);
    const counts = { problem: 0, difference: 0 };
    const report = (finding: Finding): void => {
      counts[finding.kind] += 1;
      write(sayFinding(finding));
    };
    if (isDryRun) {
      const fitting = await checkDocuments({ client, databaseName: config.mongodbDb, store, mapping, accountId, report });
      write(`${fitting} fit, ${counts.problem} do not, and ${counts.difference} differ in what is computed here. Nothing was changed.\n`);
      return counts.problem === 0 ? 0 : 1;
    }
    await store.checkClock();
    const db = client.db(config.mongodbDb);
    await saveMapping(db, accountId, text);
    const lease = await takeLease(db, accountId, true);
    if (!lease) throw new ConfigError('The adoption was removed meanwhile: run the command again.');
    const stopRenewing = keepRenewing(lease, () => {});
    try {
      const { token, startAt } = lease.state;
      if (token === null && startAt === null) await lease.save({ startAt: await operationTime(db) });
      const { changed, removed, problems, isComplete } = await scanWithRetries(() => new Adoption({
        client, store, databaseName: config.mongodbDb, mapping, accountId, action: 'adopt', requireLease: () => lease.require(), report,
      }));
      await lease.save({ isScanned: true, isDropped: !isComplete });
      await lease.release();
      write(`Stamped ${changed} ${changed === 1 ? 'record' : 'records'} into the account ${accountId}, and ${removed} deletions. `
        + `${problems} ${problems === 1 ? 'document does' : 'documents do'} not fit.\n`);
      return problems === 0 ? 0 : 1;
    } finally {
      stopRenewing();
    }
  } catch (error) {
    throw mongoError(error);
  } finally {
    await client.close();
  }
}

/**
 * Looks at every document, and once more where the account is held for long, as by the transaction of a process that was killed where
 * this one may not end it (abandoned.ts). What had been stamped by then is not counted again.
 */
async function scanWithRetries(open: () => Adoption): ReturnType<Adoption['scan']> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await open().scan();
    } catch (error) {
      if (tries === MAX_SCANS || error instanceof LeaseLost || errorCode(error) !== 'unavailable') throw error;
    }
  }
}

export function sayFinding({ kind, collection, sourceId, text }: Finding): string {
  const key = typeof sourceId === 'object' && sourceId !== null && 'toHexString' in sourceId ? String(sourceId) : JSON.stringify(sourceId);
  return `${collection} ${key}${kind === 'problem' ? '' : ' differs'}: ${text}.\n`;
}

/** A time from which a change stream has everything that is not in what is read afterwards. */
export async function operationTime(db: Db) {
  const { operationTime: time } = await db.command({ ping: 1 });
  return time as never;
}

/** Throws `ConfigError` with a sentence if the other program's database is not as the mapping says. */
async function requireUsable(client: MongoClient, databaseName: string, { database, collections }: Mapping): Promise<void> {
  const known = new Set((await client.db(database).listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name));
  const missing = collections.filter(({ from }) => !known.has(from)).map(({ from }) => from);
  if (missing.length > 0) {
    throw new ConfigError(`The database ${database} has no collection ${missing.join(', ')}: correct the mapping, or MONGODB_URL.`);
  }
  if (database !== databaseName) return;
  const { records, db: _db, ...tables } = openTables(client.db(databaseName));
  const own = [...collections.map(({ collection }) => records(collection.name)), ...Object.values(tables)];
  const names = new Set([...own.map(({ collectionName }) => collectionName), 'adopted', 'adoptions']);
  const taken = collections.filter(({ from }) => names.has(from));
  if (taken.length === 0) return;
  throw new ConfigError(`The collection ${taken.map(({ from }) => from).join(', ')} in the database ${database} has a name that this `
    + 'server uses itself: set MONGODB_DB to another database, such as invoify_books. The other program\'s documents stay where they are.');
}
