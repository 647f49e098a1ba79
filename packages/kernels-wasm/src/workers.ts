import { type Shared, workerSource } from './control.js';

/** Workers that have begun to look for work. */
export interface Started {
  /** True once one of them has died. */
  readonly lost: boolean;
  end(): void;
}

/** The part of a worker that Node and browsers have in common, each in its own words. */
interface AnyWorker {
  onReady(then: () => void): void;
  onDeath(then: (reason: string) => void): void;
  terminate(): void;
}

/** How long a worker may take to begin. */
const PATIENCE = 20_000;

/** Starts `count` workers; gives the reason if they cannot be had. */
export async function startWorkers(count: number, shared: Shared): Promise<Started | string> {
  const workers: AnyWorker[] = [];
  const state = { lost: false };
  let reason = '';
  const begun = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`a worker did not begin within ${PATIENCE / 1000} s`)), PATIENCE);
      const worker = start({ ...shared, index });
      workers.push(worker);
      worker.onReady(() => {
        clearTimeout(timer);
        resolve();
      });
      worker.onDeath((why) => {
        clearTimeout(timer);
        state.lost = true;
        reject(new Error(why));
      });
    });
  const end = (): void => {
    state.lost = true;
    for (const worker of workers) worker.terminate();
  };
  try {
    await Promise.all(Array.from({ length: count }, (_, i) => begun(i + 1)));
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
    end();
    return `threads: a worker could not be started (${reason})`;
  }
  return {
    get lost() {
      return state.lost;
    },
    end,
  };
}

type NodeThreads = typeof import('node:worker_threads');

function start(data: Shared & { readonly index: number }): AnyWorker {
  const threads = nodeThreads();
  return threads ? nodeWorker(threads, data) : webWorker(data);
}

/** Node's module, asked of the process: an import would send bundlers for the browser looking for it. */
function nodeThreads(): NodeThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined;
}

function nodeWorker({ Worker }: NodeThreads, data: object): AnyWorker {
  const begin = `const { workerData, parentPort } = process.getBuiltinModule('node:worker_threads');
work(workerData, () => parentPort.postMessage('ready'));`;
  const worker = new Worker(workerSource + begin, { eval: true, workerData: data });
  return {
    onReady: (then) =>
      worker.once('message', () => {
        worker.unref(); // a program may end without a word to its workers
        then();
      }),
    onDeath(then) {
      worker.once('error', (error) => then(String(error)));
      worker.once('exit', (code) => then(`it ended with code ${code}`));
    },
    terminate: () => void worker.terminate(),
  };
}

function webWorker(data: object): AnyWorker {
  const begin = "onmessage = ({ data }) => { work(data, () => postMessage('ready')); close(); };";
  const url = URL.createObjectURL(new Blob([workerSource + begin], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.postMessage(data);
  return {
    onReady(then) {
      worker.onmessage = () => {
        URL.revokeObjectURL(url);
        then();
      };
    },
    onDeath(then) {
      worker.onerror = (event) => then(event.message || 'the page may not start workers from a blob: URL');
    },
    terminate: () => worker.terminate(),
  };
}
