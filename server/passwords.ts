// Password hashing: argon2id with the parameters of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane).
// Each hash carries its parameters in the PHC string format, so that they can be raised later without a migration.
//
// At most two hashes are computed at a time: each takes 19 MiB and a core, and a flood of sign-ins must not starve the
// server.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { AppError } from '../shared/errors.ts';

const argon2Async = promisify(argon2);
const current = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;
const TAG_BYTES = 32;
const MAX_CONCURRENT = 2;
const MAX_WAITING = 50;

const phcPattern = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** Matches no password. Verified for unknown addresses, so that these take as long as known ones. */
const decoyHash = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

interface Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export interface Passwords {
  /** Returns a new PHC string. Throws `too_many_requests` if too many calls are waiting. */
  hash(password: string): Promise<string>;
  /** The hash with this salt, in base64: the same for the same password. Throws `too_many_requests`. */
  hashWith(password: string, salt: Buffer): Promise<string>;
  /** True if the password matches the hash. Null takes as long and never matches. Throws `too_many_requests`. */
  verify(password: string, phc: string | null): Promise<boolean>;
}

export function createPasswords(): Passwords {
  const gate = createGate(MAX_CONCURRENT, MAX_WAITING);
  return {
    async hash(password) {
      const salt = randomBytes(16);
      const tag = await gate(() => derive(password, salt, current));
      return `$argon2id$v=19$m=${current.memoryKib},t=${current.passes},p=${current.lanes}$${base64(salt)}$${base64(tag)}`;
    },
    hashWith: async (password, salt) => base64(await gate(() => derive(password, salt, current))),
    async verify(password, phc) {
      const parts = phcPattern.exec(phc ?? decoyHash);
      if (!parts) throw new Error('a stored password hash is malformed');
      const [, memoryKib, passes, lanes, salt = '', tag = ''] = parts;
      const parameters = { memoryKib: Number(memoryKib), passes: Number(passes), lanes: Number(lanes) };
      const expected = Buffer.from(tag, 'base64');
      const actual = await gate(() => derive(password, Buffer.from(salt, 'base64'), parameters));
      return actual.length === expected.length && timingSafeEqual(actual, expected) && phc !== null;
    },
  };
}

async function derive(password: string, salt: Buffer, parameters: Parameters): Promise<Buffer> {
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

/** Runs at most `maxConcurrent` tasks and queues `maxWaiting` more, first come, first served. */
function createGate(maxConcurrent: number, maxWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= maxConcurrent) {
      if (waiting.length >= maxWaiting) {
        const message = 'Too many people are signing in at the same time. Try again in a moment.';
        throw new AppError('too_many_requests', message, { retryAfterS: 2 });
      }
      // A finished task hands its slot to this one, so `running` does not change.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
