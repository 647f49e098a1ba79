// The uses of models with texts, with the tokenizers and templates that they are made for, and models that were really trained.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dispose, Rng } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { BpeTokenizer } from '@multihead/tokenizer/bpe';
import { type ChatMessage, ChatTemplate } from '@multihead/tokenizer/chat';
import {
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  readBertConfig,
} from '@multihead/transformer/bert';
import { type CausalModel, readGenerationConfig, session } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readJson, readText } from '@multihead/transformer/load';
import { MarianMTModel } from '@multihead/transformer/marian';
import { folder } from '@multihead/transformer/node';
import { answer, chat, classify, classifyTokens, complete, translate } from '@multihead/transformer/text';
import { afterEach, describe, expect, test } from 'vitest';
import { backendNames, backends } from '../backends.js';

const shared = join(import.meta.dirname, '..', '..', '..', 'shared');
const checkpoint = (name: string) => folder(join(shared, name));
const tokenizerOf = async (name: string) => fromTokenizerJson((await readText(checkpoint(name), 'tokenizer.json'))!);
const stories = 'data/stories260k';
const names = {
  topic: 'conformance/hf/e2e-bert-topic',
  llama: 'conformance/hf/e2e-llama-text',
  marian: 'conformance/hf/e2e-marian-reverse',
};

interface Golden {
  kind: string;
  text: string;
  label: string;
  score: number;
  texts: string[];
  generated_text: string;
  generation: { num_beams: number };
}
const goldens = (name: string) => (JSON.parse(readFileSync(join(shared, name, 'cases.json'), 'utf8')) as { cases: Golden[] }).cases;

// The models lie beside the repository, not in it.
describe.skipIf(!existsSync(join(shared, names.marian))).each(backendNames)('on %s', { timeout: 120_000 }, (name) => {
  const open: { dispose(): void }[] = [];
  const backend = async () => {
    const made = await backends[name]();
    open.push(made);
    return made;
  };
  afterEach(() => {
    for (const one of open.splice(0)) one.dispose();
  });

  test('translate gives the goldens of a Marian, all texts at once, with the settings of its checkpoint', async () => {
    const model = await load(MarianMTModel, checkpoint(names.marian), { backend: await backend() });
    const tokenizer = await tokenizerOf(names.marian);
    const settings = readGenerationConfig(await readJson(checkpoint(names.marian), 'generation_config.json'));
    const cases = goldens(names.marian);
    for (const num_beams of new Set(cases.map(({ generation }) => generation.num_beams))) {
      const wanted = cases.filter(({ generation }) => generation.num_beams === num_beams);
      const texts = wanted.map(({ text }) => text);
      const found = await translate(model, tokenizer, texts, { ...settings, max_new_tokens: 12, num_beams, batchSize: 8 });
      expect(found).toEqual(wanted.map(({ texts: [best] }) => best));
    }
    dispose(model);
  });

  test('classify gives the labels of a BERT that tells land from water', async () => {
    const model = await load(BertForSequenceClassification, checkpoint(names.topic), { backend: await backend() });
    const cases = goldens(names.topic).filter(({ kind }) => kind === 'text-classification');
    const found = await classify(model, await tokenizerOf(names.topic), cases.map(({ text }) => text)); // biome-ignore format: one line
    for (const [i, [best]] of found.entries()) {
      expect(best.label).toBe(cases[i].label);
      expect(Math.abs(best.score - cases[i].score)).toBeLessThan(1e-4);
    }
    dispose(model);
  });

  test('complete goes on as the goldens of a Llama do, in whole pieces, by either tokenizer', async () => {
    const model = await load(LlamaForCausalLM, checkpoint(names.llama), { backend: await backend() });
    const greedy = goldens(names.llama)
      .filter(({ generation }) => generation?.num_beams === 1)
      .slice(0, 10);
    const alone = new BpeTokenizer((await readText(checkpoint(names.llama), 'tokenizer.json'))!);
    for (const tokenizer of [await tokenizerOf(names.llama), alone]) {
      for (const { text, generated_text } of greedy) {
        const pieces: string[] = [];
        for await (const piece of complete(model, tokenizer, text, { max_new_tokens: 24 })) pieces.push(piece);
        expect(pieces.join('')).toBe(generated_text);
        expect(pieces.length).toBeGreaterThan(3);
      }
    }
    dispose(model);
  });

  test('a conversation by a template computes only what is new, and tells what is told without a session', async () => {
    const model = await load(LlamaForCausalLM, checkpoint(stories), { backend: await backend() });
    const tokenizer = await tokenizerOf(stories);
    const told: number[] = [];
    const forward = model.forward.bind(model);
    model.forward = (ids, ctx) => {
      told.push(ids.shape[1]);
      return forward(ids, ctx);
    };
    const chat_template = '{{ bos_token }}{% for m in messages %}{{ m.content }}{% if m.role == "user" %}{{ " " }}{% endif %}{% endfor %}';
    const template = new ChatTemplate({ config: { chat_template, bos_token: '<s>' } });
    const talk = session(model as CausalModel);
    const messages: ChatMessage[] = [{ role: 'system', content: 'Once upon a time, ' }];
    for (const content of ['there was a little girl named Lily. She', 'Then the dog', 'At the end']) {
      messages.push({ role: 'user', content });
      const ids = tokenizer.encode(template.apply(messages, { addGenerationPrompt: true }), { addSpecialTokens: false }).ids;
      const known = talk.known(ids);
      told.length = 0;
      const reply = chat(model, tokenizer, messages, { template, session: talk, max_new_tokens: 12 });
      const { content: said } = await reply.message();
      expect(told).toEqual([ids.length - known, ...new Array<number>(11).fill(1)]);
      if (messages.length > 2) expect(known).toBeGreaterThan(ids.length / 2);
      expect(await chat(model, tokenizer, messages, { template, max_new_tokens: 12 }).text()).toBe(said);
      messages.push({ role: 'assistant', content: said });
    }
    talk.dispose();
    dispose(model);
  });
});

test.skipIf(!existsSync(join(shared, names.topic)))('answers and entities take the tokens of a real tokenizer', async () => {
  const tokenizer = await tokenizerOf(names.topic);
  const json = { hidden_size: 32, num_attention_heads: 4, intermediate_size: 64, num_hidden_layers: 2, vocab_size: 600, max_position_embeddings: 48 };
  const config = readBertConfig({ ...json, initializer_range: 0.5, id2label: { 0: 'O', 1: 'B-X', 2: 'I-X' } });
  const context = 'The old baker watched the boat. Children slowly opened a small shop — before “sunrise” — and drifted home 👋, quiet again. '.repeat(3);
  const asking = new BertForQuestionAnswering(config, { rng: new Rng(1) });
  const found = await answer(asking, tokenizer, 'Who watched the boat?', context, { topK: 6, docStride: 8 });
  expect(found).toHaveLength(6);
  for (const { answer: text, start, end, score } of found) {
    expect(context.slice(start, end)).toBe(text);
    expect(/^\s|\s$/.test(text)).toBe(false);
    expect(score).toBeGreaterThan(0);
  }
  const short = 'The old baker watched “sunrise” 👋';
  const tagging = new BertForTokenClassification(config, { rng: new Rng(1) });
  const [all] = await classifyTokens(tagging, tokenizer, [short], { ignoreLabels: [] });
  expect(all.length).toBe(tokenizer.encode(short).ids.length - 2);
  const [entities] = await classifyTokens(tagging, tokenizer, [short], { aggregationStrategy: 'average', ignoreLabels: [] });
  expect(entities.map(({ start, end }) => short.slice(start, end)).join('').replaceAll(' ', '').length).toBeGreaterThan(20);
  dispose([asking, tagging]);
}); // biome-ignore format: above
