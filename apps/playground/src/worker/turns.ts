import type { Backend } from '@multihead/tensor';

/** Lets only one task at a time touch tensors: scopes of two interleaved tasks would cross. */
export function oneAtATime(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task);
    last = next.catch(() => undefined);
    return next;
  };
}

/** Resolves when the messages that have arrived meanwhile, cancellations among them, have been handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Makes `backend` let messages in whenever it is read, so that long computations can be cancelled between two reads. */
export function interruptible(backend: Backend): Backend {
  const read = backend.read.bind(backend);
  return Object.assign(backend, {
    read: async (...args: Parameters<Backend['read']>) => {
      const data = await read(...args);
      await nextTurn();
      return data;
    },
  });
}
