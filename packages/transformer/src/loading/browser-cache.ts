import type { ByteSource } from '@multihead/tensor/safetensors';
import type { Checkpoint } from './checkpoint.js';

export interface BrowserCacheOptions {
  /** What the cache is called. */
  name?: string;
  /** In place of the browser's own. */
  caches?: Pick<CacheStorage, 'open'>;
}

/**
 * A checkpoint whose files are kept by the browser, in its Cache API: what is there is read from there, what is not is fetched whole, once.
 * Where there is no such cache, or no room in it, files are fetched as without.
 *
 * @example
 * const model = await load(GPT2LMHeadModel, browserCached(hub('openai-community/gpt2')));
 */
export function browserCached(checkpoint: Checkpoint, options: BrowserCacheOptions = {}): Checkpoint {
  const { name = 'multihead', caches = globalThis.caches } = options;
  return {
    name: checkpoint.name,
    open: async (file, openOptions) => {
      const cache = await caches?.open(name).catch(() => null);
      if (!cache) return checkpoint.open(file, openOptions);
      // A name that no server has: entries are found by it, and nothing is fetched from it.
      const key = `https://checkpoint.invalid/${encodeURIComponent(checkpoint.name)}/${encodeURIComponent(file)}`;
      const held = await cache.match(key);
      if (held) return held.ok ? blobSource(await held.blob(), file) : null;
      const source = await checkpoint.open(file, openOptions);
      if (!source) {
        await cache.put(key, new Response(null, { status: 404 })).catch(() => {}); // that there is none
        return null;
      }
      const bytes = await source.read(0, source.size, openOptions);
      await source.close?.();
      const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
      await cache.put(key, new Response(blob)).catch(() => {});
      return blobSource(blob, file);
    },
  };
}

function blobSource(blob: Blob, name: string): ByteSource {
  return { name, size: blob.size, read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()) };
}
