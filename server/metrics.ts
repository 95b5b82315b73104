// What `GET /metrics` shows: counters and gauges of this process in Prometheus' text format, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats).
//
// Invariants: labels take few values (a route's pattern, never a path; no user, session, address or account), so that neither
// people nor attackers can make the text long, and nobody is in it. Counting costs the same however much was counted.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

export interface RequestFacts {
  /** The route's pattern, or null if no route matched. */
  readonly route: string | null;
  readonly method: string;
  /** Null if the connection ended before there was one. */
  readonly status: number | null;
  /** From the head of the request to the end of the answer; null for an event stream. */
  readonly durationMs: number | null;
}

export interface Metrics {
  requestEnded(facts: RequestFacts): void;
  /** A page with this many changes was built. */
  pulled(changes: number): void;
  signIn(result: 'accepted' | 'refused' | 'throttled'): void;
  /** How long a write waited for the account's clock. */
  clockWaited(waitMs: number): void;
  storeFailed(): void;
  /** An event stream has begun; returns what to call at its end. */
  streamOpened(): () => void;
  /** The whole text. */
  render(gauges: Gauges): string;
  /** Stops observing the event loop. */
  close(): void;
}

/** What is read when the text is made. */
export interface Gauges {
  readonly unsentBytes: number;
  /** How far each session is behind, in milliseconds; null for one that has never pulled everything. Null if unknown. */
  readonly sessionLagsMs: readonly (number | null)[] | null;
  readonly diskFreeBytes: number | null;
}

type Labels = Readonly<Record<string, string>>;

const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS'];
const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const clockWaitBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30];
const lagBounds = [1, 10, 60, 600, 3600, 86_400, 604_800];

/** `observesLoop` is whether the delay of the event loop is measured, which wakes the process up again and again. */
export function createMetrics(observesLoop: boolean): Metrics {
  const requests = new Counter('invoify_http_requests_total', 'Requests that were answered.');
  const durations = new Histogram(
    'invoify_http_request_duration_seconds', 'Time from a request\'s head to the end of its answer.', durationBounds,
  );
  const pulls = new Counter('invoify_pulls_total', 'Pages of the change feed that were sent.');
  const changes = new Counter('invoify_changes_sent_total', 'Changes on these pages.');
  const signIns = new Counter('invoify_sign_ins_total', 'Attempts to sign in, by result.');
  const clockWaits = new Histogram('invoify_clock_wait_seconds', 'How long a write waited for the account\'s clock.', clockWaitBounds);
  const storeErrors = new Counter('invoify_store_errors_total', 'Requests that failed because of the database.');
  let streams = 0;
  const loopDelay = monitorEventLoopDelay({ resolution: 10 });
  if (observesLoop) loopDelay.enable();
  for (const counter of [pulls, changes, storeErrors]) counter.add({}, 0);
  for (const result of ['accepted', 'refused', 'throttled']) signIns.add({ result }, 0);

  return {
    requestEnded({ route, method, status, durationMs }) {
      const labels = { route: route ?? 'none', method: methods.includes(method) ? method : 'other' };
      requests.add({ ...labels, status: String(status ?? 'aborted') });
      if (durationMs !== null) durations.observe({ route: labels.route }, durationMs / 1000);
    },
    pulled(count) {
      pulls.add({});
      changes.add({}, count);
    },
    signIn: (result) => signIns.add({ result }),
    clockWaited: (waitMs) => clockWaits.observe({}, waitMs / 1000),
    storeFailed: () => storeErrors.add({}),
    streamOpened() {
      streams += 1;
      return () => { streams -= 1; };
    },
    render({ unsentBytes, sessionLagsMs, diskFreeBytes }) {
      const { rss, heapUsed, external } = process.memoryUsage();
      const cpu = process.cpuUsage();
      const lines = [requests, durations, pulls, changes, signIns, clockWaits, storeErrors].flatMap((metric) => metric.lines());
      lines.push(...gauge('invoify_event_streams', 'Event streams that are open.', streams));
      lines.push(...gauge('invoify_unsent_bytes', 'Bodies and answers that wait in memory.', unsentBytes));
      lines.push(...sessionLines(sessionLagsMs));
      if (diskFreeBytes !== null) lines.push(...gauge('invoify_disk_free_bytes', 'Free space where the database is.', diskFreeBytes));
      lines.push(...loopDelayLines(loopDelay));
      loopDelay.reset();
      lines.push(...gauge('process_resident_memory_bytes', 'Memory of this process.', rss));
      lines.push(...gauge('nodejs_heap_used_bytes', 'JavaScript objects.', heapUsed));
      lines.push(...gauge('nodejs_external_memory_bytes', 'Memory of objects outside the heap.', external));
      lines.push(...gauge('process_start_time_seconds', 'When this process started, since 1970.', performance.timeOrigin / 1000));
      lines.push(...header('process_cpu_seconds_total', 'CPU time of this process.', 'counter'));
      lines.push(line('process_cpu_seconds_total', {}, (cpu.user + cpu.system) / 1e6));
      return `${lines.join('\n')}\n`;
    },
    close: () => loopDelay.disable(),
  };
}

class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(labels: Labels, by = 1): void {
    const key = Object.values(labels).join(' ');
    const entry = this.#values.get(key) ?? { labels, value: 0 };
    entry.value += by;
    this.#values.set(key, entry);
  }

  lines(): string[] {
    const samples = [...this.#values.values()].map(({ labels, value }) => line(this.#name, labels, value));
    return [...header(this.#name, this.#help, 'counter'), ...samples];
  }
}

class Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number }>();

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = Object.values(labels).join(' ');
    const series = this.#series.get(key) ?? { labels, counts: [...this.#bounds, Infinity].map(() => 0), sum: 0 };
    const index = this.#bounds.findIndex((bound) => value <= bound);
    const bucket = index < 0 ? this.#bounds.length : index;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
    this.#series.set(key, series);
  }

  lines(): string[] {
    return [...header(this.#name, this.#help, 'histogram'), ...[...this.#series.values()].flatMap(({ labels, counts, sum }) => {
      let cumulative = 0;
      const buckets = counts.map((count, index) => {
        cumulative += count;
        return line(`${this.#name}_bucket`, { ...labels, le: toText(this.#bounds[index] ?? Infinity) }, cumulative);
      });
      return [...buckets, line(`${this.#name}_sum`, labels, sum), line(`${this.#name}_count`, labels, cumulative)];
    })];
  }
}

/** Gauges, not a histogram: a session is counted as it is now, in each bound that it is within. */
function sessionLines(lagsMs: readonly (number | null)[] | null): string[] {
  if (lagsMs === null) return [];
  const known = lagsMs.filter((lagMs) => lagMs !== null);
  const name = 'invoify_sessions_behind_at_most';
  return [
    ...gauge('invoify_sessions', 'Sessions that have not ended.', lagsMs.length),
    ...gauge('invoify_sessions_never_synced', 'Sessions that have not pulled everything once.', lagsMs.length - known.length),
    ...gauge('invoify_session_behind_seconds_max', 'Age of the oldest cursor, against its account\'s clock.', Math.max(0, ...known) / 1000),
    ...header(name, 'Sessions by how far their cursor is behind the account\'s clock.', 'gauge'),
    ...lagBounds.map((bound) => line(name, { seconds: String(bound) }, known.filter((lagMs) => lagMs <= bound * 1000).length)),
  ];
}

/** Since the text was last asked for. */
function loopDelayLines(delay: ReturnType<typeof monitorEventLoopDelay>): string[] {
  const name = 'invoify_event_loop_delay_seconds';
  const quantiles = [['0.5', delay.percentile(50)], ['0.99', delay.percentile(99)], ['1', delay.max]] as const;
  // Without a sample the percentiles are 0 and the extremes meaningless.
  const seconds = (nanoseconds: number): number => delay.count === 0 ? 0 : nanoseconds / 1e9;
  return [
    ...header(name, 'How late the event loop came to its timers since the last scrape.', 'gauge'),
    ...quantiles.map(([quantile, nanoseconds]) => line(name, { quantile }, seconds(nanoseconds))),
  ];
}

function gauge(name: string, help: string, value: number): string[] {
  return [...header(name, help, 'gauge'), line(name, {}, value)];
}

function header(name: string, help: string, type: 'counter' | 'gauge' | 'histogram'): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** Label values come from this program and have nothing to escape. */
function line(name: string, labels: Labels, value: number): string {
  const text = Object.entries(labels).map(([label, text]) => `${label}="${text}"`).join(',');
  return `${name}${text === '' ? '' : `{${text}}`} ${toText(value)}`;
}

function toText(value: number): string {
  return value === Infinity ? '+Inf' : String(value);
}
