import { useMemo } from 'preact/hooks';
import { HeatCanvas, type HeatMapData } from './heat-map.js';

/** A layer, and one of its heads or the mean of them. */
export interface MapChoice {
  layer: number;
  head: number | 'mean';
}

interface MapPickerProps {
  /** Weights by layer and head. */
  layers: readonly (readonly Float32Array[])[];
  rows: readonly string[];
  columns: readonly string[];
  choice: MapChoice;
  onChoice: (choice: MapChoice) => void;
}

/** All attention maps of a model side by side, small: a line for each layer, the mean of its heads first. Each is a button. */
export function MapPicker({ layers, rows, columns, choice, onChoice }: MapPickerProps) {
  const heads = layers[0]!.length;
  const choices: MapChoice['head'][] = ['mean', ...Array.from({ length: heads }, (_, head) => head)];
  return (
    <fieldset class="map-picker" style={{ '--choices': choices.length }}>
      <legend>Layers and heads</legend>
      <span />
      {choices.map((head) => (
        <span key={head} class="head-name" aria-hidden="true">
          {head === 'mean' ? 'mean' : head + 1}
        </span>
      ))}
      {layers.map((maps, layer) => [
        <span key={`name ${layer}`} class="layer-name" aria-hidden="true">
          {layer + 1}
        </span>,
        ...choices.map((head) => (
          <Thumbnail
            key={`${layer} ${head}`}
            name={describe({ layer, head })}
            pressed={choice.layer === layer && choice.head === head}
            onClick={() => onChoice({ layer, head })}
            {...{ maps, head, rows, columns }}
          />
        )),
      ])}
    </fieldset>
  );
}

interface ThumbnailProps {
  name: string;
  pressed: boolean;
  onClick: () => void;
  maps: readonly Float32Array[];
  head: MapChoice['head'];
  rows: readonly string[];
  columns: readonly string[];
}

function Thumbnail({ name, pressed, onClick, maps, head, rows, columns }: ThumbnailProps) {
  const data = useMemo<HeatMapData>(() => ({ rows, columns, weights: weightsOf(maps, head) }), [maps, head, rows, columns]);
  return (
    <button type="button" aria-label={name} aria-pressed={pressed} onClick={onClick} title={name}>
      <HeatCanvas data={data} />
    </button>
  );
}

/** The weights of one head of a layer, or their mean. */
export function weightsOf(maps: readonly Float32Array[], head: MapChoice['head']): Float32Array {
  if (head !== 'mean') return maps[head]!;
  return maps[0]!.map((_, i) => maps.reduce((sum, map) => sum + map[i]!, 0) / maps.length);
}

export function describe({ layer, head }: MapChoice): string {
  return `Layer ${layer + 1}, ${head === 'mean' ? 'mean of the heads' : `head ${head + 1}`}`;
}
