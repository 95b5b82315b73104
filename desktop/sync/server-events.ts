// The server's nudges, heard: a stream of server-sent events (WHATWG HTML, 9.2) that says the account's clock has
// moved. It carries no data; who hears it pulls.
//
// What always holds: the stream is only ever a hint. Where it is missing, cut, held back by a middleman or not a stream
// at all, the interval still syncs; it is asked for again with growing pauses, and not at all where asking is useless.

import { AppError } from '../../shared/errors.ts';
import { isObject } from '../../shared/fields.ts';
import { badResponse } from '../../shared/protocol.ts';
import { backoffMs, mayPass, wait, type RetryDeps } from './retry.ts';
import type { Request } from '../session/server-connection.ts';

/** No event of ours is near this long; bounds what a broken server can make us hold. */
const MAX_EVENT_CHARS = 65_536;
/** A stream that lived this long was a good one: the next pause is short again. */
const STEADY_MS = 60_000;
/** So many streams in a row without one event: something on the way holds them back, and goes on doing so. */
const MAX_MUTE_STREAMS = 5;

export interface EventsDeps extends RetryDeps {
  /** Milliseconds from any beginning, never set by anyone. */
  readonly monotonicMs: () => number;
  readonly log: (event: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** What asks for the stream. */
export const eventsRequest = { path: '/api/sync/events', headers: { accept: 'text/event-stream' } } as const;

export interface EventsSource {
  /** Sends a request whose answer is a stream of events and hands on its bytes; resolves when the stream has ended. */
  receive(request: Request, take: (chunk: Uint8Array) => void): Promise<void>;
}

export interface EventsListener {
  /** The account's clock stands at this instant. */
  readonly onChange: (serverTime: string) => void;
  /** A stream was cut, or could not be had: the server may be gone. Another will be asked for. */
  readonly onLost: () => void;
}

/** Listens, through as many streams as it takes, until told to stop; returns how to. Calls nothing before it returns. */
export function listenToServer(source: EventsSource, listener: EventsListener, deps: EventsDeps): () => void {
  const stop = new AbortController();
  void Promise.resolve().then(() => follow(source, listener, deps, stop.signal));
  return () => stop.abort();
}

async function follow(
  source: EventsSource, listener: EventsListener, deps: EventsDeps, signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let muteStreams = 0;
  while (!signal.aborted) {
    const startedMs = deps.monotonicMs();
    const { heard, error } = await followOne(source, listener, signal);
    if (signal.aborted) return;
    muteStreams = heard ? 0 : muteStreams + 1;
    if (!mayComeBack(error) || muteStreams >= MAX_MUTE_STREAMS) {
      deps.log('nudges are not asked for any more', { error });
      return;
    }
    failures = deps.monotonicMs() - startedMs >= STEADY_MS ? 1 : failures + 1;
    listener.onLost();
    // Rejects only where it was told to stop.
    if (!await wait(backoffMs(failures, error, deps.random()), deps, signal).then(() => true, () => false)) return;
  }
}

/** One stream to its end: whether an event came, and what ended it. */
async function followOne(
  source: EventsSource, { onChange }: EventsListener, signal: AbortSignal,
): Promise<{ readonly heard: boolean; readonly error: AppError }> {
  let heard = false;
  const parse = createEventParser((event) => {
    if (signal.aborted) return;
    heard = true;
    const serverTime = parseClockEvent(event);
    if (serverTime !== null) onChange(serverTime);
  });
  try {
    await source.receive({ ...eventsRequest, signal }, parse);
    return { heard, error: new AppError('offline', 'The server ended the stream.') };
  } catch (error) {
    const known = error instanceof AppError ? error : new AppError('internal', 'The stream failed.', { cause: error });
    return { heard, error: known };
  }
}

/** What a server says that knows no such address, or will not have us, it says again; what it did not say may pass. */
function mayComeBack(error: AppError): boolean {
  return ['bad_response', 'cancelled'].includes(error.code) || mayPass(error);
}

// ------------------------------------------------------------------------------------------------------- the stream

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * Takes a stream of events as UTF-8 in chunks cut anywhere and hands on each event once its blank line has come. It
 * throws `bad_response` for an event that does not end.
 */
export function createEventParser(onEvent: (event: ServerEvent) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  let endsWithReturn = false;
  let type = '';
  let data: string[] = [];
  let dataChars = 0;

  function takeLine(line: string): void {
    if (line === '') {
      // An event without data is none.
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
    let text = decoder.decode(chunk, { stream: true });
    // A line may end with CR LF, LF or CR, and the two of the first may come apart.
    if (endsWithReturn && text.startsWith('\n')) text = text.slice(1);
    if (text !== '') endsWithReturn = text.endsWith('\r');
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) takeLine(line);
    if (rest.length + dataChars + type.length > MAX_EVENT_CHARS) throw badResponse('an event does not end');
  };
}

/** Where the account's clock stands by this event, or null where it is none of that kind. */
export function parseClockEvent({ type, data }: ServerEvent): string | null {
  if (type !== 'change') return null;
  try {
    const value: unknown = JSON.parse(data);
    return isObject(value) && typeof value['serverTime'] === 'string' ? value['serverTime'] : null;
  } catch {
    return null;
  }
}
