/** What the files of a checkpoint are called, as transformers calls them; `base` is `model` for most. */

/** `model.safetensors`: all tensors in one file. */
export function singleName(base: string): string {
  return `${base}.safetensors`;
}

/** `model.safetensors.index.json`: which shard holds which tensor. */
export function indexName(base: string): string {
  return `${base}.safetensors.index.json`;
}

/** `model-00001-of-00003.safetensors` for the first (`index` 0) of three shards. */
export function shardName(base: string, index: number, count: number): string {
  const five = (number: number): string => String(number).padStart(5, '0');
  return `${base}-${five(index + 1)}-of-${five(count)}.safetensors`;
}

/** What a shard is called for the moment in which another one of its name takes its place. */
export function previousName(shard: string): string {
  return shard.replace(/\.safetensors$/, '.previous.safetensors');
}

/** Whether `name` is one that `shardName` or `previousName` gives for this `base`. */
export function isShardName(base: string, name: string): boolean {
  return name.startsWith(`${base}-`) && /^\d{5,}-of-\d{5,}(\.previous)?\.safetensors$/.test(name.slice(base.length + 1));
}
