/** Several reads at a time, but not all: a range of a file behind a URL costs a round trip, and a tensor in flight costs memory. */

/** How many reads are under way at once. */
const WORKERS = 4;

/**
 * What `act` gives for each item, in the order of the items. The first failure, or an abort of `signal`, aborts the signal that the
 * others were given and is thrown when all of them have ended.
 */
export async function concurrently<T, R>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  act: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  signal?.throwIfAborted();
  const results = new Array<R>(items.length);
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length && !controller.signal.aborted) {
      const index = next++;
      try {
        results[index] = await act(items[index], controller.signal);
      } catch (error) {
        controller.abort(error); // only the first abort counts
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS, items.length) }, work));
  signal?.removeEventListener('abort', abort);
  controller.signal.throwIfAborted();
  return results;
}
