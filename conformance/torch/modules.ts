import { MultiHeadAttention } from '@multihead/attention';
import { Embedding, LayerNorm, Linear, RMSNorm } from '@multihead/layers';
import * as t from '@multihead/tensor';
import { type Backend, loadStateDict, stateDict, type Tensor, type TensorData } from '@multihead/tensor';
import {
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from '@multihead/transformer/seq2seq';
import { type Archive, isTensorRef, type TensorRef } from '../archive.js';
import { type Check, notBuilt, Skip, type Values } from '../suite.js';
import { leafOf, lending } from '../tensors.js';
import { type Builder, type Built, flag, type Given, number } from './built.js';
import { checksOf } from './checks.js';
import type { TorchCase } from './document.js';
import { gradientsOf } from './gradients.js';
import { maskOf } from './masks.js';
import { attendWith, layoutOf } from './multi-head.js';
import { embedding, epsilon } from './network.js';
import { windowModules } from './window-modules.js';

/* The families module-*: a module made by its constructor's arguments, its parameters loaded by PyTorch's names, one forward pass. */

export interface ModuleCase extends TorchCase {
  readonly params: Readonly<Record<string, TensorRef>>;
}

function multiheadAttention({ ctor, kwargs, input }: Given): Built {
  const [dim, heads] = [number(ctor.embed_dim), number(ctor.num_heads)];
  const module = new MultiHeadAttention(dim, heads, {
    dims: { key: number(ctor.kdim, dim), value: number(ctor.vdim, dim) },
    bias: flag(ctor.bias, true),
    extraKeys: { bias: flag(ctor.add_bias_kv, false), zero: flag(ctor.add_zero_attn, false) },
  });
  const forward = () =>
    attendWith(module, {
      query: input('query')!,
      key: input('key')!,
      value: input('value')!,
      mask: maskOf(input('attn_mask'), input('key_padding_mask'), heads),
      batchFirst: flag(ctor.batch_first, false),
      needWeights: flag(kwargs.need_weights, true),
      averageWeights: flag(kwargs.average_attn_weights, true),
    });
  return { module, forward };
}

function configOf(ctor: Given['ctor']) {
  const layers = number(ctor.num_layers, 1);
  return {
    d_model: number(ctor.d_model),
    nhead: number(ctor.nhead),
    num_encoder_layers: number(ctor.num_encoder_layers, layers),
    num_decoder_layers: number(ctor.num_decoder_layers, layers),
    dim_feedforward: number(ctor.dim_feedforward, 2048),
    activation: (ctor.activation ?? 'relu') as 'relu' | 'gelu',
    norm_first: flag(ctor.norm_first, false),
    layer_norm_eps: number(ctor.layer_norm_eps, 1e-5),
    bias: flag(ctor.bias, true),
    final_norm: flag(ctor.final_norm, true),
  };
}

function encoder(
  make: (config: ReturnType<typeof configOf>) => TransformerEncoder | TransformerEncoderLayer,
  batchFirst: boolean,
): Builder {
  return ({ ctor, input }) => {
    const module = make(configOf(ctor));
    const forward = () => {
      const src = input('src')!;
      const layout = layoutOf(src, flag(ctor.batch_first, batchFirst));
      const mask = maskOf(input('src_mask') ?? input('mask'), input('src_key_padding_mask'), number(ctor.nhead));
      return layout.outward(module.forward(layout.inward(src), { mask }));
    };
    return { module, forward };
  };
}

/** The two masks of a decoder: of its own tokens, and of the memory. */
function decoderMasks(input: Given['input'], heads: number): { mask: Tensor | null; memoryMask: Tensor | null } {
  return {
    mask: maskOf(input('tgt_mask'), input('tgt_key_padding_mask'), heads),
    memoryMask: maskOf(input('memory_mask'), input('memory_key_padding_mask'), heads),
  };
}

function decoder(
  make: (config: ReturnType<typeof configOf>) => TransformerDecoder | TransformerDecoderLayer,
  batchFirst: boolean,
): Builder {
  return ({ ctor, input }) => {
    const module = make(configOf(ctor));
    const forward = () => {
      const [tgt, memory] = [input('tgt')!, input('memory')!];
      const layout = layoutOf(tgt, flag(ctor.batch_first, batchFirst));
      return layout.outward(module.forward(layout.inward(tgt), layout.inward(memory), decoderMasks(input, number(ctor.nhead))));
    };
    return { module, forward };
  };
}

function transformer({ ctor, input }: Given): Built {
  const module = new Transformer(configOf(ctor));
  const forward = () => {
    const [src, tgt, heads] = [input('src')!, input('tgt')!, number(ctor.nhead)];
    const layout = layoutOf(src, flag(ctor.batch_first, false));
    const mask = maskOf(input('src_mask'), input('src_key_padding_mask'), heads);
    return layout.outward(
      module.forward(layout.inward(src), layout.inward(tgt), { encoder: { mask }, decoder: decoderMasks(input, heads) }),
    );
  };
  return { module, forward };
}

function embeddingModule({ ctor, input }: Given): Built {
  const module = new Embedding(number(ctor.num_embeddings), number(ctor.embedding_dim));
  const padding = (ctor.padding_idx ?? null) as number | null;
  return {
    module,
    forward: () => (padding === null ? module.forward(input('input')!) : embedding(module.weight, input('input')!, padding)),
  };
}

function linear({ ctor, input }: Given): Built {
  const module = new Linear(number(ctor.in_features), number(ctor.out_features), { bias: flag(ctor.bias, true) });
  return { module, forward: () => module.forward(input('input')!) };
}

function layerNorm({ ctor, input }: Given): Built {
  const [shape, eps] = [[ctor.normalized_shape].flat() as number[], number(ctor.eps, 1e-5)];
  if (ctor.elementwise_affine === false) return { module: {}, forward: () => t.layerNorm(input('input')!, null, null, { shape, eps }) };
  const module = new LayerNorm(shape, { eps, bias: flag(ctor.bias, true) });
  return { module, forward: () => module.forward(input('input')!) };
}

function rmsNorm({ ctor, input }: Given): Built {
  const [shape, eps] = [[ctor.normalized_shape].flat() as number[], number(ctor.eps, epsilon)];
  if (ctor.elementwise_affine === false) return { module: {}, forward: () => t.rmsNorm(input('input')!, null, { shape, eps }) };
  const module = new RMSNorm(shape, { eps });
  return { module, forward: () => module.forward(input('input')!) };
}

const builders: Readonly<Record<string, Builder>> = {
  'nn.Linear': linear,
  'nn.LayerNorm': layerNorm,
  'nn.RMSNorm': rmsNorm,
  ...windowModules,
  'nn.Embedding': embeddingModule,
  'nn.MultiheadAttention': multiheadAttention,
  'nn.TransformerEncoderLayer': encoder((config) => new TransformerEncoderLayer(config), false),
  'nn.TransformerDecoderLayer': decoder((config) => new TransformerDecoderLayer(config), false),
  // The cases of the stacks are batch first without saying so.
  'nn.TransformerEncoder': encoder((config) => new TransformerEncoder(config), true),
  'nn.TransformerDecoder': decoder((config) => new TransformerDecoder(config), true),
  'nn.Transformer': transformer,
};

export async function runModule(golden: ModuleCase, archive: Archive, backend: Backend): Promise<Check[]> {
  if (!Object.hasOwn(builders, golden.op)) throw notBuilt(golden.op);
  refuseNaN(golden, archive);
  const inputs = new Map<string, Tensor>();
  for (const [name, ref] of Object.entries(golden.inputs ?? {})) {
    if (isTensorRef(ref)) inputs.set(name, leafOf(archive, ref, backend, Object.hasOwn(golden.grads ?? {}, name)));
  }
  const input = (name: string) => inputs.get(name) ?? null;
  const { module, forward } = builders[golden.op]({ ctor: golden.ctor ?? {}, kwargs: golden.kwargs ?? {}, input });
  return lending(stateDict(module).values(), async () => {
    loadStateDict(module, stateOf(golden.params, archive));
    const result = forward();
    const outputs = Array.isArray(result) ? result : [result];
    const cotangents = (golden.cotangents ?? []).map((ref) => ref && leafOf(archive, ref, backend));
    const grads = gradientsOf(outputs, cotangents, leavesOf(golden, inputs, module));
    return checksOf(golden, archive, { outputs, grads });
  });
}

/** A query that may see no key has attention 0 here, as in PyTorch's own scaled_dot_product_attention. */
function refuseNaN(golden: ModuleCase, archive: Archive): void {
  if (!Object.keys(golden.inputs ?? {}).some((name) => name.endsWith('mask'))) return;
  const hasNaN = ({ data }: Values) => Array.prototype.some.call(data, Number.isNaN);
  if (golden.outputs?.some((ref) => ref !== null && hasNaN(archive.values(ref)))) {
    throw new Skip('by design: a query that may see no key gets 0, where modules of PyTorch give NaN');
  }
}

/** Parameters as `loadStateDict` takes them. */
export function stateOf(params: Readonly<Record<string, TensorRef>>, archive: Archive): Map<string, TensorData> {
  return new Map(
    Object.entries(params).map(([name, ref]) => {
      const { shape, data } = archive.values(ref);
      return [name, { dtype: 'float32', shape, data }];
    }),
  );
}

/** Inputs by their names and parameters by `param:` and theirs, as far as the case has their gradients. */
function leavesOf(golden: ModuleCase, inputs: ReadonlyMap<string, Tensor>, module: object): Map<string, Tensor> {
  const state = stateDict(module);
  const leaves = new Map<string, Tensor>();
  for (const name of Object.keys(golden.grads ?? {})) {
    const leaf = name.startsWith('param:') ? state.get(name.slice('param:'.length)) : inputs.get(name);
    if (leaf) leaves.set(name, leaf);
  }
  return leaves;
}
