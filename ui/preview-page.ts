// The script that the preview's page runs before the window's: the same `window.electron` as under Electron, over the
// preview's loopback HTTP (desktop/preview/preview.ts). Printing and the clipboard are this page's own. There is no menu, so no
// command is ever heard: the window's keys are its own.

import { AppError } from '../shared/errors.ts';
import { requestParsers } from '../shared/window/ipc-requests.ts';
import { createWindowApi, toOutcome, type Events, type Outcome, type WindowCalls } from '../shared/window/ipc.ts';

type Listeners = { readonly [E in keyof Events]: Set<(value: Events[E]) => void> };

const listeners: Listeners = { status: new Set(), command: new Set() };

/** What the preview leaves to the page. */
const local: { readonly [channel: string]: ((request: unknown) => Promise<null>) | undefined } = {
  async 'app.print'(request) {
    requestParsers['app.print'](request);
    window.print();
    return null;
  },
  async 'app.copyText'(request) {
    const { text } = requestParsers['app.copyText'](request);
    await navigator.clipboard.writeText(text).catch((cause: unknown) => {
      throw new AppError('forbidden', 'The browser does not let this page copy. Click into the page and try again.', { cause });
    });
    return null;
  },
};

async function call(channel: keyof WindowCalls, request?: unknown): Promise<Outcome<unknown>> {
  const run = Object.hasOwn(local, channel) ? local[channel] : undefined;
  if (run) return toOutcome(() => run(request), reportError);
  const body = await toOutcome(async () => toJson(request), reportError);
  if (!body.ok) return body;
  const sent = await toOutcome(() => post(channel, body.value), reportError);
  if (!sent.ok) return sent;
  const { download, ...outcome } = sent.value;
  if (download !== undefined) save(download);
  return outcome;
}

function toJson(request: unknown): string {
  if (request === undefined) return '';
  try {
    return JSON.stringify(request) ?? '';
  } catch (cause) {
    throw new AppError('invalid_request', 'The request must be made of plain values.', { cause });
  }
}

async function post(channel: string, body: string): Promise<Outcome<unknown> & { download?: string }> {
  try {
    const response = await fetch(`/call/${channel}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (response.status === 403) throw new AppError('forbidden', await response.text());
    return await response.json() as Outcome<unknown> & { download?: string };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('unavailable', 'The preview has ended. Start it again and open its new link.', { cause });
  }
}

function save(path: string): void {
  const link = document.createElement('a');
  link.href = path;
  link.download = '';
  link.click();
}

function reportError(error: unknown): void {
  console.error(error);
}

function tell<E extends keyof Events>(event: E, value: Events[E]): void {
  for (const listener of listeners[event]) listener(value);
}

/**
 * Hears the status while the page is seen: a browser keeps few connections to one origin, and tabs in the background
 * would take them all. Coming back brings the status as it is.
 */
function followStatus(): void {
  let source: EventSource | null = null;
  const follow = (): void => {
    if (document.visibilityState === 'hidden') {
      source?.close();
      source = null;
    } else if (!source) {
      source = new EventSource('/events');
      source.addEventListener('status', ({ data }) => tell('status', JSON.parse(data as string) as Events['status']));
    }
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}

/** Only a page is told of the network coming and going; the preview passes it on, as Electron's preload does. */
function reportNetwork(): void {
  const report = (): void => {
    // A preview that has ended says so by every call.
    void fetch(`/network/${navigator.onLine ? 'online' : 'offline'}`, { method: 'POST' }).catch(() => undefined);
  };
  window.addEventListener('online', report);
  window.addEventListener('offline', report);
  report();
}

followStatus();
reportNetwork();
Object.defineProperty(window, 'electron', {
  value: createWindowApi({
    call,
    listen(event, listener) {
      listeners[event].add(listener);
      return () => void listeners[event].delete(listener);
    },
  }),
  enumerable: true,
});
