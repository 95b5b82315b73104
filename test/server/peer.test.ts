// Who a request comes from, behind proxies and not.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { networkOf, normalizeAddress, parseProxies, peerOf, unknownPeer, type TrustedProxies } from '../../server/peer.ts';

function proxies(text: string): TrustedProxies {
  const parsed = parseProxies(text);
  assert(parsed);
  return parsed;
}

describe('an address', () => {
  test('is the same however it is written', () => {
    for (const [written, address] of [
      ['192.0.2.1', '192.0.2.1'], [' 192.0.2.1 ', '192.0.2.1'], ['192.0.2.1:50123', '192.0.2.1'], ['"192.0.2.1:50123"', '192.0.2.1'],
      ['::ffff:192.0.2.1', '192.0.2.1'], ['::FFFF:c000:0201', '192.0.2.1'], ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
      ['::ffff:255.255.255.255', '255.255.255.255'], ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
      ['2001:DB8::1', '2001:db8::1'], ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'], ['[2001:db8::1]', '2001:db8::1'],
      ['[2001:db8::1]:50123', '2001:db8::1'], ['fe80::1%eth0', 'fe80::1'], ['[fe80::1%25eth0]:80', 'fe80::1'], ['::1', '::1'],
      ['::', '::'],
    ] as const) assert.equal(normalizeAddress(written), address, written);
  });

  test('is nothing else', () => {
    for (const written of [
      '', ' ', 'unknown', '_hidden', 'localhost', '192.0.2', '192.0.2.1.5', '192.0.2.256', '192.0.2.1:', '192.0.2.1:x', '192.0.2.01',
      ':::', '[::1', '2001:db8::1::', '2001:db8:::50123', '[192.0.2.1', '192.0.2.1, 192.0.2.2', '1'.repeat(5000), '%eth0', '[]',
    ]) assert.equal(normalizeAddress(written), null, written);
  });

  test('belongs to one network with all others of its /64, or to none but its own', () => {
    const hosts = Array.from({ length: 20_000 }, (_, index) => index.toString(16));
    const networks = new Set(hosts.map((host) => networkOf(`2001:db8:1:2:${host}::${host}`)));
    assert.deepEqual([...networks], ['2001:db8:1:2']);
    for (const [address, network] of [
      ['2001:db8::1', '2001:db8:0:0'], ['2001:db8:0:0:1::', '2001:db8:0:0'], ['::1', '0:0:0:0'], ['1:2:3:4:5:6:7:8', '1:2:3:4'],
      ['1:2:3::7:8', '1:2:3:0'], ['::5:6:7:8', '0:0:0:0'], ['::4:5:6:7:8', '0:0:0:4'], ['192.0.2.1', '192.0.2.1'],
      [unknownPeer, unknownPeer],
    ] as const) assert.equal(networkOf(address), network, address);
  });
});

describe('the client of a request', () => {
  const peer = (remote: string, forwarded: string | undefined, trusted: string | null): string =>
    peerOf(remote, forwarded, trusted === null ? null : proxies(trusted)).peer;

  test('is whoever connects, if that is not a trusted proxy, whatever it says', () => {
    assert.equal(peer('192.0.2.9', '203.0.113.1', null), '192.0.2.9');
    assert.equal(peer('::ffff:192.0.2.9', '203.0.113.1', '1, 10.0.0.0/8'), '192.0.2.9');
    assert.equal(peer('2001:db8::9', '203.0.113.1', '2001:db8:1::/48'), '2001:db8::9');
    assert.equal(peerOf(undefined, '203.0.113.1', proxies('1')).peer, unknownPeer);
  });

  test('is the one that the trusted proxies name, and nothing that the client added before', () => {
    for (const [remote, forwarded, trusted, expected] of [
      ['127.0.0.1', '203.0.113.1', '1', '203.0.113.1'], ['::1', '203.0.113.1', '1', '203.0.113.1'],
      ['::ffff:127.0.0.1', '203.0.113.1:51234', '1', '203.0.113.1'],
      ['127.0.0.1', '198.51.100.1, 203.0.113.1', '1', '203.0.113.1'], ['127.0.0.1', 'nonsense, 203.0.113.1', '1', '203.0.113.1'],
      ['127.0.0.1', '127.0.0.1, 203.0.113.1', '1', '203.0.113.1'],
      ['127.0.0.1', '203.0.113.1, 10.0.0.7', '1,10.0.0.0/24', '203.0.113.1'], ['127.0.0.1', '203.0.113.1, 10.0.0.7', '1', '10.0.0.7'],
      ['127.0.0.1', '198.51.100.1, 203.0.113.1, 10.0.0.7:443, [::ffff:10.0.0.8]:80', '1,10.0.0.0/24', '203.0.113.1'],
      ['2001:db8:1::5', '[2001:db8:2::7]:4711', '2001:db8:1::/64', '2001:db8:2::7'],
      ['10.0.0.7', '203.0.113.1', '::ffff:10.0.0.0/104', '203.0.113.1'], ['10.0.1.7', '203.0.113.1', '10.0.1.7', '203.0.113.1'],
      ['127.0.0.1', '10.0.0.9, 10.0.0.8', '1,10.0.0.0/24', '10.0.0.9'],
    ] as const) assert.equal(peer(remote, forwarded, trusted), expected, `${remote} ${forwarded} ${trusted}`);
  });

  test('is unknown if a trusted proxy names none', () => {
    for (const forwarded of [undefined, '', ' ', 'unknown', '203.0.113.1, unknown', '203.0.113.1,']) {
      assert.equal(peer('127.0.0.1', forwarded, '1'), unknownPeer, String(forwarded));
    }
  });

  test('is on the same machine only if no proxy stands between', () => {
    const isSame = (remote: string, trusted: string | null): boolean =>
      peerOf(remote, undefined, trusted === null ? null : proxies(trusted)).isSameMachine;
    assert.deepEqual([isSame('127.0.0.1', null), isSame('::ffff:127.9.9.9', null), isSame('::1', '10.0.0.0/8')], [true, true, true]);
    assert.deepEqual([isSame('127.0.0.1', '1'), isSame('192.0.2.1', null), isSame('::1', '1')], [false, false, false]);
  });
});
