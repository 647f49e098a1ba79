/** A file behind a URL as a source of bytes: the header and each tensor are fetched by HTTP range requests, and nothing else is. */
import { ArrivingBytes } from './arriving-bytes.js';
import { SafetensorsError } from './error.js';
import { type Answer, type HttpOptions, nameOf, request, requireStatus } from './http-request.js';
import type { ByteSource, ReadOptions } from './source.js';

// The first request asks for so many bytes: most headers are shorter, and then opening a file is one round trip.
const FIRST_BYTES = 1 << 16;

/** Bytes of a file that an answer has, and how many the file has in all. */
interface ContentRange {
  readonly from: number;
  readonly to: number;
  readonly size: number;
}

/**
 * A file behind a URL as a source for `openSafetensors`. Its size and its first bytes are fetched now, the rest by range requests as it
 * is asked for. Redirects are followed.
 *
 * @throws SafetensorsError, now or in a read, if the server cannot be reached, gives an error status, does not serve ranges, gives other
 * bytes or fewer than asked for, falls silent, or if the file changes meanwhile. An aborted signal throws its reason.
 * @example
 * const source = await httpSource('https://example.org/model.safetensors', { headers: { Authorization: `Bearer ${token}` } });
 * const reader = await openSafetensors(source);
 */
export async function httpSource(url: string | URL, options: HttpOptions = {}): Promise<ByteSource> {
  const file = nameOf(url);
  const first = await fetchRange(url, { ...options, from: 0, to: FIRST_BYTES });
  const { size } = first.range;
  return {
    name: file,
    size,
    async read(from, to, { signal, onProgress } = {}) {
      if (to <= first.bytes.length) return first.bytes.slice(from, to);
      const { bytes, range, tag } = await fetchRange(url, { ...options, signal, onProgress, from, to });
      const changed = range.size !== size || (tag !== null && first.tag !== null && tag !== first.tag);
      if (changed) {
        const got = `one of ${range.size} bytes${tag === null ? '' : ` (ETag ${tag})`}`;
        const expected = `the file of ${size} bytes${first.tag === null ? '' : ` (ETag ${first.tag})`} that was opened`;
        throw new SafetensorsError({ file, field: 'fetch', expected, got, hint: 'the file has changed' });
      }
      return bytes;
    },
  };
}

/** The bytes from `from` up to `to`, or up to the end of the file. */
async function fetchRange(
  url: string | URL,
  options: HttpOptions & ReadOptions & { from: number; to: number },
): Promise<{ bytes: Uint8Array; range: ContentRange; tag: string | null }> {
  const { from, to, onProgress } = options;
  const file = nameOf(url);
  const headers = { ...options.headers, Range: `bytes=${from}-${to - 1}` };
  return request(url, { ...options, headers }, async (answer) => {
    requireStatus(answer, 206, file);
    const range = contentRange(answer, file);
    if (range.from !== from || range.to !== Math.min(to, range.size)) {
      const expected = `bytes ${from} to ${Math.min(to, range.size) - 1}`;
      throw new SafetensorsError({ file, field: 'Content-Range', expected, got: `${range.from} to ${range.to - 1}` });
    }
    const total = range.to - from;
    const arriving = new ArrivingBytes(total, file);
    for await (const chunk of answer.chunks()) {
      arriving.push(chunk);
      onProgress?.({ loaded: arriving.soFar.length, total });
    }
    return { bytes: arriving.end(), range, tag: answer.response.headers.get('ETag') };
  });
}

function contentRange({ response }: Answer, file: string): ContentRange {
  const refuse = (field: string, expected: string, got: string, hint?: string): never => {
    throw new SafetensorsError({ file, field, expected, got, hint });
  };
  const coding = response.headers.get('Content-Encoding') ?? 'identity';
  if (coding !== 'identity') refuse('Content-Encoding', 'the bytes of the file as they are', coding);
  const text = response.headers.get('Content-Range');
  if (text === null) {
    const hint = 'a page of another origin sees it only if the server lists it in Access-Control-Expose-Headers';
    return refuse('Content-Range', 'a header that tells which bytes came', 'none', hint);
  }
  const [from, to, size] = (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(text.trim()) ?? []).slice(1).map(Number);
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(to)) refuse('Content-Range', 'bytes FROM-TO/SIZE', text.slice(0, 100));
  return { from, to: to + 1, size };
}
