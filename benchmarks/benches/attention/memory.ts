import { scope } from '@multihead/tensor';
import type { Verdict } from '../../bars.ts';
import { type Memory, memoryOf } from '../../memory.ts';
import { onBackend } from '../../peers/multihead.ts';
import type { Extra } from '../bench.ts';
import { attentionData, dim, heads } from './data.ts';
import { attention, inputsOf } from './multihead.ts';

/** What forward and backward take, by tokens: it has to grow as they do, not as their square. */
export async function memoryTable(sizes: readonly number[], threads: number): Promise<Extra> {
  const found: Memory[] = [];
  for (const tokens of sizes) found.push(await memoryOfBoth(tokens, threads));
  const rows = sizes.map((tokens, i) => [`${tokens}`, inMegabytes(found[i]!.tensors), inMegabytes(found[i]!.memory)]);
  const [least, most] = [sizes.at(-2)!, sizes.at(-1)!];
  const growth = most / least;
  const verdict = (what: keyof Memory, title: string, slack: number): Verdict => {
    const ratio = found.at(-1)![what] / found.at(-2)![what];
    const limit = growth * slack;
    return {
      case: 'memory',
      what: `${title} at ${most} over that at ${least} tokens`,
      wanted: `≤ ${limit.toFixed(1)}×`,
      found: `${ratio.toFixed(2)}×`,
      met: ratio <= limit,
    };
  };
  return {
    title: 'Memory of our backend for forward and backward, inputs included',
    header: ['tokens', 'tensors at the peak, MB', 'WebAssembly memory, MB'],
    rows,
    // The memory grows by a quarter at a time.
    verdicts: [verdict('tensors', 'the peak of tensors', 1.05), verdict('memory', 'the WebAssembly memory', 1.25)],
  };
}

function memoryOfBoth(tokens: number, threads: number): Promise<Memory> {
  const data = attentionData(tokens);
  return memoryOf(threads, async (backend) => {
    const inputs = inputsOf(backend, data);
    const leaves = Object.values(inputs);
    for (const x of leaves) x.requiresGrad = true;
    const dOut = onBackend(backend, data.dOut, [1, tokens, heads * dim]);
    const open = scope();
    attention(inputs).backward(dOut);
    open.close();
    for (const x of [...leaves, dOut]) x.dispose();
  });
}

function inMegabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
