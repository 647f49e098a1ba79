import { type Backend, move, Rng } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { type CausalModel, type GenerateOptions, generate, type LanguageModel, type Prompt } from '@multihead/transformer/generation';
import { configs, typeOf } from './tiny.js';

/* A small model of every architecture that generates, its weights spread so far that untrained answers differ from token to token. */

/** Of one stack: ids go on. */
export const causal = auto.names().filter((name) => /(ForCausalLM|LMHeadModel)$/.test(name));

/** Of two stacks that read ids. */
export const seq2seq = auto.names().filter((name) => /(ForConditionalGeneration|MTModel)$/.test(name) && !/Whisper/.test(name));

export async function languageModel<Model extends LanguageModel = LanguageModel>(
  name: string,
  backend?: Backend,
  spread = 1,
): Promise<Model> {
  const Model = await auto.choose({ architectures: [name] });
  const wild = Object.fromEntries(['initializer_range', 'init_std', 'initializer_factor'].map((key) => [key, spread]));
  const own = Object.keys(Model.readConfig(configs[typeOf(name)]) as object);
  const config = { ...configs[typeOf(name)], ...Object.fromEntries(Object.entries(wild).filter(([key]) => own.includes(key))) };
  const model = new Model(Model.readConfig(config) as never, { rng: new Rng(5) }) as unknown as Model;
  await run(model, [3], { max_new_tokens: 1 }); // parameters are made when they are first used
  return backend ? move(model, backend) : model;
}

export const prompts = [[3, 7, 5, 11, 2], [6, 1], [9, 4, 9]]; // biome-ignore format: rows

/** What was generated, row by row, without padding. */
export async function run(model: LanguageModel, prompt: Prompt, options: GenerateOptions = {}): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const { ids, isPadding } of generate(model, prompt, { decoder_start_token_id: 2, max_new_tokens: 9, ...options })) {
    for (const [i, id] of ids.entries()) {
      rows[i] ??= [];
      if (!isPadding[i]) rows[i].push(id);
    }
  }
  return rows;
}

/** A model that passes on what it is asked, and counts the tokens that it computes. */
export function counted(model: CausalModel): CausalModel & { readonly tokens: number[] } {
  const tokens: number[] = [];
  return {
    tokens,
    forward(ids, ctx) {
      tokens.push(ids.shape[1]!);
      return model.forward(ids, ctx);
    },
    cache: () => model.cache(),
  };
}
