// The log: one JSON line per event, on standard output. Errors include their causes. Callers never log secrets.

import { AppError, errorCode, isWireErrorCode } from '../shared/errors.ts';
import { logLevels, type LogLevel } from './config.ts';

/** `event` is a short fixed phrase; `facts` are its details. */
export type Log = (level: LogLevel, event: string, facts?: Readonly<Record<string, unknown>>) => void;

/** A log that drops events below `minLevel`. `write` gets whole lines, each with its line break. */
export function createLog(minLevel: LogLevel, write: (line: string) => void, nowMs: () => number): Log {
  return (level, event, facts = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(minLevel)) return;
    const serialized = Object.fromEntries(Object.entries(facts).map(
      ([name, fact]) => [name, fact instanceof Error ? describe(fact) : fact],
    ));
    write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, event, ...serialized })}\n`);
  };
}

/** How long the same `unavailable` is not logged again. */
const REPEAT_MS = 10_000;
/** Bounds the memory that messages take. */
const MAX_MESSAGES = 100;

/**
 * Logs that a request failed: a defect as `error`, a refusal as `debug`, and `unavailable` as `warn`, once in `REPEAT_MS` per
 * message with the number of repeats since: while a database elects its primary every request fails alike. Repeats are `debug`.
 */
export function createFailureLog(log: Log, nowMs: () => number): (error: unknown, facts: Readonly<Record<string, unknown>>) => void {
  const reported = new Map<string, { readonly atMs: number; repeats: number }>();
  return (error, facts) => {
    const failed = (level: LogLevel, more: object = {}): void =>
      log(level, 'request failed', { ...facts, code: errorCode(error), error, ...more });
    if (!(error instanceof AppError && isWireErrorCode(error.code)) || error.code === 'internal') return failed('error');
    if (!isUnavailable(error)) return failed('debug');
    const now = nowMs();
    const last = reported.get(error.message);
    // Either way round, because the clock may step.
    if (last && Math.abs(now - last.atMs) < REPEAT_MS) {
      last.repeats += 1;
      return failed('debug');
    }
    if (reported.size >= MAX_MESSAGES) reported.clear();
    reported.set(error.message, { atMs: now, repeats: 0 });
    failed('warn', last && last.repeats > 0 ? { repeats: last.repeats } : {});
  };
}

function isUnavailable(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'unavailable';
}

/** An `unavailable` has no stack: its message says all about it, and the code that threw it is not at fault. */
function describe(error: Error, hasStack = !isUnavailable(error)): object {
  const { cause } = error;
  return {
    name: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    ...(hasStack ? { stack: error.stack?.split('\n').slice(1).map((line) => line.trim()) } : {}),
    ...(cause instanceof Error ? { cause: describe(cause, hasStack) } : {}),
  };
}
