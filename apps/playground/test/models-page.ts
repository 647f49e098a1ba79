// What models.test.ts runs in a page: a trained Whisper from a server, from the browser's cache and from dropped files, and what it hears.
import { wasm } from '@multihead/kernels-wasm';
import { dispose, liveTensors } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { decodeAudio } from '@multihead/transformer/audio';
import { browserCached, type Checkpoint, files, load, readJson, readText, site } from '@multihead/transformer/load';
import {
  readFeatureExtractorConfig,
  readSpeechGenerationConfig,
  type SpeechSegment,
  transcribeSegments,
} from '@multihead/transformer/speech';
import { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';

export interface Heard {
  readonly segments: SpeechSegment[];
  /** Bytes of weights, as they were told. */
  readonly loaded: number[];
  /** Tensors that were left. */
  readonly left: number;
}

/** The same in a page and in Node. */
export async function hear(checkpoint: Checkpoint, wav: Uint8Array): Promise<Heard> {
  const before = liveTensors();
  const backend = await wasm();
  const loaded: number[] = [];
  const model = await load(WhisperForConditionalGeneration, checkpoint, {
    backend,
    onProgress: (progress) => loaded.push(progress.loaded),
  });
  const tokenizer = fromTokenizerJson((await readText(checkpoint, 'tokenizer.json'))!);
  const generation = readSpeechGenerationConfig(await readJson(checkpoint, 'generation_config.json'));
  const features = readFeatureExtractorConfig(await readJson(checkpoint, 'preprocessor_config.json'));
  const options = { ...generation, features, return_timestamps: 'word', temperature: 0 } as const;
  const segments: SpeechSegment[] = [];
  for await (const segment of transcribeSegments(model, tokenizer, decodeAudio(wav), options)) segments.push(segment);
  dispose(model);
  backend.dispose?.();
  return { segments, loaded, left: liveTensors() - before };
}

const names = ['config.json', 'generation_config.json', 'preprocessor_config.json', 'tokenizer.json', 'model.safetensors'];

/** As a folder that was dropped on the page. */
async function dropped(): Promise<Checkpoint> {
  const responses = await Promise.all(names.map(async (name) => new File([await (await fetch(`/checkpoint/${name}`)).blob()], name)));
  return files(responses);
}

const places = {
  site: async () => site('/checkpoint/'),
  cache: async () => browserCached(site('/checkpoint/')),
  files: dropped,
};

/** Of a checkpoint whose weights do not come to their end: the error that a stopped `load` ends with, and the tensors that it left. */
async function stopLoading(): Promise<{ error: string; left: number }> {
  const before = liveTensors();
  const stop = new AbortController();
  const loading = load(WhisperForConditionalGeneration, site('/stalled/'), { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('the visitor has left')), 200);
  const error = await loading.then(() => 'none', (reason: Error) => reason.message); // biome-ignore format: one line
  return { error, left: liveTensors() - before };
}

export interface ModelsPage {
  hearFrom(place: keyof typeof places, wav: number[]): Promise<Heard>;
  stopLoading(): Promise<{ error: string; left: number }>;
}

const page: ModelsPage = {
  hearFrom: async (place, wav) => hear(await places[place](), Uint8Array.from(wav)),
  stopLoading,
};
Object.assign(globalThis, { models: page });
