// Passwords: argon2id with the parameters of the OWASP Password Storage Cheat Sheet (19 MiB, 2 passes, 1 lane), kept
// with each hash in the PHC string format, so that they can be raised without touching what is stored.
//
// At most two are hashed at once: each takes 19 MiB and a core, and a flood of sign-ins must not take the server.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { AppError } from '../shared/errors.ts';

const argon2Async = promisify(argon2);
const current = { memoryKib: 19_456, passes: 2, lanes: 1 } as const;
const TAG_BYTES = 32;
const MAX_AT_ONCE = 2;
const MAX_WAITING = 50;

const phcPattern = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** The hash of no password, verified for unknown addresses so that they take as long as known ones. */
const decoy = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

interface Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

export interface Passwords {
  /** A new PHC string. Throws `too_many_requests` when too many are waiting. */
  hash(password: string): Promise<string>;
  /** True if the password has this hash; null takes as long and is never true. Throws `too_many_requests`. */
  verify(password: string, phc: string | null): Promise<boolean>;
}

export function createPasswords(): Passwords {
  const gate = createGate(MAX_AT_ONCE, MAX_WAITING);
  return {
    async hash(password) {
      const salt = randomBytes(16);
      const tag = await gate(() => derive(password, salt, current));
      return `$argon2id$v=19$m=${current.memoryKib},t=${current.passes},p=${current.lanes}$${base64(salt)}$${base64(tag)}`;
    },
    async verify(password, phc) {
      const parts = phcPattern.exec(phc ?? decoy);
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

/** Lets at most `maxAtOnce` tasks run and `maxWaiting` more wait, in the order of their arrival. */
function createGate(maxAtOnce: number, maxWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= maxAtOnce) {
      if (waiting.length >= maxWaiting) {
        throw new AppError('too_many_requests', 'Too many people are signing in at once. Try again in a moment.', { retryAfterS: 2 });
      }
      // The place of the task that ends is handed over, so `running` does not change in between.
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
