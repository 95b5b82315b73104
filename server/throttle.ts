// The sign-in throttle: limits how many passwords can be tried, per account and per network, over all server processes.
//
// An attempt counts as failed once it is admitted, and is uncounted if it succeeds, so that parallel guesses get no more tries
// than sequential ones. The counts are in the database, in a fixed number of slots chosen by a keyed hash: made-up addresses
// cannot fill it, nobody can aim at the slot of somebody else, and no address is kept.
//
//   from                                   limited by
//   a device that proves an earlier        the device alone
//     session of this user
//   a network from which this user has     network and account together; network
//     signed in before
//   any other network                      network and account together; network; account
//   a client that no proxy names           account
//
// So whoever exhausts an account's limit locks its user out only of networks that are new to that user; and whoever sits in
// the user's own network can lock it out of that network, but not the devices in it that have been signed in before.

import { createHmac } from 'node:crypto';

import { AppError } from '../shared/errors.ts';
import { networkOf, unknownPeer } from './peer.ts';
import type { Store } from './store.ts';

/** How long a count lasts, from the first failure on. */
const WINDOW_MS = 15 * 60_000;
const MAX_PER_PAIR = 10;
const MAX_PER_NETWORK = 100;
const MAX_PER_ACCOUNT = 30;
const MAX_PER_DEVICE = 10;
/** Longer than a session lives, after which everybody must sign in again. */
const KNOWN_MS = 400 * 86_400_000;
/** The slots of each kind of limit. */
const SLOTS = 65_536;
/** The slots for one user's known networks: so many that a strange network hardly ever falls into a known one. */
const KNOWN_SLOTS = 2 ** 24;

export interface Attempt {
  readonly peer: string;
  /** The key of the sign-in address that is tried. */
  readonly address: string;
  /** The session of this user by whose token the client proves that it has been signed in before; null without one. */
  readonly device: string | null;
}

/** An attempt that was admitted, and counts as failed unless one of these is called. */
export interface Admitted {
  /** The password was right. Clears the failures of this user here, and makes the network known. */
  succeeded(): Promise<void>;
  /** The password could not be checked: uncounts the attempt. */
  inconclusive(): Promise<void>;
}

export interface Throttle {
  /** True if the user of this address has signed in before from this network. */
  knows(attempt: Pick<Attempt, 'peer' | 'address'>): Promise<boolean>;
  /** Counts an attempt as failed for now. Throws `too_many_requests` if there were too many failures. */
  admit(attempt: Attempt): Promise<Admitted>;
}

export function createThrottle({ counters, fingerprintKey }: Pick<Store, 'counters' | 'fingerprintKey'>, nowMs: () => number): Throttle {
  const slot = (slots: number, ...parts: readonly string[]): number =>
    createHmac('sha256', fingerprintKey).update(JSON.stringify(['sign-in counter', ...parts])).digest().readUInt32BE() % slots;
  const limit = (max: number, kind: string, ...parts: readonly string[]) =>
    ({ key: `${kind} ${slot(SLOTS, kind, ...parts)}`, max, endsAtMs: nowMs() + WINDOW_MS });
  const knownNetwork = (address: string, peer: string) => peer === unknownPeer ? null : {
    key: `known ${slot(SLOTS, 'known', address)} ${slot(KNOWN_SLOTS, 'known', address, networkOf(peer))}`,
    max: SLOTS,
    endsAtMs: nowMs() + KNOWN_MS,
  };

  return {
    async knows({ peer, address }) {
      const known = knownNetwork(address, peer);
      return known !== null && counters.isRunning(known.key);
    },
    async admit({ peer, address, device }) {
      const network = networkOf(peer);
      const known = device === null ? knownNetwork(address, peer) : null;
      const isKnown = known !== null && await counters.isRunning(known.key);

      const own = device !== null ? [limit(MAX_PER_DEVICE, 'device', device)]
        : peer === unknownPeer ? [] : [limit(MAX_PER_PAIR, 'pair', network, address)];
      const shared = device !== null ? [] : [
        ...(peer === unknownPeer ? [] : [limit(MAX_PER_NETWORK, 'network', network)]),
        ...(isKnown ? [] : [limit(MAX_PER_ACCOUNT, 'account', address)]),
      ];
      const full = await counters.take([...own, ...shared]);
      if (full) {
        throw new AppError('too_many_requests', 'Too many failed sign-ins. Wait a few minutes and try again.', {
          retryAfterS: (full.endsAtMs - nowMs()) / 1000,
        });
      }
      const keysOf = (limits: readonly { readonly key: string }[]): string[] => limits.map(({ key }) => key);
      return {
        async succeeded() {
          await counters.reset(keysOf(own));
          await counters.giveBack(keysOf(shared));
          if (known !== null && !isKnown) await counters.take([known]);
        },
        inconclusive: () => counters.giveBack(keysOf([...own, ...shared])),
      };
    },
  };
}
