import { type ByteSource, SafetensorsError } from '@multihead/tensor/safetensors';

/*
 * Connections break, and servers are busy for a moment. What may be otherwise the next time is tried again; what a server is sure of, such as
 * 404, is not.
 */

/** The first pause, in milliseconds; each one after it is twice as long. */
const pause = 250;
/** Long ranges come in pieces, so that a break costs no more than one of them. */
const piece = 1 << 26;

/** Runs `act`, up to `retries` times again where the network has failed it. */
export async function retrying<T>(act: () => Promise<T>, retries: number): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await act();
    } catch (error) {
      if (tried >= retries || !isPassing(error)) throw error;
      // An abort meanwhile is seen by the next request.
      await new Promise((resolve) => setTimeout(resolve, pause * 2 ** tried));
    }
  }
}

/** No answer, silence, a body that is cut short, or a status that says "later": all but the other statuses below 500. */
function isPassing(error: unknown): boolean {
  return error instanceof SafetensorsError && error.field === 'fetch' && !/^(?!408|429)[1-4]\d\d\b/.test(error.got);
}

/** `source`, whose reads are tried again, piece by piece. */
export function retryingSource(source: ByteSource, retries: number): ByteSource {
  return {
    ...source,
    read: async (from, to, options = {}) => {
      const { onProgress } = options;
      const one = (a: number, b: number) => {
        const tell = onProgress && ((progress: { loaded: number }) => onProgress({ loaded: a - from + progress.loaded, total: to - from }));
        return retrying(() => source.read(a, b, { ...options, onProgress: tell }), retries);
      };
      const first = await one(from, Math.min(to, from + piece));
      if (to - from <= piece) return first;
      const all = new Uint8Array(to - from); // not before something has come: the size is the server's word
      all.set(first);
      for (let at = from + piece; at < to; at += piece) all.set(await one(at, Math.min(to, at + piece)), at - from);
      return all;
    },
  };
}
