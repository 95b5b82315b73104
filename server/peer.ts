// Who a request comes from. Behind a proxy that is trusted, the client is the one that the proxies name in `X-Forwarded-For`;
// anybody else's header is ignored, because anybody can send one.
//
// Addresses are written in one way only: IPv4-mapped ones as IPv4, IPv6 as in RFC 5952, without port and zone.

import { BlockList, isIP } from 'node:net';

/** A client that a trusted proxy did not name. */
export const unknownPeer = 'unknown';

/** What `TRUST_PROXY` names. */
export interface TrustedProxies {
  trusts(address: string): boolean;
}

export interface Peer {
  /** The client's address, or `unknownPeer`. */
  readonly peer: string;
  /** True for a program on this machine that is not a proxy. */
  readonly isSameMachine: boolean;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Networks and addresses, comma-separated; `1` is loopback. Returns null if one of them is neither, or covers a whole address family. */
export function parseProxies(text: string): TrustedProxies | null {
  const list = new BlockList();
  for (const part of text.split(',').map((entry) => entry.trim())) {
    if (part === '1') {
      list.addSubnet('127.0.0.0', 8, 'ipv4');
      list.addAddress('::1', 'ipv6');
      continue;
    }
    const [written = '', prefix, ...rest] = part.split('/');
    const address = isIP(written) === 0 ? null : normalizeAddress(written);
    if (address === null || rest.length > 0) return null;
    const bits = isIP(address) === 4 ? 32 : 128;
    // The prefix of an IPv4-mapped network counts the 96 bits before the IPv4 address, too.
    const isMapped = isIP(written) !== isIP(address);
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) - (isMapped ? 96 : 0) : NaN;
    if (!(length >= 1 && length <= bits)) return null;
    list.addSubnet(address, length, family(address));
  }
  return {
    trusts(written) {
      const address = normalizeAddress(written);
      return address !== null && list.check(address, family(address));
    },
  };
}

/** The client of a request on a connection from `remoteAddress`; `forwardedFor` is its `X-Forwarded-For`. */
export function peerOf(remoteAddress: string | undefined, forwardedFor: string | undefined, proxies: TrustedProxies | null): Peer {
  const direct = normalizeAddress(remoteAddress ?? '') ?? unknownPeer;
  if (!proxies?.trusts(direct)) {
    return { peer: direct, isSameMachine: isIP(direct) !== 0 && loopback.check(direct, family(direct)) };
  }
  // Each proxy has added the address that it saw, so the list is right as far as those who wrote it are trusted.
  let peer = unknownPeer;
  for (const written of (forwardedFor ?? '').split(',').reverse()) {
    peer = normalizeAddress(written) ?? unknownPeer;
    if (!proxies.trusts(peer)) break;
  }
  return { peer, isSameMachine: false };
}

/**
 * The network by which clients are told apart: an IPv4 address, or the /64 of an IPv6 address, within which a client can have
 * any address it likes.
 */
export function networkOf(peer: string): string {
  if (isIP(peer) !== 6) return peer;
  const [head = '', tail] = peer.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const after = tail?.split(':').filter((group) => group !== '') ?? [];
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  return [...groups, ...Array<string>(zeros).fill('0'), ...after].slice(0, 4).join(':');
}

/** Reads an address with or without brackets, quotes, port and zone; null for anything else. */
export function normalizeAddress(written: string): string | null {
  const text = written.trim().replace(/^"(.*)"$/, '$1');
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+)(?::\d+)?$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, '');
  if (isIP(address) !== 6) return isIP(address) === 4 ? address : null;
  const canonical = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address;
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bits = parseInt(high, 16) * 65_536 + parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
