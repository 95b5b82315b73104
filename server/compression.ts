// Which encoding an answer is sent in, and which form: what `Accept-Encoding` and `Accept` ask for (RFC 9110, 12.5), and the
// compressors.
//
// At these levels compressing takes less time than sending the same over a slow office line.

import { once } from 'node:events';
import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createGzip, createZstdCompress, type Zlib } from 'node:zlib';

import { releaseBuffer } from '../shared/heap.ts';

const encodings = ['zstd', 'br', 'gzip'] as const;
export type Encoding = (typeof encodings)[number] | 'identity';

/** The best encoding that `Accept-Encoding` allows: by weight, then in the order of `encodings`. */
export function negotiateEncoding(header: string): Encoding {
  const weights = readWeights(header);
  let best: Encoding = 'identity';
  let bestWeight = 0;
  for (const encoding of encodings) {
    const weight = weights.get(encoding) ?? weights.get('*') ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [encoding, weight];
  }
  return (weights.get('identity') ?? 0) > bestWeight ? 'identity' : best;
}

/** Whether `Accept` names this type, and gives JSON no greater weight. */
export function accepts(type: string, header: string): boolean {
  const weights = readWeights(header);
  const weight = weights.get(type) ?? 0;
  return weight > 0 && weight >= (weights.get('application/json') ?? weights.get('application/*') ?? weights.get('*/*') ?? 0);
}

/** The weight of each name in a list such as `br;q=0.5, gzip`. Other parameters are ignored. */
function readWeights(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    if (name !== '') weights.set(name, weight === undefined ? 1 : Number(weight) || 0);
  }
  return weights;
}

/** Each chunk is freed once it is compressed. */
export async function compress(chunks: readonly Buffer[], encoding: Exclude<Encoding, 'identity'>): Promise<Buffer> {
  const encoder = createEncoder(encoding);
  const compressed: Buffer[] = [];
  try {
    for (const chunk of chunks) compressed.push(...await encoder.encode(chunk));
    compressed.push(...await encoder.finish());
  } finally {
    encoder.close();
  }
  return Buffer.concat(compressed);
}

/** Compresses what is given to it piece by piece. Each call rejects if that fails. */
export interface Encoder {
  /** What can be sent by now; the chunk is freed. */
  encode(chunk: Buffer): Promise<readonly Buffer[]>;
  /** Everything given so far that has not been sent, so that the other end can read it. */
  flush(): Promise<readonly Buffer[]>;
  /** The rest. */
  finish(): Promise<readonly Buffer[]>;
  /** Frees its memory. */
  close(): void;
}

export function createEncoder(encoding: Exclude<Encoding, 'identity'>): Encoder {
  const compressor = createCompressor(encoding);
  let compressed: Buffer[] = [];
  compressor.on('data', (bytes: Buffer) => compressed.push(bytes));
  // A write that fails in the compressor never calls back; without a listener its error would end the process.
  let fail = (_error: Error): void => {};
  compressor.on('error', (error) => fail(error));
  const run = async (begin: (done: (error?: Error | null) => void) => void): Promise<readonly Buffer[]> => {
    await new Promise<void>((resolve, reject) => {
      fail = reject;
      begin((error) => error ? reject(error) : resolve());
    });
    return take();
  };
  const take = (): readonly Buffer[] => {
    const taken = compressed;
    compressed = [];
    return taken;
  };
  return {
    async encode(chunk) {
      const bytes = await run((done) => compressor.write(chunk, done));
      releaseBuffer(chunk);
      return bytes;
    },
    flush: () => run((done) => compressor.flush(done)),
    async finish() {
      await once(compressor.end(), 'end');
      return take();
    },
    close: () => void compressor.destroy(),
  };
}

/** Node's default, 16 KiB, takes a third longer. */
const chunkSize = 64 * 1024;

function createCompressor(encoding: Exclude<Encoding, 'identity'>): Transform & Zlib {
  switch (encoding) {
    case 'gzip': return createGzip({ chunkSize, level: 1 });
    case 'br': return createBrotliCompress({ chunkSize, params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
    case 'zstd': return createZstdCompress({ chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  }
}
