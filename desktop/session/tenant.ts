// Who uses this desktop: the session's token, the user that the server says it belongs to, and the copy made theirs.
//
// What always holds: a run works on a copy that was made this user's, on the word of the server; where it belongs to
// anyone else, or to another server, it is removed before anything of this one is kept.

import { badResponse, type SignedInUser } from '../../shared/protocol.ts';
import type { CacheWriter } from '../cache/cache.ts';
import type { LocalCache } from '../cache/local-cache.ts';
import type { ServerConnection } from './server-connection.ts';
import type { Session } from './session.ts';

export class Tenant {
  readonly #session: Session;
  readonly #cache: LocalCache;
  #user: SignedInUser | null = null;

  constructor(session: Session, copy: LocalCache) {
    this.#session = session;
    this.#cache = copy;
  }

  /** Null until the server has said whose the token is. */
  get user(): SignedInUser | null {
    return this.#user;
  }

  /** The next run asks the server who this is. */
  forget(): void {
    this.#user = null;
  }

  /**
   * Takes a token over; `user` is whom the server has just given it to. No run may be under way, and none can begin
   * meanwhile, as nothing waits. Throws where the copy cannot be made theirs; the token counts all the same.
   */
  moveIn(connection: ServerConnection, token: string, user: SignedInUser | null): void {
    this.#session.adopt(connection, token, user !== null);
    this.#session.endStreams();
    this.#user = null;
    if (user) this.#adopt(user);
  }

  /** An empty copy in the place of the one that was just removed, of the same user. Throws `disk_full` and so on. */
  startOver(): void {
    if (this.#user) this.#adopt(this.#user);
    else this.#cache.open();
  }

  /**
   * The copy to work on, with a token that lasts. A copy that is damaged or of someone else goes only when the server has
   * answered: until then what can be read of it is better than nothing.
   */
  async prepare(signal: AbortSignal): Promise<CacheWriter> {
    this.#session.requireToken();
    const { writer } = this.#cache;
    if (this.#user && writer && !this.#cache.isDamaged) return this.#renew(writer, signal);
    const user = await this.#session.whoAmI(signal);
    if (!this.#cache.isUsableBy(user, this.#origin)) await this.#cache.stopCheck();
    return this.#adopt(user);
  }

  /** Keeps a session that is in use from expiring. */
  async #renew(writer: CacheWriter, signal: AbortSignal): Promise<CacheWriter> {
    const answer = await this.#session.renew(signal);
    if (!answer) return writer;
    if (answer.user.id !== this.#user?.id) throw badResponse('it renewed the token of someone else');
    this.#session.adopt(this.#session.requireConnection(), answer.token, true);
    await this.#session.keep();
    return this.#adopt(answer.user);
  }

  #adopt(user: SignedInUser): CacheWriter {
    const writer = this.#cache.adopt(user, this.#origin);
    this.#user = user;
    return writer;
  }

  get #origin(): string {
    return this.#session.requireConnection().origin;
  }
}
