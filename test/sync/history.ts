// A random history of one account: writes of all kinds, interleaved or concurrent with pulls by two desktops and a plain
// reader that are interrupted and resumed, while the clock jumps, roles change and tombstones are pruned. At the end all
// must hold the same records.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { instantFromMs } from '../../shared/clock.ts';
import type { Role } from '../../shared/collections.ts';
import { faults, passThrough, type Fault } from '../network.ts';
import { Clerk } from './clerk.ts';
import { openDesk, type Desk } from './desk.ts';
import { assertExact } from './exact.ts';
import { Model } from './model.ts';
import { Random } from './random.ts';
import { finish, Reader } from './reader.ts';
import { amount } from './seeds.ts';
import type { Person, Site, TestAccount } from './site.ts';

const WRITES = amount(200, 500);
const HOUR_MS = 3_600_000;

/** Faults that affect neither session nor cursor. */
const harmlessFaults: readonly Fault[] = [
  faults.refused, faults.answerLost, faults.resetInBody, faults.truncated, faults.garbage, faults.internal, faults.unavailable,
  faults.tooManyRequests, faults.badGateway, faults.captivePortal, faults.stalled, faults.stalledInBody,
];

interface Seat {
  readonly desk: Desk;
  readonly random: Random;
  /** The faults still to come before all have been met again. */
  readonly faults: Fault[];
  person: Person;
  role: Role;
}

/** Runs the history of a seed and asserts that no reader missed or invented anything. */
export async function runHistory(t: Pick<TestContext, 'after'>, site: Site, seed: number): Promise<void> {
  const random = new Random(seed);
  const owner = await site.newAccount();
  const colleague = await owner.hire('editor');
  const model = await new Model().begin(owner.client);
  const clerk = new Clerk(owner.client, model, new Random(seed + 1), [owner.userId, colleague.userId]);
  const seats = [
    await openSeat(t, site, owner, owner, 'owner', new Random(seed + 2)),
    await openSeat(t, site, owner, colleague, 'editor', new Random(seed + 3)),
  ] as const;
  // A session of its own: the server decides per session whether a cursor can continue.
  const reader = new Reader((await owner.signIn(owner.userId)).client, () => random.integer(1, 40));

  while (clerk.answered < WRITES) {
    const burst = random.chance(0.1) ? random.integer(2, 8) : 1;
    const work = Promise.all(Array.from({ length: burst }, () => clerk.work()));
    const seat = random.pick(seats);
    if (random.chance(0.5)) await work;
    if (random.chance(0.12)) await pullWithFaults(seat);
    if (random.chance(0.04)) await reader.page();
    if (random.chance(0.1)) jump(site, random);
    if (random.chance(0.01)) await changeRole(owner, model, seats[1], random);
    if (random.chance(0.005)) await prune(site, owner, random);
    await work;
  }

  await reader.catchUp();
  finish(model, reader);
  for (const { desk, person, role } of seats) {
    desk.network.plan(null);
    // A run in progress may have started before the last write.
    await desk.sync();
    await desk.sync();
    model.assertHeldBy(desk.rows(), (collection) => role === 'owner' || collection !== 'users');
    await assertExact(desk, person.client);
    const reasons = (await desk.host.data.attempts()).map(({ detail }) => detail ?? '');
    assert.deepEqual(reasons.filter((reason) => /differ|damaged/.test(reason)), [], 'no cache ever differed');
  }
}

/** The desk has a session of its own, whose token it replaces. */
async function openSeat(
  t: Pick<TestContext, 'after'>, site: Site, owner: TestAccount, person: Person, role: Role, random: Random,
): Promise<Seat> {
  const { token } = await owner.signIn(person.userId);
  const size = random.chance(0.5) ? { pageLimit: () => random.integer(1, 60) } : { pieceChanges: random.integer(1, 60) };
  const desk = await openDesk(t, { url: site.server.url, token, ...size });
  return { desk, random, faults: [], person, role };
}

/** A pull that may hit faults, be cancelled, or be ended by a restart of the desktop. */
async function pullWithFaults({ desk, random, faults: left }: Seat): Promise<void> {
  const rate = random.pick([0, 0.1, 0.3, 0.6] as const);
  const [stopAt, isRestart] = [random.chance(0.15) ? random.integer(0, 6) : Infinity, random.chance(0.3)];
  desk.network.plan(({ page }) => {
    if (page === stopAt) return stop;
    if (!random.chance(rate)) return null;
    if (left.length === 0) left.push(...harmlessFaults);
    return left.splice(random.integer(0, left.length - 1), 1)[0] ?? null;
  });
  let stopped: Promise<void> | null = null;
  const stop: Fault = (exchange) => {
    stopped ??= isRestart ? desk.reopen() : desk.host.cancelPull();
    return passThrough(exchange);
  };
  const { outcome, error } = await desk.host.pullFromServer();
  await stopped;
  if (outcome === 'completed') return;
  const expected = [
    'cancelled', 'offline', 'unavailable', 'internal', 'too_many_requests', 'bad_response', 'signed_out', 'resync_required',
  ];
  assert(expected.includes(error?.code ?? ''), `${error?.code}: ${error?.message}`);
}

/** Less than a day per jump: idempotency keys expire after that. */
function jump(site: Site, random: Random): void {
  site.clock.ms += random.pick([0.001, 1, 500, 60_000, 20 * HOUR_MS, -1, -1000, -HOUR_MS] as const);
}

/** Changes the colleague's role, and signs in again if that ended the session. */
async function changeRole(owner: TestAccount, model: Model, seat: Seat, random: Random): Promise<void> {
  const role = random.pick(['owner', 'editor', 'viewer'] as const);
  const record = model.present('users').find(({ id }) => id === seat.person.userId);
  assert(record);
  model.wrote('users', await owner.client.patch(`/api/users/${record.id}`, record.updatedAt, { role }));
  seat.role = role;
  if ((await seat.person.client.get('/api/auth/me')).status === 200) return;
  seat.person = await owner.signIn(record.id);
  seat.desk.network.plan(null);
  await seat.desk.host.setAuthToken((await owner.signIn(record.id)).token);
}

/** Prunes tombstones older than a random instant. */
async function prune(site: Site, owner: TestAccount, random: Random): Promise<void> {
  const until = instantFromMs(site.clock.ms - random.integer(0, 2) * HOUR_MS);
  await site.store.write(owner.accountId, (transaction) => transaction.prune(until, 0));
}
