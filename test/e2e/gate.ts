// What stands between the desktop and the server in these tests: a gate that is closed while the server is stopped, and
// that can hold back what the server answers, so that a test sees a sync half-way for as long as it needs.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface Gate {
  /** The server's address as the desktop knows it; the same after each opening. */
  readonly url: string;
  /** Lets through to this server, in place of one before it. */
  open(serverUrl: string): Promise<void>;
  /** Refuses connections and cuts those there are. */
  close(): Promise<void>;
  /**
   * Lets so many more bytes of answers through each connection and holds the rest; resolves when that many went through
   * one. So a long download is held, and what is asked beside it is answered.
   */
  holdAfter(sizeBytes: number): Promise<void>;
  /** Changes what clients send, such as one word of the same length, on connections from now on; null changes nothing. */
  alter(change: ((sent: string) => string) | null): void;
  /** Lets everything through again. */
  release(): void;
}

export async function openGate(serverUrl: string): Promise<Gate> {
  const pairs = new Set<Pair>();
  let listener: Server | null = null;
  let port = 0;
  let allowedBytes = Infinity;
  let reached = (): void => {};
  let altered: ((sent: string) => string) | null = null;

  /** Passes on as much of what a server sent as may pass, in the order in which it came. */
  function pass(pair: Pair): void {
    while (pair.held.length > 0 && pair.leftBytes > 0) {
      const chunk = pair.held.shift() ?? Buffer.alloc(0);
      const part = chunk.subarray(0, pair.leftBytes);
      if (part.length < chunk.length) pair.held.unshift(chunk.subarray(part.length));
      pair.leftBytes -= part.length;
      pair.client.write(part);
    }
    if (pair.leftBytes === 0) reached();
    if (pair.held.length === 0) pair.server.resume();
    else pair.server.pause();
    if (pair.held.length === 0 && pair.isEnded) pair.client.end();
  }

  function join(client: Socket, target: URL): void {
    const server = connect(Number(target.port), target.hostname);
    const pair: Pair = { client, server, held: [], leftBytes: allowedBytes, isEnded: false };
    pairs.add(pair);
    const change = altered;
    if (change === null) client.pipe(server);
    else pipeline(client, async function* (chunks) {
      for await (const chunk of chunks as AsyncIterable<Buffer>) yield Buffer.from(change(chunk.toString('latin1')), 'latin1');
    }, server, () => undefined);
    pair.server.on('data', (chunk: Buffer) => {
      pair.held.push(chunk);
      pass(pair);
    });
    pair.server.on('end', () => {
      pair.isEnded = true;
      pass(pair);
    });
    const cut = (): void => {
      pairs.delete(pair);
      client.destroy();
      pair.server.destroy();
    };
    client.on('error', cut).on('close', cut);
    pair.server.on('error', cut);
  }

  const gate: Omit<Gate, 'url'> = {
    async open(url) {
      await gate.close();
      const target = new URL(url);
      listener = createServer({ allowHalfOpen: true }, (client) => join(client, target));
      await once(listener.listen(port, '127.0.0.1'), 'listening');
      port = (listener.address() as AddressInfo).port;
    },
    async close() {
      if (!listener) return;
      const closed = once(listener, 'close');
      listener.close();
      listener = null;
      for (const { client } of pairs) client.destroy();
      await closed;
    },
    holdAfter(sizeBytes) {
      allowedBytes = sizeBytes;
      for (const pair of pairs) pair.leftBytes = sizeBytes;
      return new Promise((resolve) => {
        reached = resolve;
        if (sizeBytes === 0) resolve();
      });
    },
    alter(change) {
      altered = change;
      for (const { client } of pairs) client.destroy();
    },
    release() {
      allowedBytes = Infinity;
      for (const pair of pairs) {
        pair.leftBytes = Infinity;
        pass(pair);
      }
    },
  };
  await gate.open(serverUrl);
  return { url: `http://127.0.0.1:${port}`, ...gate };
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What the server sent and may not pass yet. */
  held: Buffer[];
  leftBytes: number;
  isEnded: boolean;
}
