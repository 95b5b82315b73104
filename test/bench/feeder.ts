// The sending process of the floor: blocks of rows that are ready to be sent (frames.ts), as fast as they are taken. With a
// MongoDB it also reads the account's records with raw cursors, and sends a block once as many records have been read.
//
//   node feeder.ts <file of blocks> [<MongoDB URL> <database> <account>]     sends its port over the channel

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { MongoClient } from 'mongodb';

import { collections } from '../../shared/collections.ts';
import { blockEnd, blockRecords } from './frames.ts';

const [file = '', mongodbUrl, database = '', accountId = ''] = process.argv.slice(2);
const bytes = readFileSync(file);
const client = mongodbUrl === undefined ? null : await new MongoClient(mongodbUrl).connect();
/** Bytes per write to the socket. */
const WRITE_BYTES = 256 * 1024;

async function send(socket: Socket): Promise<void> {
  const read = client ? readRecords(client) : null;
  for (let [start, done] = [0, 0]; start < bytes.length;) {
    let end = start;
    while (end < bytes.length && end - start < WRITE_BYTES) {
      done += blockRecords(bytes, end);
      end = blockEnd(bytes, end) ?? bytes.length;
    }
    await read?.(done);
    if (!socket.write(bytes.subarray(start, end))) await once(socket, 'drain');
    start = end;
  }
  socket.end();
}

/** Reads on until `count` records have been read in all. */
function readRecords(mongo: MongoClient): (count: number) => Promise<void> {
  const db = mongo.db(database);
  const documents = (async function* () {
    for (const { name } of collections) {
      yield* db.collection(name).find({ accountId }, {
        raw: true, sort: { accountId: 1, 'sync.at': 1 }, projection: { payload: 1, 'sync.at': 1 }, batchSize: 2000,
      });
    }
  })();
  let read = 0;
  return async (count) => {
    for (; read < count; read += 1) if ((await documents.next()).done) return;
  };
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  void send(socket).catch((error: unknown) => socket.destroy(error instanceof Error ? error : undefined));
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit(0));
