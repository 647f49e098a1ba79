import {
  type Backend,
  dispose,
  drawn,
  embedding,
  getBackend,
  loadStateDict,
  param,
  StateDictError,
  stateDict,
  type Tensor,
  withBackend,
} from '@multihead/tensor';
import {
  narrowBfloat16,
  narrowFloat16,
  type NamedTensorRecord,
  type TensorInfo,
  type TensorReader,
  toFloat32,
  toInt32,
  widenBfloat16,
  widenFloat16,
} from '@multihead/tensor/safetensors';
import type { ModelOptions } from '../context.js';
import { type Checkpoint, CheckpointError, type CheckpointSource, checkpointOf, openWeights, readJson } from './checkpoint.js';
import { ConfigError, type ConfigJson, describe, isObject } from './config.js';
import type { CheckpointRules, ModelClass } from './model-class.js';

export interface LoadOptions extends ModelOptions {
  /** Where the weights go; the default backend if left out. */
  backend?: Backend;
  /** The precision that weights are rounded to on their way in; they are computed with in float32. 'auto', the default: as they are stored. */
  dtype?: 'auto' | 'float32' | 'float16' | 'bfloat16';
  /** Stops the loading, which then throws the signal's reason and leaves nothing behind. */
  signal?: AbortSignal;
  /** Called as bytes of weights come. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
  /** Keys of config.json to leave unread, though they are not known to change nothing. */
  ignore?: readonly string[];
  /** Rounds weights to few bits as they come: `int8Weights()` or `int4Weights()` of `@multihead/transformer/quantize`. */
  quantize?: WeightFormat;
  /** Draws the parameters of a head that the checkpoint lacks, or has for another number of labels: how fine-tuning begins. Needs `rng`. */
  freshHead?: boolean;
  /** Keys in place of those of config.json: `num_labels` or `id2label` of a fresh head, dropout, a `rope_scaling`. */
  config?: ConfigJson;
}

/** How weights are kept in another form than float32. */
export interface WeightFormat {
  /** What is to be done with the values of each weight of `model` that is kept so, instead of putting them into its tensor. */
  slots(model: object): ReadonlyMap<Tensor, WeightSlot>;
}

/** The place of one weight in a model. */
export interface WeightSlot {
  /** Makes the other form of the weight, on the default backend. */
  pack(data: Float32Array): object;
  /** Puts it in the place of the weight, wherever that is used, and frees the weight. */
  put(packed: object): void;
}

/** Chooses the class by what config.json says. */
export interface AutoModel<Model extends object = object> {
  choose(config: unknown): Promise<ModelClass<Model, never>>;
}

/**
 * A model of the class `modelClass` (or the one that `auto` chooses) from a checkpoint: `site(url)`, `hub(id)`, `files(list)`, `folder(path)` of
 * `@multihead/transformer/node`, or what the first three are made from.
 *
 * Strictly: config.json must hold nothing that would change the result and is not built, and the weights must be those of the model, neither
 * more nor fewer, with its shapes. float32, float16 and bfloat16 become float32, exactly; tied weights stay one tensor. Either all of it is
 * loaded or, on any failure, nothing is left.
 *
 * @throws ConfigError, StateDictError (all missing, unexpected and mis-shaped keys at once), CheckpointError for files that lack,
 * SafetensorsError for files that break their format; an aborted signal throws its reason.
 * @example
 * const model = await load(GPT2LMHeadModel, 'openai-community/gpt2', { backend: await wasm(), onProgress });
 */
export async function load<Model extends object, Config>(
  modelClass: ModelClass<Model, Config> | AutoModel<Model>,
  source: CheckpointSource,
  options: LoadOptions = {},
): Promise<Model> {
  const checkpoint = checkpointOf(source);
  const { signal, ignore = [], rng, attention } = options;
  signal?.throwIfAborted();
  const { config: changes } = options;
  // Another number of labels makes the names of the old ones wrong.
  const labels = changes && 'num_labels' in changes ? { id2label: null, label2id: null } : {};
  const json = { ...without(await readConfigJson(checkpoint, signal), ignore), ...labels, ...changes };
  const chosen = ('choose' in modelClass ? await modelClass.choose(json) : modelClass) as ModelClass<Model, Config>;
  const config = chosen.readConfig(json);
  const weights = await openWeights(checkpoint, { signal });
  try {
    const model = new chosen(config, { rng, attention });
    try {
      await loadWeights(model, weights, { ...options, rules: chosen.checkpoint, name: checkpoint.name });
      return model;
    } catch (error) {
      dispose(model);
      throw error;
    }
  } finally {
    await weights.close();
  }
}

/** config.json as it is, with a model_type. */
async function readConfigJson(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const json = await readJson(checkpoint, 'config.json', { signal });
  if (json === null) throw new CheckpointError(`${checkpoint.name}: expected a config.json, got none`);
  if (!isObject(json)) throw new ConfigError(`config.json: expected an object, got ${describe(json)}`);
  if (typeof json.model_type !== 'string')
    throw new ConfigError(`config.json: model_type: expected the name of a model, got ${describe(json.model_type)}`);
  return json;
}

function without(json: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

interface WeightsOptions extends LoadOptions {
  rules: CheckpointRules;
  /** What errors call the checkpoint. */
  name: string;
}

/** Puts the tensors of a checkpoint into those of `model`, one after the other; the model is whole only if this returns. */
async function loadWeights(model: object, weights: TensorReader, options: WeightsOptions): Promise<void> {
  const { signal, onProgress, dtype = 'auto', backend = getBackend() } = options;
  leaveOut(model, weights.entries, options);
  await untie(model, weights, options);
  const plan = planOf(model, weights.entries, options);
  const slots = options.quantize?.slots(model);
  const total = plan.reduce((sum, { info }) => sum + info.end - info.begin, 0);
  let loaded = 0;
  await fewAtOnce(plan, signal, async ({ tensor, key, info }, stop) => {
    let told = 0;
    const tell = (one: { loaded: number }) => {
      if (one.loaded <= told) return; // of a range that is fetched again
      loaded += one.loaded - told;
      told = one.loaded;
      onProgress?.({ loaded, total });
    };
    const record = await weights.read(key, { signal: stop, onProgress: onProgress && tell });
    stop.throwIfAborted();
    const data = tensor.dtype === 'int32' ? toInt32(record) : rounded(record, dtype);
    const value = { dtype: tensor.dtype, shape: info.shape, data };
    const slot = slots?.get(tensor);
    withBackend(backend, () =>
      slot ? slot.put(slot.pack(data as Float32Array)) : loadStateDict({ tensor }, new Map([['tensor', value]])),
    );
  });
  // What the checkpoint may lack, or a fresh head: drawn where the others are.
  for (const tensor of stateDict(model).values()) if (!tensor.materialized) withBackend(backend, () => tensor.buffer);
}

/** Sets the parts of a bare model to null of which the checkpoint has nothing. */
function leaveOut(model: object, entries: ReadonlyMap<string, TensorInfo>, { rules }: WeightsOptions): void {
  if (isWrapped(stateDict(model), rules)) return; // a head that reads the part needs it
  for (const part of rules.parts ?? []) {
    const has = [...entries.keys()].some(
      (key) => renamed(key, rules).startsWith(`${part}.`) || renamed(key, rules).startsWith(`${rules.base}.${part}.`),
    );
    if (has) continue;
    const fields = model as Record<string, object | null>;
    if (fields[part]) dispose(fields[part]);
    fields[part] = null;
  }
}

/** Whether a model holds the bare model in a field. */
function isWrapped(state: ReadonlyMap<string, Tensor>, { base }: CheckpointRules): boolean {
  return base !== undefined && [...state.keys()].some((key) => key.startsWith(`${base}.`));
}

/** A range behind a URL costs a round trip, and a tensor in flight costs memory: some at a time. Throws when all have ended. */
async function fewAtOnce<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  act: (item: T, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const waiting = items.values();
  const work = async (): Promise<void> => {
    for (const item of waiting) {
      if (stop.aborted) return;
      await act(item, stop).catch((error) => failed.abort(error)); // only the first abort counts
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  stop.throwIfAborted();
}

function rounded(record: NamedTensorRecord, dtype: NonNullable<LoadOptions['dtype']>): Float32Array {
  const wide = toFloat32(record);
  if (dtype === 'float16' && record.dtype !== 'F16') return widenFloat16(narrowFloat16(wide));
  if (dtype === 'bfloat16' && record.dtype !== 'BF16') return widenBfloat16(narrowBfloat16(wide));
  return wide;
}

interface Step {
  tensor: Tensor;
  key: string;
  info: TensorInfo;
}

/**
 * A tensor that the config ties to another one, and that the checkpoint has besides, with other values: transformers does not tie them then.
 * What is untied gets an object of its own, in place of the one that both names led to.
 */
async function untie(model: object, weights: TensorReader, { rules, signal }: WeightsOptions): Promise<void> {
  const state = stateDict(model);
  const keyOf = new Map([...weights.entries.keys()].map((key) => [targetOf(renamed(key, rules), state, rules.base), key]));
  const first = new Map<Tensor, string>();
  for (const [field, tensor] of state) {
    const [key, other] = [keyOf.get(field), first.get(tensor)];
    if (key === undefined) continue;
    if (other === undefined) first.set(tensor, key);
    else if (!(await isEqual(weights, key, other, signal))) replaceParameter(model, field, tensor);
  }
}

async function isEqual(weights: TensorReader, a: string, b: string, signal?: AbortSignal): Promise<boolean> {
  const [one, other] = [weights.entries.get(a)!, weights.entries.get(b)!];
  if (one.dtype !== other.dtype || String(one.shape) !== String(other.shape)) return false;
  const [x, y] = [await weights.readBytes(a, { signal }), await weights.readBytes(b, { signal })];
  return x.every((byte, i) => byte === y[i]);
}

function replaceParameter(model: object, field: string, tied: Tensor): void {
  const path = field.split('.');
  const [owner, name] = [path.at(-2)!, path.at(-1)!];
  const above = path.slice(0, -2).reduce((at, key) => (at as Record<string, object>)[key]!, model) as Record<string, object>;
  const own = param(
    tied.shape,
    drawn(undefined, () => tied),
  );
  own.requiresGrad = tied.requiresGrad;
  // Of an embedding that is looked up in, too, and not only multiplied by.
  const forward = (x: Tensor) => embedding(own, x);
  above[owner] = { ...above[owner], ...('forward' in above[owner]! && { forward }), [name]: own };
}

/** Which tensor of the checkpoint goes where; a StateDictError lists everything that does not fit. */
function planOf(model: object, entries: ReadonlyMap<string, TensorInfo>, options: WeightsOptions): Step[] {
  const { rules, name, freshHead, rng } = options;
  const state = stateDict(model);
  const bare = rules.base !== undefined && !isWrapped(state, rules);
  const wrapped = rules.base !== undefined && [...entries.keys()].some((key) => renamed(key, rules).startsWith(`${rules.base}.`));
  const isFresh = (field: string) => freshHead && rng && isOfHead(field, rules, bare);
  const sources = new Map<string, string>();
  const problems: string[] = [];
  for (const key of entries.keys()) {
    const target = targetOf(renamed(key, rules), state, rules.base);
    if (target !== null) sources.set(target, key);
    // A bare model leaves the head of another one aside, and so does one whose own head is drawn.
    else if (
      !((bare || freshHead) && wrapped && !renamed(key, rules).startsWith(`${rules.base}.`)) &&
      !rules.ignore?.some((pattern) => pattern.test(key))
    ) {
      problems.push(`  unexpected: ${key} [${entries.get(key)!.shape.join(', ')}]`);
    }
  }
  const plan = new Map<Tensor, Step>();
  for (const [field, tensor] of state) {
    const key = sources.get(field);
    if (key === undefined || plan.has(tensor)) continue; // of a tied tensor the first name counts
    const info = entries.get(key)!;
    const wrong = misfits(key, tensor, info);
    if (wrong.length > 0 && isFresh(field)) continue;
    problems.push(...wrong);
    plan.set(tensor, { tensor, key, info });
  }
  for (const [field, tensor] of state) {
    const isMissing = !plan.has(tensor) && !isFresh(field) && !rules.optional?.some((pattern) => pattern.test(field));
    if (isMissing) problems.push(`  missing: ${field} [${tensor.shape.join(', ')}]`);
  }
  if (problems.length > 0) {
    throw new StateDictError(`${name}: ${problems.length} of the tensors do not fit the model:\n${problems.join('\n')}`);
  }
  return [...plan.values()];
}

/** Whether a field belongs to the head of a model, or to a part that its bare model may lack. */
function isOfHead(field: string, { base, head, parts = [] }: CheckpointRules, bare: boolean): boolean {
  if (head) return head.test(field);
  return base !== undefined && !bare && (!field.startsWith(`${base}.`) || parts.some((part) => field.startsWith(`${base}.${part}.`)));
}

function renamed(key: string, { rename = [] }: CheckpointRules): string {
  return rename.reduce((name, [from, to]) => name.replace(from, to), key);
}

/** The name in the model, with or without the field of the bare model before it; null if there is none. */
function targetOf(key: string, state: ReadonlyMap<string, Tensor>, base: string | undefined): string | null {
  const names = base === undefined ? [key] : [key, `${base}.${key}`, key.startsWith(`${base}.`) ? key.slice(base.length + 1) : key];
  return names.find((name) => state.has(name)) ?? null;
}

const floats = ['F32', 'F16', 'BF16', 'F64'];
const integers = ['I64', 'I32', 'I16', 'I8', 'U8', 'U16', 'U32', 'U64'];

function misfits(key: string, tensor: Tensor, info: TensorInfo): string[] {
  const taken = tensor.dtype === 'int32' ? integers : floats;
  if (!taken.includes(info.dtype)) return [`  wrong dtype: ${key}: expected ${taken.join(' or ')}, got ${info.dtype}`];
  const [want, got] = [tensor.shape, info.shape].map((shape) => `[${shape.join(', ')}]`);
  return want === got ? [] : [`  wrong shape: ${key}: expected ${want}, got ${got}`];
}
