import { type ConfigJson, isObject, list, oneOf, type Field } from './config.js';

/* Models in which some layers see all tokens before them and others only the near ones. */

export type LayerType = 'full_attention' | 'sliding_attention';

/** `layer_types` of a config: one for each layer. */
export function layerTypes(): Field<LayerType[]> {
  return list(oneOf(['full_attention', 'sliding_attention'] as const, 'full_attention'));
}

/** `json` with `layer_types`: as they stand there, or as `typeOf` says for configs that are older than the key. */
export function withLayerTypes(
  json: unknown,
  { layers, typeOf }: { layers: number; typeOf: (i: number, json: ConfigJson) => LayerType },
): unknown {
  if (!isObject(json) || (json.layer_types !== undefined && json.layer_types !== null)) return json;
  const count = json.num_hidden_layers ?? layers;
  // A number that is none is told where it is read.
  if (typeof count !== 'number' || !(count >= 1 && count <= 4096)) return { ...json, layer_types: [] };
  return { ...json, layer_types: Array.from({ length: count }, (_, i) => typeOf(i, json)) };
}

/** There must be one type for each layer, and a window where one slides. */
export function layerProblems(config: {
  layer_types: readonly LayerType[];
  num_hidden_layers: number;
  sliding_window: number | null;
}): (string | false)[] {
  const { layer_types: types, num_hidden_layers: layers, sliding_window: window } = config;
  return [
    types.length !== layers && `layer_types: expected ${layers}, one for each layer, got ${types.length}`,
    window === null && types.includes('sliding_attention') && 'sliding_window: expected a size, since some layers slide, got null',
  ];
}
