// A text that goes on, and a conversation, written piece by piece: `pnpm example chat [FOLDER]`. The folder has a Llama's config.json,
// model.safetensors and tokenizer.json. Without one it is that of tinyllamas' 260K model, which lies beside the repository and knows stories only.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { wasm } from '@multihead/kernels-wasm';
import { dispose } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { type ChatMessage, ChatTemplate } from '@multihead/tokenizer/chat';
import { session } from '@multihead/transformer/generation';
import { LlamaForCausalLM } from '@multihead/transformer/llama';
import { load, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { chat, complete } from '@multihead/transformer/text';

const path = process.argv[2] ?? join(import.meta.dirname, '..', '..', 'shared', 'data', 'stories260k');
if (!existsSync(path)) {
  console.log(`There is no model in ${path}: name a folder that has one.`);
  process.exit();
}
const checkpoint = folder(path);
const model = await load(LlamaForCausalLM, checkpoint, { backend: await wasm() });
const tokenizer = fromTokenizerJson((await readText(checkpoint, 'tokenizer.json'))!);

// #region complete
for await (const piece of complete(model, tokenizer, 'Once upon a time', { max_new_tokens: 60 })) stdout.write(piece);
// #endregion complete

// This model has learned no roles: what is said stands line by line.
const chat_template = '{{ bos_token }}{% for m in messages %}{{ m.content }}\n{% endfor %}';
const config = { chat_template, bos_token: '<s>' }; // mostly that of tokenizer_config.json
const questions = ['One day, Lily met a dog.', 'The dog was sad.', 'Lily gave him a big hug.'];
console.log('\n');

// #region chat
const template = new ChatTemplate({ config });
const talk = session(model); // keeps keys and values from turn to turn
const messages: ChatMessage[] = [{ role: 'system', content: 'A story of friends.' }];
for (const content of questions) {
  messages.push({ role: 'user', content });
  const reply = chat(model, tokenizer, messages, { template, session: talk, max_new_tokens: 24 });
  stdout.write(`> ${content}\n`);
  for await (const piece of reply) stdout.write(piece);
  stdout.write('\n');
  messages.push(await reply.message());
}
talk.dispose();
// #endregion chat
dispose(model);
