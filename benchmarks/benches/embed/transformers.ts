import { checkpoint, checkpoints, folderName } from '../../checkpoints/folders.ts';
import type { Ready } from '../../contest.ts';
import { type Engine, runsOn, transformersJs } from '../../peers/transformers.ts';
import type { EmbedInput } from './data.ts';

export interface How {
  engine: Engine;
  /** The graph: as it was exported, or with fused operators. */
  file: 'model' | 'model_fused';
  /** One call for each text, so that nothing is padded. */
  oneByOne?: boolean;
}

export async function byTransformers({ texts }: EmbedInput, threads: number, { engine, file, oneByOne }: How): Promise<Ready> {
  await checkpoint('bert');
  const { env, pipeline } = await transformersJs(engine, threads);
  env.localModelPath = checkpoints;
  const extract = await pipeline('feature-extraction', folderName('bert'), runsOn(engine, threads, file));
  const calls = oneByOne ? texts.map((text) => [text]) : [texts];
  const vectorsOf = async (some: string[]) => (await extract(some, { pooling: 'mean', normalize: true })).data as Float32Array;
  return {
    async run(times) {
      for (let i = 0; i < times; i++) for (const some of calls) await vectorsOf(some);
      return undefined;
    },
    async results() {
      const vectors: number[] = [];
      for (const some of calls) vectors.push(...(await vectorsOf(some)));
      return { vectors: Float32Array.from(vectors) };
    },
    close: () => extract.dispose() as unknown as Promise<void>,
  };
}
