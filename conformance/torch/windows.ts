import * as t from '@multihead/tensor';
import type { Tensor } from '@multihead/tensor';
import { type Call, op, type Table } from './call.js';

/* Convolutions, and norms over channels. */

const given = (c: Call, name: string): number[] | undefined => (c.get(name) === null ? undefined : c.numbers(name));

function convOptions(c: Call): t.ConvOptions {
  const padding = typeof c.get('padding') === 'string' ? c.text<'same' | 'valid'>('padding', 'valid') : given(c, 'padding');
  return { stride: given(c, 'stride'), padding, dilation: given(c, 'dilation'), groups: c.number('groups', 1) };
}

const conv = (fn: typeof t.conv1d) =>
  op('x weight bias stride padding dilation groups', (c) => fn(c.tensor('x'), c.tensor('weight'), c.optional('bias'), convOptions(c)));

const convTranspose = (fn: typeof t.convTranspose1d) =>
  op('x weight bias stride padding output_padding groups dilation', (c) => {
    const { stride, dilation, groups } = convOptions(c);
    const options = { stride, dilation, groups, padding: given(c, 'padding'), outputPadding: given(c, 'output_padding') };
    return fn(c.tensor('x'), c.tensor('weight'), c.optional('bias'), options);
  });

function groupNorm(c: Call): Tensor {
  const options = { groups: c.number('num_groups'), eps: c.number('eps', 1e-5) };
  return t.groupNorm(c.tensor('x'), c.optional('weight'), c.optional('bias'), options);
}

function batchNorm(c: Call): Tensor {
  const [x, weight, bias, eps] = [c.tensor('x'), c.optional('weight'), c.optional('bias'), c.number('eps', 1e-5)];
  if (c.flag('training')) return t.batchNormTrain(x, weight, bias, { eps }).output;
  return t.batchNorm(x, weight, bias, { mean: c.tensor('running_mean'), variance: c.tensor('running_var'), eps });
}

function instanceNorm(c: Call): Tensor {
  const [x, weight, bias, eps] = [c.tensor('x'), c.optional('weight'), c.optional('bias'), c.number('eps', 1e-5)];
  if (c.flag('use_input_stats', true)) return t.instanceNorm(x, weight, bias, { eps });
  return t.batchNorm(x, weight, bias, { mean: c.tensor('running_mean'), variance: c.tensor('running_var'), eps });
}

export const windows: Table = {
  conv1d: conv(t.conv1d),
  conv2d: conv(t.conv2d),
  conv_transpose1d: convTranspose(t.convTranspose1d),
  conv_transpose2d: convTranspose(t.convTranspose2d),
  group_norm: op('x num_groups weight bias eps', groupNorm),
  batch_norm: op('x running_mean running_var weight bias training momentum eps', batchNorm),
  instance_norm: op('x running_mean running_var weight bias use_input_stats momentum eps', instanceNorm),
};
