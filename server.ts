// The Invoify server: the authority for a company's invoices, which its desktops pull from and write to.
//
// Read it from top to bottom: the routes, how a request is dispatched, start(config), and what `node server.ts` does.
// Sign-in is in server/auth.ts, pull in server/pull.ts, writes in server/records.ts. The database is behind
// server/store.ts: MongoDB if MONGODB_URL is set, otherwise a file in DATA_DIR. Any number of processes may serve one
// MongoDB: no process keeps anything in memory that another would need.

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { createFirstOwner, hasUsers, noUsersHint } from './server/admin.ts';
import { createAdmission, type Admission, type Visit } from './server/admission.ts';
import { auditPage } from './server/audit.ts';
import { createAuth, type Auth, type AuthOptions, type Caller, type Origin } from './server/auth.ts';
import { runCommand } from './server/commands.ts';
import { ConfigError, readConfig, type Config } from './server/config.ts';
import { followConnections, httpOptions, listen, type Connections } from './server/connections.ts';
import { requireDatabase, runBackup } from './server/embedded/backup.ts';
import { openEmbeddedStore } from './server/embedded/store.ts';
import { hasSessions, loadOrCreateSecret, protectFiles } from './server/files.ts';
import {
  errorReply, holdReply, readBearer, readIdempotencyKey, readIfMatch, readJson, readTarget, requestIdOf, requireHost,
  requireProtocol, sendEvents, sendReply, type BodyOptions, type EventsReply, type Reply,
} from './server/http.ts';
import { createFailureLog, createLog, createOutput, holdBack, type Log } from './server/log.ts';
import { createMonitor, type Monitor, type WatchedRequest } from './server/monitor.ts';
import { createNudges, type Nudges } from './server/nudges.ts';
import { peerOf } from './server/peer.ts';
import { startPruning } from './server/pruning.ts';
import { parsePullQuery, pullPage } from './server/pull.ts';
import { pullStream, sendPieces, type StreamReply } from './server/pull-stream.ts';
import { createReadiness, type Readiness } from './server/readiness.ts';
import {
  actOnRecord, createRecord, deleteRecord, readRecord, requireAction, requireCollection, updateRecord,
  type RecordsDeps, type Target,
} from './server/records.ts';
import type { Store } from './server/store.ts';
import { keepCertificates, strictTransport, tlsOptions } from './server/tls.ts';
import type { Instant } from './shared/clock.ts';
import { AppError } from './shared/errors.ts';
import { keepHeapSmall } from './shared/heap.ts';
import { maxSignInBytes, protocolVersion } from './shared/protocol.ts';

// ---------------------------------------------------------------------------------------------------- the routes

interface Server {
  readonly store: Store;
  readonly auth: Auth;
  readonly records: RecordsDeps;
  readonly nudges: Nudges;
  readonly config: Config;
  readonly log: Log;
  readonly logFailure: ReturnType<typeof createFailureLog>;
  readonly connections: Connections;
  readonly admission: Admission;
  readonly monitor: Monitor;
  readonly readiness: Readiness;
  readonly isClosing: () => boolean;
}

interface Call {
  readonly server: Server;
  readonly request: IncomingMessage;
  readonly query: ReadonlyMap<string, string>;
  /** The segments of the path by the `:name` of the route. */
  readonly path: Readonly<Record<string, string>>;
  readonly from: Origin;
  readonly visit: Visit;
  /** The JSON body; throws like `readJson`. */
  readonly body: (options?: BodyOptions) => Promise<unknown>;
  /** The signed-in caller; throws `unauthorized`. */
  readonly caller: () => Promise<Caller>;
}

type Answer = Reply | StreamReply | EventsReply;
type Handler = (call: Call) => Promise<Answer>;
type Methods = Readonly<Record<string, Handler>>;

/** The first matching path wins. */
const routes: readonly (readonly [path: string, methods: Methods])[] = [
  ['/api/health', { GET: async () => ok({ status: 'ok' }) }],
  ['/api/ready', { GET: ({ server }) => server.readiness.reply() }],
  ['/metrics', { GET: metrics }],
  ['/api/meta', { GET: async () => ({ status: 200, body: { name: 'invoify', version, protocol: protocolVersion } }) }],

  ['/api/auth/login', { POST: login }],
  ['/api/auth/refresh', { POST: async ({ server, request, from }) => ok(await server.auth.refresh(request, from)) }],
  ['/api/auth/logout', { POST: logout }],
  ['/api/auth/me', { GET: async ({ caller }) => ok({ user: (await caller()).user }) }],
  ['/api/auth/password', { POST: changePassword }],
  ['/api/auth/sessions', { GET: listSessions }],
  ['/api/auth/sessions/:session', { DELETE: endSession }],

  ['/api/sync/pull', { GET: pull }],
  ['/api/sync/events', { GET: async ({ server, request, caller }) => server.nudges.open(request, await caller()) }],

  ['/api/audit', { GET: async ({ server, query, caller }) => auditPage(server.store, await caller(), query) }],

  ['/api/:collection', { POST: create }],
  ['/api/:collection/:id', { GET: read, PATCH: update, DELETE: remove }],
  ['/api/:collection/:id/:action', { POST: act }],
  ['/api/:collection/:id/:action/:entry', { DELETE: act }],
];

function metrics({ server: { monitor, admission, readiness }, request, from }: Call): Promise<Reply> {
  return monitor.metricsPage(request, from, { unsentBytes: admission.heldBytes(), readFreeBytes: () => readiness.freeBytes() });
}

/** A browser's `fetch` of a string names its type as text/plain unless told otherwise, and other clients name none. */
async function login({ server, request, from, body }: Call): Promise<Reply> {
  const given = await body({ otherTypes: ['text/plain', ''], maxBytes: maxSignInBytes });
  try {
    return ok(await server.auth.login(given, from, readBearer(request), () => request.socket.destroyed));
  } catch (error) {
    server.monitor.signInFailed(from, given, error);
    throw error;
  }
}

async function logout({ server, caller }: Call): Promise<Reply> {
  const signedIn = await caller();
  await server.auth.logout(signedIn);
  server.nudges.endSession(signedIn.session.sessionId);
  return ok({});
}

async function changePassword({ server, caller, body }: Call): Promise<Reply> {
  await server.auth.changePassword(await caller(), await body());
  return ok({});
}

async function listSessions({ server, query, caller }: Call): Promise<Reply> {
  return ok({ sessions: await server.auth.listSessions(await caller(), query.get('all') === '1') });
}

async function endSession({ server, path, caller }: Call): Promise<Reply> {
  const sessionId = path['session'] ?? '';
  await server.auth.endSession(await caller(), sessionId);
  server.nudges.endSession(sessionId);
  return ok({});
}

async function pull({ server, request, query, from, caller, visit }: Call): Promise<Reply | StreamReply> {
  const { store, auth, monitor } = server;
  const signedIn = await caller();
  const parsed = parsePullQuery(query, request.headers.accept ?? '');
  await visit.startPull(signedIn.session.sessionId);
  const onSent = (count: number, end: Instant | null): void => {
    monitor.pulled(count);
    if (end !== null) auth.noteSynced(signedIn, end);
  };
  if (parsed.isStream) return pullStream({ store, identify: () => auth.identify(request, from), visit, onSent }, signedIn, parsed);
  const { chunks, count, end, noted } = await pullPage(store, signedIn, parsed, (sizeBytes) => visit.holdAnswer(sizeBytes));
  return { status: 200, headers: { Vary: 'Accept, Accept-Encoding' }, body: chunks, sentAfter: noted, onSent: () => onSent(count, end) };
}

async function targetOf({ path, caller }: Call): Promise<Target> {
  const collection = requireCollection(path['collection'] ?? '');
  return { caller: await caller(), collection };
}

async function create(call: Call): Promise<Reply> {
  return createRecord(call.server.records, await targetOf(call), await call.body(), readIdempotencyKey(call.request));
}

async function read(call: Call): Promise<Reply> {
  return readRecord(call.server.records, await targetOf(call), call.path['id'] ?? '');
}

async function update(call: Call): Promise<Reply> {
  const { server, request, path, body } = call;
  const target = await targetOf(call);
  const key = readIdempotencyKey(request);
  return updateRecord(server.records, target, path['id'] ?? '', readIfMatch(request), await body(), key);
}

async function remove(call: Call): Promise<Reply> {
  const { server, request, path } = call;
  const target = await targetOf(call);
  return deleteRecord(server.records, target, path['id'] ?? '', readIfMatch(request), readIdempotencyKey(request));
}

async function act(call: Call): Promise<Reply> {
  const { server, request, path: { id = '', action = '', entry }, body } = call;
  const target = await targetOf(call);
  const key = readIdempotencyKey(request);
  const ifMatch = readIfMatch(request);
  return actOnRecord(server.records, target, id, actionName(action, entry), ifMatch, entry === undefined ? await body() : { entry }, key);
}

/** An action on an entry of a record's list goes by the list's name. */
function actionName(action: string, entry: string | undefined): string {
  return entry === undefined ? action : `${action}/:entry`;
}

function ok(body: object): Reply {
  return { status: 200, body: { success: true, ...body } };
}

// ------------------------------------------------------------------------------------------------------ dispatch

async function dispatch(
  server: Server, request: IncomingMessage, broken: AbortSignal, from: Origin, visit: Visit, watched: WatchedRequest,
): Promise<Answer> {
  requireHost(request);
  broken.throwIfAborted();
  const target = readTarget(request);
  const { pattern, methods, path } = findRoute(target.path, server.config);
  watched.route = pattern;
  // Unknown collections and actions are 404 for every method.
  const collection = path['collection'] === undefined ? null : requireCollection(path['collection']);
  if (collection && path['action'] !== undefined) requireAction(collection, actionName(path['action'], path['entry']));
  const method = request.method === 'HEAD' ? 'GET' : request.method ?? '';
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!handler) {
    const allow = Object.keys(methods).flatMap((name) => name === 'GET' ? ['GET', 'HEAD'] : [name]);
    throw new AppError('method_not_allowed', `This address takes ${allow.join(', ')}, not ${method}.`, { allow });
  }
  requireProtocol(request);
  const caller = async (): Promise<Caller> => {
    const signedIn = await server.auth.identify(request, from);
    visit.countFor(signedIn.user.id);
    watched.caller = signedIn;
    return signedIn;
  };
  const body = (options?: BodyOptions): Promise<unknown> => readJson(request, broken, visit, options);
  return handler({ server, request, query: target.query, path, from, visit, body, caller });
}

function findRoute(pathname: string, { metricsToken }: Config): { pattern: string; methods: Methods; path: Record<string, string> } {
  const segments = pathname.split('/');
  for (const [pattern, methods] of routes) {
    const names = pattern.split('/');
    if (names.length !== segments.length || (pattern === '/metrics' && metricsToken === null)) continue;
    if (!names.every((name, index) => name.startsWith(':') || name === segments[index])) continue;
    const path = names.flatMap((name, index) => name.startsWith(':') ? [[name.slice(1), segments[index] ?? '']] : []);
    return { pattern, methods, path: Object.fromEntries(path) };
  }
  throw nothingHere();
}

function nothingHere(): AppError {
  return new AppError('not_found', 'There is nothing at this address.');
}

// ------------------------------------------------------------------------------------------------- start and stop

export interface Running {
  readonly url: string;
  /**
   * Waits for requests in flight, then closes the database; takes at most 9 seconds, whatever clients and database do. What the
   * database has not confirmed after `DATABASE_GRACE_MS` is answered `unavailable`.
   */
  close(): Promise<void>;
  /** Takes renewed certificates for new connections, as `SIGHUP` asks for. Without TLS it does nothing. */
  reloadCertificates(): void;
}

export interface StartDeps extends Pick<AuthOptions, 'passwordCost'> {
  /** Milliseconds since 1970, with fractions if the clock has them. */
  readonly nowMs: () => number;
  /** Milliseconds since an arbitrary start; never adjusted. */
  readonly monotonicMs: () => number;
  /** True where a test moves the clock: it is not checked then. */
  readonly trustsClock: boolean;
  readonly write: (line: string) => void;
}

const systemDeps: StartDeps = {
  nowMs: Date.now,
  monotonicMs: () => performance.now(),
  trustsClock: false,
  write: createOutput(process.stdout),
};

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as { version: string };
/** How long a shutdown waits: for the database, then for answers to be sent, then for the database to be closed, and in total. */
const DATABASE_GRACE_MS = 5000;
const GRACE_MS = 8000;
const CLOSE_MS = 1000;
const STOP_MS = 9500;

/** Starts serving. Rejects with `ConfigError` or `unavailable` and a message that names the fix; nothing is left open then. */
export async function start(config: Config, deps: StartDeps = systemDeps): Promise<Running> {
  const { log, release } = holdBack(createLog(config.logLevel, deps.write, deps.nowMs));
  protectFiles(config, log);
  const monitor = createMonitor({ ...deps, log, store: () => store, metricsToken: config.metricsToken });
  const store: Store = await openStore(config, deps, log, monitor).catch((error: unknown) => {
    monitor.close();
    throw error;
  });
  try {
    return await serve(config, deps, log, store, monitor, release);
  } catch (error) {
    monitor.close();
    await store.close();
    throw error;
  }
}

async function serve(
  config: Config, deps: StartDeps, log: Log, store: Store, monitor: Monitor, onListening: () => void,
): Promise<Running> {
  const secrets = config.jwtSecrets.length > 0 ? config.jwtSecrets
    : [await loadOrCreateSecret(config.dataDir, () => hasSessions(store), log)];
  const auth = createAuth(store, { ...deps, ...config, secrets, onTokenRefused: monitor.tokenRefused }, deps.nowMs, log);
  const admission = createAdmission({
    monotonicMs: deps.monotonicMs,
    // Behind a proxy nobody else connects.
    isProxy: (address) => config.trustProxy?.trusts(address) ?? false,
  });
  const records = { store, rules: { passwords: auth.passwords }, nowMs: deps.nowMs, admission };
  const nudges = createNudges(store, auth, log);
  const createdFirst = config.admin !== null && await createFirstOwner(store, auth.passwords, config.admin.email, config.admin.password);

  const watching = config.watches ? await (await import('./server/mongo/watch.ts')).startWatch({ config, store, log }) : null;
  const readiness = createReadiness({ ...deps, store, log, watching });
  const logFailure = createFailureLog(log, deps.nowMs);
  let isClosing = false;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => void respond({
    store, auth, records, nudges, config, log, logFailure, connections, admission, monitor, readiness, isClosing: () => isClosing,
  }, request, response);
  const http = config.tls
    ? createTlsServer({ ...tlsOptions(config.tls), ...httpOptions }, onRequest) : createServer(httpOptions, onRequest);
  const connections = followConnections(http);
  http.on('connection', (socket) => admission.connect(socket));
  http.on('checkExpectation', onRequest);
  await listen(http, config).catch((error: unknown) => Promise.resolve(watching?.close()).then(() => { throw error; }));
  http.on('error', (error) => log('error', 'listener failed', { error }));
  const { port } = http.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const url = `${config.tls ? 'https' : 'http'}://${host}:${port}`;
  deps.write(`${JSON.stringify({ event: 'listening', url, store: store.kind, version })}\n`);
  onListening();
  if (createdFirst) log('info', 'first account created', { email: config.admin?.email });
  else if (!await hasUsers(store)) log('warn', noUsersHint);
  const stopPruning = startPruning({ ...config, store, nowMs: deps.nowMs, log });
  return {
    url,
    reloadCertificates: http instanceof TlsServer && config.tls ? keepCertificates(http, config.tls, { ...deps, log }) : () => {},
    async close() {
      isClosing = true;
      nudges.close();
      await watching?.close();
      stopPruning();
      readiness.stop();
      monitor.close();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      const timeouts = [setTimeout(() => store.giveUp(), DATABASE_GRACE_MS), setTimeout(() => http.closeAllConnections(), GRACE_MS)];
      await closed;
      for (const timeout of timeouts) clearTimeout(timeout);
      void auth.saveNotes();
      const closing = store.close().catch((error: unknown) => log('warn', 'closing the database failed', { error }));
      await Promise.race([closing, sleep(CLOSE_MS, undefined, { ref: false })]);
      log('info', 'closed');
    },
  };
}

async function respond(server: Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { logFailure, connections } = server;
  const broken = connections.begin(request, response);
  if (!broken) return;
  const requestId = requestIdOf(request);
  response.setHeader('X-Request-Id', requestId);
  if (server.config.tls) response.setHeader('Strict-Transport-Security', strictTransport);
  const forwardedFor = request.headers['x-forwarded-for'];
  const { peer, isSameMachine } = peerOf(request.socket.remoteAddress, forwardedFor?.toString(), server.config.trustProxy);
  const from = { peer, requestId };
  const watched = server.monitor.watch(request, response, from);
  const visit = await server.admission.enter(request, response);
  visit.countFor(peer);
  const noteFailure = (error: unknown): void => {
    watched.failed(error);
    logFailure(error, { requestId, method: request.method, path: request.url?.split('?')[0] });
  };
  let result: Answer;
  try {
    result = await dispatch(server, request, broken, from, visit, watched);
    if ('body' in result) result = holdReply(result, visit);
  } catch (error) {
    result = errorReply(error);
    noteFailure(error);
  }
  if (response.destroyed) return;
  if (server.isClosing()) response.setHeader('Connection', 'close');
  const options = { mayCompress: !isSameMachine, isLast: connections.isLast(request) };
  try {
    if ('follow' in result) {
      watched.streamBegun();
      sendEvents(request, response, result);
    } else if ('rest' in result) await sendPieces(request, response, result, options);
    else await sendReply(request, response, result, visit, options);
  } catch (error) {
    noteFailure(error);
    response.destroy();
  }
}

async function openStore(config: Config, deps: StartDeps, log: Log, monitor?: Monitor): Promise<Store> {
  const storeDeps = { nowMs: deps.nowMs, trustsClock: deps.trustsClock, log, ...monitor?.storeHooks };
  if (config.mongodbUrl === null) return openEmbeddedStore(join(config.dataDir, 'invoify.sqlite'), storeDeps);
  // Loaded only here, so that the embedded store runs in a checkout without installed dependencies.
  const { openMongoStore } = await import('./server/mongo/store.ts');
  return openMongoStore(config.mongodbUrl, config.mongodbDb, storeDeps, config.allowsPlaintextMongo);
}

// ------------------------------------------------------------------------------------------------- node server.ts

async function main(args: readonly string[]): Promise<void> {
  keepHeapSmall();
  const config = readConfig(process.env);
  if (args.length > 0) {
    process.exitCode = await runCommand(args, config, {
      nowMs: systemDeps.nowMs, openStore: (from, log) => openStore(from, systemDeps, log), requireDatabase, backUp: runBackup,
      adopt: async (options, adopting) => (await import('./server/mongo/adopt.ts')).runAdopt(options, adopting),
    });
    return;
  }
  const starting = start(config);
  // By itself the signal would end the process; on Windows it means that the console closes.
  if (process.platform !== 'win32') process.on('SIGHUP', () => void starting.then((started) => started.reloadCertificates(), () => {}));
  let isStopping = false;
  // A start that takes too long is cut off: no step of it needs to be finished.
  const stop = (): void => {
    isStopping = true;
    void Promise.race([starting.then((started) => started.close(), () => {}), sleep(STOP_MS)]).finally(() => process.exit(0));
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  await starting.catch((error: unknown) => {
    if (!isStopping) throw error;
  });
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    const isExpected = error instanceof ConfigError || error instanceof AppError;
    process.stderr.write(isExpected ? `${error.message}\n` : `${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
    // As with grep, 1 means that `verify` found something, and 2 that it could not look.
    process.exit(process.argv[2] === 'verify' ? 2 : 1);
  });
}
