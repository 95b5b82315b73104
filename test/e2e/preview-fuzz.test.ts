// A thousand hostile calls on each of the window's channels, the first two hundred of them by `window.electron` in a page
// and the others as that page would send them: each is answered with an outcome, none is an error that is not ours, and
// the desk works afterwards as before.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Page } from 'playwright-core';

import { isWindowChannel, type WindowApi, type WindowCalls } from '../../shared/window/ipc.ts';
import { requestParsers } from '../../shared/window/ipc-requests.ts';
import { Random } from '../sync/random.ts';
import { seedsToTry } from '../sync/seeds.ts';
import { describeWindow, signIn, windowApi } from './harness.ts';
import { hostileRequest } from './hostile.ts';

const CALLS = 1000;
/** A browser takes four times as long for a call as it takes to answer it. */
const CALLS_IN_PAGE = 200;
/** As many as a browser has under way to one origin besides the stream of events. */
const AT_ONCE = 5;
/** Those that end what the others need. */
const last = ['app.resetLocalData', 'sync.setAuthToken', 'auth.signOut'];

const channels = Object.keys(requestParsers).filter(isWindowChannel)
  .toSorted((one, other) => last.indexOf(one) - last.indexOf(other));

/** In the page. */
declare const window: { readonly electron: WindowApi };

/** The outcomes of the channel's calls in the page; for one that was rejected, why. */
function callInPage(page: Page, channel: keyof WindowCalls, requests: readonly string[]): Promise<readonly unknown[]> {
  return page.evaluate(async ([name, bodies, atOnce]) => {
    const [group = '', call = ''] = name.split('.');
    const calls = (window.electron as unknown as Record<string, Record<string, (request: unknown) => Promise<unknown>>>)[group];
    // The functions of the sync take no request as it is: their channels are called below them.
    const send = group === 'sync'
      ? async (body: string) => {
        const answer = await fetch(`/call/${name}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        return answer.json();
      }
      : async (body: string) => calls?.[call]?.(body === '' ? undefined : JSON.parse(body));
    const answers: unknown[] = [];
    const left = bodies.values();
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (const body of left) answers.push(await send(body).catch((error: unknown) => `rejected: ${String(error)}`));
    }));
    return answers;
  }, [channel, requests, AT_ONCE] as const);
}

/** The same without the page, with its cookie. */
async function callOutside(page: Page, channel: keyof WindowCalls, requests: readonly string[]): Promise<readonly unknown[]> {
  const { origin } = new URL(page.url());
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const headers = { 'content-type': 'application/json', origin, cookie };
  const answers: unknown[] = [];
  const left = requests.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const body of left) answers.push(await (await fetch(`${origin}/call/${channel}`, { method: 'POST', headers, body })).json());
  }));
  return answers;
}

/** An error's code, `value` for a value, and otherwise what came instead of an outcome. */
function codeOf(answer: unknown): string {
  const { ok, error } = Object(answer) as { ok?: unknown; error?: { code?: unknown; message?: unknown } };
  if (ok === true && Object.hasOwn(Object(answer) as object, 'value')) return 'value';
  const isError = ok === false && typeof error?.code === 'string' && typeof error.message === 'string' && error.message !== '';
  return isError ? String(error.code) : `no outcome: ${JSON.stringify(answer)}`;
}

describeWindow('hostile calls', { invoices: 60, customers: 10 }, (scene) => {
  for (const seed of seedsToTry(1)) {
    test(`of every kind are answered, a thousand on each channel (SYNC_SEED=${seed})`, async (t) => {
      const desktop = await scene().openDesktop(t, { isBare: true });
      const page = await desktop.openPage(t);
      await signIn(page, scene());
      for (const channel of channels) {
        const random = new Random(seed);
        const requests = Array.from({ length: CALLS }, () => hostileRequest(channel, random));
        const inPage = ['app.print', 'app.copyText'].includes(channel) ? CALLS : CALLS_IN_PAGE;
        const answers = [
          ...await callInPage(page, channel, requests.slice(0, inPage)), ...await callOutside(page, channel, requests.slice(inPage)),
        ];
        const codes = Object.fromEntries(Object.entries(Object.groupBy(answers, codeOf)).map(([code, all]) => [code, all?.length ?? 0]));
        t.diagnostic(`${channel}: ${JSON.stringify(codes)}`);
        assert.equal(answers.length, CALLS, channel);
        const unwanted = Object.keys(codes).filter((code) => /^(internal|unavailable|cancelled|outcome_unknown)$| /.test(code));
        assert.deepEqual(unwanted, [], channel);
        assert((codes['invalid_request'] ?? 0) > CALLS / 4, `${channel} refused only ${codes['invalid_request']}`);
      }
      assert.deepEqual(desktop.log.filter(({ event }) => event.includes('unexpected')), []);
      await signIn(page, scene());
      const counts = await windowApi(page).data.counts();
      assert(counts.ok && counts.value['invoices'] === 60, 'the desk works as before');
    });
  }

  test('of values that only a page has are answered, too', async (t) => {
    const desktop = await scene().openDesktop(t, { isBare: true });
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
    // A change of no setting is one that can be made.
    assert.deepEqual(new Set(answers.map(codeOf)), new Set(['value', 'invalid_request', 'payload_too_large']));
  });
});
