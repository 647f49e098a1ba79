import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Results } from '../agree.ts';
import { Absent, type Ready } from '../contest.ts';

/*
 * PyTorch on the CPU, if the Python at hand has it: `python3`, or the one that PYTHON names. It lives in a process of its own, which
 * pytorch.py serves, and measures itself there. Arrays go through files.
 */

export interface TorchArray {
  shape: readonly number[];
  data: Float32Array | Int32Array;
}

export interface TorchTask {
  /** A function of pytorch.py. */
  name: string;
  options: Readonly<Record<string, unknown>>;
  arrays: ReadonlyMap<string, TorchArray>;
}

const python = process.env.PYTHON ?? 'python3';
// The bundle lies in build/.
const script = fileURLToPath(new URL('../peers/pytorch.py', import.meta.url));

export async function pytorch({ name, options, arrays }: TorchTask, threads: number): Promise<Ready> {
  if (!isHere()) throw new Absent(`not here: ${python} has no torch`);
  const folder = mkdtempSync(join(tmpdir(), 'multihead-torch-'));
  const running = spawn(python, [script, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: running.stdout })[Symbol.asyncIterator]();

  async function ask<T>(request: object): Promise<T> {
    running.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await answers.next();
    if (done) throw new Error('the Python process ended');
    const answer = JSON.parse(value) as T & { error?: string };
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  const request = { do: 'prepare', task: name, options, arrays: writeArrays(join(folder, 'in'), arrays) };
  const { version } = await ask<{ version: string }>(request);
  return {
    note: `version ${version}`,
    run: async (n) => (await ask<{ ms: number }>({ do: 'run', n })).ms,
    async results() {
      const file = join(folder, 'out');
      const { arrays: places } = await ask<{ arrays: Record<string, [from: number, length: number]> }>({ do: 'results', file });
      const { buffer, byteOffset } = readFileSync(file);
      const found = Object.entries(places).map(([key, [from, length]]) => [key, new Float32Array(buffer, byteOffset + 4 * from, length)]);
      return Object.fromEntries(found) as Results;
    },
    close() {
      running.stdin.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let found: boolean | undefined;

function isHere(): boolean {
  found ??= spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0;
  return found;
}

interface Place {
  file: string;
  from: number;
  shape: readonly number[];
  dtype: 'float32' | 'int32';
}

/** All arrays in one file, and where each lies. */
function writeArrays(file: string, arrays: ReadonlyMap<string, TorchArray>): Record<string, Place> {
  const places: Record<string, Place> = {};
  const chunks: Uint8Array[] = [];
  let from = 0;
  for (const [name, { shape, data }] of arrays) {
    places[name] = { file, from, shape, dtype: data instanceof Float32Array ? 'float32' : 'int32' };
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    from += data.byteLength;
  }
  writeFileSync(file, Buffer.concat(chunks));
  return places;
}
