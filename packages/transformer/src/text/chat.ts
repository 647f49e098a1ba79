import type { CausalModel } from '../generation/decoding.js';
import { type CompleteOptions, written } from './complete.js';
import type { TextPieces } from './pieces.js';
import { idsOf, uncut, type WritingTokenizer } from './tokenizer.js';

/** One message of a conversation. Templates may use more fields than these: `tool_calls`, `name` … */
export interface ChatMessage {
  role: string;
  content?: unknown;
  [field: string]: unknown;
}

/** What a template gets beside messages. */
export interface TemplateOptions {
  addGenerationPrompt: boolean;
  tools?: readonly unknown[];
  documents?: readonly unknown[];
  variables?: Readonly<Record<string, unknown>>;
}

/** Conversations as text: `new ChatTemplate({ config })` of `@multihead/tokenizer/chat`, or what `apply` does there alone. */
export type ChatTemplateLike =
  | { apply(messages: readonly ChatMessage[], options: TemplateOptions): string }
  | ((messages: readonly ChatMessage[], options: TemplateOptions) => string);

export interface ChatOptions extends CompleteOptions {
  template: ChatTemplateLike;
  /** Functions that the model may call, as its template wants them: mostly JSON schema. */
  tools?: readonly unknown[];
  /** Texts that it may look things up in. */
  documents?: readonly unknown[];
  /** What else the template uses, by the names that it has for them: `{ enable_thinking: false }`. */
  variables?: Readonly<Record<string, unknown>>;
}

/** An answer while it is written. */
export interface ChatReply extends TextPieces {
  /** Waits for the end and gives the answer as a message, to be put behind the others. */
  message(): Promise<ChatMessage & { role: 'assistant'; content: string }>;
}

/**
 * What the model answers in a conversation, piece by piece while it is written.
 *
 * The template makes one text of all messages, those of `system` and of tools among them, and begins the answer. With a `session` only what is new since the
 * last turn is computed. Options are those of `complete`; what is not given is taken from config.json, and 256 new tokens at most. Rejects with what the
 * template raises, with a ValueError for options that do not fit, with the signal's reason when aborted.
 *
 * @example
 * const template = new ChatTemplate({ config: await readText(checkpoint, 'tokenizer_config.json') }); // of @multihead/tokenizer/chat
 * const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
 * const reply = chat(model, tokenizer, messages, { template, session: session(model) });
 * for await (const piece of reply) process.stdout.write(piece);
 * messages.push(await reply.message());
 */
export function chat(
  model: CausalModel & { readonly config: object },
  tokenizer: WritingTokenizer,
  messages: readonly ChatMessage[],
  options: ChatOptions,
): ChatReply {
  const { template, tools, documents, variables, ...rest } = options;
  const said = [...messages];
  const prompt = () => {
    const given: TemplateOptions = { addGenerationPrompt: true, tools, documents, variables };
    const text = typeof template === 'function' ? template(said, given) : template.apply(said, given);
    return idsOf(tokenizer.encode(text, { ...uncut, addSpecialTokens: false })); // the template writes them out
  };
  const pieces = written('chat', model, tokenizer, prompt, rest);
  return {
    ...pieces,
    message: async () => ({ role: 'assistant', content: await pieces.text() }),
  };
}
