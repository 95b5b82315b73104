// Streams of random histories, in pieces of a few changes with writes between them: they have what the pages have, and end.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Caller } from '../../server/auth.ts';
import { pullPage } from '../../server/pull.ts';
import { pullStream, type StreamDeps } from '../../server/pull-stream.ts';
import { parseInstant, type Instant } from '../../shared/clock.ts';
import type { Role } from '../../shared/collections.ts';
import { AppError } from '../../shared/errors.ts';
import type { WireChange } from '../client.ts';
import { stores } from '../server/harness.ts';
import { NaiveCache, withoutEmpty } from '../server/naive-cache.ts';
import { plan } from '../server/samples.ts';
import { Clerk } from './clerk.ts';
import { Model } from './model.ts';
import { Random } from './random.ts';
import { amount, repeatedBy, seedsToTry } from './seeds.ts';
import { openSite, type Person, type Site, type TestAccount } from './site.ts';

const WRITES = amount(60, 300);
const idle = { continuePull: async () => {}, hasRoom: () => true, isAwaited: () => false, holdAnswer() {}, answerBuilt() {} };

interface End {
  readonly serverTime: string;
  readonly count: number;
  readonly hasMore?: boolean;
  readonly digest?: Caller['account']['digest'];
}

interface Received {
  readonly lines: readonly string[];
  readonly start: { readonly total: number; readonly scope: string };
  readonly end: End;
}

for (const store of stores) {
  describe(`streams, on ${store.kind}`, { skip: store.skip }, () => {
    let site: Site;
    before(async () => { site = await openSite(store); });
    after(() => site.stop());

    const callerOf = async (account: TestAccount, person: Person): Promise<Caller> => {
      const { sid } = JSON.parse(Buffer.from(person.token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
      const identity = await site.store.identify(account.accountId, sid, person.userId);
      if (!identity) throw new AppError('unauthorized', 'The session has ended.');
      const { role, email, name } = JSON.parse(identity.user.payload) as { role: Role; email: string; name: string };
      const { accountId } = account;
      return { ...identity, from: { peer: '', requestId: '' }, user: { id: identity.user.id, email, name, role, accountId } };
    };

    /** Reads a stream to its end; `between` runs after each part that is not the last. */
    async function readAll(
      caller: () => Promise<Caller>, since: Instant | null, limit: number, deps: Partial<StreamDeps> = {}, between = async () => {},
    ): Promise<Received> {
      const query = { since, limit, nonce: null, isStream: true };
      const reply = await pullStream(
        { store: site.store, identify: caller, visit: idle, onSent() {}, shortBytes: 1, ...deps }, await caller(), query,
      );
      const bytes: Buffer[] = [];
      if ('body' in reply) bytes.push(...reply.body as Buffer[]);
      else {
        for (let part = reply.first; ; ) {
          bytes.push(...part.chunks);
          if (part.isLast) break;
          await between();
          const { value } = await reply.rest.read();
          assert(value);
          part = value;
        }
      }
      const lines = Buffer.concat(bytes).toString().split('\n');
      assert.equal(lines.pop(), '');
      const [start, end] = [lines.shift(), lines.pop()].map((line) => JSON.parse(line ?? '') as unknown);
      return { lines, start: start as Received['start'], end: end as End };
    }

    const pageLines = async (caller: () => Promise<Caller>, since: Instant | null): Promise<{ lines: string[]; digest: object }> => {
      const query = { since, limit: 1_000_000, nonce: null, isStream: false };
      const { chunks } = await pullPage(site.store, await caller(), query, () => {});
      const text = Buffer.concat(chunks).toString();
      const lines = text.split('\n').slice(1, -2).map((line) => line.replace(/,$/, ''));
      return { lines: lines.filter((line) => line !== ''), digest: (JSON.parse(text) as { digest: object }).digest };
    };

    for (const seed of seedsToTry(store.kind === 'mongodb' ? amount(2, 10) : 10)) {
      test(`have the payloads and the digest of the pages: ${repeatedBy(seed)}`, async () => {
        const random = new Random(seed);
        const owner = await site.newAccount();
        const viewer = await owner.hire('viewer');
        const model = await new Model().begin(owner.client);
        const clerk = new Clerk(owner.client, model, new Random(seed + 1), [owner.userId, viewer.userId]);
        const cursors: (Instant | null)[] = [null];
        while (clerk.answered < WRITES) {
          await clerk.work();
          if (random.chance(0.1)) cursors.push((await site.store.latestClock(owner.accountId)));
        }
        for (const person of [owner, viewer]) {
          const caller = (): Promise<Caller> => callerOf(owner, person);
          for (const since of [null, random.pick(cursors) ?? null, random.pick(cursors) ?? null]) {
            const pages = await pageLines(caller, since);
            const whole = await readAll(caller, since, Infinity, { pieceChanges: random.integer(1, 30) });
            assert.deepEqual(whole.lines, pages.lines);
            assert.deepEqual(whole.end.digest, pages.digest);
            assert.equal(whole.start.total, pages.lines.length);
            assert.equal(whole.end.count, pages.lines.length);
            // Cut anywhere, it goes on from its last line.
            const taken = random.integer(0, pages.lines.length);
            const last = taken === 0 ? since : parseInstant((JSON.parse(pages.lines[taken - 1] ?? '') as WireChange).updatedAt);
            const limit = random.integer(1, 40);
            const rest = await readAll(caller, last, limit, { pieceChanges: random.integer(1, 30) });
            const ends = pages.lines.slice(taken).length > limit;
            if (since !== null || taken === 0) assert.deepEqual(rest.lines, pages.lines.slice(taken, taken + limit));
            else continue;
            assert.equal(rest.end.hasMore === true, ends);
            assert.equal('digest' in rest.end, !ends);
            if (ends) assert.equal(rest.end.serverTime, (JSON.parse(rest.lines.at(-1) ?? '') as WireChange).updatedAt);
          }
        }
        // With writes between the pieces it may end before the last of them; the next stream has the rest.
        const cache = new NaiveCache();
        const pull = async (since: Instant | null, between?: () => Promise<void>): Promise<End> => {
          const { lines, end } = await readAll(() => callerOf(owner, owner), since, Infinity, { pieceChanges: 5 }, between);
          cache.apply({ text: `{"changes":[${lines.join()}]}` });
          return end.hasMore === true ? pull(parseInstant(end.serverTime)) : end;
        };
        const { digest = {} } = await pull(null, () => clerk.work());
        assert.deepEqual(cache.digest(), withoutEmpty(digest));
      });
    }

    test('end although somebody always writes faster, with more to come', async () => {
      const owner = await site.newAccount();
      const model = await new Model().begin(owner.client);
      const clerk = new Clerk(owner.client, model, new Random(1), [owner.userId]);
      for (let index = 0; index < 5; index += 1) await clerk.create('plans', plan());
      const write = async (): Promise<void> => {
        for (let index = 0; index < 3; index += 1) await clerk.patch('plans', { priceMinor: index });
      };
      const { end, lines } = await readAll(() => callerOf(owner, owner), null, Infinity, { pieceChanges: 1 }, write);
      assert.equal(end.hasMore, true);
      assert.equal(end.serverTime, (JSON.parse(lines.at(-1) ?? '') as WireChange).updatedAt);
    });

    test('are cut when the session ends, or may see something else', async () => {
      const owner = await site.newAccount();
      const colleague = await owner.hire('editor');
      const model = await new Model().begin(owner.client);
      const clerk = new Clerk(owner.client, model, new Random(1), []);
      for (let index = 0; index < 5; index += 1) await clerk.create('plans', plan());
      const caller = (): Promise<Caller> => callerOf(owner, colleague);
      const changeRole = async (): Promise<void> => {
        const { updatedAt, payload } = await owner.client.read('users', colleague.userId);
        if (payload['role'] === 'editor') await owner.client.patch(`/api/users/${colleague.userId}`, updatedAt, { role: 'owner' });
      };
      await assert.rejects(readAll(caller, null, Infinity, { pieceChanges: 1 }, changeRole), { code: 'conflict' });
      const leave = async (): Promise<void> => void await colleague.client.post('/api/auth/logout');
      await assert.rejects(readAll(caller, null, Infinity, { pieceChanges: 1 }, leave), { code: 'unauthorized' });
    });

    test('and pages are read without waiting for the session\'s note, and sent once it is there, or takes long', async () => {
      const owner = await site.newAccount();
      const caller = await callerOf(owner, owner);
      const query = { since: null, limit: 10, nonce: null, isStream: false };
      const pull = (noteFullPull: () => Promise<void>): ReturnType<typeof pullPage> => pullPage(Object.create(site.store, {
        noteFullPull: { value: noteFullPull },
        snapshot: { value: site.store.snapshot.bind(site.store) },
      }) as StreamDeps['store'], caller, query, () => {});
      const events: string[] = [];
      const release = Promise.withResolvers<void>();
      const { noted } = await pull(() => release.promise.then(() => { events.push('noted'); }));
      events.push('read');
      release.resolve();
      await noted;
      assert.deepEqual(events, ['read', 'noted']);
      await (await pull(() => new Promise(() => {}))).noted;
      await (await pull(() => Promise.reject(new Error('The disk is full.')))).noted;
    });

    test('release the snapshot and end what is being built when nobody takes any more', async () => {
      const owner = await site.newAccount();
      const model = await new Model().begin(owner.client);
      const clerk = new Clerk(owner.client, model, new Random(1), []);
      for (let index = 0; index < 5; index += 1) await clerk.create('plans', plan());
      let begun = 0;
      let ended = 0;
      const counting: StreamDeps['store'] = Object.create(site.store, {
        noteFullPull: { value: site.store.noteFullPull.bind(site.store) },
        snapshot: { value: (accountId: string, read: Parameters<StreamDeps['store']['snapshot']>[1]) => {
          begun += 1;
          return site.store.snapshot(accountId, read).finally(() => { ended += 1; });
        } },
      });
      const caller = await callerOf(owner, owner);
      const query = { since: null, limit: Infinity, nonce: null, isStream: true };
      const errors: unknown[] = [];
      const identify = async (): Promise<Caller> => caller;
      const deps = { store: counting, identify, visit: idle, onSent() {}, shortBytes: 1, pieceChanges: 2 };
      const reply = await pullStream(deps, caller, query);
      assert('rest' in reply);
      await reply.rest.cancel(new Error('gone')).catch((error: unknown) => errors.push(error));
      while (ended < begun) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(errors, []);
      assert(begun >= 1 && begun < 4, `${begun} snapshots`);
    });
  });
}
