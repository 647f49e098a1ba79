import { keep, noGrad, StateDictError, stateDict, type Tensor, type TensorData, tensor, withBackend } from '@multihead/tensor';
import { openSafetensors, recordsOf, serializeSafetensors, type TensorReader, toFloat32 } from '@multihead/tensor/safetensors';
import { type Checkpoint, CheckpointError, type CheckpointSource, checkpointOf, readJson } from '../loading/checkpoint.js';
import { adaptersOf, attach, backendOf, prepare } from './adapters.js';
import { type LoraConfig, loraConfigJson, readLoraConfig } from './config.js';
import { type Plan, plannedTensors } from './plan.js';
import { namesOf } from './targets.js';

/* An adapter as PEFT keeps it: adapter_config.json and adapter_model.safetensors. */

const configFile = 'adapter_config.json';
const weightsFile = 'adapter_model.safetensors';
/** What PEFT's wrappers put before every name. */
const prefix = 'base_model.model.';

export interface LoraFilesOptions {
  /** Which adapter; 'default' if left out. */
  name?: string;
  /** How its tensors are stored; float32 if left out. */
  dtype?: 'float32' | 'float16' | 'bfloat16';
}

const stored = { float32: undefined, float16: 'F16', bfloat16: 'BF16' } as const;

/**
 * An adapter as the two files that PEFT reads and writes, by their names: adapter_config.json and adapter_model.safetensors. In a folder they are
 * put by `saveLora` of `@multihead/transformer/node`. Throws a ValueError for a name that there is not.
 *
 * @example
 * const files = await loraFiles(model);
 * const blob = new Blob([files.get('adapter_model.safetensors')!]);
 */
export async function loraFiles(model: object, options: LoraFilesOptions = {}): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { name = 'default', dtype = 'float32' } = options;
  const { config, plan, tensors } = adaptersOf('loraFiles', model, [name]).byName.get(name)!;
  const targets = plan.layers.map(({ target }) => target);
  const isAll = typeof config.target_modules === 'string' && config.target_modules.toLowerCase() === 'all-linear';
  const names = isAll ? namesOf(model, targets.map(({ path }) => path)) : config.target_modules; // biome-ignore format: one line
  const fanInFanOut = targets.some(({ layer }) => layer.transposed);
  const state = new Map<string, TensorData>();
  for (const [key, value] of tensors) state.set(prefix + key, { dtype: value.dtype, shape: value.shape, data: await value.data() });
  const text = `${JSON.stringify(loraConfigJson(config, names, fanInFanOut), null, 2)}\n`;
  return new Map([
    [configFile, new TextEncoder().encode(text)],
    [weightsFile, new Uint8Array(serializeSafetensors(recordsOf(state), { dtype: stored[dtype], metadata: { format: 'pt' } }))],
  ]);
}

export interface LoadLoraOptions {
  /** What it is called here; 'default' if left out. */
  name?: string;
  /** Trained further; only used if left out. */
  is_trainable?: boolean;
  /** Keys of adapter_config.json to leave unread, though they are not known to change nothing. */
  ignore?: readonly string[];
  /** Stops the loading, which then throws the signal's reason and leaves nothing behind. */
  signal?: AbortSignal;
  /** Called as bytes of weights come. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/**
 * Gives `model` an adapter that PEFT (or `saveLora`) has written, from wherever `load` takes checkpoints: adapter_config.json and
 * adapter_model.safetensors in float32, float16 or bfloat16. The first adapter of a model is active at once, others when `setAdapter` says so.
 *
 * Strictly: the config must hold nothing that would change the result and is not built, and the tensors must be those that the config asks for on
 * this model, neither more nor fewer. Either all of it is there afterwards or the model is as it was. Returns the names of the modules that have it.
 *
 * @throws ConfigError, StateDictError (all missing, unexpected and mis-shaped keys at once), CheckpointError for files that lack, SafetensorsError
 * for files that break their format, ValueError for a name that there is already; an aborted signal throws its reason.
 * @example
 * await loadLora(model, folder('./shakespeare'), { name: 'shakespeare' });
 */
export async function loadLora(model: object, source: CheckpointSource, options: LoadLoraOptions = {}): Promise<string[]> {
  const { name = 'default', is_trainable = false, ignore, signal } = options;
  const checkpoint = checkpointOf(source);
  signal?.throwIfAborted();
  const json = await readJson(checkpoint, configFile, { signal });
  if (json === null) throw new CheckpointError(`${checkpoint.name}: expected an ${configFile}, got none`);
  const config = readLoraConfig(json, ignore);
  const plan = prepare('loadLora', model, name, config);
  const values = await readWeights(plan, stateDict(model), checkpoint, options);
  signal?.throwIfAborted();
  return install(model, name, { config, plan: prepare('loadLora', model, name, config), trained: is_trainable }, values);
}

function install(
  model: object,
  name: string,
  adapter: { config: LoraConfig; plan: Plan; trained: boolean },
  values: ReadonlyMap<PlannedKey, Float32Array>,
): string[] {
  const backend = backendOf(model);
  attach(model, name, adapter, ({ key, shape, first }) =>
    withBackend(backend, () => {
      const data = values.get(key);
      if (data) return noGrad(() => keep(tensor(data, { shape: [...shape], backend })));
      return first?.(shape, undefined) ?? null; // what PEFT leaves out of a file: the model's own
    }),
  );
  return adapter.plan.layers.map(({ target }) => target.path);
}

type PlannedKey = string;

/** The values of all tensors of a plan, by the names that it has for them. */
async function readWeights(
  plan: Plan,
  model: ReadonlyMap<string, Tensor>,
  checkpoint: Checkpoint,
  options: LoadLoraOptions,
): Promise<Map<PlannedKey, Float32Array>> {
  const { signal, onProgress } = options;
  const file = await checkpoint.open(weightsFile, { signal });
  if (!file) {
    const hint = (await checkpoint.open('adapter_model.bin', { signal }).catch(() => null))
      ? '; adapter_model.bin is not read, since it can run code'
      : '';
    throw new CheckpointError(`${checkpoint.name}: expected ${weightsFile}, got none${hint}`);
  }
  try {
    const reader = await openSafetensors(file, { signal });
    const { keys, copies } = matched(plan, model, reader, checkpoint.name);
    const bytesOf = (key: string) => reader.entries.get(key)!.end - reader.entries.get(key)!.begin;
    const total = [...keys.values(), ...copies.keys()].reduce((sum, key) => sum + bytesOf(key), 0);
    let loaded = 0;
    const read = async (key: string) => {
      const values = toFloat32(await reader.read(key, { signal }));
      loaded += bytesOf(key);
      onProgress?.({ loaded, total });
      return values;
    };
    const values = new Map<PlannedKey, Float32Array>();
    for (const [own, key] of keys) values.set(own, await read(key));
    for (const [key, weight] of copies) await checkSame(key, await read(key), weight);
    return values;
  } finally {
    await file.close?.();
  }
}

/** Where PEFT writes tensors of the model along with an adapter, as those of embeddings that have one, they must be the model's. */
async function checkSame(key: string, values: Float32Array, weight: Tensor): Promise<void> {
  const own = await weight.data();
  if (values.every((value, i) => value === own[i])) return;
  throw new StateDictError(`loadLora: ${key}: expected what the model has, got something else: the adapter is one of another model`);
}

/** Which tensor of the file is which of the plan's, and which are copies of the model's; a StateDictError lists everything that does not fit. */
function matched(
  plan: Plan,
  model: ReadonlyMap<string, Tensor>,
  { entries }: TensorReader,
  name: string,
): { keys: Map<PlannedKey, string>; copies: Map<string, Tensor> } {
  const planned = new Map(plannedTensors(plan).map((tensor) => [tensor.key, tensor]));
  // PEFT of old had the layer's own names.
  const aliases = new Map([...planned.keys()].map((key) => [key.replace('.base_layer.', '.'), key]));
  const keys = new Map<PlannedKey, string>();
  const copies = new Map<string, Tensor>();
  const problems: string[] = [];
  for (const [key, info] of entries) {
    const short = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    const tensor = planned.get(short) ?? planned.get(aliases.get(short) ?? '');
    const plain = short.replace('.base_layer.', '.');
    const own = tensor ? undefined : model.get(plain);
    const shape = tensor?.shape ?? own?.shape;
    if (tensor) keys.set(tensor.key, key);
    else if (own) copies.set(key, own);
    else if (!model.has(`${plain}.packed`)) problems.push(`  unexpected: ${key} [${info.shape.join(', ')}]`);
    if (!shape) continue;
    if (!floats.includes(info.dtype)) problems.push(`  wrong dtype: ${key}: expected ${floats.join(' or ')}, got ${info.dtype}`);
    else if (String(shape) !== String(info.shape))
      problems.push(`  wrong shape: ${key}: expected [${shape.join(', ')}], got [${info.shape.join(', ')}]`);
  }
  for (const { key, shape, optional } of planned.values()) {
    if (!keys.has(key) && !optional) problems.push(`  missing: ${prefix}${key} [${shape.join(', ')}]`);
  }
  if (problems.length > 0)
    throw new StateDictError(`${name}: ${problems.length} of the tensors do not fit the adapter:\n${problems.join('\n')}`);
  return { keys, copies };
}

const floats = ['F32', 'F16', 'BF16', 'F64'];
