import { ShapeError, ValueError } from '@multihead/tensor';
import type { LayerAttention } from './attention-maps.js';

/*
 * Attention flow: layers of weights as a network of pipes, from a token of the last layer down to the inputs. What an input is worth to that token is the
 * most that can flow between the two. (Rollout multiplies along paths and adds up; here paths share what their narrowest pipes let through.)
 */

export interface FlowOptions {
  /** The share that goes by attention unchanged, through the residual connection; 0.5 if left out. */
  residual?: number;
  /** Which sample of the batch; 0 if left out. */
  sample?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { inputs: number; of: number }) => void;
}

/**
 * Attention flow from one token of the last layer to each input token: maximum flows over capacities residual · I + (1 - residual) · mean of heads, brought to
 * a sum of 1. `query` is a place, negative ones from the end. One maximum flow is computed for each input: for texts
 * of some hundred tokens. Throws a ShapeError for maps that are not whole and of one size, a ValueError for a query or share that there is not; the
 * signal's reason when aborted.
 * Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020; Dinic, 1970.
 *
 * @example
 * const maps = await attentionMaps(inspect(model, ids, { attention: true }));
 * (await attentionFlow(maps, -1)).length; // 3
 */
export async function attentionFlow(maps: readonly LayerAttention[], query: number, options: FlowOptions = {}): Promise<Float64Array> {
  const { residual = 0.5, sample = 0, signal, onProgress } = options;
  if (!(residual >= 0 && residual <= 1)) throw new ValueError(`attentionFlow: residual: expected a share from 0 to 1, got ${residual}`);
  const tokens = maps[0]?.shape[3] ?? 0;
  const from = query < 0 ? query + tokens : query;
  if (!(Number.isInteger(from) && from >= 0 && from < tokens)) {
    throw new ValueError(`attentionFlow: query: expected an integer from ${-tokens} to ${tokens - 1}, got ${query}`);
  }
  const layers = maps.map((map) => capacitiesOf(map, tokens, sample, residual));
  const flows = new Float64Array(tokens);
  for (let to = 0; to < tokens; to++) {
    signal?.throwIfAborted();
    flows[to] = maximumFlow(layers, tokens, from, to);
    onProgress?.({ inputs: to + 1, of: tokens });
    await new Promise((resolve) => setTimeout(resolve)); // whoever wants to abort, or to draw, gets a turn
  }
  const total = flows.reduce((sum, flow) => sum + flow, 0);
  return total > 0 ? flows.map((flow) => flow / total) : flows;
}

/** Of one layer, [T, T]: what may flow from each query to each key. */
function capacitiesOf({ name, kind, shape, weights }: LayerAttention, tokens: number, sample: number, residual: number): Float64Array {
  const [batch, heads, rows, keys] = shape;
  if (kind === 'cross' || rows !== tokens || keys !== tokens) {
    throw new ShapeError(
      `attentionFlow: maps: expected [B, H, ${tokens}, ${tokens}] of tokens that look at each other, got [${shape.join(', ')}] of ${name}`,
    );
  }
  if (!(Number.isInteger(sample) && sample >= 0 && sample < batch)) {
    throw new ValueError(`attentionFlow: sample: expected 0 to ${batch - 1}, got ${sample}`);
  }
  const size = tokens * tokens;
  return Float64Array.from({ length: size }, (_, i) => {
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += weights[(sample * heads + h) * size + i]!;
    const own = Math.floor(i / tokens) === i % tokens ? residual : 0;
    return own + ((1 - residual) * sum) / heads;
  });
}

/** Below this nothing flows: weights are float32. */
const least = 1e-9;

/**
 * Dinic's algorithm. Node l · T + t is token t of what enters layer l, the last level being what leaves the last layer. Pipe l · T² + i · T + j leads from
 * (l + 1, i) down to (l, j), and back up as far as something flows through it.
 */
function maximumFlow(layers: readonly Float64Array[], tokens: number, from: number, to: number): number {
  const size = tokens * tokens;
  const free = new Float64Array(layers.length * size);
  for (const [l, layer] of layers.entries()) free.set(layer, l * size);
  const used = new Float64Array(free.length);
  const source = layers.length * tokens + from;
  const network: Network = { tokens, levels: layers.length, free, used, distance: new Int32Array(source - from + tokens) };
  let total = 0;
  while (measure(network, source, to)) {
    const next = new Int32Array(network.distance.length); // pipes of each node before this one lead nowhere
    for (let flow = push(network, source, to, Infinity, next); flow > 0; flow = push(network, source, to, Infinity, next)) total += flow;
  }
  return total;
}

interface Network {
  readonly tokens: number;
  readonly levels: number;
  /** By pipe: what more may flow down, and what flows. */
  readonly free: Float64Array;
  readonly used: Float64Array;
  /** Of each node from the source; -1 where nothing gets. */
  readonly distance: Int32Array;
}

/** Fills in the distances; false if nothing more gets from the source to the sink. */
function measure(network: Network, source: number, sink: number): boolean {
  const { tokens, distance } = network;
  distance.fill(-1);
  distance[source] = 0;
  const queue = [source];
  for (const node of queue) {
    for (let k = 0; k < 2 * tokens; k++) {
      const other = besides(network, node, k);
      if (other < 0 || distance[other]! >= 0 || room(network, node, k) <= least) continue;
      distance[other] = distance[node]! + 1;
      if (other === sink) return true;
      queue.push(other);
    }
  }
  return false;
}

/** Sends something along one way that gets farther from the source with each pipe; 0: there is none. */
function push(network: Network, node: number, sink: number, most: number, next: Int32Array): number {
  if (node === sink) return most;
  const { tokens, distance, free, used } = network;
  for (; next[node]! < 2 * tokens; next[node]!++) {
    const k = next[node]!;
    const other = besides(network, node, k);
    if (other < 0 || distance[other] !== distance[node]! + 1) continue;
    const left = room(network, node, k);
    const flow = left > least ? push(network, other, sink, Math.min(most, left), next) : 0;
    if (flow === 0) continue;
    const down = k < tokens ? flow : -flow;
    const pipe = pipeOf(network, node, k);
    free[pipe]! -= down;
    used[pipe]! += down;
    return flow;
  }
  return 0;
}

/** The node at the end of pipe k: the first T lead down, the others up; -1 where there is no such level. */
function besides({ tokens, levels }: Network, node: number, k: number): number {
  const level = Math.floor(node / tokens) + (k < tokens ? -1 : 1);
  return level < 0 || level > levels ? -1 : level * tokens + (k % tokens);
}

function pipeOf({ tokens }: Network, node: number, k: number): number {
  const level = Math.floor(node / tokens);
  const t = node % tokens;
  return k < tokens ? ((level - 1) * tokens + t) * tokens + k : (level * tokens + k - tokens) * tokens + t;
}

function room(network: Network, node: number, k: number): number {
  return (k < network.tokens ? network.free : network.used)[pipeOf(network, node, k)]!;
}
