import { ValueError } from '@multihead/tensor';
import { type ConfigJson, isObject, originOf, otherNamesOf } from './config.js';
import type { RopeConfig } from './rope.js';

/** A model that can be saved: one that was made from a config, of a class that has a name. */
export interface SavableModel {
  readonly config: object;
}

/**
 * The content of config.json for `model`, as transformers 5 reads it, and 4, too: what the config was read from, with the values that it has
 * now. Throws a ValueError for a class that has no name in transformers.
 */
export function configJsonOf(model: SavableModel, dtype: string): ConfigJson {
  const { architecture } = model.constructor as { architecture?: string };
  const origin = originOf(model.config);
  if (architecture === undefined || origin === undefined) {
    throw new ValueError('save: model: expected one of this package, with a config that its readConfig gave');
  }
  const { torch_dtype: _, ...rest } = origin;
  const own = { ...plain(model.config), ...ropeOfTransformers4(model.config), ...otherNamesOf(model.config) };
  return { ...rest, ...own, architectures: [architecture], dtype };
}

/** A config as JSON has it: labels by number. */
function plain(config: object): ConfigJson {
  return Object.fromEntries(
    // Of labels transformers knows none only where the key is not there.
    Object.entries(config)
      .filter(([key, value]) => value !== null || !/^(id2label|num_labels)$/.test(key))
      .map(([key, value]) => {
        if (key === 'id2label' && Array.isArray(value)) return [key, Object.fromEntries(value.map((label, i) => [String(i), label]))];
        return [key, isObject(value) && originOf(value) ? { ...originOf(value), ...plain(value) } : value];
      }),
  );
}

/** Without these keys transformers 4 would take its defaults, and say nothing. */
function ropeOfTransformers4(config: object): ConfigJson {
  const { rope_parameters: rope } = config as {
    rope_parameters?: RopeConfig | { full_attention: RopeConfig; sliding_attention: RopeConfig };
  };
  if (!rope) return {};
  if ('full_attention' in rope) {
    const { full_attention: full, sliding_attention: sliding } = rope;
    return { rope_theta: full.rope_theta, rope_scaling: scalingOf(full), rope_local_base_freq: sliding.rope_theta };
  }
  return { rope_theta: rope.rope_theta, rope_scaling: scalingOf(rope), partial_rotary_factor: rope.partial_rotary_factor };
}

function scalingOf({ rope_theta: _, partial_rotary_factor: __, ...scaling }: RopeConfig): ConfigJson | null {
  return scaling.rope_type === 'default' ? null : { ...scaling };
}
