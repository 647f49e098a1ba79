import type { TokenizerJson } from '../tokenizer-json.js';

type Component = Readonly<Record<string, unknown>>;

const byteLevel = { add_prefix_space: true, trim_offsets: true, use_regex: true };
const metaspace = { replacement: '▁', prepend_scheme: 'always', split: true };

/** What Hugging Face's reader demands of a component and ours takes for granted, by the key and the type of it. */
const defaults: Readonly<Record<string, Readonly<Record<string, Component>>>> = {
  normalizer: {
    BertNormalizer: { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    Strip: { strip_left: true, strip_right: true },
  },
  pre_tokenizer: {
    ByteLevel: byteLevel,
    Metaspace: metaspace,
    Digits: { individual_digits: false },
    Punctuation: { behavior: 'Isolated' },
    Split: { invert: false },
    FixedLength: { length: 5 },
  },
  post_processor: {
    ByteLevel: byteLevel,
    RobertaProcessing: { trim_offsets: true, add_prefix_space: true },
    TemplateProcessing: { special_tokens: {} },
  },
  decoder: {
    ByteLevel: byteLevel,
    Metaspace: metaspace,
    WordPiece: { prefix: '##', cleanup: true },
    BPEDecoder: { suffix: '</w>' },
    CTC: { pad_token: '<pad>', word_delimiter_token: '|', cleanup: true },
  },
};

/** Of a `Sequence`, where its components are. */
const inner = ['normalizers', 'pretokenizers', 'processors', 'decoders'];

/** The document with every field written out that Hugging Face's reader does not do without. */
export function complete<T extends Partial<TokenizerJson>>(json: T): T {
  const parts = Object.keys(defaults).flatMap((key): [string, unknown][] => {
    const component = (json as Component)[key];
    return typeof component === 'object' && component !== null ? [[key, completed(key, component as Component)]] : [];
  });
  return { ...json, ...Object.fromEntries(parts) };
}

function completed(key: string, component: Component): Component {
  const missing = typeof component.type === 'string' && Object.hasOwn(defaults[key]!, component.type) ? defaults[key]![component.type] : {};
  const result: Record<string, unknown> = { type: component.type, ...missing, ...component };
  if (component.type === 'Metaspace' && typeof component.add_prefix_space === 'boolean' && component.prepend_scheme === undefined) {
    result.prepend_scheme = component.add_prefix_space ? 'always' : 'never';
  }
  if (typeof component.pattern === 'string') result.pattern = { String: component.pattern };
  for (const name of inner) {
    const components = component[name];
    if (Array.isArray(components)) result[name] = components.map((each) => completed(key, each as Component));
  }
  return result;
}
