import { type Backend, cpu } from '@multihead/tensor';

/** The CPU backend as if it were a GPU: it can only be read asynchronously. */
export function asynchronous(): Backend {
  const backend = cpu();
  const readSync = backend.readSync!.bind(backend);
  return Object.assign(backend, {
    name: 'asynchronous',
    readSync: undefined,
    read: async (...args: Parameters<typeof readSync>) => {
      const data = readSync(...args);
      await new Promise((resolve) => setTimeout(resolve));
      return data;
    },
  });
}
