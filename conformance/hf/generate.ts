import type { Backend, Tensor } from '@multihead/tensor';
import { beamSearch, type GenerationConfig, generate, type LanguageModel, readGenerationConfig } from '@multihead/transformer/generation';
import type { Archive } from '../archive.js';
import type { Folder } from '../folder.js';
import type { Check, Finding, Values } from '../suite.js';
import { leafOf } from '../tensors.js';
import type { HfCase } from './document.js';
import type { AnyModel } from './forward.js';

/* Ids that transformers generates: greedy search and beam search, with the processors that a case asks for. */

export async function runGenerate(
  golden: HfCase,
  model: AnyModel,
  archive: Archive,
  backend: Backend,
  folder: Folder,
): Promise<(Check | Finding)[]> {
  const { inputs = {} } = golden;
  const source = leafOf(archive, inputs.input_ids ?? inputs.input_features!, backend);
  const mask = inputs.attention_mask ? leafOf(archive, inputs.attention_mask, backend) : undefined;
  const { sequences, scores } = await sequencesOf(model, source, mask, configOf(golden, folder));
  const found: (Check | Finding)[] = [sameIds('sequences', sequences, golden.sequences)];
  if (golden.sequences_scores) {
    found.push({
      what: 'sequences_scores',
      got: list(scores),
      want: [list(golden.sequences_scores)],
      tolerance: { rtol: 0, atol: 1e-3, equalNan: false },
    });
  }
  return found;
}

function list(data: readonly number[]): Values {
  return { shape: [data.length], kind: 'float', data };
}

export function sameIds(what: string, got: unknown, want: unknown): Finding {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  return { what, problem: g === w ? null : `got ${g}, want ${w}` };
}

/** The settings of a case over those of its model. */
export function configOf(golden: HfCase, folder: Folder): GenerationConfig {
  return readGenerationConfig({ ...(folder.json('generation_config.json') as object), ...golden.generation });
}

/** Prompts, or what the decoder begins with, and behind them what was generated, filled up as transformers does it. */
export async function sequencesOf(
  model: AnyModel,
  source: Tensor,
  mask: Tensor | undefined,
  config: GenerationConfig,
): Promise<{ sequences: number[][]; scores: number[] }> {
  const language = model as unknown as LanguageModel;
  const batch = source.shape[0];
  const prompts = 'decode' in language ? Array.from({ length: batch }, () => [config.decoder_start_token_id!]) : rowsOf(source);
  if ((config.num_beams ?? 1) === 1) {
    for await (const { ids } of generate(language, source, { ...config, mask })) for (const [i, id] of ids.entries()) prompts[i].push(id);
    return { sequences: prompts, scores: [] };
  }
  const found = await beamSearch(language, source, { ...config, mask });
  const answers = found.flat().map(({ sequence }) => sequence);
  const longest = Math.max(...answers.map((answer) => answer.length));
  // A pad_token_id of 0 is taken for none there, and the end token fills up.
  const fill = config.pad_token_id || [config.eos_token_id ?? -1].flat()[0];
  const sequences = answers.map((answer) => [...answer, ...new Array<number>(longest - answer.length).fill(fill)]);
  return { sequences, scores: found.flat().map(({ score }) => score) };
}

function rowsOf(x: Tensor): number[][] {
  const [rows, columns] = x.shape;
  const data = Array.from(x.dataSync());
  return Array.from({ length: rows }, (_, i) => data.slice(i * columns, (i + 1) * columns));
}
