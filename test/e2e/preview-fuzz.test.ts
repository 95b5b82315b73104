// Hostile calls on each of the window's channels: a fifth through `window.electron` in a page, the rest as the HTTP requests
// that the page would send. Each must return an outcome with an expected error code, and the desktop must still work
// afterwards.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { isWindowChannel, type WindowApi, type WindowCalls } from '../../shared/window/ipc.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import { Random } from '../sync/random.ts';
import { seedsToTry } from '../sync/seeds.ts';
import { describeWindow, signIn, windowApi } from './harness.ts';
import { hostileRequest } from './hostile.ts';

const CALLS = 50;
/** Fewer, since a call from the browser takes four times as long as answering it. */
const CALLS_IN_PAGE = 10;
/** The browser's limit of connections per origin, less one for the event stream. */
const CONCURRENCY = 5;
/** Channels that would break the others, so they run last. */
const last = ['app.resetLocalData', 'sync.setAuthToken', 'auth.signOut'];

const channels = Object.keys(requestParsers).filter(isWindowChannel)
  .toSorted((one, other) => last.indexOf(one) - last.indexOf(other));

/** Inside the page. */
declare const window: { readonly electron: WindowApi };

/** The header that the page sends with its requests. */
async function authorizationOf(page: Page): Promise<string> {
  return `Bearer ${String(await page.evaluate('sessionStorage.getItem("invoify-preview")'))}`;
}

/** The outcomes of calls made in the page; the reason for a rejected one. */
async function callInPage(page: Page, channel: keyof WindowCalls, requests: readonly string[]): Promise<readonly unknown[]> {
  return page.evaluate(async ([name, bodies, concurrency, authorization]) => {
    const [group = '', call = ''] = name.split('.');
    const calls = (window.electron as unknown as Record<string, Record<string, (request: unknown) => Promise<unknown>>>)[group];
    // The functions of `sync` do not pass requests through, so their channels are called directly.
    const send = group === 'sync'
      ? async (body: string) => {
        const headers = { 'content-type': 'application/json', authorization };
        const answer = await fetch(`/call/${name}`, { method: 'POST', headers, body });
        return answer.json();
      }
      : async (body: string) => calls?.[call]?.(body === '' ? undefined : JSON.parse(body));
    const answers: unknown[] = [];
    const left = bodies.values();
    await Promise.all(Array.from({ length: concurrency }, async () => {
      for (const body of left) answers.push(await send(body).catch((error: unknown) => `rejected: ${String(error)}`));
    }));
    return answers;
  }, [channel, requests, CONCURRENCY, await authorizationOf(page)] as const);
}

/** The same calls over HTTP from the test, with the page's secret. */
async function callOutside(page: Page, channel: keyof WindowCalls, requests: readonly string[]): Promise<readonly unknown[]> {
  const { origin } = new URL(page.url());
  const headers = { 'content-type': 'application/json', origin, authorization: await authorizationOf(page) };
  const answers: unknown[] = [];
  const left = requests.values();
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    for (const body of left) answers.push(await (await fetch(`${origin}/call/${channel}`, { method: 'POST', headers, body })).json());
  }));
  return answers;
}

/** The error's code, 'value' for a success, or a description of anything that is not an outcome. */
function codeOf(answer: unknown): string {
  const { ok, error } = Object(answer) as { ok?: unknown; error?: { code?: unknown; message?: unknown } };
  if (ok === true && Object.hasOwn(Object(answer) as object, 'value')) return 'value';
  const isError = ok === false && typeof error?.code === 'string' && typeof error.message === 'string' && error.message !== '';
  return isError ? String(error.code) : `no outcome: ${JSON.stringify(answer)}`;
}

/** What the page answers itself. */
const ownCalls: readonly string[] = ['app.print', 'app.copyText', 'app.openEmail', 'app.openPhone', 'app.setUnsaved'];

describeWindow('hostile calls', { invoices: 60, customers: 10 }, (env) => {
  for (const seed of seedsToTry(1)) {
    test(`return an outcome, fifty on each channel (SYNC_SEED=${seed})`, async (t) => {
      const desktop = await env().openSynced(t, env().owner, { isBare: true });
      // A slow browser takes longer to print than until the next call.
      const page = await desktop.openPage(t, { allowedMessages: [/too frequent calls to print/] });
      for (const channel of channels) {
        const random = new Random(seed);
        const requests = Array.from({ length: CALLS }, () => hostileRequest(channel, random));
        const inPage = ownCalls.includes(channel) ? CALLS : CALLS_IN_PAGE;
        const answers = [
          ...await callInPage(page, channel, requests.slice(0, inPage)), ...await callOutside(page, channel, requests.slice(inPage)),
        ];
        const codes = Object.fromEntries(Object.entries(Object.groupBy(answers, codeOf)).map(([code, all]) => [code, all?.length ?? 0]));
        t.diagnostic(`${channel}: ${JSON.stringify(codes)}`);
        assert.equal(answers.length, CALLS, channel);
        const unwanted = Object.keys(codes).filter((code) => /^(internal|unavailable|cancelled|outcome_unknown)$| /.test(code));
        assert.deepEqual(unwanted, [], channel);
        assert((codes['invalid_request'] ?? 0) > CALLS / 4, `${channel} rejected only ${codes['invalid_request']}`);
      }
      assert.deepEqual(desktop.log.filter(({ event }) => event.includes('unexpected')), []);
      await signIn(page, env());
      const counts = await windowApi(page).data.counts();
      assert(counts.ok && counts.value['invoices'] === 60, 'the desktop still works');
    });
  }

  test('with values that JSON cannot represent return an outcome, too', async (t) => {
    const desktop = await env().openDesktop(t, { isBare: true });
    const page = await desktop.openPage(t);
    const answers = await page.evaluate(async () => {
      const cycle: Record<string, unknown> = { collection: 'invoices' };
      cycle['filters'] = cycle;
      const throwing = (): never => {
        throw new Error('thrown by a request');
      };
      const values: readonly unknown[] = [
        cycle, 1n, Symbol('x'), throwing, { toJSON: throwing }, { get collection() { return throwing(); } }, new Map([['a', 1]]),
        new Date(Number.NaN), new Proxy({}, { ownKeys: throwing }), new Proxy({}, { get: throwing }), { collection: 1n }, Number.NaN,
        [undefined], new Uint8Array(10), { then: throwing }, Object.create(null), new Error('an error'), globalThis,
        'x'.repeat(5_000_000),
      ];
      const { data, records, app, auth } = window.electron;
      const calls = [data.listPage, records.create, app.exportCsv, app.copyText, app.saveSettings, auth.testConnection];
      const found: unknown[] = [];
      for (const value of values) {
        for (const call of calls) {
          found.push(await (call as (request: unknown) => Promise<unknown>)(value).catch((error: unknown) => `rejected: ${String(error)}`));
        }
      }
      return found;
    });
    // An empty change of settings is valid.
    assert.deepEqual(new Set(answers.map(codeOf)), new Set(['value', 'invalid_request', 'payload_too_large']));
  });
});
