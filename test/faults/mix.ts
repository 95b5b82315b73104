// The network mix: several desktops behind a proxy in bad weather, while people write on one or two servers, and desktops write,
// restart and sleep. Once the weather is clear, nobody touches anything: within 30 seconds of the desktops' own clocks all is right.
//
// Also with clocks that are set a day forward or back, on the desktops or on the server.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { createTriggers, type Triggers } from '../../desktop/sync/triggers.ts';
import { errorCode } from '../../shared/errors.ts';
import { createClient, type Client } from '../client.ts';
import { spawnServer, stores, type ServerProcess } from '../server/harness.ts';
import { customer } from '../server/samples.ts';
import { openDesk, type Desk } from '../sync/desk.ts';
import { Random } from '../sync/random.ts';
import { openSite, type Site, type TestAccount } from '../sync/site.ts';
import type { Scenario, Try } from './lab.ts';
import { assertSettled, Ledger, Watch, Writer } from './oracle.ts';
import { BusyMachine, openWeather, type Weather } from './proxy.ts';

const RECOVERY_S = 30;
const DAY_MS = 86_400_000;

interface Options {
  /** Whether clocks are set meanwhile. */
  readonly setsClocks: boolean;
}

function scenario(kind: 'embedded' | 'mongodb', name: string, about: string, tries: number, options: Options): Scenario {
  const store = stores.find((candidate) => candidate.kind === kind);
  assert(store);
  return {
    name: `${kind}-${name}`, about: `${about}, ${kind === 'embedded' ? 'embedded store' : 'MongoDB, two servers'}`, tries, skip: store.skip,
    async open() {
      const site = await openSite(store);
      // The other process has the machine's clock.
      if (kind === 'mongodb') site.clock.ms = Date.now();
      const other = kind === 'mongodb' ? await spawnServer(site.server.env) : null;
      return {
        run: (attempt) => runMix(attempt, site, other, options),
        async close() {
          await other?.end();
          await site.stop();
        },
      };
    },
  };
}

const mixed = 'a proxy that drops, cuts, delays, reorders, remembers, lies and hangs';
export const mixes: readonly Scenario[] = [
  scenario('embedded', 'mix', mixed, 1000, { setsClocks: false }),
  scenario('mongodb', 'mix', mixed, 200, { setsClocks: false }),
  scenario('embedded', 'clocks', 'such a proxy, and clocks set by a day on either side', 100, { setsClocks: true }),
  scenario('mongodb', 'clocks', 'such a proxy, and clocks set by a day on either side', 30, { setsClocks: true }),
];

/** A desktop with its triggers, and who looks at its file. */
interface Seat {
  readonly desk: Desk;
  readonly weather: Weather;
  readonly random: Random;
  readonly watch: Watch;
  triggers: Triggers;
}

async function runMix(attempt: Try, site: Site, other: ServerProcess | null, { setsClocks }: Options): Promise<void> {
  const { random } = attempt;
  const owner = await site.newAccount();
  const machine = new BusyMachine();
  const ledger = await new Ledger().begin(owner.client);
  const writers = openWriters(attempt, ledger, owner, other);
  for (let index = 0; index < 4; index += 1) await writers[0]?.create(index < 3 ? 'customers' : 'invoices');
  const seats = [
    await openSeat(attempt, site, machine, owner, ledger, 1), await openSeat(attempt, site, machine, owner, ledger, 2),
  ] as const;
  machine.onQuiet = () => {
    for (const { watch } of seats) watch.look();
  };

  const deskWrites: Promise<void>[] = [];
  let latestMs = site.clock.ms;
  const isLastingStorm = random.chance(0.3);
  for (const { weather } of seats) weather.set(isLastingStorm ? 0.9 : 0);
  for (let rounds = random.integer(4, 10); rounds > 0; rounds -= 1) {
    for (const { weather } of seats) if (!isLastingStorm && random.chance(0.5)) weather.set(random.pick([0, 0.2, 0.5, 0.9] as const));
    if (setsClocks && random.chance(0.4)) setClock(attempt, site, machine, seats);
    const seat = random.pick(seats);
    if (random.chance(0.2)) {
      const writing = writeAtDesk(seat, ledger, machine, `desk made ${deskWrites.length}`, setsClocks);
      // Whether it has failed is asked in the end.
      writing.catch(() => undefined);
      deskWrites.push(writing);
    }
    if (random.chance(0.08)) await restart(attempt, seat, machine);
    if (random.chance(0.1)) sleep(attempt, machine, seats);
    if (random.chance(0.1)) seat.triggers.handleSystemEvent(random.pick(['offline', 'online'] as const));
    if (random.chance(0.1)) void seat.desk.host.refresh();
    const writing = Promise.all(writers.map(async (writer) => {
      for (let writes = random.integer(0, 3); writes > 0; writes -= 1) await writer.write();
    }));
    await machine.pass(random.pick([100, 1000, 6000, 31_000, 100_000] as const));
    await assertReadable(seats);
    await writing;
    site.clock.ms += 1000;
    latestMs = Math.max(latestMs, site.clock.ms, other ? Date.now() : 0);
  }
  for (const { weather } of seats) {
    for (const amount of weather.met.values()) attempt.count('faults', amount);
    await weather.clear();
  }
  await assertRecovered(attempt, machine, seats, ledger, deskWrites);
  await assertSettled({
    ledger, client: owner.client, files: seats.map(({ desk }) => desk.file),
    digests: await Promise.all(seats.map(({ desk }) => desk.host.data.digest())),
    store: { store: site.store, accountId: owner.accountId, nowMs: () => latestMs },
  });
  for (const { desk } of seats) {
    const reasons = (await desk.host.data.attempts()).map(({ detail }) => detail ?? '');
    assert.deepEqual(reasons.filter((reason) => /differ|damaged/.test(reason)), [], 'no cache ever differed');
  }
  attempt.count('looks', seats.reduce((sum, { watch }) => sum + watch.looks, 0));
}

/** Two people: one at the server that the desktops use, one at the other, if there is one. Now and then an answer does not arrive. */
function openWriters({ seed }: Try, ledger: Ledger, owner: TestAccount, other: ServerProcess | null): readonly Writer[] {
  const elsewhere = other ? createClient(() => ({ url: other.url }), owner.token, owner.userId) : owner.client;
  return [owner.client, elsewhere].map((client, index) => {
    const random = new Random(seed + 1000 + index);
    return new Writer({
      name: `writer ${index}`, ledger, random, client: () => (random.chance(0.15) ? losingAnswers(client) : client),
      pause: async () => undefined,
    });
  });
}

function losingAnswers(client: Client): Client {
  return {
    ...client,
    async send(method, path, options) {
      await client.send(method, path, options);
      throw new Error('the answer was lost');
    },
  };
}

async function openSeat(
  attempt: Try, site: Site, machine: BusyMachine, owner: TestAccount, ledger: Ledger, index: number,
): Promise<Seat> {
  const random = new Random(attempt.seed + 2000 + index);
  const weather = await openWeather(site.server.url, machine, attempt.seed + 3000 + index);
  attempt.after(() => weather.close());
  const { token } = await owner.signIn(owner.userId);
  const desk = await openDesk(attempt, {
    url: weather.url, token,
    ...(random.chance(0.4) ? { pageLimit: () => random.integer(1, 30) } : { pieceChanges: random.integer(1, 30) }),
    deps: {
      fetch: machine.fetch, setTimer: machine.setTimer, nowMs: () => Math.floor(machine.wallMs), monotonicMs: () => machine.monotonicMs,
      random: () => random.next(), yieldToEventLoop: machine.yieldToEventLoop,
    },
  });
  const seat = { desk, weather, random, watch: new Watch(desk.file, ledger), triggers: startTriggers(desk, machine, random) };
  seat.watch.hold();
  attempt.after(() => {
    seat.triggers.close();
    seat.watch.letGo();
  });
  return seat;
}

function startTriggers(desk: Desk, machine: BusyMachine, random: Random): Triggers {
  return createTriggers(desk.host, {
    nowMs: () => Math.floor(machine.wallMs), monotonicMs: () => machine.monotonicMs, setTimer: machine.setTimer,
    random: () => random.next(), log: () => undefined,
  }, 5);
}

async function restart({ count }: Try, seat: Seat, machine: BusyMachine): Promise<void> {
  count('restarts');
  seat.triggers.close();
  // Whoever is the last to close the file clears its log.
  if (seat.random.chance(0.5)) seat.watch.letGo();
  await seat.desk.reopen();
  seat.watch.hold();
  seat.triggers = startTriggers(seat.desk, machine, seat.random);
}

/** Both desktops are one machine's, which says that it sleeps, and that it wakes, or neither. */
function sleep({ random, count }: Try, machine: BusyMachine, seats: readonly Seat[]): void {
  count('sleeps');
  const isAnnounced = random.chance(0.6);
  if (isAnnounced) for (const { triggers } of seats) triggers.handleSystemEvent('suspend');
  machine.sleep(random.integer(1000, 3_600_000), random.pick(['linux', 'windows'] as const));
  if (isAnnounced) for (const { triggers } of seats) triggers.handleSystemEvent('resume');
}

/** Sets the clock of the desktops or of the server, a day forward or back, also while the outcome of a write is open. */
function setClock({ random, count }: Try, site: Site, machine: BusyMachine, seats: readonly Seat[]): void {
  const stepMs = random.pick([-DAY_MS, DAY_MS] as const);
  if (random.chance(0.5)) {
    count('steps of the desktops\' clock');
    machine.wallMs += stepMs;
    for (const { watch } of seats) watch.allowClockStep(stepMs);
  } else {
    count('steps of the server\'s clock');
    site.clock.ms += stepMs;
  }
}

/** A person at a desktop who makes a customer, and tries again until that is done. */
async function writeAtDesk({ desk }: Seat, ledger: Ledger, machine: BusyMachine, name: string, setsClocks: boolean): Promise<void> {
  ledger.asked.add(name);
  for (;;) {
    try {
      // As the window does, under one key; also after a restart.
      ledger.hold('customers', await desk.host.records.create('customers', { ...customer({ name }) }, name.replaceAll(' ', '-')) as never);
      return;
    } catch (error) {
      const open = ['offline', 'outcome_unknown', 'unavailable', 'internal', 'too_many_requests', 'bad_response', 'cancelled'];
      // A clock that is set forward ends a token before the answer with the next one has arrived: for a moment the session is in doubt.
      assert(open.includes(errorCode(error)) || (setsClocks && errorCode(error) === 'unauthorized'), error as Error);
    }
    await machine.sleepFor(2000);
  }
}

/** What can be read is never nothing, once everything was there. */
async function assertReadable(seats: readonly Seat[]): Promise<void> {
  for (const { desk, watch } of seats) {
    const { isComplete, versions } = watch.look();
    const { total } = await desk.host.data.listPage({ collection: 'users' });
    if (isComplete) assert.equal(total, [...versions.keys()].filter((key) => key.startsWith('users ')).length);
    if (isComplete) assert(total > 0, 'nothing can be read');
  }
}

/**
 * From now on the desktops have half a minute of their own clocks until they hold every acknowledged write, and say that all is well;
 * and once more after the last of the writes that people at them go on trying.
 */
async function assertRecovered(
  attempt: Try, machine: BusyMachine, seats: readonly Seat[], ledger: Ledger, deskWrites: readonly Promise<void>[],
): Promise<void> {
  let [isOver, failure] = [false, null as unknown];
  void Promise.all(deskWrites).catch((error: unknown) => { failure = error; }).finally(() => { isOver = true; });
  await recover(attempt, machine, seats, ledger);
  for (let seconds = 0; seconds < RECOVERY_S && !isOver; seconds += 1) await machine.pass(1000);
  if (failure !== null) throw failure;
  assert(isOver, 'a desktop\'s own write is still open');
  await recover(attempt, machine, seats, ledger);
}

async function recover(attempt: Try, machine: BusyMachine, seats: readonly Seat[], ledger: Ledger): Promise<void> {
  const isRight = async ({ desk, watch }: Seat): Promise<boolean> =>
    (await desk.host.getStatus()).state === 'up_to_date' && (watch.look().cursor ?? '') >= ledger.newest;
  const startedMs = machine.monotonicMs;
  for (let seconds = 0; seconds < RECOVERY_S; seconds += 1) {
    if ((await Promise.all(seats.map(isRight))).every(Boolean)) break;
    // A nudge takes its time, of which no more than this passes on the machine.
    await pause(15);
    await machine.pass(1000);
  }
  attempt.recovered(machine.monotonicMs - startedMs);
  for (const seat of seats) {
    const { state, error } = await seat.desk.host.getStatus();
    const { cursor } = seat.watch.look();
    assert.deepEqual([state, error], ['up_to_date', null]);
    assert((cursor ?? '') >= ledger.newest, `the cursor is at ${cursor}, the newest write at ${ledger.newest}`);
  }
}
