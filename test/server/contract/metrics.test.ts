// The wire contract: `GET /metrics` counts what the server does, names nobody, and is shown for its token only.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertError } from '../../client.ts';
import { firstOwner, hire, startServer, stores, type TestServer } from '../harness.ts';
import { plan } from '../samples.ts';
import { openEvents } from './event-stream.ts';

const METRICS_TOKEN = 'a-token-for-metrics-only';

for (const store of stores) {
  describe(`metrics, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(store, { METRICS_TOKEN });
    });
    after(() => server.stop());

    const scrape = async (): Promise<Map<string, number>> => {
      const response = await fetch(`${server.url}/metrics`, { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      return parse(await response.text());
    };

    test('are in the text format of Prometheus, each with its type and no series twice', async () => {
      const values = await scrape();
      for (const name of [
        'invoify_event_loop_delay_seconds{quantile="0.99"}', 'process_resident_memory_bytes', 'invoify_unsent_bytes',
        'invoify_store_errors_total', 'invoify_clock_wait_seconds_count', 'invoify_disk_free_bytes',
      ]) assert.ok((values.get(name) ?? -1) >= 0, name);
    });

    test('count requests, pulls, changes, sign-ins, waits for the clock and open streams', async () => {
      const before = await scrape();
      const { editor } = await hire(server.owner, 'first.test');
      for (let index = 0; index < 3; index += 1) await editor.create('plans', plan());
      const { changes } = await editor.pullAll('limit=2');
      assert.equal((await editor.send('HEAD', '/api/sync/pull')).status, 200);
      await editor.post('/api/plans', {});
      await server.client.post('/api/auth/login', { email: firstOwner, password: 'not the password' });
      await server.client.get('/nothing/here');
      const stream = await openEvents(server.url, editor.token);
      const after = await scrape();
      const grew = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
      assert.equal(grew('invoify_http_requests_total{route="/api/:collection",method="POST",status="201"}'), 5);
      assert.equal(grew('invoify_http_requests_total{route="/api/:collection",method="POST",status="400"}'), 1);
      assert.equal(grew('invoify_http_requests_total{route="none",method="GET",status="404"}'), 1);
      assert.equal(grew('invoify_http_request_duration_seconds_count{route="/api/:collection"}'), 6);
      assert.equal(grew('invoify_http_request_duration_seconds_bucket{route="/api/:collection",le="+Inf"}'), 6);
      assert.equal(grew('invoify_pulls_total'), 2);
      assert.equal(grew('invoify_changes_sent_total'), changes.length);
      assert.equal(grew('invoify_sign_ins_total{result="accepted"}'), 2);
      assert.equal(grew('invoify_sign_ins_total{result="refused"}'), 1);
      // Five creates, two sign-ins.
      assert.equal(grew('invoify_clock_wait_seconds_count'), 7);
      assert.equal(after.get('invoify_event_streams'), 1);
      stream.close();
    });

    test('say how many sessions are how far behind, and name nobody', async () => {
      await server.owner.pullAll();
      server.clock.ms += 5_000;
      await server.owner.create('plans', plan());
      // Saves what is known of the sessions, and forgets what was counted of them before.
      await server.restart();
      const values = await scrape();
      const sessions = values.get('invoify_sessions') ?? 0;
      assert.ok(sessions >= 1);
      assert.equal(Math.round(values.get('invoify_session_behind_seconds_max') ?? 0), 5);
      assert.equal(values.get('invoify_sessions_behind_at_most{seconds="10"}'),
        sessions - (values.get('invoify_sessions_never_synced') ?? 0));
      const text = [...values.keys()].join('\n');
      for (const secret of [server.owner.userId, firstOwner, '@', '127.0.0.1', METRICS_TOKEN]) assert.equal(text.includes(secret), false);
    });

    test('are refused without their token, and are not there if the server has none', async () => {
      for (const token of [null, 'another-token-of-metrics', String(server.owner.token), `${METRICS_TOKEN}x`]) {
        assertError(await server.client.as(token).get('/metrics'), 'unauthorized');
      }
      await server.restart({ METRICS_TOKEN: '' });
      assertError(await server.client.as(METRICS_TOKEN).get('/metrics'), 'not_found');
    });
  });
}

/** The samples by name and labels; asserts the form of every line. */
function parse(text: string): Map<string, number> {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  assert.ok(text.endsWith('\n'));
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? [];
    if (kind === 'TYPE') types.set(name, rest);
    if (kind !== undefined) continue;
    const [, series = '', family = '', value] = /^(([a-z_]+)(?:\{(?:[a-z]+="[^"\\\n]*",?)+\})?) (\S+)$/.exec(line) ?? [];
    const type = types.get(family) ?? types.get(family.replace(/_(bucket|sum|count)$/, ''));
    assert.match(type ?? '', /^(counter|gauge|histogram)$/, line);
    assert.ok(!values.has(series), `twice: ${line}`);
    assert.ok(Number.isFinite(Number(value)), line);
    values.set(series, Number(value));
  }
  return values;
}
