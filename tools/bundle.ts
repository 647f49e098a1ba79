// What an application pays for the packages that it names: each fixture, bundled from the built packages, minified and gzipped.
// Run it with `turbo run bundle`.
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { type Alone, eachAlone } from './alone.ts';
import { root } from './workspace.ts';

interface Budget {
  fixture: string;
  /** Bytes, gzipped. */
  ceiling: number;
  /** Words that would tell of code which this import does not need, in any case of letters. */
  absent: readonly string[];
  /** Packages that are left out: what is measured is added to a program that has them. */
  external?: readonly string[];
}

const budgets: readonly Budget[] = [
  // `attend` with tensor and its CPU backend.
  { fixture: 'attend.ts', ceiling: 15_000, absent: ['WebAssembly', 'safetensors', 'AdamW', 'optimizer', 'optimiser'] },
  // All that the kernels package adds, its WebAssembly among it.
  { fixture: 'wasm.ts', ceiling: 40_000, absent: ['safetensors'], external: ['@multihead/tensor'] },
  // Loading a tokenizer.json of BPE, encoding, counting, decoding.
  { fixture: 'bpe.ts', ceiling: 15_000, absent: ['Unigram', 'WordPiece', 'trainer', 'jinja', 'SentencePiece', 'WordTokenizer'] },
  // Loading any tokenizer.json.
  { fixture: 'tokenizer-json.ts', ceiling: 31_000, absent: ['trainer', 'jinja', 'WordTokenizer'] },
  // A trainer of word counts, without the reading of texts.
  { fixture: 'bpe-trainer.ts', ceiling: 4_000, absent: ['jinja', 'charsmap', 'lattice', 'normalizer'] },
  // A model of one architecture with what loads it from anywhere, tensor and its CPU backend: no other model comes along.
  {
    fixture: 'gpt2.ts',
    ceiling: 37_000,
    absent: ['WebAssembly', 'AdamW', 'Whisper', 'Gemma', 'Mixtral', 'beamSearch', 'noRepeatNgram', 'SpeculativeDecoding', 'node:fs'],
  },
  // What goes on from a prompt, whatever the model: neither models nor what loads them come along.
  {
    fixture: 'generation.ts',
    ceiling: 19_500,
    absent: ['WebAssembly', 'AdamW', 'safetensors', 'LlamaForCausalLM', 'GPT2', 'BeamGroup', 'node:fs'],
  },
  // A whole program that goes on from a text: GPT-2, what loads it, its tokenizer, generation, and kernels with their WebAssembly.
  {
    fixture: 'gpt2-generation.ts',
    ceiling: 110_000,
    absent: ['AdamW', 'Whisper', 'Gemma', 'Mixtral', 'BeamGroup', 'LlamaForCausalLM', 'trainer', 'jinja', 'Unigram', 'WordPiece'],
  },
  // From pixels to labels, whatever the model, tensor and its CPU backend included: no model comes along, and nothing that decodes files.
  {
    fixture: 'vision.ts',
    ceiling: 20_000,
    absent: ['WebAssembly', 'AdamW', 'safetensors', 'ViTForImage', 'CLIPModel', 'inflate', 'node:fs'],
  },
  // Files of sound to text, beside a Whisper and what loads it: generation and tensor with its CPU backend are in it.
  {
    fixture: 'speech.ts',
    ceiling: 36_000,
    absent: ['WebAssembly', 'AdamW', 'safetensors', 'WhisperForConditionalGeneration', 'LlamaForCausalLM', 'node:fs'],
  },
];

/** Packages whose every export must bring only itself, and the most that one may weigh beside tensor. */
const alone: Readonly<Record<string, number>> = { attention: 4_500 };

/** Why these exports do not stand alone; empty when they do. */
export function intruders(exports: readonly Alone[], ceiling: number): string[] {
  return exports.flatMap(({ name, bytes, strangers }) => [
    ...(bytes > ceiling ? [`${name}: ${bytes} bytes gzipped beside tensor, and the ceiling is ${ceiling}`] : []),
    ...(strangers.length > 0 ? [`${name}: brings ${strangers.join(', ')}, which it does not import`] : []),
  ]);
}

/** Minified wholly, or with its names left to read. */
async function bundled(file: string, names: 'short' | 'long', external: readonly string[] = []): Promise<string> {
  const result = await build({
    entryPoints: [file],
    absWorkingDir: join(root, 'tools'),
    bundle: true,
    external: ['node:*', ...external],
    write: false,
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers: names === 'short',
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    legalComments: 'none',
    logLevel: 'silent',
  });
  return result.outputFiles[0]!.text;
}

/** Why this bundle is not what its budget says; empty when it is. */
export function overruns(size: number, text: string, { ceiling, absent }: Pick<Budget, 'ceiling' | 'absent'>): string[] {
  const found = absent.filter((word) => text.toLowerCase().includes(word.toLowerCase()));
  return [
    ...(size > ceiling ? [`${size} bytes gzipped, and the ceiling is ${ceiling}`] : []),
    ...found.map((word) => `contains "${word}": ${excerpt(text, word)}`),
  ];
}

function excerpt(text: string, word: string): string {
  const at = text.toLowerCase().indexOf(word.toLowerCase());
  return JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
}

if (import.meta.main) {
  let failed = 0;
  for (const { fixture, external, ...budget } of budgets) {
    const file = join(root, 'tools/fixtures/bundle', fixture);
    const size = gzipSync(await bundled(file, 'short', external), { level: 9 }).length;
    const problems = overruns(size, await bundled(file, 'long', external), budget);
    console.log(`note: ${fixture}: ${size} of ${budget.ceiling} bytes gzipped`);
    for (const problem of problems) console.error(`${fixture}: ${problem}`);
    if (problems.length > 0) failed++;
  }
  for (const [name, ceiling] of Object.entries(alone)) {
    const exports = (await eachAlone(join(root, 'packages', name, 'src'))).sort((a, b) => b.bytes - a.bytes);
    const problems = intruders(exports, ceiling);
    const [largest, middle] = [exports[0]!, exports[Math.floor(exports.length / 2)]!];
    console.log(
      `note: ${name}: ${exports.length} exports, each alone: ${middle.bytes} bytes in the middle, ${largest.bytes} at most (${largest.name})`,
    );
    if (process.argv.includes('--each')) for (const { name: one, bytes } of exports) console.log(`note: ${one}: ${bytes} bytes`);
    for (const problem of problems) console.error(`${name}: ${problem}`);
    if (problems.length > 0) failed++;
  }
  console.log(`${budgets.length + Object.keys(alone).length - failed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}
