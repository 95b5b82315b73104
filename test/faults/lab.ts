// The fault laboratory's bench: runs a scenario once for each seed and collects a row of its table.
//
// Invariants: a try is a function of its seed, so whatever failed can be repeated by the command that is printed; a failed try does
// not end the run; what a try has opened is closed before the next one begins.

import { randomInt } from 'node:crypto';

import { Random } from '../sync/random.ts';

/** One run of a scenario. */
export interface Try {
  readonly seed: number;
  readonly random: Random;
  /** Runs after the try, the last one first, whether it failed or not; what it throws fails the try. */
  after(run: () => unknown): void;
  /** How long it took until everything was right again after the faults had ended, on the desktop's own clock; the slowest counts. */
  recovered(ms: number): void;
  /** Counts something that happened, like a kill, for the table's last column. */
  count(what: string, amount?: number): void;
}

/** What all tries of a scenario share, like a server. */
export interface Stage {
  run(attempt: Try): Promise<void>;
  close(): Promise<unknown>;
}

export interface Scenario {
  /** As it is named after `--only`: lower-case words with hyphens, beginning with the store's where there are several. */
  readonly name: string;
  /** What it is about, in a few words, for the table. */
  readonly about: string;
  /** How many tries the full run makes. */
  readonly tries: number;
  /** Why it cannot be run here; checked before `open`. */
  readonly skip?: string | false;
  /** A try that takes longer has failed. */
  readonly timeoutMs?: number;
  open(): Promise<Stage>;
}

export interface Row {
  readonly name: string;
  readonly about: string;
  readonly tries: number;
  readonly failedSeeds: readonly number[];
  /** Null if nothing had to recover. */
  readonly slowestRecoveryMs: number | null;
  readonly counts: ReadonlyMap<string, number>;
  /** CPU time of this process. */
  readonly cpuMs: number;
}

const TIMEOUT_MS = 60_000;

/** Seeds from `first` on. */
export function seedsFrom(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** A seed that nobody has chosen. */
export function freshSeed(): number {
  return randomInt(1, 2 ** 31);
}

/** The command that repeats a try. */
export function replay(name: string, seed: number): string {
  return `node test/faults/run.ts --only ${name} --seed ${seed}`;
}

/**
 * Runs a scenario with each of these seeds, or as many as until it is stopped. Writes each failure, with the command that repeats it;
 * never rejects for one.
 */
export async function runScenario(
  scenario: Scenario, seeds: readonly number[], write: (text: string) => void = (text) => void process.stdout.write(text),
  isStopped: () => boolean = () => false,
): Promise<Row> {
  const startedUs = cpuUs();
  const failedSeeds: number[] = [];
  const counts = new Map<string, number>();
  let slowestRecoveryMs: number | null = null;
  let tries = 0;
  const stage = await scenario.open();
  try {
    for (const seed of seeds) {
      if (isStopped()) break;
      tries += 1;
      const ends: (() => unknown)[] = [];
      const attempt: Try = {
        seed,
        random: new Random(seed),
        after: (run) => void ends.push(run),
        recovered: (ms) => { slowestRecoveryMs = Math.max(slowestRecoveryMs ?? 0, ms); },
        count: (what, amount = 1) => void counts.set(what, (counts.get(what) ?? 0) + amount),
      };
      const errors = await attemptOnce(stage, attempt, ends, scenario.timeoutMs ?? TIMEOUT_MS);
      if (errors.length === 0) continue;
      failedSeeds.push(seed);
      const reasons = errors.map((error) => (error instanceof Error ? error.stack ?? error.message : String(error)));
      write(`${scenario.name}, seed ${seed}, failed:\n${reasons.join('\n')}\nRepeat it: ${replay(scenario.name, seed)}\n`);
    }
  } finally {
    await stage.close();
  }
  const { name, about } = scenario;
  return { name, about, tries, failedSeeds, slowestRecoveryMs, counts, cpuMs: Math.round((cpuUs() - startedUs) / 1000) };
}

async function attemptOnce(stage: Stage, attempt: Try, ends: (() => unknown)[], timeoutMs: number): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const failing = Promise.withResolvers<never>();
  const timer = setTimeout(() => failing.reject(new Error(`not over after ${timeoutMs} ms`)), timeoutMs);
  // What an event handler throws fails the try, instead of ending the laboratory.
  const uncaught = (error: unknown): void => failing.reject(error);
  process.on('uncaughtException', uncaught).on('unhandledRejection', uncaught);
  try {
    await Promise.race([stage.run(attempt), failing.promise]);
  } catch (error) {
    errors.push(error);
  }
  clearTimeout(timer);
  for (const end of ends.reverse()) {
    try {
      await end();
    } catch (error) {
      errors.push(error);
    }
  }
  process.off('uncaughtException', uncaught).off('unhandledRejection', uncaught);
  return errors;
}

/** The rows as a table in Markdown. */
export function formatTable(rows: readonly Row[]): string {
  const lines = rows.map(({ name, about, tries, failedSeeds, slowestRecoveryMs, counts }) => [
    `\`${name}\``, about, String(tries), String(failedSeeds.length),
    slowestRecoveryMs === null ? '–' : `${(slowestRecoveryMs / 1000).toFixed(1)} s`,
    [...counts].map(([what, amount]) => `${amount} ${what}`).join(', '),
  ]);
  const head = ['scenario', 'what breaks', 'tries', 'failed', 'slowest recovery', 'in them'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
