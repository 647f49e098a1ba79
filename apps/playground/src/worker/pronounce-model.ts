import configUrl from '@multihead/examples/g2p/checkpoint/config.json?url';
import weightsUrl from '@multihead/examples/g2p/checkpoint/model.safetensors?url';
import { pronounce } from '@multihead/examples/g2p/pronounce.ts';
import { sourceTokenizer, targetTokenizer } from '@multihead/examples/g2p/tokens.ts';
import { type Backend, loadStateDict, parameters, tensor, withBackend } from '@multihead/tensor';
import { parseSafetensors, stateOf } from '@multihead/tensor/safetensors';
import { Seq2Seq, type Seq2SeqConfig } from '@multihead/transformer/seq2seq';
import { type Answer, beams, type CrossAttention, end, type LoadProgress } from './pronounce-calls.js';

/** The files of the checkpoint, as fetched. */
export interface Checkpoint {
  config: Seq2SeqConfig;
  bytes: Uint8Array;
}

export async function fetchCheckpoint(signal: AbortSignal, onProgress: (progress: LoadProgress) => void): Promise<Checkpoint> {
  const [config, weights] = await Promise.all([fetchFile(configUrl, signal), fetchFile(weightsUrl, signal)]);
  const { model } = (await config.json()) as { model: Seq2SeqConfig };
  return { config: model, bytes: await readAll(weights, onProgress) };
}

async function fetchFile(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal }).catch((error: Error) => {
    throw signal.aborted ? error : new Error(`The checkpoint could not be fetched: ${error.message}`);
  });
  if (!response.ok) throw new Error(`The checkpoint could not be fetched: ${response.status} for ${new URL(url, location.href).pathname}`);
  return response;
}

async function readAll(response: Response, onProgress: (progress: LoadProgress) => void): Promise<Uint8Array> {
  const total = Number(response.headers.get('Content-Length') ?? 0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  for (const reader = response.body!.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    chunks.push(value);
    received += value.length;
    onProgress({ received, total });
  }
}

/** The trained model on one backend. */
export class Pronouncer {
  readonly model: Seq2Seq;
  readonly #backend: Backend;

  private constructor(model: Seq2Seq, backend: Backend) {
    this.model = model;
    this.#backend = backend;
  }

  static async open({ config, bytes }: Checkpoint, backend: Backend): Promise<Pronouncer> {
    const model = new Seq2Seq(config);
    const state = await stateOf(parseSafetensors(bytes, { name: 'model.safetensors' }));
    withBackend(backend, () => loadStateDict(model, state));
    return new Pronouncer(model, backend);
  }

  get parameters(): number {
    return parameters(this.model).reduce((sum, { size }) => sum + size, 0);
  }

  /** The likeliest pronunciations, best first. Throws a TokenizerError for a character that the model has no letter for. */
  async pronounce(word: string, signal?: AbortSignal): Promise<Answer[]> {
    const [answers] = await pronounce(this.model, [word], { beams, signal, backend: this.#backend });
    // The score is the mean of ln p over the phonemes and the end.
    return answers!.map(({ phonemes, score }) => ({ phonemes, probability: Math.exp(score * (phonemes.length + 1)) }));
  }

  /** What each phoneme, and the end, looked at when it was chosen. */
  async look(word: string, phonemes: readonly string[]): Promise<CrossAttention> {
    const source = sourceTokenizer.encode(word).ids;
    const target = targetTokenizer.encode(phonemes.join(' '), { addSpecialTokens: false }).ids;
    const ids = (values: number[]) => tensor(Int32Array.from(values), { shape: [1, values.length], backend: this.#backend });
    const [from, to] = [ids(source), ids([targetTokenizer.specialId('bos'), ...target])];
    try {
      const { cross } = await this.model.inspect(from, to);
      const layers = cross.map(({ weights, heads, queries, keys }) =>
        Array.from({ length: heads }, (_, head) => weights.slice(head * queries * keys, (head + 1) * queries * keys)),
      );
      return { columns: [...word, end], rows: [...phonemes, end], layers };
    } finally {
      from.dispose();
      to.dispose();
    }
  }
}
