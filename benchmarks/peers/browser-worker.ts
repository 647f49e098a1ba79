import { resolveObjectURL } from 'node:buffer';
import { Worker as NodeWorker } from 'node:worker_threads';

/*
 * jax-js has threads where there is a browser's `Worker`, as many as `navigator` says there are cores. Node has no `Worker` of that kind,
 * so without help jax-js would run on one thread there. build.ts gives its code the two names below: a `Worker` on Node's threads, and
 * only where a bench asks for threads.
 */

interface Message {
  data: unknown;
}

class ThreadWorker {
  onmessage: ((event: Message) => void) | null = null;
  onerror: ((error: Error) => void) | null = null;
  readonly #started: Promise<NodeWorker>;

  constructor(url: string) {
    const blob = resolveObjectURL(url);
    if (!blob) throw new Error(`Worker: ${url} is no object URL`);
    this.#started = blob.text().then((source) => this.#start(source));
    this.#started.catch((error: Error) => this.onerror?.(error));
  }

  postMessage(message: unknown): void {
    void this.#started.then((worker) => worker.postMessage(message));
  }

  terminate(): void {
    void this.#started.then((worker) => worker.terminate());
  }

  #start(source: string): NodeWorker {
    const worker = new NodeWorker(`${prelude}\n${source}`, { eval: true });
    worker.on('message', (data) => this.onmessage?.({ data }));
    worker.on('error', (error) => this.onerror?.(error as Error));
    worker.unref();
    return worker;
  }
}

/** What a browser's worker finds in its scope. */
const prelude = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => self.onmessage({ data }));
`;

export let Worker: typeof ThreadWorker | undefined;
export let navigator: { hardwareConcurrency: number } | undefined;

/** Before jax-js is loaded. */
export function setThreads(threads: number): void {
  if (threads === 1) return;
  Worker = ThreadWorker;
  navigator = { hardwareConcurrency: threads };
}
