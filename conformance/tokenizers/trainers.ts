import {
  bpeTrainer,
  byteLevelAlphabet,
  type Trainer,
  train,
  type UntrainedTokenizer,
  unigramTrainer,
  wordLevelTrainer,
  wordPieceTrainer,
} from '@multihead/tokenizer/trainers';
import { fromTokenizerJson } from '@multihead/tokenizer';
import type { Folder } from '../folder.js';
import type { Family, Finding } from '../suite.js';
import { equal } from './compare.js';

interface TrainerCase {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly exact: boolean;
  /** What was trained, where the oracle always trains the same. */
  readonly model?: Readonly<Record<string, unknown>>;
  /** Else how many pieces there may be, which there have to be and which may be; of merges too, and scores from least to most. */
  readonly size?: readonly number[];
  readonly always?: readonly string[];
  readonly sometimes?: readonly string[];
  readonly merges_always?: readonly (readonly string[])[];
  readonly merges_sometimes?: readonly (readonly string[])[];
  readonly scores?: Readonly<Record<string, readonly [least: number, most: number]>>;
}

/** How far a score may be outside of what the oracle had: it adds up in an order of its own. */
const SCORE_TOLERANCE = 0.01;

/** What Python's trainers make of a corpus of lines. */
export function trainers(folder: Folder): Family {
  const document = folder.json('trainers.json') as { corpus: string; cases: readonly TrainerCase[] };
  let lines: string[] | undefined;
  const corpus = () => (lines ??= new TextDecoder().decode(folder.bytes(document.corpus)).split('\n'));
  return { name: 'trainers', cases: document.cases.map((golden) => ({ name: golden.name, run: () => trained(golden, corpus()) })) };
}

const byModel: Readonly<Record<string, (options: object) => Trainer>> = {
  BPE: bpeTrainer,
  WordPiece: wordPieceTrainer,
  Unigram: unigramTrainer,
  WordLevel: wordLevelTrainer,
};

async function trained(golden: TrainerCase, corpus: readonly string[]): Promise<Finding[]> {
  const { model: type, normalizer, pre_tokenizer, ...settings } = golden.config;
  const make = byModel[String(type)];
  if (make === undefined) throw new Error(`config.model: expected one of ${Object.keys(byModel).join(', ')}, got ${String(type)}`);
  const untrained = { normalizer: component(normalizer), pre_tokenizer: component(pre_tokenizer) } as UntrainedTokenizer;
  const file = JSON.stringify(await train(untrained, corpus, make(optionsOf(settings))));
  const { model } = JSON.parse(file) as { model: Record<string, unknown> };
  const size = Object.keys(model.vocab as object).length;
  const loaded = equal('ids of the tokenizer that the file makes', fromTokenizerJson(file).vocabSize >= size, true);
  return [loaded, ...(golden.exact ? exactly(model, golden) : within(model, golden))];
}

/** `ByteLevel(add_prefix_space=false)`, as a component of a `tokenizer.json`. */
function component(call: unknown): object | null {
  if (typeof call !== 'string') return null;
  const [, type, list = ''] = /^(\w+)(?:\((.*)\))?$/.exec(call) ?? [];
  if (type === undefined) throw new Error(`config: expected a component with its settings, got ${call}`);
  const settings = list === '' ? [] : list.split(',').map((setting) => setting.trim().split('=') as [string, string]);
  const metaspace = type === 'Metaspace' ? { replacement: '▁' } : {};
  return { type, ...metaspace, ...Object.fromEntries(settings.map(([name, value]) => [name, JSON.parse(value.toLowerCase())])) };
}

/** Settings of Python's trainers by our names. */
function optionsOf(settings: Readonly<Record<string, unknown>>): object {
  const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [camelCase(name), value === 'ByteLevel.alphabet' ? byteLevelAlphabet() : value]),
  );
}

function exactly(model: Readonly<Record<string, unknown>>, golden: TrainerCase): Finding[] {
  const { vocab: want, ...others } = golden.model as { vocab: object };
  const { vocab, ...got } = model;
  return [equal('vocab', byId(vocab as object), byId(want)), equal('model', sorted(got), sorted(others))];
}

function within({ vocab, merges }: Readonly<Record<string, unknown>>, golden: TrainerCase): Finding[] {
  const scores = Array.isArray(vocab) ? new Map(vocab as [string, number][]) : undefined;
  const pieces = scores === undefined ? Object.keys(vocab as object) : [...scores.keys()];
  const findings = [equal('size', golden.size?.includes(pieces.length), true), set('pieces', pieces, golden.always, golden.sometimes)];
  if (golden.merges_always !== undefined) {
    const joined = (list: readonly (readonly string[])[] = []) => list.map((pair) => pair.join(' '));
    findings.push(set('merges', joined(merges as string[][]), joined(golden.merges_always), joined(golden.merges_sometimes)));
  }
  for (const [piece, [least, most]] of Object.entries(golden.scores ?? {})) {
    const score = scores?.get(piece) ?? Number.NaN;
    const inside = score >= least - SCORE_TOLERANCE && score <= most + SCORE_TOLERANCE;
    if (!inside) findings.push({ what: 'scores', problem: `scores: got ${score} for ${piece}, want ${least} to ${most}` });
  }
  return findings;
}

function set(what: string, got: readonly string[], always: readonly string[] = [], sometimes: readonly string[] = []): Finding {
  const has = new Set(got);
  const may = new Set([...always, ...sometimes]);
  const missing = always.filter((one) => !has.has(one));
  const strange = got.filter((one) => !may.has(one));
  const wrong = missing.length + strange.length > 0;
  return {
    what,
    problem: wrong ? `${what}: missing ${missing.slice(0, 5).join(', ')}; unexpected ${strange.slice(0, 5).join(', ')}` : null,
  };
}

function byId(vocab: object): [string, number][] {
  return (Object.entries(vocab) as [string, number][]).sort(([, a], [, b]) => a - b);
}

function sorted(fields: object): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
}
