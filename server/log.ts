// The log: one JSON line per event, on standard output. Errors include their causes. Callers never log secrets.

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

function describe(error: Error): object {
  const { cause } = error;
  return {
    name: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    stack: error.stack?.split('\n').slice(1).map((line) => line.trim()),
    ...(cause instanceof Error ? { cause: describe(cause) } : {}),
  };
}
