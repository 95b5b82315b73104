// Listens for the server's nudges: a stream of server-sent events (WHATWG HTML, 9.2) that says when the account's clock
// has moved. Nudges carry no data; the listener pulls.
//
// Invariants: the stream is only a hint. If it is missing, cut, buffered by a proxy or not a stream at all, the interval
// still syncs. It is reopened for as long as somebody listens, at most five minutes after it ended: proxies and servers change.

import { AppError, type ErrorCode } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import { badResponse } from '../../shared/protocol.ts';
import { backoffMs, isTransient, wait, type BackoffBounds, type RetryDeps } from './retry.ts';
import type { StreamRequest } from '../session/server-connection.ts';

/** Far longer than any real event; bounds the memory that a broken server can use. */
const MAX_EVENT_CHARS = 65_536;
/** A stream with events that lasted this long resets the backoff. */
const STABLE_MS = 60_000;
const MAX_PAUSE_MS = 5 * 60_000;
/** After a stream without an event, which a proxy may be buffering. */
const silentBounds: BackoffBounds = { firstMs: 500, maxMs: MAX_PAUSE_MS };

export interface NudgeDeps extends RetryDeps {
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export const eventsRequest = { path: '/api/sync/events', headers: { accept: 'text/event-stream' } } as const;

export interface EventStreamSource {
  /** Sends a request that is answered with an event stream, and passes on its bytes; resolves when the stream ends. */
  receive(request: StreamRequest, onChunk: (chunk: Uint8Array) => void): Promise<void>;
}

export interface NudgeListener {
  /** The account's clock is at this instant. */
  readonly onNudge: (serverTime: string) => void;
  /** A stream was cut or could not be opened, so the server may be gone. It will be reopened. */
  readonly onLost: () => void;
}

/**
 * Listens, reopening the stream as needed, until the returned function is called. Calls nothing before it returns.
 */
export function listenForNudges(source: EventStreamSource, listener: NudgeListener, deps: NudgeDeps): () => void {
  const stop = new AbortController();
  void Promise.resolve().then(() => listen(source, listener, deps, stop.signal));
  return () => stop.abort();
}

async function listen(
  source: EventStreamSource, listener: NudgeListener, deps: NudgeDeps, signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let refusal: ErrorCode | null = null;
  while (!signal.aborted) {
    const startedMs = deps.monotonicMs();
    const { hadEvent, error } = await readStream(source, listener, signal);
    if (signal.aborted) return;
    failures = hadEvent && deps.monotonicMs() - startedMs >= STABLE_MS ? 1 : failures + 1;
    const isRefused = isRefusal(error);
    if (!isRefused) listener.onLost();
    else if (refusal !== error.code) deps.log('the server refuses to send nudges', { error });
    refusal = isRefused ? error.code : null;
    const backoff = backoffMs(failures, error, deps.random(), hadEvent ? undefined : silentBounds);
    const pauseMs = isRefused ? MAX_PAUSE_MS : Math.min(MAX_PAUSE_MS, backoff);
    // Rejects only if the signal aborts.
    if (!await wait(pauseMs, deps, signal).then(() => true, () => false)) return;
  }
}

/** Reads one stream to its end. Returns whether it had an event, and why it ended. */
async function readStream(
  source: EventStreamSource, { onNudge }: NudgeListener, signal: AbortSignal,
): Promise<{ readonly hadEvent: boolean; readonly error: AppError }> {
  let hadEvent = false;
  const parse = createEventParser((event) => {
    if (signal.aborted) return;
    hadEvent = true;
    const serverTime = parseClockEvent(event);
    if (serverTime !== null) onNudge(serverTime);
  });
  try {
    await source.receive({ ...eventsRequest, signal }, parse);
    return { hadEvent, error: new AppError('offline', 'The server ended the stream.') };
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('internal', 'The stream failed.', { cause: error });
    return { hadEvent, error: known };
  }
}

/**
 * Whether the server itself refused, for example because it does not know the path, and so will again for a while. A token that it does
 * not accept may be renewed at any moment.
 */
function isRefusal(error: AppError): boolean {
  return !['bad_response', 'cancelled', 'unauthorized'].includes(error.code) && !isTransient(error);
}

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * Returns a function that takes the chunks of an event stream in UTF-8, split anywhere, and calls `onEvent` when an
 * event is complete. It throws `bad_response` for an event that does not end.
 */
export function createEventParser(onEvent: (event: ServerEvent) => void): (chunk: Uint8Array) => void {
  // Node's decoder would also remove a second byte order mark where the first one is split between chunks.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  /** What the next text may begin with that does not count: a byte order mark, or the LF of a CR LF that was split. */
  let skipped = '\uFEFF';
  let type = '';
  let data: string[] = [];
  let dataChars = 0;

  function parseLine(line: string): void {
    if (line === '') {
      // The specification ignores an event without data.
      if (data.length > 0) onEvent({ type: type || 'message', data: data.join('\n') });
      type = '';
      data = [];
      dataChars = 0;
      return;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') type = value;
    if (field !== 'data') return;
    data.push(value);
    dataChars += value.length + 1;
  }

  return (chunk) => {
    const text = decoder.decode(chunk, { stream: true });
    if (text === '') return;
    const lines = (rest + text.slice(text.startsWith(skipped) ? skipped.length : 0)).split(/\r\n|\n|\r/);
    skipped = text.endsWith('\r') ? '\n' : '';
    rest = lines.pop() ?? '';
    for (const line of lines) parseLine(line);
    if (rest.length + dataChars + type.length > MAX_EVENT_CHARS) throw badResponse('an event does not end');
  };
}

/** The account's clock according to this event, or null for any other event. */
export function parseClockEvent({ type, data }: ServerEvent): string | null {
  if (type !== 'change') return null;
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) && typeof value['serverTime'] === 'string' ? value['serverTime'] : null;
  } catch {
    return null;
  }
}
