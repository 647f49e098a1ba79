import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Skip } from '../suite.js';
import type { Outcome, Task } from './document.js';

/** Megabytes of heap that the process has: what a file makes it need beyond that, kills it. */
const HEAP = 256;
/** The process has to start within this time, on a busy machine, too. */
const START_MS = 60_000;

type Message = { ready: true } | { outcomes: Outcome[] } | { skip: string };

/** A process that reads hostile files. One serves for many, and the next one takes over when it crashes or hangs. */
export class Sandbox {
  readonly #program: string;
  #child: ChildProcess | undefined;
  #errors = '';

  /** `program` answers tasks; the tests give their own. */
  constructor(program = fileURLToPath(new URL('./child.ts', import.meta.url))) {
    this.#program = program;
  }

  /** What became of the file, in every way of reading it; throws an Error for a crash and for no answer within `limitMs`. */
  async read(task: Task, limitMs: number): Promise<Outcome[]> {
    const child = this.#child ?? (await this.#start());
    child.send(task);
    const message = await this.#answer(child, limitMs);
    if ('skip' in message) throw new Skip(`no way to check: ${message.skip}`);
    if (!('outcomes' in message)) throw new Error('the process started twice');
    return message.outcomes;
  }

  /** Ends the process, if there is one; it also ends with this one. */
  close(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  async #start(): Promise<ChildProcess> {
    const flags = ['--conditions=@multihead/source', '--import=tsx', '--expose-gc', `--max-old-space-size=${HEAP}`];
    const cwd = fileURLToPath(new URL('..', import.meta.url));
    const child = fork(this.#program, { cwd, execArgv: flags, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    this.#errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    await this.#answer(child, START_MS);
    // It shall not keep this process alive: a waiting timer does, while there is something to wait for.
    child.unref();
    child.channel?.unref();
    (child.stderr as unknown as { unref(): void }).unref();
    return child;
  }

  /** The next message of the process. */
  async #answer(child: ChildProcess, limitMs: number): Promise<Message> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waiting = new AbortController();
    const once = (event: string, act: (...args: never[]) => void): void => {
      child.once(event, act as () => void);
      waiting.signal.addEventListener('abort', () => child.off(event, act as () => void));
    };
    try {
      return await new Promise<Message>((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`hangs: no answer within ${limitMs} ms`)), limitMs);
        once('message', (message: Message) => resolve(message));
        once('error', (error: Error) => reject(error));
        once('close', (code: number | null, signal: string | null) =>
          reject(new Error(`crashes: the process ended with ${signal ?? `code ${code}`}${this.#lastError()}`)),
        );
      });
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      waiting.abort();
    }
  }

  #lastError(): string {
    const line = /^(?:\w*Error\b|FATAL ERROR).*/m.exec(this.#errors)?.[0];
    return line === undefined ? '' : `: ${line}`;
  }
}
