// The server process of the pages floor: sends the files of a folder, one per request.
//
//   node page-server.ts <folder>     answers GET /<number>; sends its address over the channel

import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const [folder = ''] = process.argv.slice(2);
const pages = readdirSync(folder).map(Number).sort((a, b) => a - b).map((name) => readFileSync(join(folder, String(name))));

const server = createServer((request, response) => {
  const page = pages[Number(request.url?.slice(1))];
  response.writeHead(page ? 200 : 404, { 'Content-Type': 'application/json', 'Content-Length': page?.length ?? 0 });
  response.end(page);
});
server.listen(0, '127.0.0.1', () => process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on('disconnect', () => process.exit(0));
