import type { AddedToken } from '../added-tokens.js';
import type { Decoder } from '../decoders/decoder.js';
import { show, TokenizerError } from '../errors.js';
import type { Model } from '../models/model.js';
import type { Normalizer } from '../normalizers/normalizer.js';
import { type Pipeline, type PipelinePadding, PipelineTokenizer, type PipelineTruncation } from '../pipeline-tokenizer.js';
import type { PostProcessor } from '../post-processors/post-processor.js';
import type { PreTokenizer } from '../pre-tokenizers/pre-tokenizer.js';
import type { SpecialRole, SpecialTokens } from '../tokenizer.js';
import type { SpecialTokensMapJson, TokenizerConfigJson, TokenizerJson } from '../tokenizer-json.js';
import { Fields, type Readers, readTyped } from './fields.js';

/** The files that may lie beside a `tokenizer.json`. */
export interface LoadOptions {
  /** `tokenizer_config.json`, as text or as its parsed value. */
  config?: string | TokenizerConfigJson;
  /** `special_tokens_map.json`, as text or as its parsed value. */
  specialTokensMap?: string | SpecialTokensMapJson;
}

/** What a loader can read: a loader carries no more than these into a bundle. */
export interface Components {
  models: Readers<Model>;
  modelType: (fields: Fields) => string;
  normalizers: Readers<Normalizer>;
  preTokenizers: Readers<PreTokenizer>;
  postProcessors: Readers<PostProcessor>;
  decoders: Readers<Decoder>;
}

/** The tokenizer that a `tokenizer.json` describes, if it is made of these components. */
export function assemble(operation: string, json: string | TokenizerJson, options: LoadOptions, components: Components): PipelineTokenizer {
  const file = new Fields(operation, '', parsed(operation, 'json', json));
  const config = new Fields(operation, 'config', parsed(operation, 'config', options.config ?? {}));
  const map = new Fields(operation, 'specialTokensMap', parsed(operation, 'specialTokensMap', options.specialTokensMap ?? {}));
  if (file.string('version', '1.0') !== '1.0') throw file.refuse('version', "'1.0'", file.get('version'));
  const optional = <T>(key: string, readers: Readers<T>): T | undefined =>
    file.get(key) === undefined ? undefined : readTyped(file.object(key), readers);
  const modelFields = file.object('model');
  const type = components.modelType(modelFields);
  const readModel = Object.hasOwn(components.models, type) ? components.models[type] : undefined;
  if (readModel === undefined) throw modelFields.refuse('type', `one of ${Object.keys(components.models).join(', ')}`, type);
  const model = readModel(modelFields, components.models);
  const normalizer = optional('normalizer', components.normalizers);
  const named = namedTokens(map, config);
  const pipeline: Pipeline = {
    model,
    normalizer,
    preTokenizer: optional('pre_tokenizer', components.preTokenizers),
    postProcessor: optional('post_processor', components.postProcessors),
    decoder: optional('decoder', components.decoders),
    addedTokens: addedTokens(file, config, named),
    tracked: dependsOnPlace(file),
    truncation: file.get('truncation') === undefined ? undefined : readTruncation(file.object('truncation')),
    padding: file.get('padding') === undefined ? undefined : readPadding(file.object('padding')),
    specialTokens: Object.fromEntries(named.filter(([role]) => role !== undefined)) as SpecialTokens,
    cleanUpTokenizationSpaces: config.boolean('clean_up_tokenization_spaces', false),
  };
  return new PipelineTokenizer(pipeline);
}

function parsed(operation: string, argument: string, given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new TokenizerError(operation, `${argument}: expected JSON, got ${show(given)} (${(error as Error).message})`);
  }
}

/** A metaspace that is put before the first piece alone has to know which one that is, whatever was cut or changed before. */
function dependsOnPlace(file: Fields): boolean {
  const text = JSON.stringify(file.get('pre_tokenizer') ?? null);
  return text.includes('"first"') && (file.get('normalizer') !== undefined || text.includes('"Sequence"'));
}

function addedTokens(file: Fields, config: Fields, named: readonly (readonly [unknown, string])[]): AddedToken[] {
  const tokens = file.get('added_tokens') === undefined ? [] : file.objects('added_tokens').map(readAddedToken);
  const known = new Set(tokens.map(({ content }) => content));
  const addMissing = (token: AddedToken): void => {
    if (known.has(token.content)) return;
    known.add(token.content);
    tokens.push(token);
  };
  if (config.get('added_tokens_decoder') !== undefined) {
    const decoder = config.object('added_tokens_decoder');
    const ids = decoder.keys().sort((a, b) => Number(a) - Number(b));
    for (const id of ids) addMissing(readFlags(decoder.object(id)));
  }
  for (const [, content] of named) {
    addMissing({ content, singleWord: false, lstrip: false, rstrip: false, normalized: false, special: true });
  }
  return tokens;
}

function readAddedToken(fields: Fields): AddedToken {
  fields.count('id');
  return readFlags(fields);
}

function readFlags(fields: Fields): AddedToken {
  const special = fields.boolean('special', false);
  return {
    content: fields.string('content'),
    singleWord: fields.boolean('single_word', false),
    lstrip: fields.boolean('lstrip', false),
    rstrip: fields.boolean('rstrip', false),
    normalized: fields.boolean('normalized', !special),
    special,
  };
}

const roles: readonly SpecialRole[] = ['pad', 'bos', 'eos', 'unk', 'cls', 'sep', 'mask'];

/** The tokens that the files name by role, and the additional ones, which have none. The map comes before the config. */
function namedTokens(map: Fields, config: Fields): [role: SpecialRole | undefined, token: string][] {
  const named: [SpecialRole | undefined, string][] = [];
  for (const role of roles) {
    const key = `${role}_token`;
    const source = map.get(key) === undefined ? config : map;
    const token = contentOf(source.get(key));
    if (token !== undefined) named.push([role, token]);
  }
  for (const source of [map, config]) {
    const additional = source.get('additional_special_tokens');
    if (!Array.isArray(additional)) continue;
    for (const token of additional) {
      const content = contentOf(token);
      if (content !== undefined) named.push([undefined, content]);
    }
  }
  return named;
}

function contentOf(token: unknown): string | undefined {
  const content =
    typeof token === 'object' && token !== null && Object.hasOwn(token, 'content') ? (token as { content: unknown }).content : token;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

function readTruncation(fields: Fields): Required<PipelineTruncation> {
  const strategy = fields.oneOf('strategy', ['LongestFirst', 'OnlyFirst', 'OnlySecond'], 'LongestFirst');
  return {
    maxLength: fields.count('max_length'),
    stride: fields.count('stride', 0),
    direction: fields.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right',
    strategy: ({ LongestFirst: 'longest_first', OnlyFirst: 'only_first', OnlySecond: 'only_second' } as const)[strategy],
  };
}

function readPadding(fields: Fields): PipelinePadding {
  const strategy = fields.get('strategy');
  const length =
    typeof strategy === 'object' ? fields.object('strategy').count('Fixed') : fields.oneOf('strategy', ['BatchLongest'], 'BatchLongest');
  return {
    length: length === 'BatchLongest' ? 'longest' : length,
    direction: fields.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right',
    multipleOf: fields.count('pad_to_multiple_of', 0),
    id: fields.count('pad_id'),
    typeId: fields.count('pad_type_id', 0),
    token: fields.string('pad_token'),
  };
}
