// A network in bad weather between desktops and their server: a real HTTP proxy whose faults are chosen by a seed, on a machine
// whose time is simulated. Time passes only while nothing but time is waited for, so that a hang of 30 seconds takes none.

import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

import { requestIdHeader } from '../../shared/protocol.ts';
import { Machine } from '../desktop/sync/machine.ts';
import { cutAfter, faults, openGate, type Call, type Exchange, type Fault } from '../network.ts';
import { Random } from '../sync/random.ts';

/** The machine of some desktops, which knows what their requests wait for. */
export class BusyMachine extends Machine {
  /** Requests that are neither over nor, as streams of events, open. */
  readonly #busy = new Set<{ readonly id: string }>();
  /** The ids of requests that wait for time to pass, and for nothing else. */
  readonly #waiting = new Set<string>();
  #activity = 0;
  /** Called whenever nothing happens any more before the next timer. */
  onQuiet: () => void = () => undefined;

  /** A desktop's fetch. Every request of its connection ends with its signal. */
  readonly fetch: typeof fetch = async (input, init = {}) => {
    const request = { id: new Headers(init.headers).get(requestIdHeader) ?? '' };
    const end = (): void => {
      this.#activity += 1;
      this.#busy.delete(request);
      this.#waiting.delete(request.id);
    };
    this.#busy.add(request);
    init.signal?.addEventListener('abort', end, { once: true });
    try {
      const response = await fetch(input, init);
      if (response.headers.get('content-type')?.startsWith('text/event-stream')) end();
      return response;
    } catch (error) {
      end();
      throw error;
    }
  };

  readonly yieldToEventLoop = (): Promise<void> => {
    this.#activity += 1;
    return nextTurn();
  };

  /** The request behind this call waits for nothing but time from now on, or no longer. */
  setWaiting({ headers }: Call, isWaiting: boolean): void {
    const id = headers.get(requestIdHeader) ?? '';
    this.#activity += 1;
    if (isWaiting) this.#waiting.add(id);
    else this.#waiting.delete(id);
  }

  /** Resolves after this much of the machine's time. */
  sleepFor(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(resolve, ms));
  }

  override async settle(): Promise<void> {
    for (let quietTurns = 0, turns = 0; quietTurns < 4; quietTurns += 1, turns += 1) {
      const before = this.#activity;
      await (turns % 50 === 49 ? pause(1) : nextTurn());
      if (this.#activity !== before || [...this.#busy].some(({ id }) => !this.#waiting.has(id))) quietTurns = -1;
    }
    this.onQuiet();
  }
}

/** The proxy, and what falls from the sky. */
export interface Weather {
  readonly url: string;
  /** How many faults there were so far, by name. */
  readonly met: ReadonlyMap<string, number>;
  /** How often, from 0 to 1, a request meets a fault from now on. */
  set(rate: number): void;
  /** Ends all faults: what still hangs is cut. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function openWeather(serverUrl: string, machine: BusyMachine, seed: number): Promise<Weather> {
  const gate = await openGate(serverUrl);
  const random = new Random(seed);
  const known = createFaults(machine, random);
  const names = Object.keys(known);
  const met = new Map<string, number>();
  let rate = 0;
  let left: string[] = [];
  gate.plan((call) => {
    if (!random.chance(rate)) return null;
    // Every fault is met once before one is met again.
    if (left.length === 0) left = [...names];
    const name = left.splice(random.integer(0, left.length - 1), 1)[0] ?? '';
    const fault = known[name];
    if (!fault || (name === 'cursorEnded' && call.path !== '/api/sync/pull')) return null;
    // The end of a stream of events is not waited for.
    if (call.path === '/api/sync/events' && !withoutAnswer.includes(name)) return null;
    met.set(name, (met.get(name) ?? 0) + 1);
    return fault;
  });
  return {
    url: gate.url,
    met,
    set: (chance) => void (rate = chance),
    async clear() {
      rate = 0;
      await gate.open(serverUrl);
    },
    close: () => gate.close(),
  };
}

/** Faults that need not receive an answer to its end. */
const withoutAnswer = [
  'refused', 'empty', 'garbage', 'internal', 'unavailable', 'tooManyRequests', 'badGateway', 'captivePortal', 'hang', 'redirect',
];

function createFaults(machine: BusyMachine, random: Random): Readonly<Record<string, Fault>> {
  /** A fault in which only time can change anything, once the server has answered. */
  const waiting = (fault: Fault): Fault => async (exchange) => {
    const response = await fault(exchange);
    machine.setWaiting(exchange.call, true);
    return response;
  };
  const hold = async (exchange: Exchange, until: () => Promise<void>): Promise<Response> => {
    const response = await exchange.forward();
    const bytes = await response.arrayBuffer();
    machine.setWaiting(exchange.call, true);
    await until();
    machine.setWaiting(exchange.call, false);
    return new Response(bytes, { status: response.status, headers: response.headers });
  };
  const { refused, answerLost, resetInBody, truncated, empty, garbage, internal, unavailable, tooManyRequests, badGateway } = faults;
  const { captivePortal, gatewayTimeout, unavailableAfterwards, cursorEnded, silent, stalledInBody } = faults;
  const remembered = new Map<string, { readonly bytes: ArrayBuffer; readonly status: number; readonly headers: Headers }>();
  let held: (() => void) | null = null;
  return {
    refused, answerLost, resetInBody, truncated, empty, garbage, internal, unavailable, tooManyRequests, badGateway, captivePortal,
    gatewayTimeout, unavailableAfterwards, cursorEnded,
    hang: (exchange) => {
      machine.setWaiting(exchange.call, true);
      return silent(exchange);
    },
    hangInBody: waiting(stalledInBody),
    cutMidLine: (exchange) => cutAfter(random.integer(1, 4000), 'reset')(exchange),
    endMidLine: (exchange) => cutAfter(random.integer(1, 4000), 'end')(exchange),
    hangMidLine: (exchange) => waiting(cutAfter(random.integer(1, 4000), 'silence'))(exchange),
    redirect: async () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:9/' } }),
    delay: (exchange) => hold(exchange, () => machine.sleepFor(random.pick([50, 700, 4000, 20_000] as const))),
    /** Answered after the next one that comes this way, or after a while. */
    reorder: (exchange) => hold(exchange, async () => {
      held?.();
      await Promise.race([new Promise<void>((resolve) => { held = resolve; }), machine.sleepFor(3000)]);
    }),
    /** The answer to the request before, of the same path; as a cache in between would give it, or under this request's id. */
    remember: async (exchange) => {
      const { path } = exchange.call;
      const before = remembered.get(path);
      const isDisguised = random.chance(0.5);
      const response = await exchange.forward();
      const now = { bytes: await response.arrayBuffer(), status: response.status, headers: new Headers(response.headers) };
      remembered.set(path, now);
      const { bytes, status, headers } = before ?? now;
      const given = new Headers(headers);
      if (isDisguised) given.delete(requestIdHeader);
      return new Response(bytes, { status, headers: given });
    },
    lengthTooLong: (exchange) => withLength(exchange, (length) => length + random.integer(1, 5000)),
    hangBeforeEnd: waiting((exchange) => withLength(exchange, (length) => length + 1, 'keep-alive')),
    lengthTooShort: (exchange) => withLength(exchange, (length) => Math.floor(length * random.next())),
  };
}

/** The whole answer with a length that is not its own; then the connection ends, or nothing follows. */
async function withLength(exchange: Exchange, lengthOf: (length: number) => number, connection = 'close'): Promise<Response> {
  const response = await exchange.forward();
  const bytes = await response.arrayBuffer();
  const headers = new Headers(response.headers);
  headers.set('content-length', String(lengthOf(bytes.byteLength)));
  headers.set('connection', connection);
  return new Response(bytes, { status: response.status, headers });
}
