// The wire contract: which tokens are valid. Every forgery gets the same 401, whatever is wrong with it, and a signing
// secret can be rotated without signing anybody out.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { assertError, type Client } from '../../client.ts';
import { addAccount, embedded, firstOwner, hire, password, startServer, stores, type People, type TestServer } from '../harness.ts';

const oldSecret = 'the old secret which is well over 32 bytes long';
const newSecret = 'the new secret which is well over 32 bytes long';

interface Parts {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
}

function decode(token: string): Parts {
  const [header = '', claims = ''] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
  return { header: read(header), claims: read(claims) };
}

function forge({ header, claims }: Parts, secret: string, digest = 'sha256'): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return sign(encode(header), encode(claims), secret, digest);
}

/** A token of these parts, in whatever way they are encoded. */
function sign(header: string, claims: string, secret: string, digest = 'sha256'): string {
  const signed = `${header}.${claims}`;
  return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
}

for (const store of stores) {
  describe(`a token, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    let people: People;
    let stranger: Client;
    before(async () => {
      server = await startServer(store, { JWT_SECRET: oldSecret });
      people = await hire(server.owner, 'first.test');
      stranger = await addAccount(server, 'owner@second.test');
    });
    after(() => server.stop());

    const refusedAs = async (token: string): Promise<void> => {
      assertError(await server.client.as(token).get('/api/auth/me'), 'unauthorized');
    };

    test('forged with the right secret is accepted, so the forgeries below are refused only for their flaw', async () => {
      const token = people.viewer.token ?? '';
      assert.equal(forge(decode(token), oldSecret), token);
      assert.equal((await server.client.as(forge(decode(token), oldSecret)).get('/api/auth/me')).status, 200);
    });

    test('is refused with another algorithm, signature or key', async () => {
      const token = people.viewer.token ?? '';
      const parts = decode(token);
      const [header = '', claims = '', signature = ''] = token.split('.');
      const withHeader = (change: object) => ({ header: { ...parts.header, ...change }, claims: parts.claims });
      const none = forge(withHeader({ alg: 'none' }), oldSecret);
      const last = signature.at(-1) === 'A' ? 'B' : 'A';
      for (const forged of [
        none, none.slice(0, none.lastIndexOf('.') + 1), none.slice(0, none.lastIndexOf('.')),
        forge(withHeader({ alg: 'None' }), oldSecret), forge(withHeader({ alg: 'HS512' }), oldSecret, 'sha512'),
        forge(withHeader({ alg: 'RS256' }), oldSecret), forge(withHeader({ alg: undefined }), oldSecret),
        forge(withHeader({ kid: 'another' }), oldSecret), forge(withHeader({ kid: undefined }), oldSecret),
        forge(withHeader({ kid: '__proto__' }), oldSecret), forge(withHeader({ typ: 'JWE' }), oldSecret),
        forge(parts, newSecret), forge(parts, ''), forge(parts, oldSecret, 'sha512'),
        `${header}.${claims}.`, `${header}.${claims}`, `${header}..${signature}`, `.${claims}.${signature}`, `${token}.`,
        `${token}.${signature}`, `${header}.${claims}.${signature.slice(0, -1)}${last}`, `${header}.${claims}.${signature.slice(1)}`,
        `${token}=`, `${header}.${claims}.${signature}A`,
      ]) await refusedAs(forged);
    });

    test('is refused with other claims, signed or not', async () => {
      const parts = decode(people.viewer.token ?? '');
      const other = decode(people.owner.token ?? '').claims;
      const elsewhere = decode(stranger.token ?? '').claims;
      const changed = (change: object): Parts => ({ header: parts.header, claims: { ...parts.claims, ...change } });
      const [header = '', , signature = ''] = (people.viewer.token ?? '').split('.');
      const ownersClaims = (people.owner.token ?? '').split('.')[1] ?? '';
      await refusedAs(`${header}.${ownersClaims}.${signature}`);
      for (const change of [
        { sub: other['sub'] }, { acc: elsewhere['acc'] }, { sid: elsewhere['sid'] }, { sub: elsewhere['sub'], acc: elsewhere['acc'] },
        { sid: '0'.repeat(32) }, { sid: undefined }, { jti: undefined }, { jti: 'x' }, { jti: 5 },
        { sub: 7 }, { acc: null }, { acc: { $ne: null } }, { sid: { $gt: '' } },
        { iss: 'another' }, { aud: 'another' }, { aud: undefined }, { exp: undefined }, { exp: '9999999999' },
        { exp: Math.floor(server.clock.ms / 1000) }, { exp: -1 },
      ]) await refusedAs(forge(changed(change), oldSecret));
    });

    test('is refused before its time, and if its time is not a number', async () => {
      const parts = decode(people.viewer.token ?? '');
      const nowS = server.clock.ms / 1000;
      const startingAt = (nbf: unknown): string => forge({ header: parts.header, claims: { ...parts.claims, nbf } }, oldSecret);
      for (const nbf of [nowS + 1, nowS + 0.5, nowS + 86_400, 2 ** 53, 1e308, String(nowS - 1), '', null, true, [], {}]) {
        await refusedAs(startingAt(nbf));
      }
      for (const nbf of [nowS, nowS - 1, 0, -1]) {
        assert.equal((await server.client.as(startingAt(nbf)).get('/api/auth/me')).status, 200, String(nbf));
      }
    });

    test('is refused if it names an extension that must be understood', async () => {
      const { header, claims } = decode(people.viewer.token ?? '');
      for (const crit of [['exp'], ['b64'], ['http://example.test/ext'], ['alg'], [], 'exp', null, {}, [1]]) {
        await refusedAs(forge({ header: { ...header, crit }, claims }, oldSecret));
        await refusedAs(forge({ header: { ...header, crit, b64: true, exp: 9e9 }, claims }, oldSecret));
      }
      await refusedAs(forge({ header: { ...header, kid: [header['kid']] }, claims }, oldSecret));
    });

    test('is refused in any other encoding than base64url without padding, though rightly signed', async () => {
      const [header = '', claims = ''] = (people.viewer.token ?? '').split('.');
      const text = Buffer.from(claims, 'base64url').toString();
      /** The claims with blanks after them, so that their last base64url character has bits that nothing uses. */
      const [oneLeft = '', twoLeft = ''] = [1, 2].map((rest) =>
        Buffer.from(text + ' '.repeat((3 + rest - text.length % 3) % 3)).toString('base64url'));
      assert.equal((await server.client.as(sign(header, oneLeft, oldSecret)).get('/api/auth/me')).status, 200);
      const other = (part: string): string[] => [
        `${part}=`, `${part}==`, `${part}\t`, ` ${part}`, `${part}*`, `${part}%`, `!${part}`, `${part.slice(0, 8)}+/${part.slice(8)}`,
        `${part.slice(0, 4)}=${part.slice(4)}`, `${part}A`, Buffer.from(part).toString('base64url'),
      ];
      const later = (part: string): string => part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1);
      const notUtf8 = Buffer.from(text.replace('"iss"', '"x":"\u0001","iss"')).map((byte) => (byte === 1 ? 0xff : byte));
      for (const [head, body] of [
        ...other(header).map((part) => [part, claims] as const), ...other(claims).map((part) => [header, part] as const),
        [header, later(oneLeft)], [header, later(twoLeft)], [header, `${oneLeft}==`], [header, `${twoLeft}=`],
        [header, Buffer.from(notUtf8).toString('base64url')], [header, Buffer.from(`\ufeff${text}`).toString('base64url')],
        ['', claims], [header, ''],
      ] as const) await refusedAs(sign(head, body, oldSecret));
    });

    test('that is garbage is refused like a missing one', async () => {
      const missing = await server.client.get('/api/auth/me');
      assertError(missing, 'unauthorized');
      for (const header of [
        'Bearer', 'Bearer ', 'Bearer x', 'Bearer a.b.c', 'Bearer ..', `Bearer ${'x'.repeat(8000)}`, 'Bearer \u00e9', 'Basic b3duZXI6eA==',
        `Token ${people.owner.token}`, `${people.owner.token}`, `Bearer${people.owner.token}`, `Bearer ${people.owner.token} x`,
        `Bearer ${Buffer.from('null').toString('base64url')}.${Buffer.from('[]').toString('base64url')}.x`,
      ]) {
        const reply = await server.client.get('/api/auth/me', { Authorization: header });
        assertError(reply, 'unauthorized');
        assert.equal(reply.text, missing.text);
      }
      assertError(await server.client.get(`/api/auth/me?token=${people.owner.token}`), 'unauthorized');
    });

    test('is refused if two are sent', async () => {
      const both = [`Bearer ${people.viewer.token}`, `Bearer ${people.owner.token}`];
      assertError(await server.client.get('/api/auth/me', { Authorization: both }), 'unauthorized');
    });

    test('is accepted in any case of its scheme', async () => {
      assert.equal((await server.client.get('/api/auth/me', { Authorization: `bearer ${people.owner.token}` })).status, 200);
    });
  });

  describe(`the signing secret, on ${store.kind}`, { skip: store.skip }, () => {
    let server: TestServer;
    before(async () => { server = await startServer(store, { JWT_SECRET: oldSecret }); });
    after(() => server.stop());

    test('can be rotated: the first of several signs, all verify, a removed one does not', async () => {
      const before = server.owner;
      await server.restart({ JWT_SECRET: `${newSecret},${oldSecret}` });
      assert.equal((await before.get('/api/auth/me')).status, 200);
      const since = await server.client.login(firstOwner, password);
      const { header, claims } = decode(since.token ?? '');
      assert.equal(forge({ header, claims }, newSecret), since.token);

      await server.restart({ JWT_SECRET: newSecret });
      assertError(await before.get('/api/auth/me'), 'unauthorized');
      assert.equal((await since.get('/api/auth/me')).status, 200);
    });
  });
}

describe('the secret that the embedded server generates', () => {
  test('survives a restart, and so do the tokens', async () => {
    const server = await startServer(embedded);
    await server.restart();
    assert.equal((await server.owner.get('/api/auth/me')).status, 200);
    await server.stop();
  });
});
