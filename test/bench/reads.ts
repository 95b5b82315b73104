// A server's database queries so far; counted by the database if it is a separate process.

import { once } from 'node:events';

import { MongoClient, type Document } from 'mongodb';

import type { ServerProcess } from '../../demo/server-process.ts';

export type Counts = Readonly<Record<string, number>>;

/** Statements on SQLite, by their text, from the probe inside the server. */
export async function readSqliteCounts(server: ServerProcess): Promise<Counts> {
  server.child.send('count');
  const [counts] = await once(server.child, 'message') as [Counts];
  return Object.fromEntries(Object.entries(counts).map(([sql, count]) => [sql.replace(/\s+/g, ' '), count]));
}

/** Commands of replica set members and monitoring, which do not come from the server. */
const housekeeping = ['hello', 'isMaster', 'ping', 'serverStatus', 'replSetHeartbeat', 'replSetUpdatePosition', 'endSessions'];

/** MongoDB commands by name, and what they examined, from its own metrics. */
export async function readMongoCounts(url: string): Promise<Counts> {
  const client = await new MongoClient(url).connect();
  try {
    const { metrics } = await client.db('admin').command({ serverStatus: 1 }) as { metrics: Document };
    const commands = Object.entries(metrics['commands'] as Record<string, { total?: unknown }>)
      .filter(([name, { total }]) => typeof total !== 'undefined' && !housekeeping.includes(name))
      .map(([name, { total }]) => [name, Number(total)] as const);
    return {
      ...Object.fromEntries(commands),
      'index keys examined': Number(metrics['queryExecutor'].scanned),
      'documents examined': Number(metrics['queryExecutor'].scannedObjects),
    };
  } finally {
    await client.close();
  }
}
