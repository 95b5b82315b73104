// The benchmarks' own arithmetic: a figure from a line that is not as slow as it says, or a wrong percentile, would prove
// nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';

import { median, misses, percentile } from './figures.ts';
import { readSchema, writeTexts } from './cache-schema.ts';
import { blockEnd, blockRecords, readRows, writeFrames } from './frames.ts';
import { Lane, openLink } from './link.ts';

test('a line takes its delay and the time of all bytes before, and is free again afterwards', () => {
  const lane = new Lane({ delayMs: 25, bytesPerSecond: 1000 });
  assert.equal(lane.send(100, 1000), 1125);
  assert.equal(lane.send(200, 1000), 1325);
  assert.equal(lane.send(100, 1250), 1425);
  assert.equal(lane.send(100, 5000), 5125);
  assert.equal(lane.sentBytes, 500);
});

test('a line without a speed only counts', () => {
  assert.equal(new Lane({ delayMs: 0, bytesPerSecond: Infinity }).send(1e9, 7), 7);
});

test('a line passes on every byte in both directions, and the end', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    void buffer(socket).then((bytes) => socket.end(bytes.map((byte) => byte ^ 0xff)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const link = await openLink(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { delayMs: 1, bytesPerSecond: 1e8 });
  t.after(() => link.close());
  const sent = Buffer.alloc(700_000).map((_byte, index) => index % 251);
  const client = connect({ port: Number(new URL(link.url).port), allowHalfOpen: true });
  client.end(sent);
  const received = await buffer(client);
  assert.ok(received.equals(sent.map((byte) => byte ^ 0xff)));
  assert.deepEqual([link.upBytes, link.downBytes], [sent.length, sent.length]);
});

test('the median is a value that occurred, and the 99th percentile is not exceeded by more than 1 %', () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 3, 2]), 3);
  const values = Array.from({ length: 200 }, (_, index) => index + 1);
  assert.equal(percentile(values, 0.99), 198);
  assert.throws(() => median([]), RangeError);
});

test('the floor sends every row of a cache as it is there, and builds its indexes last', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'invoify-frames-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, frames] = [join(folder, 'cache.sqlite'), join(folder, 'frames')];
  const db = new DatabaseSync(file);
  db.exec('CREATE TABLE state (cursor TEXT); CREATE TABLE plans_a (rowid INTEGER PRIMARY KEY, payload TEXT NOT NULL);'
    + 'CREATE TABLE plans_a_list (rowid INTEGER PRIMARY KEY, name TEXT, price INTEGER, _id BLOB);'
    + 'CREATE INDEX plans_a_by_name ON plans_a_list (name);'
    + "CREATE VIRTUAL TABLE plans_a_words USING fts5(name, content='', contentless_delete=1)");
  const insert = [db.prepare('INSERT INTO plans_a VALUES (?, ?)'), db.prepare('INSERT INTO plans_a_list VALUES (?, ?, ?, ?)')] as const;
  for (let rowid = 1; rowid <= 100; rowid += 1) {
    insert[0].run(rowid, 'ü'.repeat(rowid));
    insert[1].run(rowid, rowid === 7 ? null : `Plan ${rowid === 90 ? 12_345 : rowid}`, -rowid, Buffer.from([rowid]));
  }
  db.close();

  const schema = readSchema(file);
  assert.deepEqual(schema.tables.map(({ name }) => name), ['plans_a', 'plans_a_list']);
  assert.deepEqual(schema.finish, [
    'CREATE INDEX plans_a_by_name ON plans_a_list (name)',
    'INSERT INTO main."plans_a_words" ("rowid", "name") SELECT "rowid", "name" FROM texts."plans_a_words"',
  ]);
  writeTexts(file, schema, join(folder, 'texts.sqlite'));
  const texts = new DatabaseSync(join(folder, 'texts.sqlite'), { readOnly: true });
  const names = texts.prepare('SELECT name FROM plans_a_words WHERE rowid IN (7, 90)').all().map((row) => row['name']);
  texts.close();
  assert.deepEqual(names, [null, 'Plan 12345 2345 345']);
  assert.equal(writeFrames(file, schema, frames).records, 100);
  const bytes = readFileSync(frames);
  const rows: unknown[][] = [];
  let records = 0;
  for (let [start, end] = [0, blockEnd(bytes, 0)]; end !== null; [start, end] = [end, blockEnd(bytes, end)]) {
    records += blockRecords(bytes, start);
    readRows(bytes, start, end, (table, values) =>
      void rows.push([table, ...values.map((value) => (Buffer.isBuffer(value) ? value.toString() : value))]));
  }
  assert.equal(records, 100);
  assert.deepEqual(rows.filter(([, rowid]) => rowid === 7), [[0, 7, 'ü'.repeat(7)], [1, 7, null, -7, '\x07']]);
  assert.deepEqual(rows.filter(([, rowid]) => rowid === 90), [[0, 90, 'ü'.repeat(90)], [1, 90, 'Plan 12345', -90, 'Z']]);
  assert.equal(blockEnd(bytes.subarray(0, -1), 0), blockEnd(bytes, 0));
  assert.equal(writeFrames(file, schema, frames, 10).records, 10);
});

test('a figure misses its target on the wrong side of it only', () => {
  const figure = { what: '', store: '', value: 10, unit: 'ms', ofFloor: 0.9, target: null } as const;
  assert.equal(misses(figure), false);
  assert.equal(misses({ ...figure, target: { of: 'value', atMost: 10 } }), false);
  assert.equal(misses({ ...figure, target: { of: 'value', atMost: 9 } }), true);
  assert.equal(misses({ ...figure, target: { of: 'ratio', atLeast: 0.91 } }), true);
  assert.equal(misses({ ...figure, value: null, target: { of: 'value', atLeast: 11 } }), false);
});
