import { MultiheadError } from '@multihead/tensor';
import { retrying, retryingSource } from './retrying.js';
import {
  type ByteSource,
  type HttpOptions,
  httpSource,
  openSafetensors,
  openShardedSafetensors,
  readUrl,
  SafetensorsError,
  type TensorReader,
} from '@multihead/tensor/safetensors';

/* A checkpoint is a handful of files with fixed names. Where they lie is one function each: behind URLs, on a hub, in the browser's hands. */

/** What is asked of a checkpoint, and what it is done with. */
export interface OpenOptions {
  signal?: AbortSignal;
}

/** The files of a checkpoint, wherever they are. Nothing is opened before it is asked for. */
export interface Checkpoint {
  /** What errors call it: a path, a URL. */
  readonly name: string;
  /** A file by its plain name, or null if there is none; whoever opened it closes it. */
  open(file: string, options?: OpenOptions): Promise<ByteSource | null>;
}

/** A checkpoint that lacks a file, or has one that cannot be read. */
export class CheckpointError extends MultiheadError {
  override name = 'CheckpointError';
}

/** A file as browsers have it. */
type NamedFile = Blob & { readonly name: string; readonly webkitRelativePath?: string };

/**
 * Files that a person has chosen or dropped, by their names. Of several with one name, in a folder and in those within it, the outermost is
 * meant; where no path tells which that is, opening one throws a CheckpointError.
 *
 * @example
 * input.onchange = async () => load(GPT2LMHeadModel, files(input.files!));
 */
export function files(list: Iterable<NamedFile>): Checkpoint {
  const byName = new Map<string, { file: NamedFile; depth: number; count: number }>();
  for (const file of list) {
    const folders = (file.webkitRelativePath || file.name).split(/[\\/]/);
    const [name, depth] = [folders.at(-1)!, folders.length];
    const known = byName.get(name);
    if (!known || depth < known.depth) byName.set(name, { file, depth, count: 1 });
    else if (depth === known.depth) known.count++;
  }
  return {
    name: `${byName.size} files`,
    open: async (name) => {
      const { file, count = 0 } = byName.get(name) ?? {};
      if (count > 1) throw new CheckpointError(`files: expected one file ${name}, got ${count}`);
      if (!file) return null;
      const read = async (from: number, to: number) => new Uint8Array(await file.slice(from, to).arrayBuffer());
      return { name, size: file.size, read };
    },
  };
}

export interface SiteOptions extends Omit<HttpOptions, 'signal'> {
  /** How often a request is made again after the network has failed it, with pauses that double; 2 if left out. */
  retries?: number;
}

/**
 * The folder behind a URL. Weights are fetched tensor by tensor where the server serves ranges, else whole.
 *
 * @example
 * const model = await load(GPT2LMHeadModel, site('https://example.org/models/gpt2/'));
 */
export function site(url: string | URL, options: SiteOptions = {}): Checkpoint {
  const { retries = 2, ...http } = options;
  const base = new URL(url, globalThis.location?.href);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    name: base.href.replace(/[?#].*$/s, ''),
    open: async (file, { signal } = {}) => {
      const at = new URL(encodeURIComponent(file), base);
      at.search = base.search;
      const open = () => (file.endsWith('.safetensors') ? weightsSource(at, { ...http, signal }) : wholeSource(at, { ...http, signal }));
      const source = await orNull(() => retrying(open, retries));
      return source && retryingSource(source, retries);
    },
  };
}

export interface HubOptions extends SiteOptions {
  /** A branch, a tag or a commit; `main` if left out. */
  revision?: string;
  /** For repositories that are not public. */
  token?: string;
  /** Another hub than huggingface.co. */
  endpoint?: string;
}

/**
 * A repository of the Hugging Face hub, by its id.
 *
 * @example
 * const model = await load(GPT2LMHeadModel, hub('openai-community/gpt2'));
 */
export function hub(id: string, options: HubOptions = {}): Checkpoint {
  const { revision = 'main', token, endpoint = 'https://huggingface.co', headers, ...http } = options;
  if (!isHubId(id))
    throw new CheckpointError(`hub: id: expected owner/name or name, of letters, digits, - _ and ., got ${JSON.stringify(id)}`);
  const authorization: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const url = `${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/`;
  const name = `${id} (${revision})`;
  const repository = site(url, { ...http, headers: { ...headers, ...authorization } });
  const refuse = (cause: unknown): never => {
    if (!(cause instanceof SafetensorsError) || !/^40[13]\b/.test(cause.got)) throw cause;
    const hint = 'none of this name, or a private or gated one that wants a token';
    throw new CheckpointError(`${name}: expected a repository that can be read, got ${cause.got} (${hint})`, { cause });
  };
  return { name, open: (file, openOptions) => repository.open(file, openOptions).catch(refuse) };
}

/** owner/name or name, as the hub has them; nothing that could climb out of a path. */
function isHubId(text: string): boolean {
  return /^(?:[\w.-]{1,96}\/)?[\w.-]{1,96}$/.test(text) && !text.split('/').some((part) => /^\.+$/.test(part));
}

/** What `load` takes: a checkpoint, or what one is made from. */
export type CheckpointSource = Checkpoint | URL | string | Iterable<Blob & { readonly name: string }>;

/** A URL is a site, `owner/name` a repository of the hub, a list the files that it has. */
export function checkpointOf(source: CheckpointSource): Checkpoint {
  if (source instanceof URL) return site(source);
  if (typeof source !== 'string') return 'open' in source ? source : files(source);
  if (/^https?:\/\//i.test(source)) return site(source);
  if (isHubId(source) && source.includes('/')) return hub(source);
  throw new CheckpointError(
    `load: source: expected a URL or the id owner/name of a repository, got ${JSON.stringify(source)}; a folder is folder(path) of @multihead/transformer/node`,
  );
}

/** Null for what is not there; every other failure goes on. */
async function orNull(open: () => Promise<ByteSource>): Promise<ByteSource | null> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof SafetensorsError && /^404\b/.test(error.got)) return null;
    throw error;
  }
}

async function weightsSource(url: URL, options: HttpOptions): Promise<ByteSource> {
  try {
    return await httpSource(url, options);
  } catch (error) {
    const noRanges = error instanceof SafetensorsError && error.field === 'fetch' && /^200\b/.test(error.got);
    if (!noRanges) throw error;
    return wholeSource(url, options, Number.MAX_SAFE_INTEGER);
  }
}

async function wholeSource(url: URL, options: HttpOptions, maxBytes?: number): Promise<ByteSource> {
  const bytes = await readUrl(url, { ...options, maxBytes });
  return { name: String(url), size: bytes.length, read: async (from, to) => bytes.slice(from, to) };
}

/** Configs and tokenizers are far smaller. */
const mostTextBytes = 2 ** 28;

/**
 * A text file of the checkpoint, or null if it has none. Throws a CheckpointError for more than 256 MB.
 *
 * @example
 * const tokenizer = fromTokenizerJson((await readText(checkpoint, 'tokenizer.json'))!);
 */
export async function readText(checkpoint: Checkpoint, file: string, options: OpenOptions = {}): Promise<string | null> {
  const source = await checkpoint.open(file, options);
  if (!source) return null;
  try {
    if (source.size > mostTextBytes) {
      throw new CheckpointError(`${checkpoint.name}: ${file}: expected at most ${mostTextBytes} bytes, got ${source.size}`);
    }
    const bytes = await source.read(0, source.size, options);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new CheckpointError(`${checkpoint.name}: ${file}: expected UTF-8`, { cause });
    }
  } finally {
    await source.close?.();
  }
}

/**
 * A parsed JSON file of the checkpoint, or null if it has none. Throws a CheckpointError that names a file that is not JSON.
 *
 * @example
 * const settings = await readJson(checkpoint, 'generation_config.json');
 */
export async function readJson(checkpoint: Checkpoint, file: string, options: OpenOptions = {}): Promise<unknown> {
  const text = await readText(checkpoint, file, options);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${checkpoint.name}: ${file}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
}

/** Tensors of a checkpoint that hold their files open until they are closed. */
export interface OpenWeights extends TensorReader {
  close(): Promise<void>;
}

/** The weights: model.safetensors or, where that is missing, the shards of model.safetensors.index.json. Headers are read now. */
export async function openWeights(checkpoint: Checkpoint, options: OpenOptions = {}): Promise<OpenWeights> {
  const single = await checkpoint.open('model.safetensors', options);
  if (single) {
    try {
      const reader = await openSafetensors(single, options);
      return { ...reader, close: async () => single.close?.() };
    } catch (error) {
      await single.close?.();
      throw error;
    }
  }
  const index = await readText(checkpoint, 'model.safetensors.index.json', options);
  if (index === null) {
    const hint = (await checkpoint.open('pytorch_model.bin', options).catch(() => null))
      ? '; pytorch_model.bin is not read, since it can run code'
      : '';
    throw new CheckpointError(`${checkpoint.name}: expected model.safetensors or model.safetensors.index.json, got neither${hint}`);
  }
  const shard = async (file: string, { signal }: OpenOptions) => {
    const source = await checkpoint.open(file, { signal });
    if (!source) throw new CheckpointError(`${checkpoint.name}: expected the shard ${file} that the index names, got none`);
    return source;
  };
  return openShardedSafetensors(index, shard, { name: `${checkpoint.name}/model.safetensors.index.json`, signal: options.signal });
}
