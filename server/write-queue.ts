// Group commit: writes that arrive while a batch is being committed form the next batch. Both stores use this.
//
// One batch runs at a time, in order of arrival. The queue only decides which jobs share a transaction; the batch
// settles its own jobs.

export class WriteQueue<Job> {
  readonly #runBatch: (jobs: readonly Job[]) => Promise<void>;
  readonly #maxBatchSize: number;
  #waiting: Job[] = [];
  #running: Promise<void> | null = null;

  /** `runBatch` must settle every job it receives and never reject. */
  constructor(runBatch: (jobs: readonly Job[]) => Promise<void>, maxBatchSize: number) {
    this.#runBatch = runBatch;
    this.#maxBatchSize = maxBatchSize;
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
      await this.#runBatch(this.#waiting.splice(0, this.#maxBatchSize));
    }
    this.#running = null;
  }
}
