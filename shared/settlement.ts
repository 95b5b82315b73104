// How far an invoice is settled, by category and rate, after what was paid, refunded and credited so far.
//
// Paying leads along a path of straight lines: from nothing through what is left after the credits to all that was invoiced. So a
// payment is divided like what is still unpaid of the invoice as it then was, and a refund like what was paid beyond what is left. A
// credit begins a new path from where the payments have led; it moves no money, but what was paid for something that it takes back
// counts for what is left and was not paid yet.
//
// Invariants: what is settled adds up to what was paid, to the cent; nothing is settled beyond what was invoiced, unless more than
// that was paid; with nothing left to pay or to refund, exactly what was invoiced less what was credited is settled.

import type { TaxCategory } from './collections.ts';
import type { Tax } from './invoice.ts';

/** Exact amounts by category and rate. */
export type Amounts = ReadonlyMap<string, Amount>;

interface Amount {
  readonly category: TaxCategory;
  readonly rateBp: number;
  readonly net: bigint;
  readonly tax: bigint;
}

/** One amount for each net and each tax. */
type Parts = readonly bigint[];

/** What is settled once `paid` has been paid. */
interface Node {
  readonly paid: bigint;
  readonly parts: Parts;
}

/** The settlement of one invoice; call `credit` and `pay` in the order of their dates. */
export class Settlement {
  readonly #issued: Amounts;
  #left: Amounts;
  #path: readonly Node[];
  #paid = 0n;
  /** By the same keys as the invoice's amounts and its credits'. */
  settled: Amounts = new Map();

  constructor(issued: Amounts) {
    this.#issued = issued;
    this.#left = issued;
    const parts = this.#parts(issued);
    this.#path = toPath([parts.map(() => 0n), parts]);
  }

  /** A refund is negative. */
  pay(amountMinor: bigint): void {
    this.#paid += amountMinor;
    this.settled = this.#toAmounts(follow(this.#path, this.#paid, this.#parts(this.#issued)));
  }

  credit(amounts: Amounts): void {
    this.#left = plusAmounts(this.#left, amounts, -1n);
    const [issued, left] = [this.#parts(this.#issued), this.#parts(this.#left)];
    const nothing = issued.map(() => 0n);
    const isOverpaid = this.#paid >= sum(left);
    const settled = this.#paid === sum(left) ? left
      : reassign(this.#parts(this.settled), isOverpaid ? left : nothing, isOverpaid ? issued : left);
    this.#path = toPath([nothing, issued, left, settled]);
    this.settled = this.#toAmounts(settled);
  }

  /** In the order of the keys of what is left, which has all there are. */
  #parts(amounts: Amounts): Parts {
    return [...this.#left.keys()].flatMap((key) => [amounts.get(key)?.net ?? 0n, amounts.get(key)?.tax ?? 0n]);
  }

  #toAmounts(parts: Parts): Amounts {
    return new Map([...this.#left].map(([key, entry], index) =>
      [key, { ...entry, net: parts[2 * index] ?? 0n, tax: parts[2 * index + 1] ?? 0n }]));
  }
}

export function amountsOf(taxes: readonly Tax[]): Amounts {
  const amounts = new Map<string, Amount>();
  for (const { category, rateBp, netMinor, taxMinor } of taxes) {
    const key = `${category} ${rateBp}`;
    const { net, tax } = amounts.get(key) ?? { net: 0n, tax: 0n };
    amounts.set(key, { category, rateBp, net: net + BigInt(netMinor), tax: tax + BigInt(taxMinor) });
  }
  return amounts;
}

/** `amounts` plus `sign` times `others`. */
export function plusAmounts(amounts: Amounts, others: Amounts, sign: bigint): Amounts {
  const sums = new Map(amounts);
  for (const [key, other] of others) {
    const { net, tax } = amounts.get(key) ?? { net: 0n, tax: 0n };
    sums.set(key, { ...other, net: net + sign * other.net, tax: tax + sign * other.tax });
  }
  return sums;
}

/** Of nodes that add up to the same, the last one counts. */
function toPath(nodes: readonly Parts[]): readonly Node[] {
  return [...new Map(nodes.map((parts) => [sum(parts), parts]))].map(([paid, parts]) => ({ paid, parts }))
    .sort((a, b) => (a.paid < b.paid ? -1 : 1));
}

/** The point of a path at which `paid` has been paid; before and beyond it, amounts are divided like the whole invoice. */
function follow(path: readonly Node[], paid: bigint, issued: Parts): Parts {
  const next = path.findIndex((node) => node.paid >= paid);
  const [from, to] = [path[Math.max(next < 0 ? path.length - 1 : next - 1, 0)], path[next]];
  if (!from) return issued;
  if (to && to.paid === paid) return to.parts;
  const way = to && to.paid > from.paid ? plus(to.parts, from.parts, -1n) : issued;
  return plus(from.parts, shareOf(way, paid - from.paid), 1n);
}

/** The settled parts, moved between the two bounds of each part where they are outside; their sum stays if it is between the bounds'. */
function reassign(settled: Parts, one: Parts, other: Parts): Parts {
  if (sum(settled) < sum(one) || sum(settled) > sum(other)) return settled;
  const low = one.map((part, index) => least(part, other[index] ?? 0n));
  const high = one.map((part, index) => -least(-part, -(other[index] ?? 0n)));
  const inside = settled.map((part, index) => -least(-least(part, high[index] ?? 0n), -(low[index] ?? 0n)));
  const outside = sum(settled) - sum(inside);
  return plus(inside, shareOf(plus(outside > 0n ? high : low, inside, -1n), outside), 1n);
}

/**
 * `part` divided like `whole`, by the largest remainders: each share is rounded to one of its two neighbouring integers. Nothing if
 * the whole adds up to nothing.
 */
function shareOf(whole: Parts, part: bigint): Parts {
  const total = sum(whole);
  if (total === 0n || part === 0n) return whole.map(() => 0n);
  const [numerator, denominator] = total < 0n ? [-part, -total] : [part, total];
  const remainders = whole.map((amount) => (((amount * numerator) % denominator) + denominator) % denominator);
  const shares = whole.map((amount, index) => (amount * numerator - (remainders[index] ?? 0n)) / denominator);
  const largest = remainders.map((remainder, index) => ({ remainder, index })).sort((a, b) => Number(b.remainder - a.remainder));
  for (const { index } of largest.slice(0, Number(part - sum(shares)))) shares[index] = (shares[index] ?? 0n) + 1n;
  return shares;
}

function plus(parts: Parts, others: Parts, sign: bigint): Parts {
  return parts.map((part, index) => part + sign * (others[index] ?? 0n));
}

function sum(parts: Parts): bigint {
  return parts.reduce((total, part) => total + part, 0n);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
