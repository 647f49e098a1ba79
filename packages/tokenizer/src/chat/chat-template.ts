import { show, TokenizerError } from '../errors.js';
import type { SpecialTokenJson, TokenizerConfigJson } from '../tokenizer-json.js';
import { type RenderOptions, render } from './render.js';

/** One message of a conversation. Templates may use more fields than these. */
export interface ChatMessage {
  role: string;
  content?: unknown;
  [field: string]: unknown;
}

/** Where the templates of a model come from. */
export interface ChatTemplateFiles {
  /** `tokenizer_config.json`, as text or as its parsed value: templates and special tokens. */
  config?: string | TokenizerConfigJson;
  /** `chat_template.jinja`, which counts more than the template in the config. */
  template?: string;
  /** `additional_chat_templates/NAME.jinja`, by name. */
  additionalTemplates?: Readonly<Record<string, string>>;
}

export interface ChatOptions extends RenderOptions {
  /** End with the beginning of an answer of the assistant. Default false. */
  addGenerationPrompt?: boolean;
  /** The functions that the model may call, in the form that its template wants, which mostly is JSON schema. */
  tools?: readonly unknown[];
  /** Texts that the model may look things up in. */
  documents?: readonly unknown[];
  /** Which of several templates. Default: `tool_use` if there are tools and such a template, else `default`. */
  name?: string;
  /** What else the template uses, by the names that it has for them: `{ enable_thinking: false }`. */
  variables?: Readonly<Record<string, unknown>>;
}

const roles = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'] as const;

/**
 * The chat templates of a model: a conversation as the text that the model was trained on.
 *
 * The text has its special tokens written out: encode it with `addSpecialTokens: false`. Throws `TokenizerError` for files that have no
 * template, for what a template raises, and for templates that take too long; see `renderTemplate`.
 *
 * ```ts
 * import { ChatTemplate } from '@multihead/tokenizer/chat';
 *
 * const template = "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";
 * const chat = new ChatTemplate({ config: { chat_template: template, bos_token: '<s>' } });
 * chat.apply([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true }); // '<s>[user]Hi[assistant]'
 * ```
 *
 * The variables are those of `apply_chat_template` in Hugging Face's transformers.
 */
export class ChatTemplate {
  /** The templates by name; a single one is called `default`. */
  readonly templates: ReadonlyMap<string, string>;
  readonly #specialTokens: Readonly<Record<string, unknown>>;

  constructor(files: ChatTemplateFiles) {
    const operation = 'new ChatTemplate';
    const config = parsed(operation, files.config);
    const templates = templatesOf(operation, config.get('chat_template'));
    if (files.template !== undefined) templates.set('default', text(operation, 'template', files.template));
    for (const [name, template] of Object.entries(files.additionalTemplates ?? {})) {
      templates.set(name, text(operation, `additionalTemplates.${name}`, template));
    }
    if (templates.size === 0)
      throw new TokenizerError(operation, 'config: expected a chat_template in it, or a template beside it, got none');
    this.templates = templates;
    const tokens = roles.flatMap((role): [string, string][] => {
      const content = contentOf(config.get(role) as SpecialTokenJson | null | undefined);
      return content === undefined ? [] : [[role, content]];
    });
    const more = config.get('additional_special_tokens');
    const additional = Array.isArray(more) ? more.map(contentOf).filter((content) => content !== undefined) : [];
    this.#specialTokens = { ...Object.fromEntries(tokens), ...(additional.length > 0 ? { additional_special_tokens: additional } : {}) };
  }

  /** The conversation as text. */
  apply(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const operation = 'ChatTemplate.apply';
    if (!Array.isArray(messages)) throw new TokenizerError(operation, `messages: expected an array, got ${show(messages)}`);
    const { addGenerationPrompt = false, tools, documents, variables } = options;
    const context = {
      ...this.#specialTokens,
      messages,
      tools: tools ?? null,
      documents: documents ?? null,
      add_generation_prompt: addGenerationPrompt,
      ...variables,
    };
    return render(operation, this.#choose(operation, options), context, options);
  }

  #choose(operation: string, { name, tools }: ChatOptions): string {
    const chosen = name ?? (tools !== undefined && this.templates.has('tool_use') ? 'tool_use' : 'default');
    const template = this.templates.get(chosen);
    if (template !== undefined) return template;
    const present = [...this.templates.keys()].join(', ');
    throw new TokenizerError(
      operation,
      `name: expected one of ${present}, got ${name === undefined ? 'none, and there is no default' : show(name)}`,
    );
  }
}

/** By own keys alone: `__proto__` is a key like any other. */
function parsed(operation: string, config: string | TokenizerConfigJson | undefined): Map<string, unknown> {
  let value: unknown = config ?? {};
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value);
    } catch (error) {
      throw new TokenizerError(operation, `config: expected JSON, got ${show(value)} (${(error as Error).message})`);
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenizerError(operation, `config: expected an object, got ${show(value)}`);
  }
  return new Map(Object.entries(value));
}

function templatesOf(operation: string, given: unknown): Map<string, string> {
  if (given === undefined || given === null) return new Map();
  if (typeof given === 'string') return new Map([['default', given]]);
  if (!Array.isArray(given)) throw new TokenizerError(operation, `config.chat_template: expected a string or an array, got ${show(given)}`);
  return new Map(
    given.map((entry: { name?: unknown; template?: unknown } | null, index): [string, string] => [
      text(operation, `config.chat_template[${index}].name`, entry?.name),
      text(operation, `config.chat_template[${index}].template`, entry?.template),
    ]),
  );
}

function text(operation: string, argument: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TokenizerError(operation, `${argument}: expected a string, got ${show(value)}`);
}

function contentOf(token: SpecialTokenJson | null | undefined): string | undefined {
  const content = typeof token === 'object' && token !== null ? token.content : token;
  return typeof content === 'string' ? content : undefined;
}
