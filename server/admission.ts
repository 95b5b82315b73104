// The gate before the routes: bounds everything that a client can make this process hold, and how much of it each client gets.
//
// Invariants: a connection has one request at work, and the next one is handled once its answer has been sent. What
// waits in memory (bodies, pages, unsent answers) is counted in one budget, of which no user holds more than a share: so
// somebody can be refused, and cannot keep others from being served. Whatever a request holds is given back when
// its response is closed, however that comes about. The limits hold for this process alone.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../shared/errors.ts';
import { maxBodyBytes, pageLimit } from '../shared/protocol.ts';
import { ClientGone, type Held } from './http.ts';
import { networkOf, normalizeAddress } from './peer.ts';
import { createTurns } from './turns.ts';

/** A company of 500 behind one address has an event stream and a pull open per desktop. */
const MAX_SOCKETS_PER_NETWORK = 2000;
const MAX_SOCKETS = 4000;
/** Requests that one connection, and all together, may have sent ahead: they have been parsed, and take kilobytes each. */
const MAX_AHEAD = 256;
const MAX_AHEAD_IN_ALL = 2048;

const BUDGET_BYTES = 64 * 1024 * 1024;
/** Two full pages; a page ends with the record that fills it. */
const SHARE_BYTES = 2 * (pageLimit.maxBytes + maxBodyBytes);
/** Answers up to this size are not counted: the number of sockets bounds them, and a full budget must not refuse them. */
const SMALL_ANSWER_BYTES = 16 * 1024;

const MAX_PULLS_PER_SESSION = 2;
/** Building a page is work for one thread: more at a time would only take more memory. */
const MAX_BUILDING = 2;
const MAX_WAITING = 1000;
/** How often, and for how long, a stream checks whether it can go on while too much is held. */
const ROOM_POLL_MS = 50;
const MAX_ROOM_WAIT_MS = 30_000;

/** Per session: creates per second in the long run, and at once. Any other write counts as a quarter of a create. */
const CREATES_PER_S = 50;
const CREATE_BURST = 200;
const OTHER_WRITE_COST = 0.25;
/** Answers that are kept for their idempotency keys, per user and day. */
const ANSWERS_PER_DAY = 50_000;
/** With more buckets than this, those that are full are forgotten. */
const MAX_BUCKETS = 1000;

export interface Admission {
  /**
   * Follows a new connection. If there are too many, one is cut from the network that has the most: the oldest without a request
   * at work, or if all of them have one, the oldest, provided that the new one's network has fewer.
   */
  connect(socket: Socket): void;
  /**
   * Resolves when the request may be handled: once all earlier ones of its connection are answered. Never resolves if the
   * connection has ended or ends first, or is cut because too many requests were sent ahead.
   */
  enter(request: IncomingMessage, response: ServerResponse): Promise<Visit>;
  /** Counts a write of a session; throws `too_many_requests`. */
  write(sessionId: string, kind: 'create' | 'other'): void;
  /**
   * Counts an answer that will be kept for a user's idempotency key; throws `too_many_requests`. None is dropped to make room,
   * because a write that is repeated after that would be applied twice.
   */
  keepAnswer(userId: string): void;
  /** What is counted in the budget now. */
  heldBytes(): number;
}

/** What one request makes the server hold, until its response is closed; nothing more can be held from then on. */
export interface Visit extends Held {
  /** For whom bytes are counted: a user, or before one is known a peer. */
  countFor(owner: string): void;
  /**
   * Resolves when a page may be built, in turn by owner, until `answerBuilt`. Throws `too_many_requests` if the session has too
   * many pulls at work, `unavailable` if too many wait, and `ClientGone` if the response is closed first.
   */
  startPull(sessionId: string): Promise<void>;
  /**
   * Resolves when the pull may go on building, as `startPull`, and this many more bytes of it can be held. Throws `unavailable` if
   * that takes too long.
   */
  continuePull(sizeBytes: number): Promise<void>;
  /** Whether this many more bytes can be held now. */
  hasRoom(sizeBytes: number): boolean;
  /** Whether others wait for their turn to build. */
  isAwaited(): boolean;
}

export interface AdmissionDeps {
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
  /** Whether an address is that of a proxy, whose connections are those of many clients. */
  readonly isProxy: (address: string) => boolean;
}

export function createAdmission({ monotonicMs, isProxy }: AdmissionDeps): Admission {
  const sockets = new Sockets(isProxy);
  const shared: Shared = { budget: new Budget(), building: createPageTurns(), waiting: 0, pulls: new Map() };
  const writes = new Buckets(CREATE_BURST, CREATES_PER_S, monotonicMs);
  const answers = new Buckets(ANSWERS_PER_DAY, ANSWERS_PER_DAY / 86_400, monotonicMs);
  return {
    connect: (socket) => sockets.add(socket),
    async enter(request, response) {
      await sockets.turnOf(request, response);
      const visit = new RequestVisit(shared);
      response.once('close', () => visit.end());
      return visit;
    },
    write(sessionId, kind) {
      const message = 'This session is writing too much at once. Wait a moment and try again.';
      writes.take(sessionId, kind === 'create' ? 1 : OTHER_WRITE_COST, message);
    },
    keepAnswer(userId) {
      answers.take(userId, 1, 'You have written more today than the server can keep answers for. Try again later.');
    },
    heldBytes: () => shared.budget.takenBytes,
  };
}

// ---------------------------------------------------------------------------------------------------- connections

interface Connection {
  readonly socket: Socket;
  readonly network: Network;
  /** The request at work. */
  request: IncomingMessage | null;
  /** Each lets a request that was sent ahead have its turn. */
  readonly ahead: (() => void)[];
}

interface Network {
  readonly name: string;
  /** How many of the open connections come from it. */
  count: number;
}

/**
 * Everything is counted by connection, and given back in `#remove`, once: never by address and port, which another connection
 * may have before the first one is known to be closed.
 */
class Sockets {
  readonly #isProxy: (address: string) => boolean;
  /** By the socket that was accepted. Those without a request at work are in the order in which they became so. */
  readonly #open = new Map<Socket, Connection>();
  /** Those with open connections. */
  readonly #networks = new Map<string, Network>();
  /** The sum of all `ahead`. */
  #aheadInAll = 0;

  constructor(isProxy: (address: string) => boolean) {
    this.#isProxy = isProxy;
  }

  add(socket: Socket): void {
    const address = normalizeAddress(socket.remoteAddress ?? '');
    // It was reset before it was accepted.
    if (address === null) {
      socket.destroy();
      return;
    }
    const isProxy = this.#isProxy(address);
    const name = isProxy ? address : networkOf(address);
    const network = this.#networks.get(name) ?? { name, count: 0 };
    const isNetworkFull = network.count >= MAX_SOCKETS_PER_NETWORK && !isProxy;
    if (isNetworkFull || this.#open.size >= MAX_SOCKETS) {
      const victim = this.#leastEntitled(isNetworkFull ? network : null);
      if (!victim || (isAtWork(victim) && victim.network.count <= network.count + 1)) {
        socket.destroy();
        return;
      }
      this.#remove(victim);
      victim.socket.destroy();
    }
    const connection: Connection = { socket, network, request: null, ahead: [] };
    this.#open.set(socket, connection);
    this.#networks.set(name, network);
    network.count += 1;
    socket.once('close', () => this.#remove(connection));
  }

  /** Among one network's connections, or all: the oldest of the network that has the most, preferably without a request at work. */
  #leastEntitled(network: Network | null): Connection | null {
    let least: Connection | null = null;
    for (const other of this.#open.values()) {
      if (network !== null && other.network !== network) continue;
      const surplus = least === null ? 1 : other.network.count - least.network.count;
      if (least === null || surplus > 0 || (surplus === 0 && isAtWork(least) && !isAtWork(other))) least = other;
    }
    return least;
  }

  async turnOf(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const connection = this.#open.get(acceptedSocket(socket));
    // Nobody would hear the answer.
    if (!connection || !socket.writable) return never();
    if (connection.request) {
      if (connection.ahead.length >= MAX_AHEAD || this.#aheadInAll >= MAX_AHEAD_IN_ALL) {
        socket.destroy();
        return never();
      }
      this.#aheadInAll += 1;
      await new Promise<void>((resume) => connection.ahead.push(resume));
    }
    connection.request = request;
    response.once('close', () => {
      // Not writable after an answer with `Connection: close`.
      const next = socket.writable ? connection.ahead.shift() : undefined;
      if (next) {
        this.#aheadInAll -= 1;
        next();
        return;
      }
      connection.request = null;
      if (this.#open.delete(connection.socket)) this.#open.set(connection.socket, connection);
    });
  }

  #remove(connection: Connection): void {
    // It may have been cut and removed already.
    if (!this.#open.delete(connection.socket)) return;
    this.#aheadInAll -= connection.ahead.length;
    connection.ahead.length = 0;
    const { network } = connection;
    network.count -= 1;
    if (network.count === 0) this.#networks.delete(network.name);
  }
}

/** Whether a request is being carried out: until it has arrived completely, its client decides how long it takes. */
function isAtWork({ request }: Connection): boolean {
  return request?.complete ?? false;
}

/** The socket that the listener accepted: a TLS socket is on that one, and undocumented as it is, nothing else names it. */
function acceptedSocket(socket: Socket & { readonly _parent?: Socket | null }): Socket {
  return socket._parent ?? socket;
}

function never(): Promise<never> {
  return new Promise(() => {});
}

// -------------------------------------------------------------------------------------------------------- requests

function createPageTurns(): Shared['building'] {
  const refusal = (): AppError => new AppError('unavailable', 'Too many are pulling at the moment. Try again soon.', { retryAfterS: 1 });
  return createTurns({ maxRunning: MAX_BUILDING, maxWaiting: MAX_WAITING, refusal });
}

interface Shared {
  readonly budget: Budget;
  readonly building: ReturnType<typeof createTurns>;
  /** How many pulls wait for their turn. */
  waiting: number;
  /** Pulls at work by session. */
  readonly pulls: Map<string, number>;
}

class RequestVisit implements Visit {
  readonly #shared: Shared;
  #owner = '';
  #pullingSession = '';
  /** Body and answer. */
  #heldBytes = 0;
  #answerBytes = 0;
  #hasEnded = false;
  /** Each undoes one thing that was taken. */
  readonly #onEnd: (() => void)[] = [];
  #finishBuilding: () => void = () => {};

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  countFor(owner: string): void {
    const heldBytes = this.#heldBytes;
    this.#setHeld(0);
    this.#owner = owner;
    this.#setHeld(heldBytes);
  }

  holdBody(sizeBytes: number): void {
    this.#setHeld(this.#heldBytes + sizeBytes);
  }

  holdAnswer(sizeBytes: number): void {
    const answerBytes = sizeBytes > SMALL_ANSWER_BYTES ? sizeBytes : 0;
    this.#setHeld(this.#heldBytes + answerBytes - this.#answerBytes);
    this.#answerBytes = answerBytes;
  }

  #setHeld(heldBytes: number): void {
    if (this.#hasEnded) throw new ClientGone('the response was closed');
    this.#shared.budget.change(this.#owner, heldBytes - this.#heldBytes);
    this.#heldBytes = heldBytes;
  }

  async startPull(sessionId: string): Promise<void> {
    const { pulls } = this.#shared;
    const atWork = pulls.get(sessionId) ?? 0;
    if (atWork >= MAX_PULLS_PER_SESSION) {
      const message = 'This session is pulling too often at the same time. Wait until one of its pulls has ended.';
      throw new AppError('too_many_requests', message, { retryAfterS: 1 });
    }
    pulls.set(sessionId, atWork + 1);
    this.#onEnd.push(() => {
      const left = (pulls.get(sessionId) ?? 0) - 1;
      if (left > 0) pulls.set(sessionId, left);
      else pulls.delete(sessionId);
    });
    this.#pullingSession = sessionId;
    await this.#nextTurn();
  }

  async continuePull(sizeBytes: number): Promise<void> {
    for (let waitedMs = 0; !this.hasRoom(sizeBytes); waitedMs += ROOM_POLL_MS) {
      if (this.#hasEnded || waitedMs >= MAX_ROOM_WAIT_MS) break;
      await sleep(ROOM_POLL_MS);
    }
    await this.#nextTurn();
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#shared.budget.hasRoom(this.#owner, sizeBytes);
  }

  isAwaited(): boolean {
    return this.#shared.waiting > 0;
  }

  async #nextTurn(): Promise<void> {
    const { building } = this.#shared;
    this.#shared.waiting += 1;
    try {
      await new Promise<void>((begin, refuse) => {
        building([this.#owner, this.#pullingSession], () => new Promise<void>((finish) => {
          this.#finishBuilding = finish;
          begin();
        }), { isGone: () => this.#hasEnded }).catch(refuse);
      });
    } finally {
      this.#shared.waiting -= 1;
    }
    if (!this.#hasEnded) return;
    this.#finishBuilding();
    throw new ClientGone('the response was closed');
  }

  answerBuilt(): void {
    this.#finishBuilding();
  }

  end(): void {
    this.answerBuilt();
    this.#setHeld(0);
    this.#hasEnded = true;
    for (const undo of this.#onEnd.splice(0)) undo();
  }
}

class Budget {
  /** By all owners; only `change` sets it. */
  takenBytes = 0;
  readonly #takenBy = new Map<string, number>();

  hasRoom(owner: string, sizeBytes: number): boolean {
    return (this.#takenBy.get(owner) ?? 0) + sizeBytes <= SHARE_BYTES && this.takenBytes + sizeBytes <= BUDGET_BYTES;
  }

  change(owner: string, byBytes: number): void {
    const ownBytes = (this.#takenBy.get(owner) ?? 0) + byBytes;
    if (byBytes > 0 && !this.hasRoom(owner, byBytes)) {
      const message = 'The server is holding too much that has not been sent yet. Try again in a moment.';
      throw new AppError('unavailable', message, { retryAfterS: 1 });
    }
    this.takenBytes += byBytes;
    if (ownBytes > 0) this.#takenBy.set(owner, ownBytes);
    else this.#takenBy.delete(owner);
  }
}

// ---------------------------------------------------------------------------------------------------------- writes

/** Token buckets by key: a full one has `burst`, and all fill at the same rate. */
class Buckets {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #monotonicMs: () => number;
  readonly #buckets = new Map<string, { readonly left: number; readonly atMs: number }>();

  constructor(burst: number, perS: number, monotonicMs: () => number) {
    this.#burst = burst;
    this.#perMs = perS / 1000;
    this.#monotonicMs = monotonicMs;
  }

  /** Takes from a bucket; throws `too_many_requests` with how long that will be too much. */
  take(key: string, cost: number, message: string): void {
    if (this.#buckets.size > MAX_BUCKETS) this.#forgetFull();
    const left = this.#leftIn(key) - cost;
    if (left < 0) throw new AppError('too_many_requests', message, { retryAfterS: -left / this.#perMs / 1000 });
    this.#buckets.set(key, { left, atMs: this.#monotonicMs() });
  }

  #leftIn(key: string): number {
    const { left, atMs } = this.#buckets.get(key) ?? { left: this.#burst, atMs: 0 };
    return Math.min(this.#burst, left + (this.#monotonicMs() - atMs) * this.#perMs);
  }

  #forgetFull(): void {
    for (const key of this.#buckets.keys()) if (this.#leftIn(key) === this.#burst) this.#buckets.delete(key);
  }
}
