// Connects to MongoDB, or reports in one sentence what is wrong and what to do. Messages never contain the password:
// they name the hosts, never the URL.

import {
  MongoClient, MongoCompatibilityError, MongoParseError, MongoServerError, MongoServerSelectionError, type Document, type MongoOptions,
} from 'mongodb';

import { AppError, hasSystemCode } from '../../shared/errors.ts';
import { isLoopback } from '../config.ts';
import { isAuthError } from './errors.ts';

/** `maxWireVersion` of MongoDB 6.0, the oldest this server is tested with. */
const OLDEST_WIRE_VERSION = 17;
const SELECTION_TIMEOUT_MS = 5000;
const ATLAS_AUTH_ERROR = 8000;
/** OpenSSL's names for a certificate of an authority that this machine does not know. */
const untrusted: readonly string[] = [
  'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];

/**
 * Resolves to a connected client. Throws `unavailable` with that sentence. Unless `allowsPlaintext`, it connects to another machine
 * only over TLS, and only to a server whose certificate is checked.
 */
export async function connectMongo(url: string, allowsPlaintext: boolean): Promise<MongoClient> {
  const client = createClient(url);
  try {
    const risk = allowsPlaintext ? null : lineProblem(client.options);
    if (risk !== null) throw unusable(client, risk);
    await client.connect();
    const problem = helloProblem(await client.db('admin').command({ hello: 1 }));
    if (problem !== null) throw unusable(client, problem);
    return client;
  } catch (error) {
    await client.close();
    throw error instanceof AppError ? error : unreadableFile(error) ?? unusable(client, reasonOf(error, client.options, url), error);
  }
}

/** Why a server with this `hello` response cannot be used, and the fix; null if it can. */
export function helloProblem(hello: Document): string | null {
  const { setName, msg, maxWireVersion } = hello;
  if (typeof maxWireVersion !== 'number' || maxWireVersion < OLDEST_WIRE_VERSION) return 'is too old: update it to MongoDB 6.0 or later';
  const isRouter = msg === 'isdbgrid';
  if (typeof setName === 'string' || isRouter) return null;
  return 'is not a replica set: start mongod with --replSet rs0 and run rs.initiate() once in mongosh (one member is enough)';
}

/** Why somebody between this machine and a MongoDB reached with these options could read along, and the fix; null if nobody can. */
export function lineProblem({ hosts, srvHost, tls, rejectUnauthorized, checkServerIdentity }: MongoOptions): string | null {
  const isRemote = srvHost !== undefined || hosts.some(({ host, socketPath }) => socketPath === undefined && !isLoopback(host ?? ''));
  if (!isRemote) return null;
  const unless = 'or set MONGODB_ALLOW_PLAINTEXT=1 if nobody else can reach the network in between';
  if (!tls) return `is on another machine and would be reached without TLS: add tls=true to MONGODB_URL, ${unless}`;
  // The driver sets these two only for tlsInsecure, tlsAllowInvalidCertificates and tlsAllowInvalidHostnames.
  const isChecked = rejectUnauthorized !== false && checkServerIdentity === undefined;
  return isChecked ? null
    : `would be reached without checking its certificate: name its authority with tlsCAFile in MONGODB_URL, ${unless}`;
}

function createClient(url: string): MongoClient {
  try {
    return new MongoClient(url, {
      appName: 'invoify',
      serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
      connectTimeoutMS: SELECTION_TIMEOUT_MS,
      // Short enough that a new primary is found within the selection timeout.
      heartbeatFrequencyMS: 2000,
      readPreference: 'primary',
      writeConcern: { w: 'majority' },
      // Every text in the database was validated when it was written.
      enableUtf8Validation: false,
    });
  } catch (error) {
    // No cause: the driver's error may quote the URL with its password. With an @ after the ?, so may an option's name.
    const [, options] = /^(options? [\w, ]+) (?:is|are) not supported$/.exec(error instanceof MongoParseError ? error.message : '') ?? [];
    if (options !== undefined && !/\?.*@/.test(url)) {
      throw new AppError('unavailable', `MONGODB_URL has the ${options}, which MongoDB does not know: correct or remove it.`);
    }
    throw new AppError('unavailable', 'MONGODB_URL is not a MongoDB connection string: write it as '
      + 'mongodb://user:password@host:27017/?replicaSet=rs0, with special characters in the password percent-encoded.');
  }
}

/** The sentence about a file with a certificate that MONGODB_URL names, if the error is that it cannot be read. */
function unreadableFile(error: unknown): AppError | null {
  if (!hasSystemCode(error, 'ENOENT', 'EACCES', 'EPERM', 'ENOTDIR') || !(error instanceof Error && 'path' in error)) return null;
  return new AppError('unavailable', `MONGODB_URL names ${String(error.path)}, which cannot be read: correct it.`, { cause: error });
}

function reasonOf(error: unknown, options: MongoOptions, url: string): string {
  const { tls, credentials } = options;
  if (isAuthError(error) || (error instanceof MongoServerError && error.code === ATLAS_AUTH_ERROR)) {
    const isElsewhere = credentials !== undefined && !['admin', '$external'].includes(credentials.source);
    const orSource = isElsewhere && !/[?&]authSource=/i.test(url) ? ', or add authSource=admin' : '';
    return `rejects the sign-in: correct the user and the password in MONGODB_URL${orSource}`;
  }
  if (error instanceof MongoCompatibilityError) return 'is too old: update it to MongoDB 6.0 or later';
  const reason = error instanceof MongoServerSelectionError ? selectionReason(error) : null;
  if (reason !== null) return reason;
  const code = systemCode(error);
  const certificate = certificateProblem(code, options);
  if (certificate !== null) return `has a certificate ${certificate}`;
  // To a client without TLS, or without a certificate of its own, a server that requires it closes the connection.
  const required = tls ? 'certificates of its clients, add tlsCertificateKeyFile=<file>' : 'TLS, add tls=true';
  const orTls = (code === '' || code === 'ECONNRESET') && options.tlsCertificateKeyFile === undefined ? `; if it requires ${required}` : '';
  return `cannot be reached${code && ` (${code})`}: start it, or correct MONGODB_URL${orTls}`;
}

/** What is wrong with the certificate of a server for which TLS failed with this code, and the fix; null if it is not that. */
function certificateProblem(code: string, { tlsCAFile }: MongoOptions): string | null {
  if (untrusted.includes(code)) {
    return tlsCAFile === undefined ? 'that is not trusted: add tlsCAFile=<file> to MONGODB_URL'
      : `of another authority than that in ${tlsCAFile}: correct tlsCAFile in MONGODB_URL`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'for another name: name it in MONGODB_URL as its certificate does, or renew that';
  if (code === 'CERT_HAS_EXPIRED') return 'that has expired: renew it';
  return code === 'CERT_NOT_YET_VALID' ? "that is not valid yet: correct this machine's clock, or renew it" : null;
}

function selectionReason(error: MongoServerSelectionError): string | null {
  const servers = [...error.reason?.servers.values() ?? []];
  if (servers.some(({ type }) => type === 'RSGhost')) {
    return 'is a replica set that has not been initiated: run rs.initiate() once in mongosh';
  }
  if (servers.some(({ type }) => type === 'RSSecondary' || type === 'RSOther')) {
    return 'has no primary: start the other members of the replica set and wait for the election';
  }
  const isNameWrong = error.reason?.setName !== null && error.reason?.setName !== undefined && servers.length === 0;
  return isNameWrong ? 'belongs to another replica set, or to none: correct replicaSet in MONGODB_URL' : null;
}

/** The operating system's or TLS library's error code, such as `ECONNREFUSED`, or nothing. */
function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string' && /^[A-Z_]+$/.test(error.code)) return error.code;
  return systemCode(error.cause);
}

function unusable(client: MongoClient, reason: string, cause?: unknown): AppError {
  const { hosts, srvHost } = client.options;
  const place = hosts.length > 0 ? hosts.map(String).join(', ') : srvHost;
  return new AppError('unavailable', `MongoDB at ${place} ${reason}.`, { cause, retryAfterS: 5 });
}
