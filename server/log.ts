// The log: JSON lines on standard output, one event each. Errors are written with their causes; secrets never get here.

import { logLevels, type LogLevel } from './config.ts';

export type Log = (level: LogLevel, event: string, facts?: Readonly<Record<string, unknown>>) => void;

export function createLog(least: LogLevel, write: (line: string) => void, nowMs: () => number): Log {
  return (level, event, facts = {}) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(least)) return;
    const plain = Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, fact instanceof Error ? describe(fact) : fact]));
    write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, event, ...plain })}\n`);
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
