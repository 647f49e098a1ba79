/** One HTTP request of which every failure is told by a `SafetensorsError`: no connection, an error status, silence, a cut body. */
import { SafetensorsError } from './error.js';

/** How files are fetched. */
export interface HttpOptions {
  /** Headers for every request, such as `Authorization` for a file that is not public. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which a connection that gives no byte is given up; 30,000 if left out. */
  readonly stallMs?: number;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Stops the request, which then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A response whose head has come. */
export interface Answer {
  readonly response: Response;
  /** The body, chunk by chunk. */
  chunks(): AsyncGenerator<Uint8Array>;
}

/** A URL as errors call it: without credentials and without its query, which may hold a signature. */
export function nameOf(url: string | URL): string {
  const text = String(url).replace(/[?#].*$/s, '');
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1');
}

/** Requests `url` and lets `use` read the answer; the connection is closed when `use` ends, however it ends. */
export async function request<T>(
  url: string | URL,
  { headers, stallMs = 30_000, fetch = globalThis.fetch, signal }: HttpOptions,
  use: (answer: Answer) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const file = nameOf(url);
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stall = (): void => {
    const hint = 'the connection has stalled';
    controller.abort(new SafetensorsError({ file, field: 'fetch', expected: `a byte within ${stallMs} ms`, got: 'none', hint }));
  };
  const aborted = abortOf(controller.signal);
  /** Waits for the network, and no longer than it may be silent, even if `fetch` does not heed the signal. */
  const fromNetwork = async <R>(act: () => Promise<R>): Promise<R> => {
    clearTimeout(timer);
    timer = setTimeout(stall, stallMs);
    try {
      return await Promise.race([act(), aborted]);
    } catch (cause) {
      controller.signal.throwIfAborted();
      throw new SafetensorsError({ file, field: 'fetch', expected: 'an answer of the server', got: reasonOf(cause) }, { cause });
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    const response = await fromNetwork(() => fetch(url, { headers: { ...headers }, signal: controller.signal }));
    return await use({ response, chunks: () => chunksOf(response, fromNetwork) });
  } finally {
    signal?.removeEventListener('abort', abort);
    controller.abort(); // frees the connection of a body that was not read to its end
  }
}

/** Rejects when `signal` aborts, and never settles otherwise; it may go unheard. */
function abortOf(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  aborted.catch(() => {});
  return aborted;
}

async function* chunksOf(response: Response, fromNetwork: <R>(act: () => Promise<R>) => Promise<R>): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await fromNetwork(() => reader.read());
    if (done) return;
    yield value;
  }
}

/** What went wrong, with the cause that `fetch` hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message;
}

/** Refuses an answer that is not `status`, with what can be done about it. */
export function requireStatus({ response }: Answer, status: number, file: string): void {
  if (response.status === status) return;
  const got = `${response.status} ${response.statusText}`.trim();
  throw new SafetensorsError({ file, field: 'fetch', expected: `HTTP status ${status}`, got, hint: hintOf(response, status) });
}

function hintOf(response: Response, wanted: number): string | undefined {
  if (response.status === 401 || response.status === 403) return 'is a header with credentials missing?';
  if (response.status === 404) return 'there is no such file';
  if (wanted === 206 && response.status === 200) return 'the server does not serve ranges: readSafetensorsUrl reads the file whole';
  if (wanted === 206 && response.status === 416) return 'the server does not have this range: has the file changed, or is it empty?';
  return undefined;
}
