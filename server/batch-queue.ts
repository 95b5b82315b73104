// Runs jobs in batches: what arrives while a batch is running forms the next one. Many writers thus share one commit, and many
// look-ups one command, while a job that comes alone does not wait.
//
// One batch runs at a time, in order of arrival. The queue only decides which jobs belong together; the batch settles its own jobs.
// A batch may take what has arrived since it began, as long as it can still do so: a client that the previous batch answered often
// comes back just after this one has begun.

/** Adds the jobs that have arrived meanwhile to the batch's own, in their order. Returns whether there were any. */
export type Gather = () => boolean;

/** Settles every job it receives, also those that `gather` adds to `jobs`, and never rejects. */
type RunBatch<Job> = (jobs: readonly Job[], gather: Gather) => Promise<void>;

export class BatchQueue<Job> {
  readonly #runBatch: RunBatch<Job>;
  readonly #maxBatchSize: number;
  #waiting: Job[] = [];
  #running: Promise<void> | null = null;

  constructor(runBatch: RunBatch<Job>, maxBatchSize: number) {
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
      const jobs = this.#waiting.splice(0, this.#maxBatchSize);
      await this.#runBatch(jobs, () => {
        const arrived = this.#waiting.splice(0, this.#maxBatchSize - jobs.length);
        jobs.push(...arrived);
        return arrived.length > 0;
      });
    }
    this.#running = null;
  }
}

/** One queue per account, for as long as it has jobs. */
export class AccountQueues<Job> {
  readonly #runBatch: (accountId: string, ...batch: Parameters<RunBatch<Job>>) => Promise<void>;
  readonly #maxBatchSize: number;
  readonly #queues = new Map<string, { readonly jobs: BatchQueue<Job>; unsettled: number }>();

  /** Like `BatchQueue`. */
  constructor(runBatch: (accountId: string, ...batch: Parameters<RunBatch<Job>>) => Promise<void>, maxBatchSize: number) {
    this.#runBatch = runBatch;
    this.#maxBatchSize = maxBatchSize;
  }

  add(accountId: string, job: Job): void {
    const queue = this.#queues.get(accountId) ?? this.#open(accountId);
    queue.unsettled += 1;
    queue.jobs.add(job);
  }

  #open(accountId: string): { readonly jobs: BatchQueue<Job>; unsettled: number } {
    const queue = {
      unsettled: 0,
      jobs: new BatchQueue<Job>(async (jobs, gather) => {
        await this.#runBatch(accountId, jobs, gather);
        queue.unsettled -= jobs.length;
        if (queue.unsettled === 0) this.#queues.delete(accountId);
      }, this.#maxBatchSize),
    };
    this.#queues.set(accountId, queue);
    return queue;
  }
}
