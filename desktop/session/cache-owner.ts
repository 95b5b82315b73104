// Ties the cache to the signed-in user: looks up whose token it is, and makes the cache theirs.
//
// Invariants: a sync only works on a cache that belongs to the user that the server named. The cache of another user or
// server is removed before anything of this one is stored.

import { AppError } from '../../shared/errors.ts';
import type { LoginAnswer, SignedInUser } from '../../shared/protocol.ts';
import type { CacheWriter } from '../cache/cache.ts';
import type { LocalCache } from '../cache/local-cache.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Session } from './session.ts';

export class CacheOwner {
  readonly #session: Session;
  readonly #cache: LocalCache;
  #user: SignedInUser | null = null;

  constructor(session: Session, cache: LocalCache) {
    this.#session = session;
    this.#cache = cache;
  }

  /** Null until the server has said whose the token is. */
  get user(): SignedInUser | null {
    return this.#user;
  }

  /** Makes the next run ask the server who the user is. */
  forgetUser(): void {
    this.#user = null;
  }

  /** Restores the session from the vault. It counts only if the cache, as far as it can be read, is its user's. */
  async restoreSession(): Promise<void> {
    await this.#session.load(this.#cacheOwner());
  }

  /**
   * Makes the cache and the session agree once the cache, which could not be read before, can be: rows of anyone but the user
   * who has signed in meanwhile are removed; a token from the vault counts for nothing. Throws like `LocalCache.remove`.
   */
  async reconcile(): Promise<void> {
    const owner = this.#cacheOwner();
    if (!owner || !this.#session.isOfOther(owner)) return;
    if (this.#session.isRestored) await this.#session.load(owner);
    else this.#cache.remove();
  }

  #cacheOwner(): { readonly userId: string; readonly origin: string } | null {
    const { userId = null, serverOrigin = null } = this.#cache.state() ?? {};
    return userId === null || serverOrigin === null ? null : { userId, origin: serverOrigin };
  }

  /**
   * Requests a token, which `switchTo` puts to use. Throws `invalid_request` for an unusable address, the server's error,
   * such as `unauthorized`, `offline`, `too_many_requests` or `upgrade_required`; and unless `replaceCache`, with which that
   * cache will be set aside, `account_changed` if the address has another account than the one whose cache is here.
   */
  async logIn(connection: ServerConnection, email: string, password: string, replaceCache: boolean): Promise<LoginAnswer> {
    const answer = await this.#session.logIn(connection, email, password);
    if (replaceCache || !this.#cache.isOfFormerAccount(answer.user, connection.origin)) return answer;
    void this.#session.endSession(connection, answer.token);
    throw new AppError('account_changed', 'The server has a different account for this address than the one whose data is on this '
      + 'computer. Ask your administrator, or confirm that the data here is to be set aside.');
  }

  /**
   * Switches to another token; `answer` is given if the server has just issued it. Call it only while no run is in
   * progress; it is synchronous, so none can start meanwhile. Throws if the cache cannot be assigned to the user; the
   * token is in use all the same.
   */
  switchTo(connection: ServerConnection, token: string, answer: LoginAnswer | null): void {
    this.#session.adopt(connection, token, answer);
    this.#session.endStreams();
    this.#user = null;
    if (answer) this.#assign(answer.user);
  }

  /** Creates an empty cache for the same user after the old one was removed. Throws like `LocalCache.open`. */
  recreateCache(): void {
    if (this.#user) this.#assign(this.#user);
    else this.#cache.open();
  }

  /**
   * The cache to sync into; also renews the token if it is due, without waiting for it. A damaged cache or one of another
   * user is only replaced once the server has answered, as it stays useful for reading until then. Throws `signed_out`,
   * the error of the request, and the cache's errors.
   */
  async prepare(signal: AbortSignal): Promise<CacheWriter> {
    this.#session.requireToken();
    const writer = this.#cache.isDamaged || !this.#user ? null : this.#cache.writer;
    const prepared = writer ?? await this.#lookUpOwner(signal);
    void this.#session.renewIfDue();
    return prepared;
  }

  async #lookUpOwner(signal: AbortSignal): Promise<CacheWriter> {
    const user = await this.#session.whoAmI(signal);
    if (!this.#cache.isUsableBy(user, this.#origin)) await this.#cache.stopCheck();
    const writer = this.#assign(user);
    this.#session.nameUser(user.id);
    return writer;
  }

  #assign(user: SignedInUser): CacheWriter {
    const writer = this.#cache.adopt(user, this.#origin, this.#session.wasSignedIn(user.id));
    this.#user = user;
    return writer;
  }

  get #origin(): string {
    return this.#session.requireConnection().origin;
  }
}
