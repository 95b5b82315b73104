// A page that looks at a desktop, what a test asks of it through `window.electron`, and what it must not do: say
// anything to its console, fail unheard, or ask anything of another origin than its own.

import assert from 'node:assert/strict';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import type { WindowApi } from '../../shared/window/ipc.ts';
import type { Status, SyncState } from '../../shared/window/views.ts';
import type { SampleUser } from '../../demo/company.ts';
import type { Ending, Scene } from './harness.ts';

/** In the page. */
declare const window: { readonly electron: WindowApi };

export interface PageOptions {
  /** A BCP 47 tag; `en-GB` where absent. */
  readonly lang?: string;
  readonly isDark?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly hasReducedMotion?: boolean;
  readonly hasForcedColors?: boolean;
  /** What its console may say after all. */
  readonly mayHear?: readonly RegExp[];
}

/**
 * An empty page, closed when the test ends; then the test fails if it wrote a warning or an error, left one unhandled,
 * or asked for anything that is not of `origins`.
 */
export async function openPage(
  t: Ending, where: Browser | BrowserContext, origins: ReadonlySet<string>, options: PageOptions,
): Promise<Page> {
  const problems = new Set<string>();
  const isNew = 'newContext' in where;
  const context = isNew ? await where.newContext({
    locale: options.lang ?? 'en-GB',
    colorScheme: options.isDark === true ? 'dark' : 'light',
    reducedMotion: options.hasReducedMotion === true ? 'reduce' : 'no-preference',
    forcedColors: options.hasForcedColors === true ? 'active' : 'none',
    viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
  }) : where;
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.add(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.add(`unhandled: ${error.name}: ${error.message} ${error.stack ?? ''}`));
  const check = (url: string): void => {
    const { protocol, origin } = new URL(url);
    if (protocol !== 'data:' && !origins.has(origin)) problems.add(`a request to another origin: ${url}`);
  };
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
  page.on('crash', () => void problems.add('the page crashed'));
  t.after(async () => {
    await (isNew ? context.close() : page.close());
    const { mayHear = [] } = options;
    const unexpected = [...problems].filter((problem) => !mayHear.some((pattern) => pattern.test(problem)));
    assert.equal(unexpected.join('\n'), '', 'the page said nothing');
  });
  return page;
}

type Without<T, K extends PropertyKey> = { readonly [P in Exclude<keyof T, K>]: T[P] };

/** `window.electron` but for what calls back: a function cannot cross to the page. */
export interface RemoteApi {
  readonly sync: Without<WindowApi['sync'], 'onStatus'>;
  readonly auth: WindowApi['auth'];
  readonly data: WindowApi['data'];
  readonly records: WindowApi['records'];
  readonly app: Without<WindowApi['app'], 'onCommand'>;
}

/** The page's `window.electron`, called from here. */
export function windowApi(page: Page): RemoteApi {
  const group = (name: string) => new Proxy({}, {
    get: (_target, key) => (...words: readonly unknown[]) => page.evaluate(([ofGroup, ofCall, given]) => {
      const calls = window.electron as unknown as Record<string, Record<string, (...args: readonly unknown[]) => unknown>>;
      return calls[ofGroup]?.[ofCall]?.(...given);
    }, [name, String(key), words] as const),
  });
  const api = Object.fromEntries(['sync', 'auth', 'data', 'records', 'app'].map((name) => [name, group(name)]));
  return api as unknown as RemoteApi;
}

/** Signs in through `window.electron`, as the owner unless told otherwise; resolves when everything is here. */
export async function signIn(page: Page, scene: Scene, who: SampleUser = scene.owner): Promise<Status> {
  const outcome = await windowApi(page).auth.signIn({ server: scene.url, email: who.email, password: scene.password });
  assert(outcome.ok, `signing in failed: ${JSON.stringify(outcome)}`);
  return untilState(page, 'up_to_date');
}

/** The status, as soon as its state is one of these. */
export function untilState(page: Page, ...states: readonly SyncState[]): Promise<Status> {
  return page.evaluate((awaited) => new Promise<Status>((resolve) => {
    const check = (status: Status): void => {
      if (!awaited.includes(status.state)) return;
      stop();
      resolve(status);
    };
    const stop = window.electron.sync.onStatus(check);
    void window.electron.sync.getStatus().then(check);
  }), states);
}
