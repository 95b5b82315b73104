// The sign-in throttle: its limits per account, network and device, over all processes, and what a database keeps of it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { unknownPeer } from '../../server/peer.ts';
import type { Counters, Store } from '../../server/store.ts';
import { createThrottle, type Admitted, type Throttle } from '../../server/throttle.ts';
import { AppError } from '../../shared/errors.ts';
import { openStore, prepare, startMs, stores, type Installation } from './harness.ts';

const WINDOW_MS = 15 * 60_000;

interface Where {
  readonly peer?: string;
  readonly address?: string;
  readonly device?: string | null;
}

for (const kind of stores) {
  describe(`the sign-in throttle, on ${kind.kind}`, { skip: kind.skip }, () => {
    let installation: Installation;
    let store: Store;
    let throttle: Throttle;
    const clock = { ms: startMs };
    let people = 0;
    before(async () => {
      installation = await prepare(kind);
      store = await openStore(installation, () => clock.ms);
      throttle = throttleOf(store);
    });
    after(async () => {
      await store.close();
      await installation.remove();
    });

    /** With a key by which no two of the tests' addresses share a slot: by a random one, some do in one run of thirty. */
    const throttleOf = ({ counters }: Store): Throttle => createThrottle({ counters, fingerprintKey: 'key' }, () => clock.ms);
    /** An address and networks that no other test uses. */
    const someone = () => {
      const address = `someone${people += 1}@throttle.test`;
      const peer = (index: number): string => `10.${people}.${index >> 8}.${index & 255}`;
      return { address, peer, admit: (where: Where = {}) => throttle.admit({ peer: peer(0), address, device: null, ...where }) };
    };
    /** The attempts of `count` that are admitted, made in parallel; the others are refused with a time to wait. */
    const admitted = async (count: number, attempt: (index: number) => Promise<Admitted>): Promise<Admitted[]> => {
      const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, index) => attempt(index)));
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        const { reason } = outcome as { reason: unknown };
        assert(reason instanceof AppError && reason.code === 'too_many_requests', String(reason));
        assert((reason.details.retryAfterS ?? 0) > 0 && (reason.details.retryAfterS ?? 0) <= 900);
      }
      return outcomes.flatMap((outcome) => outcome.status === 'fulfilled' ? [outcome.value] : []);
    };
    const countOf = async (count: number, attempt: (index: number) => Promise<Admitted>): Promise<number> =>
      (await admitted(count, attempt)).length;

    test('admits ten guesses at one account from one network, in parallel as in sequence', async () => {
      const { admit, peer } = someone();
      assert.equal(await countOf(25, () => admit()), 10);
      await assert.rejects(admit(), { code: 'too_many_requests' });
      assert.equal(await countOf(1, () => admit({ peer: peer(1) })), 1);
      assert.equal(await countOf(1, () => admit({ address: 'another@throttle.test' })), 1);
    });

    test('takes a /64 for one network, from wherever in it the guesses come', async () => {
      const { admit } = someone();
      const host = (index: number): string => `2001:db8:${people.toString(16)}:1:${index.toString(16)}::${index.toString(16)}`;
      assert.equal(await countOf(40, (index) => admit({ peer: host(index) })), 10);
    });

    test('admits a hundred guesses from one network, whatever accounts they are for', async () => {
      const { admit } = someone();
      assert.equal(await countOf(110, (index) => admit({ address: `user${index}@throttle.test` })), 100);
    });

    test('admits thirty guesses at one account from any number of networks', async () => {
      const { admit, peer } = someone();
      assert.equal(await countOf(60, (index) => admit({ peer: peer(index) })), 30);
    });

    test('does not count what one limit refused against the others', async () => {
      const { admit, peer } = someone();
      assert.equal(await countOf(20, () => admit({ peer: peer(1) })), 10);
      assert.equal(await countOf(20, () => admit({ peer: peer(2) })), 10);
      assert.equal(await countOf(20, () => admit({ peer: peer(3) })), 10);
      assert.equal(await countOf(10, () => admit({ peer: peer(4) })), 0);
    });

    test('still admits the network and the device of somebody whose account is under attack', async () => {
      const { admit, peer } = someone();
      await (await admit({ peer: peer(7) })).succeeded();
      assert.equal(await countOf(40, (index) => admit({ peer: peer(1000 + index) })), 30);
      await assert.rejects(admit({ peer: peer(8) }), { code: 'too_many_requests' });
      await (await admit({ peer: peer(7) })).succeeded();
      // From the same office, somebody else can exhaust the network's share, and not the device's.
      assert.equal(await countOf(30, () => admit({ peer: peer(7) })), 10);
      await (await admit({ peer: peer(7), device: 'session 1' })).succeeded();
      await (await admit({ peer: peer(8), device: 'session 1' })).succeeded();
    });

    test('admits ten guesses from a device, wherever it is', async () => {
      const { admit, peer } = someone();
      assert.equal(await countOf(30, (index) => admit({ peer: peer(index), device: `session ${people}` })), 10);
      assert.equal(await countOf(1, () => admit()), 1);
    });

    test('limits clients that no proxy names per account only', async () => {
      const { admit } = someone();
      assert.equal(await countOf(50, () => admit({ peer: unknownPeer })), 30);
      const others = await countOf(110, (index) => admit({ peer: unknownPeer, address: `other${people}-${index}@throttle.test` }));
      assert.equal(others, 110);
    });

    test('counts neither successful attempts nor those that could not be checked', async () => {
      const { admit } = someone();
      for (let round = 0; round < 25; round += 1) {
        const attempt = await admit();
        await (round % 2 === 0 ? attempt.succeeded() : attempt.inconclusive());
      }
      assert.equal(await countOf(20, () => admit()), 10);
      const { admit: admitOther } = someone();
      for (let round = 0; round < 40; round += 1) await (await admitOther()).inconclusive();
      assert.equal(await countOf(20, () => admitOther()), 10);
    });

    test('clears an account\'s failures at a network when it signs in there, but not the network\'s', async () => {
      const { admit, peer } = someone();
      for (let round = 0; round < 11; round += 1) {
        assert.equal(await countOf(9, (index) => admit({ address: `colleague${people}-${round}-${index}@throttle.test` })), 9);
        await (await admit()).succeeded();
      }
      assert.equal(await countOf(5, () => admit({ peer: peer(0) })), 1);
    });

    test('says how long to wait, then admits and counts from zero', async () => {
      const { admit } = someone();
      assert.equal(await countOf(5, () => admit()), 5);
      clock.ms += 60_000;
      assert.equal(await countOf(9, () => admit()), 5);
      await assert.rejects(admit(), (error) => error instanceof AppError && error.details.retryAfterS === WINDOW_MS / 1000 - 60);
      clock.ms += WINDOW_MS - 60_001;
      await assert.rejects(admit(), { code: 'too_many_requests' });
      clock.ms += 1;
      assert.equal(await countOf(20, () => admit()), 10);
    });

    test('of several processes counts together', async () => {
      const others = await Promise.all([1, 2].map(() => openStore(installation, () => clock.ms)));
      const throttles = [throttle, ...others.map((other) => throttleOf(other))];
      const { address, peer } = someone();
      const count = await countOf(60, (index) => {
        const one = throttles[index % 3];
        assert(one);
        return one.admit({ peer: peer(0), address, device: null });
      });
      assert.equal(count, 10);
      await Promise.all(others.map((other) => other.close()));
    });
  });
}

describe('the slots of the sign-in throttle', () => {
  test('are no more than a fixed number, however many addresses are made up, and name nobody', async () => {
    const keys = new Set<string>();
    const counters: Counters = {
      async take(limits) {
        for (const { key } of limits) keys.add(key);
        return null;
      },
      async giveBack() {},
      async reset() {},
      isRunning: async () => false,
      async prune() {},
    };
    const throttle = createThrottle({ counters, fingerprintKey: 'k' }, () => 0);
    for (let index = 0; index < 5000; index += 1) {
      const peer = `2001:db8:${(index >> 8).toString(16)}:${(index & 255).toString(16)}::1`;
      await throttle.admit({ peer, address: `made-up-${index}@nowhere.test`, device: null });
    }
    assert(keys.size > 9000, `${keys.size} slots for 5000 of each`);
    for (const key of keys) assert(Number(/^(?:pair|network|account) (\d{1,5})$/.exec(key)?.[1]) < 65_536, key);
  });
});
