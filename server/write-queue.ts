// Group commit: writers queue, and whatever queued while the last batch was being committed is committed together.
//
// One batch runs at a time, in the order of arrival. A batch settles its own jobs; the queue only decides which jobs
// share a transaction.

export class WriteQueue<Job> {
  readonly #runBatch: (jobs: readonly Job[]) => Promise<void>;
  readonly #maxBatch: number;
  #waiting: Job[] = [];
  #running: Promise<void> | null = null;

  /** `runBatch` settles every job it is given and never rejects. */
  constructor(runBatch: (jobs: readonly Job[]) => Promise<void>, maxBatch: number) {
    this.#runBatch = runBatch;
    this.#maxBatch = maxBatch;
  }

  add(job: Job): void {
    this.#waiting.push(job);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is queued or running. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Requests that arrived in the same turn of the event loop still join the first batch.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      await this.#runBatch(this.#waiting.splice(0, this.#maxBatch));
    }
    this.#running = null;
  }
}
