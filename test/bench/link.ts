// A slow line between the halves: a TCP proxy that delays every byte and lets only so many per second through, in each
// direction, for all connections together. It counts the bytes that it has passed on.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface LineSpeed {
  /** From one end to the other; a round trip takes twice as long. */
  readonly delayMs: number;
  readonly bytesPerSecond: number;
}

/** 25 ms and 20 Mbit/s: an office on a VPN, or a home. */
export const slowLine: LineSpeed = { delayMs: 25, bytesPerSecond: 20e6 / 8 };

export interface Link {
  readonly url: string;
  /** Bytes from server to client so far, as they were on the line. */
  readonly downBytes: number;
  readonly upBytes: number;
  close(): Promise<void>;
}

/** Bytes are put on the line in pieces of this size, so that a large write does not arrive all at once. */
const PIECE_BYTES = 8 * 1024;
/** What waits for its turn on one connection before its sender has to wait, beyond what is on the way. */
const QUEUE_BYTES = 128 * 1024;

/** When bytes arrive at the far end of one direction of a line. */
export class Lane {
  readonly #speed: LineSpeed;
  /** When the last byte so far has left. */
  #freeAtMs = -Infinity;
  sentBytes = 0;

  constructor(speed: LineSpeed) {
    this.#speed = speed;
  }

  /** Puts bytes on the line, behind all earlier ones; returns when the last of them arrives. */
  send(sizeBytes: number, nowMs: number): number {
    this.sentBytes += sizeBytes;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + sizeBytes / this.#speed.bytesPerSecond * 1000;
    return this.#freeAtMs + this.#speed.delayMs;
  }
}

/** Opens a line to a server; with no speed it only counts. */
export async function openLink(serverUrl: string, speed: LineSpeed = { delayMs: 0, bytesPerSecond: Infinity }): Promise<Link> {
  const { hostname, port } = new URL(serverUrl);
  const [up, down] = [new Lane(speed), new Lane(speed)];
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    for (const [from, to, lane] of [[client, server, up], [server, client, down]] as const) {
      sockets.add(from);
      from.on('close', () => sockets.delete(from));
      // What ends one side badly ends the other: there is nobody to tell.
      from.on('error', () => to.destroy());
      carry(from, to, lane, speed);
    }
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get downBytes() {
      return down.sentBytes;
    },
    get upBytes() {
      return up.sentBytes;
    },
    async close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, 'close');
    },
  };
}

function carry(from: Socket, to: Socket, lane: Lane, speed: LineSpeed): void {
  const limitBytes = QUEUE_BYTES + speed.bytesPerSecond * speed.delayMs / 1000;
  /** In the order of arrival; null is the end. */
  const onTheWay: { readonly bytes: Buffer | null; readonly atMs: number }[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | null = null;

  const arrive = (): void => {
    timer = null;
    const nowMs = performance.now();
    for (let next = onTheWay[0]; next && next.atMs <= nowMs; next = onTheWay[0]) {
      onTheWay.shift();
      if (next.bytes === null) to.end();
      else if (!to.destroyed) to.write(next.bytes);
      waitingBytes -= next.bytes?.length ?? 0;
    }
    wait();
  };
  const wait = (): void => {
    if (waitingBytes > limitBytes || to.writableNeedDrain) from.pause();
    else from.resume();
    const [next] = onTheWay;
    if (next && timer === null) timer = setTimeout(arrive, Math.max(0, next.atMs - performance.now()));
  };
  from.on('data', (chunk: Buffer) => {
    const nowMs = performance.now();
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      const bytes = chunk.subarray(start, start + PIECE_BYTES);
      onTheWay.push({ bytes, atMs: lane.send(bytes.length, nowMs) });
      waitingBytes += bytes.length;
    }
    wait();
  });
  from.on('end', () => {
    onTheWay.push({ bytes: null, atMs: lane.send(0, performance.now()) });
    wait();
  });
  to.on('drain', wait);
  to.on('close', () => {
    if (timer !== null) clearTimeout(timer);
    // Otherwise the other direction may still be on the way.
    if (!from.readableEnded) from.destroy();
  });
}
