import type { ModelOptions } from '../context.js';

/** How a checkpoint's keys become the names of a model's tensors, where they are not the same. */
export interface CheckpointRules {
  /**
   * The field of a model with a head that holds the model without it. Checkpoints of the bare model lack this beginning, and a bare model
   * takes one with it.
   */
  readonly base?: string;
  /** Keys of older or other writers: what to replace, and by what. */
  readonly rename?: readonly (readonly [RegExp, string])[];
  /** Keys of tensors that a checkpoint may have and this model does not need: buffers that are computed, the heads of other tasks. */
  readonly ignore?: readonly RegExp[];
  /** Names of tensors that begin with a constant and may lack. */
  readonly optional?: readonly RegExp[];
  /** Fields of the bare model that become null if the checkpoint has none of their tensors: poolers, which not every task trains. */
  readonly parts?: readonly string[];
  /** Names of the tensors of the head in a model that has no `base`. */
  readonly head?: RegExp;
}

/** A model as `load` takes it: a class that is made from a config, and says how to read one. */
export interface ModelClass<Model extends object = object, Config = never> {
  new (config: Config, options?: ModelOptions): Model;
  /** What transformers calls it. */
  readonly architecture: string;
  /** The config from the parsed content of config.json, checked. */
  readConfig(json: unknown): Config;
  readonly checkpoint: CheckpointRules;
}
