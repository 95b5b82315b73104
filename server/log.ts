// The log: one JSON line per event, on standard output. Errors include their causes. Callers never log secrets.

import { AppError, errorCode, isWireErrorCode } from '../shared/errors.ts';
import { logLevels, type LogLevel } from './config.ts';
import { ClientGone } from './http.ts';

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

/** How much of the log may wait for its reader. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/**
 * Writes lines to standard output. A reader that is slow or gone costs no more than the lines: those that find no room are
 * dropped, and their number is written once there is room again.
 */
export function createOutput(output: Pick<NodeJS.WriteStream, 'write' | 'on' | 'writableLength'>): (line: string) => void {
  let dropped = 0;
  let isGone = false;
  output.on('error', () => { isGone = true; });
  return (line) => {
    if (isGone || output.writableLength > MAX_UNWRITTEN_BYTES) {
      dropped += 1;
      return;
    }
    if (dropped > 0) output.write(`${JSON.stringify({ level: 'warn', event: 'log lines dropped', count: dropped })}\n`);
    dropped = 0;
    output.write(line);
  };
}

/** How long the same failure is not logged in full again. */
const REPEAT_MS = 10_000;
/** Bounds the memory that messages take. */
const MAX_MESSAGES = 100;

/**
 * Logs that a request failed: a defect as `error`, a refusal or a client's abort as `debug`, and `unavailable` as `warn`, once in
 * `REPEAT_MS` per message with the number of repeats since: while a database elects its primary every request fails alike.
 * Repeats are `debug`. A repeated defect is still found under its request's id, but without its stack.
 */
export function createFailureLog(log: Log, nowMs: () => number): (error: unknown, facts: Readonly<Record<string, unknown>>) => void {
  const reported = new Map<string, { readonly atMs: number; repeats: number }>();
  return (error, facts) => {
    if (error instanceof ClientGone) return log('debug', 'request aborted', facts);
    const failed = (level: LogLevel, more: object = {}): void =>
      log(level, 'request failed', { ...facts, code: errorCode(error), error, ...more });
    const isDefect = !(error instanceof AppError && isWireErrorCode(error.code)) || error.code === 'internal';
    if (!isDefect && !isUnavailable(error)) return failed('debug');
    const message = error instanceof Error ? error.message : String(error);
    const now = nowMs();
    const last = reported.get(message);
    // In either direction, because the clock may step.
    if (last && Math.abs(now - last.atMs) < REPEAT_MS) {
      last.repeats += 1;
      return isDefect ? failed('error', { error: error instanceof Error ? describe(error, false) : error }) : failed('debug');
    }
    if (reported.size >= MAX_MESSAGES) reported.clear();
    reported.set(message, { atMs: now, repeats: 0 });
    failed(isDefect ? 'error' : 'warn', last && last.repeats > 0 ? { repeats: last.repeats } : {});
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

/** A log that keeps its events until they are released: the line that says where the server listens comes first. */
export function holdBack(log: Log): { readonly log: Log; readonly release: () => void } {
  let held: Parameters<Log>[] | null = [];
  return {
    log: (...event) => {
      if (held) held.push(event);
      else log(...event);
    },
    release() {
      const released = held ?? [];
      held = null;
      for (const event of released) log(...event);
    },
  };
}
