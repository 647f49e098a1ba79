export { addLora } from './lora/adapters.js';
export type { LoraConfig, LoraOptions } from './lora/config.js';
export { type LoadLoraOptions, type LoraFilesOptions, loadLora, loraFiles } from './lora/files.js';
export { type AdapterList, adapters, deleteAdapter, disableAdapters, enableAdapters, setAdapter } from './lora/choose.js';
export { type MergeOptions, mergeAdapters, mergeAndUnload, unloadAdapters, unmergeAdapters } from './lora/merge.js';
