import { dispose, liveTensors, Rng, type Tensor, tensor } from '@multihead/tensor';
import { type CausalModel, generate, session } from '@multihead/transformer/generation';
import {
  type ChatMessage,
  chat,
  complete,
  type TemplateOptions,
  type WritingModel,
  type WritingTokenizer,
} from '@multihead/transformer/text';
import { LlamaForCausalLM, readLlamaConfig } from '@multihead/transformer/llama';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { counted, languageModel } from './language-models.js';
import { configs } from './tiny.js';

/* Text that is written piece by piece, and conversations. */

/** A model that says token after token of a list: behind each id comes the next one. */
function saying(parts: readonly Uint8Array[]): { model: WritingModel; tokenizer: WritingTokenizer } {
  const width = parts.length + 2;
  const forward = (ids: Tensor) => {
    const [rows, tokens] = ids.shape as [number, number];
    const logits = new Float32Array(rows * tokens * width);
    const given = ids.dataSync();
    for (const [i, id] of given.entries()) logits[i * width + Math.min(id + 1, width - 1)] = 1;
    return tensor(logits, { shape: [rows, tokens, width] });
  };
  // Id 0 is the prompt, ids from 1 are the parts, the last one is the end.
  const bytes = (ids: Iterable<number>) => Uint8Array.from(Array.from(ids).flatMap((id) => Array.from(parts[id - 1] ?? [])));
  return {
    model: { forward, cache: () => [], config: { eos_token_id: [width - 1, width] } },
    tokenizer: { encode: () => [0], decode: (ids) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(ids)) },
  };
}

async function piecesOf(parts: readonly Uint8Array[]): Promise<string[]> {
  const { model, tokenizer } = saying(parts);
  const pieces: string[] = [];
  for await (const piece of complete(model, tokenizer, 'x', { max_new_tokens: 500 })) pieces.push(piece);
  return pieces;
}

/** A text in parts of as many bytes. */
function cut(text: string, lengths: readonly number[]): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  const parts: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += parts.at(-1)!.length) parts.push(bytes.slice(from, from + lengths[parts.length % lengths.length]!));
  return parts;
} // biome-ignore format: above

const graphemes = (text: string) =>
  Array.from(new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text), ({ segment }) => segment);

describe('pieces', () => {
  it('are whole characters and whole graphemes, wherever tokens begin and end', async () => {
    const signs = ['a', ' ', 'é', 'e\u0301', '日', '👋🏽', '👨‍👩‍👧', '🇩🇪', '🇫🇷', '\r\n', '한', 'क्षि', '1️⃣', '\uFFFD', '\uFEFF', '🏴󠁧󠁢󠁥󠁮󠁧󠁿'];
    const text = fc.array(fc.constantFrom(...signs), { maxLength: 12 }).map((list) => list.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }), async (said, lengths) => {
        const pieces = await piecesOf(cut(said, lengths));
        expect(pieces.join('')).toBe(said);
        expect(pieces.flatMap(graphemes)).toEqual(graphemes(said));
        expect(pieces).not.toContain('');
      }),
      { numRuns: 150, seed: 5 },
    );
  });

  it('are those of the tokens where these are words', async () => {
    const words = ['Once', ' upon', ' a', ' time', ',', ' there'];
    expect(await piecesOf(words.map((word) => new TextEncoder().encode(word)))).toEqual(words);
  });

  it('come while text is written, one token behind', async () => {
    const { model, tokenizer } = saying(['one', ' two', ' three', ' four'].map((word) => new TextEncoder().encode(word)));
    let tokens = 0;
    const processors = [() => { tokens++; }]; // biome-ignore format: one function
    const told: [string, number][] = [];
    for await (const piece of complete(model, tokenizer, 'x', { processors })) told.push([piece, tokens]);
    expect(told).toEqual([['one', 2], [' two', 3], [' three', 4], [' four', 5]]); // biome-ignore format: rows
  });

  it('end with half a character where the bytes do', async () => {
    expect((await piecesOf([Uint8Array.of(0x61), Uint8Array.of(0xf0, 0x9f)])).join('')).toBe('a\uFFFD');
    expect((await piecesOf([Uint8Array.of(0xf0, 0x9f), Uint8Array.of(0x62), Uint8Array.of(0x63)])).join('')).toBe('\uFFFDbc');
  });

  it('may be had as one text, the rest of it, or what there is of it', async () => {
    const { model, tokenizer } = saying(['one', ' two', ' three'].map((word) => new TextEncoder().encode(word)));
    expect(await complete(model, tokenizer, 'x').text()).toBe('one two three');
    const rest = complete(model, tokenizer, 'x');
    expect((await rest.next()).value).toBe('one');
    expect(await rest.text()).toBe('one two three');
    const left = complete(model, tokenizer, 'x');
    for await (const piece of left) if (piece === 'one') break;
    expect(await left.text()).toBe('one');
    expect(await complete(model, tokenizer, 'x', { max_new_tokens: 2 }).text()).toBe('one two');
    expect(await complete(model, tokenizer, 'x', { stop_strings: 'two' }).text()).toBe('one two');
    expect(await complete(model, tokenizer, 'x', { eos_token_id: [2, 99] }).text()).toBe('one');
    const none = { ...tokenizer, encode: () => [] };
    await expect(complete(model, none, '').text()).rejects.toThrow('complete: prompt: expected text with at least one token, got none');
  });
});

it('takes from config.json what nobody says: its ends, and a length unless it is the one of old that nobody chose', async () => {
  const wild = { ...configs.llama, initializer_range: 1, vocab_size: 20 };
  const prompt = Array.from({ length: 24 }, (_, i) => `w${(7 * i) % 20}`).join(' ');
  const said = async (json: object, options = {}) => {
    const own = new LlamaForCausalLM(readLlamaConfig({ ...wild, max_position_embeddings: 512, ...json }), { rng: new Rng(5) });
    const text = await complete(own, tokenizer, prompt, options).text();
    dispose(own);
    return text.split(' ').length;
  };
  const all = Array.from({ length: 20 }, (_, i) => i);
  const plain = { suppress_tokens: [0, 1, 2, 3, 4], eos_token_id: null };
  expect(await said(plain)).toBe(256);
  expect(await said({ ...plain, max_length: 20, use_cache: false })).toBe(256);
  expect(await said({ ...plain, max_length: 30 })).toBe(6);
  expect(await said({ ...plain, max_length: 30 }, { max_new_tokens: 3 })).toBe(3);
  expect(await said({ ...plain, max_new_tokens: 3 }, { max_length: 29 })).toBe(5);
  expect(await said({ ...plain, eos_token_id: all.slice(5) }, { min_new_tokens: 0 })).toBe(1); // '' is one part
});

/** Twenty words, of which the first five are special: user, end, assistant, tool, system. */
const tokenizer: WritingTokenizer = {
  encode: (text) => ({ ids: text.split(' ').filter(Boolean).map((word) => Number(word.slice(1))) }),
  decode: (ids, { skipSpecialTokens = false } = {}) => Array.from(ids).filter((id) => !skipSpecialTokens || id > 4).map((id) => `w${id}`).join(' '),
}; // biome-ignore format: above
const roles: Record<string, string> = { user: 'w0', assistant: 'w2', tool: 'w3', system: 'w4' };
const template = (messages: readonly ChatMessage[], { addGenerationPrompt }: TemplateOptions) =>
  `${messages.map(({ role, content }) => `${roles[role]} ${content} w1 `).join('')}${addGenerationPrompt ? 'w2' : ''}`;
const answers = { suppress_tokens: [0, 2, 3, 4], eos_token_id: [1, 18], max_new_tokens: 6 };

describe('chat', () => {
  let model: WritingModel & CausalModel;
  beforeAll(async () => {
    model = (await languageModel('LlamaForCausalLM')) as typeof model;
  });
  afterAll(() => dispose(model));

  it('writes what the model answers behind the whole conversation, and gives it as a message', async () => {
    const before = liveTensors();
    const long = { ...answers, suppress_tokens: [0, 1, 2, 3, 4, 18] };
    const messages: ChatMessage[] = [{ role: 'system', content: 'w7' }, { role: 'user', content: 'w9 w5' }]; // biome-ignore format: rows
    const reply = chat(model, tokenizer, messages, { template, ...long });
    messages.push({ role: 'user', content: 'w19' }); // too late
    const ids: number[] = [];
    for await (const step of generate(model, [4, 7, 1, 0, 9, 5, 1, 2], long)) ids.push(step.ids[0]!);
    const pieces: string[] = [];
    for await (const piece of reply) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(1);
    const content = tokenizer.decode(ids.filter((id) => ![1, 18].includes(id)));
    expect(await reply.message()).toEqual({ role: 'assistant', content });
    expect(pieces.join('')).toBe(content);
    expect(liveTensors()).toBe(before);
  });

  it('computes only what is new with a session, and answers the same', async () => {
    const seen = { ...counted(model), config: model.config };
    const talk = session(seen);
    const [messages, plain] = [[] as ChatMessage[], [] as ChatMessage[]];
    let known = 0;
    for (const content of ['w9 w5', 'w11', 'w8 w7 w6']) {
      for (const list of [messages, plain]) list.push({ role: 'user', content });
      seen.tokens.length = 0;
      const answer = await chat(seen, tokenizer, messages, { template, session: talk, ...answers }).message();
      const prompt = tokenizer.encode(template(messages, { addGenerationPrompt: true })) as { ids: number[] };
      expect(seen.tokens[0]).toBe(prompt.ids.length - known);
      expect(seen.tokens.slice(1).every((count) => count === 1)).toBe(true);
      known = prompt.ids.length + seen.tokens.length - 1;
      messages.push(answer);
      plain.push(await chat(model, tokenizer, plain, { template, ...answers }).message());
      expect(messages).toEqual(plain);
    }
    talk.dispose();
  });

  it('gives the template tools, documents and variables', async () => {
    const told: TemplateOptions[] = [];
    const tools = [{ name: 'weather' }];
    const own = {
      apply: (messages: readonly ChatMessage[], options: TemplateOptions) => {
        told.push(options);
        return template(messages, options);
      },
    };
    const given = { tools, documents: ['d'], variables: { enable_thinking: false } };
    const said: ChatMessage[] = [{ role: 'user', content: 'w9' }, { role: 'tool', content: 'w10', name: 'weather' }]; // biome-ignore format: rows
    await chat(model, tokenizer, said, { template: own, ...given, ...answers }).message();
    expect(told).toEqual([{ addGenerationPrompt: true, ...given }]);
    const wrong = () => {
      throw new Error('roles must alternate');
    };
    await expect(chat(model, tokenizer, said, { template: wrong }).message()).rejects.toThrow('roles must alternate');
  });

  it('stops where it is told to, and a session goes on behind that', async () => {
    const before = liveTensors();
    const talk = session(model);
    const messages = [{ role: 'user', content: 'w9 w5' }];
    const controller = new AbortController();
    const reply = chat(model, tokenizer, messages, { template, session: talk, signal: controller.signal, ...answers, eos_token_id: null });
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const piece of reply) {
        pieces.push(piece);
        controller.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect(pieces).toHaveLength(1);
    for await (const _ of chat(model, tokenizer, messages, { template, session: talk, ...answers })) break;
    const { content } = await chat(model, tokenizer, messages, { template, session: talk, ...answers }).message();
    expect(content).toBe((await chat(model, tokenizer, messages, { template, ...answers }).message()).content);
    talk.dispose();
    expect(liveTensors()).toBe(before);
  });

  it('draws with an rng, and refuses what does not go together', async () => {
    const messages = [{ role: 'user', content: 'w9 w5' }];
    const drawn = (seed: number) => chat(model, tokenizer, messages, { template, ...answers, do_sample: true, temperature: 9, rng: new Rng(seed) }).message();
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(1)).not.toEqual(await drawn(2));
    await expect(chat(model, tokenizer, messages, { template, do_sample: true }).message()).rejects.toThrow('rng: expected an Rng');
    const talk = session(model);
    await expect(chat(model, tokenizer, messages, { template, session: talk, draft: model }).message()).rejects.toThrow('chat: session: expected none beside a draft');
    talk.dispose();
  }); // biome-ignore format: above
});
