import type { Bench } from './bench.ts';

/** Loaded one at a time: each bench loads libraries. */
export const benches: Record<string, () => Promise<Bench>> = {
  matmul: async () => (await import('./matmul.ts')).bench,
  encoder: async () => (await import('./encoder.ts')).bench,
  training: async () => (await import('./training.ts')).bench,
  nanogpt: async () => (await import('./nanogpt.ts')).bench,
  attention: async () => (await import('./attention.ts')).bench,
  decode: async () => (await import('./decode.ts')).bench,
  embed: async () => (await import('./embed.ts')).bench,
  generate: async () => (await import('./generate.ts')).bench,
  start: async () => (await import('./start.ts')).bench,
  tokenizer: async () => (await import('./tokenizer.ts')).bench,
};
