/** Safetensors files behind URLs: tensor by tensor, whole, or in shards. */
import { ArrivingBytes } from './arriving-bytes.js';
import { SafetensorsError } from './error.js';
import { LENGTH_BYTES, MAX_HEADER_BYTES, parseHeader, readHeaderLength, sizeOf } from './header.js';
import { type Answer, type HttpOptions, nameOf, request, requireStatus } from './http-request.js';
import { httpSource } from './http-source.js';
import { openSafetensors, parseSafetensors, type SafetensorsFile, type SafetensorsReader } from './read.js';
import { openShardedSafetensors, type ShardedSafetensorsReader } from './sharded.js';
import type { ReadOptions } from './source.js';

/**
 * Opens a safetensors file behind a URL and reads its header; each tensor is fetched, by its range of bytes, when it is asked for.
 *
 * @throws SafetensorsError if the file breaks the format, and whatever `httpSource` throws: for a server without range requests there
 * is `readSafetensorsUrl`.
 * @example
 * const reader = await openSafetensorsUrl('https://huggingface.co/openai-community/gpt2/resolve/main/model.safetensors');
 * const { shape, data } = await reader.read('wpe.weight', { onProgress: ({ loaded, total }) => show(loaded / total) });
 */
export async function openSafetensorsUrl(url: string | URL, options: HttpOptions = {}): Promise<SafetensorsReader> {
  return openSafetensors(await httpSource(url, options), { signal: options.signal });
}

/**
 * Fetches a safetensors file whole, from any server. The header is checked as soon as it has come: a file that breaks the format is not
 * fetched to its end.
 *
 * @throws SafetensorsError if the file breaks the format, is cut short or goes on behind its end; if the server cannot be reached, gives
 * an error status or falls silent. An aborted signal throws its reason.
 * @example
 * const file = await readSafetensorsUrl('model.safetensors', { onProgress: ({ loaded, total }) => show(loaded / total) });
 * loadStateDict(model, await stateOf(file));
 */
export async function readSafetensorsUrl(url: string | URL, options: HttpOptions & ReadOptions = {}): Promise<SafetensorsFile> {
  const file = nameOf(url);
  const bytes = await request(url, options, async (answer) => {
    requireStatus(answer, 200, file);
    const arriving = new ArrivingBytes(announcedBytes(answer), file);
    let checked = false;
    for await (const chunk of answer.chunks()) {
      arriving.push(chunk);
      checked ||= checkStart(arriving, file);
      if (checked) options.onProgress?.({ loaded: arriving.soFar.length, total: arriving.total! });
    }
    return arriving.end();
  });
  return parseSafetensors(bytes, { name: file });
}

/** Bytes that the server says the body has; unknown for a compressed body, whose announced length is another. */
function announcedBytes({ response }: Answer): number | undefined {
  if ((response.headers.get('Content-Encoding') ?? 'identity') !== 'identity') return undefined;
  const text = response.headers.get('Content-Length') ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Checks the header if it has come whole, and takes the size of the file from it. */
function checkStart(arriving: ArrivingBytes, file: string): boolean {
  const { soFar, total } = arriving;
  if (soFar.length < LENGTH_BYTES) return false;
  const headerEnd = LENGTH_BYTES + readHeaderLength(soFar, total ?? LENGTH_BYTES + MAX_HEADER_BYTES, file);
  if (soFar.length < headerEnd) return false;
  arriving.expect(sizeOf(parseHeader(soFar.subarray(LENGTH_BYTES, headerEnd), total, file)));
  return true;
}

/**
 * Opens a checkpoint in shards by the URL of its index; the shards are its neighbours. Their headers are fetched now, each tensor when
 * it is asked for.
 *
 * @throws SafetensorsError for a bad index, and whatever `httpSource` and `openShardedSafetensors` throw.
 * @example
 * const checkpoint = await openShardedSafetensorsUrl(`https://huggingface.co/${repository}/resolve/main/model.safetensors.index.json`);
 * loadStateDict(model, await stateOf(checkpoint, { onProgress: ({ loaded, total }) => show(loaded / total) }));
 */
export async function openShardedSafetensorsUrl(url: string | URL, options: HttpOptions = {}): Promise<ShardedSafetensorsReader> {
  const name = nameOf(url);
  const index = await readUrl(url, { ...options, maxBytes: MAX_HEADER_BYTES });
  const base = new URL(url, globalThis.location?.href);
  const open = (shard: string, { signal }: { signal: AbortSignal }) =>
    httpSource(new URL(encodeURIComponent(shard), base), { ...options, signal });
  return openShardedSafetensors(index, open, { name, signal: options.signal });
}

/**
 * Fetches a small file whole, from any server: an index, a config.
 *
 * @throws SafetensorsError if the file has more than `maxBytes` (100 MB if left out), if the server cannot be reached, gives an error status or
 * falls silent. An aborted signal throws its reason.
 * @example
 * const config = JSON.parse(new TextDecoder().decode(await readUrl(`https://huggingface.co/${repository}/resolve/main/config.json`)));
 */
export async function readUrl(url: string | URL, options: HttpOptions & { maxBytes?: number } = {}): Promise<Uint8Array> {
  const { maxBytes = MAX_HEADER_BYTES, ...http } = options;
  const file = nameOf(url);
  return request(url, http, async (answer) => {
    requireStatus(answer, 200, file);
    const arriving = new ArrivingBytes(announcedBytes(answer), file);
    for await (const chunk of answer.chunks()) {
      arriving.push(chunk);
      if (arriving.soFar.length > maxBytes) {
        throw new SafetensorsError({ file, field: 'size', expected: `at most ${maxBytes} bytes`, got: 'more' });
      }
    }
    return arriving.end();
  });
}
