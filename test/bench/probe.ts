// Loaded into a server before its own code (`node --import`): counts the SQLite statements it runs, so that "one indexed
// read per poll" is measured, not assumed. Answers each message on the channel with the counts so far.

import { DatabaseSync, StatementSync } from 'node:sqlite';

/** SQL text to how often it was run. */
const runs = new Map<string, number>();

function count(sql: string): void {
  runs.set(sql, (runs.get(sql) ?? 0) + 1);
}

for (const name of ['get', 'all', 'run', 'iterate'] as const) {
  const original: unknown = Reflect.get(StatementSync.prototype, name);
  if (typeof original !== 'function') throw new Error(`node:sqlite has no ${name}`);
  Reflect.set(StatementSync.prototype, name, function counted(this: StatementSync, ...parameters: unknown[]): unknown {
    count(this.sourceSQL);
    return Reflect.apply(original, this, parameters);
  });
}

const exec: unknown = Reflect.get(DatabaseSync.prototype, 'exec');
if (typeof exec !== 'function') throw new Error('node:sqlite has no exec');
Reflect.set(DatabaseSync.prototype, 'exec', function counted(this: DatabaseSync, sql: string): unknown {
  count(sql);
  return Reflect.apply(exec, this, [sql]);
});

process.on('message', () => process.send?.(Object.fromEntries(runs)));
// The channel must not keep a stopped server alive.
process.channel?.unref();
