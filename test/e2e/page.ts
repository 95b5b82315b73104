// A page on a desktop, with access to its `window.electron`. Fails the test on console errors and warnings, unhandled
// errors, and requests to foreign origins.

import assert from 'node:assert/strict';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import type { WindowApi } from '../../shared/window/ipc.ts';
import type { Status, SyncState } from '../../shared/window/views.ts';
import type { SampleUser } from '../../demo/company.ts';

/** Inside the page. */
declare const window: { readonly electron: WindowApi };

/** Runs cleanup when it ends: a test, or a script. */
export interface CleanupScope {
  after(run: () => void | Promise<void>): void;
}

/** The server that a page signs in to. */
interface SignInTarget {
  readonly url: string;
  readonly owner: SampleUser;
  readonly password: string;
}

export interface PageOptions {
  /** A BCP 47 tag; default `en-GB`. */
  readonly lang?: string;
  readonly isDark?: boolean;
  readonly width?: number;
  readonly height?: number;
  readonly hasReducedMotion?: boolean;
  readonly hasForcedColors?: boolean;
  /** Console messages that do not fail the test. */
  readonly allowedMessages?: readonly RegExp[];
}

/** Of each browser, by language: its pages share a process that has the window's code compiled already. */
const contexts = new WeakMap<Browser, Map<string, Promise<BrowserContext>>>();

/** Opens an empty page in the browser's context for that language. The caller closes it. */
export async function newPage(browser: Browser, lang = 'en-GB'): Promise<Page> {
  const ofBrowser = contexts.get(browser) ?? new Map<string, Promise<BrowserContext>>();
  contexts.set(browser, ofBrowser);
  const context = ofBrowser.get(lang) ?? browser.newContext({ locale: lang });
  ofBrowser.set(lang, context);
  return (await context).newPage();
}

/**
 * Opens an empty page and closes it when the test ends. The test then fails if the page logged a warning or an error, left
 * an error unhandled, or sent a request to an origin outside `origins`.
 */
export async function openPage(t: CleanupScope, browser: Browser, origins: ReadonlySet<string>, options: PageOptions): Promise<Page> {
  const page = await newPage(browser, options.lang);
  const problems = watch(page, origins);
  t.after(async () => {
    await page.close();
    assertQuiet(problems, options);
  });
  await page.setViewportSize({ width: options.width ?? 1280, height: options.height ?? 800 });
  await page.emulateMedia({
    colorScheme: options.isDark === true ? 'dark' : 'light',
    reducedMotion: options.hasReducedMotion === true ? 'reduce' : 'no-preference',
    forcedColors: options.hasForcedColors === true ? 'active' : 'none',
  });
  return page;
}

/** Collects what the page reports, until it is closed. */
export function watch(page: Page, origins: ReadonlySet<string>): Set<string> {
  const problems = new Set<string>();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.add(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.add(`unhandled: ${error.name}: ${error.message} ${error.stack ?? ''}`));
  const check = (url: string): void => {
    const { protocol, origin } = new URL(url);
    if (protocol !== 'data:' && !origins.has(origin)) problems.add(`request to a foreign origin: ${url}`);
  };
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
  page.on('crash', () => void problems.add('the page crashed'));
  return problems;
}

export function assertQuiet(problems: ReadonlySet<string>, { allowedMessages = [] }: Pick<PageOptions, 'allowedMessages'>): void {
  const unexpected = [...problems].filter((problem) => !allowedMessages.some((pattern) => pattern.test(problem)));
  assert.equal(unexpected.join('\n'), '', 'the page reported nothing');
}

type Without<T, K extends PropertyKey> = { readonly [P in Exclude<keyof T, K>]: T[P] };

/** `window.electron` without the calls that take a callback, since functions cannot be passed into the page. */
export interface RemoteApi {
  readonly sync: Without<WindowApi['sync'], 'onStatus'>;
  readonly auth: WindowApi['auth'];
  readonly data: WindowApi['data'];
  readonly records: WindowApi['records'];
  readonly app: Without<WindowApi['app'], 'onCommand'>;
}

/** Calls the page's `window.electron` from the test. */
export function windowApi(page: Page): RemoteApi {
  const group = (name: string) => new Proxy({}, {
    get: (_target, key) => (...args: readonly unknown[]) => page.evaluate(([groupName, callName, callArgs]) => {
      const calls = window.electron as unknown as Record<string, Record<string, (...params: readonly unknown[]) => unknown>>;
      return calls[groupName]?.[callName]?.(...callArgs);
    }, [name, String(key), args] as const),
  });
  const api = Object.fromEntries(['sync', 'auth', 'data', 'records', 'app'].map((name) => [name, group(name)]));
  return api as unknown as RemoteApi;
}

/** Signs in through `window.electron`, by default as the owner, and waits until the cache is up to date. */
export async function signIn(page: Page, env: SignInTarget, who: SampleUser = env.owner): Promise<Status> {
  const outcome = await windowApi(page).auth.signIn({ server: env.url, email: who.email, password: env.password });
  assert(outcome.ok, `signing in failed: ${JSON.stringify(outcome)}`);
  return waitForState(page, 'up_to_date');
}

/** Waits until the sync is in one of these states, and returns the status. */
export function waitForState(page: Page, ...states: readonly SyncState[]): Promise<Status> {
  return page.evaluate((awaited) => new Promise<Status>((resolve, reject) => {
    const check = (status: Status): void => {
      if (!awaited.includes(status.state)) return;
      stop();
      resolve(status);
    };
    const stop = window.electron.sync.onStatus(check);
    // A status event may resolve this first, and the call then fail because the test goes on and stops the preview.
    window.electron.sync.getStatus().then(check).catch(reject);
  }), states);
}
