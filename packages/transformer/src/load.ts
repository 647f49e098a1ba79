export { type AutoModel, type LoadOptions, load, type WeightFormat, type WeightSlot } from './loading/load.js';
export {
  type Checkpoint,
  type CheckpointSource,
  CheckpointError,
  files,
  type HubOptions,
  hub,
  type OpenOptions,
  readJson,
  readText,
  type SiteOptions,
  site,
} from './loading/checkpoint.js';
export type { DecoderCache, ForwardContext, ModelOptions, StacksContext, Tap } from './context.js';
export { ConfigError } from './loading/config.js';
export type { CheckpointRules, ModelClass } from './loading/model-class.js';
export { type BrowserCacheOptions, browserCached } from './loading/browser-cache.js';
