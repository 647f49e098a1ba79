import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { liveTensors } from '@multihead/tensor';
import { decoderData } from './benches/decode/data.ts';
import { ours as decoder } from './benches/decode/multihead.ts';
import { trainingData } from './benches/training/data.ts';
import { ours as trainer } from './benches/training/multihead.ts';
import { watchingMemories } from './memory.ts';
import { markdownTable } from './table.ts';

/*
 * `pnpm bench --soak MINUTES`: training steps and decoding by turns, in float32 and in 8 bits, on three backends in one process, and once a
 * minute what all of it takes. Whatever grows is a leak.
 */

interface Sample {
  minute: number;
  steps: number;
  tokens: number;
  tensors: number;
  /** Megabytes: of all WebAssembly memories, of JavaScript objects after a collection, of the process. */
  wasm: number;
  heap: number;
  process: number;
}

const TOKENS = 32;
const STEPS = 4;
const MB = 1e6;

/** A table of the samples, and whether memory stayed flat and everything was given back. */
export async function soak(minutes: number, threads: number, report: (line: string) => void): Promise<{ table: string; flat: boolean }> {
  const { result: work, memories } = await watchingMemories(async () => ({
    training: await trainer(trainingData(), threads),
    decoders: [await decoder(decoderData(), TOKENS, threads), await decoder(decoderData(), TOKENS, threads, 32)],
  }));
  const samples: Sample[] = [];
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const begin = performance.now();
  let steps = 0;
  let tokens = 0;
  for (let minute = 0; minute <= minutes; minute++) {
    do {
      await work.training.run(STEPS);
      steps += STEPS;
      for (const one of work.decoders) {
        await one.rewind?.();
        await one.run(TOKENS);
        tokens += TOKENS;
      }
    } while (performance.now() - begin < minute * 60_000);
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    const wasm = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    samples.push({ minute, steps, tokens, tensors: liveTensors(), wasm: wasm / MB, heap: heapUsed / MB, process: rss / MB });
    report(JSON.stringify(samples.at(-1)));
  }
  for (const one of [work.training, ...work.decoders]) await one.close?.();
  return { table: tableOf(samples), flat: isFlat(samples) && liveTensors() === 0 };
}

/** From the first minute on: as many tensors, as much WebAssembly memory, and no more than a megabyte of JavaScript. */
export function isFlat(samples: readonly Pick<Sample, 'tensors' | 'wasm' | 'heap'>[]): boolean {
  const [first, ...rest] = samples.slice(1);
  if (!first) return false;
  return rest.every(({ tensors, wasm, heap }) => tensors === first.tensors && wasm === first.wasm && heap <= first.heap + 1);
}

function tableOf(samples: readonly Sample[]): string {
  const header = ['minute', 'training steps', 'tokens', 'tensors', 'WebAssembly, MB', 'JavaScript, MB', 'process, MB'];
  const rows = samples.map(({ minute, steps, tokens, tensors, wasm, heap, process }) => {
    return [minute, steps, tokens, tensors, ...[wasm, heap, process].map((x) => x.toFixed(1))].map(String);
  });
  return markdownTable(header, rows);
}
