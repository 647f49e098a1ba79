/*
 * Typed calls from a page to a worker: a name, one argument, one result, any number of reports on the way. A call is cancelled by the
 * abort of its signal, which arrives in the worker as the abort of another signal.
 */

/** What a worker can be asked, by name. */
export type Calls = Record<string, { argument: unknown; result: unknown; report: unknown }>;

type Question<C extends Calls> =
  | { type: 'call'; id: number; name: keyof C; argument: C[keyof C]['argument'] }
  | { type: 'cancel'; id: number };

type Reply<C extends Calls> =
  | { type: 'report'; id: number; value: C[keyof C]['report'] }
  | { type: 'result'; id: number; value: C[keyof C]['result'] }
  | { type: 'error'; id: number; name: string; message: string };

export type Handlers<C extends Calls> = {
  [K in keyof C]: (
    argument: C[K]['argument'],
    call: { signal: AbortSignal; report: (value: C[K]['report']) => void },
  ) => Promise<C[K]['result']>;
};

/** What of a worker this module needs: `Worker` on one side, the worker's global on the other. */
interface Port {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

/** In the worker: answers calls. */
export function serve<C extends Calls>(port: Port, handlers: Handlers<C>): void {
  const running = new Map<number, AbortController>();
  const reply = (message: Reply<C>) => port.postMessage(message);
  port.addEventListener('message', async (event: MessageEvent<Question<C>>) => {
    const question = event.data;
    const { id } = question;
    if (question.type === 'cancel') {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    const report = (value: C[keyof C]['report']) => reply({ type: 'report', id, value });
    try {
      reply({ type: 'result', id, value: await handlers[question.name](question.argument, { signal: controller.signal, report }) });
    } catch (error) {
      const { name, message } = error instanceof Error || error instanceof DOMException ? error : { name: 'Error', message: String(error) };
      reply({ type: 'error', id, name, message });
    } finally {
      running.delete(id);
    }
  });
}

export interface CallOptions<Report> {
  signal?: AbortSignal;
  onReport?: (value: Report) => void;
}

export type Call<C extends Calls> = <K extends keyof C>(
  name: K,
  argument: C[K]['argument'],
  options?: CallOptions<C[K]['report']>,
) => Promise<C[K]['result']>;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (reason: unknown) => void;
  onReport?: (value: never) => void;
}

/** In the page: a function that calls the worker. When the worker dies, what waits for it is rejected. */
export function connect<C extends Calls>(worker: Worker): Call<C> {
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  worker.addEventListener('message', (event: MessageEvent<Reply<C>>) => {
    const reply = event.data;
    const call = waiting.get(reply.id);
    if (!call) return;
    if (reply.type === 'report') {
      call.onReport?.(reply.value as never);
      return;
    }
    waiting.delete(reply.id);
    if (reply.type === 'result') call.resolve(reply.value);
    else call.reject(new DOMException(reply.message, reply.name));
  });
  worker.addEventListener('error', (event) => {
    const reason = new Error(event.message || 'The worker could not be started.');
    for (const call of waiting.values()) call.reject(reason);
    waiting.clear();
  });
  return <K extends keyof C>(name: K, argument: C[K]['argument'], { signal, onReport }: CallOptions<C[K]['report']> = {}) => {
    const id = calls++;
    return new Promise<C[K]['result']>((resolve, reject) => {
      signal?.throwIfAborted();
      waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onReport });
      worker.postMessage({ type: 'call', id, name, argument } satisfies Question<C>);
      signal?.addEventListener('abort', () => worker.postMessage({ type: 'cancel', id } satisfies Question<C>), { once: true });
    });
  };
}

/** True for what a cancelled call is rejected with. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
