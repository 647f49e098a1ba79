import type { Backend } from '@multihead/tensor';
import { type ExtractOptions, extractFeatures, readFeatureExtractorConfig } from '@multihead/transformer/speech';
import { Archive, type Json, type TensorRef } from '../archive.js';
import type { Folder } from '../folder.js';
import { type Check, type Family, type GoldenCase, notBuilt, type Values } from '../suite.js';
import { valuesOf } from '../tensors.js';

/* Feature extractors: what a model hears of a sound. */

interface AudioCase {
  readonly name: string;
  /** The class in transformers. */
  readonly op: string;
  /** Of its constructor, and perhaps of the call. */
  readonly kwargs: Readonly<Record<string, Json>>;
  readonly call?: Readonly<Record<string, Json>>;
  /** `audio` [samples], or several of them. */
  readonly inputs: Readonly<Record<string, TensorRef>>;
  /** Features, and the attention mask if there is a second one. */
  readonly outputs: readonly TensorRef[];
  readonly rtol: number;
  readonly atol: number;
}

export function audioFamily(folder: Folder): Family {
  const { family, cases, data } = folder.json('audio-features.json') as { family: string; data: string; cases: readonly AudioCase[] };
  const archive = new Archive(folder, data);
  return {
    name: family,
    cases: cases.map((golden): GoldenCase => ({ name: golden.name, run: (backend) => runCase(golden, archive, backend) })),
  };
}

const ofCalls = new Set(['padding', 'max_length', 'truncation', 'pad_to_multiple_of']);

async function runCase(golden: AudioCase, archive: Archive, backend: Backend): Promise<Check[]> {
  if (golden.op !== 'WhisperFeatureExtractor') throw notBuilt(`the feature extractor ${golden.op}`);
  const given = Object.entries({ ...golden.kwargs, ...golden.call }).filter(([name]) => name !== 'return_tensors');
  const config = readFeatureExtractorConfig({
    return_attention_mask: golden.outputs.length > 1,
    ...Object.fromEntries(given.filter(([name]) => !ofCalls.has(name))),
  });
  const call = Object.fromEntries(given.filter(([name]) => ofCalls.has(name))) as Record<string, unknown>;
  const padding = call.padding === true ? 'longest' : call.padding === 'do_not_pad' ? false : call.padding;
  const options = { ...call, ...(padding !== undefined && { padding }), backend } as ExtractOptions;
  const sounds = Object.values(golden.inputs).flatMap((ref) => soundsOf(archive, ref));
  const found = await extractFeatures(sounds, config, options);
  const tolerance = { rtol: golden.rtol, atol: golden.atol, equalNan: false };
  const got: Values[] = [await valuesOf(found.input_features)];
  if (found.attention_mask) got.push(await valuesOf(found.attention_mask));
  found.input_features.dispose();
  found.attention_mask?.dispose();
  return golden.outputs.map((ref, i) => ({ what: `output ${i}`, got: got[i] ?? null, want: [archive.values(ref)], tolerance }));
}

/** A sound, or the rows of a batch of them. */
function soundsOf(archive: Archive, ref: TensorRef): Float32Array[] {
  const { data, shape } = archive.values(ref);
  const length = shape.at(-1)!;
  return Array.from({ length: data.length / length }, (_, i) => Float32Array.from(data.slice(i * length, (i + 1) * length)));
}
