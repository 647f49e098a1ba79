import { checkpoint, checkpoints, folderName } from '../../checkpoints/folders.ts';
import type { Ready } from '../../contest.ts';
import { type Engine, runsOn, transformersJs } from '../../peers/transformers.ts';
import { comparable } from '../decode/data.ts';
import { generated } from './data.ts';

export async function byTransformers(prompt: string, threads: number, engine: Engine): Promise<Ready> {
  await checkpoint('gpt2');
  const { env, pipeline } = await transformersJs(engine, threads);
  env.localModelPath = checkpoints;
  const generator = await pipeline('text-generation', folderName('gpt2'), runsOn(engine, threads));
  const options = { max_new_tokens: generated, do_sample: false };
  return {
    async run(times) {
      for (let i = 0; i < times; i++) await generator(prompt, { ...options, return_full_text: false });
      return undefined;
    },
    async results() {
      const ids = (await generator.model.generate({ ...generator.tokenizer(prompt), ...options } as never)) as unknown as {
        tolist(): bigint[][];
      };
      return { ids: comparable(ids.tolist()[0]!.map(Number).slice(-generated)) };
    },
    close: () => generator.dispose() as unknown as Promise<void>,
  };
}
