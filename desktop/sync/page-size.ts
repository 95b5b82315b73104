// How many changes to ask for in a page. Pages grow while they arrive quickly, stay small on a slow line, and shrink where
// connections do not last.

/**
 * Changes per page: few at first, so that a slow line soon has something to show, and more while pages arrive quickly.
 * Every page has a fixed cost on both sides, but beyond these sizes there is little to gain: pages then take more memory
 * and delay readers on the same thread.
 */
const FIRST_PAGE_CHANGES = 1000;
const MAX_PAGE_CHANGES = 2000;
/** Even the poorest connection can take a page of this many. */
const MIN_PAGE_CHANGES = 20;
/** After a page that was cut, this many must arrive before pages grow again, each time. */
const PAGES_BEFORE_GROWTH = 8;
/** A page that arrives within this time is quick. */
const QUICK_PAGE_MS = 1000;

/** How many changes to ask for in a page; what it has learned of the connection it keeps from run to run. */
export class PageSize {
  #changes = FIRST_PAGE_CHANGES;
  #wasCut = false;
  #untilGrowth = 0;

  get changes(): number {
    return this.#changes;
  }

  startRun(): void {
    this.#changes = Math.min(this.#changes, FIRST_PAGE_CHANGES);
  }

  onArrival(tookMs: number): void {
    const most = tookMs < QUICK_PAGE_MS ? MAX_PAGE_CHANGES : FIRST_PAGE_CHANGES;
    this.#untilGrowth -= 1;
    if (this.#untilGrowth <= 0) {
      this.#changes *= 2;
      this.#untilGrowth = this.#wasCut ? PAGES_BEFORE_GROWTH : 0;
    }
    this.#changes = Math.min(this.#changes, most);
  }

  onCut(): void {
    this.#wasCut = true;
    this.#untilGrowth = PAGES_BEFORE_GROWTH;
    this.#changes = Math.max(MIN_PAGE_CHANGES, Math.floor(this.#changes / 2));
  }
}
