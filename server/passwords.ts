// Password hashing: argon2id with the parameters of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
// Each hash carries its parameters in the PHC string format, so that they can be raised later without a migration.
//
// At most two hashes are computed at a time: each takes 19 MiB and a core, and a flood of sign-ins must not starve the
// server. Whoever waits is served in turn (turns.ts), so that a flood does not starve other sign-ins either. A few more
// sign-ins are at work, so that one that waits for the database does not keep others from the hash.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { AppError } from '../shared/errors.ts';
import { createTurns, type Lane, type Waiter } from './turns.ts';

const argon2Async = promisify(argon2);
const TAG_BYTES = 32;
const MAX_CONCURRENT = 2;
/** Fewer than the sign-in throttle admits of any kind: its limits count wrong passwords, not people who wait. */
const MAX_AT_WORK = 8;
/** For their turn at work or for the hash. */
const MAX_WAITING = 200;

const phcPattern = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** What a new hash costs. */
export interface PasswordCost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

const standardCost: PasswordCost = { memoryKib: 19_456, passes: 2, lanes: 1 };

/** Each throws `too_many_requests` if too many are waiting. `lane` says who of those signed in waits; without one, the server itself. */
export interface Passwords {
  /** Returns a new PHC string. */
  hash(password: string, lane?: Lane): Promise<string>;
  /** The hash with this salt, in base64: the same for the same password. */
  hashWith(password: string, salt: Buffer, lane?: Lane): Promise<string>;
  /** True if the password matches the hash. Null takes as long and never matches. */
  verify(password: string, phc: string | null, lane?: Lane): Promise<boolean>;
  /** Runs a task that may verify passwords when it is its turn. Throws `ClientGone` if `waiter` has gone by then. */
  inTurn<T>(lane: Lane, task: (verify: Verify) => Promise<T>, waiter?: Waiter): Promise<T>;
}

type Verify = (password: string, phc: string | null) => Promise<boolean>;

const ownLane: Lane = ['server', ''];

/** `cost` is that of new hashes; each hash is verified at its own. */
export function createPasswords(cost: PasswordCost = standardCost): Passwords {
  const prefix = `$argon2id$v=19$m=${cost.memoryKib},t=${cost.passes},p=${cost.lanes}$`;
  /** Matches no password. Verified for unknown addresses, so that these take as long as known ones. */
  const decoyHash = `${prefix}${base64(Buffer.alloc(16))}$${base64(Buffer.alloc(TAG_BYTES))}`;
  const refusal = (): AppError =>
    new AppError('too_many_requests', 'Too many people are signing in at the same time. Try again in a moment.', { retryAfterS: 2 });
  const inTurn = createTurns({ maxRunning: MAX_AT_WORK, maxWaiting: MAX_WAITING - (MAX_AT_WORK - MAX_CONCURRENT), refusal });
  const hashing = createTurns({ maxRunning: MAX_CONCURRENT, maxWaiting: MAX_AT_WORK, refusal });
  const verify: Verify = (password, phc) => hashing(ownLane, async () => await isMatch(password, phc ?? decoyHash) && phc !== null);
  const hashInTurn = (lane: Lane, password: string, salt: Buffer): Promise<Buffer> =>
    inTurn(lane, () => hashing(ownLane, () => derive(password, salt, cost)), { isKnown: true });
  return {
    async hash(password, lane = ownLane) {
      const salt = randomBytes(16);
      const tag = await hashInTurn(lane, password, salt);
      return `${prefix}${base64(salt)}$${base64(tag)}`;
    },
    hashWith: async (password, salt, lane = ownLane) => base64(await hashInTurn(lane, password, salt)),
    verify: (password, phc, lane = ownLane) => inTurn(lane, () => verify(password, phc), { isKnown: true }),
    inTurn: (lane, task, waiter) => inTurn(lane, () => task(verify), waiter),
  };
}

async function isMatch(password: string, phc: string): Promise<boolean> {
  const parts = phcPattern.exec(phc);
  if (!parts) throw new Error('a stored password hash is malformed');
  const [, memoryKib, passes, lanes, salt = '', tag = ''] = parts;
  const parameters = { memoryKib: Number(memoryKib), passes: Number(passes), lanes: Number(lanes) };
  const expected = Buffer.from(tag, 'base64');
  const actual = await derive(password, Buffer.from(salt, 'base64'), parameters);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

async function derive(password: string, salt: Buffer, parameters: PasswordCost): Promise<Buffer> {
  return argon2Async('argon2id', {
    message: Buffer.from(password.normalize('NFKC')),
    nonce: salt,
    memory: parameters.memoryKib,
    passes: parameters.passes,
    parallelism: parameters.lanes,
    tagLength: TAG_BYTES,
  });
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
