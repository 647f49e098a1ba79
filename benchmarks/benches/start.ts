import { faster, type Verdict } from '../bars.ts';
import { checkpoint, checkpoints, folderName } from '../checkpoints/folders.ts';
import type { Case } from '../contest.ts';
import type { Bench, Extra } from './bench.ts';
import { prompt, promptTokens } from './generate/data.ts';
import { type Bytes, oursBytes, transformersBytes } from './start/bytes.ts';
import { byFreshProcesses, fresh, type Program } from './start/fresh.ts';
import { serve } from './start/server.ts';

const programs: readonly (readonly [name: string, program: Program])[] = [
  ['multihead', 'first-multihead'],
  ['transformers.js', 'first-transformers'],
];

/** From the start of a process to the first token: code, files, weights, a prompt. */
export const bench: Bench = {
  name: 'start',
  title: `from the start of a process to the first token after a prompt of ${promptTokens}, a GPT-2 of the size of DistilGPT-2`,
  notes: [
    'One repetition is one process, Node with all that it imports, which loads the checkpoint and says one token; the clock begins before it is started. Files are in the cache of the operating system.',
    'transformers.js runs on onnxruntime-web: from a folder in its build for Node, over HTTP (a server on this machine) in its build for pages, which imports less.',
  ],
  cases: async ({ threads }) => {
    const text = await prompt();
    const path = await checkpoint('gpt2');
    const { url } = await serve(checkpoints);
    const from = (name: string, where: string): Case => ({
      name,
      contestants: programs.map(([who, program]) => ({
        name: who,
        prepare: async () => byFreshProcesses(program, [where, String(threads), text], []),
      })),
      tolerance: 0, // the same token
    });
    return [from('folder', path), from('HTTP', `${url}/${folderName('gpt2')}`)];
  },
  judge: () => [faster('multihead', ['transformers.js'], 1)],
  extra: async ({ threads }) => bytesAndMemory(threads),
};

async function bytesAndMemory(threads: number): Promise<Extra> {
  const text = await prompt();
  const path = await checkpoint('gpt2');
  const peak = async (program: Program) => {
    const peaks: number[] = [];
    for (let i = 0; i < 3; i++) peaks.push((await fresh(program, [path, String(threads), text])).peak);
    return peaks.sort((a, b) => a - b)[1]!;
  };
  const [ours, theirs] = [await peak('first-multihead'), await peak('first-transformers')];
  const bytes = await oursBytes(path);
  const [asyncify, plain] = [await transformersBytes(path, 'asyncify'), await transformersBytes(path, 'plain')];
  return {
    title: 'What a page fetches before the first token, MB (code gzipped), and the peak of memory of the process in Node, from a folder',
    header: ['who', 'JavaScript', 'WebAssembly', 'model files', 'peak memory, MB'],
    rows: [
      row('multihead', bytes, ours),
      row('transformers.js, as a page gets it', asyncify, null),
      row('transformers.js, WebAssembly without WebGPU', plain, theirs),
    ],
    verdicts: [
      ratio('code: bytes of transformers.js over ours', code(plain) / code(bytes)),
      ratio('memory: peak of transformers.js over ours', theirs / ours),
    ],
  };
}

const code = ({ javascript, webAssembly }: Bytes) => javascript + webAssembly;
const mb = (bytes: number) => (bytes / 1e6).toPrecision(3);

function row(who: string, { javascript, webAssembly, model }: Bytes, peak: number | null): string[] {
  return [who, mb(javascript), webAssembly ? mb(webAssembly) : 'in it', mb(model), peak ? (peak / 1e6).toFixed(0) : ''];
}

function ratio(what: string, value: number): Verdict {
  return { case: 'memory', what, wanted: '≥ 1×', found: `${value.toFixed(2)}×`, met: value >= 1 };
}
