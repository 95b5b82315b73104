// Runs before the window's script in the preview: the same `window.electron` as under Electron, over the preview's loopback
// HTTP (desktop/preview/preview.ts). Handles printing, e-mail, the clipboard and unsaved input here. Without a menu there
// are no commands; the window handles its own shortcuts.
//
// The link's fragment has a key, which is exchanged for the secret that every request carries. The secret stays in this tab's
// session storage, so that the page can be reloaded; no page on another port can read it.

import { AppError } from '../shared/errors.ts';
import { requestParsers } from '../shared/window/ipc-requests.ts';
import { mailLink } from '../shared/window/mail.ts';
import { requirePhoneLink } from '../shared/window/phone.ts';
import { createWindowApi, toOutcome, type Events, type Outcome, type WindowCalls } from '../shared/window/ipc.ts';

type Listeners = { readonly [E in keyof Events]: Set<(value: Events[E]) => void> };

const listeners: Listeners = { status: new Set(), command: new Set() };

/** Where the tab keeps the secret. */
const STORED = 'invoify-preview';
const RECONNECT_MS = 1000;
const keyFragment = /^#key=([\w-]+)$/;

/** The secret; empty if there is none, and every request is then refused with an explanation. */
const secret: Promise<string> = enter();

async function enter(): Promise<string> {
  const key = keyFragment.exec(location.hash)?.[1];
  const known = sessionStorage.getItem(STORED) ?? '';
  if (key === undefined) return known;
  // The window keeps its own state in the fragment, and the address without the key can be bookmarked.
  history.replaceState(null, '', '/');
  const response = await fetch('/enter', { method: 'POST', body: key }).catch(() => null);
  if (!response?.ok) return known;
  const received = await response.text();
  sessionStorage.setItem(STORED, received);
  return received;
}

/** Another link that is opened in this tab only changes the fragment. */
window.addEventListener('hashchange', () => {
  if (keyFragment.test(location.hash)) location.reload();
});

async function send(path: string, options: RequestInit = {}): Promise<Response> {
  return fetch(path, { ...options, headers: { ...options.headers, authorization: `Bearer ${await secret}` } });
}

/** The calls that the page handles itself. */
const localCalls: { readonly [channel: string]: ((request: unknown) => Promise<null>) | undefined } = {
  async 'app.print'(request) {
    requestParsers['app.print'](request);
    window.print();
    return null;
  },
  'app.openEmail': async (request) => follow(mailLink(requestParsers['app.openEmail'](request))),
  'app.openPhone': async (request) => follow(requirePhoneLink(requestParsers['app.openPhone'](request).number)),
  async 'app.copyText'(request) {
    const { text } = requestParsers['app.copyText'](request);
    await navigator.clipboard.writeText(text).catch((cause: unknown) => {
      throw new AppError('forbidden', 'The browser does not let this page copy text. Click into the page and try again.', { cause });
    });
    return null;
  },
  async 'app.setUnsaved'(request) {
    const { isUnsaved } = requestParsers['app.setUnsaved'](request);
    if (isUnsaved) window.addEventListener('beforeunload', keepTab);
    else window.removeEventListener('beforeunload', keepTab);
    return null;
  },
};

/** The browser asks in its own words, once the page was used. */
function keepTab(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

async function call(channel: keyof WindowCalls, request?: unknown): Promise<Outcome<unknown>> {
  const run = Object.hasOwn(localCalls, channel) ? localCalls[channel] : undefined;
  if (run) return toOutcome(() => run(request), reportError);
  const body = await toOutcome(async () => toJson(request), reportError);
  if (!body.ok) return body;
  const sent = await toOutcome(() => post(channel, body.value), reportError);
  if (!sent.ok) return sent;
  const { download, ...outcome } = sent.value;
  if (download !== undefined) startDownload(download);
  return outcome;
}

function toJson(request: unknown): string {
  if (request === undefined) return '';
  try {
    return JSON.stringify(request) ?? '';
  } catch (cause) {
    throw new AppError('invalid_request', 'The request must consist of plain values.', { cause });
  }
}

async function post(channel: string, body: string): Promise<Outcome<unknown> & { download?: string }> {
  try {
    const response = await send(`/call/${channel}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (response.status === 403) throw new AppError('forbidden', await response.text());
    return await response.json() as Outcome<unknown> & { download?: string };
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('unavailable', 'The preview is not running. Start it again and open its new link.', { cause });
  }
}

/** Has another program open a link. */
function follow(href: string): null {
  const link = document.createElement('a');
  link.href = href;
  link.click();
  return null;
}

function startDownload(path: string): void {
  const link = document.createElement('a');
  link.href = path;
  link.download = '';
  link.click();
}

function reportError(error: unknown): void {
  console.error(error);
}

function emit<E extends keyof Events>(event: E, value: Events[E]): void {
  for (const listener of listeners[event]) listener(value);
}

/**
 * Listens for statuses while the page is visible: a browser allows few connections per origin, and background tabs would
 * use them up. A new connection begins with the current status. `EventSource` could not send the secret.
 */
function followStatus(): void {
  let following: AbortController | null = null;
  const update = (): void => {
    if (document.visibilityState === 'hidden') {
      following?.abort();
      following = null;
    } else if (!following) {
      following = new AbortController();
      void keepReading(following.signal);
    }
  };
  document.addEventListener('visibilitychange', update);
  update();
}

async function keepReading(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // If the preview is not running, every call reports it.
    await readStatuses(signal).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
  }
}

/** Resolves when the stream ends. A page that the preview does not let in shows why instead of the window. */
async function readStatuses(signal: AbortSignal): Promise<void> {
  const response = await send('/events', { signal });
  if (response.status === 403) {
    const body = document.createElement('body');
    body.textContent = await response.text();
    document.documentElement.replaceChildren(body);
  }
  if (!response.ok || !response.body) return;
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) emit('status', JSON.parse(line) as Events['status']);
  }
}

/** Only pages get these events; the preview forwards them to the desk, as Electron's preload does. */
function reportNetwork(): void {
  const report = (): void => {
    // If the preview is not running, every call reports it.
    void send(`/network/${navigator.onLine ? 'online' : 'offline'}`, { method: 'POST' }).catch(() => undefined);
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
