// A stand-in for the preview's worker thread: answers a call with its body, or dies if the body says so.

import { parentPort, threadId } from 'node:worker_threads';

import type { ToPreviewWorker } from '../../../desktop/preview/worker.ts';

parentPort?.on('message', (message: ToPreviewWorker) => {
  if (message === 'close') return parentPort?.close();
  if (typeof message === 'string') return parentPort?.postMessage({ status: `"${threadId} ${message}"` });
  if (message.body === 'exit') return process.exit(1);
  if (message.body === 'throw') throw new Error('died on request');
  // Never answered.
  if (message.body === 'wait') return;
  parentPort?.postMessage({ status: `"${threadId}"` });
  parentPort?.postMessage({ id: message.id, outcome: message.body });
});
